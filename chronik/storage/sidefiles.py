"""The files beside a log's segments, written off the reactor, for each log one after the other so that an older write never follows a newer."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from chronik.defer import Pool
from chronik.storage.segment import DAMAGED, DELETED, INDEX, LOG, SNAPSHOT, TEMPORARY, TIME_INDEX, file_name

if TYPE_CHECKING:
    from chronik.defer import IThreadPools
    from chronik.storage.interfaces import IFileSystem

SEGMENT_FILES = (LOG, INDEX, TIME_INDEX, SNAPSHOT, DAMAGED)
"""Extensions of the files that belong to one segment."""


class SideFiles:
    """What is done in one log's directory besides appending.

    :param path: the log's directory.
    :param failed: told of the disk's errors that nobody waits for.
    """

    _log = Logger()

    def __init__(self, path: str, file_system: IFileSystem, pools: IThreadPools, failed: Callable[[OSError], None]) -> None:
        self._path = path
        self._disk_failed = failed
        self._file_system = file_system
        self._pools = pools
        self._waiting: deque[tuple[Callable[..., None], tuple[Any, ...], Deferred[None]]] = deque()
        self._busy = False
        self._gone = False

    def run(self, function: Callable[..., None], *args: Any) -> Deferred[None]:
        """Run in a thread, after all that was given before."""
        done: Deferred[None] = Deferred()
        self._waiting.append((function, args, done))
        if not self._busy:
            self._next()
        return done

    def later(self, function: Callable[..., None], *args: Any) -> None:
        """The same for what the log can do without: the disk's errors are told, others logged."""
        self.run(function, *args).addErrback(self._failed)

    def _failed(self, failure: Any) -> None:
        if self._gone:
            return
        if isinstance(failure.value, OSError):
            self._log.error("a file in {path} could not be changed: {why}", path=self._path, why=str(failure.value))
            self._disk_failed(failure.value)
        else:
            self._log.failure("a file in {path} could not be changed", failure, path=self._path)

    def _next(self) -> None:
        if self._waiting:
            self._busy = True
            function, args, done = self._waiting.popleft()
            if self._gone:
                function, args = _nothing, ()
            self._pools.run(Pool.BACKGROUND, function, *args).addBoth(self._ended, done)

    def _ended(self, result: Any, done: Deferred[None]) -> None:
        self._busy = False
        self._next()
        done.callback(result)

    def abandon(self) -> None:
        """The directory is being removed: what is not begun is not done, for another log may have its name next; what fails is of no interest."""
        self._gone = True

    def settled(self) -> Deferred[None]:
        """Fires when nothing that was given so far is done any more."""
        done: Deferred[None] = Deferred()
        self._waiting.append((_nothing, (), done))
        if not self._busy:
            self._next()
        return done

    # -- in a thread --------------------------------------------------------------------------------------------------

    def write(self, files: Sequence[tuple[str, bytes]], sync: bool = True) -> None:
        """Write whole files. A crash may leave them torn, which readers of them find out; a disk that refuses leaves none, for a part of one may be
        believed after a clean stop.

        :param sync: whether they must last; a store that stops syncs all of them at once.
        """
        for path, data in files:
            write_synced(self._file_system, path, data, sync)

    def replace(self, path: str, data: bytes) -> None:
        """Put a small file in the place of another. It is synced with the next checkpoint; before that, a crash may leave either, or a torn one."""
        temporary = path + TEMPORARY
        write_synced(self._file_system, temporary, data, False)
        self._file_system.rename(temporary, path)

    def put_aside(self, bases: Sequence[int]) -> None:
        """Rename the files of segments that are removed, so that the next start does not see them."""
        for base in bases:
            for extension in SEGMENT_FILES:
                path = os.path.join(self._path, file_name(base, extension))
                if self._file_system.exists(path):
                    self._file_system.rename(path, path + DELETED)

    def unlink_deleted(self, bases: Sequence[int]) -> None:
        """Remove what :meth:`put_aside` renamed."""
        for base in bases:
            for extension in SEGMENT_FILES:
                self._file_system.unlink(os.path.join(self._path, file_name(base, extension)) + DELETED)


def _nothing() -> None:
    """Takes its place among the others."""


def write_synced(file_system: IFileSystem, path: str, data: bytes, sync: bool = True) -> None:
    """Write a file whole and sync it; not at once: a crash may leave it torn.

    :raises OSError: the disk refuses; there is no such file then.
    """
    try:
        file = file_system.open(path, create=True)
        try:
            file.truncate(0)
            file.pwritev([data], 0)
            if sync:
                file.fdatasync()
        finally:
            file.close()
    except OSError:
        file_system.unlink(path)
        raise


def remove_snapshots_after(file_system: IFileSystem, path: str, offset: int) -> None:
    """Remove producer snapshots made when the log ended past ``offset``."""
    for name in file_system.list(path):
        stem = name.removesuffix(SNAPSHOT)
        if stem != name and stem.isascii() and stem.isdigit() and int(stem) > offset:
            file_system.unlink(os.path.join(path, name))
