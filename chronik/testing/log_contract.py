"""What every log and every log store must do: mixins of tests for whoever writes one.

Mix one into a ``twisted.trial.unittest.SynchronousTestCase`` (or ``TestCase``) and provide :meth:`LogStoreContract.make_store`. What a crash leaves
is in :mod:`chronik.testing.log_crash_contract`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition
from chronik.record.batch import whole_batches
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from chronik.record.records import decode_records
from chronik.storage.config import LogConfig
from chronik.storage.interfaces import DirectoryState, ILogStore, InspectionNeeded, IPartitionLog, LogUsage
from chronik.storage.validation import inspect
from chronik.testing.log_fixture import ALL, LogFixture
from chronik.testing.log_follower_contract import FollowerContract
from chronik.testing.logs import ID, NOW, TP, RecordingObserver
from chronik.testing.records import TIMESTAMP, batch_of, flipped, forged

OTHER_ID = TopicId(bytes(range(16, 32)))


class LogContract(FollowerContract):
    """The contract of :class:`~chronik.storage.interfaces.IPartitionLog`."""

    def test_provides(self) -> None:
        """It is what it says."""
        self.assertTrue(verifyObject(IPartitionLog, self.opened()))

    def test_new(self) -> None:
        """A new log is empty and begins at 0."""
        log = self.opened()
        self.assertEqual((TP, ID, 0, 0, 0, 0, -1, 0, True), (log.topic_partition, log.topic_id, log.start_offset, log.local_start_offset,
                         log.end_offset, log.flushed_offset, log.latest_epoch, log.size_bytes, log.clean))  # fmt: skip
        self.assertIsNone(log.first_unstable_offset)
        self.assertEqual(b"", self.read(log))

    def test_append(self) -> None:
        """Batches get offsets and the leader epoch, and are otherwise the producer's own bytes."""
        log = self.opened()
        batch = batch_of(b"a", b"b")
        first = self.wait(log.append(batch, 3))
        second = self.append(log, b"c", leader_epoch=4)
        self.assertEqual((0, 1, -1, 0, False), (first.base_offset, first.last_offset, first.log_append_time, first.log_start_offset, first.duplicate))
        self.assertEqual((2, 2), (second.base_offset, second.last_offset))
        data = self.read(log)
        self.assertEqual(batch[16:], data[16 : len(batch)])
        self.assertEqual([(0, 3), (2, 4)], [(header.base_offset, header.leader_epoch) for header in self.headers(log)])
        self.assertEqual((3, 4, len(data)), (log.end_offset, log.latest_epoch, log.size_bytes))

    def test_several_batches(self) -> None:
        """One append may hold several batches."""
        log = self.opened()
        result = self.wait(log.append(batch_of(b"a") + batch_of(b"b", b"c"), 0))
        self.assertEqual((0, 2), (result.base_offset, result.last_offset))
        self.assertEqual([(0, b"a"), (1, b"b"), (2, b"c")], self.records(log))

    def test_end_advances_at_once(self) -> None:
        """Offsets are given in the order of calls, whenever the writes are done."""
        log = self.opened()
        done = [log.append(batch_of(b"a"), 0), log.append(batch_of(b"b"), 0)]
        self.assertEqual(2, log.end_offset)
        self.assertEqual([0, 1], [self.wait(deferred).base_offset for deferred in done])

    def refused(self, data: bytes, code: ErrorCode, config: LogConfig | None = None) -> None:
        """Check that nothing is appended."""
        log = self.opened(config)
        self.assertEqual(code, self.wait_error(log.append(data, 0)))
        self.assertEqual((0, 0), (log.end_offset, log.size_bytes))

    def test_refuses_nothing(self) -> None:
        """An append holds a batch."""
        self.refused(b"", ErrorCode.INVALID_RECORD)

    def test_refuses_damage(self) -> None:
        """Each batch has a CRC."""
        self.refused(flipped(batch_of(b"a"), 62), ErrorCode.CORRUPT_MESSAGE)

    def test_refuses_half(self) -> None:
        """A batch is whole."""
        self.refused(batch_of(b"a")[:-1], ErrorCode.CORRUPT_MESSAGE)

    def test_refuses_old_formats(self) -> None:
        """Message formats 0 and 1 are gone, and Kafka says it like this."""
        for magic in (b"\x00", b"\x01"):
            self.refused(forged(batch_of(b"a"), 16, magic), ErrorCode.INVALID_RECORD)

    def test_refuses_unknown_codec(self) -> None:
        """There are four codecs."""
        self.refused(forged(batch_of(b"a"), 21, b"\x00\x05"), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)

    def test_refuses_control(self) -> None:
        """Markers are a broker's."""
        self.refused(forged(batch_of(b"a"), 21, b"\x00\x20"), ErrorCode.INVALID_RECORD)

    def test_refuses_wrong_count(self) -> None:
        """The number of records is one more than the last offset delta."""
        self.refused(forged(batch_of(b"a"), 57, b"\x00\x00\x00\x02"), ErrorCode.INVALID_RECORD)

    def test_refuses_large(self) -> None:
        """``max.message.bytes`` is a limit for a batch."""
        self.refused(batch_of(bytes(200)), ErrorCode.MESSAGE_TOO_LARGE, LogConfig(max_message_bytes=200))

    def test_internal_may_be_large(self) -> None:
        """The broker's own batches are not limited."""
        log = self.opened(LogConfig(max_message_bytes=200))
        self.assertEqual(0, self.wait(log.append(batch_of(bytes(200)), 0, internal=True)).last_offset)

    def test_refuses_future(self) -> None:
        """``message.timestamp.after.max.ms`` bounds how far ahead of the broker a record may be."""
        late = build_batch([NewRecord(None, b"a", NOW + 1001)])
        self.refused(late, ErrorCode.INVALID_TIMESTAMP, LogConfig(timestamp_after_max_ms=1000))

    def test_refuses_past(self) -> None:
        """``message.timestamp.before.max.ms`` bounds how far behind."""
        early = build_batch([NewRecord(None, b"a", NOW - 1001)])
        self.refused(early, ErrorCode.INVALID_TIMESTAMP, LogConfig(timestamp_before_max_ms=1000))

    def test_compacted_needs_keys(self) -> None:
        """A compacted topic needs a key in every record; the answer names those without."""
        log = self.opened(LogConfig(compact=True))
        batch = build_batch([NewRecord(b"k", b"a", TIMESTAMP), NewRecord(None, b"b", TIMESTAMP)])
        error = self.failureResultOf(log.append(batch, 0), KafkaError).value
        self.assertEqual((ErrorCode.INVALID_RECORD, [1]), (error.code, [index for index, _ in error.record_errors]))

    def test_large_inside(self) -> None:
        """What may be large inside is not looked into within the call, and is appended once somebody else has looked."""
        log = self.opened(LogConfig(compact=True, codec=Codec.ZSTD))
        for records in ([NewRecord(b"k", bytes(1 << 20), TIMESTAMP)], [NewRecord(b"k", b"", TIMESTAMP)] * 1_000):
            batch = build_batch(records, Codec.GZIP)
            end = log.end_offset
            self.failureResultOf(log.append(batch, 0), InspectionNeeded)
            self.assertEqual(end, log.end_offset)
            looked = inspect(batch, log.config, NOW)
            self.assertEqual(end, self.wait(log.append(looked, 0, inspected=True)).base_offset)
            (header,) = self.headers(log, end)
            self.assertEqual((len(records), Codec.ZSTD), (header.count, header.codec))

    def test_log_append_time(self) -> None:
        """The broker's time replaces the producer's where the topic says so, and the answer tells it."""
        log = self.opened(LogConfig(log_append_time=True))
        self.assertEqual(NOW, self.append(log, b"a", b"b").log_append_time)
        header, data = next(iter(whole_batches(self.read(log))))
        self.assertTrue(header.is_log_append_time)
        self.assertEqual([NOW, NOW], [record.timestamp for record in decode_records(data)])

    # -- reading ------------------------------------------------------------------------------------------------------

    def test_read_from_inside(self) -> None:
        """A read gives the whole batch that holds its offset."""
        log = self.opened()
        self.append(log, b"a", b"b", b"c")
        self.append(log, b"d")
        found = self.wait(log.read(2, ALL, ALL, True))
        self.assertEqual(0, found.base_offset)
        self.assertEqual(self.read(log, 0), self.slice_bytes(found))
        self.assertEqual([3], [header.base_offset for header in self.headers(log, 3)])

    def test_read_limit(self) -> None:
        """Batches at and above the limit are left out, whole ones below are given."""
        log = self.opened()
        sizes = []
        for values in ((b"a", b"b"), (b"c",), (b"d", b"e")):
            self.append(log, *values)
            sizes.append(log.size_bytes)
        self.assertEqual([0, 0, sizes[0], sizes[1], sizes[1], sizes[2]], [len(self.read(log, 0, limit_offset=limit)) for limit in range(6)])

    def test_read_max_bytes(self) -> None:
        """A slice is cut off at the limit of bytes, but for its first batch, which is given whole or not at all."""
        log = self.opened()
        self.append(log, b"a")
        one = log.size_bytes
        self.append(log, b"b")
        self.assertEqual(one + 5, len(self.read(log, 0, one + 5)))
        self.assertEqual(one, len(self.read(log, 0, 5)))
        self.assertEqual(0, len(self.read(log, 0, one - 1, at_least_one=False)))
        self.assertEqual(one, len(self.read(log, 0, one, at_least_one=False)))
        self.assertEqual(one + 5, len(self.read(log, 0, one + 5, at_least_one=False)))
        self.assertEqual(0, len(self.read(log, 0, 0, at_least_one=False)))

    def test_read_out_of_range(self) -> None:
        """Only what is there can be read; its end gives nothing."""
        log = self.opened()
        self.append(log, b"a")
        self.assertEqual(b"", self.read(log, 1))
        for offset in (-1, 2):
            self.assertEqual(ErrorCode.OFFSET_OUT_OF_RANGE, self.wait_error(log.read(offset, ALL, ALL, True)))

    def test_slice_in_pieces(self) -> None:
        """A slice is read from any byte on."""
        log = self.opened()
        self.append(log, b"a")
        found = self.wait(log.read(0, ALL, ALL, True))
        whole = found.read(0, ALL)
        self.assertEqual((whole[10:15], whole[60:]), (found.read(10, 5), found.read(60, ALL)))
        found.close()
        found.close()

    def test_times(self) -> None:
        """The first record at or after a time is found, and the first of the latest."""
        log = self.opened()
        self.append(log, b"a", b"b")
        self.wait(log.append(build_batch([NewRecord(None, b"c", TIMESTAMP + 5), NewRecord(None, b"d", TIMESTAMP + 5)]), 2))
        self.append(log, b"e", leader_epoch=2)
        self.assertEqual([0, 0, 1, 2, 2], [self.wait(log.offset_for_timestamp(TIMESTAMP + n)).offset for n in (-9, 0, 1, 2, 5)])
        self.assertIsNone(self.wait(log.offset_for_timestamp(TIMESTAMP + 6)))
        latest = self.wait(log.offset_of_max_timestamp())
        self.assertEqual((2, TIMESTAMP + 5, 2), (latest.offset, latest.timestamp, latest.leader_epoch))

    def test_times_that_are_promised(self) -> None:
        """The latest record there is, and the first of equals, where headers of batches promise a later one."""
        log = self.opened(LogConfig(segment_bytes=300))
        for promise, late in ((50, 20), (60, 30), (70, 20), (55, 30)):
            batch = build_batch([NewRecord(None, b"a", TIMESTAMP + late)])
            self.wait(log.append(forged(batch, 35, (TIMESTAMP + promise).to_bytes(8, "big")), 0))
        found = [self.wait(log.offset_of_max_timestamp())]
        self.wait(log.advance_start(2))
        found.append(self.wait(log.offset_of_max_timestamp()))
        self.assertEqual([(1, TIMESTAMP + 30), (3, TIMESTAMP + 30)], [(each.offset, each.timestamp) for each in found])

    def test_times_of_nothing(self) -> None:
        """An empty log has no times."""
        log = self.opened()
        self.assertIsNone(self.wait(log.offset_for_timestamp(0)))
        self.assertIsNone(self.wait(log.offset_of_max_timestamp()))

    # -- producers ----------------------------------------------------------------------------------------------------

    def sent(self, log: Any, sequence: int, epoch: int = 0, count: int = 1) -> Deferred[Any]:
        """An append of an idempotent producer."""
        return log.append(batch_of(*[b"x"] * count, producer_id=7, producer_epoch=epoch, base_sequence=sequence), 0)  # type: ignore[no-any-return]

    def test_duplicates(self) -> None:
        """Each of the last five batches is known when it comes again, and has the offsets it got; an older one is out of order."""
        log = self.opened()
        for sequence in range(0, 12, 2):
            self.wait(self.sent(log, sequence, count=2))
        for sequence in range(2, 12, 2):
            again = self.wait(self.sent(log, sequence, count=2))
            self.assertEqual((sequence, sequence + 1, True), (again.base_offset, again.last_offset, again.duplicate))
        self.assertEqual(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, self.wait_error(self.sent(log, 0, count=2)))
        self.assertEqual(12, log.end_offset)

    def test_order(self) -> None:
        """A gap in the sequence is refused, and so is an older epoch; a new epoch begins with 0."""
        log = self.opened()
        self.wait(self.sent(log, 0, epoch=1))
        self.assertEqual(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, self.wait_error(self.sent(log, 2, epoch=1)))
        self.assertEqual(ErrorCode.INVALID_PRODUCER_EPOCH, self.wait_error(self.sent(log, 1, epoch=0)))
        self.assertEqual(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, self.wait_error(self.sent(log, 1, epoch=2)))
        self.assertEqual(1, self.wait(self.sent(log, 0, epoch=2)).base_offset)

    def test_sequences_wrap(self) -> None:
        """After 2^31 - 1 comes 0."""
        log = self.opened()
        self.wait(self.sent(log, 2**31 - 2, count=3))
        self.assertEqual(3, self.wait(self.sent(log, 1)).base_offset)
        self.assertTrue(self.wait(self.sent(log, 2**31 - 2, count=3)).duplicate)

    def test_producers_after_truncation(self) -> None:
        """What is truncated was never sent."""
        log = self.opened()
        for sequence in range(3):
            self.wait(self.sent(log, sequence))
        self.wait(log.truncate(1))
        self.assertEqual(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, self.wait_error(self.sent(log, 2)))
        result = self.wait(self.sent(log, 1))
        self.assertEqual((1, False), (result.base_offset, result.duplicate))

    def test_active_producers(self) -> None:
        """What is known of producers is told."""
        log = self.opened()
        self.wait(self.sent(log, 4, epoch=2))
        (found,) = log.active_producers()
        self.assertEqual((7, 2, 4, TIMESTAMP, -1), (found.producer_id, found.producer_epoch, found.last_sequence, found.last_timestamp,
                         found.current_transaction_start_offset))  # fmt: skip

    # -- both ends ----------------------------------------------------------------------------------------------------

    def test_flush(self) -> None:
        """A flush tells how far it reached, and observers hear of it."""
        log = self.opened(LogConfig(write_caching=True))
        observer = RecordingObserver(flushes=True)
        log.watch(observer)
        self.append(log, b"a", b"b")
        self.assertEqual(2, self.wait(log.flush()))
        self.assertEqual(2, log.flushed_offset)
        self.assertEqual([("flushed", 2)], observer.heard)

    def test_advance_start(self) -> None:
        """The start only moves forward, and never past the end."""
        log = self.opened()
        observer = RecordingObserver()
        log.watch(observer)
        self.append(log, b"a", b"b", b"c")
        for offset in (2, 1, 9):
            self.wait(log.advance_start(offset))
        self.assertEqual([("start", 2), ("start", 3)], observer.heard)
        self.assertEqual(ErrorCode.OFFSET_OUT_OF_RANGE, self.wait_error(log.read(2, ALL, ALL, True)))
        self.assertEqual(3, self.append(log, b"d").log_start_offset)

    def test_truncate(self) -> None:
        """What is truncated is gone, its offsets are given again, and slices that had it are void."""
        log = self.opened()
        observer = RecordingObserver()
        log.watch(observer)
        for epoch, value in enumerate((b"a", b"b", b"c")):
            self.append(log, value, leader_epoch=epoch)
        void = self.wait(log.read(0, ALL, ALL, True))
        fine = self.wait(log.read(0, ALL, 1, True))
        self.wait(log.truncate(1))
        self.assertEqual((1, 0), (log.end_offset, log.latest_epoch))
        self.assertLessEqual(log.flushed_offset, 1)
        self.assertEqual([("truncated", 1, 0)], observer.heard)
        error = self.assertRaises(KafkaError, void.read, 0, 10)
        self.assertEqual(ErrorCode.OFFSET_OUT_OF_RANGE, error.code)
        self.assertEqual(len(fine), len(fine.read(0, ALL)))
        void.close()
        fine.close()
        self.append(log, b"B", leader_epoch=5)
        self.assertEqual([(0, b"a"), (1, b"B")], self.records(log))
        self.wait(log.truncate(7))
        self.assertEqual(2, log.end_offset)

    def test_epochs(self) -> None:
        """Leader epochs and where they end are known (KIP-101)."""
        log = self.opened()
        self.append(log, b"a", b"b", leader_epoch=2)
        self.append(log, b"c", leader_epoch=5)
        self.assertEqual([(2, 2), (2, 2), (5, 3), (-1, -1)], [log.end_offset_for_epoch(epoch) for epoch in (2, 4, 5, 6)])
        self.assertEqual([2, 2, 5, 5], [log.epoch_for_offset(offset) for offset in range(4)])
        self.wait(log.raise_epoch(9))
        self.assertEqual((9, (9, 3)), (log.latest_epoch, log.end_offset_for_epoch(9)))

    def test_extents(self) -> None:
        """Extents follow each other without a gap, the last one open."""
        log = self.opened(LogConfig(segment_bytes=150))
        for _ in range(6):
            self.append(log, b"a")
        extents = log.extents()
        self.assertEqual((0, None), (extents[0].base_offset, extents[-1].end_offset))
        self.assertEqual([extent.end_offset for extent in extents[:-1]], [extent.base_offset for extent in extents[1:]])

    def test_retention_keeps_uncommitted(self) -> None:
        """Nothing above the high watermark is removed, however old it is."""
        log = self.opened(LogConfig(segment_bytes=150, retention_ms=1000))
        for _ in range(6):
            self.append(log, b"a")
        self.assertEqual(0, self.wait(log.apply_retention(NOW + 10_000)))
        log.set_high_watermark(log.end_offset)
        self.assertGreater(self.wait(log.apply_retention(NOW + 10_000)), 0)
        self.assertEqual((6, 6), (log.start_offset, log.end_offset))
        self.assertEqual([], self.records(log))
        self.assertEqual(6, self.append(log, b"b").base_offset)

    def test_unwatch(self) -> None:
        """Who does not watch hears nothing."""
        log = self.opened()
        observer = RecordingObserver(flushes=True)
        log.watch(observer)
        log.unwatch(observer)
        log.unwatch(observer)
        self.append(log, b"a")
        self.assertEqual([], observer.heard)


