"""What failed logins leave behind: nothing. In a flood of them the garbage collector would stop everybody for the rest."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.defer import deferred
from chronik.errors import ErrorCode
from chronik.network.listener import ConnectionFactory
from chronik.protocol import messages as m
from chronik.security.interfaces import InvalidToken, ITokenValidator, ValidToken
from chronik.security.sasl.client import sasl_client
from chronik.testing.pools import HeldThreadPools
from tests.server.sasl_peer import SaslBroker, SaslPeer, bare

NONE, FAILED, ILLEGAL = ErrorCode.NONE, ErrorCode.SASL_AUTHENTICATION_FAILED, ErrorCode.ILLEGAL_SASL_STATE
PASSWORDS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
TOKEN = b"n,,\x01auth=Bearer abc\x01\x01"


@implementer(ITokenValidator)
class NoToken:
    """Knows none."""

    @deferred
    async def validate(self, token: str) -> ValidToken:
        """It proves nothing."""
        raise InvalidToken("nobody's")

    def close(self) -> Deferred[None]:
        """Nothing."""
        return succeed(None)


class LeftoverTests(SynchronousTestCase):
    """One login after the other, without the garbage collector."""

    def setUp(self) -> None:
        """Nothing yet. The collector is to look at what this test makes alone, for all that other tests left takes it a second each time."""
        gc.collect()
        gc.freeze()
        self.addCleanup(gc.unfreeze)
        self.pools = HeldThreadPools("cpu")
        self.factories: list[ConnectionFactory] = []

    def start(self, delay_ms: int = 100) -> SaslBroker:
        """A broker that computes passwords in threads."""
        mechanisms = ",".join((*PASSWORDS, "OAUTHBEARER"))
        settings = {"sasl.enabled.mechanisms": mechanisms, "connection.failed.authentication.delay.ms": str(delay_ms)}
        return SaslBroker(self, settings, self.pools, NoToken())

    @contextmanager
    def nothing_left(self, what: object) -> Iterator[None]:
        """Check that whatever is done meanwhile leaves nothing for the garbage collector."""
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            yield
            gc.collect()
            left = Counter(type(each).__qualname__ for each in gc.garbage)
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        self.assertEqual({}, dict(left), what)

    def connect(self, broker: SaslBroker) -> SaslPeer:
        """A connection; what all connections of a listener share is no leftover of it."""
        peer = broker.connect()
        self.factories.append(peer.factory)
        return peer

    def answer(self, peer: SaslPeer, message: bytes) -> Any:
        """What is answered to a message, once threads have worked and the delay is over."""
        answer = peer.ask(m.SaslAuthenticateRequest(auth_bytes=message), 2)
        self.pools.go_on()
        peer.clock.advance(0.1)
        return answer or peer.answer()

    def login(self, broker: SaslBroker, mechanism: str, user: str) -> int:
        """Fail to log in by a wrong password, and leave; the error of the last answer."""
        peer = self.connect(broker)
        peer.handshake(mechanism)
        client = sasl_client(mechanism, user, "hush")
        answer = self.answer(peer, self.successResultOf(client.respond(None)) or b"")
        if not answer.error_code:
            answer = self.answer(peer, self.successResultOf(client.respond(answer.auth_bytes)) or b"")
        peer.leave()
        broker.outcomes.clear()
        return int(answer.error_code)

    def with_each(self, attempt: Callable[[SaslBroker, str, str], int], mechanisms: tuple[str, ...]) -> None:
        """Make an attempt by each mechanism, with and without a delay of its answer."""
        for delay_ms in (0, 100):
            broker = self.start(delay_ms)
            for mechanism in mechanisms:
                for user in ("alice", "nobody"):
                    attempt(broker, mechanism, user)  # what is made once stays
                    with self.nothing_left((mechanism, user, delay_ms)):
                        error = attempt(broker, mechanism, user)
                    self.assertEqual(FAILED, error)

    def test_wrong_password(self) -> None:
        """Of a user that there is, and of one that there is not."""
        self.with_each(self.login, PASSWORDS)

    def test_too_many(self) -> None:
        """Of those who are sent away unheard."""

        def login(broker: SaslBroker, mechanism: str, user: str) -> int:
            broker.failures_max = 1
            return self.login(broker, mechanism, user)

        self.with_each(login, PASSWORDS)

    def test_token(self) -> None:
        """Of a bearer token that is none."""

        def login(broker: SaslBroker, mechanism: str, user: str) -> int:
            peer = self.connect(broker)
            peer.handshake(mechanism)
            self.assertEqual(NONE, self.answer(peer, TOKEN).error_code)
            error = int(self.answer(peer, b"\x01").error_code)
            peer.leave()
            broker.outcomes.clear()
            return error

        self.with_each(login, ("OAUTHBEARER",))

    def test_malformed(self) -> None:
        """Of messages that are none."""

        def attempt(broker: SaslBroker, mechanism: str, user: str) -> int:
            peer = self.connect(broker)
            peer.handshake(mechanism)
            error = int(self.answer(peer, b"\xff\0\xff" if user == "alice" else b"").error_code)
            peer.leave()
            broker.outcomes.clear()
            return error

        self.with_each(attempt, (*PASSWORDS, "OAUTHBEARER"))

    def test_out_of_order(self) -> None:
        """Of who does not keep to the order, or asks for what there is not."""
        broker = self.start()

        def no_handshake(peer: SaslPeer) -> int:
            return int(self.answer(peer, b"x").error_code)

        def unknown(peer: SaslPeer) -> int:
            return int(peer.handshake("GSSAPI").error_code)

        def twice(peer: SaslPeer) -> int:
            peer.handshake("PLAIN")
            return int(peer.handshake("PLAIN").error_code)

        def without_header(peer: SaslPeer) -> int:
            peer.handshake("PLAIN", version=0)
            peer.send(bare(b"\0alice\0hush"))
            self.pools.go_on()
            peer.clock.advance(0.1)
            return FAILED if peer.over else NONE

        expected = {no_handshake: ILLEGAL, unknown: ErrorCode.UNSUPPORTED_SASL_MECHANISM, twice: ILLEGAL, without_header: FAILED}
        for attempt, code in expected.items():
            for _ in range(2):
                with self.nothing_left(attempt.__name__):
                    peer = self.connect(broker)
                    self.assertEqual(code, attempt(peer))
                    peer.leave()
                    broker.outcomes.clear()
                    del peer
