"""What every log must keep of what a follower does with it when the machine stops.

:class:`~chronik.testing.log_crash_contract.LogCrashContract` has these tests.
"""

from __future__ import annotations

from random import Random
from typing import Any

from chronik.storage.config import LogConfig
from chronik.testing.log_crash_fixture import SMALL, Image, LogCrashFixture, Photographer, value_of
from chronik.testing.log_fixture import ALL
from chronik.testing.log_follower_contract import led
from chronik.testing.records import batch_of


class FollowerCrashContract(LogCrashFixture):
    """What a crash leaves of a follower's log."""

    def test_replicating(self) -> None:
        """A leader's batches that were flushed are there after a crash at any moment, gaps and epochs as they came."""
        offsets = [n + n // 3 * 5 for n in range(24)]

        def work(log: Any, photographer: Photographer) -> None:
            for n in range(0, 24, 4):
                self.wait(log.replicate(b"".join(led(offset, value_of(offset), epoch=offset // 9) for offset in offsets[n : n + 4])))
                photographer.look()

        for log, _ in self.recovered(self.images_of(work)):
            found = [offset for offset in offsets if offset < log.end_offset]
            self.assertEqual(found[-1] + 1 if found else 0, log.end_offset)
            self.assertEqual([(offset, value_of(offset)) for offset in found], self.records(log))
            self.assertEqual([offset // 9 for offset in found], [log.epoch_for_offset(offset) for offset in found])
            self.assertEqual(found[-1] // 9 if found else -1, log.latest_epoch)
            end = max(log.end_offset, offsets[-1])
            self.assertEqual(end + 1, self.wait(log.replicate(led(end, b"x", epoch=9))))

    def test_truncated_epochs(self) -> None:
        """After a truncation no crash brings back an epoch that began at or behind the new end, nor a producer's batch."""
        log = self.opened(SMALL)
        for n in range(12):
            self.sent(log, n, epoch=n // 4)
        self.wait(log.raise_epoch(6))
        self.clock.advance(60)
        for end, epoch in ((12, 2), (8, 1), (7, 1), (4, 0)):
            self.wait(log.truncate(end))
            images = [Image(self.disk.crashed(Random(seed)), end, end, end) for seed in range(4)]
            for found, _ in self.recovered(images):
                self.assertEqual((end, epoch, (epoch, end)), (found.end_offset, found.latest_epoch, found.end_offset_for_epoch(epoch)))
                self.assertEqual([end - 1], [producer.last_sequence for producer in found.active_producers()])
                self.assertTrue(self.sent(found, end - 1, epoch).duplicate)
                self.assertEqual(end + 1, self.wait(found.replicate(led(end, b"x", epoch=epoch))))

    def test_truncating_between_batches(self) -> None:
        """A log that was cut inside a batch is opened after any crash, and ends where a batch did."""

        def work(log: Any, photographer: Photographer) -> None:
            for base in range(0, 30, 3):
                self.wait(log.append(batch_of(*map(value_of, range(base, base + 3))), 0))
            self.wait(log.advance_start(1))
            for target, end in ((20, 18), (13, 12), (2, 1)):
                photographer.floor = end
                self.wait(log.truncate(target))
                self.clock.advance(60)
                photographer.look()

        for log, _ in self.recovered(self.images_of(work)):
            self.assertIn(log.end_offset, {1, *range(0, 31, 3)})
            self.assertEqual([(n, value_of(n)) for n in range(log.start_offset, log.end_offset)], self.records(log))

    def restarting(self, offset: int) -> None:
        """Check that a crash while a log begins anew leaves the first of the old records, or the new ones."""
        config = LogConfig(segment_bytes=500, index_interval_bytes=100, file_delete_delay_ms=1500)

        def work(log: Any, photographer: Photographer) -> None:
            for n in range(20):
                self.sent(log, n, epoch=n // 5)
            self.wait(log.advance_start(8))
            self.clock.advance(60)
            self.sent(log, 20, epoch=4)
            photographer.floor = 0
            self.wait(log.restart_at(offset))
            photographer.floor, photographer.ceiling = ALL, -1
            photographer.look()
            self.clock.advance(1)
            for n in range(6):
                self.wait(log.replicate(led(offset + n, b"new%d" % n, epoch=3)))
                self.clock.advance(1)
            self.clock.advance(60)

        for log, image in self.recovered(self.images_of(work, config), config):
            found = self.records(log)
            new = [(offset + n, b"new%d" % n) for n in range(log.end_offset - offset)]
            old = [(n, value_of(n)) for n in range(log.start_offset, log.end_offset)]
            if image.ceiling == -1:
                self.assertEqual((offset, new), (log.start_offset, found))
            else:
                self.assertIn(found, (old, new))
            if not found:
                self.assertEqual([], list(log.active_producers()))
            self.assertEqual(3 if found and found == new else log.epoch_for_offset(log.end_offset - 1), log.latest_epoch)
            end = max(log.end_offset, offset)
            self.wait(log.restart_at(end))
            self.assertEqual((-1, end, []), (log.latest_epoch, log.end_offset, list(log.active_producers())))
            self.wait(log.replicate(led(end, b"last", epoch=5)))
            self.assertEqual([(end, b"last")], self.records(log))

    def test_restarting_above(self) -> None:
        """Above the end of what there was."""
        self.restarting(100)

    def test_restarting_at_end(self) -> None:
        """Right at the end."""
        self.restarting(21)

    def test_restarting_inside(self) -> None:
        """Inside of what there was."""
        self.restarting(15)

    def test_restarting_below(self) -> None:
        """Below the start of what there was."""
        for offset in range(6, 9):
            self.disk = self.adopted(self.make_disk())
            self.store = self.started()
            self.restarting(offset)
