"""Group commit: one transaction at a time, and each takes along all that came while the last one was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik_storage_sqlite.database import Database, Operation

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.defer import IWorker

PASSING: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM)
"""What others may put right. After any other error the disk is not believed any more."""


class Owner(Protocol):
    """A log, as group commit sees it. All calls are on the reactor thread."""

    @property
    def rewinds(self) -> int:
        """How often its end moved back."""

    def committed(self, end_offset: int) -> None:
        """It is durable up to there."""

    def take_back(self, reason: BaseException) -> Deferred[None]:
        """What it gave since its last commit was refused; fires when it stands where that left it."""

    def refusal(self, reason: BaseException) -> Exception:
        """What to tell those who wait for something that was refused."""


@dataclass(slots=True, eq=False)
class Work:
    """An operation that waits or is being done.

    :ivar owner: the log it belongs to, None for the store's own.
    :ivar end_offset: one past the last offset that its log has once it is committed.
    :ivar rewinds: of its log when it was given.
    :ivar stands: it is what it is even when the end of its log was moved back meanwhile; an append is not.
    """

    operation: Operation
    owner: Owner | None
    end_offset: int
    rewinds: int
    stands: bool
    done: Deferred[Any] = field(default_factory=Deferred)


class GroupCommitter:
    """Commits to one database.

    :param worker: a thread for nothing else.
    :param clock: gives the turn of the reactor in which something was given the time to give more.
    :param broken: called when the disk failed: nothing is committed from then on.
    :ivar groups: transactions so far.
    :ivar freed: something was removed since the last look at how much room is free.
    """

    _log = Logger()

    def __init__(self, database: Database, worker: IWorker, clock: IReactorTime, broken: Callable[[BaseException], None]) -> None:
        self._database = database
        self._worker = worker
        self._clock = clock
        self._broken = broken
        self._waiting: list[Work] = []
        self._running = False
        self._failure: BaseException | None = None
        self.groups = 0
        self.freed = False

    def run(self, operation: Operation, owner: Owner | None = None, end_offset: int = -1, stands: bool = True) -> Deferred[Any]:
        """Give something to do: at the end of the reactor's turn, or right after the transaction that is under way.

        :returns: its result, once it is durable.
        """
        work = Work(operation, owner, end_offset, -1 if owner is None else owner.rewinds, stands)
        self._waiting.append(work)
        if not self._running:
            self._running = True
            self._clock.callLater(0, self._next)
        return work.done

    def _next(self) -> None:
        group, self._waiting = self._waiting, []
        if not group:
            self._running = False
            return
        if self._failure is not None:
            self._refuse(group, self._failure)
            self._next()
            return
        self.groups += 1
        doing: Deferred[list[Any]] = self._worker.run(self._database.write, [work.operation for work in group])
        doing.addCallbacks(self._committed, self._refused, (group,), {}, (group,), {})
        doing.addErrback(lambda failure: self._log.failure("a commit was not dealt with", failure))
        doing.addCallback(lambda _: self._next())

    # -- it was committed ---------------------------------------------------------------------------------------------

    def _committed(self, results: Sequence[Any], group: Sequence[Work]) -> None:
        ends: dict[Owner, int] = {}
        for work in group:
            # What was taken back meanwhile says nothing of what came in its place.
            if work.owner is not None and work.rewinds == work.owner.rewinds:
                ends[work.owner] = max(work.end_offset, ends.get(work.owner, -1))
        for owner, end_offset in ends.items():
            try:
                owner.committed(end_offset)
            except Exception:  # noqa: BLE001  one log's observers must not keep the others from hearing
                self._log.failure("a commit of {log} was not dealt with", log=owner)
        for work, result in zip(group, results, strict=True):
            if work.owner is None or work.stands or work.rewinds == work.owner.rewinds:
                work.done.callback(result)
            else:
                work.done.errback(work.owner.refusal(TakenBack()))

    # -- it was not ---------------------------------------------------------------------------------------------------

    def _refused(self, failure: Failure, group: Sequence[Work]) -> None:
        reason = cast(BaseException, failure.value)
        if not passes(reason):
            self._failure = reason
            self._broken(reason)
            self._refuse(group, reason)
            return
        owners = {work.owner: None for work in group if work.owner is not None}
        # What the same logs gave since builds on what was refused.
        also = [work for work in self._waiting if work.owner in owners]
        self._waiting = [work for work in self._waiting if work.owner not in owners]
        appends = [work for work in (*group, *also) if not work.stands]
        self._refuse([work for work in (*group, *also) if work.stands], reason)
        # Who sends a refused append again finds the log ready for it.
        settled = DeferredList([owner.take_back(reason) for owner in owners], consumeErrors=True)
        settled.addBoth(lambda _: self._refuse(appends, reason))

    def _refuse(self, group: Sequence[Work], reason: BaseException) -> None:
        for work in group:
            work.done.errback(reason if work.owner is None else work.owner.refusal(reason))


class TakenBack(Exception):
    """It was committed, and taken back before that was known."""

    def __str__(self) -> str:
        """For messages."""
        return "the end of the log was taken back meanwhile"


def passes(reason: BaseException) -> bool:
    """Whether it may work another time."""
    code = getattr(reason, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in PASSING
