"""The threads of one log directory, where there are others: a disk that does not answer keeps those waiting that ask it, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from chronik.defer import IThreadPools, IWorker, Pool

T = TypeVar("T")
R = TypeVar("R")

THREADS: Final = {Pool.READ: 2, Pool.BACKGROUND: 2}
"""What asks the disk of a directory, and by how many threads."""


class _Workers:
    """Workers, of which the one that has least to do gets what comes next."""

    def __init__(self, workers: list[IWorker]) -> None:
        self._workers = workers
        self._open = [0] * len(workers)

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run it in one of them."""
        at = self._open.index(min(self._open))
        self._open[at] += 1
        running: Deferred[T] = self._workers[at].run(function, *args)
        return running.addBoth(self._done, at)

    def _done(self, result: R, at: int) -> R:
        self._open[at] -= 1
        return result


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
