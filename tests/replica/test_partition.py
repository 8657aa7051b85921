"""A partition as its leader keeps it: when appends are answered, what readers see."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import PartitionState
from chronik.model import IsolationLevel
from chronik.replica.followers import Leading
from chronik.replica.interfaces import FollowerFetch, IPartition
from chronik.replica.partition import (
    EARLIEST_LOCAL_TIMESTAMP,
    EARLIEST_PENDING_UPLOAD_TIMESTAMP,
    EARLIEST_TIMESTAMP,
    LATEST_TIERED_TIMESTAMP,
    LATEST_TIMESTAMP,
    MAX_TIMESTAMP,
    Partition,
)
from chronik.storage.config import LogConfig
from chronik.storage.interfaces import AppendResult, IPartitionLog, OffsetAndTimestamp
from tests.replica.fakes import FakeLog, make_inspector
from tests.replica.test_followers import HeldChanges

STATE = PartitionState(leader=1, leader_epoch=3, replicas=(1,), isr=(1,))
UNCOMMITTED, COMMITTED = IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED


class Listener:
    """Counts commits."""

    def __init__(self) -> None:
        self.commits = 0

    def committed(self, partition: IPartition) -> None:
        """One more."""
        self.commits += 1


class PartitionCase(SynchronousTestCase):
    """A partition over a log that the test drives."""

    def setUp(self) -> None:
        """Five durable records."""
        self.log = FakeLog(end=5)
        self.partition = Partition(self.log, STATE, make_inspector())

    def code(self, waiting: Deferred[object]) -> ErrorCode:
        """What a call failed with."""
        error = self.failureResultOf(waiting, KafkaError).value
        assert isinstance(error, KafkaError)
        return error.code


class AppendTest(PartitionCase):
    """When a producer hears of its records."""

    def test_provides_its_interface(self) -> None:
        """The partition is what those above rely on, and the fake is what it relies on."""
        verifyObject(IPartition, self.partition)
        verifyObject(IPartitionLog, self.log)

    def test_acks_all_waits_for_the_flush(self) -> None:
        """Without write caching nothing is acknowledged to acks=all that a crash could take back."""
        waiting = self.partition.append(b"abc", -1)
        self.assertNoResult(waiting)
        self.log.flush_to(7)
        self.assertNoResult(waiting)
        self.log.flush_to(8)
        self.assertEqual(self.successResultOf(waiting), AppendResult(5, 7, -1, 0))
        self.assertEqual(self.partition.high_watermark, 8)

    def test_acks_one_is_answered_when_written(self) -> None:
        """acks=1 waits for the write alone, and makes nothing visible before it is durable."""
        self.successResultOf(self.partition.append(b"abc", 1))
        self.assertEqual((self.partition.end_offset, self.partition.high_watermark), (8, 5))

    def test_write_caching_trusts_the_page_cache(self) -> None:
        """With write.caching=true the written end is the high watermark."""
        self.log.configure(LogConfig(write_caching=True))
        self.successResultOf(self.partition.append(b"abc", -1))
        self.assertEqual(self.partition.high_watermark, 8)

    def test_write_caching_does_not_count_what_is_not_written(self) -> None:
        """Offsets are given out before a slow write is done; readers must not see them before."""
        self.log.configure(LogConfig(write_caching=True))
        self.log.held = []
        waiting = self.partition.append(b"abc", -1)
        self.assertEqual((self.partition.end_offset, self.partition.high_watermark), (8, 5))
        self.log.write()
        self.successResultOf(waiting)
        self.assertEqual(self.partition.high_watermark, 8)

    def test_the_leader_epoch_is_given_to_the_log(self) -> None:
        """Every batch says under which epoch it was appended."""
        self.partition.append(b"a", 1)
        self.partition.update(PartitionState(1, 4, (1,), (1,)), 1)
        self.partition.append(b"a", 1)
        self.assertEqual(self.log.epochs, [3, 4])

    def test_too_few_in_sync_replicas(self) -> None:
        """acks=all is refused, before anything is appended, when fewer are in sync than the topic wants; acks=1 is not. More than there are
        replicas it cannot want.
        """
        self.partition.update(STATE, 2)
        self.successResultOf(self.partition.append(b"", -1))
        self.partition.update(replace(STATE, replicas=(1, 2)), 2)
        self.assertEqual(self.code(self.partition.append(b"a", -1)), ErrorCode.NOT_ENOUGH_REPLICAS)
        self.assertEqual(self.partition.end_offset, 5)
        self.successResultOf(self.partition.append(b"a", 1))

    def test_a_refused_batch_changes_nothing(self) -> None:
        """What the log refuses reaches the producer with its code."""
        self.assertEqual(self.code(self.partition.append(b"bad", -1)), ErrorCode.CORRUPT_MESSAGE)
        self.assertEqual(self.partition.end_offset, 5)

    def test_a_failed_disk_answers_everyone(self) -> None:
        """Who waits is told, and who comes later is refused: nothing is acknowledged any more."""
        waiting = self.partition.append(b"abc", -1)
        self.partition.failed(self.log, OSError("EIO"))
        self.assertEqual(self.code(waiting), ErrorCode.KAFKA_STORAGE_ERROR)
        self.assertEqual(self.code(self.partition.append(b"a", 1)), ErrorCode.KAFKA_STORAGE_ERROR)
        self.assertEqual(self.code(self.partition.read(0, 100, UNCOMMITTED, True)), ErrorCode.KAFKA_STORAGE_ERROR)

    def test_resigning_answers_everyone(self) -> None:
        """Clients of a partition that moved look for the new leader, and its log is followed no more."""
        waiting = self.partition.append(b"abc", -1)
        self.partition.resign()
        self.assertEqual(self.code(waiting), ErrorCode.NOT_LEADER_OR_FOLLOWER)
        self.assertEqual(self.log.observers, [])


class ReadTest(PartitionCase):
    """What readers see."""

    def test_nothing_above_the_high_watermark(self) -> None:
        """Records that a crash could take back are shown to nobody."""
        self.partition.append(b"abc", 1)
        result = self.successResultOf(self.partition.read(0, 100, UNCOMMITTED, True))
        self.assertEqual((result.records.limit, result.high_watermark, result.log_start_offset), (5, 5, 0))

    def test_read_committed_stops_at_open_transactions(self) -> None:
        """The last stable offset is derived from the log, and bounds only those who ask for it."""
        self.log.first_unstable_offset = 2
        self.assertEqual(self.successResultOf(self.partition.read(0, 100, COMMITTED, True)).records.limit, 2)
        self.assertEqual(self.successResultOf(self.partition.read(0, 100, UNCOMMITTED, True)).records.limit, 5)
        self.assertEqual(self.partition.last_stable_offset, 2)

    def test_offset_above_the_high_watermark(self) -> None:
        """Such an offset is out of range, even when the log has it."""
        self.partition.append(b"abc", 1)
        self.assertEqual(self.code(self.partition.read(6, 100, UNCOMMITTED, True)), ErrorCode.OFFSET_OUT_OF_RANGE)

    def test_listeners_hear_of_commits_alone(self) -> None:
        """A waiting fetch is woken when there is something to read, not when something was appended."""
        listener = Listener()
        self.partition.add_listener(listener)
        self.partition.append(b"abc", 1)
        self.assertEqual(listener.commits, 0)
        self.log.flush_to(8)
        self.assertEqual(listener.commits, 1)
        self.log.flush_to(8)
        self.assertEqual(listener.commits, 1)
        self.partition.remove_listener(listener)
        self.partition.append(b"a", 1)
        self.log.flush_to(9)
        self.assertEqual(listener.commits, 1)

    def test_epochs_of_clients(self) -> None:
        """An older epoch is fenced, a newer one unknown, none at all and the same are fine (KIP-320)."""
        self.partition.check_epoch(-1)
        self.partition.check_epoch(3)
        for epoch, code in ((2, ErrorCode.FENCED_LEADER_EPOCH), (4, ErrorCode.UNKNOWN_LEADER_EPOCH)):
            error = self.assertRaises(KafkaError, self.partition.check_epoch, epoch)
            self.assertEqual(error.code, code)


class ListOffsetTest(PartitionCase):
    """Special timestamps, and those of records."""

    def offset(self, timestamp: int, isolation: IsolationLevel = UNCOMMITTED) -> int | None:
        """What ListOffsets finds."""
        found = self.successResultOf(self.partition.list_offset(timestamp, isolation))
        return None if found is None else found.offset

    def test_ends(self) -> None:
        """Earliest is the log's start; latest is what the reader may see, so its isolation counts."""
        self.partition.append(b"abc", 1)
        self.log.start_offset = self.log.local_start_offset = 1
        self.log.first_unstable_offset = 4
        self.assertEqual(self.offset(EARLIEST_TIMESTAMP), 1)
        self.assertEqual(self.offset(EARLIEST_LOCAL_TIMESTAMP), 1)
        self.assertEqual(self.offset(LATEST_TIMESTAMP), 5)
        self.assertEqual(self.offset(LATEST_TIMESTAMP, COMMITTED), 4)

    def test_epoch_of_an_empty_log(self) -> None:
        """Where nothing is kept, the first record is still to come, and will be of the leader's epoch."""
        for timestamp in (EARLIEST_TIMESTAMP, EARLIEST_LOCAL_TIMESTAMP):
            self.assertEqual(self.successResultOf(self.partition.list_offset(timestamp, UNCOMMITTED)), OffsetAndTimestamp(0, -1, 0))
        self.log.start_offset = self.log.local_start_offset = 5
        for timestamp in (EARLIEST_TIMESTAMP, EARLIEST_LOCAL_TIMESTAMP):
            self.assertEqual(self.successResultOf(self.partition.list_offset(timestamp, UNCOMMITTED)), OffsetAndTimestamp(5, -1, 3))

    def test_tiers_there_are_none_of(self) -> None:
        """Nothing is tiered, nothing waits to be."""
        self.assertIsNone(self.offset(LATEST_TIERED_TIMESTAMP))
        self.assertIsNone(self.offset(EARLIEST_PENDING_UPLOAD_TIMESTAMP))

    def test_by_time(self) -> None:
        """A record found by time counts only below what the reader may see."""
        self.log.found = OffsetAndTimestamp(4, 1000, 0)
        self.assertEqual(self.offset(900), 4)
        self.assertEqual(self.offset(MAX_TIMESTAMP), 4)
        self.log.found = OffsetAndTimestamp(5, 1000, 0)
        self.assertIsNone(self.offset(900))
        self.log.found = None
        self.assertIsNone(self.offset(900))


