"""Locks by name."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from chronik.defer import KeyedLocks


class KeyedLocksTests(SynchronousTestCase):
    """One at a time."""

    def setUp(self) -> None:
        """Nothing is in use."""
        self.locks: KeyedLocks[str] = KeyedLocks()
        self.begun: list[Deferred[str]] = []

    def work(self, name: str) -> Deferred[str]:
        """Work that ends when told."""

        def begin() -> Deferred[str]:
            self.begun.append(Deferred())
            return self.begun[-1]

        return Deferred.fromCoroutine(self.locks.holding(name, begin))

    def test_order(self) -> None:
        """Work under one name waits for earlier work, other names do not; nothing is kept after."""
        first, second, other = self.work("a"), self.work("a"), self.work("b")
        self.assertEqual(len(self.begun), 2)
        self.begun[0].callback("first")
        self.assertEqual([self.successResultOf(first), len(self.begun)], ["first", 3])
        self.begun[1].callback("other")
        self.begun[2].callback("second")
        self.assertEqual([self.successResultOf(other), self.successResultOf(second), len(self.locks)], ["other", "second", 0])

    def test_failure(self) -> None:
        """Work that fails lets the next begin."""
        first, second = self.work("a"), self.work("a")
        self.begun[0].errback(ValueError())
        self.failureResultOf(first, ValueError)
        self.begun[1].callback("second")
        self.assertEqual([self.successResultOf(second), len(self.locks)], ["second", 0])

    def test_lock_of_a_successor(self) -> None:
        """Work that begins while an earlier holder still lets go has the key for itself."""
        first = self.work("a")
        third: list[Deferred[str]] = []
        second = Deferred.fromCoroutine(self.locks.holding("a", lambda: succeed("second")))
        second.addCallback(lambda _: third.append(self.work("a")))
        self.begun[0].callback("first")
        fourth = self.work("a")
        self.assertEqual(2, len(self.begun))
        self.begun[1].callback("third")
        self.begun[2].callback("fourth")
        self.assertEqual(("first", "third", "fourth"), tuple(map(self.successResultOf, (first, third[0], fourth))))
        self.assertEqual(0, len(self.locks))
