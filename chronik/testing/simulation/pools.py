"""Threads whose work is done some time later, and whose answers come in any order that threads could bring about."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.defer import IThreadPools, IWorker, Pool
from chronik.testing.simulation.reactor import SimulatedReactor

T = TypeVar("T")

Task = tuple[Callable[..., Any], tuple[Any, ...], Deferred[Any]]


@implementer(IWorker)
class SeededWorker:
    """A thread that does its work in order.

    :param reactor: whose threads these are; when it ends nothing is done any more.
    :ivar working: whether it has something to do.
    """

    def __init__(self, reactor: SimulatedReactor, random: Random) -> None:
        self._reactor = reactor
        self._random = random
        self._tasks: deque[Task] = deque()
        self.working = False

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Do it after what was given before; see :meth:`IWorker.run`."""
        done: Deferred[T] = Deferred()
        self._tasks.append((function, args, done))
        if not self.working:
            self.working = True
            self._later(self._work)
        return done

    def close(self) -> Deferred[None]:
        """Fires after what was given before; see :meth:`IWorker.close`."""
        return self.run(_nothing) if self.working else succeed(None)

    def _later(self, function: Callable[..., Any], *args: Any) -> None:
        random = self._random.random()
        self._reactor.timeline.after(random * 0.0004 if random < 0.97 else random * 0.02, function, *args)

    def _work(self) -> None:
        if not self._reactor.alive:
            return
        function, args, done = self._tasks.popleft()
        timeline = self._reactor.timeline
        result: Any
        began = timeline.now
        try:
            result = function(*args)
        except Exception:  # noqa: BLE001  whatever it is belongs to who waits
            result = Failure()
        took, timeline.now = timeline.now - began, began
        if took > 0.0 or self._random.random() < 0.3:
            # The machine may stop between what a thread did and what the reactor hears of it.
            timeline.after(took, self._later, self._answer, done, result)
        else:
            self._answer(done, result)

    def _answer(self, done: Deferred[Any], result: Any) -> None:
        if not self._reactor.alive:
            return
        if self._tasks:
            self._later(self._work)
        else:
            self.working = False
        done.errback(result) if isinstance(result, Failure) else done.callback(result)


def _nothing() -> None:
    """Takes its turn."""


@implementer(IThreadPools)
class SeededThreadPools:
    """Threads of one machine."""

    def __init__(self, reactor: SimulatedReactor, random: Random) -> None:
        self._reactor = reactor
        self._random = random
        self._workers: list[SeededWorker] = []
        self._running: dict[SeededWorker, None] = {}

    def run(self, pool: Pool, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Work that waits for nothing; see :meth:`IThreadPools.run`."""
        worker = SeededWorker(self._reactor, self._random)
        self._running[worker] = None

        def over(result: Any) -> Any:
            self._running.pop(worker, None)
            return result

        return worker.run(function, *args).addBoth(over)

    def worker(self, name: str) -> SeededWorker:
        """See :meth:`IThreadPools.worker`."""
        worker = SeededWorker(self._reactor, self._random)
        self._workers.append(worker)
        return worker

    @property
    def busy(self) -> bool:
        """Whether any of them is at work."""
        return bool(self._running) or any(worker.working for worker in self._workers)

    def close(self) -> Deferred[None]:
        """Fires once nothing is under way; see :meth:`IThreadPools.close`."""
        waiting = [worker.close() for worker in (*self._workers, *self._running)]
        ended: Deferred[None] = Deferred()
        left = len(waiting)

        def one(result: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                ended.callback(None)

        if not waiting:
            ended.callback(None)
        for each in waiting:
            each.addBoth(one)
        return ended
