"""The client's side of OAUTHBEARER, against the broker's."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from chronik.network.interfaces import ISaslClient
from chronik.security.interfaces import SaslFailure
from chronik.security.sasl.bearer_client import BearerClient
from chronik.security.tokens.outgoing import GivenToken, ITokenSource
from chronik.security.tokens.web import SourceError
from tests.security.test_oauthbearer import ALICE, OneToken, mechanism


@implementer(ITokenSource)
class NoToken:
    """Has none."""

    def token(self) -> Deferred[str]:
        """None."""
        return fail(SourceError("the issuer is out of order"))


class BearerClientTests(SynchronousTestCase):
    """Good and bad exchanges."""

    def test_good(self) -> None:
        """A good token needs one message."""
        client, exchange = BearerClient(GivenToken("good")), mechanism(OneToken()).begin()
        self.assertTrue(verifyObject(ISaslClient, client))
        message = self.successResultOf(client.respond(None))
        answer, login = self.successResultOf(exchange.step(message))
        self.assertEqual(ALICE, login.principal)
        self.assertIsNone(self.successResultOf(client.respond(answer)))

    def test_bad(self) -> None:
        """The reason is acknowledged, and the server then ends the exchange; if it goes on, the client does not."""
        client, exchange = BearerClient(GivenToken("bad")), mechanism(OneToken()).begin()
        answer, login = self.successResultOf(exchange.step(self.successResultOf(client.respond(None))))
        self.assertIsNone(login)
        message = self.successResultOf(client.respond(answer))
        self.assertEqual(b"\x01", message)
        self.failureResultOf(exchange.step(message), SaslFailure)
        self.assertIn("invalid_token", self.failureResultOf(client.respond(b""), ValueError).getErrorMessage())

    def test_what_a_server_says(self) -> None:
        """Only what can be shown of it is."""
        for said in (b"x", b"[]", b'{"status":"a b"}', b'{"status":7}', b'{"status":"' + b"x" * 500 + b'"}'):
            client = BearerClient(GivenToken("bad"))
            self.successResultOf(client.respond(None))
            self.successResultOf(client.respond(said))
            self.assertIn("does not say why", self.failureResultOf(client.respond(b""), ValueError).getErrorMessage())

    def test_no_token(self) -> None:
        """Why there is none is told."""
        self.assertIn("out of order", self.failureResultOf(BearerClient(NoToken()).respond(None), ValueError).getErrorMessage())
