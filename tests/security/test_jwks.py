"""The ``auth:jwks`` backend: over a file, and over a real HTTP server whose keys change and which breaks in many ways."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from chronik.config import Configuration
from chronik.defer import Pool, deferred
from chronik.errors import ConfigurationError
from chronik.security.interfaces import InvalidToken
from chronik.security.tokens import web
from chronik.security.tokens.jwks import make
from chronik.security.tokens.sources import UrlSource
from chronik.security.tokens.web import SourceError
from chronik.testing.auth import auth_context
from chronik.testing.token_contract import TokenValidatorContract
from tests.security.certificates import authority_and_server
from tests.security.fakes import NowPools
from tests.security.issuer import AUDIENCE, NAME, AuthorizationServer, Issuer

EXPECTED = {"sasl.oauthbearer.expected.issuer": NAME, "sasl.oauthbearer.expected.audience": AUDIENCE}


class FileTests(TokenValidatorContract, SynchronousTestCase):
    """Keys of a file."""

    def setUp(self) -> None:
        """Write one."""
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.issuer = Issuer(self.now)
        self.pools = NowPools()
        self.path = self.mktemp()
        self.write(self.issuer.key_set())

    def write(self, data: bytes) -> None:
        """Put this into the file."""
        with open(self.path, "wb") as file:
            file.write(data)

    def now(self) -> float:
        """The clock's."""
        return self.clock.seconds()

    def make_token(self, name: str) -> str:
        """The issuer's."""
        return self.issuer.token(name)

    def make_token_validator(self, **more: str) -> Any:
        """Over the file."""
        config = Configuration().with_values({**EXPECTED, "sasl.oauthbearer.jwks.endpoint.url": f"file://{os.path.abspath(self.path)}", **more})
        validator = make(auth_context(self.pools, self.clock, config), {})
        self.addCleanup(validator.close)
        return validator

    def test_rotation(self) -> None:
        """A token whose key is not known leads to another look into the file."""
        validator = self.make_token_validator()
        self.issuer.rotate("k2")
        self.write(self.issuer.key_set())
        self.assertEqual("alice", self.wait(validator.validate(self.issuer.token())).principal.name)

    def test_broken_file_keeps_keys(self) -> None:
        """A file that was damaged, or is gone, or is huge, takes nothing away."""
        validator = self.make_token_validator()
        for damage in (b"{", b"x" * (2 << 20)):
            self.write(damage)
            self.clock.advance(3600)
            self.wait(validator.validate(self.issuer.token()))
        os.remove(self.path)
        self.clock.advance(3600)
        self.wait(validator.validate(self.issuer.token()))

    def test_token_without_an_id_of_a_key(self) -> None:
        """It is good when one key fits, and is refused when more do."""
        validator = self.make_token_validator()
        self.wait(validator.validate(self.issuer.token(header={"kid": None})))
        self.issuer.rotate("rsa", "RS256")
        self.issuer.rotate("k2")
        self.write(self.issuer.key_set())
        self.clock.advance(3600)
        refusal = self.failureResultOf(validator.validate(self.issuer.token(header={"kid": None})), InvalidToken)
        self.assertIn("several", refusal.getErrorMessage())

    def test_slow_signatures_are_checked_in_threads(self) -> None:
        """Those of large curves are; the usual ones would take longer that way."""
        validator = self.make_token_validator()
        self.pools.used.clear()
        self.wait(validator.validate(self.issuer.token()))
        self.assertEqual([], self.pools.used)
        self.issuer.rotate("large", "ES512")
        self.write(self.issuer.key_set())
        self.clock.advance(3600)
        self.pools.used.clear()
        self.wait(validator.validate(self.issuer.token()))
        self.assertEqual([Pool.CPU], self.pools.used)

    def test_wrong_configuration(self) -> None:
        """The broker does not start with a file that cannot be used, an option, or no URL."""
        self.write(b"{}")
        self.assertIn("no list of keys", str(self.assertRaises(ConfigurationError, self.make_token_validator)))
        os.remove(self.path)
        self.assertIn("cannot be read", str(self.assertRaises(ConfigurationError, self.make_token_validator)))
        self.assertRaises(ConfigurationError, make, auth_context(), {})
        config = Configuration().with_values({"sasl.oauthbearer.jwks.endpoint.url": "https://issuer.example/"})
        self.assertRaises(ConfigurationError, make, auth_context(config=config), {"url": "x"})
        for content in (b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            self.write(content)
            wrong = config.with_values({"sasl.oauthbearer.jwks.endpoint.ca.file": self.path})
            self.assertRaises(ConfigurationError, make, auth_context(config=wrong), {})

    def test_urls(self) -> None:
        """What is no URL of a key set is no value of the key."""
        for url in (
            "",
            "issuer",
            "ftp://issuer/",
            "http://",
            "http://user:pw@issuer/jwks",
            "file://host/path",
            "file:",
            "https://h:99999/",
            "http://h/ü",
        ):
            self.assertRaises(ConfigurationError, Configuration().with_values, {"sasl.oauthbearer.jwks.endpoint.url": url})


class _Says(Protocol):
    """Answers every connection with the same bytes."""

    def connectionMade(self) -> None:
        """Count it."""
        self.factory.open.append(self)  # type: ignore[attr-defined]

    def dataReceived(self, data: bytes) -> None:
        """Answer."""
        self.transport.write(self.factory.answer)  # type: ignore[attr-defined, union-attr]

    def connectionLost(self, reason: Any = None) -> None:
        """It is over."""
        self.factory.open.remove(self)  # type: ignore[attr-defined]


class UrlTests(TestCase):
    """Keys of an HTTP server on the loopback."""

    timeout = 30

    def setUp(self) -> None:
        """Start it."""
        self.issuer = Issuer()
        self.server = AuthorizationServer(self.issuer)
        self.clock = Clock()
        self.url = self.listen(self.server.site)

    def listen(self, factory: Any) -> str:
        """Serve this; where."""
        port: Any = reactor.listenTCP(0, factory, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        return f"http://127.0.0.1:{port.getHost().port}/jwks"

    def validator(self) -> Any:
        """A validator by the server's keys, in real time."""
        config = Configuration().with_values({**EXPECTED, "sasl.oauthbearer.jwks.endpoint.url": self.url})
        validator = make(auth_context(NowPools(), reactor, config), {})
        self.addCleanup(validator.close)
        return validator

    @deferred
    async def test_rotation(self) -> None:
        """Tokens wait for the first reading; a new key is found by its first token; one that was taken back is not."""
        validator = self.validator()
        old = self.issuer.token()
        self.assertEqual("alice", (await validator.validate(old)).principal.name)
        self.issuer.rotate("k2", "RS256", forget=True)
        self.assertEqual("bob", (await validator.validate(self.issuer.token("bob"))).principal.name)
        self.assertEqual(2, self.server.keys.asked)
        await self.assertFailure(validator.validate(old), InvalidToken)
        self.assertEqual(2, self.server.keys.asked)

    @deferred
    async def test_unreachable(self) -> None:
        """Without keys no token is good, and the reason is said."""
        self.server.keys.broken = (500, b"out of order")
        refusal = await self.assertFailure(self.validator().validate(self.issuer.token()), InvalidToken)
        self.assertIn("not known yet", str(refusal))

    @deferred
    async def test_bad_answers(self) -> None:
        """Other statuses, redirections among them, are failures."""
        for status in (204, 206, 301, 302, 307, 401, 404, 500, 503):
            self.server.keys.broken = (status, b"" if status == 204 else self.issuer.key_set())
            problem = await self.assertFailure(UrlSource(self.url, reactor).read(), SourceError)
            self.assertIn(f"status {status}", str(problem))
        self.assertEqual(9, self.server.keys.asked)

    @deferred
    async def read_raw(self, answer: bytes) -> Any:
        """What comes of an answer; the connection is closed after it."""
        factory = Factory.forProtocol(_Says)
        factory.noisy = False
        factory.open, factory.answer = [], answer  # type: ignore[attr-defined]
        source = UrlSource(self.listen(factory), reactor)
        try:
            return await source.read()
        except SourceError as error:
            return str(error)
        finally:
            for _ in range(100):
                if not factory.open:  # type: ignore[attr-defined]
                    break
                await task.deferLater(reactor, 0.01)  # type: ignore[arg-type]
            self.assertEqual([], factory.open)  # type: ignore[attr-defined]

    @deferred
    async def test_hostile_answers(self) -> None:
        """A body that is too long, said or unsaid, an answer that is no HTTP, and one that breaks off: none is believed or kept open."""
        head = b"HTTP/1.1 200 OK\r\n"
        self.assertIn("more than", await self.read_raw(head + b"Content-Length: 2000000\r\n\r\n" + b"x" * 2_000_000))
        self.assertIn("more than", await self.read_raw(head + b"\r\n" + b"x" * 1_100_000))
        self.assertIn("cannot be read", await self.read_raw(b"SSH-2.0-OpenSSH\r\n\r\n" + b"x" * 100_000))

    @deferred
    async def test_silence(self) -> None:
        """An endpoint that says nothing, or never comes to an end, is given up."""
        self.patch(web, "ASK_SECONDS_MAX", 0.2)
        for answer in (
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
            b"HTTP/1.1 404 No\r\nContent-Length: 100\r\n\r\n{",
            b"HTTP/1.1 200 OK\r\nX: ",
        ):
            self.assertIn("cannot be read" if b"404" not in answer else "404", await self.read_raw(answer))

    @deferred
    async def test_nobody_there(self) -> None:
        """A port where nobody listens."""
        port: Any = reactor.listenTCP(0, Factory(), interface="127.0.0.1")  # type: ignore[attr-defined]
        url = f"http://127.0.0.1:{port.getHost().port}/"
        await port.stopListening()
        problem = await self.assertFailure(UrlSource(url, reactor).read(), SourceError)
        self.assertIn("ConnectionRefusedError", str(problem))


class HttpsTests(TestCase):
    """Keys of an HTTPS server of a private authority."""

    timeout = 30

    def setUp(self) -> None:
        """Start it."""
        self.issuer = Issuer()
        self.trust, server = authority_and_server()
        self.port = self.listen(server)
        self.trust_file = self.mktemp()
        with open(self.trust_file, "wb") as file:
            file.write(self.trust)

    def listen(self, certificate: bytes) -> int:
        """Serve the keys with a certificate; the port."""
        options = PrivateCertificate.loadPEM(certificate).options()
        port: Any = reactor.listenSSL(0, AuthorizationServer(self.issuer).site, options, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        number: int = port.getHost().port
        return number

    def read(self, host: str, trust: bytes | None) -> Deferred[bytes]:
        """Ask it under a name."""
        return UrlSource(f"https://{host}:{self.port}/jwks", reactor, trust).read()

    @deferred
    async def test_trusted(self) -> None:
        """By its address and by its name."""
        for host in ("127.0.0.1", "localhost"):
            self.assertEqual(self.issuer.key_set(), await self.read(host, self.trust))

    @deferred
    async def test_not_trusted(self) -> None:
        """Not by the system's authorities, not by another one, not under another name, not without TLS."""
        other, elsewhere = authority_and_server("issuer.example", "192.0.2.1")
        for host, trust in (("127.0.0.1", None), ("localhost", other)):
            self.assertIn("certificate verify failed", str(await self.assertFailure(self.read(host, trust), SourceError)))
        self.port = self.listen(elsewhere)
        for host in ("127.0.0.1", "localhost"):
            self.assertIn("VerificationError", str(await self.assertFailure(self.read(host, other), SourceError)))
        await self.assertFailure(UrlSource(f"http://127.0.0.1:{self.port}/jwks", reactor).read(), SourceError)

    @deferred
    async def test_configured(self) -> None:
        """The authority is the one of the configuration."""
        url = f"https://localhost:{self.port}/jwks"
        settings = {**EXPECTED, "sasl.oauthbearer.jwks.endpoint.url": url, "sasl.oauthbearer.jwks.endpoint.ca.file": self.trust_file}
        validator = make(auth_context(NowPools(), reactor, Configuration().with_values(settings)), {})
        self.addCleanup(validator.close)
        self.assertEqual("alice", (await validator.validate(self.issuer.token())).principal.name)


class EndTests(SynchronousTestCase):
    """Closing while it asks."""

    def test_close_leaves_no_timer(self) -> None:
        """Nothing is left to be done."""
        clock = Clock()
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(Issuer().key_set())
        config = Configuration().with_values({"sasl.oauthbearer.jwks.endpoint.url": f"file://{os.path.abspath(path)}"})
        validator = make(auth_context(NowPools(), clock, config), {})
        closing: Deferred[None] = validator.close()
        self.successResultOf(closing)
        self.assertEqual([], clock.getDelayedCalls())
