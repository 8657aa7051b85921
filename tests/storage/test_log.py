"""The segment log's own ways: when it rolls, what it removes, how it reads what is cold, and how flushes go round."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.task import Clock
from twisted.python.failure import Failure

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicPartition
from chronik.record.batch import with_crc
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from chronik.storage import flush
from chronik.storage.segment import RECENT_BATCHES
from chronik.storage.timesearch import PROMISES_MAX
from chronik.testing.logs import NOW, TP, RecordingObserver
from chronik.testing.pools import HeldThreadPools
from chronik.testing.records import batch_of
from tests.storage.test_store import StoreCase

ALL = 1 << 30
ONE = len(batch_of(b"a"))


class LogCase(StoreCase):
    """One log on a disk in memory."""

    def log(self, pools: Any = None, **config: Any) -> Any:
        """A new log."""
        self.store = self.started(pools=pools)
        return self.opened(self.store, **config)

    def bases(self, log: Any) -> list[int]:
        """Where its segments begin."""
        return [extent.base_offset for extent in log.extents()]

    def at(self, log: Any, timestamp: int) -> None:
        """Append a record of a time."""
        self.successResultOf(log.append(build_batch([NewRecord(None, b"a", timestamp)]), 0))


class RollTests(LogCase):
    """When a segment is full."""

    def test_by_size(self) -> None:
        """A segment is never larger than ``segment.bytes``, and observers hear of the change."""
        log = self.log(segment_bytes=2 * ONE)
        observer = RecordingObserver()
        log.watch(observer)
        for _ in range(5):
            self.append(log, b"a")
        self.assertEqual([0, 2, 4], self.bases(log))
        self.assertEqual([("sealed", 0, 2), ("opened", 2), ("sealed", 2, 4), ("opened", 4)], observer.heard)

    def test_too_large_for_any(self) -> None:
        """What fits no segment is refused."""
        failure = self.failureResultOf(self.log(segment_bytes=ONE).append(batch_of(b"aa"), 0), KafkaError)
        self.assertEqual(ErrorCode.RECORD_LIST_TOO_LARGE, failure.value.code)

    def test_by_index(self) -> None:
        """A full index ends a segment."""
        log = self.log(segment_index_bytes=24, index_interval_bytes=0)
        for _ in range(5):
            self.append(log, b"a")
        # As in Kafka, whose time index of 24 bytes is full with one entry: the other is for the segment's end.
        self.assertEqual([0, 2, 4], self.bases(log))

    def test_by_time(self) -> None:
        """A record much later than the segment's first begins another; one much earlier does not."""
        log = self.log(segment_ms=1000)
        for timestamp in (NOW, NOW + 1000, NOW - 9999, NOW + 1001):
            self.at(log, timestamp)
        self.assertEqual([0, 3], self.bases(log))

    def test_by_age(self) -> None:
        """Retention rolls a segment that is older than ``segment.ms`` and gets nothing more."""
        log = self.log(segment_ms=1000)
        self.append(log, b"a")
        self.successResultOf(log.apply_retention(NOW + 1000))
        self.assertEqual([0], self.bases(log))
        self.successResultOf(log.apply_retention(NOW + 1001))
        self.assertEqual([0, 1], self.bases(log))


class RefusalTests(LogCase):
    """What is not appended."""

    def test_nothing_is_kept(self) -> None:
        """A refusal keeps nothing of where it came from, as of what a batch became when it was decompressed."""
        log = self.log(compact=True)
        keyless = build_batch([NewRecord(None, bytes(9_000), NOW)], Codec.ZSTD)
        error = self.failureResultOf(log.append(keyless, 0), KafkaError).value
        self.assertEqual(ErrorCode.INVALID_RECORD, error.code)
        self.assertEqual((None, None, None), (error.__traceback__, error.__context__, error.__cause__))


