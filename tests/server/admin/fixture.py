"""Asks a handler as a client would: everything goes through the codec, the rule and the refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from chronik.errors import KafkaError
from chronik.model import TopicId
from chronik.network.interfaces import Session
from chronik.protocol.apis import request_class, response_class
from chronik.replica.interfaces import IPartitions
from chronik.security.interfaces import ANONYMOUS, Action
from chronik.server.api import Api
from chronik.server.context import RequestContext, Throttle
from chronik.server.quotas.service import ClientQuotas, QuotaWindows
from chronik.server.services import Services
from tests.cluster.fixture import CONFIG, ControllerCase


@implementer(IPartitions)
class ReadyPartitions:
    """Partitions that are ready when told.

    :ivar asked: topic ids that were waited for.
    :ivar pending: waited for in vain until fired; None while everything is ready at once.
    """

    def __init__(self) -> None:
        self.asked: list[TopicId] = []
        self.pending: list[Deferred[None]] | None = None

    def get(self, topic: str, partition: int) -> Any:
        """Not used here."""
        raise NotImplementedError

    def get_by_id(self, topic_id: TopicId, partition: int) -> Any:
        """Not used here."""
        raise NotImplementedError

    def hosted(self) -> tuple[()]:
        """None."""
        return ()

    def ready(self, topic_id: TopicId) -> Deferred[None]:
        """Write it down."""
        self.asked.append(topic_id)
        if self.pending is None:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self.pending.append(waiting)
        return waiting


class AdminCase(ControllerCase):
    """Tests of handlers over a started controller, everything allowed unless told otherwise."""

    def setUp(self) -> None:
        """Put the services together."""
        super().setUp()
        self.partitions = ReadyPartitions()
        self.quotas = ClientQuotas(self.feed, self.clock.seconds, QuotaWindows())
        self.throttle = Throttle()
        self.denied: Callable[[Action], bool] = lambda action: False
        self.settings: dict[str, str] = {}
        self.session = Session("PLAINTEXT", "10.0.0.9", 5000, "192.168.1.5", 9092, ANONYMOUS)

    def services(self) -> Services:
        """What handlers use."""
        given = {
            "broker_id": 1,
            "config": CONFIG.with_values(self.settings),
            "metadata": self.feed,
            "controller": self.controller,
            "partitions": self.partitions,
            "clock": self.clock,
            "quotas": self.quotas,
        }
        return Services(**{field.name: given.get(field.name) for field in fields(Services)})  # type: ignore[arg-type]

    def begin(self, api: Api, version: int, request: Any) -> Deferred[Any]:
        """Send a request; a Deferred of the decoded response."""
        self.assertTrue(api.versions[0] <= version <= api.versions[1])
        return Deferred.fromCoroutine(self._serve(api, version, request))

    def ask(self, api: Api, version: int, request: Any) -> Any:
        """Send a request, and the decoded response."""
        return self.successResultOf(self.begin(api, version, request))

    async def _serve(self, api: Api, version: int, request: Any) -> Any:
        data = request.encode(version)
        decoded, end = request_class(api.key).decode(data, version, 0)
        self.assertEqual(end, len(data))
        services = self.services()
        decisions = {action: not self.denied(action) for action in api.rule(services, decoded)}
        self.throttle = Throttle()
        context = RequestContext(services, self.session, api.key, version, "client", decisions, self.throttle)
        try:
            response = await api.handler(context, decoded)
        except KafkaError as error:
            response = api.refusal(decoded, version, error)
        assert response is not None
        answer = response.encode(version)
        return response_class(api.key).decode(answer, version, 0)[0]

    def every_version(self, api: Api) -> range:
        """All versions served."""
        return range(api.versions[0], api.versions[1] + 1)


def deny(*names: str) -> Callable[[Action], bool]:
    """Refuse operations of these names (``CREATE``), or on one type of resource (``CREATE TOPIC``), or on one (``CREATE TOPIC t``)."""

    def denied(action: Action) -> bool:
        words = [action.operation.name, action.resource_type.name, action.name]
        return any(name.split(" ") == words[: len(name.split(" "))] for name in names)

    return denied
