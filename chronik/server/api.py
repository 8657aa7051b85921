"""One row of the API table: what it takes to serve an API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType

if TYPE_CHECKING:
    from chronik.errors import KafkaError
    from chronik.protocol.message import Message
    from chronik.server.audited import Audited
    from chronik.server.context import RequestContext
    from chronik.server.services import Services

Handler: TypeAlias = Callable[["RequestContext", Any], Coroutine[Any, Any, "Message | None"]]
"""Serves a request; runs in the order of its connection's requests up to its first unfired await. None: no answer is sent."""

Rule: TypeAlias = Callable[["Services", Any], Iterable[Action]]
"""Every action that the request's authorization depends on."""

Refusal: TypeAlias = Callable[[Any, int, "KafkaError"], "Message"]
"""The answer to a request that failed as a whole: ``(request, version, error)``, with the error at every place this API reports one."""


def asks_nothing(services: Services, request: Any) -> Iterable[Action]:
    """The rule of APIs that everyone may call."""
    return ()


def asks_cluster(operation: Operation) -> Rule:
    """The rule of APIs that take one operation on the cluster, whatever is asked for."""
    actions = (Action(operation, ResourceType.CLUSTER, CLUSTER_NAME),)
    return lambda services, request: actions


@dataclass(frozen=True, slots=True)
class Api:
    """How one API is served.

    :ivar key: its Kafka API key.
    :ivar name: its Kafka name, as in ``Produce``; messages are ``<name>Request`` and ``<name>Response``.
    :ivar versions: ``(lowest, highest)`` that can be decoded and is served fully.
    :ivar handler: serves it.
    :ivar refusal: shapes the answer when the whole request fails.
    :ivar rule: what the authorizer is asked before the handler starts.
    :ivar advertised_from: lowest version told in ApiVersions, where it differs from what is served (Produce, KAFKA-18659).
    :ivar advertised: whether clients are told of it at all; what only brokers ask of each other they are not.
    :ivar frame_bytes_max: how large a request may be.
    :ivar audited: says what a request changed, for the audit trail; None of what changes nothing that anybody administers.
    """

    key: int
    name: str
    versions: tuple[int, int]
    handler: Handler
    refusal: Refusal
    rule: Rule = asks_nothing
    advertised_from: int | None = None
    advertised: bool = True
    frame_bytes_max: int = 4 << 20
    audited: Audited | None = None
