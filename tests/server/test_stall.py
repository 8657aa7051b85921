"""How late the reactor's timer came, and how much of that its thread was computing."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from chronik.server.stall import INTERVAL_SECONDS, STALL_BUCKETS_SECONDS, ReactorStallMeter


class MeterTests(SynchronousTestCase):
    """A meter on a clock that stands still while the reactor does."""

    def setUp(self) -> None:
        """Start one."""
        self.clock = Clock()
        self.computed = 1.0
        self.meter = ReactorStallMeter(self.clock, lambda: self.computed)
        self.meter.start()
        self.addCleanup(self.meter.stop)

    def pass_time(self, late: float, computed: float = 0.0) -> None:
        """The next look comes so late, after the thread computed so long."""
        self.computed += computed
        self.clock.advance(INTERVAL_SECONDS + late)

    def test_punctual(self) -> None:
        """A timer that comes when it should counts in the first bucket and adds nothing, however busy the thread was."""
        self.pass_time(0, computed=INTERVAL_SECONDS)
        self.assertEqual((1, 0.0, 0.0), (self.meter.buckets[0], self.meter.longest_seconds, self.meter.longest_busy_seconds))

    def test_late(self) -> None:
        """Lateness is counted in its bucket, summed, and the longest kept."""
        for late in (0.02, 0.3, 0.02):
            self.pass_time(late, computed=late)
        self.assertAlmostEqual(0.34, self.meter.seconds)
        self.assertAlmostEqual(0.3, self.meter.longest_seconds)
        self.assertAlmostEqual(0.3, self.meter.longest_busy_seconds)
        self.assertEqual((2, 1), (self.meter.buckets[STALL_BUCKETS_SECONDS.index(0.025)], self.meter.buckets[STALL_BUCKETS_SECONDS.index(0.5)]))

    def test_machine_was_busy(self) -> None:
        """A stall counts as busy as far as the thread computed in it, not in another, and at most as long as it was."""
        self.pass_time(0.3, computed=0.05)
        self.pass_time(0.0, computed=0.02)
        self.pass_time(0.04, computed=0.06)
        self.assertAlmostEqual(0.3, self.meter.longest_seconds)
        self.assertAlmostEqual(0.05, self.meter.longest_busy_seconds)

    def test_told(self) -> None:
        """A long stall is told, with how much of it was computing; a short one is not."""
        with capturedLogs() as logged:
            self.pass_time(0.2)
            self.pass_time(0.4, computed=0.3)
        (line,) = [formatEvent(event) for event in logged]
        self.assertIn("0.400 s", line)
        self.assertIn("0.300 s", line)
