"""Thread pools that run at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from zope.interface import implementer

from chronik.defer import IThreadPools, Pool


@implementer(IThreadPools)
class NowPools:
    """Runs work in the caller and notes its pool."""

    def __init__(self) -> None:
        self.used: list[Pool] = []

    def run(self, pool: Pool, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Do it now."""
        self.used.append(pool)
        return maybeDeferred(function, *args)

    def worker(self, name: str) -> Any:
        """Nobody here needs one."""
        raise AssertionError(name)

    def close(self) -> Deferred[None]:
        """Nothing to wait for."""
        return succeed(None)
