"""One log directory: what its logs share. Its writer, its flushes, its open files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from twisted.internet.defer import Deferred, succeed

from chronik.clocks import WallClock
from chronik.defer import IThreadPools, IWorker
from chronik.storage.checkpointing import OffsetCheckpoints, StartOffsetWriter
from chronik.storage.disks import DiskWatch
from chronik.storage.files import FileCache, SharedFile
from chronik.storage.flush import FlushScheduler
from chronik.storage.interfaces import IFileSystem

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.storage.damage import Scrubber

T = TypeVar("T")
R = TypeVar("R")

STALL_SECONDS: Final = 0.01
"""A write to the page cache that takes longer met a disk that cannot keep up: the next ones wait in a thread.
It must be more than the 5 ms that another thread may keep the interpreter."""

LONG_STALL_SECONDS: Final = 0.03
"""A stall this long is believed at once."""

ACCIDENT_SECONDS: Final = 1.0
"""A shorter one is not, unless there was another in this time: a busy machine may have taken the processor away."""

PROBATION_SECONDS: Final = 0.25
"""How long writes stay in the thread after a stall."""


class DirectoryWriter:
    """Writes in the order of calls: at once while the page cache takes them quickly, in a thread of its own while it does not.

    :param worker: the thread.
    :param watch: told how long writes take.
    :ivar stalls: writes on the reactor that took too long.
    """

    def __init__(self, worker: IWorker, clock: IReactorTime, watch: DiskWatch) -> None:
        self._worker = worker
        self._clock = clock
        self._watch = watch
        self._pending = 0
        self._threaded_until = 0.0
        self._stalled_at = 0.0
        self.stalls = 0

    @property
    def threaded(self) -> bool:
        """Whether the next write would wait in the thread."""
        return self._pending > 0 or (self._threaded_until > 0 and self._clock.seconds() < self._threaded_until)

    def write(self, shared: SharedFile, buffers: Sequence[bytes | memoryview], position: int) -> None:
        """Write now; only while not :attr:`threaded`.

        :raises OSError: the disk refuses.
        """
        began = self._clock.seconds()
        shared.file.pwritev(buffers, position)
        ended = self._clock.seconds()
        if ended - began > STALL_SECONDS:
            self.stalls += 1
            if ended - began > LONG_STALL_SECONDS or began - self._stalled_at < ACCIDENT_SECONDS:
                self._threaded_until = ended + PROBATION_SECONDS
            self._stalled_at = ended
            self._watch.stalled(ended - began)

    def write_later(self, shared: SharedFile, buffers: Sequence[bytes | memoryview], position: int) -> Deferred[int]:
        """Write after everything that was given before; fires, or fails with an ``OSError``, when that is done.

        :param shared: the file, held; the writer lets go of it.
        """
        return self.run(shared.file.pwritev, buffers, position).addBoth(_let_go, shared)

    def run(self, function: Callable[..., T], *args: object) -> Deferred[T]:
        """Do something else that must come after the writes given before, and before those that follow."""
        if not self._pending:
            self._watch.write_began()
        self._pending += 1
        return self._worker.run(function, *args).addBoth(self._done)

    def after_writes(self) -> Deferred[None]:
        """Fires when everything given so far was written."""
        return self._worker.run(_nothing) if self._pending else succeed(None)

    def _done(self, result: R) -> R:
        self._pending -= 1
        self._watch.write_ended(self._pending > 0)
        return result


def _nothing() -> None:
    """Takes its place among the writes."""


def _let_go(result: R, shared: SharedFile) -> R:
    shared.let_go()
    return result


@dataclass(frozen=True, slots=True, eq=False)
class LogDirectory:
    """A log directory in use."""

    path: str
    file_system: IFileSystem
    pools: IThreadPools
    clock: IReactorTime
    wall_clock: WallClock
    files: FileCache
    writer: DirectoryWriter
    flusher: FlushScheduler
    checkpoints: OffsetCheckpoints
    starts: StartOffsetWriter
    watch: DiskWatch
    scrubber: Scrubber

    def now_ms(self) -> int:
        """The time of day, which timestamps are compared with."""
        return int(self.wall_clock() * 1000)
