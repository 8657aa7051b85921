"""What a handler is given beside the request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chronik.protocol.error_versions import error_for_version
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType

if TYPE_CHECKING:
    from chronik.errors import ErrorCode
    from chronik.network.interfaces import Session
    from chronik.server.services import Services


class Throttle:
    """How long a request's client is to wait (KIP-219).

    :ivar ms: as its answer tells.
    :ivar mute_ms: as its connection is made to; less where the client was refused instead.
    """

    __slots__ = ("ms", "mute_ms")

    def __init__(self) -> None:
        self.ms = 0
        self.mute_ms = 0

    def add(self, ms: int, mute: bool = True) -> None:
        """For one reason; the longest of all counts."""
        self.ms = max(self.ms, ms)
        if mute:
            self.mute_ms = max(self.mute_ms, ms)


@dataclass(slots=True, eq=False)
class RequestContext:
    """One request's surroundings. Nobody changes them; frozen, making one would cost three times as much, which every request would pay.

    :ivar decisions: what the authorizer said of every action that the API's rule asked for.
    :ivar throttle: takes how long the client is to wait.
    """

    services: Services
    session: Session
    api_key: int
    api_version: int
    client_id: str | None
    decisions: dict[Action, bool] = field(default_factory=dict)
    throttle: Throttle = field(default_factory=Throttle)

    def allowed(self, operation: Operation, resource_type: ResourceType, name: str) -> bool:
        """Whether the peer may do this. The API's rule must have asked for it: an action nobody asked about is refused."""
        return self.decisions.get(Action(operation, resource_type, name), False)

    async def decide_anew(self) -> bool:
        """Ask the authorizer once more, for a request that waited long; whether it says anything else than before."""
        if self.session.internal or not self.decisions:
            return False
        actions = tuple(self.decisions)
        allowed = await self.services.authorizer.authorize(self.session.principal, self.session.peer_host, actions)
        decisions = dict(zip(actions, allowed, strict=True))
        is_other = decisions != self.decisions
        self.decisions.update(decisions)
        return is_other

    def told(self, code: ErrorCode) -> ErrorCode:
        """An error as the request's version knows it."""
        return error_for_version(self.api_key, self.api_version, code)

    def allowed_topics(self, operation: Operation, names: Iterable[str]) -> frozenset[str]:
        """Those of ``names`` on which the operation is allowed."""
        return frozenset(n for n in names if self.allowed(operation, ResourceType.TOPIC, n))

    def allowed_cluster(self, operation: Operation) -> bool:
        """Whether the operation on the cluster is allowed."""
        return self.allowed(operation, ResourceType.CLUSTER, CLUSTER_NAME)
