"""Rebalances that somebody spoils: too many members, silent ones, ones that come back as another or go halfway."""

from __future__ import annotations

from typing import Any

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.interfaces import Joined, Leaving
from chronik.errors import ErrorCode, KafkaError
from tests.coordinator.groups import GroupCase


def subscription(*topics: str, owned: bytes = b"\xff\xff\xff\xff") -> bytes:
    """A consumer's metadata of version 0: topics and what its assignor adds."""
    names = b"".join(len(name).to_bytes(2, "big") + name.encode() for name in topics)
    return b"\x00\x00" + len(topics).to_bytes(4, "big") + names + owned


class SizeTest(GroupCase):
    """``group.max.size`` counts members; while they join anew, those who did."""

    config = GroupConfig(size_max=2)

    def test_ids_given_out_are_no_members(self) -> None:
        """Whoever comes with its id first gets the place."""
        ids = [self.given_id(self.join(known_id_required=True)) for _ in range(3)]
        self.join(ids[0])
        self.join(ids[1])
        again = self.join(ids[0])
        self.assertNoResult(again)
        self.assertEqual(self.code(self.join(ids[2])), ErrorCode.GROUP_MAX_SIZE_REACHED)
        self.assertEqual((self.group.pending, len(self.successResultOf(again).members)), ({}, 2))
        self.assertEqual(self.code(self.join(known_id_required=True)), ErrorCode.GROUP_MAX_SIZE_REACHED)

    def test_the_last_to_rejoin_is_out(self) -> None:
        """A place that somebody else took meanwhile is gone, and nobody waits for its former holder."""
        (first,) = self.stable()
        newcomers = [self.join(), self.join()]
        self.assertNoResult(newcomers[0])
        self.assertEqual(self.code(self.join(first)), ErrorCode.GROUP_MAX_SIZE_REACHED)
        self.assertEqual([self.successResultOf(joined).generation for joined in newcomers], [2, 2])
        self.assertNotIn(first, self.group.members)

    def test_who_waits_already_may_ask_again(self) -> None:
        """A join sent twice does not cost the place."""
        self.stable()
        newcomers = [self.join(), self.join()]
        waiting = [member_id for member_id, member in self.group.members.items() if member.joining is not None]
        again = self.join(waiting[0])
        self.assertEqual(self.code(newcomers[0]), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertNoResult(again)

    def test_a_lower_limit(self) -> None:
        """A group that is read back and too large now rebalances, so that it can shrink."""
        first, second = self.stable(2)
        self.config = GroupConfig(size_max=1)
        self.coordinator.stop()
        self.coordinator = self.make()
        self.coordinator.load(self.log)
        self.assertEqual(self.heartbeat(first, self.group.generation), ErrorCode.REBALANCE_IN_PROGRESS)
        joined = self.join(second)
        self.assertEqual(self.code(self.join(first)), ErrorCode.GROUP_MAX_SIZE_REACHED)
        self.assertEqual(len(self.successResultOf(joined).members), 1)


class SilenceTest(GroupCase):
    """Members that stop halfway."""

    def test_a_new_member_that_went_away(self) -> None:
        """It cannot send heartbeats before it knows who it is; after five minutes it is taken for gone all the same."""
        (first,) = self.stable()
        self.group.members[first].session_timeout_ms = 1_800_000
        self.heartbeat(first, 1)
        newcomer = self.join(session_timeout_ms=6_000, rebalance_timeout_ms=1_800_000)
        self.clock.advance(299)
        self.assertNoResult(newcomer)
        self.clock.advance(2)
        self.assertEqual(self.code(newcomer), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(list(self.group.members), [first])

    def test_one_that_never_asks_for_its_assignment(self) -> None:
        """The others have theirs long since; heartbeats alone do not keep a place."""
        (leader,) = self.stable()
        second = self.join(session_timeout_ms=1_800_000)
        self.join(leader, session_timeout_ms=1_800_000)
        follower = self.successResultOf(second).member_id
        self.sync(leader, 2, {leader: b"x", follower: b"y"})
        self.assertEqual(self.group.state.value, "Stable")
        self.clock.advance(59)
        self.assertEqual(self.heartbeat(follower, 2), ErrorCode.NONE)
        self.clock.advance(2)
        self.assertEqual(list(self.group.members), [leader])
        self.assertEqual(self.heartbeat(leader, 2), ErrorCode.REBALANCE_IN_PROGRESS)

    def test_one_that_asks_late(self) -> None:
        """In time is in time."""
        (leader,) = self.stable()
        second = self.join(session_timeout_ms=1_800_000)
        self.join(leader, session_timeout_ms=1_800_000)
        follower = self.successResultOf(second).member_id
        self.sync(leader, 2, {leader: b"x", follower: b"y"})
        self.clock.advance(59)
        self.assertEqual(self.successResultOf(self.sync(follower, 2)).assignment, b"y")
        self.clock.advance(100)
        self.assertEqual(set(self.group.members), {leader, follower})

    def test_an_assignment_of_an_earlier_rebalance(self) -> None:
        """Whoever is late with it is told that the group went on."""
        (leader,) = self.stable()
        self.join(leader)
        self.log.held = []
        waiting = self.sync(leader, 2, {leader: b"old"})
        self.join()
        self.assertEqual(self.code(waiting), ErrorCode.REBALANCE_IN_PROGRESS)
        self.log.release()
        self.assertEqual(self.group.state.value, "PreparingRebalance")


class LeavingTest(GroupCase):
    """Several at once (KIP-345), and those that are not quite there."""

    def leave(self, *leaving: Leaving) -> list[ErrorCode]:
        """The outcome for each."""
        outcomes = self.successResultOf(self.coordinator.leave("g", leaving))
        return [ErrorCode.NONE if error is None else error.code for error in outcomes]

    def test_of_several_the_rest_hears_once(self) -> None:
        """The group does not go through a generation with members that are leaving in the same request."""
        first, second, third = self.joined(3)
        generation = self.group.generation
        again = self.join(third, protocols=(("range", b"else"),))
        self.assertEqual(self.leave(Leaving(first), Leaving(second)), [ErrorCode.NONE] * 2)
        self.assertEqual((self.successResultOf(again).generation, list(self.group.members)), (generation + 1, [third]))

    def joined(self, count: int) -> list[str]:
        """A stable group of so many dynamic members."""
        (first,) = self.stable()
        joins = [self.join() for _ in range(count - 1)]
        self.join(first)
        ids = [first, *(self.successResultOf(join).member_id for join in joins)]
        for member_id in ids:
            self.sync(member_id, 2, {} if member_id == self.group.leader_id else None)
        self.assertEqual(self.group.state.value, "Stable")
        return ids

    def test_a_pending_one_disturbs_nobody(self) -> None:
        """Members that never were in do not make the others rebalance."""
        (member,) = self.stable()
        pending = self.given_id(self.join(known_id_required=True))
        self.assertEqual(self.leave(Leaving(pending, "named")), [ErrorCode.NONE])
        self.assertEqual(self.heartbeat(member, 1), ErrorCode.NONE)

    def test_a_pending_one_is_not_waited_for(self) -> None:
        """A rebalance that only lacks it ends when it leaves."""
        (member,) = self.stable()
        pending = self.given_id(self.join(known_id_required=True))
        again = self.join(member)
        self.assertNoResult(again)
        self.leave(Leaving(pending))
        self.assertEqual(self.successResultOf(again).generation, 2)

    def test_of_no_group(self) -> None:
        """Each is told that it is unknown."""
        self.assertEqual(self.leave(Leaving("a"), Leaving("", "i")), [ErrorCode.UNKNOWN_MEMBER_ID] * 2)

    def test_fenced(self) -> None:
        """A static member's former self cannot remove its successor."""
        self.join(instance_id="i")
        self.assertEqual(self.leave(Leaving("former", "i"), Leaving("", "unknown")), [ErrorCode.FENCED_INSTANCE_ID, ErrorCode.UNKNOWN_MEMBER_ID])


class StaticReplacementTest(GroupCase):
    """A static member's successor in each state of its group (KIP-345, KIP-814)."""

    def start(self, metadata: bytes = b"one") -> str:
        """One static member, stable."""
        member_id = self.successResultOf(self.static(metadata)).member_id
        self.sync(member_id, 1, {member_id: b"a"}, instance_id="i")
        return member_id

    def static(self, metadata: bytes = b"one", **more: Any) -> Any:
        """It, or its next self."""
        return self.join(instance_id="i", protocols=(("range", metadata),), **more)

    def test_other_partitions_in_hand(self) -> None:
        """What a cooperative consumer had before its restart is no reason to disturb the group; other topics are (KAFKA-12759)."""
        self.start(subscription("t", owned=b"\x00\x00\x00\x01x"))
        self.assertEqual(self.successResultOf(self.static(subscription("t"))).generation, 1)
        self.assertEqual(self.successResultOf(self.static(subscription("t", "u"))).generation, 2)

    def test_another_protocol(self) -> None:
        """The group must change its protocol: everybody joins again."""
        self.start()
        joined = self.successResultOf(self.join(instance_id="i", protocols=(("sticky", b"s"), ("range", b"one"))))
        self.assertEqual((joined.generation, joined.protocol_name), (2, "sticky"))

    def test_a_leader_that_cannot_be_told_not_to_assign(self) -> None:
        """Before version 9 it is told that its former self leads, and so leaves the assignment alone."""
        former = self.start()
        joined = self.successResultOf(self.static(skips_assignment=False))
        self.assertEqual((joined.leader_id, joined.members, joined.skip_assignment), (former, (), False))
        self.assertNotEqual(joined.member_id, former)
        self.assertEqual(self.group.leader_id, joined.member_id)

    def test_before_the_assignment(self) -> None:
        """The leader does not know the successor's id: it has to assign anew."""
        first = self.successResultOf(self.static()).member_id
        joined = self.successResultOf(self.static())
        self.assertEqual((joined.generation, joined.leader_id), (2, joined.member_id))
        self.assertEqual(self.heartbeat(first, 1, "i"), ErrorCode.FENCED_INSTANCE_ID)

    def test_while_the_group_rebalances(self) -> None:
        """It takes part in the rebalance there is; its former self is fenced where it waits."""
        (other,) = self.stable()
        former = self.static()
        successor = self.static()
        self.assertEqual(self.code(former), ErrorCode.FENCED_INSTANCE_ID)
        self.join(other)
        self.assertEqual(self.successResultOf(successor).generation, 2)

    def test_fenced_while_it_waits_for_its_assignment(self) -> None:
        """A sync of the former self is ended too."""
        (leader,) = self.stable()
        joining = self.static()
        self.join(leader)
        former = self.successResultOf(joining).member_id
        waiting = self.sync(former, 2, instance_id="i")
        self.static()
        self.assertEqual(self.code(waiting), ErrorCode.FENCED_INSTANCE_ID)

    def test_a_rebalance_that_begins_while_it_is_written_down(self) -> None:
        """The answer is that of the generation that comes, not of the one that went."""
        self.start()
        self.log.held = []
        successor = self.static()
        other = self.join()
        self.assertNoResult(successor)
        self.log.release()
        self.assertEqual(self.successResultOf(successor).generation, 2)
        self.assertEqual(self.successResultOf(other).generation, 2)

    def test_removed_while_it_is_written_down(self) -> None:
        """There is nothing left to go on with."""
        self.start()
        self.log.held = []
        successor = self.static()
        self.successResultOf(self.coordinator.leave("g", [Leaving("", "i")]))
        self.log.release()
        self.assertEqual(self.code(successor), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_a_successor_that_is_not_written(self) -> None:
        """It looks for the coordinator again; the log still knows its former self."""
        former = self.start()
        self.log.refusing = KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "moved")
        self.assertEqual(self.code(self.static()), ErrorCode.NOT_COORDINATOR)
        self.log.refusing = None
        self.assertEqual(list(self.group.members), [former])

    def test_no_static_member_is_pending(self) -> None:
        """An id that was given to a dynamic member is of no use with an instance."""
        pending = self.given_id(self.join(known_id_required=True))
        self.assertEqual(self.code(self.join(pending, instance_id="i")), ErrorCode.UNKNOWN_MEMBER_ID)

    def test_the_id_is_not_asked_of_static_members(self) -> None:
        """Their instance tells who they are: they join in one step in every version."""
        joined: Joined = self.successResultOf(self.static(known_id_required=True))
        self.assertTrue(joined.member_id.startswith("i-"))
