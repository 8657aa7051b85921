"""Handshakes of TLS: how many are under way at once, how long each may take, and how much of a turn of the reactor they get.

A peer that says nothing costs nothing: its handshake begins with its first bytes. Those that come while as many are under way as may be wait in
order; the one that has waited for its peer the longest then gives way, so that peers who begin and do not go on keep nobody out for long.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Protocol

from chronik.network.crowd import NO_CROWD, Crowd

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

HANDSHAKES_MAX: Final = 512
"""Under way at once, on all listeners of a broker: each takes some 60 KB."""

HANDSHAKE_SECONDS: Final = 10.0
"""From a peer's first byte to the end of its handshake: a few round trips."""

GIVE_WAY_SECONDS: Final = 1.0
"""Silence of a peer in the middle of its handshake after which another may have its place; the slowest links answer within."""

TURN_SECONDS: Final = 0.0003
"""What handshakes may take of one turn of the reactor, or what one of them takes: a signature takes from 0.05 ms (elliptic curves) to 6 ms (RSA of
4,096 bits)."""

FAILED_SECONDS: Final = 0.001
"""What counts for the pause after a handshake that failed, beside the time it took: who does not go on has less of the machine than who does."""

DISCARDED_A_TURN: Final = 2
"""Connections of OpenSSL that are let go of in one turn at least: more than one turn makes."""

LOOK_SECONDS: Final = 0.5
"""How often deadlines are looked at."""


class Handshaking(Protocol):
    """A connection with a handshake to do."""

    def go_on(self) -> None:
        """Do what can be done with what the peer sent."""

    def give_up(self, why: str) -> None:
        """There will be no handshake; ``why`` completes "it …"."""


