"""Bits that change at rest: what is noticed, when, by whom, and that nothing damaged is served."""

from __future__ import annotations

import errno
import struct
from random import Random
from typing import Any

from twisted.logger import capturedLogs, formatEvent

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import BadBatch, check_crc, whole_batches
from chronik.record.records import decode_records
from chronik.storage.config import LogConfig
from chronik.storage.disks import DiskPolicy
from chronik.storage.segment import SuspectBatch
from chronik.testing.logs import ID, TP
from chronik.testing.records import batch_of
from tests.storage.test_recovery import ALL, DIRECTORY, RecoveryCase

RECORD_BYTE = 62
"""In a batch: behind the header, of which the CRC says what it should be."""

MAGIC_BYTE = 16
"""In a batch: without it, nobody takes it for one."""


class DamageCase(RecoveryCase):
    """Ten batches in four segments, of which the second is damaged behind its first batch."""

    config = LogConfig(segment_bytes=220, index_interval_bytes=100)

    def flip(self, byte: int, segment: int = 1, batch: int = 1) -> str:
        """Damage a batch; the file it is in."""
        path = self.segments()[segment]
        headers = [header for header, _ in whole_batches(self.disk.read_whole(path))]
        self.damaged = headers[batch].base_offset
        self.position = sum(header.size_bytes for header in headers[:batch])
        self.following = headers[-1].last_offset + 1
        self.disk.faults.flip(path, self.position + byte, 0)
        return path

    def readable(self, log: Any) -> list[int]:
        """Every offset from which a reader gets good batches; all others are refused as damaged, in no other way."""
        found = []
        for offset in range(log.start_offset, log.end_offset):
            results: list[Any] = []
            log.read(offset, ALL, ALL, True).addBoth(results.append)
            if not hasattr(results[0], "read"):
                results[0].trap(KafkaError)
                self.assertEqual(ErrorCode.CORRUPT_MESSAGE, results[0].value.code)
                self.said = str(results[0].value)
                continue
            data = results[0].read(0, ALL)
            results[0].close()
            batches = list(whole_batches(data))
            for header, batch in batches:
                check_crc(header, batch)
            records = [record.offset for _, batch in batches for record in decode_records(batch)]
            self.assertEqual(offset, records[0], "nothing is passed over in silence")
            found.append(offset)
        return found

    def check_quarantined(self, log: Any, path: str) -> None:
        """What is before and behind is served, and what is not is told everywhere."""
        self.assertEqual([n for n in range(10) if not self.damaged <= n < self.following], self.readable(log))
        self.assertIn(f"{path} is damaged at byte {self.position}", self.said)
        (status,) = self.of.status()
        self.assertEqual(1, len(status.damaged))
        self.assertIn(path, status.damaged[0])
        self.assertIn(f"damaged at byte {self.position}".encode(), self.disk.read_whole(path.replace(".log", ".damaged")))
        self.assertEqual(10, self.successResultOf(log.append(self.batch(10), 1)).base_offset)

    def batch(self, n: int) -> bytes:
        """The record of a number."""
        return batch_of(b"%d" % n, producer_id=7, producer_epoch=0, base_sequence=n)


