"""A follower's log on disks that are full or broken, or in use by threads. The rest is in ``chronik.testing.log_follower_contract``."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

from chronik.errors import ErrorCode, KafkaError
from chronik.storage.config import LogConfig
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.log_follower_contract import led
from chronik.testing.logs import ID, NOW, TP, make_store
from chronik.testing.pools import HeldThreadPools
from tests.storage.test_crashes import new_disk
from tests.storage.test_store import StoreCase

SMALL = LogConfig(segment_bytes=250, index_interval_bytes=100, file_delete_delay_ms=0)
DIRECTORY = f"/data/{TP}"


class FollowingCase(StoreCase):
    """A log with one record of epoch 1 and producer 7."""

    def log(self, disk: MemoryFileSystem, **options: Any) -> Any:
        """The log of a new store."""
        self.of = make_store(disk, self.clock, **options)
        self.successResultOf(self.of.start())
        return self.successResultOf(self.of.open(TP, ID, SMALL))

    def begun(self, disk: MemoryFileSystem) -> Any:
        """With its record."""
        log = self.log(disk)
        self.successResultOf(log.replicate(led(0, b"a", epoch=1, producer_id=7, producer_epoch=0, base_sequence=0)))
        return log

    def more(self) -> bytes:
        """Batches for several segments."""
        return b"".join(led(n, bytes(60), epoch=n, producer_id=7, producer_epoch=0, base_sequence=n) for n in range(1, 9))

    def sizes(self, disk: MemoryFileSystem) -> int:
        """Bytes of all segments."""
        return sum(disk.size(f"{DIRECTORY}/{name}") for name in disk.list(DIRECTORY) if name.endswith(".log"))

    def assert_only_begun(self, log: Any, disk: MemoryFileSystem) -> None:
        """Check that nothing else is there, in memory and on disk, and that it goes on."""
        self.assertEqual((1, 1, 1, 1), (log.end_offset, log.written_offset, log.flushed_offset, log.latest_epoch))
        self.assertEqual((log.size_bytes, [0]), (self.sizes(disk), [producer.last_sequence for producer in log.active_producers()]))
        self.assertEqual(9, self.successResultOf(log.replicate(self.more())))
        self.assertGreater(len(log.segments), 3)


class FullDiskTests(FollowingCase):
    """Nothing of what could not be written whole stays."""

    def refused(self, operation: str, pattern: str) -> None:
        """Check what a full disk leaves."""
        disk = new_disk()
        log = self.begun(disk)
        disk.fail(operation, pattern, errno.ENOSPC)
        error = self.failureResultOf(log.replicate(self.more()), KafkaError).value
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, error.code)
        self.assert_only_begun(log, disk)

    def test_first_segment(self) -> None:
        """In the segment that there is."""
        self.refused("write", f"*{0:020d}.log")

    def test_later_segment(self) -> None:
        """In one that was begun for it, when others are written."""
        self.refused("write", f"*{4:020d}.log")

    def test_new_segment(self) -> None:
        """Where one cannot be begun."""
        self.refused("open", f"*{4:020d}.log")

    def test_in_thread(self) -> None:
        """Where writes wait in the thread, those behind it are taken back too."""
        disk, pools = new_disk(), HeldThreadPools("write")
        log = self.log(disk, pools=pools)
        self.successResultOf(log.replicate(led(0, b"a", epoch=1, producer_id=7, producer_epoch=0, base_sequence=0)))
        pools.go_on()
        log.directory.writer._threaded_until = NOW
        disk.fail("write", f"*{4:020d}.log", errno.ENOSPC)
        done = [log.replicate(self.more()), log.replicate(led(9, b"z", epoch=9))]
        self.assertEqual(10, log.end_offset)
        self.assertNoResult(done[0])
        pools.go_on()
        for each in done:
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.failureResultOf(each, KafkaError).value.code)
        log.directory.writer._threaded_until = 0
        self.assert_only_begun(log, disk)

    def test_broken(self) -> None:
        """After any other error the log takes nothing more, from nobody."""
        disk = new_disk()
        log = self.begun(disk)
        disk.fail("write", f"*{4:020d}.log", errno.EIO)
        for _ in range(2):
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.failureResultOf(log.replicate(self.more()), KafkaError).value.code)
        self.assertTrue(log.failed)
        for refused in (log.restart_at(5), log.truncate(0)):
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.failureResultOf(refused, KafkaError).value.code)


class GapTests(FollowingCase):
    """Gaps in the last segment, and damage that looks like one."""

    def crashed(self, *batches: bytes) -> MemoryFileSystem:
        """What a power cut leaves of a log that was flushed."""
        disk = new_disk()
        log = self.begun(disk)
        self.successResultOf(log.replicate(b"".join(batches)))
        self.assertEqual(log.end_offset, self.successResultOf(log.flush()))
        return disk.crashed(Random(1))

    def test_gap(self) -> None:
        """A gap is kept, and noted."""
        disk = self.crashed(led(5, b"b", epoch=1))
        self.assertTrue(disk.exists(f"{DIRECTORY}/offset-gaps"))
        self.assertEqual(6, self.log(disk).end_offset)

    def test_no_gap(self) -> None:
        """Where the leader sent none, an offset that does not follow is damage."""
        disk = self.crashed(led(1, b"b", epoch=1))
        self.assertFalse(disk.exists(f"{DIRECTORY}/offset-gaps"))
        path = f"{DIRECTORY}/{0:020d}.log"
        data = disk.read_whole(path)
        half = len(data) // 2
        self.assertEqual(1, data[half + 7])
        disk.write_whole(path, data[: half + 7] + b"\x05" + data[half + 8 :])
        self.assertEqual(1, self.log(disk).end_offset)

    def test_too_far(self) -> None:
        """A gap that the indexes cannot express is refused, and nothing is appended."""
        disk = new_disk()
        log = self.begun(disk)
        error = self.failureResultOf(log.replicate(led(1, b"b", epoch=1) + led(2**32, b"c", epoch=1)), KafkaError).value
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, error.code)
        self.assert_only_begun(log, disk)


class RestartTests(FollowingCase):
    """Beginning anew while others are at work."""

    def test_refuses_meanwhile(self) -> None:
        """Nothing is appended until it is done, what waits for the disk is refused, and a flush is answered."""
        disk, pools = new_disk(), HeldThreadPools("write")
        log = self.log(disk, pools=pools)
        log.directory.writer._threaded_until = NOW
        waiting = log.replicate(led(0, b"a"))
        flushed = log.flush()
        done = log.restart_at(30)
        self.assertEqual((0, 0), (log.start_offset, log.end_offset))
        for refused in (log.replicate(led(0, b"b")), log.append(led(0, b"b"), 0)):
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.failureResultOf(refused, KafkaError).value.code)
        self.assertNoResult(done)
        pools.go_on()
        self.successResultOf(done)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.failureResultOf(waiting, KafkaError).value.code)
        self.successResultOf(flushed)
        self.assertEqual((30, 30, 30, 30), (log.start_offset, log.end_offset, log.written_offset, log.flushed_offset))

    def test_checkpoints_meanwhile(self) -> None:
        """What the sweep writes while a log begins anew keeps no later start from opening it."""
        for offset in (0, 5, 90):
            disk, pools = new_disk(), HeldThreadPools("write")
            log = self.log(disk, pools=pools, checkpoint_ms=1000)
            for n in range(8):
                self.successResultOf(log.replicate(led(n, bytes(60))))
            self.successResultOf(log.flush())
            pools._names = ("write", "background")
            done = log.restart_at(offset)
            for _ in range(24):
                self.clock.advance(1)
                for seed in range(3):
                    found = self.log(disk.crashed(Random(seed)))
                    self.assertIn((found.start_offset, found.end_offset), {(offset, offset), *((0, n) for n in range(9))})
                    self.of._sweeper.stop()
                pools.go_next()
            pools.go_on()
            self.successResultOf(done)
            self.assertEqual(offset, self.log(disk.crashed(Random(1))).end_offset)

    def test_broken(self) -> None:
        """A disk that refuses ends the log."""
        for operation, pattern in (("rename", "*.log"), ("open", f"*{30:020d}.log"), ("sync", DIRECTORY)):
            disk = new_disk()
            log = self.begun(disk)
            disk.fail(operation, pattern, errno.EIO)
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.failureResultOf(log.restart_at(30), KafkaError).value.code)
            self.assertTrue(log.failed)

    def test_noted_starts(self) -> None:
        """A start below the old one lasts, though the old one was noted again and again."""
        disk = new_disk()
        log = self.log(disk)
        for n in range(8):
            self.successResultOf(log.replicate(led(n, bytes(60))))
        starts = [log.advance_start(5), log.restart_at(2), log.advance_start(2)]
        for each in starts:
            self.successResultOf(each)
        self.successResultOf(log.replicate(led(2, b"x", b"y")))
        self.successResultOf(log.advance_start(3))
        self.assertEqual((3, 4), (log.start_offset, self.successResultOf(log.flush())))
        found = self.log(disk.crashed(Random(1)))
        self.assertEqual((3, 4), (found.start_offset, found.end_offset))
