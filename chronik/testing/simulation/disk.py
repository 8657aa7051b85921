"""The disk of a simulated machine: slow at times, failing at times, and without power in the middle of something."""

from __future__ import annotations

import errno
from collections.abc import Callable
from random import Random

from chronik.storage.memory import MemoryFileSystem
from chronik.testing.simulation.timeline import Timeline


class SimulatedDisk:
    """Stands around the file system in memory, which another takes the place of when the power was lost.

    :param random: decides what a loss of power keeps.
    :ivar file_system: as the broker of now sees it.
    :ivar slow_seconds: how long a write or a sync takes at most.
    """

    def __init__(self, timeline: Timeline, file_system: MemoryFileSystem, random: Random) -> None:
        self._timeline = timeline
        self._random = random
        self.file_system = file_system
        self.slow_seconds = 0.0
        self._cut_in = -1
        self._lost: Callable[[], None] = lambda: None

    def began(self, power_lost: Callable[[], None]) -> None:
        """A broker begins on it.

        :param power_lost: called in the middle of a step when a cut that was asked for comes.
        """
        self._lost = power_lost
        self._cut_in = -1
        self.file_system.on_step = self._step

    def cut_after(self, steps: int) -> None:
        """Cut the power before so many more changes or syncs."""
        self._cut_in = steps

    def _step(self, operation: str, path: str) -> None:
        if self.slow_seconds and operation in ("write", "sync"):
            self._timeline.spend(self._random.random() * self.slow_seconds)
        if self._cut_in > 0:
            self._cut_in -= 1
            if not self._cut_in:
                self.crash()
                self._lost()

    def crash(self) -> None:
        """The power is gone: what was not synced is kept, torn or lost. What the former broker still does reaches nothing."""
        before, self.file_system = self.file_system, self.file_system.crashed(self._random)
        before.on_step = None

    def fail(self, operation: str, pattern: str = "*", number: int = errno.EIO, times: int = 1) -> None:
        """Let the next calls fail; see :class:`~chronik.storage.memory.Fault`."""
        self.file_system.fail(operation, pattern, number, times)

    def heal(self) -> None:
        """Let nothing fail, and everything be quick."""
        self.slow_seconds = 0.0
        self.file_system.heal()
