"""Kafka's rules of which segments go, and when a segment ends; at scale, and what is left of what went."""

from __future__ import annotations

from typing import Any, NamedTuple

from twisted.internet.task import Clock

from chronik.model import TopicPartition
from chronik.record.build import NewRecord, build_batch
from chronik.storage.config import LogConfig
from chronik.storage.retention import expired_segments
from chronik.testing.logs import ID, NOW, TP
from tests.storage.test_store import StoreCase

DAY = 86_400_000


class Segment(NamedTuple):
    """A segment as the rules see it."""

    end_offset: int
    size: int
    max_timestamp: int
    created_ms: int = NOW


def batch_at(timestamp: int) -> bytes:
    """A batch of one record of that time (ms)."""
    return build_batch([NewRecord(None, b"x", timestamp)])


def gone(segments: list[Segment], high_watermark: int = 1_000, **config: Any) -> int:
    """How many of the oldest go."""
    whole = LogConfig(**{"retention_ms": -1, "retention_bytes": -1, **config})
    return len(expired_segments(segments, whole, high_watermark, sum(segment.size for segment in segments), NOW))


class RuleTests(StoreCase):
    """``kafka.log.UnifiedLog.deleteOldSegments``."""

    def test_largest_timestamp(self) -> None:
        """A segment's age is that of its latest record, not of its first or of its file; one that is young keeps all behind it."""
        old, young = NOW - 2 * DAY, NOW - DAY // 2
        self.assertEqual(2, gone([Segment(10, 5, old), Segment(20, 5, old), Segment(30, 5, young), Segment(40, 5, old)], retention_ms=DAY))
        self.assertEqual(0, gone([Segment(10, 5, NOW - DAY)], retention_ms=DAY))
        self.assertEqual(1, gone([Segment(10, 5, NOW - DAY - 1)], retention_ms=DAY))
        self.assertEqual(0, gone([Segment(10, 5, NOW + 9 * DAY), Segment(20, 5, old)], retention_ms=DAY))

    def test_without_timestamps(self) -> None:
        """Records without a time are as old as their segment."""
        self.assertEqual(1, gone([Segment(10, 5, -1, NOW - 2 * DAY), Segment(20, 5, -1, NOW)], retention_ms=DAY))

    def test_size(self) -> None:
        """Whole segments go as long as what is left is not less than the limit."""
        segments = [Segment(10 * n, 100, NOW) for n in range(1, 6)]
        for limit, count in ((500, 0), (401, 0), (400, 1), (399, 1), (300, 2), (1, 4), (0, 5)):
            self.assertEqual(count, gone(segments, retention_bytes=limit), limit)

    def test_high_watermark(self) -> None:
        """What is not committed stays, by whatever rule."""
        segments = [Segment(10, 100, 0), Segment(20, 100, 0)]
        for high_watermark, count in ((9, 0), (10, 1), (19, 1), (20, 2)):
            self.assertEqual((count, count), (gone(segments, high_watermark, retention_ms=1), gone(segments, high_watermark, retention_bytes=0)))

    def test_empty(self) -> None:
        """An empty segment that is appended to stays."""
        self.assertEqual(1, gone([Segment(10, 5, 0), Segment(10, 0, -1, 0)], retention_ms=1))


class RollTests(StoreCase):
    """When a segment ends."""

    def bases(self, *timestamps: int, **config: Any) -> list[int]:
        """Where segments begin, of records with these times, each a batch."""
        log = self.opened(self.started(), **config)
        for timestamp in timestamps:
            self.successResultOf(log.append(batch_at(timestamp), 0))
        return list(log.bases)

    def test_by_the_records_time(self) -> None:
        """``segment.ms`` counts from the first batch's time to that of the new one; time that goes back rolls nothing."""
        self.assertEqual([0, 3], self.bases(NOW, NOW + 1_000, NOW - 5 * DAY, NOW + 1_001, segment_ms=1_000, timestamp_after_max_ms=2**62))

    def test_jitter(self) -> None:
        """``segment.jitter.ms`` takes less than ``segment.ms`` off it, differently for each log, however large it is set."""
        store, rolled = self.started(), []
        for number in range(40):
            log = self.opened(store, TopicPartition("t", number), segment_ms=1_000, segment_jitter_ms=1 << 60, timestamp_after_max_ms=2**62)
            while len(log.bases) == 1:
                self.successResultOf(log.append(batch_at(NOW + 10 * log.end_offset), 0))
            rolled.append(10 * log.bases[1])
        self.assertTrue(all(0 < after <= 1_010 for after in rolled), rolled)
        self.assertGreater(len(set(rolled)), 20)

    def test_index_bytes(self) -> None:
        """A full index ends a segment: the offset index, or the time index, of which one entry is left for the end."""
        log = self.opened(self.started(), segment_index_bytes=120, index_interval_bytes=0)
        for n in range(100):
            self.successResultOf(log.append(batch_at(NOW + n), 0))
        for segment in log.segments:
            self.assertLessEqual(len(segment.offsets.encode()), 120)
            self.assertLessEqual(len(segment.times.encode()), 120)
        self.assertGreater(len(log.segments), 8)


class FileTests(StoreCase):
    """What becomes of the files."""

    def test_delay(self) -> None:
        """They have another name at once, and go after ``file.delete.delay.ms``; DeleteRecords does the same."""
        log = self.opened(self.started(), segment_bytes=150, file_delete_delay_ms=5_000, retention_ms=-1)
        for _ in range(6):
            self.append(log, b"x" * 80)
        self.successResultOf(log.advance_start(4))
        names = self.disk.list(f"/data/{TP}")
        self.assertEqual(4, sum(name.endswith(".log.deleted") for name in names))
        self.assertFalse([name for name in names if name.endswith(".log") and int(name[:20]) < 4])
        self.clock.pump([1] * 4)
        self.assertEqual(4, sum(name.endswith(".log.deleted") for name in self.disk.list(f"/data/{TP}")))
        self.clock.pump([1] * 3)
        self.assertEqual([], [name for name in self.disk.list(f"/data/{TP}") if name.endswith(".deleted")])


class CountingClock(Clock):
    """Counts what is planned."""

    def pending(self) -> int:
        """How many calls wait."""
        return len(self.getDelayedCalls())


class ScaleTests(StoreCase):
    """Many partitions."""

    def test_no_timer_each(self) -> None:
        """A thousand logs that all have something to remove, to flush and to note need no timer of their own, and all get their turn."""
        self.clock = CountingClock()
        self.clock.advance(NOW / 1000)
        store = self.started(retention_ms=2_000, checkpoint_ms=1_000)
        config = {"retention_ms": 1, "segment_bytes": 150, "file_delete_delay_ms": 1_000, "segment_jitter_ms": 5}
        logs = [self.opened(store, TopicPartition("t", n), ID, **config) for n in range(1_000)]
        for log in logs:
            for _ in range(2):
                self.append(log, b"x" * 80)
            log.set_high_watermark(2)
        self.assertLessEqual(self.clock.pending(), 2)
        for _ in range(10):
            self.clock.pump([1, 0, 0, 0])
            self.assertLessEqual(self.clock.pending(), 2)
        self.assertEqual({2}, {log.start_offset for log in logs})
        self.assertEqual({1}, {sum(name.endswith(".log") for name in self.disk.list(log.path)) for log in logs})
        self.assertEqual(0, sum(name.endswith(".deleted") for log in logs for name in self.disk.list(log.path)))
