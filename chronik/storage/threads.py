"""The threads of one log directory, where there are others: a disk that does not answer keeps those waiting that ask it, and nobody else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from chronik.defer import IThreadPools, IWorker, Pool

T = TypeVar("T")

THREADS: Final = {Pool.READ: 2, Pool.BACKGROUND: 2}
"""What asks the disk of a directory, and by how many threads."""


class _Workers:
    """Workers, of which the first that is free gets what waits longest: nothing waits for one of them while another has nothing to do."""

    def __init__(self, workers: list[IWorker]) -> None:
        self._free = workers
        self._waiting: deque[tuple[Callable[..., Any], tuple[Any, ...], Deferred[Any]]] = deque()
        self._giving = False

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run it in one of them."""
        done: Deferred[T] = Deferred()
        self._waiting.append((function, args, done))
        self._give()
        return done

    def _give(self) -> None:
        """What is done at once comes back here, and goes on in the call that gave it, without a deeper stack."""
        if self._giving:
            return
        self._giving = True
        try:
            while self._free and self._waiting:
                self._give_one(self._free.pop(), *self._waiting.popleft())
        finally:
            self._giving = False

    def _give_one(self, worker: IWorker, function: Callable[..., Any], args: tuple[Any, ...], done: Deferred[Any]) -> None:
        try:
            running = worker.run(function, *args)
        except RuntimeError:
            # It was closed, as all others were.
            self._free.append(worker)
            done.errback()
        else:
            running.addBoth(self._ended, worker, done)

    def _ended(self, result: Any, worker: IWorker, done: Deferred[Any]) -> None:
        self._free.append(worker)
        self._give()
        done.callback(result)


@implementer(IThreadPools)
class DirectoryPools:
    """The broker's pools, but for what asks the directory's disk.

    :param name: in thread listings.
    """

    def __init__(self, pools: IThreadPools, name: str) -> None:
        self._pools = pools
        self._own = {pool: _Workers([pools.worker(f"{pool.value} {name}") for _ in range(count)]) for pool, count in THREADS.items()}

    def run(self, pool: Pool, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run in a thread; see :meth:`IThreadPools.run`."""
        own = self._own.get(pool)
        running: Deferred[T] = self._pools.run(pool, function, *args) if own is None else own.run(function, *args)
        return running

    def worker(self, name: str) -> IWorker:
        """A new thread; see :meth:`IThreadPools.worker`."""
        return self._pools.worker(name)

    def close(self) -> Deferred[None]:
        """They end with the broker's; see :meth:`IThreadPools.close`."""
        closing: Deferred[None] = self._pools.close()
        return closing
