"""Membership of classic groups: joining, syncing, living, leaving, and the rebalances these bring about.

One generation after another: everybody joins (PreparingRebalance), the leader's assignment is awaited and made durable (CompletingRebalance), and
everybody has it (Stable). Whoever comes, goes or changes begins the next one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.group import Group, GroupState, Member, MemberIdRequired, subscribes_alike
from chronik.coordinator.group.interfaces import Joined, Joining, Leaving, Synced, Syncing
from chronik.coordinator.group.timers import Deadline, Timers
from chronik.errors import ErrorCode, KafkaError

NEW_MEMBER_JOIN_TIMEOUT_MS: Final = 5 * 60_000
"""How long a new member's join may wait. It has no id to send heartbeats with, so a client that went away cannot be told from one that waits;
without a limit each attempt of a client that gives up and tries again would leave one more of them in the group."""

ID_PREFIX_CHARS_MAX: Final = 255
"""How much of a client's or an instance's id a member's id begins with: a string of the protocol holds 32,767 bytes, and the longest names would
leave no room for what makes it unlike any other."""

Store = Callable[[Group, Mapping[str, bytes]], "Deferred[object]"]
"""Makes a group durable with these assignments of its members."""


class Membership:
    """What members do to the groups of one partition of state.

    :param now_ms: the time of day, ms; since when a group is in its state is written down.
    :param store: makes a group durable.
    :param random: gives that many random bytes, for member ids.
    """

    _log = Logger()

    def __init__(self, config: GroupConfig, timers: Timers, now_ms: Callable[[], int], store: Store, random: Callable[[int], bytes]) -> None:
        self._config = config
        self._timers = timers
        self._now_ms = now_ms
        self._store = store
        self._random = random

    # -- joining ------------------------------------------------------------------------------------------------------

    def join(self, group: Group, joining: Joining) -> Deferred[Joined]:
        """Become or stay a member; see :meth:`IGroupCoordinator.join`."""
        try:
            if not group.accepts(joining.member_id, self._config.size_max):
                raise self._turned_away(group, joining.member_id)
            if not group.fits(joining.protocol_type, (name for name, _ in joining.protocols)):
                raise KafkaError(
                    ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
                    f"group {group.group_id} uses {group.protocol_type!r} and protocols that this member does not share",
                )
            if joining.member_id:
                return self._join_known(group, joining)
            if joining.instance_id is not None:
                return self._join_static(group, joining)
            return self._join_new(group, joining)
        except KafkaError as error:
            return fail(error)

    def _new_id(self, prefix: str) -> str:
        return f"{prefix[:ID_PREFIX_CHARS_MAX]}-{uuid.UUID(bytes=self._random(16), version=4)}"

    def _join_new(self, group: Group, joining: Joining) -> Deferred[Joined]:
        member_id = self._new_id(joining.client_id)
        if joining.known_id_required:
            deadline = group.pending[member_id] = Deadline(partial(self._pending_expired, group, member_id))
            self._timers.set(deadline, joining.session_timeout_ms)
            raise MemberIdRequired(member_id)
        return self._add(group, member_id, joining)

    def _join_static(self, group: Group, joining: Joining) -> Deferred[Joined]:
        """A static member that starts: it takes the place of its former self, if there is one."""
        assert joining.instance_id is not None
        member_id = self._new_id(joining.instance_id)
        held = group.static.get(joining.instance_id)
        if held is None:
            return self._add(group, member_id, joining)
        return self._replace(group, group.members[held], member_id, joining)

    def _turned_away(self, group: Group, member_id: str) -> KafkaError:
        """There is no room; what was kept for this member is given up."""
        pending, member = group.pending.pop(member_id, None), group.members.get(member_id)
        if pending is not None:
            self._timers.call_off(pending)
        if member is not None:
            self._forget(group, member)
        self._complete_if_all_joined(group)
        return KafkaError(ErrorCode.GROUP_MAX_SIZE_REACHED, f"group {group.group_id} has as many members as group.max.size allows")

    def _join_known(self, group: Group, joining: Joining) -> Deferred[Joined]:
        pending = group.pending.pop(joining.member_id, None) if joining.instance_id is None else None
        if pending is not None:
            self._timers.call_off(pending)
            return self._add(group, joining.member_id, joining)
        member = group.member(joining.member_id, joining.instance_id)
        same = member.protocols == joining.protocols
        if group.state is GroupState.COMPLETING_REBALANCE and same:
            # The answer to its join was lost on the way.
            member.update(joining)
            return succeed(group.joined(member))
        if group.state is GroupState.STABLE and same and member.member_id != group.leader_id:
            member.update(joining)
            self.lives(member)
            return succeed(group.joined(member))
        member.update(joining)
        return self._rejoin(group, member, f"member {member.member_id} joins again")

    def _add(self, group: Group, member_id: str, joining: Joining) -> Deferred[Joined]:
        member = Member(member_id, joining)
        member.is_new = True
        group.newcomers = group.initial
        member.session = Deadline(partial(self._session_expired, group, member))
        group.add(member, joining.protocol_type)
        return self._rejoin(group, member, f"member {member_id} joins")

    def _rejoin(self, group: Group, member: Member, why: str) -> Deferred[Joined]:
        member.end_joining(KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, "the member joined again on another connection"))
        waiting = member.joining = Deferred()
        self.lives(member)
        if group.state is GroupState.PREPARING_REBALANCE:
            self._complete_if_all_joined(group)
        else:
            self._begin(group, why)
        return waiting

    def _replace(self, group: Group, member: Member, member_id: str, joining: Joining) -> Deferred[Joined]:
        """The former self of a static member is fenced; nobody else need notice when it wants the same topics (KIP-345, KAFKA-12759)."""
        fenced = KafkaError(ErrorCode.FENCED_INSTANCE_ID, f"static member {member.instance_id} of group {group.group_id} started anew")
        member.end_joining(fenced)
        member.end_syncing(fenced)
        wanted, former_leader = member.metadata(group.protocol_name), group.leader_id
        group.rename(member, member_id)
        member.update(joining)
        if (
            group.state is not GroupState.STABLE
            or group.select_protocol() != group.protocol_name
            or not subscribes_alike(wanted, member.metadata(group.protocol_name))
        ):
            return self._rejoin(group, member, f"static member {member.instance_id} starts anew")
        self.lives(member)
        stored = self._store(group, {m.member_id: m.assignment for m in group.members.values()})
        return stored.addCallback(self._replaced, group, member, group.generation, None if joining.skips_assignment else former_leader)

    def _replaced(self, result: object, group: Group, member: Member, generation: int, told_leader: str | None) -> Joined | Deferred[Joined]:
        """A static member's successor is durable: it goes on in the generation there is, unless another began meanwhile.

        :param told_leader: who is said to lead to a member that cannot be told not to assign: an id that is not its own, so that it does not.
        """
        if group.members.get(member.member_id) is not member:
            raise group.unknown_member(member.member_id)
        if group.state is GroupState.DEAD:
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "the group is another one now: join again")
        if group.state is not GroupState.STABLE or group.generation != generation:
            return self._rejoin(group, member, f"static member {member.instance_id} starts anew")
        if told_leader is not None:
            return Joined(member.member_id, generation, group.protocol_type, group.protocol_name, told_leader)
        return group.joined(member, skip_assignment=member.member_id == group.leader_id)

    # -- rebalances ---------------------------------------------------------------------------------------------------

    def _begin(self, group: Group, why: str) -> None:
        """Begin a rebalance: everybody is to join again."""
        if group.state is GroupState.COMPLETING_REBALANCE:
            self._end_syncs(group, KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "the group began another rebalance"))
        group.unsynced.clear()
        self._all_synced(group)
        self._log.debug("group {group} of generation {generation} rebalances: {why}", group=group.group_id, generation=group.generation, why=why)
        first = group.state is GroupState.EMPTY
        group.move_to(GroupState.PREPARING_REBALANCE, self._now_ms())
        if first:
            delay_ms = self._config.initial_rebalance_delay_ms
            self._wait_for_more(group, delay_ms, max(group.rebalance_timeout_ms - delay_ms, 0))
            return
        group.rebalance = Deadline(partial(self._join_over, group))
        self._timers.set(group.rebalance, group.rebalance_timeout_ms)
        self._complete_if_all_joined(group)

    def _wait_for_more(self, group: Group, delay_ms: int, remaining_ms: int) -> None:
        """Give more members the time to come before a group's first generation."""
        if delay_ms == 0:
            self._join_over(group)
            return
        group.initial = True
        group.newcomers = False
        group.rebalance = Deadline(partial(self._waited, group, delay_ms, remaining_ms))
        self._timers.set(group.rebalance, delay_ms)

    def _waited(self, group: Group, delay_ms: int, remaining_ms: int) -> None:
        """As long as more come the wait goes on, up to the rebalance timeout."""
        if group.newcomers and remaining_ms > 0:
            self._wait_for_more(group, min(self._config.initial_rebalance_delay_ms, remaining_ms), max(remaining_ms - delay_ms, 0))
        else:
            self._join_over(group)

    def _complete_if_all_joined(self, group: Group) -> None:
        if group.state is GroupState.PREPARING_REBALANCE and not group.initial and group.all_joined():
            self._join_over(group)

    def _join_over(self, group: Group) -> None:
        """Everybody joined, or the time is up: whoever did not is out, and the next generation begins."""
        group.initial = False
        if group.rebalance is not None:
            self._timers.call_off(group.rebalance)
        for member in [m for m in group.members.values() if m.joining is None and m.instance_id is None]:
            self._log.info("group {group}: member {member} did not join in time and is out", group=group.group_id, member=member.member_id)
            self._forget(group, member)
        if group.members and not group.elect():
            # Only static members are left, and none of them came: they have until their sessions end.
            group.rebalance = Deadline(partial(self._join_over, group))
            self._timers.set(group.rebalance, group.rebalance_timeout_ms)
            return
        group.generation = (group.generation + 1) & 0x7FFFFFFF
        if not group.members:
            self._become_empty(group)
            return
        group.protocol_name = group.select_protocol()
        group.move_to(GroupState.COMPLETING_REBALANCE, self._now_ms())
        group.unsynced = set(group.members)
        group.sync = Deadline(partial(self._sync_over, group, group.generation))
        self._timers.set(group.sync, group.rebalance_timeout_ms)
        for member in tuple(group.members.values()):
            member.is_new = False
            self.lives(member)
            member.end_joining(group.joined(member))

    def _become_empty(self, group: Group) -> None:
        group.protocol_name = None
        group.leader_id = None
        group.move_to(GroupState.EMPTY, self._now_ms())
        self._store(group, {}).addErrback(self._not_stored, group)

    def _not_stored(self, failure: Failure, group: Group) -> None:
        self._log.warn("group {group} became empty, which could not be written: {error}", group=group.group_id, error=failure.value)

    def _sync_over(self, group: Group, generation: int) -> None:
        """Members that did not ask for their assignment in time are out."""
        if group.state not in (GroupState.COMPLETING_REBALANCE, GroupState.STABLE) or group.generation != generation:
            return
        for member in [group.members[member_id] for member_id in group.unsynced]:
            self._log.info("group {group}: member {member} did not sync in time and is out", group=group.group_id, member=member.member_id)
            self._forget(group, member)
        self._begin(group, "members did not sync in time")

    def _all_synced(self, group: Group) -> None:
        """Nobody is waited for to ask for an assignment, if so."""
        if group.sync is not None and not group.unsynced:
            self._timers.call_off(group.sync)

    # -- syncing ------------------------------------------------------------------------------------------------------

    def sync(self, group: Group, syncing: Syncing) -> Deferred[Synced]:
        """Ask for an assignment; see :meth:`IGroupCoordinator.sync`."""
        try:
            member = group.member(syncing.member_id, syncing.instance_id)
            group.check_generation(syncing.generation)
            self._check_protocol(group, syncing)
            if group.state is GroupState.EMPTY:
                raise group.unknown_member(syncing.member_id)
            if group.state is GroupState.PREPARING_REBALANCE:
                raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "the group began another rebalance: join again")
        except KafkaError as error:
            return fail(error)
        self.lives(member)
        group.unsynced.discard(member.member_id)
        self._all_synced(group)
        if group.state is GroupState.STABLE:
            return succeed(group.synced(member))
        member.end_syncing(KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, "the member synced again on another connection"))
        waiting = member.syncing = Deferred()
        if member.member_id == group.leader_id:
            self._assign(group, syncing)
        return waiting

    def _check_protocol(self, group: Group, syncing: Syncing) -> None:
        wrong_type = syncing.protocol_type is not None and syncing.protocol_type != group.protocol_type
        wrong_name = syncing.protocol_name is not None and syncing.protocol_name != group.protocol_name
        if wrong_type or wrong_name:
            raise KafkaError(
                ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"group {group.group_id} uses {group.protocol_type}:{group.protocol_name} in this generation"
            )

    def _assign(self, group: Group, syncing: Syncing) -> None:
        """The leader's assignment came: make it durable, then give everybody theirs."""
        assignments = {member_id: syncing.assignments.get(member_id, b"") for member_id in group.members}
        stored = self._store(group, assignments)
        stored.addCallbacks(
            self._assigned,
            self._not_assigned,
            callbackArgs=(group, group.generation, assignments),
            errbackArgs=(group, group.generation),
        )

    def _assigned(self, result: object, group: Group, generation: int, assignments: Mapping[str, bytes]) -> None:
        if group.state is not GroupState.COMPLETING_REBALANCE or group.generation != generation:
            return
        group.move_to(GroupState.STABLE, self._now_ms())
        for member in tuple(group.members.values()):
            member.assignment = assignments.get(member.member_id, b"")
            self.lives(member)
            member.end_syncing(group.synced(member))

    def _not_assigned(self, failure: Failure, group: Group, generation: int) -> None:
        if group.state is not GroupState.COMPLETING_REBALANCE or group.generation != generation:
            return
        error = failure.value if isinstance(failure.value, KafkaError) else KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, str(failure.value))
        self._end_syncs(group, error)
        self._begin(group, "the assignment could not be written")

    def _end_syncs(self, group: Group, error: KafkaError) -> None:
        for member in tuple(group.members.values()):
            member.assignment = b""
            member.end_syncing(error)

    # -- living and leaving -------------------------------------------------------------------------------------------

    def heartbeat(self, group: Group, generation: int, member_id: str, instance_id: str | None) -> None:
        """A member lives; see :meth:`IGroupCoordinator.heartbeat`.

        :raises KafkaError: what the member should know.
        """
        member = group.member(member_id, instance_id)
        group.check_generation(generation)
        if group.state is GroupState.EMPTY:
            raise group.unknown_member(member_id)
        self.lives(member)
        if group.state is GroupState.PREPARING_REBALANCE:
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "the group rebalances: join again")

    def leave(self, group: Group, leaving: Sequence[Leaving]) -> list[KafkaError | None]:
        """Remove members, then let the others go on; see :meth:`IGroupCoordinator.leave`."""
        outcomes: list[KafkaError | None] = []
        before = len(group.members)
        for one in leaving:
            try:
                self._leave(group, one)
                outcomes.append(None)
            except KafkaError as error:
                outcomes.append(error)
        if len(group.members) < before:
            self._go_on(group, "members left")
        else:
            self._complete_if_all_joined(group)
        return outcomes

    def _leave(self, group: Group, leaving: Leaving) -> None:
        """Remove one.

        :raises KafkaError: ``UNKNOWN_MEMBER_ID`` or ``FENCED_INSTANCE_ID``.
        """
        member_id = leaving.member_id
        if not member_id and leaving.instance_id is not None:
            member_id = group.static.get(leaving.instance_id, "")
        pending = group.pending.pop(member_id, None)
        if pending is not None:
            self._timers.call_off(pending)
            return
        member = group.member(member_id, leaving.instance_id)
        reason = leaving.reason or "no reason given"
        self._log.info("group {group}: member {member} leaves: {reason}", group=group.group_id, member=member_id, reason=reason)
        self._forget(group, member)

    def watch_sessions(self, group: Group) -> None:
        """Expect signs of life of the members of a group that was read from its log, and that they are not too many."""
        for member in group.members.values():
            member.session = Deadline(partial(self._session_expired, group, member))
            self.lives(member)
        if len(group.members) > self._config.size_max:
            self._begin(group, "there are more members than group.max.size, which was lowered")

    def adopt(self, group: Group, why: str | None) -> None:
        """Take over a group that changed from the newer protocol.

        :param why: the reason why everybody has to join again; None when they need not.
        """
        self.watch_sessions(group)
        if why is not None and group.state is GroupState.STABLE:
            self._begin(group, why)

    def abandon(self, group: Group, error: KafkaError) -> None:
        """The group's state is led elsewhere or read anew, or the group is another one now: whoever waits is told so."""
        group.state = GroupState.DEAD
        for deadline in (group.rebalance, group.sync, *group.pending.values(), *(m.session for m in group.members.values())):
            if deadline is not None:
                self._timers.call_off(deadline)
        for member in tuple(group.members.values()):
            member.end_joining(error)
            member.end_syncing(error)

    def lives(self, member: Member) -> None:
        """A member showed that it lives."""
        if member.session is not None:
            self._timers.set(member.session, NEW_MEMBER_JOIN_TIMEOUT_MS if member.is_new else member.session_timeout_ms)

    def _session_expired(self, group: Group, member: Member) -> None:
        if group.members.get(member.member_id) is not member or group.state is GroupState.DEAD:
            return
        if not member.is_new and (member.joining is not None or member.syncing is not None):
            # It waits for us: that is life enough.
            self.lives(member)
            return
        self._log.info(
            "group {group}: member {member} gave no sign of life for {ms} ms and is out",
            group=group.group_id,
            member=member.member_id,
            ms=member.session_timeout_ms,
        )
        self._remove(group, member, "a member's session expired")

    def _pending_expired(self, group: Group, member_id: str) -> None:
        group.pending.pop(member_id, None)
        self._complete_if_all_joined(group)

    def _remove(self, group: Group, member: Member, why: str) -> None:
        self._forget(group, member)
        self._go_on(group, why)

    def _go_on(self, group: Group, why: str) -> None:
        """Somebody is gone: the others share its part, or need not wait for it any more."""
        if group.state is GroupState.PREPARING_REBALANCE:
            self._complete_if_all_joined(group)
        elif group.state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE):
            self._begin(group, why)

    def _forget(self, group: Group, member: Member) -> None:
        group.remove(member.member_id)
        if member.session is not None:
            self._timers.call_off(member.session)
        gone = group.unknown_member(member.member_id)
        member.end_joining(gone)
        member.end_syncing(gone)
