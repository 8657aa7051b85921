"""The metadata store of a single broker: everything in memory, every commit durable in one log file.

Commits that come while a sync is under way wait and are made durable together by the next one. They are checked in their order against
what is durable and against each other, so that nothing is seen, answered or watched before it would survive a crash.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from chronik.defer import IWorker, deferred
from chronik.errors import ChronikError
from chronik.metadata.interfaces import Compare, Conflict, Delete, IMetadataStore, IWatcher, MetadataError, Put, ReadOnly, Snapshot, UnknownOutcome
from chronik.metadata.journal import CUT, FILE_NAME, Journal, JournalBroken, Recovered
from chronik.metadata.keyspace import Draft, Keyspace, StagedRevision, check_size
from chronik.metadata.leases import Leases
from chronik.storage.interfaces import IFileSystem, ILock

REWRITE_BYTES_MIN: Final = 4 << 20
"""A log shorter than this is not worth replacing by its snapshot."""

REWRITE_GROWTH: Final = 4
"""The log is replaced once it is this many times its snapshot: each byte of metadata is then rewritten a bounded number of times."""


GROUP_COMMITS_MAX: Final = 64
"""Commits in one sync: checking them and telling of them holds up the reactor some 0.1 ms each."""

_EARLIER_PROCESS: Final = -1
"""The lease that all leased keys of an earlier process are found under at start."""


@dataclass(slots=True, eq=False)
class _Commit:
    """One commit that waits, or the end of a lease."""

    compares: Sequence[Compare] = ()
    operations: Sequence[Put | Delete] = ()
    ended_lease: int = 0
    answer: Deferred[int] = field(default_factory=Deferred)
    outcome: int | MetadataError | None = None

    def fire(self, failure: MetadataError | None) -> None:
        outcome = self.outcome if failure is None or isinstance(self.outcome, MetadataError) else failure
        if isinstance(outcome, MetadataError):
            self.answer.errback(outcome)
        else:
            self.answer.callback(outcome or 0)


@implementer(IMetadataStore)
class FileMetadataStore:
    """The ``file`` store.

    :param file_system: all disk access goes through it, in the worker's thread.
    :param directory: absolute path of a directory of its own.
    :param worker: where everything that blocks runs, in order; whoever made it closes it after the store.
    :param clock: times leases.
    :param rewrite_bytes_min: size from which the log may be replaced by its snapshot.
    :param others: directories like ``directory`` in which no metadata must be when there are none here: nothing is begun anew then.
    """

    _log = Logger()

    def __init__(
        self,
        file_system: IFileSystem,
        directory: str,
        worker: IWorker,
        clock: IReactorTime,
        rewrite_bytes_min: int = REWRITE_BYTES_MIN,
        random: Callable[[int], bytes] = os.urandom,
        others: Sequence[str] = (),
    ) -> None:
        self._file_system = file_system
        self._directory = directory
        self._others = others
        self._worker = worker
        self._journal = Journal(file_system, directory, random)
        self._leases = Leases(clock, self._lease_expired)
        self._rewrite_bytes_min = rewrite_bytes_min
        self._keyspace = Keyspace()
        self._lock: ILock | None = None
        self._waiting: list[_Commit] = []
        self._writing = False
        self._idle: list[Deferred[None]] = []
        self._refusal: str | None = "the metadata store is not open"

    @deferred
    async def start(self) -> None:
        """Lock the directory, read the log, and remove what hung on the leases of an earlier process."""
        recovered = await self._worker.run(self._open)
        self._keyspace = Keyspace(recovered.revision, recovered.entries, dict.fromkeys(recovered.leased, _EARLIER_PROCESS))
        self._refusal = None
        if recovered.torn_bytes:
            self._log.warn(
                "Cut {bytes} bytes off the end of the metadata log in {directory}, which a crash left unfinished or which are damaged; they are kept "
                "in {path}",
                bytes=recovered.torn_bytes,
                directory=self._directory,
                path=f"{self._directory}/{FILE_NAME}{CUT}",
            )
        if recovered.leased:
            await self._enqueue(_Commit(ended_lease=_EARLIER_PROCESS))

    @deferred
    async def snapshot(self) -> Snapshot:
        """Everything that is durable, which is everything answered."""
        return self._keyspace.snapshot()

    def watch(self, revision: int, watcher: IWatcher) -> None:
        """Tell ``watcher`` of later revisions, at once of those that happened already."""
        self._keyspace.watch(revision, watcher)
        self._keyspace.deliver()

    def unwatch(self, watcher: IWatcher) -> None:
        """Stop telling it."""
        self._keyspace.unwatch(watcher)

    def commit(self, compares: Sequence[Compare], operations: Sequence[Put | Delete]) -> Deferred[int]:
        """Queue a commit for the next sync."""
        commit = _Commit(tuple(compares), tuple(operations))
        try:
            check_size(commit.compares, commit.operations)
        except (MetadataError, ValueError):
            return fail()
        return self._enqueue(commit)

    @deferred
    async def grant_lease(self, seconds: int) -> int:
        """A lease of this process; it does not outlive it."""
        return self._leases.grant(seconds)

    @deferred
    async def keep_lease(self, lease: int) -> bool:
        """Start the lease's time anew."""
        return self._leases.keep(lease)

    @deferred
    async def revoke_lease(self, lease: int) -> None:
        """End the lease, and durably remove its keys."""
        if self._leases.end(lease):
            await self._enqueue(_Commit(ended_lease=lease))

    @deferred
    async def close(self) -> None:
        """Finish what was begun, refuse the rest, release the directory."""
        self._leases.stop()
        if self._writing:
            idle: Deferred[None] = Deferred()
            self._idle.append(idle)
            await idle
        if self._refusal is None and self._journal.size > self._journal.snapshot_size:
            # A snapshot has nothing unfinished at its end: whatever happens to the file from now on cannot be taken for a crash's work.
            await self._rewrite()
        self._refusal = "the metadata store is closed"
        await self._worker.run(self._release)

    # -- in the worker's thread --

    def _open(self) -> Recovered:
        try:
            self._refuse_others()
            self._file_system.make_directory(self._directory)
            self._lock = self._file_system.lock(f"{self._directory}/lock")
            return self._journal.open()
        except BlockingIOError as error:
            raise ChronikError(
                f"another process uses the metadata directory {self._directory}: stop it, or give this broker another directory"
            ) from error
        except (OSError, JournalBroken) as error:
            self._release()
            raise ChronikError(f"the metadata directory {self._directory} cannot be used: {error}") from error
        except ChronikError:
            self._release()
            raise

    def _refuse_others(self) -> None:
        if self._file_system.exists(f"{self._directory}/{FILE_NAME}"):
            return
        for other in self._others:
            if self._file_system.exists(f"{other}/{FILE_NAME}"):
                where = os.path.dirname(other)
                raise ChronikError(f"the metadata are in {other}, and not in {self._directory}: name {where} first in log.dirs")

    def _release(self) -> None:
        self._journal.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # -- writing --

    def _enqueue(self, commit: _Commit) -> Deferred[int]:
        self._waiting.append(commit)
        if not self._writing:
            self._writing = True
            writing = Deferred.fromCoroutine(self._write_waiting())
            writing.addErrback(lambda failure: self._log.failure("Writing metadata failed", failure=failure))
        return commit.answer

    async def _write_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:GROUP_COMMITS_MAX], self._waiting[GROUP_COMMITS_MAX:]
            await self._write(group)
            await self._rewrite_when_long()
        self._writing = False
        idle, self._idle = self._idle, []
        for waiting in idle:
            waiting.callback(None)

    async def _write(self, group: list[_Commit]) -> None:
        staged = self._stage(group)
        failure: MetadataError | None = None
        if self._refusal is not None:
            failure = ReadOnly(self._refusal)
        elif staged:
            failure = await self._append(staged)
        if failure is None:
            self._keyspace.apply(staged)
            self._keyspace.deliver()
        for commit in group:
            commit.fire(failure)

    def _stage(self, group: list[_Commit]) -> list[StagedRevision]:
        draft = Draft(self._keyspace)
        for commit in group:
            try:
                self._check_leases(commit)
                ended = commit.ended_lease
                commit.outcome = draft.end_lease(ended) if ended else draft.stage(commit.compares, commit.operations)
            except MetadataError as error:
                commit.outcome = error
        return draft.staged

    def _check_leases(self, commit: _Commit) -> None:
        for operation in commit.operations:
            if isinstance(operation, Put) and operation.lease and operation.lease not in self._leases:
                raise Conflict(f"lease {operation.lease} of {operation.key} has ended")

    async def _append(self, staged: list[StagedRevision]) -> MetadataError | None:
        try:
            await self._worker.run(self._journal.append, staged)
        except OSError as error:
            self._log.error("The metadata log takes no writes: {error}", error=str(error))
            return ReadOnly(f"the metadata log takes no writes: {error}. Free space in {self._directory} and try again")
        except Exception as error:  # noqa: BLE001  whatever failed, the store must not go on as if it had not
            self._break(error)
            return UnknownOutcome(f"the disk failed while metadata was written: {error}")
        return None

    async def _rewrite_when_long(self) -> None:
        limit = max(self._rewrite_bytes_min, REWRITE_GROWTH * self._journal.snapshot_size)
        if self._refusal is None and self._journal.size >= limit:
            await self._rewrite()

    async def _rewrite(self) -> None:
        snapshot = self._keyspace.snapshot()
        try:
            await self._worker.run(self._journal.rewrite, snapshot.revision, snapshot.entries, tuple(self._keyspace.leases))
        except JournalBroken as error:
            self._break(error)
        except OSError as error:
            self._journal.snapshot_size = self._journal.size
            self._log.warn("The metadata log could not be replaced by its snapshot, it grows on: {error}", error=str(error))

    def _break(self, error: Exception) -> None:
        self._refusal = f"the disk under {self._directory} failed ({error}): repair it and start the broker again"
        self._log.critical("The metadata store is read-only: {reason}", reason=self._refusal)

    def _lease_expired(self, lease: int) -> None:
        removal = self._enqueue(_Commit(ended_lease=lease))
        removal.addErrback(lambda failure: self._log.failure("The keys of lease {lease} stay", failure=failure, lease=lease))
