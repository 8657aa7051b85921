"""One step of a member towards its target assignment (KIP-848). No time, no I/O.

A member first gives up what is not its any more, and says so by no longer naming it among what it owns. Only then it enters the epoch of the
target, and gets what nobody else holds. What others still hold it gets when they have given it up.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from chronik.coordinator.group.consumer.member import NONE_OWNED, Assignment, ConsumerMember, MemberState, Owned
from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a step goes by.

    :ivar epoch: of the target assignment.
    :ivar target: the member's.
    :ivar subscribed: topics that the member subscribes to. Its target may be older than its subscription.
    :ivar owned: what the member says it owns; None when it did not say.
    :ivar resubscribed: its subscription has just changed.
    :ivar is_taken: whether another member holds a partition.
    """

    epoch: int
    target: Assignment
    subscribed: AbstractSet[TopicId]
    owned: Assignment | None
    resubscribed: bool
    is_taken: Callable[[TopicId, int], bool]

    def step(self, member: ConsumerMember) -> ConsumerMember:
        """The member after the step; itself where nothing can be done.

        :raises KafkaError: ``FENCED_MEMBER_EPOCH`` for a member in a state of a later release.
        """
        if member.state is MemberState.STABLE and member.epoch == self.epoch:
            return self._unsubscribe(member) if self.resubscribed else member
        if member.state is MemberState.UNREVOKED_PARTITIONS and self._still_owns(member.revoking):
            return self._unsubscribe(member) if self.resubscribed else member
        if member.state is MemberState.UNKNOWN:
            if self.owned is None or any(self.owned.values()):
                raise KafkaError(
                    ErrorCode.FENCED_MEMBER_EPOCH, "the member is in a state of a later release: it must give up all partitions and join again"
                )
            member = replace(member, epoch=self.epoch)
        return self._advance(member)

    def _still_owns(self, revoking: Owned) -> bool:
        """Whether the member has not given up all of these yet; without its word nobody knows."""
        if self.owned is None:
            return True
        return any(not partitions.isdisjoint(revoking.get(topic_id, ())) for topic_id, partitions in self.owned.items())

    def _unsubscribe(self, member: ConsumerMember) -> ConsumerMember:
        """Take away what the member does not subscribe to any more, without waiting for an assignment that knows of it."""
        gone = {topic_id: partitions for topic_id, partitions in member.assigned.items() if topic_id not in self.subscribed}
        if not gone:
            return member
        kept = {topic_id: partitions for topic_id, partitions in member.assigned.items() if topic_id not in gone}
        revoking = _union(member.revoking, gone)
        if self._still_owns(revoking):
            return _moved(member, MemberState.UNREVOKED_PARTITIONS, member.epoch, kept, revoking)
        return _moved(member, member.state, member.epoch, kept, member.revoking)

    def _advance(self, member: ConsumerMember) -> ConsumerMember:
        kept: dict[TopicId, dict[int, int]] = {}
        revoking: dict[TopicId, dict[int, int]] = {}
        for topic_id, partitions in member.assigned.items():
            target = self._target(topic_id)
            for partition, epoch in partitions.items():
                (kept if partition in target else revoking).setdefault(topic_id, {})[partition] = epoch
        if revoking and self._still_owns(revoking):
            return _moved(member, MemberState.UNREVOKED_PARTITIONS, member.epoch, kept, revoking)
        waits = False
        for topic_id in self.target:
            for partition in sorted(self._target(topic_id) - kept.get(topic_id, {}).keys()):
                if self.is_taken(topic_id, partition):
                    waits = True
                else:
                    kept.setdefault(topic_id, {})[partition] = self.epoch
        return _moved(member, MemberState.UNRELEASED_PARTITIONS if waits else MemberState.STABLE, self.epoch, kept, NONE_OWNED)

    def _target(self, topic_id: TopicId) -> frozenset[int]:
        return self.target.get(topic_id, frozenset()) if topic_id in self.subscribed else frozenset()


def _moved(member: ConsumerMember, state: MemberState, epoch: int, assigned: Owned, revoking: Owned) -> ConsumerMember:
    same = (member.state, member.epoch, member.assigned, member.revoking) == (state, epoch, assigned, revoking)
    return member if same else replace(member, state=state, epoch=epoch, previous_epoch=member.epoch, assigned=assigned, revoking=revoking)


def _union(some: Owned, others: Owned) -> Owned:
    union = {topic_id: dict(partitions) for topic_id, partitions in some.items()}
    for topic_id, partitions in others.items():
        union.setdefault(topic_id, {}).update(partitions)
    return union
