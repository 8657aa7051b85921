"""Threads of the search process: one that writes indexes, a few that search them."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorFromThreads

T = TypeVar("T")

SEARCH_THREADS_MAX: Final = 4
"""Tantivy releases the interpreter's lock while it searches; more threads than cores gain nothing."""

NICENESS: Final = 5
"""Indexing yields to the log, and to searches, when cores are short."""


class IndexPanic(Exception):
    """A search library failed in a way it did not expect itself."""


class Run(Protocol):
    """Runs a function elsewhere, after earlier ones of the same runner where it has one thread."""

    def __call__(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Fires with the function's result on the reactor thread."""


class Threads(Protocol):
    """The threads of a search process."""

    def start(self) -> None:
        """Nothing runs before."""

    @property
    def write(self) -> Run:
        """Runs in the one writing thread, in order."""

    @property
    def search(self) -> Run:
        """Runs in one of the searching threads."""


def contained(function: Callable[..., T], *args: Any) -> T:
    """Call it; what is worse than an Exception (a panic in native code) becomes :class:`IndexPanic`, so that the process goes on."""
    try:
        return function(*args)
    except Exception:
        raise
    except BaseException as error:
        raise IndexPanic(f"the index failed in native code: {error}") from error


class IndexThreads:
    """The pools behind the two runners.

    :param reactor: where results are delivered.
    """

    def __init__(self, reactor: IReactorFromThreads) -> None:
        self._reactor = reactor
        self._writing = ThreadPool(1, 1, "index")
        self._searching = ThreadPool(0, SEARCH_THREADS_MAX, "search")

    def start(self) -> None:
        """Searching threads come when there is work."""
        self._writing.start()
        self._writing.callInThread(_yield_to_others)
        self._searching.start()

    def write(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run in the one writing thread, in order."""
        return deferToThreadPool(self._reactor, self._writing, contained, function, *args)

    def search(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run in one of the searching threads."""
        return deferToThreadPool(self._reactor, self._searching, contained, function, *args)

    def stop(self) -> None:
        """Wait for what runs, then end the threads."""
        self._searching.stop()
        self._writing.stop()


def _yield_to_others() -> None:
    """Lower this thread's priority, and that of threads it starts, where the system has one for each thread."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
