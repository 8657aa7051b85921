"""Flushing: one scheduler a log directory, always at work while anything is unflushed, never sooner than the last flush ended.

All logs that got records while a flush was under way are made durable together by the next: by a sync of each file while they are few, by one sync of
the whole file system when they are many.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from twisted.logger import Logger

from chronik.defer import IWorker
from chronik.storage.disks import DiskWatch
from chronik.storage.files import SharedFile
from chronik.storage.interfaces import IFileSystem

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

FILES_SYNCED_ONE_BY_ONE: Final = 8
"""From this many files on one ``syncfs`` is quicker than a sync of each; measured on ext4, where each costs about 0.1 ms alone."""


FILES_AT_ONCE: Final = 500
"""When one request has written to so many, their sync begins while it writes to the others. Both take about as long."""


AGAIN_SECONDS: Final = 0.1
"""Pause before a log is flushed again whose files could not be opened, for this process has no descriptor left."""


@dataclass(frozen=True, slots=True)
class FlushFiles:
    """What has to be synced to make a log durable: its files, held until that is done, and its directory where names in it are new."""

    files: Sequence[SharedFile]
    directories: Sequence[str]


class Flushable(Protocol):
    """A log, as the scheduler sees it."""

    def flush_begins(self) -> int | None:
        """What it holds now is to become durable: the offset up to which, None for nothing to do."""

    def flush_files(self) -> FlushFiles:
        """What to sync for that; asked only where files are synced one by one.

        :raises OSError: a file cannot be opened.
        """

    def flush_ended(self, end_offset: int) -> None:
        """It is durable up to there."""

    def flush_put_off(self) -> None:
        """Nothing was synced, and nothing is lost: it begins anew later."""

    def flush_failed(self, reason: BaseException) -> None:
        """The disk refused: what was not durable before may be lost whatever a later sync says."""


class FlushScheduler:
    """Flushes the logs of one directory.

    :param worker: a thread for nothing else.
    :param directory: on the file system that holds them all.
    :param watch: told how long syncs take.
    :ivar rounds: flushes so far.
    """

    _log = Logger()

    def __init__(self, file_system: IFileSystem, worker: IWorker, directory: str, clock: IReactorTime, watch: DiskWatch) -> None:
        self._clock = clock
        self._watch = watch
        self._file_system = file_system
        self._worker = worker
        self._directory = directory
        self._dirty: dict[Flushable, None] = {}
        self._running = False
        self._soon: IDelayedCall | None = None
        self.rounds = 0

    def flush(self, log: Flushable) -> None:
        """Make what the log holds durable, now or right after the flush that is under way."""
        self._dirty[log] = None
        if not self._running:
            self._running = True
            self._soon = self._clock.callLater(0, self._begin)
        elif self._soon is not None and len(self._dirty) >= FILES_AT_ONCE:
            self._soon.cancel()
            self._begin()

    def _begin(self) -> None:
        self._soon = None
        while self._dirty:
            dirty, self._dirty = self._dirty, {}
            begun = [(log, end_offset) for log in dirty if (end_offset := log.flush_begins()) is not None]
            if len(begun) > FILES_SYNCED_ONE_BY_ONE:
                self._run(begun, (), self._sync_all)
                return
            if self._begin_few(begun):
                return
        self._running = False

    def _begin_few(self, begun: Sequence[tuple[Flushable, int]]) -> bool:
        """Whether there is anything to wait for."""
        ready, files = [], []
        for log, end_offset in begun:
            try:
                files.append(log.flush_files())
                ready.append((log, end_offset))
            except OSError as error:
                self._failed(log, error)
        one_by_one = sum(len(each.files) + len(each.directories) for each in files) <= FILES_SYNCED_ONE_BY_ONE
        if ready:
            self._run(ready, files, self._sync_each if one_by_one else self._sync_all)
        return bool(ready)

    def _run(
        self,
        begun: Sequence[tuple[Flushable, int]],
        files: Sequence[FlushFiles],
        sync: Callable[[Sequence[FlushFiles]], Sequence[BaseException | None]],
    ) -> None:
        self.rounds += 1
        self._watch.sync_began()
        done = self._worker.run(sync, files)
        done.addErrback(lambda failure: [failure.value] * len(begun))
        done.addCallback(lambda errors: self._ended(begun, files, errors or [None] * len(begun)))
        done.addErrback(lambda failure: self._log.failure("a flush was not dealt with", failure))

    def _sync_all(self, files: Sequence[FlushFiles]) -> Sequence[BaseException | None]:
        """In the worker's thread: one sync for all of them."""
        self._file_system.sync_file_system(self._directory)
        return ()

    def _sync_each(self, files: Sequence[FlushFiles]) -> Sequence[BaseException | None]:
        """In the worker's thread: what went wrong for each."""
        return [self._sync_one(each) for each in files]

    def _sync_one(self, files: FlushFiles) -> BaseException | None:
        try:
            for shared in files.files:
                shared.file.fdatasync()
            for directory in files.directories:
                self._file_system.sync_directory(directory)
        except OSError as error:
            return error
        return None

    def _ended(self, begun: Sequence[tuple[Flushable, int]], files: Sequence[FlushFiles], errors: Sequence[BaseException | None]) -> None:
        self._watch.sync_ended()
        for each in files:
            for shared in each.files:
                shared.let_go()
        for (log, end_offset), error in zip(begun, errors, strict=True):
            try:
                if error is None:
                    log.flush_ended(end_offset)
                else:
                    self._failed(log, error)
            except Exception:  # noqa: BLE001  one log's observers must not keep the others from hearing
                self._log.failure("a flush of {log} was not dealt with", log=log)
        self._begin()

    def _failed(self, log: Flushable, error: BaseException) -> None:
        """Only opening a file says that there is no descriptor: no sync was tried, so the next one still brings everything to disk."""
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            log.flush_put_off()
            self._clock.callLater(AGAIN_SECONDS, self.flush, log)
        else:
            log.flush_failed(error)
