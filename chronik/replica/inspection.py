"""Appends whose batches have to be looked into first, which a thread does: those of topics that are compacted, that have a ``compression.type`` of
their own, or that bound times.

What is small was looked at where it came in, and never comes here; see :mod:`~chronik.storage.inspection`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chronik.clocks import WallClock
from chronik.defer import IWorker, deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.replica.interfaces import IPendingAppend
from chronik.storage.config import LogConfig
from chronik.storage.validation import inspect

WAITING_BYTES_MAX: Final = 64 << 20
"""What may wait in a broker to be looked into: some seconds' work. Those who sent it are bounded too, but may have gone, or think it too late."""

WAITING_APPEND_BYTES: Final = 512
"""What an append takes besides its batches."""

RUN_BYTES_MAX: Final = 256 << 10
"""What one partition hands to the thread at a time, if it is more than one append: others have their turn then."""

RUN_APPENDS_MAX: Final = 100
"""And how many appends. They are appended together when that is done, some 20 microseconds each."""


class WaitingAppend(NamedTuple):
    """What :meth:`~chronik.replica.interfaces.IPartition.begin_append` was asked for."""

    pending: IPendingAppend
    data: bytes | memoryview
    acks: int
    internal: bool

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return len(self.data) + WAITING_APPEND_BYTES


Outcome: TypeAlias = "bytes | memoryview | Exception"
"""What to append, or why nothing is."""


class _Run:
    """Appends of one partition that are looked into together.

    :ivar given_up: nobody wants to know any more.
    """

    def __init__(self, appends: Sequence[WaitingAppend], config: LogConfig, now: int) -> None:
        self.config = config
        self._appends = appends
        self._now = now
        self.given_up = False

    def look(self) -> list[Outcome]:
        """In the thread: the outcome of each."""
        return [] if self.given_up else [self._outcome(append) for append in self._appends]

    def _outcome(self, append: WaitingAppend) -> Outcome:
        if append.internal:
            return append.data
        try:
            return inspect(append.data, self.config, self._now)
        except KafkaError as error:
            # A refusal is told and not traced: the frames that it came through may have what the batch was decompressed to, for as long as it lives.
            error.__traceback__ = error.__context__ = error.__cause__ = None
            return error
        except Exception as error:  # noqa: BLE001  it belongs to who waits
            return error


class BatchInspector:
    """Looks into batches for all partitions of a broker, one after the other, in a thread of its own: logins and whatever else has to be computed do
    not wait for it. A partition asks again when it was answered, so they take turns.

    :param wall_clock: the time of day, which records' times are compared with.
    :param make_worker: makes the thread, once something is to be looked into.
    :ivar waiting_bytes: of all appends that wait.
    """

    def __init__(self, wall_clock: WallClock, make_worker: Callable[[], IWorker]) -> None:
        self._wall_clock = wall_clock
        self._make_worker = make_worker
        self._worker: IWorker | None = None
        self.waiting_bytes = 0

    def has_room(self, append: WaitingAppend) -> bool:
        """Whether it may wait too; alone any may."""
        return not self.waiting_bytes or self.waiting_bytes + append.size_bytes <= WAITING_BYTES_MAX

    def run_of(self, appends: Sequence[WaitingAppend], config: LogConfig) -> _Run:
        """The appends as they are looked into now, for a log of this configuration."""
        return _Run(appends, config, int(self._wall_clock() * 1000))

    def look(self, run: _Run) -> Deferred[list[Outcome]]:
        """Look into them; fires with the outcome of each, in their order."""
        if self._worker is None:
            self._worker = self._make_worker()
        return self._worker.run(run.look)


class InspectedAppends:
    """The appends of one partition that wait for one to be looked into, and for each other: they are appended in the order they came.

    :param inspector: looks.
    :param config: the log's configuration as it is.
    :param append: appends the batches of one, which were looked into.
    :param emptied: told when none waits any more.
    """

    def __init__(
        self,
        inspector: BatchInspector,
        config: Callable[[], LogConfig],
        append: Callable[[WaitingAppend, bytes | memoryview], None],
        emptied: Callable[[], None],
    ) -> None:
        self._inspector = inspector
        self._config = config
        self._append = append
        self._emptied = emptied
        self._waiting: deque[WaitingAppend] = deque()
        self._run: _Run | None = None

    def add(self, append: WaitingAppend) -> None:
        """Append it after those that wait; refused with ``REQUEST_TIMED_OUT``, which clients send again, when too much does."""
        if not self._inspector.has_room(append):
            why = f"{self._inspector.waiting_bytes} bytes of batches wait to be looked into already; nothing was appended, send again"
            append.pending.refused(KafkaError(ErrorCode.REQUEST_TIMED_OUT, why))
            return
        self._inspector.waiting_bytes += append.size_bytes
        self._waiting.append(append)
        if self._run is None:
            self._work().addErrback(self._broke)

    def refuse_all(self, error: BaseException) -> None:
        """Append none of those that wait now."""
        if self._run is not None:
            self._run.given_up = True
            self._run = None
        while self._waiting:
            self._taken().pending.refused(error)

    @deferred
    async def _work(self) -> None:
        while self._waiting:
            appends = self._next_run()
            run = self._run = self._inspector.run_of(appends, self._config())
            outcomes = await self._inspector.look(run)
            if self._run is not run:
                return
            if self._config() != run.config:
                continue
            for outcome in outcomes:
                self._end(self._taken(), outcome)
                if self._run is not run:
                    return
        self._run = None
        self._emptied()

    def _next_run(self) -> list[WaitingAppend]:
        appends, size = [self._waiting[0]], self._waiting[0].size_bytes
        for append in islice(self._waiting, 1, RUN_APPENDS_MAX):
            size += append.size_bytes
            if size > RUN_BYTES_MAX:
                break
            appends.append(append)
        return appends

    def _taken(self) -> WaitingAppend:
        append = self._waiting.popleft()
        self._inspector.waiting_bytes -= append.size_bytes
        return append

    def _end(self, append: WaitingAppend, outcome: Outcome) -> None:
        if isinstance(outcome, Exception):
            append.pending.refused(outcome)
        else:
            self._append(append, outcome)

    def _broke(self, failure: Failure) -> None:
        """There is no thread any more, as the broker ends."""
        self.refuse_all(failure.value or failure)
        self._emptied()
