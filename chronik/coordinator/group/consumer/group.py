"""A consumer group of the newer protocol (KIP-848): members, epochs, the target assignment, who holds what. No time, no I/O."""

from __future__ import annotations

import enum
import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from chronik.coordinator.group.consumer.member import NOTHING, Assignment, ConsumerMember
from chronik.coordinator.group.group import CONSUMER
from chronik.coordinator.group.interfaces import CommittedOffset, GroupSummary
from chronik.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from chronik.coordinator.group.consumer.patterns import ResolvedPattern
    from chronik.metadata.image import MetadataImage
    from chronik.model import TopicId, TopicPartition

FIRST_EPOCH: Final = 1
"""Of a new group and of its empty assignment; 0 is what members join with."""


class ConsumerGroupState(enum.Enum):
    """Where a group stands; the values are what clients are told."""

    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"


class ConsumerGroup:
    """One group; everything here but the offsets and ``metadata_stale`` is what its records say.

    :ivar epoch: grows with each change of members, subscriptions or topics.
    :ivar metadata_hash: of the topics it subscribes to, as of its epoch.
    :ivar assignment_epoch: the epoch that the target assignment was computed for.
    :ivar assignment_timestamp: ms of when; 0 for never.
    :ivar static: member ids by instance id.
    :ivar target: each member's target assignment.
    :ivar patterns: what the expressions that members subscribe to stand for.
    :ivar metadata_stale: its topics may have changed since they were last looked at.
    """

    kind = CONSUMER

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.epoch = FIRST_EPOCH
        self.metadata_hash = 0
        self.assignment_epoch = FIRST_EPOCH
        self.assignment_timestamp = 0
        self.members: dict[str, ConsumerMember] = {}
        self.static: dict[str, str] = {}
        self.target: dict[str, Assignment] = {}
        self.patterns: dict[str, ResolvedPattern] = {}
        self.offsets: dict[TopicPartition, CommittedOffset] = {}
        self.metadata_stale = True
        self._holders: dict[tuple[TopicId, int], str] = {}
        self._subscribed: frozenset[str] | None = None
        self._subscribed_patterns: frozenset[str] | None = None

    # -- changes ------------------------------------------------------------------------------------------------------

    def put_member(self, member: ConsumerMember) -> None:
        """Take a member as it is now."""
        self._release(member.member_id)
        before = self.members.get(member.member_id)
        if before is not None and before.instance_id != member.instance_id:
            self._free_instance(before)
        self.members[member.member_id] = member
        for place in member.held():
            self._holders[place] = member.member_id
        if member.instance_id is not None:
            self.static[member.instance_id] = member.member_id
        self._subscribed = self._subscribed_patterns = None

    def remove_member(self, member_id: str) -> None:
        """A member is no more; an unknown one is fine."""
        self._release(member_id)
        member = self.members.pop(member_id, None)
        if member is not None:
            self._free_instance(member)
        self._subscribed = self._subscribed_patterns = None

    def put_pattern(self, pattern: str, resolved: ResolvedPattern | None) -> None:
        """An expression stands for these topics now; with None nobody subscribes to it any more."""
        if resolved is None:
            self.patterns.pop(pattern, None)
        else:
            self.patterns[pattern] = resolved
        self._subscribed = None

    def _free_instance(self, member: ConsumerMember) -> None:
        """A member's instance id is free again, unless it is another's by now."""
        if member.instance_id is not None and self.static.get(member.instance_id) == member.member_id:
            del self.static[member.instance_id]

    def _release(self, member_id: str) -> None:
        member = self.members.get(member_id)
        if member is not None:
            for place in member.held():
                if self._holders.get(place) == member_id:
                    del self._holders[place]

    # -- members ------------------------------------------------------------------------------------------------------

    def member(self, member_id: str) -> ConsumerMember:
        """The member of this id.

        :raises KafkaError: ``UNKNOWN_MEMBER_ID``.
        """
        member = self.members.get(member_id)
        if member is None:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"Member {member_id} is not a member of group {self.group_id}.")
        return member

    def static_member(self, instance_id: str, member_id: str | None = None) -> ConsumerMember:
        """The member that has an instance id.

        :param member_id: who it must be; None for anybody.
        :raises KafkaError: ``UNKNOWN_MEMBER_ID``, ``FENCED_INSTANCE_ID``.
        """
        holder = self.static.get(instance_id)
        if holder is None:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"Instance id {instance_id} is unknown.")
        if member_id is not None and holder != member_id:
            raise KafkaError(
                ErrorCode.FENCED_INSTANCE_ID, f"Static member {member_id} with instance id {instance_id} was fenced by member {holder}."
            )
        return self.members[holder]

    def find(self, member_id: str, instance_id: str | None) -> ConsumerMember:
        """The member meant by both; see :meth:`member` and :meth:`static_member`."""
        return self.member(member_id) if instance_id is None else self.static_member(instance_id, member_id)

    def holder(self, topic_id: TopicId, partition: int) -> str | None:
        """Who holds a partition: nobody else may have it until it is given up."""
        return self._holders.get((topic_id, partition))

    def target_of(self, member_id: str) -> Assignment:
        """A member's target assignment."""
        return self.target.get(member_id, NOTHING)

    def waits_for_others(self, member: ConsumerMember) -> bool:
        """Whether others still hold some of a member's target."""
        return any(
            self.holder(topic_id, partition) not in (None, member.member_id)
            for topic_id, partitions in self.target_of(member.member_id).items()
            for partition in partitions
        )

    # -- the group as a whole -----------------------------------------------------------------------------------------

    @property
    def state(self) -> ConsumerGroupState:
        """Where it stands."""
        if not self.members:
            return ConsumerGroupState.EMPTY
        if self.epoch > self.assignment_epoch:
            return ConsumerGroupState.ASSIGNING
        if all(member.is_reconciled(self.assignment_epoch) for member in self.members.values()):
            return ConsumerGroupState.STABLE
        return ConsumerGroupState.RECONCILING

    @property
    def is_empty(self) -> bool:
        """Whether it has no members."""
        return not self.members

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left of it but its offsets; nobody announces that they will come."""
        return self.is_empty

    def preferred_assignor(self) -> str | None:
        """The assignor that most members ask for; None when nobody asks for any."""
        votes = Counter(member.assignor for member in self.members.values() if member.assignor is not None)
        return min(votes, key=lambda name: (-votes[name], name)) if votes else None

    def subscribed_patterns(self) -> frozenset[str]:
        """The expressions that members subscribe to."""
        if self._subscribed_patterns is None:
            self._subscribed_patterns = frozenset(member.pattern for member in self.members.values() if member.pattern)
        return self._subscribed_patterns

    def topics_of(self, member: ConsumerMember) -> frozenset[str]:
        """Names that a member subscribes to, one way or the other."""
        resolved = self.patterns.get(member.pattern) if member.pattern else None
        return member.topics if resolved is None else member.topics | resolved.topics

    def subscribed_topics(self) -> frozenset[str]:
        """Names that anybody subscribes to."""
        if self._subscribed is None:
            names = {name for member in self.members.values() for name in member.topics}
            self._subscribed = frozenset(names.union(*(resolved.topics for resolved in self.patterns.values())))
        return self._subscribed

    def summary(self) -> GroupSummary:
        """In one line."""
        return GroupSummary(self.group_id, self.state.value, CONSUMER, len(self.members), CONSUMER)

    # -- classic clients in it ----------------------------------------------------------------------------------------

    def suits_classic(self, protocol_type: str, names: Iterable[str]) -> bool:
        """Whether a classic client of these protocols can be in one group with the others."""
        offered = set(names)
        if protocol_type != CONSUMER or not offered:
            return False
        known = [{name for name, _ in member.classic.protocols} for member in self.members.values() if member.classic is not None]
        return bool(offered.intersection(*known))


def metadata_hash(names: Iterable[str], image: MetadataImage) -> int:
    """A number that changes when topics of these names come, go, are made anew or get partitions; 0 when there are none.

    Kafka has one of its own in the same place. A group that goes from one broker to the other is assigned once more, no harm done.
    """
    digest = hashlib.blake2b(digest_size=8)
    found = False
    for name in sorted(names):
        topic = image.topics.get(name)
        if topic is not None:
            found = True
            digest.update(topic.topic_id + len(topic.partitions).to_bytes(4, "big"))
    return int.from_bytes(digest.digest(), "big", signed=True) if found else 0
