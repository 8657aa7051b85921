"""The disk of a simulated machine: slow at times, failing at times, and without power in the middle of something."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from chronik.storage.memory import MemoryFileSystem
from chronik.storage.memory_faults import DiskFaults
from chronik.testing.simulation.timeline import Timeline


class SimulatedDisk:
    """Stands around the file system in memory, which another takes the place of when the power was lost.

    :param random: decides what a loss of power keeps.
    :ivar file_system: as the broker of now sees it.
    """

    def __init__(self, timeline: Timeline, file_system: MemoryFileSystem, random: Random) -> None:
        self._timeline = timeline
        self._random = random
        self.file_system = file_system
        self._cut_in = -1
        self._lost: Callable[[], None] = lambda: None

    @property
    def faults(self) -> DiskFaults:
        """What goes wrong with it; gone with the power, for another disk stands in its place then."""
        return self.file_system.faults

    def began(self, power_lost: Callable[[], None]) -> None:
        """A broker begins on it.

        :param power_lost: called in the middle of a step when a cut that was asked for comes.
        """
        self._lost = power_lost
        self._cut_in = -1
        self.file_system.on_step = self._step
        self.faults.on_wait = self._wait

    def cut_after(self, steps: int) -> None:
        """Cut the power before so many more changes or syncs."""
        self._cut_in = steps

    def _step(self, operation: str, path: str) -> None:
        if self._cut_in > 0:
            self._cut_in -= 1
            if not self._cut_in:
                self.crash()
                self._lost()

    def _wait(self, seconds: float) -> None:
        self._timeline.spend(self._random.random() * seconds)

    def crash(self) -> None:
        """The power is gone: what was not synced is kept, torn or lost. What the former broker still does reaches nothing."""
        before, self.file_system = self.file_system, self.file_system.crashed(self._random)
        before.on_step = None
