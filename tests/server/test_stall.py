"""How late the reactor's timer came, and how much of that was the machine's doing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from chronik.server.stall import INTERVAL_SECONDS, STALL_BUCKETS_SECONDS, ProcessorWait, ReactorStallMeter

SECONDS_MAX = 10.0


class MeterTests(SynchronousTestCase):
    """A meter on a clock that stands still while the reactor does."""

    def setUp(self) -> None:
        """Start one."""
        self.clock = Clock()
        self.waited = 0.0
        self.meter = ReactorStallMeter(self.clock, lambda: self.waited)
        self.meter.start()
        self.addCleanup(self.meter.stop)

    def pass_time(self, late: float, waited: float = 0.0) -> None:
        """The next look comes so late, after the thread waited so long for a processor."""
        self.waited += waited
        self.clock.advance(INTERVAL_SECONDS + late)

    def test_punctual(self) -> None:
        """A timer that comes when it should counts in the first bucket and adds nothing."""
        self.pass_time(0)
        self.assertEqual((1, 0.0, 0.0), (self.meter.buckets[0], self.meter.longest_seconds, self.meter.longest_own_seconds))

    def test_late(self) -> None:
        """Lateness is counted in its bucket, summed, and the longest kept."""
        for late in (0.02, 0.3, 0.02):
            self.pass_time(late)
        self.assertAlmostEqual(0.34, self.meter.seconds)
        self.assertAlmostEqual(0.3, self.meter.longest_seconds)
        self.assertAlmostEqual(0.3, self.meter.longest_own_seconds)
        self.assertEqual((2, 1), (self.meter.buckets[STALL_BUCKETS_SECONDS.index(0.025)], self.meter.buckets[STALL_BUCKETS_SECONDS.index(0.5)]))

    def test_machine_was_busy(self) -> None:
        """What the thread waited for a processor is lateness, and none of its own; what it waited before is not counted twice."""
        self.pass_time(0.3, waited=0.25)
        self.pass_time(0.1, waited=0.2)
        self.pass_time(0.04)
        self.assertAlmostEqual(0.3, self.meter.longest_seconds)
        self.assertAlmostEqual(0.05, self.meter.longest_own_seconds)

    def test_told(self) -> None:
        """A long stall is told, with how much of it the machine took; a short one is not."""
        with capturedLogs() as logged:
            self.pass_time(0.2)
            self.pass_time(0.4, waited=0.3)
        (line,) = [formatEvent(event) for event in logged]
        self.assertIn("0.400 s", line)
        self.assertIn("0.300 s", line)


class ProcessorWaitTests(SynchronousTestCase):
    """What the kernel counts."""

    def test_grows_with_competition(self) -> None:
        """A thread that shares its processor with a busy process waits, and the wait says so."""
        if not Path("/proc/thread-self/schedstat").exists():
            raise SkipTest("this kernel does not tell how long threads wait")
        grown = threading.Event()
        processor = min(os.sched_getaffinity(0))
        busy = f"import os\nos.sched_setaffinity(0, {{{processor}}})\nwhile os.getppid() == {os.getpid()}: pass"

        def compete() -> None:
            os.sched_setaffinity(0, {processor})  # of this thread alone
            wait = ProcessorWait()
            before, deadline = wait.seconds(), time.monotonic() + SECONDS_MAX
            while wait.seconds() < before + 0.005 and time.monotonic() < deadline:
                sum(range(1000))
            if wait.seconds() >= before + 0.005:
                grown.set()
            wait.close()

        with subprocess.Popen([sys.executable, "-c", busy]) as process:
            thread = threading.Thread(target=compete)
            thread.start()
            thread.join()
            process.kill()
        self.assertTrue(grown.is_set())

    def test_unknown(self) -> None:
        """Where the kernel does not tell, nothing is taken off."""
        self.assertEqual(0.0, ProcessorWait("/nowhere").seconds())
