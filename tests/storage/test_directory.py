"""When writes leave the reactor's thread, and when they come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.storage.directory import ACCIDENT_SECONDS, LONG_STALL_SECONDS, PROBATION_SECONDS, STALL_SECONDS, DirectoryWriter
from chronik.storage.disks import DiskPolicy, DiskWatch
from chronik.testing.pools import SynchronousWorker


class SlowFile:
    """A file whose writes take the time that the test says.

    :ivar seconds: how long the next one takes.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds = 0.0

    @property
    def file(self) -> SlowFile:
        """It is its own holder."""
        return self

    def pwritev(self, buffers: Sequence[bytes | memoryview], position: int) -> int:
        """Let the time pass."""
        self._clock.advance(self.seconds)
        return sum(map(len, buffers))


class DirectoryWriterTests(SynchronousTestCase):
    """A writer, and a disk that is slow as told."""

    def setUp(self) -> None:
        """Nothing was slow yet."""
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.slow: Any = SlowFile(self.clock)
        self.writer = DirectoryWriter(SynchronousWorker(), self.clock, DiskWatch("/d", self.clock, DiskPolicy(), lambda watch: None))

    def write(self, seconds: float) -> bool:
        """Write once; whether the next write waits in the thread."""
        self.slow.seconds = seconds
        self.writer.write(self.slow, [b"x"], 0)
        return self.writer.threaded

    def test_quick(self) -> None:
        """What the page cache takes stays on the reactor."""
        self.assertEqual(([False] * 3, 0), ([self.write(STALL_SECONDS / 2) for _ in range(3)], self.writer.stalls))

    def test_accident(self) -> None:
        """One short stall is counted and not believed; a second soon after is, for a while."""
        short = STALL_SECONDS * 2
        self.assertFalse(self.write(short))
        self.clock.advance(ACCIDENT_SECONDS)
        self.assertFalse(self.write(short))
        self.assertEqual((True, 3), (self.write(short), self.writer.stalls))
        self.clock.advance(PROBATION_SECONDS)
        self.assertFalse(self.writer.threaded)

    def test_long(self) -> None:
        """A long one is believed at once."""
        self.assertTrue(self.write(LONG_STALL_SECONDS * 2))
