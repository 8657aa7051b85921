"""Recovery after a log was cut, and a second crash after the first was recovered from."""

from __future__ import annotations

from random import Random

from chronik.storage.config import LogConfig
from chronik.testing.logs import ID, TP
from chronik.testing.pools import HeldThreadPools
from chronik.testing.records import batch_of
from tests.storage.test_recovery import DIRECTORY, RecoveryCase


class BoundTests(RecoveryCase):
    """How much is read after a crash."""

    config = LogConfig(segment_bytes=1 << 30, index_interval_bytes=1000)

    def test_after_a_cut(self) -> None:
        """Cutting a log removes its index files: the next checkpoint writes all of them again."""
        for count in (100, 5_000):
            self.setUp()
            store = self.started(checkpoint_ms=1000)
            log = self.successResultOf(store.open(TP, ID, self.config))
            for _ in range(count):
                self.append(log, b"x")
            self.clock.advance(1)
            end = log.end_offset - 10
            self.successResultOf(log.truncate(end))
            for _ in range(20):
                self.append(log, b"x")
            self.clock.advance(1)
            self.disk.crash()
            self.disk.bytes_read = 0
            self.assertEqual(end + 20, self.log().end_offset)
            self.assertLess(self.disk.bytes_read, 50_000)


class TwiceTests(RecoveryCase):
    """A second crash right after the first was recovered from, before anything was flushed."""

    config = LogConfig(segment_bytes=1 << 20)

    def test_snapshot_of_what_is_gone(self) -> None:
        """The states of producers at an end that the first crash took back are not those of the records that came in its place."""
        self.filled(checkpoint_ms=1000)
        self.clock.advance(1)
        self.assertIn(f"{10:020d}.snapshot", self.disk.list(DIRECTORY))
        path = self.segments()[-1]
        size = 7 * len(batch_of(b"0", producer_id=7, producer_epoch=0, base_sequence=0))
        self.change(path, lambda data: data[:size])
        self.disk.write_whole("/data/recovery-point-offset-checkpoint", b"0\n1\nt 0 0\n")
        self.disk.crash()
        log = self.successResultOf(self.started(pools=HeldThreadPools("flush")).open(TP, ID, self.config))
        self.assertEqual(7, log.end_offset)
        for n in range(3):
            log.append(batch_of(b"new", producer_id=8, producer_epoch=0, base_sequence=n), 0)
        disk = self.disk
        # The system writes records when it likes.
        disk.open(path).fdatasync()
        for seed in range(20):
            self.disk = disk.crashed(Random(seed))
            log = self.log()
            self.assertEqual(10, log.end_offset)
            sent = self.successResultOf(log.append(batch_of(b"7", producer_id=7, producer_epoch=0, base_sequence=7), 0))
            self.assertFalse(sent.duplicate, seed)
