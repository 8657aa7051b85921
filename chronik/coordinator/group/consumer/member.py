"""A member of a consumer group (KIP-848): what it subscribes to, and which partitions it holds. Immutable; no time, no I/O."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from chronik.model import TopicId

Assignment: TypeAlias = Mapping[TopicId, frozenset[int]]
"""Partitions of topics."""

Owned: TypeAlias = Mapping[TopicId, Mapping[int, int]]
"""Partitions of topics, each with the epoch in which its member got it."""

NOTHING: Final[Mapping[TopicId, frozenset[int]]] = MappingProxyType({})
NONE_OWNED: Final[Mapping[TopicId, Mapping[int, int]]] = MappingProxyType({})

JOIN_EPOCH: Final = 0
"""The epoch of a member that joins, or joins again without any partitions."""

LEAVE_EPOCH: Final = -1
STATIC_LEAVE_EPOCH: Final = -2
"""The epoch of a static member that leaves for a while: it may come back within its session."""


class MemberState(enum.IntEnum):
    """How far a member is on the way to its target assignment; the values are those of Kafka's records."""

    STABLE = 0
    UNREVOKED_PARTITIONS = 1
    UNRELEASED_PARTITIONS = 2
    UNKNOWN = 127


@dataclass(frozen=True, slots=True)
class ClassicClient:
    """What a member said that speaks the classic protocol.

    :ivar protocols: ``(name, metadata)``, the preferred one first.
    """

    session_timeout_ms: int
    protocols: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class ConsumerMember:
    """One member.

    :ivar epoch: the assignment epoch it is in; -2 for a static member that left for a while.
    :ivar previous_epoch: the one before it, in which it still may ask when an answer was lost.
    :ivar topics: names that it subscribes to.
    :ivar pattern: a regular expression of names that it subscribes to, or empty.
    :ivar assignor: the one that it prefers.
    :ivar classic: set for a member that speaks the classic protocol.
    :ivar assigned: partitions it has or may take.
    :ivar revoking: partitions it is asked to give up and has not given up yet. Nobody else may have them.
    """

    member_id: str
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    topics: frozenset[str] = frozenset()
    pattern: str = ""
    rebalance_timeout_ms: int = -1
    assignor: str | None = None
    classic: ClassicClient | None = None
    epoch: int = JOIN_EPOCH
    previous_epoch: int = LEAVE_EPOCH
    state: MemberState = MemberState.STABLE
    assigned: Owned = field(default_factory=lambda: NONE_OWNED)
    revoking: Owned = field(default_factory=lambda: NONE_OWNED)

    def is_reconciled(self, epoch: int) -> bool:
        """Whether it has what an epoch's target assignment gives it."""
        return self.state is MemberState.STABLE and self.epoch == epoch

    def held(self) -> Iterable[tuple[TopicId, int]]:
        """Every partition that nobody else may have."""
        for owned in (self.assigned, self.revoking):
            for topic_id, partitions in owned.items():
                for partition in partitions:
                    yield topic_id, partition

    def epoch_of(self, topic_id: TopicId, partition: int) -> int | None:
        """In which epoch it got a partition; None when it does not have it."""
        for owned in (self.assigned, self.revoking):
            if topic_id in owned and partition in owned[topic_id]:
                return owned[topic_id][partition]
        return None


def without_epochs(owned: Owned) -> Assignment:
    """The partitions alone."""
    return {topic_id: frozenset(partitions) for topic_id, partitions in owned.items()}


def with_epoch(assignment: Assignment, epoch: int) -> Owned:
    """Partitions that were all got in one epoch."""
    return {topic_id: dict.fromkeys(sorted(partitions), epoch) for topic_id, partitions in assignment.items()}
