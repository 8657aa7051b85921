"""OAUTHBEARER and bearer tokens with real clients, and an authorization server on twisted.web in the tests' own process."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import struct
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any, ClassVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider as AioTokenProvider
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, AdminClient, NewTopic, ResourcePatternType, ResourceType
from elasticsearch import AuthenticationException, Elasticsearch
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from kafka.net.sasl.oauth import AbstractTokenProvider
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from chronik.security.tokens.key_cache import UNKNOWN_KEY_SECONDS
from tests.integration.access import ANYBODY
from tests.integration.clients import SECONDS, unused_name
from tests.integration.harness import Broker, BrokerTestCase, eventually, free_ports
from tests.integration.wire import frame, response
from tests.security.issuer import AUDIENCE, CLIENTS, NAME, AuthorizationServer, Issuer, encoded, key_of, signed


def in_thread(test: Callable[[Any], None]) -> Callable[[Any], Deferred[None]]:
    """Run a test that blocks beside the reactor, which serves what it asks."""

    @functools.wraps(test)
    def running(self: Any) -> Deferred[None]:
        return deferToThread(test, self)

    return running


class Tokens(AbstractTokenProvider):
    """Gives kafka-python tokens."""

    def __init__(self, give: Callable[[], str]) -> None:
        super().__init__()
        self._give = give

    def token(self) -> str:
        """One."""
        return self._give()


class AioTokens(AioTokenProvider):
    """Gives aiokafka tokens."""

    def __init__(self, give: Callable[[], str]) -> None:
        self._give = give

    async def token(self) -> str:
        """One."""
        return self._give()

    def extensions(self) -> dict[str, str]:
        """As Confluent's clients send some."""
        return {"logicalCluster": "lkc-1"}


