"""Log stores while the time of day is set: records and retention go by it, nothing else does."""

from __future__ import annotations

from typing import Any

from chronik.record.batch import whole_batches
from chronik.storage.disks import DiskPolicy
from chronik.testing.logs import ID, NOW, TP
from tests.storage.test_store import StoreCase

HOUR_MS = 3_600_000


class WallClockTests(StoreCase):
    """A store whose wall clock somebody sets."""

    def setUp(self) -> None:
        """Let it be right."""
        super().setUp()
        self.set_forward_ms = 0
        self.of = self.started(wall_clock=lambda: self.clock.seconds() + self.set_forward_ms / 1000, retention_ms=2_000)

    def times(self, log: Any) -> list[int]:
        """Of each batch, the time of its last record."""
        found = self.successResultOf(log.read(log.start_offset, 1 << 20, 1 << 20, True))
        times = [header.max_timestamp for header, _ in whole_batches(found.read(0, len(found)))]
        found.close()
        return times

    def test_timestamps(self) -> None:
        """``LogAppendTime`` is the time of day, as it is at the moment."""
        log = self.opened(self.of, log_append_time=True)
        for self.set_forward_ms in (0, 5 * HOUR_MS, -5 * HOUR_MS):
            self.append(log, b"a")
        self.assertEqual([NOW, NOW + 5 * HOUR_MS, NOW - 5 * HOUR_MS], self.times(log))

    def test_retention(self) -> None:
        """Records are as old as the time of day says, which is looked at as often as ever."""
        log = self.opened(self.of, retention_ms=HOUR_MS)
        self.append(log, b"a")
        log.set_high_watermark(1)
        self.set_forward_ms = -9 * HOUR_MS
        self.clock.pump([1] * 3)
        self.assertEqual(0, log.start_offset)
        self.set_forward_ms = 2 * HOUR_MS
        self.clock.pump([1] * 3)
        self.assertEqual(1, log.start_offset)

    def test_deleted_files(self) -> None:
        """They go when their time is over, whatever time of day it is."""
        for self.set_forward_ms in (0, 5 * HOUR_MS, -5 * HOUR_MS):
            self.opened(self.of, file_delete_delay_ms=5_000)
            self.successResultOf(self.of.delete(TP, ID))
            self.set_forward_ms -= HOUR_MS
            self.clock.pump([1] * 4)
            self.set_forward_ms += 9 * HOUR_MS
            self.assertEqual(1, sum(name.endswith("-delete") for name in self.disk.list("/data")))
            self.set_forward_ms -= 99 * HOUR_MS
            self.clock.pump([1] * 3)
            self.assertEqual(0, sum(name.endswith("-delete") for name in self.disk.list("/data")))

    def test_scrubbing(self) -> None:
        """What was looked at last in a future that was set back since is looked at now, not when that future comes."""
        self.successResultOf(self.of.close())
        policy = DiskPolicy(scrub_interval_ms=HOUR_MS)
        self.of = self.started(wall_clock=lambda: self.clock.seconds() + self.set_forward_ms / 1000, policy=policy)
        log = self.opened(self.of, segment_bytes=80)
        self.set_forward_ms = 9 * HOUR_MS
        for _ in range(3):
            self.append(log, b"a")
        checked = [segment.checked_ms for segment in log.segments[:-1]]
        self.set_forward_ms = 0
        self.clock.pump([1] * 100)
        self.assertEqual([True, True], [0 < segment.checked_ms < before for segment, before in zip(log.segments, checked, strict=False)])

    def test_flush(self) -> None:
        """``flush.ms`` is over in its time, where the page cache counts as safe."""
        log = self.opened(self.of, write_caching=True, flush_ms=3_000)
        self.append(log, b"a")
        self.clock.pump([1] * 2)
        self.set_forward_ms = 5 * HOUR_MS
        self.clock.pump([1] * 1)
        self.assertEqual(0, log.flushed_offset)
        self.set_forward_ms = -5 * HOUR_MS
        self.clock.pump([1] * 2)
        self.assertEqual(1, log.flushed_offset)
