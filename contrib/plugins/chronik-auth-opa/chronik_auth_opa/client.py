"""Asking the policy service: one POST with all that a request wants to do, one list of booleans back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer
from zope.interface import implementer

from chronik.defer import deferred

QUERIES_MAX: Final = 32
"""Questions at a time: the rest wait, within their own time. A service that is slow is not helped by more of them."""

ANSWER_BYTES_MAX: Final = 1 << 20
"""Of an answer; a thousand booleans take some six kilobytes."""


class PolicyFailure(Exception):
    """The service gave no decision; says why, in one line."""


class PolicyClient:
    """Asks one URL.

    :param agent: makes HTTP requests.
    :param clock: ends those that take too long.
    :param token: sent as a bearer token; empty for none.
    """

    def __init__(self, agent: IAgent, url: str, clock: IReactorTime, timeout_seconds: float, token: str = "") -> None:
        self._agent = agent
        self._url = url.encode()
        self._clock = clock
        self._timeout = timeout_seconds
        self._headers = Headers({"Content-Type": ["application/json"], "Accept": ["application/json"], "User-Agent": ["chronik-auth-opa"]})
        if token:
            self._headers.addRawHeader("Authorization", f"Bearer {token}")
        self._room = DeferredSemaphore(QUERIES_MAX)

    @deferred
    async def decide(self, question: dict[str, Any], count: int) -> Sequence[bool]:
        """The service's decisions.

        :param question: what policies know as ``input``.
        :param count: how many there must be.
        :raises PolicyFailure: there are none, or not so many.
        """
        body = json.dumps({"input": question}).encode()
        asking: Deferred[bytes] = self._room.run(lambda: Deferred.fromCoroutine(self._post(body)))
        asking.addTimeout(self._timeout, self._clock, lambda *_: Failure(PolicyFailure(f"no answer within {self._timeout:g} s")))
        try:
            return _decisions(await asking, count)
        except PolicyFailure:
            raise
        except Exception as error:
            raise PolicyFailure(f"{type(error).__name__}: {error}") from error

    async def _post(self, body: bytes) -> bytes:
        response = await self._agent.request(b"POST", self._url, self._headers, _Question(body))
        if response.code != 200:
            response.deliverBody(_Body(0))
            raise PolicyFailure(f"the answer has status {response.code}")
        whole = _Body(ANSWER_BYTES_MAX)
        response.deliverBody(whole)
        return await whole.done


@implementer(IBodyProducer)
class _Question:
    """A request's body, sent at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Send it."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """It is sent already."""

    def resumeProducing(self) -> None:
        """It is sent already."""

    def stopProducing(self) -> None:
        """It is sent already."""


class _Body(Protocol):
    """Takes a body up to a limit, and hangs up on more."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._data = bytearray()
        self.done: Deferred[bytes] = Deferred(self._cancel)

    def _cancel(self, _: Any) -> None:
        self._hang_up()

    def _hang_up(self) -> None:
        if self.transport is not None and hasattr(self.transport, "abortConnection"):
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """A piece came."""
        self._data += data
        if len(self._data) > self._bytes_max:
            self._hang_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is whole, or will not be."""
        if self.done.called:
            return
        if reason.check(ResponseDone) is None or len(self._data) > self._bytes_max:
            if self._bytes_max:
                self.done.errback(PolicyFailure("the answer broke off, or is too long"))
            return
        self.done.callback(bytes(self._data))


def _decisions(body: bytes, count: int) -> Sequence[bool]:
    """The booleans of an answer ``{"result": [true, false]}``.

    :raises PolicyFailure: it is something else; an undefined rule has no result at all.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise PolicyFailure("the answer is no JSON") from None
    result = answer.get("result") if isinstance(answer, dict) else None
    if result is None:
        raise PolicyFailure("the answer has no result: is there such a rule?")
    if not isinstance(result, list) or len(result) != count or any(type(each) is not bool for each in result):
        raise PolicyFailure(f"the result is no list of {count} booleans")
    return result
