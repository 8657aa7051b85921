"""Random histories with crashes, and disks that are full or broken. A crash at every step is in ``chronik.testing.log_crash_contract``."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import whole_batches
from chronik.record.records import decode_records
from chronik.storage.config import LogConfig
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.logs import ID, NOW, TP, RecordingObserver, make_clock, make_store
from chronik.testing.pools import HeldThreadPools
from chronik.testing.records import batch_of

SMALL = LogConfig(segment_bytes=500, index_interval_bytes=100, file_delete_delay_ms=0)
ALL = 1 << 30


def new_disk(seed: int = 0) -> MemoryFileSystem:
    """An empty disk."""
    disk = MemoryFileSystem(Random(seed))
    disk.make_directory("/data")
    disk.sync_file_system("/")
    return disk


class _Case(SynchronousTestCase):
    def store(self, disk: MemoryFileSystem, **options: Any) -> Any:
        """A started store."""
        self.clock = make_clock()
        store = make_store(disk, self.clock, **options)
        self.successResultOf(store.start())
        return store

    def log(self, disk: MemoryFileSystem, config: LogConfig = SMALL, **options: Any) -> Any:
        """The log of a new store."""
        self.of = self.store(disk, **options)
        return self.successResultOf(self.of.open(TP, ID, config))

    def append(self, log: Any, n: int, epoch: int = 0) -> Deferred[Any]:
        """Append one record of a producer; its value tells its number."""
        return log.append(batch_of(b"%d" % n + b"." * (n % 90), producer_id=7, producer_epoch=0, base_sequence=n), epoch)  # type: ignore[no-any-return]

    def values(self, log: Any) -> list[tuple[int, bytes | None]]:
        """All records."""
        found = []
        offset = log.start_offset
        while offset < log.end_offset:
            data = self.successResultOf(log.read(offset, ALL, ALL, True))
            batches = list(whole_batches(data.read(0, ALL)))
            data.close()
            self.assertTrue(batches, f"nothing at {offset} of {log}")
            for header, batch in batches:
                found += [(record.offset, record.value) for record in decode_records(batch)]
                offset = header.last_offset + 1
        return [(offset, value) for offset, value in found if offset >= log.start_offset]


class RandomTests(_Case):
    """Random operations against a list."""

    @settings(max_examples=60)
    @given(st.lists(st.sampled_from("aaaaaafftscrxk"), min_size=5, max_size=40), st.integers(0, 1000))
    def test_operations(self, operations: list[str], seed: int) -> None:
        """Appends, flushes, truncations, stops, crashes and removals leave what a list would have, but for what a crash may take."""
        random = Random(seed)
        disk = new_disk(seed)
        config = LogConfig(segment_bytes=300, index_interval_bytes=80, write_caching=random.random() < 0.5, file_delete_delay_ms=0)
        log = self.log(disk, config)
        model: list[bytes] = []
        epoch = 0
        for number, operation in enumerate(operations):
            match operation:
                case "a":
                    value = b"%d-" % number * random.randint(1, 12)
                    self.successResultOf(log.append(batch_of(value), epoch))
                    model.append(value)
                case "f":
                    self.assertEqual(len(model), self.successResultOf(log.flush()))
                case "t":
                    offset = random.randint(log.start_offset, log.end_offset)
                    self.successResultOf(log.truncate(offset))
                    del model[offset:]
                    epoch += 1
                case "s":
                    self.successResultOf(log.advance_start(random.randint(0, log.end_offset)))
                case "r":
                    self.clock.advance(1)
                case "k":
                    self.of._checkpoint_due = 0.0
                    self.clock.advance(1)
                case _:
                    start, flushed = log.start_offset, log.flushed_offset
                    if operation == "c":
                        self.successResultOf(self.of.close())
                        flushed = len(model)
                    else:
                        disk.crash()
                    log = self.log(disk, config)
                    self.assertGreaterEqual(log.end_offset, flushed)
                    del model[log.end_offset :]
                    self.assertLessEqual(log.start_offset, max(start, log.end_offset))
                    epoch += 1
            self.assertEqual(len(model), log.end_offset)
            self.assertEqual([(n, model[n]) for n in range(log.start_offset, len(model))], self.values(log))


class FaultTests(_Case):
    """Disks that are full or broken."""

    def test_full(self) -> None:
        """A full disk refuses an append, leaves nothing of it, and the log goes on when there is room."""
        disk = new_disk()
        log = self.log(disk)
        self.successResultOf(self.append(log, 0))
        disk.fail("write", "*.log", errno.ENOSPC)
        error = self.failureResultOf(self.append(log, 1), KafkaError).value
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, error.code)
        self.assertEqual(1, log.end_offset)
        self.assertEqual(log.size_bytes, disk.size(f"/data/{TP}/{0:020d}.log"))
        self.assertEqual(1, self.successResultOf(self.append(log, 1)).base_offset)

    def test_full_at_the_end_of_a_segment(self) -> None:
        """What a refused append left in a segment, and was cut off, does not come back with a crash to hide the segments behind it."""
        for seed in range(20):
            self.setUp()
            disk = new_disk(seed)
            log = self.log(disk, LogConfig(segment_bytes=200))
            self.successResultOf(self.append(log, 0))
            disk.fail("write", "*.log", errno.ENOSPC)
            self.failureResultOf(self.append(log, 1), KafkaError)
            for n in range(1, 4):
                self.successResultOf(log.append(batch_of(bytes(100), producer_id=-1), 0))
                self.assertEqual(n + 1, self.successResultOf(log.flush()))
            self.assertGreater(len(log.segments), 2)
            disk.crash()
            self.assertEqual(4, self.log(disk).end_offset, f"seed {seed}")

    def test_full_for_new_segment(self) -> None:
        """A segment that cannot be begun leaves the log as it was."""
        disk = new_disk()
        log = self.log(disk, LogConfig(segment_bytes=150))
        self.successResultOf(self.append(log, 0))
        self.successResultOf(self.append(log, 1))
        disk.fail("open", "*.log", errno.ENOSPC)
        self.failureResultOf(log.append(batch_of(bytes(80)), 0), KafkaError)
        self.assertEqual(2, log.end_offset)
        self.successResultOf(log.append(batch_of(bytes(80)), 0))
        self.assertEqual([0, 1, 2], [offset for offset, _ in self.values(log)])

    def threaded(self, disk: MemoryFileSystem) -> tuple[Any, HeldThreadPools]:
        """A log whose writes wait in the thread."""
        pools = HeldThreadPools("write")
        log = self.log(disk, pools=pools)
        log.directory.writer._threaded_until = NOW
        return log, pools

    def test_threaded_writes(self) -> None:
        """Writes in the thread count at once for offsets, and for readers when they are done."""
        log, pools = self.threaded(new_disk())
        done = [self.append(log, n) for n in range(3)]
        self.assertEqual((3, 0, 0), (log.end_offset, log.written_offset, log.flushed_offset))
        found = self.successResultOf(log.read(0, ALL, ALL, True))
        self.assertEqual(0, len(found))
        again = self.append(log, 1)
        self.assertNoResult(again)
        pools.go_on()
        self.assertEqual([0, 1, 2], [self.successResultOf(deferred).base_offset for deferred in done])
        self.assertTrue(self.successResultOf(again).duplicate)
        self.assertEqual((3, 3), (log.written_offset, log.flushed_offset))

    def test_read_while_thread_writes(self) -> None:
        """What was written is read up to its very end, however many batches, in however many segments, still wait for the thread behind it."""
        log, pools = self.threaded(new_disk())
        done = [self.append(log, n) for n in range(30)]
        for written in range(1, 31):
            pools.go_next()
            self.successResultOf(done[written - 1])
            self.assertEqual((30, written), (log.end_offset, log.written_offset))
            for offset in range(written):
                found = self.successResultOf(log.read(offset, ALL, ALL, True))
                data = found.read(0, ALL)
                found.close()
                records = [record.offset for _, batch in whole_batches(data) for record in decode_records(batch)]
                self.assertEqual(list(range(offset, records[-1] + 1)), records)
                self.assertLess(records[-1], written)
        self.assertGreater(len(log.segments), 3)

    def test_full_in_thread(self) -> None:
        """A write in the thread that fails takes all behind it along, duplicates too, and leaves the log as it was before."""
        disk = new_disk()
        log, pools = self.threaded(disk)
        observer = RecordingObserver()
        log.watch(observer)
        first = self.append(log, 0)
        pools.go_on()
        self.successResultOf(first)
        disk.fail("write", "*.log", errno.ENOSPC)
        done = [self.append(log, n) for n in range(1, 12)]
        again = self.append(log, 9)
        pools.go("write")
        refused = self.append(log, 1)
        pools.go_on()
        for deferred in [*done, again, refused]:
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.failureResultOf(deferred, KafkaError).value.code)
        self.assertEqual((1, 1, 1), (log.end_offset, log.written_offset, log.flushed_offset))
        self.assertEqual(("truncated", 1, 0), observer.heard[-1])
        last = self.append(log, 1)
        pools.go_on()
        result = self.successResultOf(last)
        self.assertEqual((1, False), (result.base_offset, result.duplicate))
        self.assertEqual([0, 1], [offset for offset, _ in self.values(log)])

    def test_broken_write(self) -> None:
        """After any other error of a write the log takes nothing more."""
        disk = new_disk()
        log = self.log(disk)
        observer = RecordingObserver()
        log.watch(observer)
        disk.fail("write", "*.log", errno.EIO)
        for _ in range(2):
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.failureResultOf(self.append(log, 0), KafkaError).value.code)
        self.assertEqual([("failed", OSError)], observer.heard)

    def test_broken_sync(self) -> None:
        """A sync that failed once is not tried again: who waits hears it, other logs go on, and the stop is not clean."""
        disk = new_disk()
        log = self.log(disk, LogConfig(write_caching=True))
        self.successResultOf(self.append(log, 0))
        disk.fail("sync", f"/data/{TP}/*.log", errno.EIO)
        self.failureResultOf(log.flush(), KafkaError)
        self.assertEqual(0, log.flushed_offset)
        self.failureResultOf(log.flush(), KafkaError)
        self.failureResultOf(self.append(log, 1), KafkaError)
        self.successResultOf(self.of.close())
        self.flushLoggedErrors()
        self.assertFalse(disk.exists("/data/.kafka_cleanshutdown"))

    def test_truncated_while_flushed(self) -> None:
        """A flush that began before a truncation says nothing of what was appended after it."""
        pools = HeldThreadPools("flush")
        log = self.log(new_disk(), pools=pools)
        for n in range(3):
            self.successResultOf(self.append(log, n))
        self.successResultOf(log.truncate(1))
        for n in range(3):
            self.successResultOf(log.append(batch_of(b"new"), 1))
        pools.go("flush")
        self.assertEqual((4, 1), (log.end_offset, log.flushed_offset))
        pools.go_on()
        self.assertEqual(4, log.flushed_offset)
