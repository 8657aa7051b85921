"""A few in each turn of the reactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.security.sasl.turns import A_TURN_MAX, Turns


class _Reactor:
    """Keeps what is to be done in the next turn."""

    def __init__(self) -> None:
        self.later: list[Callable[[], None]] = []

    def callLater(self, delay: float, function: Callable[[], None]) -> None:
        """In the next turn."""
        self.later.append(function)

    def turn(self) -> None:
        """The next turn."""
        later, self.later = self.later, []
        for function in later:
            function()


class TurnsTests(SynchronousTestCase):
    """Who goes on when."""

    def setUp(self) -> None:
        """Nobody waits."""
        self.reactor: Any = _Reactor()
        self.turns = Turns(self.reactor)
        self.gone: list[int] = []

    def come(self, *numbers: int) -> None:
        """These come, in this order."""
        for number in numbers:
            self.turns.wait().addCallback(lambda _, number=number: self.gone.append(number))

    def test_crowd(self) -> None:
        """A crowd goes on a few at a time, in order, and nothing is left to do afterwards."""
        self.come(*range(50))
        counts = []
        while self.reactor.later:
            counts.append(len(self.gone))
            self.reactor.turn()
        self.assertEqual([*range(A_TURN_MAX, 51, A_TURN_MAX)], list(dict.fromkeys(counts)))
        self.assertEqual(list(range(50)), self.gone)

    def test_few(self) -> None:
        """A few go on at once, in every turn."""
        for _ in range(3):
            before = len(self.gone)
            self.come(1)
            self.assertEqual(before + 1, len(self.gone))
            self.reactor.turn()

    def test_meanwhile(self) -> None:
        """Who comes while others wait does not overtake them."""
        self.come(*range(A_TURN_MAX + 1), -1)
        self.reactor.turn()
        self.assertEqual([A_TURN_MAX, -1], self.gone[-2:])