class FollowedTest(PartitionCase):
    """A partition with replicas on three brokers."""

    def setUp(self) -> None:
        """Five durable records, of which the others were not heard yet."""
        self.log = FakeLog(end=5)
        state = PartitionState(leader=1, leader_epoch=3, replicas=(1, 2, 3), isr=(1, 2, 3))
        self.partition = Partition(self.log, state, make_inspector(), 2, Leading(1, Clock(), HeldChanges(), 10.0), high_watermark=2)

    def fetch(self, broker_id: int, offset: int) -> None:
        """A replica has everything below an offset."""
        self.successResultOf(self.partition.read_as_follower(FollowerFetch(broker_id, 1, offset, -1, 0, 1000, True)))

    def test_the_log_hears_what_is_committed(self) -> None:
        """Retention goes by it: what this broker alone has written, or made durable, is not committed."""
        self.assertEqual([2], self.log.watermarks)
        self.successResultOf(self.partition.append(b"abc", 1))
        self.log.flush_to(8)
        self.fetch(2, 8)
        self.assertEqual(({2}, 2), (set(self.log.watermarks), self.partition.high_watermark))
        self.fetch(3, 6)
        self.assertEqual((6, 6), (self.log.watermarks[-1], self.partition.high_watermark))


class DeletionTest(PartitionCase):
    """DeleteRecords."""

    def test_up_to_an_offset(self) -> None:
        """The start moves, never back, and the answer is where it is."""
        self.assertEqual(3, self.successResultOf(self.partition.delete_records(3)))
        self.assertEqual(3, self.successResultOf(self.partition.delete_records(1)))
        self.assertEqual(3, self.partition.start_offset)

    def test_everything(self) -> None:
        """-1 is the high watermark, not the end."""
        self.partition.append(b"xx", 1)
        self.assertEqual((5, 7), (self.successResultOf(self.partition.delete_records(-1)), self.partition.end_offset))

    def test_answered_when_durable(self) -> None:
        """Not before a crash would keep it."""
        self.log.noting = []
        waiting = self.partition.delete_records(2)
        self.assertNoResult(waiting)
        self.log.noting[0].callback(None)
        self.assertEqual(2, self.successResultOf(waiting))

    def test_resigned_while_records_are_deleted(self) -> None:
        """Who leads no more when the new start is durable does not acknowledge it: the next leader need not know of it."""
        self.log.noting = []
        waiting = self.partition.delete_records(2)
        self.partition.resign()
        self.log.noting[0].callback(None)
        self.assertEqual(ErrorCode.NOT_LEADER_OR_FOLLOWER, self.code(waiting))

    def test_refused(self) -> None:
        """Beyond the high watermark, below zero, where the policy keeps records, and where it is not led."""
        self.partition.append(b"xx", 1)
        self.assertEqual(ErrorCode.OFFSET_OUT_OF_RANGE, self.code(self.partition.delete_records(6)))
        self.assertEqual(ErrorCode.OFFSET_OUT_OF_RANGE, self.code(self.partition.delete_records(-2)))
        self.log.config = LogConfig(delete=False)
        self.assertEqual(ErrorCode.POLICY_VIOLATION, self.code(self.partition.delete_records(1)))
        self.partition.resign()
        self.assertEqual(ErrorCode.NOT_LEADER_OR_FOLLOWER, self.code(self.partition.delete_records(1)))
        self.assertEqual(0, self.partition.start_offset)
