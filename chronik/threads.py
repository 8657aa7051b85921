"""Threads for what blocks: the real provider of :class:`~chronik.defer.IThreadPools`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from time import monotonic
from typing import Any, Final, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from chronik.defer import IThreadPools, IWorker, Pool, deferred

T = TypeVar("T")

THREADS_MAX: Final = {Pool.READ: 4, Pool.BACKGROUND: 2, Pool.REMOTE: 4, Pool.CPU: 2}
"""Threads of each pool: enough to keep a disk's queue busy, and no more than two cores for what computes."""

CLOSE_SECONDS_MAX: Final = 10.0
"""How long the end of all threads is waited for: one that a dead disk does not answer would keep the process for ever."""

REPORT_SECONDS: Final = 0.002
"""How long what a worker has done may wait to be told together with what it does next."""

CallFromThread = Callable[..., Any]
"""Runs a function on the reactor thread; the reactor's ``callFromThread``."""


@implementer(IWorker)
class ThreadWorker:
    """One thread that does its work in order.

    :param call_from_thread: the reactor's.
    :param name: the thread's.
    """

    def __init__(self, call_from_thread: CallFromThread, name: str) -> None:
        self._call_from_thread = call_from_thread
        self._work: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...], Deferred[Any]] | None] = SimpleQueue()
        self._ending: list[Deferred[None]] = []
        self._closed = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run it after all earlier work; see :meth:`IWorker.run`."""
        if self._closed:
            raise RuntimeError("the worker was closed")
        done: Deferred[T] = Deferred()
        self._work.put((function, args, done))
        return done

    def close(self) -> Deferred[None]:
        """Finish and end; see :meth:`IWorker.close`."""
        ended: Deferred[None] = Deferred()
        if self._ended:
            ended.callback(None)
        else:
            self._ending.append(ended)
        if not self._closed:
            self._closed = True
            self._work.put(None)
        return ended

    def _finish(self) -> None:
        self._ended = True
        for ended in self._ending:
            ended.callback(None)

    def _run(self) -> None:
        """In the thread. The reactor is woken for what was done while nobody waited for more, not for each: a wake-up costs more than a write."""
        task = self._work.get()
        while task is not None:
            results: list[tuple[Deferred[Any], Any]] = []
            report_at = monotonic() + REPORT_SECONDS
            while task is not None:
                function, args, done = task
                try:
                    results.append((done, function(*args)))
                except BaseException:  # noqa: BLE001  it becomes a Failure
                    results.append((done, Failure()))
                if self._work.empty() or monotonic() > report_at:
                    break
                task = self._work.get()
            self._call_from_thread(_report, results)
            if task is not None:
                task = self._work.get()
        self._call_from_thread(self._finish)


def _report(results: Iterable[tuple[Deferred[Any], Any]]) -> None:
    for done, result in results:
        done.callback(result)


@implementer(IThreadPools)
class ReactorThreadPools:
    """Pools of threads by class of work, and workers of their own.

    :param reactor: answers on its thread, and keeps time.
    :param close_seconds_max: how long the end of all threads is waited for.
    """

    _log = Logger()

    def __init__(self, reactor: Any, close_seconds_max: float = CLOSE_SECONDS_MAX) -> None:
        self._reactor = reactor
        self._close_seconds_max = close_seconds_max
        self._call_from_thread: CallFromThread = reactor.callFromThread
        self._pools: dict[Pool, ThreadPool] = {}
        self._workers: list[ThreadWorker] = []

    def run(self, pool: Pool, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run in a thread of a pool; see :meth:`IThreadPools.run`."""
        done: Deferred[T] = Deferred()

        def finished(success: bool, result: Any) -> None:
            self._call_from_thread(done.callback if success else done.errback, result)

        self._pool(pool).callInThreadWithCallback(finished, function, *args)
        return done

    def worker(self, name: str) -> ThreadWorker:
        """A new thread; see :meth:`IThreadPools.worker`."""
        worker = ThreadWorker(self._call_from_thread, name)
        self._workers.append(worker)
        return worker

    @deferred
    async def close(self) -> None:
        """End all threads; see :meth:`IThreadPools.close`. Those that do not end in time are left behind."""
        try:
            await self._close_all().addTimeout(self._close_seconds_max, self._reactor)
        except defer.TimeoutError:
            self._log.error("some threads have not ended within {seconds} s: they wait for a disk", seconds=self._close_seconds_max)

    @deferred
    async def _close_all(self) -> None:
        await DeferredList([worker.close() for worker in self._workers], consumeErrors=True)
        ended: Deferred[None] = Deferred()
        pools = tuple(self._pools.values())

        def stop_all() -> None:
            for pool in pools:
                pool.stop()
            self._call_from_thread(ended.callback, None)

        threading.Thread(target=stop_all, name="closing pools", daemon=True).start()
        await ended

    def _pool(self, pool: Pool) -> ThreadPool:
        found = self._pools.get(pool)
        if found is None:
            found = self._pools[pool] = ThreadPool(0, THREADS_MAX[pool], f"chronik {pool.value}")
            found.start()
        return found
