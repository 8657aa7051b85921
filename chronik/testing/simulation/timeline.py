"""One queue of events for everything that happens, and a fingerprint of all that happened."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from hashlib import blake2b
from struct import Struct
from typing import Any, Final

from twisted.logger import Logger

START_SECONDS: Final = 1_700_000_000.0
"""When every simulation begins, in seconds since 1970."""

_EVENT: Final = Struct(">dQ")

Event = list[Any]
"""When, its number, what to call (None once it was cancelled), and with what."""


class Exited(BaseException):
    """Raised in the middle of a process that ends itself: nothing of it goes on."""


class Timeline:
    """Time that passes from one event to the next.

    Two events at one time happen in the order in which they were scheduled. An event that fails is logged, as a reactor does.

    :ivar now: in seconds; never goes back.
    :ivar events: how many happened.
    """

    __slots__ = ("_events", "_fingerprint", "_order", "events", "now")

    _log = Logger()

    def __init__(self) -> None:
        self.now = START_SECONDS
        self.events = 0
        self._order = 0
        self._events: list[Event] = []
        self._fingerprint = blake2b(digest_size=16)

    def after(self, seconds: float, function: Callable[..., Any], *args: Any) -> Event:
        """Call ``function(*args)`` so many seconds from now; what is given back is for :meth:`cancel`."""
        return self.at(self.now + seconds, function, *args)

    def at(self, when: float, function: Callable[..., Any], *args: Any) -> Event:
        """The same at a time, in seconds since 1970."""
        self._order += 1
        event: Event = [when, self._order, function, args]
        heapq.heappush(self._events, event)
        return event

    @staticmethod
    def cancel(event: Event) -> None:
        """Let an event not happen."""
        event[2] = None

    def spend(self, seconds: float) -> None:
        """Something took so long, and kept everything else waiting."""
        self.now += seconds

    def note(self, data: bytes) -> None:
        """Let the fingerprint depend on something."""
        self._fingerprint.update(data)

    @property
    def fingerprint(self) -> str:
        """Of all events, and of all that was noted, in hexadecimal digits: the same for two runs that went the same way."""
        return self._fingerprint.hexdigest()

    def step(self) -> bool:
        """Let the next event happen; False when there is none."""
        events = self._events
        while events:
            when, order, function, args = heapq.heappop(events)
            if function is None:
                continue
            self.now = max(self.now, when)
            self.events += 1
            self._fingerprint.update(_EVENT.pack(self.now, order))
            try:
                function(*args)
            except Exception:  # noqa: BLE001  a reactor goes on, too
                self._log.failure("an event failed")
            except Exited:
                pass
            return True
        return False

    def run(self, done: Callable[[], bool], until: float) -> bool:
        """Let events happen until ``done()``, or until that time at the latest; whether it was done.

        :param until: in seconds since 1970.
        """
        while not done():
            if self.now >= until or not self.step():
                return False
        return True
