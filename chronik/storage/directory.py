"""One log directory: what its logs share. Its writer, its flushes, its open files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from chronik.defer import IThreadPools, IWorker
from chronik.storage.files import FileCache, SharedFile
from chronik.storage.flush import FlushScheduler
from chronik.storage.interfaces import IFileSystem

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

STALL_SECONDS: Final = 0.005
"""A write to the page cache that takes longer met a disk that cannot keep up: the next ones wait in a thread."""

PROBATION_SECONDS: Final = 1.0
"""How long writes stay in the thread after a stall."""


class DirectoryWriter:
    """Writes in the order of calls: at once while the page cache takes them quickly, in a thread of its own while it does not.

    :param worker: the thread.
    :ivar stalls: writes on the reactor that took too long.
    """

    def __init__(self, worker: IWorker, clock: IReactorTime) -> None:
        self._worker = worker
        self._clock = clock
        self._pending = 0
        self._threaded_until = 0.0
        self.stalls = 0

    @property
    def threaded(self) -> bool:
        """Whether the next write would wait in the thread."""
        return self._pending > 0 or self._clock.seconds() < self._threaded_until

    def write(self, shared: SharedFile, buffers: Sequence[bytes | memoryview], position: int) -> None:
        """Write now; only while not :attr:`threaded`.

        :raises OSError: the disk refuses.
        """
        began = self._clock.seconds()
        shared.file.pwritev(buffers, position)
        ended = self._clock.seconds()
        if ended - began > STALL_SECONDS:
            self.stalls += 1
            self._threaded_until = ended + PROBATION_SECONDS

    def write_later(self, shared: SharedFile, buffers: Sequence[bytes | memoryview], position: int) -> Deferred[None]:
        """Write after everything that was given before; fires, or fails with an ``OSError``, when that is done."""
        self._pending += 1
        shared.hold()
        done: Deferred[None] = self._worker.run(shared.file.pwritev, buffers, position)
        done.addBoth(self._written, shared)
        return done

    def after_writes(self) -> Deferred[None]:
        """Fires when everything given so far was written."""
        return self._worker.run(_nothing)

    def _written(self, result: object, shared: SharedFile) -> object:
        self._pending -= 1
        shared.let_go()
        return result


def _nothing() -> None:
    """Takes its place among the writes."""


@dataclass(frozen=True, slots=True, eq=False)
class LogDirectory:
    """A log directory in use."""

    path: str
    file_system: IFileSystem
    pools: IThreadPools
    clock: IReactorTime
    files: FileCache
    writer: DirectoryWriter
    flusher: FlushScheduler

    def now_ms(self) -> int:
        """The broker's time."""
        return int(self.clock.seconds() * 1000)
