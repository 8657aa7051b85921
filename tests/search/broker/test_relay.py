"""Passing searches on."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.search.broker_interfaces import SearchAnswer
from chronik.search.relay import CALLS_MAX, GRACE_S, READY_WAIT_S, SearchRelay
from chronik.search.wire import WireError

ANSWER = SearchAnswer(200, "application/json", b"{}")


class RelayTests(SynchronousTestCase):
    """:class:`SearchRelay`."""

    def setUp(self) -> None:
        """A relay without a process yet."""
        self.clock = Clock()
        self.sent: list[tuple[dict[str, Any], bytes]] = []
        self.relay = SearchRelay(self.clock, lambda head, body: self.sent.append((head, body)))

    def call(self, seconds: float = 30.0) -> Deferred[SearchAnswer]:
        """A search."""
        return self.relay.call("search", [], {"q": "x"}, b"body", self.clock.seconds() + seconds)

    def failed(self, answered: Deferred[SearchAnswer]) -> tuple[int, str]:
        """Status and reason of an answer that is an error."""
        answer = self.successResultOf(answered)
        document = json.loads(answer.body)
        self.assertEqual(document["status"], answer.status)
        return answer.status, document["error"]["reason"]

    def test_answer(self) -> None:
        """A search goes with its body and the time it has left; its answer comes back."""
        self.relay.ready()
        answered = self.call(7.0)
        ((head, body),) = self.sent
        self.assertEqual((head["action"], head["params"], head["timeout_s"], body), ("search", {"q": "x"}, 7.0, b"body"))
        self.relay.answer(head["call"], ANSWER)
        self.assertIs(self.successResultOf(answered), ANSWER)
        self.assertEqual((len(self.relay), self.clock.getDelayedCalls()), (0, []))

    def test_waits_for_the_process(self) -> None:
        """A search waits for a process that starts, and then has less time."""
        answered = self.call(8.0)
        self.assertEqual(self.sent, [])
        self.clock.advance(3.0)
        self.relay.ready()
        self.assertEqual(self.sent[0][0]["timeout_s"], 5.0)
        self.relay.answer(self.sent[0][0]["call"], ANSWER)
        self.successResultOf(answered)

    def test_no_process(self) -> None:
        """Without a process the wait is bounded."""
        answered = self.call()
        self.clock.advance(READY_WAIT_S)
        status, reason = self.failed(answered)
        self.assertEqual(status, 503)
        self.assertIn("starting", reason)

    def test_process_dies(self) -> None:
        """What a dead process left is sent to the next one; each is answered once."""
        self.relay.ready()
        answered = self.call()
        self.relay.lost()
        self.relay.ready()
        self.assertEqual(len(self.sent), 2)
        self.relay.answer(self.sent[0][0]["call"], ANSWER)
        self.relay.answer(self.sent[0][0]["call"], ANSWER)
        self.successResultOf(answered)

    def test_hangs(self) -> None:
        """A process that does not keep the deadline is not waited for much longer."""
        self.relay.ready()
        answered = self.call(5.0)
        self.clock.advance(5.0 + GRACE_S - 0.1)
        self.assertNoResult(answered)
        self.clock.advance(0.1)
        self.assertEqual(self.failed(answered)[0], 503)

    def test_too_many(self) -> None:
        """Searches at a time are bounded."""
        for _ in range(CALLS_MAX):
            self.call()
        self.assertEqual(self.failed(self.call())[0], 429)

    def test_too_large(self) -> None:
        """A search that does not fit the channel is refused."""

        def refuse(head: dict[str, Any], body: bytes) -> None:
            raise WireError("too large")

        relay = SearchRelay(self.clock, refuse)
        relay.ready()
        self.assertEqual(self.failed(relay.call("search", [], {}, b"", 1.0))[0], 413)

    def test_close(self) -> None:
        """When the broker stops, who waits is told."""
        answered = self.call()
        self.relay.close()
        self.assertEqual(self.failed(answered), (503, "the broker is stopping"))
