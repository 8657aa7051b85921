"""Classic clients in a consumer group, while it changes from one protocol to the other: JoinGroup, SyncGroup, Heartbeat and LeaveGroup.

To them a member epoch is a generation. Nobody of them leads: the broker assigns. They are told to join again as often as there is something to
give up or to take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from twisted.logger import Logger

from chronik.coordinator.group.consumer.classic_protocol import owned_ids, read_subscription, subscription_version, write_assignment
from chronik.coordinator.group.consumer.clocks import Wait
from chronik.coordinator.group.consumer.config import MigrationPolicy
from chronik.coordinator.group.consumer.group import ConsumerGroup
from chronik.coordinator.group.consumer.member import ClassicClient, ConsumerMember, MemberState, without_epochs
from chronik.coordinator.group.group import CONSUMER, JoinRefused, MemberIdRequired
from chronik.coordinator.group.interfaces import Joined, Joining, Leaving, Synced, Syncing
from chronik.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from chronik.coordinator.group.consumer.membership import ConsumerMembership
    from chronik.coordinator.group.consumer.migration import Migration
    from chronik.coordinator.group.consumer.steps import GroupSteps
    from chronik.coordinator.group.store import Change, GroupStore


class ClassicMembership:
    """What classic clients do to the consumer groups of one partition of state."""

    _log = Logger()

    def __init__(self, store: GroupStore, steps: GroupSteps, migration: Migration, membership: ConsumerMembership) -> None:
        self._store = store
        self._steps = steps
        self._migration = migration
        self._membership = membership
        self._clocks = membership.clocks

    # -- joining ------------------------------------------------------------------------------------------------------

    async def join(self, group: ConsumerGroup, joining: Joining) -> Joined:
        """Become or stay a member; see :meth:`IGroupCoordinator.join`."""
        try:
            member = await self._store.take(partial(self._join, group, joining))
        except MemberIdRequired:
            raise
        except KafkaError as error:
            raise JoinRefused(error.code, error.message) from error
        assert member.classic is not None
        return Joined(member.member_id, member.epoch, CONSUMER, member.classic.protocols[0][0], "")

    def _join(self, group: ConsumerGroup, joining: Joining, change: Change) -> ConsumerMember:
        self._check(group, joining)
        subscription = read_subscription(joining.protocols[0][1])
        former_id = group.static.get(joining.instance_id or "")
        former = None if former_id is None else group.members[former_id]
        before = self._place(change, group, joining)
        member = replace(
            before,
            instance_id=joining.instance_id if joining.instance_id is not None else before.instance_id,
            rack_id=subscription.rack_id if subscription.rack_id is not None else before.rack_id,
            client_id=joining.client_id,
            client_host=joining.client_host,
            rebalance_timeout_ms=joining.rebalance_timeout_ms,
            topics=subscription.topics,
            pattern="",
            classic=ClassicClient(joining.session_timeout_ms, joining.protocols),
        )
        resubscribed = self._steps.subscribe(change, group, before, member, {})
        owned = owned_ids(subscription, self._steps.image())
        # A static member that comes back with the classic protocol may have been the last of the newer one.
        if former is not None and former.classic is None and self._migration.may_downgrade(group, ()):
            stale = group.epoch > group.assignment_epoch
            after = member if stale else self._steps.reconcile(change, group, member, owned, resubscribed)
            self._clocks.forget_group(group.group_id)
            self._migration.downgrade(change, group, (), self._steps.image(), "the assignment is older than the subscriptions" if stale else None)
            return replace(after, epoch=group.epoch)
        self._steps.assign(change, group)
        after = self._steps.reconcile(change, group, member, owned, resubscribed)
        self._clocks.end(group.group_id, member.member_id, Wait.JOIN)
        self._clocks.set(group.group_id, member.member_id, Wait.LIFE, joining.session_timeout_ms)
        self._clocks.set(group.group_id, member.member_id, Wait.SYNC, joining.rebalance_timeout_ms)
        return after

    def _check(self, group: ConsumerGroup, joining: Joining) -> None:
        """Whether a classic client may come in.

        :raises KafkaError: ``INCONSISTENT_GROUP_PROTOCOL``, ``GROUP_MAX_SIZE_REACHED``, ``MEMBER_ID_REQUIRED``, ``UNKNOWN_MEMBER_ID``,
            ``FENCED_INSTANCE_ID``.
        """
        if self._steps.settings.config.migration is MigrationPolicy.DISABLED:
            raise KafkaError(
                ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
                f"Cannot join the consumer group {group.group_id} with the classic protocol because the group migration is disabled.",
            )
        if joining.instance_id is None or joining.instance_id not in group.static:
            self._membership.check_size(group, joining.member_id)
        if not group.suits_classic(joining.protocol_type, (name for name, _ in joining.protocols)):
            raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"group {group.group_id} has classic members whose protocols this one lacks")
        if joining.instance_id is not None and joining.member_id:
            group.static_member(joining.instance_id, joining.member_id)
        if joining.known_id_required and not joining.member_id and joining.instance_id is None:
            raise MemberIdRequired(self._membership.new_id())

    def _place(self, change: Change, group: ConsumerGroup, joining: Joining) -> ConsumerMember:
        member_id = joining.member_id or self._membership.new_id()
        former_id = group.static.get(joining.instance_id or "")
        if former_id is not None and not joining.member_id:
            self._clocks.forget(group.group_id, former_id)
            return self._steps.replace_member(change, group, group.members[former_id], member_id)
        return group.members.get(member_id, ConsumerMember(member_id))

    # -- syncing and living -------------------------------------------------------------------------------------------

    async def sync(self, group: ConsumerGroup, syncing: Syncing) -> Synced:
        """A member's assignment; see :meth:`IGroupCoordinator.sync`."""
        member, client = self._classic(group, syncing.member_id, syncing.instance_id, syncing.generation)
        name = client.protocols[0][0]
        if syncing.protocol_type not in (None, CONSUMER) or syncing.protocol_name not in (None, name):
            raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"member {member.member_id} joined with {CONSUMER}:{name}")
        if group.assignment_epoch > member.epoch and member.state is not MemberState.UNREVOKED_PARTITIONS:
            self._expect_join(group, member)
        await self._store.take(_wait)
        self._still(group, syncing.member_id, syncing.instance_id, syncing.generation)
        self._clocks.end(group.group_id, member.member_id, Wait.SYNC)
        self._clocks.set(group.group_id, member.member_id, Wait.LIFE, client.session_timeout_ms)
        version = subscription_version(client.protocols[0][1])
        assignment = write_assignment(without_epochs(member.assigned), self._steps.image(), version)
        return Synced(syncing.protocol_type, syncing.protocol_name, assignment)

    async def heartbeat(self, group: ConsumerGroup, generation: int, member_id: str, instance_id: str | None) -> None:
        """A member lives; see :meth:`IGroupCoordinator.heartbeat`."""
        member, client = self._classic(group, member_id, instance_id, generation)
        self._clocks.set(group.group_id, member_id, Wait.LIFE, client.session_timeout_ms)
        if group.metadata_stale or group.epoch > group.assignment_epoch:
            # Where nobody speaks the newer protocol any more, nobody else would see to it.
            await self._store.take(partial(self._assign, group))
            member = self._still(group, member_id, instance_id, generation)
        if (
            member.epoch < group.assignment_epoch
            or member.state is MemberState.UNREVOKED_PARTITIONS
            or (member.state is MemberState.UNRELEASED_PARTITIONS and not group.waits_for_others(member))
        ):
            self._expect_join(group, member)

    def _assign(self, group: ConsumerGroup, change: Change) -> None:
        self._steps.look_at_topics(change, group)
        self._steps.assign(change, group)

    def _expect_join(self, group: ConsumerGroup, member: ConsumerMember) -> None:
        self._clocks.set_if_unset(group.group_id, member.member_id, Wait.JOIN, member.rebalance_timeout_ms)
        raise KafkaError(
            ErrorCode.REBALANCE_IN_PROGRESS, f"A new rebalance is triggered in group {group.group_id} and member {member.member_id} should rejoin."
        )

    def _classic(
        self, group: ConsumerGroup, member_id: str, instance_id: str | None, generation: int
    ) -> tuple[ConsumerMember, ClassicClient]:
        """A member that speaks the classic protocol.

        :raises KafkaError: ``UNKNOWN_MEMBER_ID``, ``FENCED_INSTANCE_ID``, ``ILLEGAL_GENERATION``.
        """
        member = group.find(member_id, instance_id)
        if member.classic is None:
            raise KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"Member {member_id} does not use the classic protocol.")
        if generation != member.epoch:
            raise KafkaError(ErrorCode.ILLEGAL_GENERATION, f"member {member_id} is in generation {member.epoch}, not {generation}")
        return member, member.classic

    def _still(self, group: ConsumerGroup, member_id: str, instance_id: str | None, generation: int) -> ConsumerMember:
        """A member after a wait, in which anything may have happened to it: it may be out, and its group may be a classic one.

        :raises KafkaError: ``REBALANCE_IN_PROGRESS``: it is to look for its group by joining again; and those of :meth:`_classic`.
        """
        if self._store.groups.get(group.group_id) is not group:
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, f"Group {group.group_id} is another one now and member {member_id} should rejoin.")
        return self._classic(group, member_id, instance_id, generation)[0]

    # -- leaving ------------------------------------------------------------------------------------------------------

    async def leave(self, group: ConsumerGroup, leaving: Sequence[Leaving]) -> list[KafkaError | None]:
        """Remove members, of whichever protocol; see :meth:`IGroupCoordinator.leave`."""
        outcomes: list[KafkaError | None] = []
        gone: dict[str, ConsumerMember] = {}
        for one in leaving:
            try:
                member = group.member(one.member_id) if one.instance_id is None else group.static_member(one.instance_id, one.member_id or None)
                gone[member.member_id] = member
                outcomes.append(None)
                self._log.info(
                    "group {group}: member {member} leaves: {reason}",
                    group=group.group_id,
                    member=member.member_id,
                    reason=one.reason or "no reason given",
                )
            except KafkaError as error:
                outcomes.append(error)
        await self._store.take(partial(self._membership.remove, group, gone.values()))
        return outcomes


def _wait(change: Change) -> None:
    """A step that only waits for those before it."""