class RetentionTests(LogCase):
    """What retention removes."""

    def test_by_size(self) -> None:
        """The oldest segments go while the log stays at least ``retention.bytes`` large."""
        log = self.log(segment_bytes=ONE, retention_bytes=2 * ONE + 1)
        for _ in range(5):
            self.append(log, b"a")
        log.set_high_watermark(5)
        self.assertEqual(2, self.successResultOf(log.apply_retention(NOW)))
        self.assertEqual((2, 3 * ONE), (log.start_offset, log.size_bytes))

    def test_by_time(self) -> None:
        """A segment goes when its latest record is too old, and none after one that stays."""
        log = self.log(segment_bytes=ONE, retention_ms=1000)
        for timestamp in (NOW - 1001, NOW - 1000, NOW - 2000):
            self.at(log, timestamp)
        log.set_high_watermark(3)
        self.assertEqual(1, self.successResultOf(log.apply_retention(NOW)))
        self.assertEqual(1, log.start_offset)

    def test_compacted_only(self) -> None:
        """Without the policy ``delete`` nothing goes."""
        log = self.log(segment_bytes=ONE, retention_ms=0, delete=False)
        self.append(log, b"a")
        log.set_high_watermark(1)
        self.assertEqual(0, self.successResultOf(log.apply_retention(NOW + 5000)))

    def test_files(self) -> None:
        """Files of removed segments are renamed at once and unlinked later; readers that hold one go on."""
        log = self.log(segment_bytes=ONE, file_delete_delay_ms=3000)
        for _ in range(3):
            self.append(log, b"a")
        held = self.successResultOf(log.read(0, ALL, ALL, True))
        self.successResultOf(log.advance_start(2))
        names = self.disk.list(f"/data/{TP}")
        self.assertIn(f"{0:020d}.log.deleted", names)
        self.assertNotIn(f"{0:020d}.log", names)
        self.clock.pump([1] * 5)
        self.assertEqual([], [name for name in self.disk.list(f"/data/{TP}") if name.endswith(".deleted")])
        self.assertEqual(ONE, len(held.read(0, ALL)))
        held.close()