class OAuthCase(TestCase):
    """Tests with one broker of their own, whose tokens an authorization server issues."""

    timeout = 120
    settings: ClassVar[dict[str, str]] = {}

    def setUp(self) -> Deferred[None]:
        """Start both."""
        self.issuer = Issuer()
        self.server = AuthorizationServer(self.issuer)
        port: Any = reactor.listenTCP(0, self.server.site, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        self.url = f"http://127.0.0.1:{port.getHost().port}"
        self.broker = Broker(access=ANYBODY)
        self.broker.settings = {
            "listeners": f"SASL_PLAINTEXT://127.0.0.1:{self.broker.port}",
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            "sasl.oauthbearer.jwks.endpoint.url": f"{self.url}/jwks",
            "sasl.oauthbearer.expected.audience": AUDIENCE,
            "sasl.oauthbearer.expected.issuer": NAME,
            **self.settings,
        }
        self.addCleanup(deferToThread, self.broker.close)
        return deferToThread(self.broker.start).addCallback(lambda _: None)

    sends = BrokerTestCase.sends
    _check_sent = BrokerTestCase._check_sent

    def tearDown(self) -> None:
        """Tokens are nowhere in the log, and nothing kept the reactor from its work."""
        self.assertNotIn("eyJ", self.broker.log())
        self.assertNotIn("Traceback", self.broker.log())
        if self.broker.runs():
            self.broker.assert_prompt()

    def token(self, client: str = "producer") -> str:
        """By client credentials, as clients get theirs."""
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": CLIENTS[client]}
        with urllib.request.urlopen(f"{self.url}/token", urllib.parse.urlencode(form).encode(), timeout=30) as answer:
            token: str = json.load(answer)["access_token"]
            return token

    def librdkafka(self, **more: Any) -> dict[str, Any]:
        """Settings with a callback that gets tokens."""

        def give(config: str) -> tuple[str, float]:
            return self.token(), time.time() + 300

        return {
            "bootstrap.servers": self.broker.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanisms": "OAUTHBEARER",
            "oauth_cb": give,
            "log_level": 2,
            **more,
        }

    def oidc(self, **more: Any) -> dict[str, Any]:
        """Settings with which librdkafka gets tokens by itself."""
        settings = self.librdkafka(**more)
        del settings["oauth_cb"]
        return {
            **settings,
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": "producer",
            "sasl.oauthbearer.client.secret": CLIENTS["producer"],
            "sasl.oauthbearer.token.endpoint.url": f"{self.url}/token",
            **more,
        }

    def round_trip(self, settings: dict[str, Any]) -> None:
        """Produce and consume."""
        topic = unused_name("oauth")
        producer = Producer({**settings, "message.timeout.ms": 30_000})
        producer.poll(0)
        failed: list[Any] = []
        producer.produce(topic, b"by token", on_delivery=lambda error, _: failed.append(error))
        self.assertEqual(0, producer.flush(SECONDS))
        self.assertEqual([None], failed)
        consumer = Consumer({**settings, "group.id": topic, "auto.offset.reset": "earliest"})
        consumer.subscribe([topic])
        self.assertEqual(b"by token", eventually(lambda: consumer.poll(0.2)).value())
        consumer.close()

    def raw(self, *tokens: str, first: bytes | None = None) -> list[tuple[int, str, bytes, int]]:
        """What SaslAuthenticate answers on one connection: codes, messages, bytes and lifetimes, the last one after the byte 1."""
        answers = []
        with socket.create_connection(("127.0.0.1", self.broker.port), 30) as connection:
            connection.sendall(frame(17, 1, struct.pack(">h", 11) + b"OAUTHBEARER"))
            self.assertEqual(0, struct.unpack_from(">h", response(connection), 4)[0])
            for message in (*((first or b"n,,\x01auth=Bearer %s\x01\x01") % token.encode() for token in tokens), b"\x01"):
                connection.sendall(frame(36, 1, struct.pack(">i", len(message)) + message))
                answers.append(_authenticated(response(connection)))
                if answers[-1][0] or not answers[-1][2]:
                    break
        return answers


def _authenticated(answer: bytes) -> tuple[int, str, bytes, int]:
    """An answer to SaslAuthenticate, version 1."""
    code, length = struct.unpack_from(">hh", answer, 4)
    at = 8 + max(length, 0)
    (size,) = struct.unpack_from(">i", answer, at)
    (lifetime,) = struct.unpack_from(">q", answer, at + 4 + size)
    return code, answer[8:at].decode(), answer[at + 4 : at + 4 + size], lifetime


class ClientTests(OAuthCase):
    """Clients as their users configure them."""

    @in_thread
    def test_librdkafka(self) -> None:
        """Its callback."""
        self.sends("SaslHandshake", "SaslAuthenticate", "Produce", "Fetch")
        self.round_trip(self.librdkafka())

    @in_thread
    def test_librdkafka_oidc(self) -> None:
        """It asks the authorization server itself."""
        self.round_trip(self.oidc())
        self.assertGreaterEqual(self.server.tokens.issued, 2)

    @in_thread
    def test_librdkafka_oidc_wrong_secret(self) -> None:
        """It gets no token, and so nothing."""
        client = AdminClient(self.oidc(**{"sasl.oauthbearer.client.secret": "wrong"}))
        self.assertRaises(KafkaException, client.list_topics, timeout=3)

    @in_thread
    def test_kafka_python(self) -> None:
        """Produce and consume."""
        topic = unused_name("oauth")
        settings: dict[str, Any] = {
            "bootstrap_servers": self.broker.bootstrap,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "OAUTHBEARER",
            "sasl_oauth_token_provider": Tokens(self.token),
        }
        producer = KafkaProducer(**settings)
        producer.send(topic, b"by token").get(SECONDS)
        producer.close()
        consumer = KafkaConsumer(topic, group_id=topic, auto_offset_reset="earliest", consumer_timeout_ms=30_000, **settings)
        self.assertEqual(b"by token", next(consumer).value)
        consumer.close()
        bad = {**settings, "sasl_oauth_token_provider": Tokens(lambda: self.issuer.token(exp=1))}
        self.assertRaises(KafkaError, KafkaProducer, **bad, bootstrap_timeout_ms=3000)

    @in_thread
    def test_aiokafka(self) -> None:
        """Produce and consume, with extensions."""
        topic = unused_name("oauth")
        settings: dict[str, Any] = {
            "bootstrap_servers": self.broker.bootstrap,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "OAUTHBEARER",
        }

        async def both() -> bytes:
            producer = AIOKafkaProducer(**settings, sasl_oauth_token_provider=AioTokens(self.token))
            await producer.start()
            await producer.send_and_wait(topic, b"by token")
            await producer.stop()
            consumer = AIOKafkaConsumer(topic, auto_offset_reset="earliest", **settings, sasl_oauth_token_provider=AioTokens(self.token))
            await consumer.start()
            message = await consumer.getone()
            await consumer.stop()
            value: bytes = message.value
            return value

        self.assertEqual(b"by token", asyncio.run(asyncio.wait_for(both(), SECONDS)))

    @in_thread
    def test_rotation(self) -> None:
        """Keys are changed while the broker runs; clients with new tokens come in, those with old ones do not."""
        self.round_trip(self.librdkafka())
        old = self.issuer.token()
        self.issuer.rotate("k2", "RS256", forget=True)
        self.round_trip(self.librdkafka())
        self.assertEqual(58, self.raw(old)[-1][0])

    @in_thread
    def test_sessions_are_renewed(self) -> None:
        """Tokens of four seconds: the client authenticates anew on the same connection before each ends (KIP-368), and goes on."""
        self.server.tokens.lifetime_seconds = 4

        def give(config: str) -> tuple[str, float]:
            return self.token(), time.time() + 4

        producer = Producer(self.librdkafka(oauth_cb=give))
        failed: list[Any] = []
        before = self.broker.requests().get("SaslAuthenticate", 0)
        until = time.monotonic() + 9
        while time.monotonic() < until:
            producer.produce("renewed", b"x", on_delivery=lambda error, _: failed.append(error))
            producer.poll(0.2)
        self.assertEqual(0, producer.flush(SECONDS))
        self.assertEqual({None}, set(failed))
        self.assertGreaterEqual(self.broker.requests()["SaslAuthenticate"] - before, 4)


class ForgedTests(OAuthCase):
    """Whoever has no good token gets nothing, and learns nothing."""

    @in_thread
    def test_good(self) -> None:
        """First, that this test can fail: a good one gives a session as long as the token."""
        ((code, message, answer, lifetime),) = self.raw(self.issuer.token())
        self.assertEqual((0, "", b""), (code, message, answer))
        self.assertTrue(295_000 <= lifetime <= 300_000, lifetime)

    @in_thread
    def test_forged(self) -> None:
        """Every kind of forgery is answered in the same words, first as a challenge, then as a failure."""
        claims, now = json.dumps(self.issuer.claims()), int(time.time())
        mallory = key_of("EC", "P-256", 99)
        own = mallory.as_dict(private=False)
        forged = {
            "none": f"{encoded({'alg': 'none', 'kid': 'k1'})}.{encoded(claims)}.AA",
            "own key": signed({"alg": "ES256", "kid": "k1"}, claims, mallory),
            "jwk": signed({"alg": "ES256", "jwk": own}, claims, mallory),
            "jku": signed({"alg": "ES256", "kid": "m", "jku": f"{self.url}/mallory"}, claims, mallory),
            "path": signed({"alg": "ES256", "kid": "../../../dev/null"}, claims, mallory),
            "sql": signed({"alg": "ES256", "kid": "k1' UNION SELECT 'AAAA"}, claims, mallory),
            "expired": self.issuer.token(exp=now - 60),
            "future": self.issuer.token(nbf=now + 60),
            "audience": self.issuer.token(aud="other"),
            "issuer": self.issuer.token(iss="https://mallory.example"),
            "nobody": self.issuer.token(sub=""),
            "opaque": "2YotnFZFEjr1zCsicMWpAA",
        }
        self.raw(self.issuer.token())
        asked, began = self.server.keys.asked, time.monotonic()
        for kind, token in forged.items():
            challenge, failure = self.raw(token)
            self.assertEqual((0, b'{"status":"invalid_token"}'), (challenge[0], challenge[2]), kind)
            self.assertEqual((58, '{"status":"invalid_token"}'), failure[:2], kind)
        self.assertLessEqual(self.server.keys.asked, asked + 1 + (time.monotonic() - began) // UNKNOWN_KEY_SECONDS)
        log = eventually(lambda: self.broker.log().count("proves nothing") >= 10 and self.broker.log())
        for reason in ("has expired", "not valid yet", "for somebody else", "issuer", "signature is wrong", "no such key", "algorithm"):
            self.assertIn(reason, log)

    @in_thread
    def test_second_token(self) -> None:
        """After a bad token a good one comes too late."""
        self.assertEqual([0, 58], [code for code, *_ in self.raw("bad", self.issuer.token())])

    @in_thread
    def test_somebody_else(self) -> None:
        """A name that is not the token's."""
        ((code, message, _, _),) = self.raw(self.issuer.token(), first=b"n,a=bob,\x01auth=Bearer %s\x01\x01")
        self.assertEqual(58, code)
        self.assertIn("different from the token's principal name", message)


class FloodTests(OAuthCase):
    """Whoever shows tokens without end."""

    settings: ClassVar[dict[str, str]] = {"login.failures.per.address.max": "1000000", "connection.failed.authentication.delay.ms": "0"}

    @in_thread
    def test_made_up_keys(self) -> None:
        """Five hundred tokens of keys that nobody has, most of them as long as they may be, are no flood of requests for keys, and others come in."""
        self.raw(self.issuer.token())
        asked, began = self.server.keys.asked, time.monotonic()
        claims = json.dumps(self.issuer.claims(x="y" * 40_000))
        signature = "A" * 86
        for number in range(500):
            head = encoded({"alg": "ES256", "kid": f"made-up-{number}", "x5c": ["z" * 4_000]})
            self.assertEqual(58, self.raw(f"{head}.{encoded(claims)}.{signature}")[-1][0])
            if number % 100 == 0:
                self.assertEqual(0, self.raw(self.issuer.token())[-1][0])
        self.assertLessEqual(self.server.keys.asked, asked + 1 + (time.monotonic() - began) // UNKNOWN_KEY_SECONDS)
        self.broker.assert_prompt()

    @in_thread
    def test_signatures(self) -> None:
        """Five hundred wrong signatures of the most expensive kind keep nobody from their work."""
        self.issuer.rotate("large", "ES512")
        self.raw(self.issuer.token())
        head, body, _ = self.issuer.token().split(".")
        forged = f"{head}.{body}.{'A' * 176}"
        for _ in range(500):
            self.assertEqual(58, self.raw(forged)[-1][0])
        self.assertEqual(0, self.raw(self.issuer.token())[-1][0])
        self.broker.assert_prompt()


class HttpTests(OAuthCase):
    """The same tokens over HTTP."""

    @in_thread
    def test_elasticsearch(self) -> None:
        """elasticsearch-py's bearer_auth, with a good token and with a bad one."""
        self.round_trip(self.librdkafka())
        with Elasticsearch(f"http://127.0.0.1:{self.broker.http_port}", bearer_auth=self.token()) as good:
            good.search(index="_all")
        with Elasticsearch(f"http://127.0.0.1:{self.broker.http_port}", bearer_auth="bad") as bad:
            self.assertRaises(AuthenticationException, bad.search, index="_all")

    @in_thread
    def test_bad(self) -> None:
        """401 with the reason, for whoever has it."""
        status, answer = self.broker.http("/_search", headers={"Authorization": f"Bearer {self.issuer.token(exp=1)}"})
        self.assertEqual((401, "security_exception"), (status, answer["error"]["type"]))
        self.assertIn("expired", answer["error"]["reason"])


class AuthorizedTests(OAuthCase):
    """Tokens and access control lists."""

    settings: ClassVar[dict[str, str]] = {"authorizer": "acl", "super.users": "User:root"}

    def as_user(self, name: str) -> dict[str, Any]:
        """Settings of librdkafka with tokens of a user."""

        def give(config: str) -> tuple[str, float]:
            return self.issuer.token(name), time.time() + 300

        return self.librdkafka(oauth_cb=give)

    @in_thread
    def test_names_of_tokens_are_those_of_lists(self) -> None:
        """Over Kafka and over HTTP, whoever the lists allow may, and nobody else."""
        root = AdminClient(self.as_user("root"))
        root.poll(0)
        root.create_topics([NewTopic("orders", 1, 1)])["orders"].result(SECONDS)
        entry = AclBinding(ResourceType.TOPIC, "orders", ResourcePatternType.LITERAL, "User:alice", "*", AclOperation.ALL, AclPermissionType.ALLOW)
        root.create_acls([entry])[entry].result(SECONDS)
        outcomes = {}
        for name in ("alice", "bob"):
            producer = Producer({**self.as_user(name), "message.timeout.ms": 5_000})
            producer.poll(0)
            producer.produce("orders", b"by token", on_delivery=lambda error, _, name=name: outcomes.update({name: error and error.name()}))  # type: ignore[misc]
            producer.flush(SECONDS)
        self.assertEqual({"alice": None, "bob": "TOPIC_AUTHORIZATION_FAILED"}, outcomes)
        statuses = {}
        for name in ("alice", "bob"):
            statuses[name] = self.broker.http("/orders/_count", headers={"Authorization": f"Bearer {self.issuer.token(name)}"})[0]
        statuses["nobody"] = self.broker.http("/orders/_count")[0]
        self.assertEqual({"alice": 200, "bob": 403, "nobody": 401}, statuses)


class TwoIssuersTests(OAuthCase):
    """Two listeners that trust two issuers, by both forms of Kafka's keys."""

    def setUp(self) -> Deferred[None]:
        """Start a second authorization server, too."""
        self.partner = Issuer()
        self.partner.rotate("partner", forget=True)
        port: Any = reactor.listenTCP(0, AuthorizationServer(self.partner).site, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        self.own, self.partners = free_ports(2)
        keys, own = f"http://127.0.0.1:{port.getHost().port}/jwks", "listener.name.partners."
        self.settings = {  # type: ignore[misc]
            "listeners": f"OWN://127.0.0.1:{self.own},PARTNERS://127.0.0.1:{self.partners}",
            "listener.security.protocol.map": "OWN:SASL_PLAINTEXT,PARTNERS:SASL_PLAINTEXT",
            f"{own}oauthbearer.sasl.oauthbearer.jwks.endpoint.url": keys,
            f"{own}sasl.oauthbearer.expected.issuer": "https://partner.example",
            "listener.name.http.sasl.oauthbearer.jwks.endpoint.url": keys,
            "listener.name.http.sasl.oauthbearer.expected.issuer": "https://partner.example",
        }
        return super().setUp()

    @in_thread
    def test_each_its_own(self) -> None:
        """A token is good on the listener that trusts its issuer, over HTTP too, and on no other."""
        tokens = {"own": self.issuer.token(), "partner": self.partner.token(iss="https://partner.example")}
        codes = {}
        for port in (self.own, self.partners):
            self.broker.port = port
            for name, token in tokens.items():
                codes[port, name] = self.raw(token)[-1][0]
        expected = {(self.own, "own"): 0, (self.own, "partner"): 58, (self.partners, "own"): 58, (self.partners, "partner"): 0}
        self.assertEqual(expected, codes)
        statuses = [self.broker.http("/_search", headers={"Authorization": f"Bearer {token}"})[0] for token in tokens.values()]
        self.assertEqual([401, 200], statuses)


class BrokenIssuerTests(OAuthCase):
    """An issuer that cannot be reached."""

    settings: ClassVar[dict[str, str]] = {"login.failures.per.address.max": "10000"}

    @in_thread
    def test_keys_are_kept(self) -> None:
        """Known keys stay good, unknown ones are not found, and the log says what is wrong, once."""
        self.raw(self.issuer.token())
        self.server.keys.broken = (503, b"out of order")
        good = self.issuer.token()
        self.issuer.rotate("k2")
        self.assertEqual(58, self.raw(self.issuer.token())[-1][0])
        self.assertEqual(0, self.raw(good)[-1][0])
        log = eventually(lambda: "cannot be read" in self.broker.log() and self.broker.log())
        self.assertEqual(1, log.count("cannot be read: {problem}"))
        self.server.keys.broken = None
        eventually(lambda: self.raw(self.issuer.token())[-1][0] == 0, what="a login with the new key")
