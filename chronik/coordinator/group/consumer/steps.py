"""The steps of a consumer group that several requests share: who subscribes to what, the target assignment, one member's reconciliation.

Everything here happens at once and in memory; records of it are gathered in a :class:`~chronik.coordinator.group.store.Change`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from chronik.coordinator.group.consumer.assignors import ASSIGNORS, Subscriber
from chronik.coordinator.group.consumer.config import GroupSettings
from chronik.coordinator.group.consumer.group import ConsumerGroup, metadata_hash
from chronik.coordinator.group.consumer.member import Assignment, ConsumerMember
from chronik.coordinator.group.consumer.patterns import PatternMatcher, ResolvedPattern
from chronik.coordinator.group.consumer.reconciliation import Reconciliation
from chronik.coordinator.group.consumer.records import (
    current_record,
    group_record,
    member_target_record,
    pattern_record,
    removed_member,
    subscription_record,
    target_record,
)
from chronik.model import TopicId

if TYPE_CHECKING:
    from chronik.coordinator.group.store import Change
    from chronik.metadata.image import MetadataImage

PATTERN_REFRESH_INTERVAL_MIN_MS: Final = 10_000
"""The least time between two comparisons of a group's expressions with all topics."""


class GroupSteps:
    """Steps of the consumer groups of one partition of state.

    :param image: the metadata.
    :ivar newest_topic: revision of the metadata that the newest topic came with, at the latest.
    """

    _log = Logger()

    def __init__(self, settings: GroupSettings, image: Callable[[], MetadataImage]) -> None:
        self.settings = settings
        self.image = image
        self.matcher = PatternMatcher()
        self.newest_topic = 0

    # -- members ------------------------------------------------------------------------------------------------------

    def replace_member(self, change: Change, group: ConsumerGroup, former: ConsumerMember, member_id: str) -> ConsumerMember:
        """Give the place of a static member, with all it holds, to its next self."""
        target = group.target_of(former.member_id)
        member = replace(former, member_id=member_id, epoch=0, previous_epoch=0)
        change.put(*removed_member(group.group_id, former.member_id, change.now))
        change.put(subscription_record(group.group_id, member, change.now))
        change.put(member_target_record(group.group_id, member_id, target, change.now))
        change.put(current_record(group.group_id, member, change.now))
        return member

    def remove_members(self, change: Change, group: ConsumerGroup, members: Iterable[ConsumerMember]) -> None:
        """Members are gone: the others share what they had."""
        for member in members:
            change.put(*removed_member(group.group_id, member.member_id, change.now))
        self._drop_patterns(change, group)
        self._enter_epoch(change, group, metadata_hash(group.subscribed_topics(), self.image()))

    def subscribe(
        self, change: Change, group: ConsumerGroup, before: ConsumerMember, member: ConsumerMember, describable: Mapping[str, bool]
    ) -> bool:
        """Take what a member says of itself, and enter a new epoch if that or the topics are different; whether its subscription changed.

        :param before: the member as it was; a new one subscribes to nothing.
        :param describable: topics that the member may or may not describe.
        """
        if member.member_id not in group.members or member != before:
            change.put(subscription_record(group.group_id, member, change.now))
        resubscribed = before.topics != member.topics or before.pattern != member.pattern
        self._drop_patterns(change, group)
        resolved = self._resolve(change, group, describable)
        self.look_at_topics(change, group, resubscribed or resolved)
        return resubscribed

    def look_at_topics(self, change: Change, group: ConsumerGroup, resubscribed: bool = False) -> None:
        """Enter a new epoch if somebody subscribes to something else, or the topics are not what they were."""
        if not resubscribed and not group.metadata_stale:
            return
        found = metadata_hash(group.subscribed_topics(), self.image())
        group.metadata_stale = False
        if resubscribed or found != group.metadata_hash:
            self._enter_epoch(change, group, found)

    def _enter_epoch(self, change: Change, group: ConsumerGroup, found: int) -> None:
        change.put(group_record(group.group_id, group.epoch + 1, found, change.now))
        self._log.info("group {group} enters epoch {epoch}", group=group.group_id, epoch=group.epoch)

    # -- expressions --------------------------------------------------------------------------------------------------

    def _drop_patterns(self, change: Change, group: ConsumerGroup) -> None:
        """Forget what expressions stand for that nobody subscribes to any more."""
        for pattern in sorted(group.patterns.keys() - group.subscribed_patterns()):
            change.put(pattern_record(group.group_id, pattern, None, change.now))

    def due_patterns(self, group: ConsumerGroup | None, pattern: str | None, now: int) -> frozenset[str]:
        """Expressions to be compared with the topics now: a new one at once, all of them now and then, and sooner when there are new topics.

        :param pattern: one that is just subscribed to.
        """
        if group is None:
            return frozenset((pattern,)) if pattern else frozenset()
        subscribed = group.subscribed_patterns() | (frozenset((pattern,)) if pattern else frozenset())
        due = {name for name in subscribed if name not in group.patterns}
        for name in subscribed & group.patterns.keys():
            resolved = group.patterns[name]
            age = now - resolved.timestamp
            wait = PATTERN_REFRESH_INTERVAL_MIN_MS if resolved.version < self.newest_topic else self.settings.config.pattern_refresh_interval_ms
            if not 0 <= age <= wait:
                due.add(name)
        return frozenset(due)

    def _resolve(self, change: Change, group: ConsumerGroup, describable: Mapping[str, bool]) -> bool:
        """Compare expressions that are due with the topics there are; whether any stands for other topics now."""
        image = self.image()
        different = False
        for pattern in sorted(self.due_patterns(group, None, change.now)):
            matched = self.matcher.matches(pattern, image.topics)
            topics = frozenset(name for name in matched if describable.get(name, False))
            # A topic that came while it was asked what the member may describe is looked at next time.
            version = image.revision if all(name in describable for name in matched) else 0
            before = group.patterns.get(pattern)
            different |= before is None or before.topics != topics
            change.put(pattern_record(group.group_id, pattern, ResolvedPattern(topics, version, change.now), change.now))
        return different

    # -- assigning ----------------------------------------------------------------------------------------------------

    def assign(self, change: Change, group: ConsumerGroup) -> None:
        """Compute a new target assignment, if the group is in a new epoch and the last one is old enough."""
        since = change.now - group.assignment_timestamp
        if group.epoch <= group.assignment_epoch or (
            # A time that is still to come is of a clock that was set back since: nobody waits for it.
            group.assignment_timestamp and 0 <= since < self.settings.assignment_interval_ms(group.group_id)
        ):
            return
        name = group.preferred_assignor() or ""
        if name not in self.settings.config.assignors:
            name = self.settings.config.assignors[0]
        image = self.image()
        ids: dict[tuple[frozenset[str], str], frozenset[TopicId]] = {}
        subscribers = {}
        for member_id, member in group.members.items():
            # Most members subscribe to the same.
            subscription = (member.topics, member.pattern)
            if subscription not in ids:
                ids[subscription] = self.subscribed_ids(group, member, image)
            subscribers[member_id] = Subscriber(ids[subscription], member.instance_id, group.target_of(member_id))
        sizes = {topic_id: len(image.topics[image.names[topic_id]].partitions) for topics in ids.values() for topic_id in topics}
        for member_id, assignment in ASSIGNORS[name](subscribers, sizes).items():
            if group.target.get(member_id) != assignment:
                change.put(member_target_record(group.group_id, member_id, assignment, change.now))
        change.put(target_record(group.group_id, group.epoch, change.now, change.now))

    def subscribed_ids(self, group: ConsumerGroup, member: ConsumerMember, image: MetadataImage) -> frozenset[TopicId]:
        """Topics that exist and that a member subscribes to."""
        return frozenset(image.topics[name].topic_id for name in group.topics_of(member) if name in image.topics)

    def reconcile(self, change: Change, group: ConsumerGroup, member: ConsumerMember, owned: Assignment | None, resubscribed: bool) -> ConsumerMember:
        """Bring a member one step nearer to its target; the member after it."""
        if not resubscribed and member.is_reconciled(group.assignment_epoch):
            return member
        step = Reconciliation(
            epoch=group.assignment_epoch,
            target=group.target_of(member.member_id),
            subscribed=self.subscribed_ids(group, member, self.image()),
            owned=owned,
            resubscribed=resubscribed,
            is_taken=lambda topic_id, partition: group.holder(topic_id, partition) not in (None, member.member_id),
        )
        after = step.step(member)
        if after is not member:
            change.put(current_record(group.group_id, after, change.now))
        return after
