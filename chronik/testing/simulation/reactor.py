"""What a simulated machine has for a reactor: its own clocks, its own network address, and an end when the machine crashes."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nextafter
from typing import Any, Final

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorFromThreads, IReactorTCP, IReactorTime
from zope.interface import implementer

from chronik.testing.simulation.network import Host, SimulatedConnector, SimulatedPort
from chronik.testing.simulation.timeline import START_SECONDS, Event, Timeline

CONNECT_SECONDS: Final = 30.0
"""How long an attempt to connect may take, unless it says otherwise."""


@implementer(IDelayedCall)
class SimulatedCall:
    """A call that is to be made."""

    __slots__ = ("_arguments", "_due", "_event", "_function", "_keywords", "_reactor", "_state")

    def __init__(self, reactor: SimulatedReactor, seconds: float, function: Callable[..., Any], arguments: Any, keywords: Any) -> None:
        self._reactor = reactor
        self._function = function
        self._arguments = arguments
        self._keywords = keywords
        self._state = ""
        self._schedule(seconds)

    def _schedule(self, seconds: float) -> None:
        self._due = self._reactor.seconds() + seconds
        self._event: Event = self._reactor.timeline.at(self._reactor.when(self._due), self._call)

    def _call(self) -> None:
        if self._reactor.alive:
            self._state = "called"
            self._function(*self._arguments, **self._keywords)

    def active(self) -> bool:
        """Whether it is still to come."""
        return not self._state

    def cancel(self) -> None:
        """Let it not be made."""
        self._check()
        self._state = "cancelled"
        Timeline.cancel(self._event)

    def reset(self, secondsFromNow: float) -> None:
        """Make it so much later than now."""
        self._check()
        Timeline.cancel(self._event)
        self._schedule(secondsFromNow)

    def delay(self, secondsLater: float) -> None:
        """Make it so much later than it would have been."""
        self.reset(self._due - self._reactor.seconds() + secondsLater)

    def getTime(self) -> float:
        """When it is to be made, by the reactor's clock."""
        return self._due

    def _check(self) -> None:
        if self._state == "called":
            raise AlreadyCalled()
        if self._state:
            raise AlreadyCancelled()


@implementer(IReactorTime, IReactorTCP, IReactorFromThreads)
class SimulatedReactor:
    """The reactor of one process on a simulated machine.

    :param rate: seconds of its clocks in a true one.
    :param offset: how far its wall clock was ahead when everything began, had it always been as it is now; whoever sets it changes that.
    :param booted: when its monotonic clock was at zero, on the timeline; None for now.
    :ivar alive: until the process ends, however it ends; then nothing that it began happens any more.
    """

    def __init__(self, timeline: Timeline, host: Host, rate: float = 1.0, offset: float = 0.0, booted: float | None = None) -> None:
        self.timeline = timeline
        self.host = host
        self.rate = rate
        self.offset = offset
        self.booted = timeline.now if booted is None else booted
        self.alive = True

    def seconds(self) -> float:
        """The machine's monotonic time, which nobody can set."""
        return (self.timeline.now - self.booted) * self.rate

    def when(self, seconds: float) -> float:
        """The first time on the timeline at which its monotonic clock shows that much; now, where it does already.

        The clock may tell times apart that the timeline cannot. A call that was made too early, if only by that, would be planned anew for ever.
        """
        at = self.booted + seconds / self.rate
        while (at - self.booted) * self.rate < seconds:
            at = nextafter(at, inf)
        return max(at, self.timeline.now)

    def wall_clock(self) -> float:
        """The time of day as the machine knows it."""
        return START_SECONDS + (self.timeline.now - START_SECONDS) * self.rate + self.offset

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object, **kwargs: object) -> SimulatedCall:
        """Call a function later."""
        return SimulatedCall(self, max(delay, 0.0), callable, args, kwargs)

    def getDelayedCalls(self) -> list[SimulatedCall]:
        """Not kept: nobody asks a simulated machine."""
        return []

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        """Call a function in the reactor's next turn."""
        self.callLater(0, callable, *args, **kwargs)

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> SimulatedPort:
        """Listen on this machine's only address, whatever the interface."""
        listening = SimulatedPort(self.host, port, factory)
        listening.startListening()
        return listening

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = CONNECT_SECONDS, bindAddress: tuple[str, int] | None = None
    ) -> SimulatedConnector:
        """Connect to a port of a machine."""
        connector = SimulatedConnector(self.host, host, port, factory, timeout / self.rate)
        connector.connect()
        return connector
