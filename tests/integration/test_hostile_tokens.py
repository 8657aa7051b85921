"""Tokens of whoever has no good one, over Kafka and over HTTP: refused, told nothing, recorded once, and after too many not looked at."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from joserfc import jwk, jws
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from chronik.security.tokens.jwt import TOKEN_CHARACTERS_MAX
from chronik.security.tokens.key_cache import UNKNOWN_KEY_SECONDS
from tests.integration.audit import lines
from tests.integration.harness import eventually
from tests.integration.test_oauth import OAuthCase, in_thread
from tests.security.issuer import encoded, key_of, signed

CANARY = "canary-of-a-token"
"""Stands in claims and headers; whoever tells of a token tells of it."""


def by_hand(header: str, payload: str, key: Any) -> str:
    """A token with a good signature of ES256 over a header and claims that no library would write."""
    text = f"{encoded(header)}.{encoded(payload)}"
    return f"{text}.{encoded(jws.JWSRegistry.algorithms['ES256'].sign(text.encode(), key))}"


class Trap(Resource):
    """A key set of mallory's, at whatever path it is looked for.

    :ivar asked: how often it was.
    """

    isLeaf = True

    def __init__(self, keys: Mapping[str, Any]) -> None:
        super().__init__()
        self._keys = keys
        self.asked = 0

    def render_GET(self, request: Request) -> bytes:
        """Somebody fell into it."""
        self.asked += 1
        return json.dumps(self._keys).encode()


class HostileCase(OAuthCase):
    """A broker whose issuer signs by ES256, and has published an RSA key as well."""

    def setUp(self) -> Deferred[None]:
        """Set mallory's trap."""
        self.mallory = key_of("EC", "P-256", 99)
        self.trap = Trap({"keys": [{**self.mallory.as_dict(private=False), "kid": "m", "alg": "ES256", "use": "sig"}]})
        site = Site(self.trap)
        site.noisy = False
        port: Any = reactor.listenTCP(0, site, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        self.elsewhere = f"http://127.0.0.1:{port.getHost().port}/{CANARY}"
        starting = super().setUp()
        self.issuer.rotate("rsa", "RS256")
        self.issuer.rotate("k2", "ES256")
        return starting

    def tearDown(self) -> None:
        """The canary is nowhere in the log, the audit trail or the metrics, and nobody went where tokens sent them."""
        super().tearDown()
        audited = json.dumps(lines(self.broker))
        self.assertNotIn(CANARY, self.broker.log() + audited)
        self.assertNotIn("eyJ", audited)
        self.assertEqual(0, self.trap.asked)

    def forged(self) -> Iterator[tuple[str, str, str]]:
        """Kinds, tokens, and a word of why each is none."""
        now, mallory, key = int(time.time()), self.mallory, self.issuer.keys["k2"][1]
        claims = json.dumps(self.issuer.claims(x=CANARY))
        for algorithm in ("none", "nOnE"):
            yield f"alg {algorithm}", f"{encoded({'alg': algorithm, 'kid': 'k2'})}.{encoded(claims)}.AA", "algorithm is not allowed"
        public = jwk.import_key(self.issuer.keys["rsa"][1].as_dict(private=False))
        for name, form in (("PEM", public.as_pem()), ("DER", public.as_der()), ("JWK", json.dumps(public.as_dict()).encode())):
            text = f"{encoded({'alg': 'HS256', 'kid': 'rsa'})}.{encoded(claims)}"
            signature = encoded(hmac.digest(form, text.encode(), hashlib.sha256))
            yield f"HS256 with the RSA key as {name}", f"{text}.{signature}", "algorithm is not allowed"
        yield "RS256 with the EC key", signed({"alg": "RS256", "kid": "k2"}, claims, self.issuer.keys["rsa"][1]), "no such key"
        yield "another's signature", signed({"alg": "ES256", "kid": "k2"}, claims, mallory), "signature is wrong"
        head, _, signature = self.issuer.token().split(".")
        other = encoded(json.dumps(self.issuer.claims("root", x=CANARY)))
        yield "claims of another token", f"{head}.{other}.{signature}", "signature is wrong"
        own = {"jwk": mallory.as_dict(private=False), "jku": self.elsewhere, "x5u": self.elsewhere, "x5c": ["MIIB"]}
        for name, value in own.items():
            yield f"{name} with a known kid", signed({"alg": "ES256", "kid": "k2", name: value}, claims, mallory), "signature is wrong"
        for name in ("jwk", "jku", "x5u"):
            yield f"{name} with its own kid", signed({"alg": "ES256", "kid": "m", name: own[name]}, claims, mallory), "no such key"
        for kid in (f"../../../dev/null#{CANARY}", "/dev/null", f"k2' UNION SELECT '{CANARY}", f"k2; rm -rf {CANARY}", self.elsewhere, "k2\0", "K2"):
            yield f"kid {kid!r}", signed({"alg": "ES256", "kid": kid}, claims, mallory), "no such key"
        yield "long kid", signed({"alg": "ES256", "kid": CANARY * 20}, claims, mallory), "the id of its key cannot be one"
        yield "kid of another type", signed({"alg": "ES256", "kid": ["k2"]}, claims, mallory), "the id of its key cannot be one"
        yield "crit", self.issuer.token(header={"crit": ["exp"], "exp": 1}), "asks for an extension"
        yield "b64", self.issuer.token(header={"crit": ["b64"], "b64": False}), "asks for an extension"
        yield "audience", self.issuer.token(aud=CANARY), "for somebody else"
        yield "no audience", self.issuer.token(aud=None), "for somebody else"
        yield "issuer", self.issuer.token(iss=f"https://{CANARY}.example"), "issuer is not the expected one"
        yield "expired", self.issuer.token(exp=now - 60, x=CANARY), "has expired"
        yield "never expires", self.issuer.token(exp=None, x=CANARY), "never expires"
        yield "nbf", self.issuer.token(nbf=now + 60, x=CANARY), "not valid yet"
        yield "iat", self.issuer.token(iat=now + 60, x=CANARY), "not valid yet"
        yield "nobody", self.issuer.token(sub=None, x=CANARY), "claim of a name"
        yield "name of several lines", self.issuer.token(sub=f"root\n{CANARY}"), "claim of a name"
        twice = claims[:-1] + ', "sub": "root"}'
        yield "a claim said twice", by_hand('{"alg": "ES256", "kid": "k2"}', twice, key), "claims are no JSON object"
        yield "a header said twice", by_hand('{"alg": "ES256", "kid": "k2", "kid": "m"}', claims, key), "header is no JSON object"
        yield "opaque", "2YotnFZFEjr1zCsicMWpAA", "no signed JSON Web Token"
        yield "encrypted", ".".join([encoded({"alg": "dir", "enc": "A256GCM"}), "", "AA", "AA", "AA"]), "no signed JSON Web Token"

    def refusals(self) -> list[str]:
        """Why authentications failed, as they are recorded, in their order."""
        return [record["reason"] for record in lines(self.broker) if (record["kind"], record["outcome"]) == ("authentication", "failure")]


class ForgedTests(HostileCase):
    """One after the other."""

    settings: ClassVar[dict[str, str]] = {
        "login.failures.per.address.max": "1000000",
        "connection.failed.authentication.delay.ms": "0",
        "audit.rate.burst": "1000",
    }

    def recorded(self, before: int, word: str, kind: str) -> None:
        """One more refusal was recorded, for this reason."""
        told = eventually(lambda: (found := self.refusals()) and len(found) > before and found)
        self.assertEqual(before + 1, len(told), kind)
        self.assertIn(word, told[-1], kind)

    @in_thread
    def test_good(self) -> None:
        """First, that these tests can fail."""
        self.assertEqual(0, self.raw(self.issuer.token(x="y"))[-1][0])
        self.assertEqual(200, self.broker.http("/_search", headers={"Authorization": f"Bearer {self.issuer.token(x='y')}"})[0])

    @in_thread
    def test_over_kafka(self) -> None:
        """Each is answered in the same words, and recorded once with the reason."""
        self.raw(self.issuer.token())
        asked, began = self.server.keys.asked, time.monotonic()
        for kind, token, word in self.forged():
            before = len(self.refusals())
            challenge, failure = self.raw(token)
            self.assertEqual((0, b'{"status":"invalid_token"}'), (challenge[0], challenge[2]), kind)
            self.assertEqual((58, '{"status":"invalid_token"}', b"", 0), failure, kind)
            self.recorded(before, word, kind)
        self.assertLessEqual(self.server.keys.asked, asked + 1 + (time.monotonic() - began) // UNKNOWN_KEY_SECONDS)

    @in_thread
    def test_over_http(self) -> None:
        """Each is a 401 that says why, repeats nothing of the token, and is recorded once."""
        for kind, token, word in self.forged():
            before = len(self.refusals())
            status, answer = self.broker.http("/_search", headers={"Authorization": f"Bearer {token}"})
            self.assertEqual((401, "security_exception"), (status, answer["error"]["type"]), kind)
            self.assertIn(word, answer["error"]["reason"], kind)
            self.assertNotIn(CANARY, json.dumps(answer))
            self.recorded(before, word, kind)

    @in_thread
    def test_huge(self) -> None:
        """One that is too long is not looked at, and others come in meanwhile: over Kafka by the mechanism, over HTTP before it is read at all."""
        head, _, signature = self.issuer.token().split(".")
        claims = encoded(json.dumps(self.issuer.claims(x=CANARY * (TOKEN_CHARACTERS_MAX // 20))))
        before = len(self.refusals())
        self.assertEqual(58, self.raw(f"{head}.{claims}.{signature}")[-1][0])
        self.recorded(before, "longer than", "huge")
        connection = http.client.HTTPConnection("127.0.0.1", self.broker.http_port, timeout=30)
        connection.request("GET", "/_search", headers={"Authorization": f"Bearer {head}.{claims}.{signature}"})
        try:
            self.assertIn(connection.getresponse().status, (400, 431))
        except (http.client.HTTPException, ConnectionError):
            pass
        finally:
            connection.close()
        self.assertEqual(0, self.raw(self.issuer.token())[-1][0])


class LimitTests(HostileCase):
    """Whoever goes on."""

    settings: ClassVar[dict[str, str]] = {"login.failures.per.address.max": "6", "connection.failed.authentication.delay.ms": "0"}

    @in_thread
    def test_too_many(self) -> None:
        """After a few bad ones, over Kafka and HTTP together, none is looked at for a while, a new good one neither; both are told to come back."""
        forged = [token for _, token, _ in self.forged()]
        for token in forged[:3]:
            self.assertEqual(58, self.raw(token)[-1][0])
        for token in forged[3:6]:
            self.assertEqual(401, self.broker.http("/_search", headers={"Authorization": f"Bearer {token}"})[0])
        for token in (forged[6], self.issuer.token("bob")):
            ((code, message, answer, _),) = self.raw(token)
            self.assertEqual((58, b""), (code, answer))
            self.assertIn("too many logins failed", message)
            status, told = self.broker.http("/_search", headers={"Authorization": f"Bearer {token}"})
            self.assertEqual(429, status)
            self.assertIn("too many", told["error"]["reason"])