class LogStoreContract(LogFixture):
    """The contract of :class:`~chronik.storage.interfaces.ILogStore`.

    :cvar durable: its logs outlive it.
    """

    durable: ClassVar[bool] = True

    def reopened(self) -> Any:
        """A new store after the old one was closed, and its log."""
        self.wait(self.store.close())
        self.store = self.started()
        return self.opened()

    def test_provides(self) -> None:
        """It is what it says."""
        self.assertTrue(verifyObject(ILogStore, self.store))
        self.assertGreater(len(self.store.directories()), 0)

    def test_same_log(self) -> None:
        """A log is opened once."""
        self.assertIs(self.opened(), self.opened())
        self.assertEqual([(TP, ID)], list(self.store.known()))

    def test_two_at_once(self) -> None:
        """Two that ask at once get the same log."""
        first, second = self.store.open(TP, ID, LogConfig()), self.store.open(TP, ID, LogConfig())
        self.assertIs(self.wait(first), self.wait(second))

    def test_other_topic_of_the_name(self) -> None:
        """A name whose topic was made anew does not get the old one's records."""
        self.append(self.opened(), b"old")
        self.assertEqual(ErrorCode.INCONSISTENT_TOPIC_ID, self.wait_error(self.store.open(TP, OTHER_ID, LogConfig())))
        self.wait(self.store.delete(TP, OTHER_ID))
        self.assertEqual([(0, b"old")], self.records(self.opened()))

    def test_usage(self) -> None:
        """Directories have a size and some room, and tell what is in them."""
        log = self.opened()
        self.append(log, b"a", b"b")
        (used,) = [directory for directory in self.wait(self.store.usage()) if directory.logs]
        self.assertIn(used.path, self.store.directories())
        self.assertEqual([LogUsage(TP, log.size_bytes)], list(used.logs))
        self.assertTrue(0 < log.size_bytes < used.usable_bytes <= used.total_bytes)
        self.assertIsNone(used.error)

    def test_status(self) -> None:
        """Every directory is as it should be."""
        self.assertEqual(list(self.store.directories()), [status.path for status in self.store.status()])
        self.assertEqual({DirectoryState.OK}, {status.state for status in self.store.status()})

    def test_delete(self) -> None:
        """A removed log is gone at once, and its name free."""
        log = self.opened()
        observer = RecordingObserver()
        log.watch(observer)
        self.append(log, b"old")
        self.wait(self.store.delete(TP, ID))
        self.assertEqual(([("deleted",)], []), (observer.heard, list(self.store.known())))
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.wait_error(log.append(batch_of(b"late"), 0)))
        again = self.wait(self.store.open(TP, OTHER_ID, LogConfig()))
        self.assertEqual((0, []), (again.end_offset, self.records(again)))
        self.wait(self.store.delete(TopicPartition("never", 0), ID))

    def test_set_aside(self) -> None:
        """A log that nobody knows of any more makes room for another of its name, as a removed one does."""
        self.append(self.opened(), b"old")
        self.wait(self.store.close())
        self.store = self.started()
        self.wait(self.store.set_aside(TP, ID))
        self.assertEqual([], list(self.store.known()))
        again = self.wait(self.store.open(TP, OTHER_ID, LogConfig()))
        self.assertEqual((0, []), (again.end_offset, self.records(again)))
        self.wait(self.store.set_aside(TopicPartition("never", 0), ID))

    def test_reopen(self) -> None:
        """What was appended is there after a stop, with its epochs, start and producers."""
        if not self.durable:
            return
        log = self.opened()
        for sequence, value in enumerate((b"a", b"b", b"c")):
            self.append(log, value, leader_epoch=sequence, producer_id=7, producer_epoch=0, base_sequence=sequence)
        self.wait(log.advance_start(1))
        log = self.reopened()
        self.assertEqual((True, 1, 3, 3, 2), (log.clean, log.start_offset, log.end_offset, log.flushed_offset, log.latest_epoch))
        self.assertEqual([(1, b"b"), (2, b"c")], self.records(log))
        self.assertEqual((1, 2), log.end_offset_for_epoch(1))
        for sequence, value in ((1, b"b"), (2, b"c")):
            again = self.append(log, value, leader_epoch=2, producer_id=7, producer_epoch=0, base_sequence=sequence)
            self.assertEqual((True, sequence), (again.duplicate, again.base_offset))

    def test_reopen_after_delete(self) -> None:
        """A removed log stays removed."""
        if not self.durable:
            return
        self.append(self.opened(), b"old")
        self.wait(self.store.delete(TP, ID))
        self.wait(self.store.close())
        self.store = self.started()
        self.assertEqual([], list(self.store.known()))