class ColdTests(LogCase):
    """Reading what is not in memory."""

    def test_in_thread(self) -> None:
        """Cold data is looked for and brought to memory in a thread; the active segment is not waited for."""
        pools = HeldThreadPools("read")
        log = self.log(pools, segment_bytes=2 * ONE)
        for _ in range(5):
            self.append(log, b"a")
        self.disk.cold = True
        self.assertEqual(4, self.successResultOf(log.read(4, ALL, ALL, True)).base_offset)
        reading = log.read(1, ALL, ALL, True)
        self.assertNoResult(reading)
        pools.go_on()
        found = self.successResultOf(reading)
        self.assertEqual((1, ONE), (found.base_offset, len(found)))

    def test_beginning_of_a_long_segment(self) -> None:
        """What was appended long ago to the active segment may not be in memory any more; what was a moment ago is."""
        pools = HeldThreadPools("read")
        log = self.log(pools)
        for _ in range(2 * RECENT_BATCHES + 1):
            self.append(log, b"a")
        self.disk.cold = True
        self.assertEqual(2 * RECENT_BATCHES, self.successResultOf(log.read(2 * RECENT_BATCHES, ALL, ALL, True)).base_offset)
        reading = log.read(0, 10 * ONE, ALL, True)
        self.assertNoResult(reading)
        pools.go_on()
        self.assertEqual(10 * ONE, len(self.successResultOf(reading)))

    def test_middle_of_a_long_segment(self) -> None:
        """Nor is the disk asked on the reactor where such a batch is; what is cut off meanwhile is not found."""
        pools = HeldThreadPools("read")
        log = self.log(pools)
        for _ in range(2 * RECENT_BATCHES):
            self.append(log, b"a")
        self.disk.cold = True
        self.disk.bytes_read = 0
        readings = [log.read(RECENT_BATCHES // 2, 10 * ONE, ALL, True) for _ in range(2)]
        self.assertEqual(0, self.disk.bytes_read)
        pools.go_next()
        pools.go_on()
        self.assertEqual([(RECENT_BATCHES // 2, 10 * ONE)] * 2, [(each.base_offset, len(each)) for each in map(self.successResultOf, readings)])
        at, further = log.read(RECENT_BATCHES // 2, 10 * ONE, ALL, True), log.read(RECENT_BATCHES // 2 + 1, 10 * ONE, ALL, True)
        cutting = log.truncate(RECENT_BATCHES // 2)
        pools.go_on()
        self.successResultOf(cutting)
        self.assertEqual(0, len(self.successResultOf(at)))
        self.assertEqual(ErrorCode.OFFSET_OUT_OF_RANGE, self.failureResultOf(further, KafkaError).value.code)

    def test_truncated_meanwhile(self) -> None:
        """A log that is cut back while a thread looks gives no slice of what is gone."""
        pools = HeldThreadPools("read")
        log = self.log(pools, segment_bytes=2 * ONE)
        for _ in range(5):
            self.append(log, b"a")
        self.disk.cold = True
        reading = log.read(3, ALL, ALL, True)
        truncating = log.truncate(1)
        pools.go_on()
        self.successResultOf(truncating)
        self.assertEqual(ErrorCode.OFFSET_OUT_OF_RANGE, self.failureResultOf(reading, KafkaError).value.code)

    def test_unreadable_while_it_is_warmed(self) -> None:
        """A slice that was found and cannot be brought to memory is a storage error as well, which clients try again."""
        log = self.log(segment_bytes=ONE)
        for _ in range(2):
            self.append(log, b"a")
        self.disk.cold = True
        calls = 0

        def step(operation: str, path: str) -> OSError | None:
            nonlocal calls
            calls += operation == "read" and path.endswith(".log")
            return OSError(errno.EIO, "bad sector") if calls > header_reads else None

        header_reads = 0
        for header_reads in range(6):
            calls = 0
            self.disk.faults.step = step  # type: ignore[method-assign]
            reading = log.read(0, ALL, ALL, True)
            if not isinstance(reading.result, Failure):
                break
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.failureResultOf(reading, KafkaError).value.code)
        self.assertGreater(header_reads, 0)

    def test_unreadable(self) -> None:
        """A file that cannot be opened is a storage error."""
        log = self.log(segment_bytes=ONE)
        for _ in range(2):
            self.append(log, b"a")
        log.forget_files()
        self.disk.fail("open", "*.log", errno.EIO)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.failureResultOf(log.read(0, ALL, ALL, True), KafkaError).value.code)

    def test_few_files(self) -> None:
        """However many segments are read, few files stay open."""
        self.store = self.started(files_max=3)
        log = self.opened(self.store, segment_bytes=ONE)
        for _ in range(20):
            self.append(log, b"a")
        for offset in range(20):
            self.successResultOf(log.read(offset, ALL, ALL, True)).close()
        self.assertEqual(3, len(self.store._files._files))


class ClosingTests(LogCase):
    """Closing a log whose end moves back: the next start must not take a batch that went for one that is there."""

    def sent(self, log: Any, sequence: int) -> Any:
        """Append the next batch of a producer."""
        return log.append(batch_of(b"a", producer_id=7, producer_epoch=0, base_sequence=sequence), 0)

    def check_next(self) -> None:
        """The log ends behind the first batch, and the second one is new to it."""
        log = self.opened(self.started())
        self.assertEqual((1, True), (log.end_offset, log.clean))
        result = self.successResultOf(self.sent(log, 1))
        self.assertEqual((1, False), (result.base_offset, result.duplicate))

    def test_truncated_meanwhile(self) -> None:
        """A truncation that has changed nothing yet is waited for."""
        pools = HeldThreadPools("none")
        log = self.log(pools)
        for sequence in range(2):
            self.successResultOf(self.sent(log, sequence))
        pools._names = ("background",)
        truncating, closing = log.truncate(1), self.store.close()
        self.assertEqual(2, log.end_offset)
        pools.go_on()
        self.successResultOf(truncating)
        self.successResultOf(closing)
        self.check_next()

    def test_write_fails_meanwhile(self) -> None:
        """So is what takes back a write that failed."""
        pools = HeldThreadPools("write")
        log = self.log(pools)
        self.successResultOf(self.sent(log, 0))
        log.directory.writer._threaded_until = NOW
        self.disk.fail("write", "*.log", errno.ENOSPC)
        refused, closing = self.sent(log, 1), self.store.close()
        pools.go_on()
        self.failureResultOf(refused, KafkaError)
        self.successResultOf(closing)
        self.check_next()


class LargestTimeTests(LogCase):
    """The latest record, where headers of batches promise a later one (as those of @platformatic/kafka do)."""

    def promised(self, log: Any, promise: int, *timestamps: int) -> None:
        """Append records of these times in a batch whose header says another is the largest."""
        batch = bytearray(build_batch([NewRecord(None, b"a", NOW + timestamp) for timestamp in timestamps]))
        batch[35:43] = (NOW + promise).to_bytes(8, "big")
        self.successResultOf(log.append(bytes(with_crc(batch)), 0))

    def latest(self, log: Any) -> tuple[int, int]:
        """Offset and time of the first record of the largest time."""
        found = self.successResultOf(log.offset_of_max_timestamp())
        return found.offset, found.timestamp - NOW

    def test_promises_that_are_not_kept(self) -> None:
        """The latest record there is, though none is as late as promised; the first of equals."""
        log = self.log(segment_bytes=3 * ONE)
        self.promised(log, 50, 10, 20)
        self.assertEqual((1, 20), self.latest(log))
        self.promised(log, 60, 30)
        self.promised(log, 70, 20)
        self.promised(log, 55, 30)
        self.assertLess(1, len(self.bases(log)))
        self.assertEqual((2, 30), self.latest(log))
        self.successResultOf(log.advance_start(3))
        self.assertEqual((4, 30), self.latest(log))

    def test_more_of_them_than_are_looked_at_together(self) -> None:
        """However many promise what they do not keep, the one that is the latest is found."""
        log = self.log()
        self.promised(log, 1, 1)
        for _ in range(PROMISES_MAX + 1):
            self.promised(log, 2, 0)
        self.assertEqual((0, 1), self.latest(log))


class FlushTests(LogCase):
    """Flushes of many logs."""

    def test_always_at_work(self) -> None:
        """What comes while a flush is under way is in the next, and that begins by itself."""
        pools = HeldThreadPools("flush")
        log = self.log(pools)
        self.append(log, b"a")
        self.append(log, b"b")
        self.assertEqual((["flush data"], 0), (pools.waiting, log.flushed_offset))
        pools.go()
        self.assertEqual((["flush data"], 1), (pools.waiting, log.flushed_offset))
        pools.go()
        self.assertEqual(([], 2), (pools.waiting, log.flushed_offset))

    def test_many_at_once(self) -> None:
        """Many files are made durable by one sync of the file system, few by one each."""
        pools = HeldThreadPools("flush")
        store = self.started(pools=pools)
        logs = [self.opened(store, TopicPartition("t", n)) for n in range(20)]
        for count in (1, 1 + 19):
            files, systems = self.disk.file_syncs, self.disk.system_syncs
            for log in logs[:count]:
                self.append(log, b"a")
            pools.go()
            self.assertEqual((1, 0), (self.disk.file_syncs - files, self.disk.system_syncs - systems))
            if count > 1:
                pools.go()
                self.assertEqual((1, 1), (self.disk.file_syncs - files, self.disk.system_syncs - systems))
        self.assertEqual({1}, {log.flushed_offset for log in logs[1:]})

    def test_one_turn(self) -> None:
        """What is appended in one turn of the reactor is one flush, not a first one of a single log and a second of the others."""
        self.clock = Clock()
        self.clock.advance(NOW / 1000)
        store = self.started()
        logs = [self.opened(store, TopicPartition("t", n)) for n in range(3)]
        for log in logs:
            self.append(log, b"a")
        self.assertEqual([0, 0, 0], [log.flushed_offset for log in logs])
        self.clock.advance(0)
        self.assertEqual([1, 1, 1], [log.flushed_offset for log in logs])
        self.assertEqual(1, logs[0].directory.flusher.rounds)

    def test_very_many_in_one_turn(self) -> None:
        """The sync of the first begins while the others are still written; the rest is one flush at the end of the turn."""
        self.patch(flush, "FILES_AT_ONCE", 10)
        self.clock = Clock()
        self.clock.advance(NOW / 1000)
        pools = HeldThreadPools("flush")
        store = self.started(pools=pools)
        logs = [self.opened(store, TopicPartition("t", n)) for n in range(25)]
        for count, log in enumerate(logs, 1):
            self.append(log, b"a")
            self.assertEqual(["flush data"] * (count >= 10), pools.waiting)
        self.clock.advance(0)
        self.assertEqual(1, pools.go())
        self.assertEqual(10, sum(log.flushed_offset for log in logs))
        self.assertEqual(1, pools.go())
        self.assertEqual(25, sum(log.flushed_offset for log in logs))
        self.assertEqual(([], 2), (pools.waiting, logs[0].directory.flusher.rounds))

    def test_one_broken(self) -> None:
        """A file that cannot be synced takes all logs of its directory along, and none of another."""
        pools = HeldThreadPools("flush")
        store = self.started("/a", "/b", pools=pools)
        logs = [self.opened(store, TopicPartition("t", n)) for n in range(6)]
        for log in logs:
            self.append(log, b"a")
        self.disk.fail("sync", "/b/t-1/*.log")
        pools.go_on()
        self.assertEqual([1, 0, 1, 0, 1, 0], [log.flushed_offset for log in logs])
        self.assertEqual([False, True] * 3, [log.failed for log in logs])
        for log in logs[::2]:
            self.append(log, b"b")
        pools.go_on()
        self.assertEqual([2, 0] * 3, [log.flushed_offset for log in logs])

    def test_no_descriptor(self) -> None:
        """What cannot be opened, for the process has too many files, is synced a moment later: one log, and more than are synced one by one."""
        for count in (1, 20):
            self.setUp()
            self.clock = Clock()
            self.clock.advance(NOW / 1000)
            store = self.started()
            logs = [self.opened(store, TopicPartition("t", n)) for n in range(count)]
            for log in logs:
                self.append(log, b"a")
            store._files.close()
            self.disk.faults.fail("open", "*.log", errno.EMFILE)
            sync, refusals = self.disk.sync_file_system, [OSError(errno.ENFILE, "no descriptor")]

            def refusing(path: str, sync: Any = sync, refusals: Any = refusals) -> None:
                if refusals:
                    raise refusals.pop()
                sync(path)

            self.patch(self.disk, "sync_file_system", refusing)
            self.clock.advance(0)
            self.assertEqual({(False, 0)}, {(log.failed, log.flushed_offset) for log in logs})
            self.disk.faults.heal()
            refusals.clear()
            self.clock.pump([flush.AGAIN_SECONDS, 0])
            self.assertEqual({1}, {log.flushed_offset for log in logs})
            self.disk.crash()
            store = self.started()
            self.assertEqual({1}, {self.opened(store, log.topic_partition).end_offset for log in logs})

    def test_new_segment_name(self) -> None:
        """A new segment's name is on disk before what is in it counts as flushed."""
        log = self.log(segment_bytes=ONE)
        self.append(log, b"a")
        before = self.disk.directory_syncs
        self.append(log, b"b")
        self.assertEqual((2, 1), (log.flushed_offset, self.disk.directory_syncs - before))
