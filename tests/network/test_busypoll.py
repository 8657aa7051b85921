"""Waiting awake for a client that asks again at once."""

from __future__ import annotations

from math import ceil

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.network.busypoll import (
    ANSWER_SECONDS,
    ASKS_AGAIN_BYTES_MAX,
    ASKS_AGAIN_SECONDS,
    CROWDED_SECONDS,
    POLL_SECONDS,
    REST_SECONDS,
    BusyPoll,
)
from tests.network.fakes import Connected, request

TURN_SECONDS = POLL_SECONDS / 7.5


class BusyPollTests(SynchronousTestCase):
    """How long the reactor is kept from sleeping."""

    def setUp(self) -> None:
        """A reactor whose turns take time, on a processor that nobody else wants."""
        self.clock = Clock()
        self.now = 10.0
        self.others_take = 0.0
        self.turns = 0
        self.polled = BusyPoll(self.clock, lambda: self.now, self.give_way)

    def give_way(self) -> None:
        """Once a turn; each takes as long."""
        self.turns += 1
        self.now += self.others_take

    def turn(self) -> bool:
        """One turn of the reactor; whether it would sleep in the next."""
        waiting, self.clock.calls = list(self.clock.calls), []
        self.now += TURN_SECONDS
        for call in waiting:
            call.func(*call.args, **call.kw)
        return not self.clock.calls

    def turns_until_sleep(self) -> int:
        """How many turns it takes until it sleeps."""
        return next(count for count in range(100) if self.turn())

    def test_ends(self) -> None:
        """It stays awake for so long and no longer."""
        self.polled.for_request()
        self.assertEqual(7, self.turns_until_sleep())

    def test_asked_again(self) -> None:
        """Each answer begins the time anew, by one call of the reactor."""
        self.polled.for_request()
        self.turn()
        self.polled.for_request()
        self.assertEqual(1, len(self.clock.calls))
        self.assertEqual(7, self.turns_until_sleep())

    def test_others_want_the_processor(self) -> None:
        """Where somebody else took it, nothing is polled for in a while."""
        self.others_take = 2 * CROWDED_SECONDS
        self.polled.for_request()
        self.assertTrue(self.turn())
        self.now += REST_SECONDS / 2
        self.polled.for_request()
        self.assertEqual([], self.clock.calls)
        self.now += REST_SECONDS
        self.others_take = 0.0
        self.polled.for_request()
        self.assertFalse(self.turn())
        self.assertEqual(2, self.turns)


    def test_answer(self) -> None:
        """An answer is waited for longer, and it is no sign of a busy machine that those who make it want the processor."""
        self.others_take = 2 * CROWDED_SECONDS
        self.polled.for_answer()
        turns = self.turns_until_sleep()
        self.assertEqual(ceil(ANSWER_SECONDS / (TURN_SECONDS + self.others_take)) - 1, turns)
        self.others_take = 0.0
        self.polled.for_request()
        self.assertEqual(7, self.turns_until_sleep())

    def test_answered(self) -> None:
        """Once it is there, the next request is waited for as ever."""
        self.polled.for_answer()
        self.turn()
        self.polled.for_request()
        self.assertEqual(1, len(self.clock.calls))
        self.assertEqual(7, self.turns_until_sleep())


class AskingAgainTests(SynchronousTestCase):
    """Which clients are waited for."""

    def setUp(self) -> None:
        """A connection, and how often its next request, and an answer, was waited for."""
        self.waits = self.answer_waits = 0
        self.peer = Connected(at_once=True)
        self.peer.factory.busy_poll = self

    def for_request(self) -> None:
        """Count it."""
        self.waits += 1

    def for_answer(self) -> None:
        """Count it."""
        self.answer_waits += 1

    def ask_after(self, seconds: float, body: bytes = b"x") -> None:
        """A request comes so long after the last answer."""
        self.peer.clock.advance(seconds)
        self.peer.receive(request(body))

    def test_one_after_the_other(self) -> None:
        """Whoever asks again at once is waited for; the first request tells nothing."""
        self.ask_after(0)
        self.assertEqual(0, self.waits)
        self.ask_after(ASKS_AGAIN_SECONDS / 2)
        self.ask_after(ASKS_AGAIN_SECONDS / 2)
        self.assertEqual(2, self.waits)

    def test_now_and_then(self) -> None:
        """A client that takes its time costs nothing."""
        for _ in range(3):
            self.ask_after(2 * ASKS_AGAIN_SECONDS)
        self.assertEqual(0, self.waits)

    def test_large(self) -> None:
        """Nor does one that sends much at a time."""
        self.ask_after(0)
        self.ask_after(0, bytes(ASKS_AGAIN_BYTES_MAX))
        self.assertEqual(0, self.waits)

    def test_others_are_open(self) -> None:
        """A client whose other requests wait for their answers is not waited for."""
        self.ask_after(0)
        self.peer.dispatcher.at_once = False
        self.peer.receive(request(b"a") + request(b"b"))
        first, second = self.peer.dispatcher.answers[-2:]
        self.answer(first)
        self.assertEqual(0, self.waits)
        self.answer(second)
        self.assertEqual(1, self.waits)

    def ask_slowly(self, seconds: float) -> None:
        """A request whose answer takes so long."""
        self.peer.receive(request(b"x"))
        self.peer.clock.advance(seconds)
        self.answer(self.peer.dispatcher.answers[-1])

    def test_answers(self) -> None:
        """An answer is waited for where the one before came soon, and who asks is known to ask again."""
        self.ask_after(0)
        self.peer.dispatcher.at_once = False
        self.ask_slowly(ANSWER_SECONDS / 2)
        self.assertEqual(0, self.answer_waits)
        for _ in range(2):
            self.ask_slowly(ANSWER_SECONDS / 2)
        self.assertEqual(2, self.answer_waits)

    def test_slow_answers(self) -> None:
        """Where answers take long, one that was waited for in vain is the last."""
        self.ask_after(0)
        self.peer.dispatcher.at_once = False
        for seconds in (ANSWER_SECONDS / 2, 2 * ANSWER_SECONDS, 2 * ANSWER_SECONDS, ANSWER_SECONDS / 2):
            self.ask_slowly(seconds)
        self.assertEqual(1, self.answer_waits)
        self.ask_slowly(ANSWER_SECONDS / 2)
        self.assertEqual(2, self.answer_waits)

    def answer(self, waiting: Deferred[object]) -> None:
        """A request is answered."""
        waiting.callback([b"answer"])
