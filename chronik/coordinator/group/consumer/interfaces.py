"""What members of consumer groups ask and are told (KIP-848), as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from chronik.coordinator.group.consumer.member import Assignment, ConsumerMember


@dataclass(frozen=True, slots=True)
class ConsumerHeartbeat:
    """A member lives, joins, leaves or has something new to say; None means: as before.

    :ivar epoch: the one it is in; 0 to join, -1 to leave, -2 for a static member to leave for a while.
    :ivar owned: partitions that it has.
    :ivar names_itself: it brings an id of its own, as version 1 demands.
    :ivar describable: topics that it was found out whether the member may describe, see :meth:`IGroupCoordinator.topics_to_describe`.
    """

    group_id: str
    member_id: str
    epoch: int
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    rebalance_timeout_ms: int = -1
    topics: frozenset[str] | None = None
    pattern: str | None = None
    assignor: str | None = None
    owned: Assignment | None = None
    names_itself: bool = True
    describable: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_full(self) -> bool:
        """Whether it says everything, as after an error: it is then told everything."""
        return self.rebalance_timeout_ms != -1 and (self.topics is not None or self.pattern is not None) and self.owned is not None


@dataclass(frozen=True, slots=True)
class HeartbeatAnswer:
    """What a member is told; ``assignment`` is None when it is as before."""

    member_id: str
    epoch: int
    interval_ms: int = 0
    assignment: Assignment | None = None


@dataclass(frozen=True, slots=True)
class DescribedConsumerGroup:
    """A consumer group as it is now: each member with its target assignment."""

    group_id: str
    state: str
    epoch: int
    assignment_epoch: int
    assignor: str
    members: tuple[tuple[ConsumerMember, Assignment], ...]
