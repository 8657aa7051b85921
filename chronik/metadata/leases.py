"""Leases of a store that lives in one process: a timer each, on the injected clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime

LEASE_SECONDS_MIN: Final = 2
"""Shorter leases are lengthened to this, as etcd does: its elections take about as long."""


@dataclass(slots=True)
class _Lease:
    seconds: int
    timer: IDelayedCall


class Leases:
    """Who still holds on.

    :param clock: where time comes from.
    :param expired: told the id of a lease whose time is over.
    """

    def __init__(self, clock: IReactorTime, expired: Callable[[int], None]) -> None:
        self._clock = clock
        self._expired = expired
        self._leases: dict[int, _Lease] = {}
        self._latest = 0

    def grant(self, seconds: int) -> int:
        """A new lease, running from now on."""
        self._latest += 1
        seconds = max(seconds, LEASE_SECONDS_MIN)
        self._leases[self._latest] = _Lease(seconds, self._clock.callLater(seconds, self._expire, self._latest))
        return self._latest

    def keep(self, lease: int) -> bool:
        """Start a lease's time anew; False when it is over."""
        known = self._leases.get(lease)
        if known is None:
            return False
        known.timer.reset(known.seconds)
        return True

    def end(self, lease: int) -> bool:
        """Forget a lease; False when it was over already."""
        known = self._leases.pop(lease, None)
        if known is not None and known.timer.active():
            known.timer.cancel()
        return known is not None

    def __contains__(self, lease: int) -> bool:
        """Whether the lease still runs."""
        return lease in self._leases

    def stop(self) -> None:
        """End all timers."""
        for lease in tuple(self._leases):
            self.end(lease)

    def _expire(self, lease: int) -> None:
        self.end(lease)
        self._expired(lease)
