"""Threads for what blocks: the real provider of :class:`~chronik.defer.IThreadPools`."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Collection, Sequence
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

QUICK_SECONDS: Final = 0.7e-3
"""A worker that is given one thing at a time and has done each within this time works for somebody who waits: it stays on the reactor's processor.
Waking another one that sleeps takes longer than doing such work."""

QUICK_TIMES: Final = 16
"""How often in a row it must have been that quick, and after how many times it is looked where the reactor runs now."""

CallFromThread = Callable[..., Any]
"""Runs a function on the reactor thread; the reactor's ``callFromThread``."""


class Nearness:
    """Keeps a thread on the reactor's processor while that is good for it; all calls come from the reactor's thread.

    :param processor: the one that the caller runs on.
    :param allow: lets a thread, by its system's number, run on these processors and no other.
    :param everywhere: all processors that the process may use.
    """

    def __init__(self, processor: Callable[[], int], allow: Callable[[int, Collection[int]], None], everywhere: Collection[int]) -> None:
        self._processor = processor
        self._allow = allow
        self._everywhere = everywhere
        self._quick = 0
        self._near = -1

    def took(self, thread: int, seconds: float) -> None:
        """The thread has done one thing, and was given no other meanwhile."""
        if seconds > QUICK_SECONDS:
            self.hurried(thread)
            return
        self._quick += 1
        if self._quick % QUICK_TIMES == 0:
            processor = self._processor()
            if processor != self._near and processor in self._everywhere:
                self._move(thread, processor)

    def hurried(self, thread: int) -> None:
        """It has more to do, or takes long: it may work beside the reactor."""
        self._quick = 0
        if self._near >= 0:
            self._move(thread, -1)

    def _move(self, thread: int, processor: int) -> None:
        self._near = processor
        try:
            self._allow(thread, self._everywhere if processor < 0 else {processor})
        except OSError:
            # The system moves this process to other processors, or has none to choose from: leave it to it.
            self._everywhere = ()


def nearness() -> Nearness | None:
    """What keeps a worker's thread near here; None where there is one processor only, or no way to say so."""
    library = ctypes.CDLL(None)
    if not hasattr(os, "sched_setaffinity") or not hasattr(library, "sched_getcpu"):
        return None
    everywhere = os.sched_getaffinity(0)
    return Nearness(library.sched_getcpu, os.sched_setaffinity, everywhere) if len(everywhere) > 1 else None


@implementer(IWorker)
class ThreadWorker:
    """One thread that does its work in order.

    :param call_from_thread: the reactor's.
    :param name: the thread's.
    :param near: keeps it near the reactor while it works for one who waits; None to leave it to the system.
    """

    def __init__(self, call_from_thread: CallFromThread, name: str, near: Nearness | None = None) -> None:
        self._call_from_thread = call_from_thread
        self._near = near
        self._open = 0
        self._began = 0.0
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
        self._open += 1
        self._began = monotonic()
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
            self._call_from_thread(self._report, results)
            if task is not None:
                task = self._work.get()
        self._call_from_thread(self._finish)

    def _report(self, results: Sequence[tuple[Deferred[Any], Any]]) -> None:
        """On the reactor's thread again."""
        if self._near is not None and self._thread.native_id is not None:
            if len(results) == self._open == 1:
                self._near.took(self._thread.native_id, monotonic() - self._began)
            else:
                self._near.hurried(self._thread.native_id)
        self._open -= len(results)
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
        worker = ThreadWorker(self._call_from_thread, name, nearness())
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
