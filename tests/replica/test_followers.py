"""A leader's view of its followers: what counts as committed, and who counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import PartitionState
from chronik.model import TopicId
from chronik.replica.followers import RETRY_SECONDS, Followers, Leading
from chronik.replica.interfaces import FollowerFetch, IInSyncChanges
from tests.replica.fakes import PARTITION, TOPIC_ID

STATE = PartitionState(leader=1, leader_epoch=4, replicas=(1, 2, 3), isr=(1, 2), partition_epoch=7)


@implementer(IInSyncChanges)
class HeldChanges:
    """Changes whose outcome the test decides.

    :ivar asked: ``(who is to be added, who is to be removed)``, in order.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[Mapping[int, int], Collection[int]]] = []
        self.waiting: list[Deferred[None]] = []

    def change(
        self, topic_id: TopicId, partition: int, leader_epoch: int, add: Mapping[int, int], remove: Collection[int], enough: int
    ) -> Deferred[None]:
        """Keep it."""
        self.asked.append((add, remove))
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def leave(self, topic_id: TopicId, partition: int, enough: int) -> Deferred[None]:
        """Keep it."""
        self.waiting.append(Deferred())
        return self.waiting[-1]


class FollowersTest(SynchronousTestCase):
    """Broker 1 leads; 2 is in sync, 3 is not."""

    def setUp(self) -> None:
        """It began to lead at offset 10."""
        self.clock = Clock()
        self.changes = HeldChanges()
        self.settled = 0
        leading = Leading(1, self.clock, self.changes, lag_seconds=10.0)
        self.followers = Followers(leading, PARTITION, TOPIC_ID, 10, self.note_settled)
        self.followers.follow(STATE, 2)

    def note_settled(self) -> None:
        """Count."""
        self.settled += 1

    def fetched(self, broker_id: int, offset: int, end: int = 20, high_watermark: int = 10, epoch: int = 1, start: int = 0, begin: int = 0) -> None:
        """A follower has everything from ``start`` to ``offset`` of a log that begins and ends at ``begin`` and ``end``."""
        self.followers.fetched(FollowerFetch(broker_id, epoch, offset, 3, start, 1000), begin, end, high_watermark)

    def committed(self, safe: int = 20, high_watermark: int = 10) -> int:
        """What is committed when the leader itself vouches for ``safe``."""
        return self.followers.committed(safe, high_watermark)

    def test_interface(self) -> None:
        """The fake is what it says."""
        verifyObject(IInSyncChanges, self.changes)

    def test_everyone_in_sync_counts(self) -> None:
        """A follower that was not heard of yet holds everything back; then the lowest of all counts, and who is not in sync does not."""
        self.assertEqual(-1, self.committed())
        self.fetched(2, 15)
        self.assertEqual(15, self.committed())
        self.fetched(3, 5)
        self.assertEqual(15, self.committed())
        self.assertEqual(12, self.committed(safe=12))

    def test_too_few(self) -> None:
        """With fewer in sync than must be, or while somebody out of sync has everything, nothing more is committed."""
        self.fetched(2, 20)
        self.followers.follow(STATE, 3)
        self.assertEqual(10, self.committed())
        self.followers.follow(replace(STATE, isr=(1,), elr=(2,)), 2)
        self.assertEqual(10, self.committed())

    def test_fewer_may_be_enough(self) -> None:
        """When the topic asks for fewer, those who are eligible are given up first, and only then is more committed."""
        state = replace(STATE, isr=(1,), elr=(2,))
        self.followers.follow(state, 2)
        self.followers.follow(state, 1)
        self.assertEqual([({}, ())], self.changes.asked)
        self.assertEqual(10, self.committed())
        self.followers.follow(replace(state, elr=()), 1)
        self.assertEqual(20, self.committed())

    def test_joins(self) -> None:
        """Who has everything that is committed, and what was there when the epoch began, is asked to be in sync; once."""
        self.fetched(3, 9, high_watermark=5)
        self.fetched(3, 12, high_watermark=15)
        self.assertEqual([], self.changes.asked)
        self.fetched(3, 15, high_watermark=15)
        self.fetched(3, 16, high_watermark=15)
        self.assertEqual([({3: 1}, ())], self.changes.asked)

    def test_who_has_what_was_deleted_does_not_join(self) -> None:
        """It might lead, and what was deleted would be there again."""
        self.fetched(3, 15, start=3, begin=5)
        self.assertEqual([], self.changes.asked)
        self.fetched(3, 15, start=5, begin=5)
        self.assertEqual([({3: 1}, ())], self.changes.asked)

    def test_deleted_everywhere(self) -> None:
        """Records are deleted once all who may lead have deleted them: in sync or eligible, not those who are neither."""
        self.fetched(2, 15, start=2)
        deleted = self.followers.begun_at(4)
        self.assertNoResult(deleted)
        self.fetched(2, 15, start=4)
        self.successResultOf(deleted)
        self.assertEqual(4, self.followers.low_watermark(9))
        self.followers.follow(replace(STATE, isr=(1,), elr=(3,)), 2)
        waiting, more = self.followers.begun_at(5), self.followers.begun_at(7)
        self.fetched(3, 15, start=6)
        self.successResultOf(waiting)
        self.assertNoResult(more)
        self.followers.follow(replace(STATE, isr=(1,)), 1)
        self.assertNoResult(more)
        self.changes.waiting.pop().errback(KafkaError(ErrorCode.INELIGIBLE_REPLICA, "restarted"))
        self.successResultOf(more)

    def test_who_may_be_in_sync_counts(self) -> None:
        """From the moment it is asked for until it is certain that it is not, for no error tells whether the change was made."""
        self.fetched(2, 20)
        self.fetched(3, 15)
        self.assertEqual(15, self.committed())
        self.changes.waiting.pop().errback(KafkaError(ErrorCode.REQUEST_TIMED_OUT, "lost"))
        self.assertEqual((15, 0), (self.committed(), self.settled))
        self.clock.advance(RETRY_SECONDS)
        self.assertEqual([({3: 1}, ())] * 2, self.changes.asked)
        self.changes.waiting.pop().errback(KafkaError(ErrorCode.INELIGIBLE_REPLICA, "restarted"))
        self.assertEqual((20, 1), (self.committed(), self.settled))

    def test_who_was_in_sync_counts(self) -> None:
        """One that is taken out counts until the image shows that it is."""
        self.fetched(2, 12)
        self.clock.advance(11)
        self.followers.remove_lagging()
        self.assertEqual([({}, [2])], self.changes.asked)
        self.assertEqual(12, self.committed())
        self.followers.follow(replace(STATE, isr=(1,)), 1)
        self.assertEqual(20, self.committed())

    def test_lag(self) -> None:
        """Who has, at each fetch, what was there at the one before, is not behind, however fast the log grows."""
        for seconds in range(1, 30):
            self.clock.advance(1)
            self.fetched(2, 20 + 10 * (seconds - 1), end=20 + 10 * seconds)
            self.followers.remove_lagging()
        self.assertEqual([], self.changes.asked)
        self.clock.advance(9)
        self.fetched(2, 100, end=1000)
        self.clock.advance(2)
        self.followers.remove_lagging()
        self.assertEqual([({}, [2])], self.changes.asked)

    def test_earlier_life(self) -> None:
        """What an earlier life of a broker sent says nothing of what it has now, and is refused."""
        self.fetched(2, 12, epoch=2)
        error = self.assertRaises(KafkaError, self.followers.check, 2, 1)
        self.assertEqual(ErrorCode.STALE_BROKER_EPOCH, error.code)
        self.followers.check(2, 2)

    def test_lost_what_it_had(self) -> None:
        """Who is in sync and lacks what is committed is taken out at once: it must not lead."""
        self.fetched(2, 15, high_watermark=15)
        self.fetched(2, 12, high_watermark=15)
        self.assertEqual([({}, [2])], self.changes.asked)

    def test_new_epoch(self) -> None:
        """What followers had in an earlier epoch must be told anew."""
        self.fetched(2, 20)
        self.followers.follow(replace(STATE, leader_epoch=5), 2)
        self.assertEqual(-1, self.committed())

    def test_change_of_an_earlier_epoch(self) -> None:
        """Who was to be in sync in an earlier epoch is not asked for again: it was removed, and added again with nothing, since it caught up."""
        self.fetched(3, 15)
        self.changes.waiting.pop().errback(KafkaError(ErrorCode.REQUEST_TIMED_OUT, "lost"))
        self.followers.follow(replace(STATE, leader_epoch=5, replicas=(1, 2)), 2)
        self.assertFalse(self.followers.is_changing)
        self.followers.follow(replace(STATE, leader_epoch=5, adding=(3,)), 2)
        self.fetched(2, 20)
        self.clock.advance(RETRY_SECONDS)
        self.fetched(3, 0)
        self.assertEqual(([({3: 1}, ())], 20), (self.changes.asked, self.committed()))
        self.fetched(3, 16)
        self.assertEqual(([({3: 1}, ())] * 2, 16), (self.changes.asked, self.committed()))

    def test_late_answer_of_an_earlier_epoch(self) -> None:
        """It says nothing of what is asked for now."""
        for code in (None, ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.REQUEST_TIMED_OUT):
            self.setUp()
            self.fetched(3, 15)
            self.followers.follow(replace(STATE, leader_epoch=5), 2)
            self.fetched(2, 20)
            self.fetched(3, 15)
            answer = self.changes.waiting[0]
            answer.callback(None) if code is None else answer.errback(KafkaError(code, "late"))
            self.clock.advance(RETRY_SECONDS)
            self.assertEqual(([({3: 1}, ())] * 2, 15, 0), (self.changes.asked, self.committed(), self.settled))
            self.assertTrue(self.followers.is_changing)

    def test_eligible_in_another_epoch(self) -> None:
        """What is to be given up is asked for again in the new epoch, and at once."""
        state = replace(STATE, isr=(1,), elr=(2,))
        self.followers.follow(state, 1)
        self.changes.waiting.pop().errback(KafkaError(ErrorCode.REQUEST_TIMED_OUT, "lost"))
        self.followers.follow(replace(state, leader_epoch=5), 1)
        self.clock.advance(RETRY_SECONDS)
        self.assertEqual([({}, ())] * 2, self.changes.asked)

    def test_strangers(self) -> None:
        """Who is no replica is refused."""
        error = self.assertRaises(KafkaError, self.followers.check, 9, 1)
        self.assertEqual(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, error.code)

    def test_stopped(self) -> None:
        """Who leads no more asks for nothing, and nothing is committed."""
        self.fetched(3, 15)
        deleted = self.followers.begun_at(9)
        self.followers.stop(KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "moved"))
        self.assertEqual(ErrorCode.NOT_LEADER_OR_FOLLOWER, self.failureResultOf(deleted, KafkaError).value.code)
        self.changes.waiting.pop().errback(KafkaError(ErrorCode.REQUEST_TIMED_OUT, "lost"))
        self.clock.advance(10 * RETRY_SECONDS)
        self.assertEqual((1, 10), (len(self.changes.asked), self.committed()))
