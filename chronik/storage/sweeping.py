"""What is done now and then for all logs of a store: retention, checkpoints, the removal of what was deleted; one timer, however many they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from chronik.clocks import WallClock
from chronik.defer import Pool
from chronik.storage.homes import Home

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from chronik.storage.interfaces import IFileSystem
    from chronik.storage.log import SegmentLog

SWEEP_SECONDS: Final = 1.0
"""How often what is due is looked for."""

LOGS_PER_SWEEP: Final = 500
"""Logs looked at in one turn of the reactor."""

EPOCH_FILES_PER_SWEEP: Final = 100
"""Files of leader epochs that one sweep has written. Each is some work of a thread, which whoever produces to a thousand new partitions must not
wait for. A start looks up in the batches what did not have its turn yet; within the interval of checkpoints thousands have."""


@dataclass(frozen=True, slots=True)
class SweepTimes:
    """How often, and how long, in ms.

    :ivar retention_ms: how often retention is applied.
    :ivar checkpoint_ms: how often recovery points are noted.
    :ivar producer_expiration_ms: silence after which a producer is forgotten, as of now.
    :ivar producer_check_ms: how often such producers are looked for.
    """

    retention_ms: int
    checkpoint_ms: int
    producer_expiration_ms: Callable[[], int]
    producer_check_ms: int


class StoreSweeper:
    """Sweeps one store.

    :param clock: tells when something is due.
    :param wall_clock: tells how old records are.
    :param logs_in: all open logs of a directory, those that are to take another one's place too.
    :param swept: called at the beginning of each sweep.
    :ivar checkpoint_due: when the next checkpoints are, in seconds.
    """

    _log = Logger()

    def __init__(
        self,
        file_system: IFileSystem,
        clock: IReactorTime,
        wall_clock: WallClock,
        times: SweepTimes,
        homes: Sequence[Home],
        logs_in: Callable[[Home], Sequence[SegmentLog]],
        swept: Callable[[], None],
    ) -> None:
        self._file_system = file_system
        self._clock = clock
        self._wall_clock = wall_clock
        self._times = times
        self._homes = homes
        self._logs_in = logs_in
        self._swept = swept
        self._timer: IDelayedCall | None = None
        self._retention_due = 0.0
        self._producers_due = 0.0
        self.checkpoint_due = 0.0
        self._doomed: list[tuple[float, str, Home]] = []
        self._stopped = False

    def start(self) -> None:
        """Begin."""
        now = self._clock.seconds()
        self._retention_due = now + self._times.retention_ms / 1000
        self._producers_due = now + self._times.producer_check_ms / 1000
        self.checkpoint_due = now + self._times.checkpoint_ms / 1000
        self._timer = self._clock.callLater(SWEEP_SECONDS, self._sweep)

    def stop(self) -> None:
        """End."""
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def doom(self, path: str, home: Home, delay_ms: int = 0) -> None:
        """Remove a directory in a while."""
        self._doomed.append((self._clock.seconds() + delay_ms / 1000, path, home))

    def _sweep(self) -> None:
        """Do what is due."""
        now, now_ms = self._clock.seconds(), int(self._wall_clock() * 1000)
        self._swept()
        logs = [log for home in self._homes for log in self._logs_in(home)]
        retention = now >= self._retention_due
        if retention:
            self._retention_due = now + self._times.retention_ms / 1000
        oldest = None
        if now >= self._producers_due:
            self._producers_due = now + self._times.producer_check_ms / 1000
            oldest = now_ms - self._times.producer_expiration_ms()
        self._sweep_some(logs, now_ms, retention, oldest, EPOCH_FILES_PER_SWEEP)

    def _sweep_some(self, logs: list[SegmentLog], now_ms: int, retention: bool, oldest: int | None, epoch_files: int) -> None:
        """Some of the logs, and then the others.

        :param oldest: producers that have been silent since then (ms) are forgotten; None when it is not the time for that.
        :param epoch_files: how many may still be written.
        """
        if self._stopped:
            return
        for log in logs[:LOGS_PER_SWEEP]:
            if not log.closed and not log.failed:
                epoch_files -= log.tick(epoch_files > 0)
                if oldest is not None and not log.handover.future:
                    log.producers.expire(oldest)
                if retention and not log.handover.future:
                    log.apply_retention(now_ms).addErrback(self._retention_failed, log)
        if len(logs) > LOGS_PER_SWEEP:
            self._timer = self._clock.callLater(0, self._sweep_some, logs[LOGS_PER_SWEEP:], now_ms, retention, oldest, epoch_files)
            return
        self._remove_doomed()
        self._checkpoint()
        for home in self._homes:
            home.look_around()
            if home.online:
                home.scrubber.step(partial(self._logs_in, home))
        self._timer = self._clock.callLater(SWEEP_SECONDS, self._sweep)

    def _retention_failed(self, failure: object, log: SegmentLog) -> None:
        self._log.error("retention of {partition} failed: {failure}", partition=log.topic_partition, failure=failure)

    def _remove_doomed(self) -> None:
        """Remove what was deleted ``file.delete.delay.ms`` ago."""
        now = self._clock.seconds()
        due = [(path, home) for when, path, home in self._doomed if when <= now and home.online]
        if due:
            self._doomed = [entry for entry in self._doomed if entry[0] > now]
            for path, home in due:
                removing: Deferred[None] = home.pools.run(Pool.BACKGROUND, self._file_system.remove_tree, path)
                removing.addErrback(home.not_written, f"the removal of {path}")

    # -- checkpoints --------------------------------------------------------------------------------------------------

    def _checkpoint(self) -> None:
        if self._clock.seconds() < self.checkpoint_due:
            return
        self.checkpoint_due = self._clock.seconds() + self._times.checkpoint_ms / 1000
        for home in self._homes:
            if home.online:
                home.checkpoint(self._logs_in(home)).addErrback(home.not_written, "how far logs are on disk")
