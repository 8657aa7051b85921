"""Asks the admin APIs as a client would: everything goes through the dispatcher, frames on both sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from typing import Any

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from chronik.logs import LogLevels
from chronik.metadata.configuration import DynamicConfiguration
from chronik.model import TopicId
from chronik.network.interfaces import Session
from chronik.protocol.apis import response_class
from chronik.protocol.header import parse_response_header, request_header
from chronik.replica.interfaces import IPartitions
from chronik.security.interfaces import ANONYMOUS, Action, IAuthorizer, Principal
from chronik.server.api import Api
from chronik.server.dispatch import RequestDispatcher
from chronik.server.metrics import RequestMetrics
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


@implementer(IAuthorizer)
class DenyingAuthorizer:
    """Allows what is not denied.

    :param denied: decides.
    """

    def __init__(self, denied: Callable[[Action], bool]) -> None:
        self._denied = denied

    def authorize(self, principal: Principal, host: str, actions: Sequence[Action]) -> Deferred[Sequence[bool]]:
        """Decide."""
        return succeed([not self._denied(action) for action in actions])

    def close(self) -> Deferred[None]:
        """Nothing to do."""
        return succeed(None)


class AdminCase(ControllerCase):
    """Tests of handlers over a started controller, everything allowed unless told otherwise."""

    def setUp(self) -> None:
        """Put the services together."""
        super().setUp()
        self.partitions = ReadyPartitions()
        self.quotas = ClientQuotas(self.feed, self.clock.seconds, QuotaWindows())
        self.denied: Callable[[Action], bool] = lambda action: False
        self.authorizer: Any = None
        self.settings: dict[str, str] = {}
        self.log_levels = LogLevels()
        self.session = Session("PLAINTEXT", "10.0.0.9", 5000, "192.168.1.5", 9092, ANONYMOUS)

    def services(self) -> Services:
        """What handlers use."""
        given = {
            "broker_id": 1,
            "config": CONFIG.with_values(self.settings),
            "configuration": DynamicConfiguration(CONFIG.with_values(self.settings), self.feed, 1, self.passwords),
            "metadata": self.feed,
            "controller": self.controller,
            "partitions": self.partitions,
            "authorizer": self.authorizer or DenyingAuthorizer(self.denied),
            "clock": self.clock,
            "wall_clock": self.clock.seconds,
            "metrics": RequestMetrics(),
            "quotas": self.quotas,
            "log_levels": self.log_levels,
        }
        needed = (field.name for field in fields(Services) if field.default is MISSING and field.default_factory is MISSING)
        return Services(**dict.fromkeys(needed) | given)  # type: ignore[arg-type]

    def begin(self, api: Api, version: int, request: Any) -> Deferred[Any]:
        """Send a request; a Deferred of the decoded response."""
        self.assertTrue(api.versions[0] <= version <= api.versions[1])
        frame = request_header(api.key, version, 77, "client") + request.encode(version)
        return RequestDispatcher(self.services(), [api]).dispatch(self.session, frame).pieces.addCallback(self._decoded, api, version)

    def ask(self, api: Api, version: int, request: Any) -> Any:
        """Send a request, and the decoded response, which is also kept."""
        self.answer: Any = self.successResultOf(self.begin(api, version, request))
        return self.answer

    def _decoded(self, pieces: Any, api: Api, version: int) -> Any:
        data = b"".join(pieces)
        correlation_id, start = parse_response_header(data, api.key, version)
        response, end = response_class(api.key).decode(data, version, start)
        self.assertEqual((correlation_id, end), (77, len(data)))
        return response

    def every_version(self, api: Api) -> range:
        """All versions served."""
        return range(api.versions[0], api.versions[1] + 1)


def deny(*names: str) -> Callable[[Action], bool]:
    """Refuse operations of these names (``CREATE``), or on one type of resource (``CREATE TOPIC``), or on one (``CREATE TOPIC t``)."""

    def denied(action: Action) -> bool:
        words = [action.operation.name, action.resource_type.name, action.name]
        return any(name.split(" ") == words[: len(name.split(" "))] for name in names)

    return denied
