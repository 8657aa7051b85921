"""Flushing: one scheduler a log directory, always at work while anything is unflushed, never sooner than the last flush ended.

All logs that got records while a flush was under way are made durable together by the next: by a sync of each file while they are few, by one sync of
the whole file system when they are many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from twisted.logger import Logger

from chronik.defer import IWorker
from chronik.storage.files import SharedFile
from chronik.storage.interfaces import IFileSystem

FILES_SYNCED_ONE_BY_ONE: Final = 8
"""From this many files on one ``syncfs`` is quicker than a sync of each; measured on ext4, where each costs about 0.1 ms alone."""


@dataclass(frozen=True, slots=True)
class FlushTask:
    """What makes a log durable up to ``end_offset``: its files, held until the flush ended, and its directory where names in it are new."""

    end_offset: int
    files: Sequence[SharedFile]
    directories: Sequence[str]


class Flushable(Protocol):
    """A log, as the scheduler sees it."""

    def flush_begins(self) -> FlushTask | None:
        """What there is to do now; None for nothing."""

    def flush_ended(self, task: FlushTask) -> None:
        """It is durable."""

    def flush_failed(self, task: FlushTask, reason: BaseException) -> None:
        """The disk refused: what was not durable before may be lost whatever a later sync says."""


class FlushScheduler:
    """Flushes the logs of one directory.

    :param worker: a thread for nothing else.
    :param directory: on the file system that holds them all.
    :ivar rounds: flushes so far.
    """

    _log = Logger()

    def __init__(self, file_system: IFileSystem, worker: IWorker, directory: str) -> None:
        self._file_system = file_system
        self._worker = worker
        self._directory = directory
        self._dirty: dict[Flushable, None] = {}
        self._running = False
        self.rounds = 0

    def flush(self, log: Flushable) -> None:
        """Make what the log holds durable, now or right after the flush that is under way."""
        self._dirty[log] = None
        if not self._running:
            self._begin()

    def _begin(self) -> None:
        dirty, self._dirty = self._dirty, {}
        tasks = [(log, task) for log in dirty if (task := log.flush_begins()) is not None]
        if not tasks:
            return
        self._running = True
        self.rounds += 1
        done = self._worker.run(self._sync, [task for _, task in tasks])
        done.addCallbacks(lambda errors: self._ended(tasks, errors), lambda failure: self._ended(tasks, [failure.value] * len(tasks)))
        done.addErrback(lambda failure: self._log.failure("a flush was not dealt with", failure))

    def _sync(self, tasks: Sequence[FlushTask]) -> list[BaseException | None]:
        """In the worker's thread: what went wrong for each."""
        if sum(len(task.files) + len(task.directories) for task in tasks) > FILES_SYNCED_ONE_BY_ONE:
            self._file_system.sync_file_system(self._directory)
            return [None] * len(tasks)
        return [self._sync_one(task) for task in tasks]

    def _sync_one(self, task: FlushTask) -> BaseException | None:
        try:
            for shared in task.files:
                shared.file.fdatasync()
            for directory in task.directories:
                self._file_system.sync_directory(directory)
        except OSError as error:
            return error
        return None

    def _ended(self, tasks: Sequence[tuple[Flushable, FlushTask]], errors: Sequence[BaseException | None]) -> None:
        for (log, task), error in zip(tasks, errors, strict=True):
            for shared in task.files:
                shared.let_go()
            try:
                if error is None:
                    log.flush_ended(task)
                else:
                    log.flush_failed(task, error)
            except Exception:  # noqa: BLE001  one log's observers must not keep the others from hearing
                self._log.failure("a flush of {log} was not dealt with", log=log)
        self._running = False
        if self._dirty:
            self._begin()
