"""Small helpers around Deferreds, and the thread pools that keep blocking work off the reactor.

Public methods answer ``Deferred``; inside, code is ``async def`` under :func:`deferred`.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Awaitable, Callable, Coroutine, Generator, Hashable
from typing import Any, Generic, ParamSpec, Self, TypeVar

from twisted.internet.defer import Deferred, DeferredLock, fail, succeed
from twisted.python.failure import Failure
from zope.interface import Interface

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=BaseException)
K = TypeVar("K", bound=Hashable)


def deferred(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Deferred[T]]:
    """Make an ``async def`` answer a Deferred, so that it can provide an interface method.

    It starts at once and runs to its first unfired await before the call returns.
    """

    @functools.wraps(function)
    def answering(*args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        return Deferred.fromCoroutine(function(*args, **kwargs))

    return answering


def begun(coroutine: Coroutine[Any, Any, T]) -> Deferred[T]:
    """Run a coroutine to its first unfired await, as ``Deferred.fromCoroutine`` does, for less where it needs no wait at all.

    Its first part runs in the caller's ``contextvars``.
    """
    try:
        waiting = coroutine.send(None)
    except StopIteration as ended:
        return succeed(ended.value)
    except Exception:  # noqa: BLE001  it is the answer
        return fail()
    return Deferred.fromCoroutine(_going_on(coroutine, waiting))


def _going_on(coroutine: Coroutine[Any, Any, T], waiting: Any) -> Generator[Any, Any, T]:
    """The rest of a coroutine that waits for something already."""
    try:
        while True:
            try:
                result = yield waiting
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001  it belongs to the coroutine
                waiting = coroutine.throw(error)
            else:
                waiting = coroutine.send(result)
    except StopIteration as ended:
        value: T = ended.value
        return value


def or_error(waiting: Deferred[T], *kinds: type[E]) -> Deferred[T | E]:
    """What a Deferred fires with; an error of one of these kinds too is a value, not raised.

    An error that comes out of an ``await`` leaves a circle: the Deferred has the failure, which has the frames that the error came through, one of
    which has the Deferred. Freeing thousands a second is the garbage collector's work, which stops everybody. So errors that any peer can bring
    about are waited for with this.
    """
    return waiting.addErrback(_error_alone, kinds)  # type: ignore[return-value]  # a failure that it gives back is no result


def _error_alone(failure: Failure, kinds: tuple[type[E], ...]) -> E | Failure:
    """The error, without anything of where it was raised."""
    error = failure.value
    if not isinstance(error, kinds):
        return failure
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


class FlatLock(DeferredLock):
    """A ``DeferredLock`` for any number of waiters: whoever is done at once gives its turn on without a deeper stack. Of a thousand who find that
    there is nothing left to do, each would otherwise run within the release of the one before, until the stack is full and nobody has the lock.
    """

    _passing = False

    def acquire(self) -> Deferred[Self]:
        """A Deferred of the lock, which fires behind whoever waits already."""
        if self.waiting and not self.locked:
            turn: Deferred[Self] = Deferred(self._cancelAcquire)
            self.waiting.append(turn)
            return turn
        return super().acquire()

    def release(self) -> None:
        """Give the turn on, to waiters one after the other as long as they are done at once."""
        if not self.locked:
            raise RuntimeError("a lock was released that nobody holds")
        self.locked = False
        if self._passing:
            return
        self._passing = True
        try:
            while self.waiting and not self.locked:
                self.locked = True
                turn: Deferred[Any] = self.waiting.pop(0)
                turn.callback(self)
        finally:
            self._passing = False


class KeyedLocks(Generic[K]):
    """One piece of work at a time for each key: a lock for each that is in use, made when needed and dropped after."""

    def __init__(self) -> None:
        self._locks: dict[K, FlatLock] = {}

    async def holding(self, key: K, work: Callable[[], Awaitable[T]]) -> T:
        """Do ``work`` once nobody else is at work under ``key``."""
        lock = self._locks.setdefault(key, FlatLock())
        await lock.acquire()
        try:
            return await work()
        finally:
            # Whoever waits may run within this call; when it is over, the key may have another lock already.
            lock.release()
            if not (lock.locked or lock.waiting) and self._locks.get(key) is lock:
                del self._locks[key]

    async def settled(self) -> None:
        """Wait until whatever is at work or waits now is done."""
        for key in list(self._locks):
            await self.holding(key, _nothing)

    def __len__(self) -> int:
        """How many keys are in use."""
        return len(self._locks)


async def _nothing() -> None:
    """Takes its turn."""


class Pool(enum.Enum):
    """Classes of blocking work; a slow one never starves another."""

    READ = "read"
    BACKGROUND = "background"
    REMOTE = "remote"
    CPU = "cpu"


class IWorker(Interface):
    """One thread that does its work in the order it was given."""

    def run(function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run ``function(*args)`` after all earlier work.

        :returns: a ``Deferred`` of its result, fired on the reactor thread.
        """

    def close() -> Deferred[None]:
        """Finish the work that was given, then end the thread; a ``Deferred[None]``."""


class IThreadPools(Interface):
    """Where blocking work goes. Injected, so that tests run it synchronously and the simulator in seeded order."""

    def run(pool: Pool, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run ``function(*args)`` in a thread of ``pool``.

        :param pool: a :class:`Pool`.
        :returns: a ``Deferred`` of its result, fired on the reactor thread.
        """

    def worker(name: str) -> IWorker:
        """A new :class:`IWorker` with a thread of its own, called ``name`` in thread listings."""

    def close() -> Deferred[None]:
        """Wait for what runs, then end all threads; a ``Deferred[None]``."""