class FoundTests(DamageCase):
    """Who finds it."""

    def test_by_scrubbing(self) -> None:
        """While nobody reads it, within the time that reading all segments takes at the configured rate."""
        self.of = self.filled(policy=DiskPolicy(scrub_bytes_per_second=100, scrub_interval_ms=0))
        log = self.successResultOf(self.of.open(TP, ID, self.config))
        path = self.flip(RECORD_BYTE)
        with capturedLogs() as logged:
            self.clock.pump([1] * 120)
        said = [formatEvent(event) or "" for event in logged]
        self.assertEqual(1, sum(f"{path} is damaged at byte {self.position}" in line for line in said))
        self.check_quarantined(log, path)

    def test_power_cut(self) -> None:
        """As soon as it is found it is known for good, whatever a crash of the machine takes."""
        self.of = self.filled(policy=DiskPolicy(scrub_bytes_per_second=100, scrub_interval_ms=0))
        log = self.successResultOf(self.of.open(TP, ID, self.config))
        path = self.flip(RECORD_BYTE)
        while log.segments[1].damage is None:
            self.clock.pump([1])
        self.assertEqual({True}, {self.disk.crashed(Random(n)).exists(path.replace(".log", ".damaged")) for n in range(30)})

    def test_scrubbing_is_slow(self) -> None:
        """No more is read in a second than may be, and what was checked is left alone for the interval."""
        self.of = self.filled(policy=DiskPolicy(scrub_bytes_per_second=100, scrub_interval_ms=3_600_000))
        log = self.successResultOf(self.of.open(TP, ID, self.config))
        for segment in log.segments:
            segment.checked_ms = 0
        self.clock.pump([1])
        self.assertEqual(0, sum(segment.checked_ms > 0 for segment in log.segments))
        self.clock.pump([1] * 118)
        sealed = log.segments[:-1]
        self.assertEqual((True, False), (all(segment.checked_ms for segment in sealed), log.segments[-1].checked_ms > 0))
        checked = [segment.checked_ms for segment in sealed]
        self.clock.pump([1] * 300)
        self.assertEqual(checked, [segment.checked_ms for segment in sealed])

    def test_small_segments(self) -> None:
        """Many segments are checked in one second where they are small: it is bytes that are counted."""
        self.of = self.filled(policy=DiskPolicy(scrub_interval_ms=3_600_000))
        log = self.successResultOf(self.of.open(TP, ID, self.config))
        for segment in log.segments:
            segment.checked_ms = 0
        self.clock.pump([1] * 2)
        self.assertGreater(len(log.segments), 3)
        self.assertTrue(all(segment.checked_ms for segment in log.segments[:-1]))

    def test_no_scrubbing(self) -> None:
        """It can be switched off; who reads finds it all the same, and the segment is checked then."""
        self.of = self.filled(policy=DiskPolicy(scrub_bytes_per_second=0, scrub_interval_ms=0))
        log = self.successResultOf(self.of.open(TP, ID, self.config))
        path = self.flip(MAGIC_BYTE)
        self.clock.pump([1] * 120)
        self.assertEqual((), self.of.status()[0].damaged)
        failure = self.failureResultOf(log.read(self.damaged, ALL, ALL, True), KafkaError).value
        self.assertEqual(ErrorCode.CORRUPT_MESSAGE, failure.code)
        self.assertIn(f"{path} is damaged at byte {self.position}", str(failure))
        self.clock.pump([1] * 3)
        self.check_quarantined(log, path)

    def test_by_recovery(self) -> None:
        """After a crash, below the recovery point."""
        for byte in (RECORD_BYTE, MAGIC_BYTE):
            self.setUp()
            self.filled(checkpoint_ms=1000)
            self.clock.advance(1)
            path = self.flip(byte)
            self.disk.crash()
            # As if that had been noted before the segment was full, so that it is read.
            self.disk.write_whole("/data/recovery-point-offset-checkpoint", b"0\n1\nt 0 %d\n" % (self.following - 1))
            self.assertLess(self.damaged, self.following - 1)
            self.check_quarantined(self.log(), path)

    def test_by_a_clean_start(self) -> None:
        """Where a clean start reads, because an index is missing, it notices headers that are none."""
        self.stopped()
        path = self.flip(MAGIC_BYTE)
        self.disk.unlink(path.replace(".log", ".index"))
        self.check_quarantined(self.log(), path)

    def test_by_producers(self) -> None:
        """Batches that are read for the sake of producers' states only."""
        self.stopped()
        for name in self.disk.list(DIRECTORY):
            if name.endswith(".snapshot"):
                self.disk.unlink(f"{DIRECTORY}/{name}")
        path = self.flip(MAGIC_BYTE)
        self.check_quarantined(self.log(), path)

    def test_unreadable(self) -> None:
        """A file of which a part cannot be read is damaged there; its directory is used on."""
        self.of = self.filled(policy=DiskPolicy(scrub_bytes_per_second=1000, scrub_interval_ms=0))
        log = self.successResultOf(self.of.open(TP, ID, self.config))
        path = self.flip(RECORD_BYTE, batch=0)
        self.disk.faults.fail("read", path)
        self.clock.pump([1] * 30)
        self.disk.faults.heal()
        self.check_quarantined(log, path)

    def test_no_descriptor(self) -> None:
        """That this process has no descriptor or memory left says nothing of a file: it is looked at again."""
        for number in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            self.setUp()
            self.of = self.filled(policy=DiskPolicy(scrub_bytes_per_second=1 << 20, scrub_interval_ms=1_000))
            log = self.successResultOf(self.of.open(TP, ID, self.config))
            self.of._files.close()
            self.disk.faults.fail("open", "*.log", number)
            self.clock.pump([1] * 5)
            self.disk.faults.heal()
            self.assertEqual((), self.of.status()[0].damaged)
            path = self.flip(RECORD_BYTE, batch=0)
            self.clock.pump([1] * 5)
            self.check_quarantined(log, path)

    def test_no_descriptor_for_a_suspect(self) -> None:
        """Nor is it forgotten that somebody could not read it, though it is not its turn for long."""
        self.of = self.filled(policy=DiskPolicy(scrub_bytes_per_second=1 << 20, scrub_interval_ms=10_000_000))
        log = self.successResultOf(self.of.open(TP, ID, self.config))
        self.clock.pump([1] * 5)
        path = self.flip(RECORD_BYTE)
        log.trouble.suspect(SuspectBatch(log.segments[1], 0, BadBatch(ErrorCode.CORRUPT_MESSAGE, "somebody says so")))
        self.of._files.close()
        self.disk.faults.fail("open", "*.log", errno.EMFILE)
        self.clock.pump([1] * 5)
        self.disk.faults.heal()
        self.clock.pump([1] * 5)
        self.check_quarantined(log, path)

    def test_active(self) -> None:
        """The segment that is appended to is sealed when somebody cannot read it, and the log goes on in the next."""
        self.stopped()
        log = self.log()
        path = self.flip(MAGIC_BYTE, segment=-1, batch=0)
        found = self.successResultOf(log.offset_for_timestamp(2**50))
        self.assertIsNone(found)
        results: list[Any] = []
        log.read(self.damaged, ALL, ALL, True).addBoth(results.append)
        self.clock.pump([1] * 3)
        self.check_quarantined(log, path)


