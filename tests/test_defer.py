"""Coroutines that answer Deferreds."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from chronik.defer import FlatLock, KeyedLocks, deferred


class DeferredTests(SynchronousTestCase):
    """:func:`chronik.defer.deferred`."""

    def test_runs_at_once(self) -> None:
        """A call has run to its first wait before it returns."""
        steps: list[str] = []
        gate: Deferred[int] = Deferred()

        @deferred
        async def work() -> int:
            steps.append("begun")
            return await gate + 1

        answer = work()
        self.assertEqual(["begun"], steps)
        self.assertNoResult(answer)
        gate.callback(1)
        self.assertEqual(2, self.successResultOf(answer))

    def test_failure(self) -> None:
        """What it raises is the Deferred's failure, never the caller's."""

        @deferred
        async def work() -> None:
            raise KeyError("x")

        self.failureResultOf(work(), KeyError)

    def test_keeps_name_and_documentation(self) -> None:
        """Tools still see the function."""

        @deferred
        async def work() -> None:
            """Say so."""

        self.assertEqual(("work", "Say so."), (work.__name__, work.__doc__))


class FlatLockTests(SynchronousTestCase):
    """:class:`~chronik.defer.FlatLock`."""

    def test_many(self) -> None:
        """Any number of those who wait may be done at once: all have their turn, in order, and the lock goes on."""
        lock, order = FlatLock(), []
        self.successResultOf(lock.acquire())

        @deferred
        async def work(number: int) -> None:
            await lock.acquire()
            order.append(number)
            lock.release()

        waiting = [work(number) for number in range(5000)]
        lock.release()
        for each in waiting:
            self.successResultOf(each)
        self.assertEqual((list(range(5000)), False), (order, lock.locked))
        self.successResultOf(lock.acquire())

    def test_order(self) -> None:
        """Who comes once a turn was given back, while others wait still, is behind them, and may go away."""
        lock, order = FlatLock(), []
        self.successResultOf(lock.acquire())

        def again(_: object) -> None:
            order.append("first")
            lock.release()
            late.extend(lock.acquire().addCallback(lambda _, name=name: order.append(name)) for name in ("third", "fourth"))

        late: list[Deferred[None]] = []
        lock.acquire().addCallback(again)
        lock.acquire().addCallback(lambda _: order.append("second"))
        lock.release()
        self.assertEqual((["first", "second"], True), (order, lock.locked))
        late[0].addErrback(lambda _: order.append("gone"))
        late[0].cancel()
        lock.release()
        self.assertEqual(["first", "second", "gone", "fourth"], order)

    def test_nobody_holds_it(self) -> None:
        """It cannot be given back then."""
        self.assertRaises(RuntimeError, FlatLock().release)


class KeyedLocksTests(SynchronousTestCase):
    """:class:`~chronik.defer.KeyedLocks`."""

    def test_many(self) -> None:
        """Many who wait for one key, and find nothing left to do, have their turns; nothing is kept of the key then."""
        locks, gate, done = KeyedLocks[str](), Deferred[None](), []

        @deferred
        async def work(number: int) -> None:
            async def part() -> None:
                await gate
                done.append(number)

            await locks.holding("a", part)

        waiting = [work(number) for number in range(2000)]
        gate.callback(None)
        for each in waiting:
            self.successResultOf(each)
        self.assertEqual((list(range(2000)), 0), (done, len(locks)))
