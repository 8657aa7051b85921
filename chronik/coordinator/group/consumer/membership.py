"""Members of consumer groups that speak the newer protocol (KIP-848): joining, living, leaving, being put out.

A heartbeat is a member's only request. What it says changes the group at once; it is answered when that is durable.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from chronik.coordinator.group.consumer.clocks import MemberClocks, Wait
from chronik.coordinator.group.consumer.group import ConsumerGroup
from chronik.coordinator.group.consumer.interfaces import ConsumerHeartbeat, HeartbeatAnswer
from chronik.coordinator.group.consumer.member import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    NONE_OWNED,
    STATIC_LEAVE_EPOCH,
    ConsumerMember,
    MemberState,
    without_epochs,
)
from chronik.coordinator.group.consumer.patterns import compile_pattern
from chronik.coordinator.group.consumer.records import current_record
from chronik.coordinator.group.group import Group
from chronik.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from chronik.coordinator.group.consumer.migration import Migration
    from chronik.coordinator.group.consumer.steps import GroupSteps
    from chronik.coordinator.group.store import Change, GroupStore
    from chronik.coordinator.group.timers import Timers


def check_heartbeat(heartbeat: ConsumerHeartbeat, assignors: Iterable[str]) -> None:
    """Whether a heartbeat makes sense by itself.

    :param assignors: names of those there are.
    :raises KafkaError: ``INVALID_REQUEST``, ``UNSUPPORTED_ASSIGNOR``.
    """
    if heartbeat.names_itself or heartbeat.epoch > 0 or heartbeat.epoch == LEAVE_EPOCH:
        _demand(heartbeat.member_id.strip(), "MemberId can't be empty.")
    _demand(heartbeat.group_id.strip(), "GroupId can't be empty.")
    _demand(heartbeat.instance_id is None or heartbeat.instance_id.strip(), "InstanceId can't be empty.")
    _demand(heartbeat.rack_id is None or heartbeat.rack_id.strip(), "RackId can't be empty.")
    if heartbeat.epoch == JOIN_EPOCH:
        _demand(heartbeat.rebalance_timeout_ms != -1, "RebalanceTimeoutMs must be provided in first request.")
        _demand(heartbeat.owned is not None and not heartbeat.owned, "TopicPartitions must be empty when (re-)joining.")
        subscribes = heartbeat.topics is not None or heartbeat.pattern is not None
        _demand(subscribes, "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.")
    _demand(heartbeat.epoch != STATIC_LEAVE_EPOCH or heartbeat.instance_id is not None, "InstanceId can't be null.")
    _demand(heartbeat.epoch >= STATIC_LEAVE_EPOCH, "MemberEpoch is invalid.")
    if heartbeat.assignor is not None and heartbeat.assignor not in assignors:
        raise KafkaError(
            ErrorCode.UNSUPPORTED_ASSIGNOR, f"ServerAssignor {heartbeat.assignor} is not supported. Supported assignors: {', '.join(assignors)}."
        )


def _demand(kept: object, broken: str) -> None:
    if not kept:
        raise KafkaError(ErrorCode.INVALID_REQUEST, broken)


class ConsumerMembership:
    """What members do to the consumer groups of one partition of state.

    :param random: gives that many random bytes, for ids of members that bring none.
    """

    _log = Logger()

    def __init__(self, store: GroupStore, steps: GroupSteps, migration: Migration, timers: Timers, random: Callable[[int], bytes]) -> None:
        self._store = store
        self._steps = steps
        self._migration = migration
        self._random = random
        self.clocks = MemberClocks(timers, self._expired)

    # -- heartbeats ---------------------------------------------------------------------------------------------------

    async def heartbeat(self, heartbeat: ConsumerHeartbeat) -> HeartbeatAnswer:
        """A member lives, joins or leaves; see :meth:`IGroupCoordinator.consumer_heartbeat`."""
        leaves = heartbeat.epoch in (LEAVE_EPOCH, STATIC_LEAVE_EPOCH)
        return await self._store.take(partial(self._leave if leaves else self._live, heartbeat))

    def _live(self, heartbeat: ConsumerHeartbeat, change: Change) -> HeartbeatAnswer:
        group = self._enter(change, heartbeat)
        before = self._place(change, group, heartbeat)
        member = replace(
            before,
            instance_id=heartbeat.instance_id if heartbeat.instance_id is not None else before.instance_id,
            rack_id=heartbeat.rack_id if heartbeat.rack_id is not None else before.rack_id,
            client_id=heartbeat.client_id,
            client_host=heartbeat.client_host,
            rebalance_timeout_ms=heartbeat.rebalance_timeout_ms if heartbeat.rebalance_timeout_ms != -1 else before.rebalance_timeout_ms,
            topics=heartbeat.topics if heartbeat.topics is not None else before.topics,
            pattern=heartbeat.pattern if heartbeat.pattern is not None else before.pattern,
            assignor=heartbeat.assignor if heartbeat.assignor is not None else before.assignor,
            classic=None,
        )
        resubscribed = self._steps.subscribe(change, group, before, member, heartbeat.describable)
        self._steps.assign(change, group)
        after = self._steps.reconcile(change, group, member, heartbeat.owned, resubscribed)
        self._watch(group, member, after)
        told = heartbeat.epoch == JOIN_EPOCH or heartbeat.is_full or after.assigned != before.assigned
        return HeartbeatAnswer(
            member_id=after.member_id,
            epoch=after.epoch,
            interval_ms=self._steps.settings.heartbeat_interval_ms(group.group_id),
            assignment=without_epochs(after.assigned) if told else None,
        )

    def _watch(self, group: ConsumerGroup, before: ConsumerMember, after: ConsumerMember) -> None:
        """Expect the member's next sign of life, and that it gives up what it should."""
        group_id, member_id = group.group_id, after.member_id
        self.clocks.set(group_id, member_id, Wait.LIFE, self._steps.settings.session_timeout_ms(group_id))
        self.clocks.end(group_id, member_id, Wait.JOIN)
        self.clocks.end(group_id, member_id, Wait.SYNC)
        if after.state is not MemberState.UNREVOKED_PARTITIONS:
            self.clocks.end(group_id, member_id, Wait.REVOCATION)
        elif after is not before:
            self.clocks.set(group_id, member_id, Wait.REVOCATION, after.rebalance_timeout_ms)

    # -- who it is ----------------------------------------------------------------------------------------------------

    def _enter(self, change: Change, heartbeat: ConsumerHeartbeat) -> ConsumerGroup:
        """The group, made or changed over where a member joins. Whatever may be refused is refused before anything changes.

        :raises KafkaError: ``GROUP_ID_NOT_FOUND``, ``GROUP_MAX_SIZE_REACHED``, ``INVALID_REGULAR_EXPRESSION``, and those of :meth:`_check_member`.
        """
        group = self._store.groups.get(heartbeat.group_id)
        joins = heartbeat.epoch == JOIN_EPOCH
        if group is None and not joins:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Consumer group {heartbeat.group_id} not found.")
        if isinstance(group, Group) and not joins:
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {heartbeat.group_id} is not a consumer group.")
        upgraded = self._migration.upgraded(group, self._steps.image()) if isinstance(group, Group) and not group.is_empty else None
        found = group if isinstance(group, ConsumerGroup) else upgraded
        if found is not None:
            self._check_member(found, heartbeat)
        if heartbeat.pattern and (found is None or heartbeat.pattern not in found.subscribed_patterns()):
            compile_pattern(heartbeat.pattern)
        if isinstance(group, Group):
            if upgraded is not None:
                self._migration.upgrade(change, group, upgraded)
                self.watch_sessions(upgraded)
            else:
                self._migration.discard(change, group)
        entered = self._store.consumer_group(heartbeat.group_id, create=True)
        assert entered is not None
        return entered

    def _check_member(self, group: ConsumerGroup, heartbeat: ConsumerHeartbeat) -> None:
        """Whether this member may be in the group.

        :raises KafkaError: ``GROUP_MAX_SIZE_REACHED``, ``UNKNOWN_MEMBER_ID``, ``FENCED_MEMBER_EPOCH``, ``FENCED_INSTANCE_ID``,
            ``UNRELEASED_INSTANCE_ID``.
        """
        self.check_size(group, heartbeat.member_id)
        if heartbeat.epoch != JOIN_EPOCH:
            _check_epoch(group.find(heartbeat.member_id, heartbeat.instance_id), heartbeat)
            return
        former_id = group.static.get(heartbeat.instance_id or "")
        if former_id is None or former_id == heartbeat.member_id:
            return
        former = group.members[former_id]
        if former.classic is None and former.epoch != STATIC_LEAVE_EPOCH:
            raise KafkaError(
                ErrorCode.UNRELEASED_INSTANCE_ID,
                f"Static member {heartbeat.member_id} with instance id {heartbeat.instance_id} cannot join the group because the instance id is "
                f"owned by {former_id} member.",
            )

    def check_size(self, group: ConsumerGroup, member_id: str) -> None:
        """Whether there is room for a member.

        :raises KafkaError: ``GROUP_MAX_SIZE_REACHED``.
        """
        size_max = self._steps.settings.config.size_max
        if len(group.members) >= size_max and member_id not in group.members:
            raise KafkaError(ErrorCode.GROUP_MAX_SIZE_REACHED, f"The consumer group has reached its maximum capacity of {size_max} members.")

    def _place(self, change: Change, group: ConsumerGroup, heartbeat: ConsumerHeartbeat) -> ConsumerMember:
        """The member as it was before this heartbeat; one that joins anew is nothing yet, or the next self of a static one."""
        if heartbeat.epoch != JOIN_EPOCH:
            return group.find(heartbeat.member_id, heartbeat.instance_id)
        member_id = heartbeat.member_id or self.new_id()
        former_id = group.static.get(heartbeat.instance_id or "")
        if former_id is not None:
            self.clocks.forget(group.group_id, former_id)
            return self._steps.replace_member(change, group, group.members[former_id], member_id)
        self._log.info("group {group}: member {member} joins", group=group.group_id, member=member_id)
        return group.members.get(member_id, ConsumerMember(member_id))

    def new_id(self) -> str:
        """An id for a member that has none."""
        return str(uuid.UUID(bytes=self._random(16), version=4))

    # -- leaving ------------------------------------------------------------------------------------------------------

    def _leave(self, heartbeat: ConsumerHeartbeat, change: Change) -> HeartbeatAnswer:
        group = self._store.groups.get(heartbeat.group_id)
        if not isinstance(group, ConsumerGroup):
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Consumer group {heartbeat.group_id} not found.")
        member = group.find(heartbeat.member_id, heartbeat.instance_id)
        if heartbeat.epoch == STATIC_LEAVE_EPOCH:
            self._log.info("group {group}: static member {member} leaves for a while", group=group.group_id, member=member.member_id)
            change.put(current_record(group.group_id, replace(member, epoch=STATIC_LEAVE_EPOCH, revoking=NONE_OWNED), change.now))
            self.clocks.end(group.group_id, member.member_id, Wait.REVOCATION)
        else:
            self._log.info("group {group}: member {member} leaves", group=group.group_id, member=member.member_id)
            self.remove(group, [member], change)
        return HeartbeatAnswer(member.member_id, heartbeat.epoch)

    def remove(self, group: ConsumerGroup, members: Iterable[ConsumerMember], change: Change) -> None:
        """Members are gone. If only classic clients are left, the group is one of theirs again."""
        gone = {member.member_id: member for member in members}
        if not gone:
            return
        if self._migration.may_downgrade(group, gone):
            self.clocks.forget_group(group.group_id)
            self._migration.downgrade(change, group, gone, self._steps.image(), "the last members of the consumer protocol left")
            return
        for member_id in gone:
            self.clocks.forget(group.group_id, member_id)
        self._steps.remove_members(change, group, gone.values())

    def _expired(self, group_id: str, member_id: str, wait: Wait) -> None:
        group = self._store.groups.get(group_id)
        member = group.members.get(member_id) if isinstance(group, ConsumerGroup) else None
        if not isinstance(group, ConsumerGroup) or member is None or self._store.gone:
            return
        self._log.info("group {group}: member {member} is out: {why}", group=group_id, member=member_id, why=wait.value)
        removed = self._store.take(partial(self.remove, group, [member]))
        Deferred.fromCoroutine(removed).addErrback(self._not_written, group_id)

    def _not_written(self, failure: Failure, group_id: str) -> None:
        failure.trap(KafkaError)
        self._log.warn("group {group} lost a member, which could not be written: {error}", group=group_id, error=failure.value)

    def watch_sessions(self, group: ConsumerGroup) -> None:
        """Expect signs of life of the members of a group that was read from its log or changed over."""
        for member in group.members.values():
            timeout_ms = self._steps.settings.session_timeout_ms(group.group_id)
            self.clocks.set(group.group_id, member.member_id, Wait.LIFE, member.classic.session_timeout_ms if member.classic else timeout_ms)
            if member.state is MemberState.UNREVOKED_PARTITIONS and member.classic is None:
                self.clocks.set(group.group_id, member.member_id, Wait.REVOCATION, member.rebalance_timeout_ms)


def _check_epoch(member: ConsumerMember, heartbeat: ConsumerHeartbeat) -> None:
    """Whether a member is in the epoch that we think, or in the one before because an answer was lost.

    :raises KafkaError: ``FENCED_MEMBER_EPOCH``.
    """
    if heartbeat.epoch == member.epoch:
        return
    owned = heartbeat.owned
    kept = owned is not None and all(partitions <= member.assigned.get(topic_id, {}).keys() for topic_id, partitions in owned.items())
    if heartbeat.epoch > member.epoch or heartbeat.epoch != member.previous_epoch or not kept:
        smaller = "greater" if heartbeat.epoch > member.epoch else "smaller"
        raise KafkaError(
            ErrorCode.FENCED_MEMBER_EPOCH,
            f"The consumer group member has a {smaller} member epoch ({heartbeat.epoch}) than the one known by the group coordinator "
            f"({member.epoch}). The member must abandon all its partitions and rejoin.",
        )
