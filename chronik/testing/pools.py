"""Thread pools without threads: work is done at once, when a test says so, or as slowly as a disk in memory is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred, execute, succeed
from zope.interface import implementer

from chronik.defer import IThreadPools, IWorker, Pool

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

T = TypeVar("T")


@implementer(IWorker)
class SynchronousWorker:
    """Does its work within the call."""

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Do it now; see :meth:`IWorker.run`."""
        return execute(function, *args)

    def close(self) -> Deferred[None]:
        """There is nothing to end; see :meth:`IWorker.close`."""
        return succeed(None)


@implementer(IThreadPools)
class SynchronousThreadPools:
    """Does all work within the call."""

    def run(self, pool: Pool, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Do it now; see :meth:`IThreadPools.run`."""
        return execute(function, *args)

    def worker(self, name: str) -> SynchronousWorker:
        """A worker of the same kind; see :meth:`IThreadPools.worker`."""
        return SynchronousWorker()

    def close(self) -> Deferred[None]:
        """There is nothing to end; see :meth:`IThreadPools.close`."""
        return succeed(None)


class _Queue:
    """Does its work within the call, and answers, one after the other, when the time is over that the work would have taken."""

    def __init__(self, clock: IReactorTime, take_wait: Callable[[], float]) -> None:
        self._clock = clock
        self._take_wait = take_wait
        self._free_at = 0.0

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Do it now, answer when it would have been done."""
        self._take_wait()
        done = execute(function, *args)
        now = self._clock.seconds()
        self._free_at = max(now, self._free_at) + self._take_wait()
        if self._free_at <= now:
            return done
        later: Deferred[T] = Deferred()
        self._clock.callLater(self._free_at - now, done.addBoth, later.callback)
        return later

    def close(self) -> Deferred[None]:
        """There is nothing to end; see :meth:`IWorker.close`."""
        return succeed(None)


@implementer(IWorker)
class SlowWorker(_Queue):
    """One thread over a slow disk: see :class:`SlowThreadPools`."""


@implementer(IThreadPools)
class SlowThreadPools:
    """Threads over a disk that takes its time: work is done within the call, but its result comes after the seconds that its calls took.

    What is behind slow work in a worker waits for it; a pool has threads enough.

    :param take_wait: the seconds since it was asked last, as :meth:`chronik.testing.filesystem.DiskFaults.take_wait`.
    """

    def __init__(self, clock: IReactorTime, take_wait: Callable[[], float]) -> None:
        self._clock = clock
        self._take_wait = take_wait

    def run(self, pool: Pool, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Do it now; see :meth:`IThreadPools.run`."""
        return _Queue(self._clock, self._take_wait).run(function, *args)

    def worker(self, name: str) -> SlowWorker:
        """A thread of its own; see :meth:`IThreadPools.worker`."""
        return SlowWorker(self._clock, self._take_wait)

    def close(self) -> Deferred[None]:
        """There is nothing to end; see :meth:`IThreadPools.close`."""
        return succeed(None)


class _Held:
    """Work that waits for the test."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, Callable[[], None]]] = []

    def add(self, name: str, function: Callable[..., T], args: tuple[Any, ...]) -> Deferred[T]:
        done: Deferred[T] = Deferred()

        def do() -> None:
            try:
                result = function(*args)
            except Exception:  # noqa: BLE001  whatever it is belongs to who waits
                done.errback()
            else:
                done.callback(result)

        self.waiting.append((name, do))
        return done


@implementer(IWorker)
class HeldWorker:
    """Keeps its work until the pools are told to go on."""

    def __init__(self, held: _Held, name: str) -> None:
        self._held = held
        self._name = name

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Keep it; see :meth:`IWorker.run`."""
        return self._held.add(self._name, function, args)

    def close(self) -> Deferred[None]:
        """There is nothing to end; see :meth:`IWorker.close`."""
        return succeed(None)


@implementer(IThreadPools)
class HeldThreadPools:
    """Keeps work whose pool or worker has one of the names, does the rest at once.

    :param names: beginnings of names: of a worker, as ``"flush"``, or of a :class:`~chronik.defer.Pool`'s value, as ``"read"``.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._held = _Held()

    def run(self, pool: Pool, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Keep it or do it; see :meth:`IThreadPools.run`."""
        if pool.value.startswith(self._names):
            return self._held.add(pool.value, function, args)
        return execute(function, *args)

    def worker(self, name: str) -> HeldWorker | SynchronousWorker:
        """A worker that keeps its work, or does it; see :meth:`IThreadPools.worker`."""
        return HeldWorker(self._held, name) if name.startswith(self._names) else SynchronousWorker()

    def close(self) -> Deferred[None]:
        """There is nothing to end; see :meth:`IThreadPools.close`."""
        return succeed(None)

    @property
    def waiting(self) -> list[str]:
        """The names of the pools and workers that have work, in the order it came."""
        return [name for name, _ in self._held.waiting]

    def go(self, *names: str) -> int:
        """Do what waits now, of these names or of all, but nothing that it brings about; how much that was."""
        work, self._held.waiting = self._held.waiting, []
        chosen = [entry for entry in work if not names or entry[0].startswith(names)]
        self._held.waiting = [entry for entry in work if entry not in chosen]
        for _, do in chosen:
            do()
        return len(chosen)

    def go_next(self) -> None:
        """Do the oldest piece of work, if there is any."""
        if self._held.waiting:
            self._held.waiting.pop(0)[1]()

    def go_on(self, *names: str) -> None:
        """Do what waits, and what that brings about, until nothing is left."""
        while self.go(*names):
            pass
