"""Offsets of consumer groups: who may commit and read them, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.consumer.config import ConsumerConfig
from chronik.coordinator.group.interfaces import Committing, OffsetCommit
from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicPartition
from tests.coordinator.consumer.consumers import JOINING, ConsumerCase, T, U, partitions

PLACE = TopicPartition("t", 0)


class CommitTest(ConsumerCase):
    """Members commit in their epoch."""

    def test_epochs(self) -> None:
        """In the member's epoch; not in one that is still to come."""
        self.enter()
        self.successResultOf(self.commit(5, "m", 2))
        self.assertEqual(self.code(self.commit(6, "m", 3)), ErrorCode.STALE_MEMBER_EPOCH)
        self.assertEqual(self.code(self.commit(6, "n", 2)), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.code(self.commit(6)), ErrorCode.UNKNOWN_MEMBER_ID)
        self.assertEqual(self.coordinator.offsets("g")[PLACE].offset, 5)

    def test_an_epoch_behind(self) -> None:
        """What the member has had since then it may commit, so that an answer under way costs nothing (KIP-1251)."""
        self.enter()
        self.topics({"t": (T, 5), "u": (U, 2)})
        self.beat("m", 2)
        self.successResultOf(self.commit(5, "m", 2))
        self.assertEqual(self.code(self.commit(5, "m", 2, TopicPartition("t", 4))), ErrorCode.STALE_MEMBER_EPOCH)
        self.assertEqual(self.code(self.commit(5, "m", 2, TopicPartition("u", 0))), ErrorCode.STALE_MEMBER_EPOCH)

    def test_while_it_gives_up(self) -> None:
        """Until it said that it gave a partition up it commits it, and then never more."""
        self.enter("m")
        self.enter("n")
        self.beat("m", 2)
        self.successResultOf(self.commit(5, "m", 2, TopicPartition("t", 3)))
        self.beat("m", 2, owned=partitions(T, 0, 1))
        self.assertEqual(self.code(self.commit(6, "m", 2, TopicPartition("t", 3))), ErrorCode.STALE_MEMBER_EPOCH)

    def test_what_it_never_took(self) -> None:
        """What a member did not name when it said what it owns may be another's at once: it commits there no more, and is fenced if it reads it."""
        self.enter("m")
        self.enter("n")
        # The answer to this one is lost, so that it goes on with what it was told first.
        self.assertEqual(partitions(T, 0, 1), self.beat("m", 2, owned={}, topics=frozenset("t"), rebalance_timeout_ms=30_000).assignment)
        self.assertEqual(partitions(T, 2, 3), self.beat("n", 3).assignment)
        self.successResultOf(self.commit(5, "m", 2, TopicPartition("t", 1)))
        self.assertEqual(self.code(self.commit(5, "m", 2, TopicPartition("t", 3))), ErrorCode.STALE_MEMBER_EPOCH)
        self.assertEqual(self.refused(member_id="m", epoch=2, owned=partitions(T, 0, 1, 2, 3)), ErrorCode.FENCED_MEMBER_EPOCH)

    def test_old_version(self) -> None:
        """Clients that do not know of epochs cannot be members of this kind."""
        self.enter()
        committing = Committing("g", 2, "m", None, {PLACE: OffsetCommit(5, -1, "")}, knows_epochs=False)
        self.assertEqual(self.code(self.coordinator.commit(committing)), ErrorCode.UNSUPPORTED_VERSION)

    def test_outsiders(self) -> None:
        """Administrators set offsets of a group without members."""
        self.enter()
        self.beat("m", -1)
        self.successResultOf(self.commit(5))
        self.assertEqual(self.coordinator.list_groups()[0].kind, "consumer")

    def test_reading(self) -> None:
        """Members read in their epoch, others without one."""
        self.enter()
        self.successResultOf(self.commit(5, "m", 2))
        self.assertEqual(self.coordinator.offsets("g", "m", 2)[PLACE].offset, 5)
        for member_id, epoch, code in (("m", 1, ErrorCode.STALE_MEMBER_EPOCH), ("n", 2, ErrorCode.UNKNOWN_MEMBER_ID)):
            error = self.assertRaises(KafkaError, self.coordinator.offsets, "g", member_id, epoch)
            self.assertEqual(error.code, code)

    def test_deleting(self) -> None:
        """Offsets of topics that nobody subscribes to; of the others none."""
        self.enter()
        self.successResultOf(self.commit(5, "m", 2))
        self.successResultOf(self.commit(5, "m", 2, TopicPartition("u", 0)))
        outcome = self.successResultOf(self.coordinator.delete_offsets("g", [PLACE, TopicPartition("u", 0)]))
        self.assertEqual([error and error.code for error in outcome.values()], [ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, None])
        self.assertEqual(set(self.coordinator.offsets("g")), {PLACE})


class GroupTest(ConsumerCase):
    """The group as a whole."""

    config = GroupConfig(retention_ms=60_000, retention_check_ms=1_000, consumer=ConsumerConfig(assignment_interval_ms=0))

    def test_delete(self) -> None:
        """Without members; offsets go first."""
        self.enter()
        self.successResultOf(self.commit(5, "m", 2))
        self.assertEqual(self.code(self.coordinator.delete("g")), ErrorCode.NON_EMPTY_GROUP)
        self.beat("m", -1)
        self.successResultOf(self.coordinator.delete("g"))
        self.assertEqual((self.coordinator.list_groups(), self.coordinator.offsets("g")), ([], {}))

    def test_somebody_comes_while_it_is_deleted(self) -> None:
        """Whoever joins while the offsets go stays in, also after a restart."""
        self.enter()
        self.successResultOf(self.commit(5, "m", 2))
        self.beat("m", -1)
        self.log.held = []
        deleting: Deferred[Any] = self.coordinator.delete("g")
        joining = self.enter_later("n")
        self.log.release()
        self.successResultOf(deleting)
        self.successResultOf(joining)
        self.assertEqual(set(self.consumers.members), {"n"})
        self.reload()
        self.assertEqual(set(self.consumers.members), {"n"})

    def enter_later(self, member_id: str) -> Deferred[Any]:
        """A join whose answer waits."""
        return self.coordinator.consumer_heartbeat(replace(JOINING, member_id=member_id))

    def test_expiry(self) -> None:
        """Offsets of what is read stay; of an empty group they go with their time, and the group with them."""
        self.enter()
        self.successResultOf(self.commit(5, "m", 2))
        self.successResultOf(self.commit(5, "m", 2, TopicPartition("u", 0)))
        for _ in range(7):
            self.clock.pump([1] * 10)
            self.beat("m", 2)
        self.assertEqual(set(self.coordinator.offsets("g")), {PLACE})
        self.beat("m", -1)
        self.clock.pump([1] * 3)
        self.assertEqual(self.coordinator.list_groups(), [])
        self.reload()
        self.assertEqual(self.coordinator.list_groups(), [])

    def test_describing(self) -> None:
        """A group of this kind is none of the other."""
        self.enter()
        self.assertIsNone(self.coordinator.describe("g"))
        described = self.coordinator.describe_consumers("g")
        self.assertEqual((described.state, described.epoch, described.assignment_epoch, described.assignor), ("Stable", 2, 2, "uniform"))
        ((member, target),) = described.members
        self.assertEqual((member.member_id, target), ("m", partitions(T, 0, 1, 2, 3)))
        for group_id in ("nobody", "c"):
            self.join(group_id="c")
            error = self.assertRaises(KafkaError, self.coordinator.describe_consumers, group_id)
            self.assertEqual(error.code, ErrorCode.GROUP_ID_NOT_FOUND)
