"""Members of a classic group: joining, syncing, living, leaving."""

from __future__ import annotations

from dataclasses import replace

from zope.interface.verify import verifyObject

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.interfaces import IGroupCoordinator, Leaving
from chronik.coordinator.interfaces import IStateLog
from chronik.errors import ErrorCode, KafkaError
from tests.coordinator.groups import JOINING, GroupCase


class JoinTest(GroupCase):
    """Who gets in, and when the next generation begins."""

    def test_interfaces(self) -> None:
        """The coordinator and the fake log are what they say."""
        verifyObject(IGroupCoordinator, self.coordinator)
        verifyObject(IStateLog, self.log)

    def test_the_first_member_leads_at_once(self) -> None:
        """Without an initial delay a group of one is ready immediately."""
        joined = self.successResultOf(self.join())
        self.assertEqual((joined.generation, joined.leader_id, joined.protocol_name), (1, joined.member_id, "range"))
        self.assertEqual([(m.member_id, m.metadata) for m in joined.members], [(joined.member_id, b"one")])
        self.assertTrue(joined.member_id.startswith("client-"))

    def test_long_names(self) -> None:
        """The id of a member is short enough to be told, however long the name is that it begins with, and unlike that of any other."""
        for names, instance_id in (("ab", None), ("cd", "ö" * 16_383)):
            first, second = (self.successResultOf(self.join(client_id="x" * 32_767, instance_id=instance_id, group_id=name)) for name in names)
            self.assertLess(len(first.member_id.encode()), 600)
            self.assertNotEqual(first.member_id, second.member_id)

    def test_new_members_are_told_their_id_first(self) -> None:
        """From version 4 on a member comes twice; what does not come again leaves nothing behind (KIP-394)."""
        member_id = self.given_id(self.join(known_id_required=True))
        self.assertEqual(list(self.group.pending), [member_id])
        self.assertEqual(self.successResultOf(self.join(member_id)).member_id, member_id)
        self.given_id(self.join(known_id_required=True))
        self.clock.advance(10.1)
        self.assertEqual(self.group.pending, {})

    def test_a_second_member_waits_for_the_first(self) -> None:
        """The rebalance ends when everybody joined again, not after a fixed time (PITFALL 27)."""
        (first,) = self.stable()
        second = self.join()
        self.assertEqual(self.heartbeat(first, 1), ErrorCode.REBALANCE_IN_PROGRESS)
        self.clock.advance(5)
        self.assertNoResult(second)
        again = self.successResultOf(self.join(first))
        self.assertEqual((again.generation, len(again.members)), (2, 2))
        self.assertEqual(self.successResultOf(second).members, ())

    def test_whoever_does_not_join_in_time_is_out(self) -> None:
        """After the rebalance timeout the others go on without it."""
        (first,) = self.stable()
        second = self.join(rebalance_timeout_ms=1_000, session_timeout_ms=1_800_000)
        self.group.members[first].session_timeout_ms = 1_800_000
        self.heartbeat(first, 1)
        self.clock.advance(60.1)
        joined = self.successResultOf(second)
        self.assertEqual((joined.generation, list(self.group.members)), (2, [joined.member_id]))

    def test_refusals(self) -> None:
        """Each documented error of a join."""
        self.assertEqual(self.code(self.join(group_id="")), ErrorCode.INVALID_GROUP_ID)
        self.assertEqual(self.code(self.join(session_timeout_ms=1)), ErrorCode.INVALID_SESSION_TIMEOUT)
        self.assertEqual(self.code(self.join(session_timeout_ms=1_800_001)), ErrorCode.INVALID_SESSION_TIMEOUT)
        self.assertEqual(self.code(self.join("stranger")), ErrorCode.UNKNOWN_MEMBER_ID)
        self.stable()
        self.assertEqual(self.code(self.join("stranger")), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.code(self.join(protocol_type="connect")), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(self.code(self.join(protocols=(("sticky", b""),))), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(self.code(self.join(protocols=())), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)

    def test_the_protocol_most_members_prefer(self) -> None:
        """Among those that all know, the votes count."""
        first = self.successResultOf(self.join(protocols=(("range", b"r"), ("sticky", b"s")))).member_id
        self.sync(first, 1, {})
        self.join(protocols=(("sticky", b"s"), ("range", b"r")))
        self.join(protocols=(("sticky", b"s"), ("only mine", b""), ("range", b"r")))
        self.join(first, protocols=(("range", b"r"), ("sticky", b"s")))
        self.assertEqual((self.group.generation, self.group.protocol_name), (2, "sticky"))

    def test_a_follower_that_joins_again_unchanged(self) -> None:
        """It lost its answer: the group need not rebalance; a leader that comes again wants to."""
        leader, follower = self.stable(2)
        self.assertEqual(self.successResultOf(self.join(follower)).generation, self.group.generation)
        self.assertEqual(self.group.state.value, "Stable")
        self.join(leader)
        self.assertEqual(self.group.state.value, "PreparingRebalance")

    def test_protocol_types_of_others(self) -> None:
        """Connect and Schema Registry coordinate through us too; their bytes are theirs."""
        joined = self.successResultOf(self.join(protocol_type="connect", protocols=(("v1", b"\xff\x00"),)))
        self.assertEqual((joined.protocol_type, joined.members[0].metadata), ("connect", b"\xff\x00"))


class SmallGroupTest(GroupCase):
    """A group may be bounded."""

    config = GroupConfig(size_max=1)

    def test_full(self) -> None:
        """One more is refused, the member there may join again."""
        (first,) = self.stable()
        self.assertEqual(self.code(self.join()), ErrorCode.GROUP_MAX_SIZE_REACHED)
        self.assertEqual(self.successResultOf(self.join(first)).generation, 2)


class PatientGroupTest(GroupCase):
    """``group.initial.rebalance.delay.ms``."""

    config = GroupConfig(initial_rebalance_delay_ms=3_000)

    def test_waits_for_more(self) -> None:
        """Members that come within the delay are in the first generation, and prolong it for others."""
        first, second = self.join(), self.join()
        self.clock.pump([1, 1, 0.9])
        third = self.join()
        self.clock.pump([0.1, 1, 1, 0.9])
        self.assertNoResult(first)
        self.clock.advance(0.1)
        self.assertEqual([self.successResultOf(joined).generation for joined in (first, second, third)], [1, 1, 1])

    def test_waits_once_for_one(self) -> None:
        """Nobody else came: the wait is over."""
        alone = self.join()
        self.clock.advance(2.9)
        self.assertNoResult(alone)
        self.clock.advance(0.2)
        self.assertEqual(self.successResultOf(alone).generation, 1)

    def test_not_longer_than_a_rebalance(self) -> None:
        """However many come, those who came first are not made to wait for ever."""
        first = self.join(rebalance_timeout_ms=7_000)
        for _ in range(6):
            self.clock.advance(1)
            self.join(rebalance_timeout_ms=7_000)
        self.assertNoResult(first)
        self.clock.advance(1.1)
        self.assertEqual(len(self.successResultOf(first).members), 7)

    def test_those_who_leave_do_not_end_it(self) -> None:
        """The wait goes on for the others."""
        first, second = self.join(), self.join()
        gone, stays = self.group.members
        self.successResultOf(self.coordinator.leave("g", [Leaving(gone)]))
        self.assertEqual(self.code(first), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertNoResult(second)
        self.clock.pump([1] * 6)
        self.assertEqual(self.successResultOf(second).member_id, stays)


class SyncTest(GroupCase):
    """Assignments."""

    def test_followers_wait_for_the_leader(self) -> None:
        """Nobody gets an assignment before the leader brought it and it is durable (PITFALL 28)."""
        (first,) = self.stable()
        second = self.join()
        self.join(first)
        follower = self.successResultOf(second).member_id
        waiting = self.sync(follower, 2)
        self.assertNoResult(waiting)
        self.log.held = []
        leader = self.sync(first, 2, {first: b"mine", follower: b"yours"})
        self.assertNoResult(waiting)
        self.log.release()
        self.assertEqual(self.successResultOf(leader).assignment, b"mine")
        self.assertEqual(self.successResultOf(waiting).assignment, b"yours")
        self.assertEqual(self.successResultOf(self.sync(follower, 2)).assignment, b"yours")

    def test_refusals(self) -> None:
        """Each documented error of a sync."""
        self.assertEqual(self.code(self.sync("nobody", 1)), ErrorCode.UNKNOWN_MEMBER_ID)
        (member,) = self.stable()
        self.assertEqual(self.code(self.sync("nobody", 1)), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.code(self.sync(member, 7)), ErrorCode.ILLEGAL_GENERATION)
        self.assertEqual(self.code(self.sync(member, 1, protocol_name="sticky")), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        self.assertEqual(self.code(self.sync(member, 1, protocol_type="connect")), ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        self.join()
        self.assertEqual(self.code(self.sync(member, 1)), ErrorCode.REBALANCE_IN_PROGRESS)

    def test_an_assignment_that_cannot_be_written(self) -> None:
        """Nobody gets it; the state is read anew, and members find themselves unknown and come again."""
        member = self.successResultOf(self.join()).member_id
        self.log.refusing = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "disk")
        self.assertEqual(self.code(self.sync(member, 1, {member: b"x"})), ErrorCode.NOT_COORDINATOR)
        self.log.refusing = None
        self.assertEqual(self.heartbeat(member, 1), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_whoever_does_not_sync_is_out(self) -> None:
        """A member that took the generation and went silent does not hold the others up for ever."""
        (first,) = self.stable()
        second = self.join(session_timeout_ms=1_800_000)
        self.group.members[first].session_timeout_ms = 1_800_000
        self.join(first)
        waiting = self.sync(self.successResultOf(second).member_id, 2)
        self.clock.advance(60.1)
        self.assertEqual(self.code(waiting), ErrorCode.REBALANCE_IN_PROGRESS)
        self.assertNotIn(first, self.group.members)


class LifeTest(GroupCase):
    """Signs of life, and their absence."""

    def test_heartbeats_keep_a_member(self) -> None:
        """As long as they come."""
        (member,) = self.stable()
        for _ in range(5):
            self.clock.advance(9)
            self.assertEqual(self.heartbeat(member, 1), ErrorCode.NONE)
        self.clock.advance(10.1)
        self.assertEqual(self.group.members, {})
        self.assertEqual(self.group.state.value, "Empty")
        self.assertEqual(self.heartbeat(member, 1), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_errors(self) -> None:
        """Unknown groups, members and generations."""
        self.assertEqual(self.heartbeat("nobody", 1), ErrorCode.UNKNOWN_MEMBER_ID)
        (member,) = self.stable()
        self.assertEqual(self.heartbeat(member, 2), ErrorCode.ILLEGAL_GENERATION)
        self.assertEqual(self.heartbeat("nobody", 1), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_waiting_is_life(self) -> None:
        """A member that waits for others to join is not thrown out for its silence."""
        (first,) = self.stable()
        second = self.join(session_timeout_ms=6_000, rebalance_timeout_ms=60_000)
        for _ in range(4):
            self.clock.advance(5)
            self.heartbeat(first, 1)
        self.join(first)
        self.assertEqual(self.successResultOf(second).generation, 2)

    def leave(self, *leaving: Leaving) -> list[ErrorCode]:
        """Let members go; how each is answered."""
        outcomes = self.successResultOf(self.coordinator.leave("g", leaving))
        return [ErrorCode.NONE if outcome is None else outcome.code for outcome in outcomes]

    def test_leaving(self) -> None:
        """The others rebalance at once; the last one leaves the group empty; strangers are told so."""
        leader, follower = self.stable(2)
        self.assertEqual(self.leave(Leaving(leader), Leaving("nobody")), [ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID])
        self.assertEqual(self.heartbeat(follower, self.group.generation), ErrorCode.REBALANCE_IN_PROGRESS)
        again = self.successResultOf(self.join(follower))
        self.assertEqual((again.leader_id, len(again.members)), (follower, 1))
        self.assertEqual(self.leave(Leaving(follower)), [ErrorCode.NONE])
        self.assertEqual(self.group.state.value, "Empty")

    def test_a_pending_member_leaves(self) -> None:
        """It need not have joined."""
        member_id = self.given_id(self.join(known_id_required=True))
        self.assertEqual(self.leave(Leaving(member_id)), [ErrorCode.NONE])
        self.assertEqual(self.group.pending, {})


class StaticTest(GroupCase):
    """Members with a ``group.instance.id`` (KIP-345)."""

    def start(self) -> str:
        """One static member, stable."""
        member_id = self.successResultOf(self.join(instance_id="i")).member_id
        self.sync(member_id, 1, {member_id: b"a"}, instance_id="i")
        return member_id

    def test_a_restart_does_not_rebalance(self) -> None:
        """It gets a new id and its old place; its former self is fenced; the leader need not assign again."""
        before = self.start()
        joined = self.successResultOf(self.join(instance_id="i"))
        self.assertNotEqual(joined.member_id, before)
        self.assertEqual((joined.generation, joined.skip_assignment, self.group.state.value), (1, True, "Stable"))
        self.assertEqual(self.heartbeat(before, 1, "i"), ErrorCode.FENCED_INSTANCE_ID)
        self.assertEqual(self.successResultOf(self.sync(joined.member_id, 1, instance_id="i")).assignment, b"a")

    def test_a_restart_with_another_subscription_rebalances(self) -> None:
        """What it wants changed: the group has to assign anew."""
        self.start()
        joined = self.successResultOf(self.join(instance_id="i", protocols=(("range", b"other"),)))
        self.assertEqual((joined.generation, joined.skip_assignment), (2, False))

    def test_unknown_instances(self) -> None:
        """An instance that nobody has is unknown; one that another has is fenced."""
        self.start()
        self.assertEqual(self.heartbeat("x", 1, "nobody"), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.code(self.join("x", instance_id="i")), ErrorCode.FENCED_INSTANCE_ID)

    def test_removed_by_its_instance(self) -> None:
        """An administrator knows the instance alone."""
        self.start()
        self.successResultOf(self.coordinator.leave("g", [Leaving("", "i", "maintenance")]))
        self.assertEqual(self.group.members, {})

    def test_away_longer_than_a_rebalance(self) -> None:
        """A static member that does not rejoin keeps its place until its session ends."""
        member = self.start()
        self.group.members[member].session_timeout_ms = 1_000_000
        self.heartbeat(member, 1, "i")
        other = self.coordinator.join(replace(JOINING, session_timeout_ms=1_800_000))
        self.clock.advance(60.1)
        self.assertEqual(self.successResultOf(other).generation, 2)
        self.assertIn(member, self.group.members)