class IndexTests(DamageCase):
    """An index file that leads astray, beside a segment that is in order."""

    config = LogConfig(segment_bytes=700, index_interval_bytes=100)

    def led_astray(self, further: int) -> None:
        """After a clean stop, let the index of the first segment lead from its beginning to where its first entry is, or further."""
        self.stopped()
        path = self.segments()[0].replace(".log", ".index")
        before = self.disk.read_whole(path)
        self.assertGreater(len(before), 8)
        (position,) = struct.unpack_from(">i", before, 4)
        self.disk.write_whole(path, struct.pack(">ii", 0, position + further) + before[8:])
        log = self.log()
        with capturedLogs() as logged:
            self.assertNotIn(0, self.readable(log))
            self.assertIn(f"damaged at byte {position + further}", self.said)
            self.clock.pump([1] * 5)
            self.assertEqual(list(range(10)), self.readable(log))
        self.assertEqual(1, sum(f"{path} did not fit" in (formatEvent(event) or "") for event in logged))
        self.assertEqual((), self.of.status()[0].damaged)
        self.assertEqual(before, self.disk.read_whole(path))

    def test_behind(self) -> None:
        """What is before the batch that it leads to is not passed over."""
        self.led_astray(0)

    def test_between(self) -> None:
        """Where it leads to is no batch."""
        self.led_astray(1)


class KeptTests(DamageCase):
    """What becomes of it."""

    def quarantined(self) -> str:
        """A log with a damaged segment, that knows."""
        self.stopped()
        path = self.flip(MAGIC_BYTE)
        self.disk.unlink(path.replace(".log", ".index"))
        self.check_quarantined(self.log(), path)
        return path

    def test_next_starts(self) -> None:
        """It is not forgotten by a stop, nor by a crash, and nothing of the file is changed."""
        path = self.quarantined()
        data = self.disk.read_whole(path)
        for end in (lambda: self.successResultOf(self.of.close()), self.disk.crash, self.disk.kill):
            end()
            log = self.log()
            self.assertEqual([n for n in range(log.end_offset) if not self.damaged <= n < self.following], self.readable(log))
            self.assertEqual(1, len(self.of.status()[0].damaged))
        self.assertEqual(data, self.disk.read_whole(path))

    def test_restored(self) -> None:
        """Once the file is restored, the next start serves it again."""
        path = self.quarantined()
        self.successResultOf(self.of.close())
        self.disk.faults.flip(path, self.position + MAGIC_BYTE, 0)
        log = self.log()
        self.assertEqual(list(range(11)), self.readable(log))
        self.assertEqual((), self.of.status()[0].damaged)
        self.assertFalse(self.disk.exists(path.replace(".log", ".damaged")))

    def test_removed(self) -> None:
        """Retention, deletion of records and of the topic remove it like any other, and what is told of it."""
        path = self.quarantined()
        log = self.successResultOf(self.of.open(TP, ID, self.config))
        log.set_high_watermark(11)
        self.successResultOf(log.advance_start(self.following))
        self.clock.pump([1] * 70)
        self.assertEqual((), self.of.status()[0].damaged)
        self.assertFalse([name for name in self.disk.list(DIRECTORY) if name.startswith(path.rsplit("/", 1)[1][:20])])
        self.assertEqual(list(range(self.following, 11)), self.readable(log))

    def test_deleted(self) -> None:
        """Nothing is told of a log that is gone."""
        self.quarantined()
        self.successResultOf(self.of.delete(TP, ID))
        self.assertEqual((), self.of.status()[0].damaged)

    def test_truncated(self) -> None:
        """A truncation into what is damaged removes all of that."""
        self.quarantined()
        log = self.successResultOf(self.of.open(TP, ID, self.config))
        self.successResultOf(log.truncate(self.damaged + 1))
        self.assertEqual(self.damaged, log.end_offset)
        self.assertEqual(list(range(self.damaged)), self.readable(log))
        self.disk.crash()
        self.assertEqual(list(range(self.damaged)), self.readable(self.log()))

    def test_by_time(self) -> None:
        """Searches by time find nothing in it, and what is behind it."""
        self.quarantined()
        log = self.successResultOf(self.of.open(TP, ID, self.config))
        found = self.successResultOf(log.offset_for_timestamp(0))
        self.assertEqual(0, found.offset)
        self.successResultOf(log.offset_of_max_timestamp())