class Handshakes:
    """Lets handshakes begin and go on.

    :param clock: an ``IReactorTime``.
    :param at_once_max: under way at a time.
    :param crowd: says what to wait between two turns that have something to do.
    :ivar done: those that came to a good end.
    :ivar failed: those that did not.
    """

    def __init__(
        self,
        clock: Any,
        at_once_max: int = HANDSHAKES_MAX,
        seconds: float = HANDSHAKE_SECONDS,
        crowd: Crowd = NO_CROWD,
    ) -> None:
        self._clock = clock
        self._crowd = crowd
        self._at_once_max = at_once_max
        self._seconds = seconds
        # The first of a dict from whose front thousands were taken is not found at once.
        self._under_way: OrderedDict[Handshaking, tuple[float, float]] = OrderedDict()
        self._waiting: OrderedDict[Handshaking, float] = OrderedDict()
        self._ready: deque[Handshaking] = deque()
        self._queued: set[Handshaking] = set()
        self._ended: deque[Any] = deque()
        self._turn: IDelayedCall | None = None
        self._timer: IDelayedCall | None = None
        self._turn_ends = 0.0
        self.done = 0
        self.failed = 0

    @property
    def under_way(self) -> int:
        """How many have begun and are not over."""
        return len(self._under_way)

    @property
    def waiting(self) -> int:
        """How many wait for their beginning."""
        return len(self._waiting)

    def received(self, handshaking: Handshaking) -> None:
        """Bytes of a peer came: it goes on now or soon, or waits for a place."""
        now = self._clock.seconds()
        if handshaking in self._under_way:
            self._under_way[handshaking] = (self._under_way.pop(handshaking)[0], now)
        elif len(self._under_way) < self._at_once_max and not self._waiting:
            self._under_way[handshaking] = (now + self._seconds, now)
        else:
            self._waiting.setdefault(handshaking, now + self._seconds)
            self._make_room(now)
            self._look_later()
            return
        self._look_later()
        self._run(handshaking)

    def over(self, handshaking: Handshaking) -> None:
        """It is done, has failed, or its connection is gone."""
        if self._under_way.pop(handshaking, None) is None and self._waiting.pop(handshaking, None) is None:
            return
        self._queued.discard(handshaking)
        if self._waiting:
            self._begin_next()
        if not self._under_way and not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def fail(self) -> None:
        """Count one that came to no good end."""
        self.failed += 1
        self._crowd.charge(FAILED_SECONDS)

    def discard(self, session: Any) -> None:
        """Let go of what OpenSSL keeps of a connection that is gone, soon: it takes as long as a request, and thousands may go at once."""
        self._ended.append(session)
        self._run_soon()

    def close(self) -> None:
        """No more timers."""
        self._ended.clear()
        for timer in (self._turn, self._timer):
            if timer is not None and timer.active():
                timer.cancel()
        self._turn = self._timer = None

    # -- turns --------------------------------------------------------------------------------------------------------

    def _run(self, handshaking: Handshaking) -> None:
        if self._ready:
            self._queue(handshaking)
            return
        now = self._clock.seconds()
        if self._turn is None:
            # A turn begins with its first handshake, and is over once the reactor comes round again.
            self._turn_ends = now + TURN_SECONDS
            self._turn = self._clock.callLater(0, self._next_turn)
        if now > self._turn_ends:
            self._queue(handshaking)
        else:
            handshaking.go_on()

    def _queue(self, handshaking: Handshaking) -> None:
        if handshaking not in self._queued:
            self._queued.add(handshaking)
            self._ready.append(handshaking)

    def _next_turn(self) -> None:
        self._turn = None
        began = self._clock.seconds()
        until = began + TURN_SECONDS
        while self._ready and self._clock.seconds() <= until:
            handshaking = self._ready.popleft()
            if handshaking in self._queued:
                self._queued.discard(handshaking)
                handshaking.go_on()
        # Some of them always: where there is no end of handshakes, there is none of what they leave either.
        least = max(0, len(self._ended) - DISCARDED_A_TURN)
        while self._ended and (len(self._ended) > least or self._clock.seconds() <= until):
            self._ended.popleft()
        if self._ready or self._ended:
            self._run_soon(self._crowd.pause(self._clock.seconds() - began))

    def _run_soon(self, seconds: float = 0.0) -> None:
        if self._turn is None:
            self._turn_ends = 0.0
            self._turn = self._clock.callLater(seconds, self._next_turn)

    # -- places -------------------------------------------------------------------------------------------------------

    def _make_room(self, now: float) -> bool:
        """End the one that has waited for its peer the longest, if that is too long; whether it was. Those who were heard of last are at the end."""
        oldest = next(iter(self._under_way), None)
        if oldest is None or oldest in self._queued or now - self._under_way[oldest][1] < GIVE_WAY_SECONDS:
            return False
        oldest.give_up("did not go on with its handshake while others waited for theirs")
        return True

    def _begin_next(self) -> None:
        now = self._clock.seconds()
        while self._waiting and len(self._under_way) < self._at_once_max:
            handshaking = next(iter(self._waiting))
            del self._waiting[handshaking]
            self._under_way[handshaking] = (now + self._seconds, now)
            self._queue(handshaking)
        if self._ready:
            self._run_soon()

    def _waited_too_long(self, now: float) -> Iterator[Handshaking]:
        """Those whose time is over, who are the first that wait; each is gone when the next is asked for."""
        while self._waiting:
            first, deadline = next(iter(self._waiting.items()))
            if now <= deadline:
                return
            yield first

    def _look_later(self) -> None:
        if self._timer is None:
            self._timer = self._clock.callLater(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """End those that took too long; let those give way that should. What takes longer than a turn may is gone on with in the next one."""
        self._timer = None
        now = self._clock.seconds()
        late = [each for each, (deadline, _) in self._under_way.items() if now > deadline and each not in self._queued]
        endings = chain(
            ((each, "did not finish its handshake in time") for each in late),
            ((each, "waited too long for the handshakes of others") for each in self._waited_too_long(now)),
        )
        for each, why in endings:
            each.give_up(why)
            if self._clock.seconds() - now > TURN_SECONDS:
                break
        while self._waiting and self._clock.seconds() - now <= TURN_SECONDS and self._make_room(now):
            pass
        if self._under_way or self._waiting:
            hurried = self._clock.seconds() - now > TURN_SECONDS
            self._timer = self._clock.callLater(0 if hurried else LOOK_SECONDS, self._look)
