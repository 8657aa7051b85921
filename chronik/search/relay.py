"""Passes searches on to the search process and its answers back. The broker's part of a search is these bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, succeed

from chronik.search.broker_interfaces import SearchAnswer
from chronik.search.feed_messages import AskedTopic, SearchCall, search_head
from chronik.search.wire import Head, WireError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

CALLS_MAX: Final = 256
"""Searches at the process at a time; more are refused rather than queued where nobody sees them."""

READY_WAIT_S: Final = 10.0
"""How long a search waits for a process that is starting."""

GRACE_S: Final = 2.0
"""The process keeps a search's deadline itself; this much later it is taken to hang."""


class Call:
    """A search that is being answered."""

    __slots__ = ("answered", "deadline", "message", "sent", "timer")

    def __init__(self, message: SearchCall, deadline: float) -> None:
        self.message = message
        self.deadline = deadline
        self.answered: Deferred[SearchAnswer] = Deferred()
        self.timer: IDelayedCall | None = None
        self.sent = False


class SearchRelay:
    """The searches that are being answered.

    :param send: takes a head and a body to the process.
    """

    def __init__(self, clock: IReactorTime, send: Callable[[Head, bytes], None]) -> None:
        self._clock = clock
        self._send = send
        self._calls: dict[int, Call] = {}
        self._last = 0
        self._ready = False

    def __len__(self) -> int:
        """How many searches are being answered."""
        return len(self._calls)

    def ready(self) -> None:
        """The process answers: what waited is sent, and what a dead process left is sent again."""
        self._ready = True
        for call in list(self._calls.values()):
            self._dispatch(call)

    def lost(self) -> None:
        """The process is gone; its searches wait for the next one, within bounds."""
        self._ready = False
        for call in self._calls.values():
            call.sent = False
            self._arm(call)

    def call(self, action: str, topics: list[AskedTopic], params: dict[str, str], body: bytes, deadline: float) -> Deferred[SearchAnswer]:
        """Have a search answered.

        :param deadline: on the clock, in seconds.
        """
        if len(self._calls) >= CALLS_MAX:
            reason = f"{CALLS_MAX} searches are being answered already; try again"
            return succeed(error_answer(429, "es_rejected_execution_exception", reason))
        self._last += 1
        call = Call(SearchCall(self._last, action, tuple(topics), params, body, 0.0), deadline)
        self._calls[self._last] = call
        self._dispatch(call)
        return call.answered

    def answer(self, number: int, answer: SearchAnswer) -> None:
        """The process answered; an unknown number was given up before."""
        call = self._calls.pop(number, None)
        if call is not None:
            if call.timer is not None:
                call.timer.cancel()
            call.answered.callback(answer)

    def close(self) -> None:
        """No process will come any more."""
        for number in list(self._calls):
            self.answer(number, _unavailable("the broker is stopping"))

    def _dispatch(self, call: Call) -> None:
        if not self._ready:
            self._arm(call)
            return
        call.message = replace(call.message, timeout_s=max(0.0, call.deadline - self._clock.seconds()))
        call.sent = True
        self._arm(call)
        try:
            self._send(search_head(call.message), call.message.body)
        except WireError as error:
            self.answer(call.message.call, error_answer(413, "illegal_argument_exception", str(error)))

    def _arm(self, call: Call) -> None:
        if call.timer is not None:
            call.timer.cancel()
        left = max(0.0, call.deadline - self._clock.seconds())
        wait = left + GRACE_S if call.sent else min(left, READY_WAIT_S)
        call.timer = self._clock.callLater(wait, self._expire, call)

    def _expire(self, call: Call) -> None:
        call.timer = None
        reason = "the search process did not answer in time" if call.sent else "the search process is starting; try again in a moment"
        self.answer(call.message.call, _unavailable(reason))


def error_answer(status: int, kind: str, reason: str, **extra: str) -> SearchAnswer:
    """An error in Elasticsearch's shape."""
    cause = {"type": kind, "reason": reason, **extra}
    body = json.dumps({"error": {"root_cause": [cause], **cause}, "status": status}).encode()
    return SearchAnswer(status, "application/json", body)


def _unavailable(reason: str) -> SearchAnswer:
    return error_answer(503, "no_shard_available_action_exception", reason)
