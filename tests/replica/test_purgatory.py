"""Waiting with a deadline."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.replica.purgatory import TICK_MS, Purgatory, Waiter


class PurgatoryTest(SynchronousTestCase):
    """Deadlines hold to a tick, and cost one timer."""

    def setUp(self) -> None:
        """A purgatory on a clock of ours."""
        self.clock = Clock()
        self.clock.advance(1_000_000.0)
        self.purgatory = Purgatory(self.clock)

    def waiter(self, ms: int) -> Waiter:
        """One that expires after ``ms``."""
        waiter = Waiter()
        self.purgatory.expire_after(waiter, ms)
        return waiter

    def test_expires_at_its_time_and_not_before(self) -> None:
        """Nothing happens early; it is over at most one tick late."""
        waiter = self.waiter(500)
        self.clock.advance(0.499)
        self.assertNoResult(waiter.ended)
        self.clock.advance(0.001 + TICK_MS / 1000)
        self.assertIs(self.successResultOf(waiter.ended), False)

    def test_woken_before_its_time(self) -> None:
        """The end tells why: True for woken. The deadline that comes later changes nothing."""
        waiter = self.waiter(500)
        waiter.wake()
        self.assertIs(self.successResultOf(waiter.ended), True)
        self.clock.advance(1)
        waiter.expire()

    def test_an_earlier_deadline_overtakes(self) -> None:
        """A shorter wait that comes later is not held up by a longer one."""
        late, soon = self.waiter(10_000), self.waiter(20)
        self.clock.advance(0.05)
        self.assertIs(self.successResultOf(soon.ended), False)
        self.assertNoResult(late.ended)
        self.clock.advance(10)
        self.assertIs(self.successResultOf(late.ended), False)

    def test_thousands_share_one_timer(self) -> None:
        """However many wait, the reactor holds one call, and none when nobody does."""
        waiters = [self.waiter(ms) for ms in range(5_000)]
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(6)
        self.assertEqual([self.successResultOf(w.ended) for w in waiters], [False] * 5_000)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_forgotten_waiters_are_not_kept(self) -> None:
        """A client that asks for very long waits and is answered at once leaves nothing behind."""
        waiters = [self.waiter(2**31 - 1) for _ in range(100)]
        for waiter in waiters:
            self.purgatory.forget(waiter)
        self.clock.advance(2**31)
        for waiter in waiters:
            self.assertNoResult(waiter.ended)

    def test_forgotten_ticks_are_not_kept(self) -> None:
        """Nor does one whose waits are all of another length; who waits on is told in time."""
        waits_on = self.waiter(40_000)
        for number in range(20_000):
            self.purgatory.forget(self.waiter(TICK_MS * number))
        self.assertLess(len(self.purgatory._ticks) + len(self.purgatory._due), 2_000)
        again = self.waiter(TICK_MS * 7)
        self.clock.advance(1)
        self.assertIs(self.successResultOf(again.ended), False)
        self.assertNoResult(waits_on.ended)
        self.clock.advance(40)
        self.assertIs(self.successResultOf(waits_on.ended), False)

    def test_close_expires_everyone(self) -> None:
        """At the end nobody hangs and no timer is left."""
        waiter = self.waiter(1_000)
        self.purgatory.close()
        self.assertIs(self.successResultOf(waiter.ended), False)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_close_when_one_ends_another(self) -> None:
        """What is expired may forget others that wait for the same moment."""
        first, second = self.waiter(1_000), self.waiter(1_000)
        first.ended.addCallback(lambda _: self.purgatory.forget(second))
        second.ended.addCallback(lambda _: self.purgatory.forget(first))
        self.purgatory.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_immediate(self) -> None:
        """A wait of no time is over with the next tick."""
        waiter = self.waiter(0)
        self.clock.advance(TICK_MS / 1000)
        self.assertIs(self.successResultOf(waiter.ended), False)
