"""Tokens that this side shows: of an authorization server over HTTP, of files, and as they are configured."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import DeferredList
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from chronik.config import Configuration
from chronik.defer import deferred
from chronik.errors import ConfigurationError
from chronik.security.sasl.jaas import module_for
from chronik.security.tokens.outgoing import (
    PAUSE_SECONDS,
    ClientCredentials,
    FileToken,
    GivenToken,
    ITokenSource,
    TokenEndpoint,
    token_source,
)
from chronik.security.tokens.web import SourceError, WebSource
from tests.security.issuer import CLIENTS, AuthorizationServer, Issuer

URL = "sasl.oauthbearer.token.endpoint.url"
CLIENT = "sasl.oauthbearer.client.credentials.client."
JAAS = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"


class EndpointTests(TestCase):
    """An endpoint, and what it answers well and badly."""

    timeout = 30

    def setUp(self) -> None:
        """Start it."""
        self.server = AuthorizationServer(Issuer())
        port: Any = reactor.listenTCP(0, self.server.site, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        self.url = f"http://127.0.0.1:{port.getHost().port}/token"
        self.clock = Clock()

    def endpoint(self, secret: str = CLIENTS["producer"], **more: Any) -> TokenEndpoint:
        """A client of it."""
        source = TokenEndpoint(WebSource(self.url, reactor), ClientCredentials("producer", secret, **more), self.clock)
        self.assertTrue(verifyObject(ITokenSource, source))
        return source

    @deferred
    async def refused(self, source: TokenEndpoint) -> str:
        """Why it gives none."""
        return str(await self.assertFailure(source.token(), SourceError))

    @deferred
    async def test_kept_while_fresh(self) -> None:
        """One token serves until seven tenths of its time are over, then there is another one; many who come at once wait for one."""
        source = self.endpoint()
        together: Any = await DeferredList([source.token() for _ in range(10)])
        self.assertEqual({together[0]}, set(together))
        self.clock.advance(209.0)
        self.assertEqual(together[0][1], await source.token())
        self.assertEqual(1, self.server.tokens.asked)
        self.clock.advance(2.0)
        await source.token()
        self.assertEqual(2, self.server.tokens.asked)

    @deferred
    async def test_wrong_secret(self) -> None:
        """It is told whose, and never the secret; nor is it anywhere else to be seen. It is not asked again at once."""
        source = self.endpoint("wrong-secret")
        problem = await self.refused(source)
        self.assertIn("producer: invalid_client", problem)
        self.assertNotIn("wrong-secret", problem + repr(ClientCredentials("producer", "wrong-secret")))
        self.assertEqual(problem, await self.refused(source))
        self.assertEqual(1, self.server.tokens.asked)
        self.clock.advance(PAUSE_SECONDS)
        await self.refused(source)
        self.assertEqual(2, self.server.tokens.asked)

    @deferred
    async def test_out_of_order(self) -> None:
        """While no new token can be had, the old one is shown as long as it lasts."""
        source = self.endpoint()
        token = await source.token()
        self.server.tokens.broken = (503, b"out of order")
        self.clock.advance(241.0)
        self.assertEqual(token, await source.token())
        self.assertEqual(token, await source.token())
        self.assertEqual(2, self.server.tokens.asked)
        self.clock.advance(60.0)
        self.assertIn("status 503", await self.refused(source))
        self.server.tokens.broken = None
        self.clock.advance(PAUSE_SECONDS)
        await source.token()

    @deferred
    async def test_what_is_no_token(self) -> None:
        """Answers that hold none, or none that can be shown, and one that is too long; what an error repeats is cut to what may be shown."""
        for status, body in (
            (200, b"{}"),
            (200, b"[]"),
            (200, b'{"access_token": "a b"}'),
            (200, b'{"access_token": 7}'),
            (200, json.dumps({"access_token": "x" * (65 << 10)}).encode()),
            (200, b"{" + b" " * (2 << 20)),
            (400, b'{"error": "a\\nb"}'),
            (302, b""),
        ):
            self.server.tokens.broken = (status, body)
            problem = await self.refused(self.endpoint())
            self.assertLess(len(problem), 200)
            self.assertTrue(problem.isprintable(), problem)

    @deferred
    async def test_lifetimes(self) -> None:
        """As the answer says, in digits too; else as the token says; one of which nobody knows is shown once."""
        claims = base64.urlsafe_b64encode(b'{"iat": 1000, "exp": 1100}').rstrip(b"=").decode()
        for answer, asked in (
            ({"access_token": "opaque", "expires_in": 100}, 1),
            ({"access_token": "opaque", "expires_in": "100"}, 1),
            ({"access_token": f"x.{claims}.y"}, 1),
            ({"access_token": "opaque"}, 2),
            ({"access_token": "opaque", "expires_in": -5}, 2),
            ({"access_token": "opaque", "expires_in": True}, 2),
        ):
            self.server.tokens.broken = (200, json.dumps(answer).encode())
            self.server.tokens.asked = 0
            source = self.endpoint()
            await source.token()
            self.clock.advance(69.0)
            await source.token()
            self.assertEqual(asked, self.server.tokens.asked, answer)


class OtherSourceTests(SynchronousTestCase):
    """Files, what was given, and what is shown to an endpoint."""

    def file(self, text: str, mode: int = 0o600) -> str:
        """A file."""
        path = Path(self.mktemp()).absolute()
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def test_file(self) -> None:
        """It is read each time, for somebody else keeps it fresh."""
        path = self.file("one\n")
        source = FileToken(path)
        self.assertTrue(verifyObject(ITokenSource, source))
        self.assertEqual("one", self.successResultOf(source.token()))
        Path(path).write_text("two")
        self.assertEqual("two", self.successResultOf(source.token()))
        for text in ("", "a b", "x" * (65 << 10), "\u00e9"):
            Path(path).write_text(text)
            self.failureResultOf(source.token(), SourceError)
        Path(path).unlink()
        self.assertIn("cannot be read", self.failureResultOf(source.token(), SourceError).getErrorMessage())

    def test_given(self) -> None:
        """A token, or nothing that can be shown."""
        self.assertEqual("a.b.c", self.successResultOf(GivenToken("a.b.c").token()))
        self.failureResultOf(GivenToken("a b").token(), SourceError)

    def test_authorization(self) -> None:
        """Id and secret as they are, as most issuers expect them, or encoded as RFC 6749 has it."""
        for urlencodes, said in ((False, "a b:c:d/"), (True, "a+b:c%3Ad%2F")):
            scheme, _, text = ClientCredentials("a b", "c:d/", urlencodes=urlencodes).authorization.partition(" ")
            self.assertEqual(("Basic", said), (scheme, base64.b64decode(text).decode()))
        self.assertEqual(b"grant_type=client_credentials&scope=a+b", ClientCredentials("a", "b", "a b").form)

    def source(self, jaas: str | None = None, strict: bool = True, **settings: str) -> ITokenSource:
        """As configured."""
        found: ITokenSource = token_source(Configuration().with_values(settings), module_for("OAUTHBEARER", jaas), Clock(), strict=strict)
        return found

    def test_configured(self) -> None:
        """By keys, by Kafka's older place for them, or a file that is for its user alone."""
        url = {URL: "https://issuer.example/token"}
        self.assertIsInstance(self.source(**url, **{f"{CLIENT}id": "a", f"{CLIENT}secret": "b"}), TokenEndpoint)
        self.assertIsInstance(self.source(f'{JAAS} required clientId="a" clientSecret="b" scope="c";', **url), TokenEndpoint)
        path = self.file("one")
        self.assertEqual("one", self.successResultOf(self.source(**{URL: f"file://{path}"}).token()))
        Path(path).chmod(0o644)
        self.assertEqual("one", self.successResultOf(self.source(strict=False, **{URL: f"file://{path}"}).token()))
        self.assertRaises(ConfigurationError, self.source, **{URL: f"file://{path}"})
        self.assertRaises(ConfigurationError, self.source, **{URL: "file:///nowhere"})
        warned = self.source(**{URL: f"file://{path}", "secret.files.permissions": "warn"})
        self.assertEqual("one", self.successResultOf(warned.token()))

    def test_misconfigured(self) -> None:
        """Nothing is said, or not who asks, or a file of authorities is none; no secret is repeated."""
        url = {URL: "https://issuer.example/token"}
        whole = {**url, f"{CLIENT}id": "a", f"{CLIENT}secret": "hush"}
        for settings, said in (
            ({}, URL),
            ({**url, f"{CLIENT}secret": "hush"}, f"{CLIENT}id"),
            ({**url, f"{CLIENT}id": "a"}, f"{CLIENT}secret"),
            ({**whole, "sasl.oauthbearer.token.endpoint.ca.file": "/nowhere"}, "token.endpoint.ca.file"),
            ({**whole, "sasl.oauthbearer.token.endpoint.ca.file": self.file("hush")}, "no certificates"),
        ):
            problem = str(self.assertRaises(ConfigurationError, self.source, **settings))
            self.assertIn(said, problem)
            self.assertNotIn("hush", problem)
