"""The two clocks of a process: a monotonic one that timers go by, and the wall clock, which tells the time of day.

The monotonic clock is the reactor's (``IReactorTime``): its zero is anywhere, it never goes back, and nobody can set it. Whatever lasts is timed by
it: deadlines, pauses, rates, how long somebody was not heard of. The wall clock is handed in beside it where a time is written down, told to
somebody, or compared with one that was: timestamps of records, retention, ends of tokens and certificates. It may be set, to any time, whenever
somebody likes. Nothing waits until it shows a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

WallClock = Callable[[], float]
"""Tells the time of day, in seconds since 1970."""


def go_by_monotonic(reactor: Any, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Let a reactor of Twisted's time everything by a clock that nobody can set; by itself it goes by the wall clock.

    What it was told to call later before is called as much later as it would have been.

    :param reactor: a :class:`~twisted.internet.base.ReactorBase`; all that it knows of time it asks its own ``seconds``.
    :param monotonic: the clock, in seconds.
    """
    calls = [(call, call.getTime() - reactor.seconds()) for call in reactor.getDelayedCalls()]
    reactor.seconds = monotonic
    for call, left in calls:
        call.seconds = monotonic
        call.reset(left)
