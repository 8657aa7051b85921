"""How a channel proves who it is, and renews that."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.errors import ErrorCode
from chronik.network.channel import AuthenticationError, ChannelError, KafkaChannel
from chronik.network.interfaces import ISaslClient
from chronik.protocol.apis import ApiKey, request_class
from chronik.protocol.header import parse_request_header, response_header
from chronik.protocol.message import Message
from chronik.protocol.messages import HeartbeatRequest, HeartbeatResponse, SaslAuthenticateResponse, SaslHandshakeResponse
from tests.network.fakes import PushTransport, framed


@implementer(ISaslClient)
class TwoSteps:
    """Sends ``1``, expects ``a``, sends ``2``, expects ``b``."""

    mechanism = "TWO"

    def __init__(self) -> None:
        self._step = 0

    def respond(self, challenge: bytes | None) -> Deferred[bytes | None]:
        """The next of these."""
        self._step += 1
        expected = {1: None, 2: b"a", 3: b"b"}[self._step]
        if challenge != expected:
            raise ValueError("not what was expected")
        return succeed({1: b"1", 2: b"2", 3: None}[self._step])


class AuthenticationTests(SynchronousTestCase):
    """A broker that the test plays."""

    def setUp(self) -> None:
        """A channel, connected, that begins to authenticate."""
        self.clock = Clock()
        self.channel = KafkaChannel(self.clock)
        self.transport = PushTransport()
        self.channel.makeConnection(self.transport)
        self.read = 0
        self.done = self.channel.authenticate(TwoSteps)

    def asked(self) -> tuple[int, int, int, Message]:
        """API, version, correlation id and body of the next request."""
        data = self.transport.value()[self.read :]
        size = int.from_bytes(data[:4], "big")
        self.read += 4 + size
        frame = data[4 : 4 + size]
        header = parse_request_header(frame)
        body = request_class(header.api_key).decode(frame, header.api_version, header.body_start)[0]
        return header.api_key, header.api_version, header.correlation_id, body

    @property
    def silent(self) -> bool:
        """Whether nothing more was asked."""
        return len(self.transport.value()) == self.read

    def answer(self, response: Message, expected: int) -> Message:
        """Answer the next request; what it was."""
        key, version, correlation_id, body = self.asked()
        self.assertEqual(expected, key)
        self.channel.dataReceived(framed(response_header(key, version, correlation_id) + response.encode(version)))
        return body

    def exchange(self, lifetime_ms: int = 0) -> None:
        """Let it in."""
        self.assertEqual("TWO", self.answer(SaslHandshakeResponse(mechanisms=("TWO",)), ApiKey.SASL_HANDSHAKE).mechanism)  # type: ignore[attr-defined]
        for message, answer, lifetime in ((b"1", b"a", 0), (b"2", b"b", lifetime_ms)):
            response = SaslAuthenticateResponse(error_message=None, auth_bytes=answer, session_lifetime_ms=lifetime)
            self.assertEqual(message, self.answer(response, ApiKey.SASL_AUTHENTICATE).auth_bytes)  # type: ignore[attr-defined]

    def heartbeat(self) -> Deferred[HeartbeatResponse]:
        """Another request."""
        return self.channel.request(HeartbeatRequest(group_id="g", generation_id=1, member_id="m"), 0)

    def test_exchange(self) -> None:
        """Messages go to and fro until the client has what it wants; nothing is left to do then."""
        self.exchange()
        self.successResultOf(self.done)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_others_wait(self) -> None:
        """Requests made meanwhile are sent afterwards."""
        waiting = self.heartbeat()
        self.exchange()
        self.answer(HeartbeatResponse(), ApiKey.HEARTBEAT)
        self.assertEqual(0, self.successResultOf(waiting).error_code)

    def test_renewed(self) -> None:
        """Before the session ends it is renewed, over and over; requests wait for that."""
        self.exchange(10_000)
        for _ in range(3):
            self.clock.advance(8.4)
            self.assertTrue(self.silent)
            self.clock.advance(0.2)
            waiting = self.heartbeat()
            self.exchange(10_000)
            self.answer(HeartbeatResponse(), ApiKey.HEARTBEAT)
            self.successResultOf(waiting)
        self.channel.connectionLost()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_first_message_that_takes_time(self) -> None:
        """At first requests wait for it; on a renewal not before it is there; a channel that ended meanwhile says nothing."""
        starts: list[Deferred[None]] = []

        class Slow(TwoSteps):
            """Begins when it is told to."""

            def respond(self, challenge: bytes | None) -> Deferred[bytes | None]:
                """The next step, later if it is the first."""
                if challenge is not None:
                    return super().respond(challenge)
                starts.append(Deferred())
                return starts[-1].addCallback(lambda _: super(Slow, self).respond(None))

        self.channel.connectionLost()
        self.flushLoggedErrors()
        self.channel = KafkaChannel(self.clock)
        self.channel.makeConnection(self.transport)
        self.transport.clear()
        self.read = 0
        self.done.addErrback(lambda _: None)
        self.done = self.channel.authenticate(Slow)
        waiting = self.heartbeat()
        self.assertTrue(self.silent)
        starts[0].callback(None)
        self.exchange(10_000)
        self.answer(HeartbeatResponse(), ApiKey.HEARTBEAT)
        self.successResultOf(waiting)
        self.clock.advance(9)
        waiting = self.heartbeat()
        self.answer(HeartbeatResponse(), ApiKey.HEARTBEAT)
        self.successResultOf(waiting)
        starts[1].callback(None)
        waiting = self.heartbeat()
        self.exchange(10_000)
        self.answer(HeartbeatResponse(), ApiKey.HEARTBEAT)
        self.successResultOf(waiting)
        self.clock.advance(9)
        self.channel.connectionLost()
        starts[2].callback(None)
        self.assertTrue(self.silent)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_refused(self) -> None:
        """Each refusal ends the connection, says why, and fails what waited."""
        handshakes = (
            (SaslHandshakeResponse(error_code=ErrorCode.UNSUPPORTED_SASL_MECHANISM, mechanisms=("PLAIN",)), "it offers PLAIN"),
            (SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE, mechanisms=()), "error 34"),
        )
        for response, said in handshakes:
            self.setUp()
            waiting = self.heartbeat()
            self.answer(response, ApiKey.SASL_HANDSHAKE)
            self.assertIn(said, str(self.failureResultOf(self.done, AuthenticationError).value))
            self.failureResultOf(waiting, ChannelError)
            self.assertTrue(self.transport.aborted)
        for answer, said in (
            (SaslAuthenticateResponse(error_code=ErrorCode.SASL_AUTHENTICATION_FAILED, error_message="Authentication failed: no"), "failed: no"),
            (SaslAuthenticateResponse(error_message=None, auth_bytes=b"other"), "not what was expected"),
        ):
            self.setUp()
            self.answer(SaslHandshakeResponse(mechanisms=("TWO",)), ApiKey.SASL_HANDSHAKE)
            self.answer(answer, ApiKey.SASL_AUTHENTICATE)
            self.assertIn(said, str(self.failureResultOf(self.done, AuthenticationError).value))
            self.assertTrue(self.transport.aborted)

    def test_renewal_refused(self) -> None:
        """When the session cannot be renewed, the connection ends and says so to whoever uses it."""
        self.exchange(10_000)
        self.clock.advance(9)
        self.answer(SaslHandshakeResponse(error_code=ErrorCode.ILLEGAL_SASL_STATE, mechanisms=()), ApiKey.SASL_HANDSHAKE)
        self.assertTrue(self.transport.aborted)
        self.failureResultOf(self.heartbeat(), AuthenticationError)

    def test_silence(self) -> None:
        """A broker that does not answer is not waited for for ever."""
        self.clock.advance(30)
        self.failureResultOf(self.done, ChannelError)
