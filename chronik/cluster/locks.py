"""One piece of work at a time for each name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from twisted.internet.defer import DeferredLock

T = TypeVar("T")


class NameLocks:
    """A lock for each name in use, made when needed and dropped after."""

    def __init__(self) -> None:
        self._locks: dict[str, DeferredLock] = {}

    async def holding(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do ``work`` once nobody else is at work under ``name``."""
        lock = self._locks.setdefault(name, DeferredLock())
        await lock.acquire()
        try:
            return await work()
        finally:
            lock.release()
            if not lock.locked:
                self._locks.pop(name, None)

    def __len__(self) -> int:
        """How many names are in use."""
        return len(self._locks)
