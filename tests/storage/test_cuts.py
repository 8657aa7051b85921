"""Logs that are cut below their recovery point."""

from __future__ import annotations

from typing import Any

from chronik.testing.logs import ID, TP
from tests.storage.test_recovery import RecoveryCase


class CutTests(RecoveryCase):
    """A log that was cut below its recovery point, and crashed: it ends where it was cut, and is not taken for damaged."""

    def cut(self, offset: int, *sizes: int) -> Any:
        """A log of batches of so many records, noted to be on disk, then cut at an offset; opened again."""
        store = self.started(checkpoint_ms=1000)
        log = self.successResultOf(store.open(TP, ID, self.config))
        for size in sizes:
            self.append(log, *[b"%d" % (log.end_offset + n) for n in range(size)])
        self.clock.advance(1)
        self.successResultOf(log.truncate(offset))
        self.disk.crash()
        return self.log()

    def test_between_batches(self) -> None:
        """Where a batch ends."""
        log = self.cut(4, *[1] * 10)
        self.assertEqual((0, 4), (log.start_offset, log.end_offset))
        self.append(log, b"4")
        self.assertEqual([b"%d" % n for n in range(5)], self.values(log))

    def test_inside_a_batch(self) -> None:
        """That one goes whole, so the log ends earlier than was asked for."""
        log = self.cut(7, 4, 6)
        self.assertEqual((0, 4), (log.start_offset, log.end_offset))
        self.append(log, b"4")
        self.assertEqual([b"%d" % n for n in range(5)], self.values(log))

    def test_everything(self) -> None:
        """Nothing is left."""
        log = self.cut(0, 4, 6)
        self.assertEqual((0, 0), (log.start_offset, log.end_offset))
