"""A bounded queue before a writer: whoever tells something goes on at once, and what cannot be written yet waits."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from chronik.audit.interfaces import AuditRecord, IAuditWriter
from chronik.defer import deferred

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

QUEUE_RECORDS_MAX: Final = 10_000
QUEUE_BYTES_MAX: Final = 8 << 20
"""What may wait to be written; more is dropped. It is enough for the longest stalls of disks that recover by themselves."""

BATCH_RECORDS_MAX: Final = 1_000
BATCH_BYTES_MAX: Final = 512 << 10
"""What is written at once; a batch of a topic must not be larger than 1 MiB."""

PAUSE_FIRST_S: Final = 0.5
PAUSE_MAX_S: Final = 30.0
"""Pauses after a write that failed, each twice as long as the one before."""

CLOSE_S: Final = 5.0
"""How long a stop waits for what is still to be written."""


@dataclass(slots=True)
class OutletStatus:
    """What became of records, since the start.

    :ivar dropped: there was no room for them.
    :ivar failures: writes that failed and were tried again.
    """

    name: str
    written: int = 0
    dropped: int = 0
    failures: int = 0
    waiting: int = 0


class Outlet:
    """Gives records to one writer.

    :ivar status: for metrics and health.
    :ivar lost: how many were dropped since somebody last asked; see :meth:`take_lost`.
    """

    _log = Logger()

    def __init__(self, writer: IAuditWriter, clock: IReactorTime) -> None:
        self._writer = writer
        self._clock = clock
        self._queue: deque[AuditRecord] = deque()
        self._bytes = 0
        self._pause = PAUSE_FIRST_S
        self._next: IDelayedCall | None = None
        self._writing: Deferred[None] | None = None
        self._closing = False
        self.status = OutletStatus(writer.name)
        self.lost = 0

    def put(self, record: AuditRecord) -> None:
        """Write it soon, or drop it where too many wait."""
        if self._closing or len(self._queue) >= QUEUE_RECORDS_MAX or self._bytes + len(record.line) > QUEUE_BYTES_MAX:
            self.status.dropped += 1
            if not self.lost and not self._closing:
                self._log.warn("the audit {outlet} takes no records now, and there is no more room for them to wait", outlet=self._writer.name)
            self.lost += 1
            return
        self._queue.append(record)
        self._bytes += len(record.line)
        self.status.waiting = len(self._queue)
        if self._next is None and self._writing is None:
            self._next = self._clock.callLater(0, self._start)

    def take_lost(self) -> int:
        """How many were dropped since this was last asked, once there is room again to say so; else 0."""
        if not self.lost or len(self._queue) >= QUEUE_RECORDS_MAX // 2:
            return 0
        lost, self.lost = self.lost, 0
        return lost

    @deferred
    async def close(self) -> None:
        """Write what waits, as far as that is quick, and close the writer. Never fails."""
        self._closing = True
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._writing is not None:
            await self._bounded(self._writing)
        if self._queue and self._writing is None:
            self._start()
            await self._bounded(self._writing)
        if self._queue:
            self._log.error("{count} audit records could not be written to the {outlet}", count=len(self._queue), outlet=self._writer.name)
        try:
            await self._writer.close()
        except Exception:  # noqa: BLE001  the broker stops all the same
            self._log.failure("the audit {outlet} could not be closed", outlet=self._writer.name)

    def _bounded(self, writing: Deferred[None] | None) -> Deferred[None]:
        """Fires when a write is over, or takes too long."""
        if writing is None or writing.called:
            return succeed(None)
        over: Deferred[None] = Deferred()

        def done(_: object = None) -> None:
            if late.active():
                late.cancel()
            if not over.called:
                over.callback(None)

        late = self._clock.callLater(CLOSE_S, done)
        writing.addCallback(done)
        return over

    def _start(self) -> None:
        self._next = None
        writing = self._write()
        if not writing.called:
            self._writing = writing

    @deferred
    async def _write(self) -> None:
        """Write until nothing waits, or a write fails."""
        try:
            while self._queue:
                batch = self._batch()
                await self._writer.write(batch)
                for record in batch:
                    self._queue.popleft()
                    self._bytes -= len(record.line)
                self._pause = PAUSE_FIRST_S
                self.status.written += len(batch)
                self.status.waiting = len(self._queue)
        except Exception as error:  # noqa: BLE001  what is told of must not depend on where it is told
            self._failed(error)
        finally:
            self._writing = None

    def _batch(self) -> list[AuditRecord]:
        batch: list[AuditRecord] = []
        size = 0
        for record in self._queue:
            size += len(record.line)
            if batch and (size > BATCH_BYTES_MAX or len(batch) >= BATCH_RECORDS_MAX):
                break
            batch.append(record)
        return batch

    def _failed(self, error: Exception) -> None:
        self.status.failures += 1
        if self._closing:
            return
        if self._pause == PAUSE_FIRST_S:
            what = "the audit {outlet} cannot be written: {error}; {count} records wait, and it is tried again"
            self._log.error(what, outlet=self._writer.name, error=error, count=len(self._queue))
        self._next = self._clock.callLater(self._pause, self._start)
        self._pause = min(self._pause * 2, PAUSE_MAX_S)
