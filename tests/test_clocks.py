"""A reactor that goes by a clock that nobody can set."""

from __future__ import annotations

from twisted.internet.base import ReactorBase
from twisted.trial.unittest import SynchronousTestCase

from chronik.clocks import go_by_monotonic

HOUR = 3600.0


class _Reactor(ReactorBase):
    """Twisted's timers over clocks of the test; it waits for nothing.

    :ivar wall: what the wall clock shows.
    :ivar uptime: what the monotonic one shows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.wall, self.uptime = 1_700_000_000.0, 20.0
        self.seconds = lambda: self.wall  # type: ignore[method-assign]

    def installWaker(self) -> None:
        """No other thread is here."""

    def pass_time(self, seconds: float) -> None:
        """Let time pass on both clocks, and do what is due."""
        self.wall += seconds
        self.uptime += seconds
        self.timeout()
        self.runUntilCurrent()


class MonotonicTests(SynchronousTestCase):
    """What is called later is called in its time, whatever is done to the wall clock."""

    def setUp(self) -> None:
        """A reactor that was used a little before."""
        self.reactor = _Reactor()
        self.called: list[str] = []
        self.early = self.reactor.callLater(5.0, self.called.append, "early")
        self.reactor.callLater(1.0, self.called.append, "never").cancel()
        self.delayed = self.reactor.callLater(2.0, self.called.append, "delayed")
        self.delayed.delay(6.0)
        self.reactor.pass_time(1.0)
        self.reactor.callLater(2.0, self.called.append, "new")
        self.reactor.callLater(0.5, self.called.append, "never").cancel()
        go_by_monotonic(self.reactor, lambda: self.reactor.uptime)

    def test_what_was_planned_before(self) -> None:
        """It is called when it would have been, though the wall clock is set, and can still be put off."""
        self.assertEqual((25.0, 28.0), (self.early.getTime(), self.delayed.getTime()))
        self.reactor.wall += HOUR
        self.reactor.pass_time(1.9)
        self.assertEqual([], self.called)
        self.reactor.pass_time(0.1)
        self.assertEqual(["new"], self.called)
        self.early.reset(4.0)
        self.reactor.wall -= 2 * HOUR
        self.reactor.pass_time(3.9)
        self.assertEqual(["new"], self.called)
        self.reactor.pass_time(0.1)
        self.assertEqual(["new", "early"], self.called)
        self.reactor.pass_time(1.0)
        self.assertEqual(["new", "early", "delayed"], self.called)

    def test_what_is_planned_from_now_on(self) -> None:
        """A clock that is set forward brings nothing forward, one that is set back keeps nothing waiting."""
        for change in (HOUR, -2 * HOUR):
            self.called.clear()
            self.reactor.callLater(30.0, self.called.append, "later")
            self.reactor.wall += change
            self.reactor.pass_time(29.0)
            self.assertNotIn("later", self.called)
            self.assertEqual(1.0, self.reactor.timeout())
            self.reactor.pass_time(1.0)
            self.assertIn("later", self.called)

    def test_seconds(self) -> None:
        """They are the monotonic clock's."""
        self.reactor.pass_time(2.0)
        self.assertEqual(23.0, self.reactor.seconds())
