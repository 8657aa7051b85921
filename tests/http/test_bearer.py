"""Bearer tokens over HTTP, through the whole site."""

from __future__ import annotations

import base64

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.http.bearer import CACHE_SECONDS, CACHED_MAX, BearerTokens
from chronik.http.interfaces import HttpAnswer, HttpError, HttpRequest, json_answer
from chronik.http.routing import Route, Routes
from chronik.security.interfaces import InvalidToken, ITokenValidator, Principal, ValidToken
from chronik.security.logins import FailedLogins
from chronik.security.tokens.logins import TokenLogins
from tests.http.harness import Client, FakeCredentials


@implementer(ITokenValidator)
class FakeValidator:
    """Knows tokens by what they begin with: ``good-NAME``.

    :ivar asked: how often.
    :ivar expires: when good ones end.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.expires = 10_000.0

    def validate(self, token: str) -> Deferred[ValidToken]:
        """Is it?"""
        self.asked += 1
        if not token.startswith("good-"):
            return fail(InvalidToken("it has expired"))
        return succeed(ValidToken(Principal("User", token[5:], frozenset({"staff"})), self.expires))

    def close(self) -> Deferred[None]:
        """Nothing."""
        return succeed(None)


async def _who(request: HttpRequest) -> HttpAnswer:
    return json_answer({"principal": str(request.principal), "groups": sorted(request.principal.groups)})


async def _forbid(request: HttpRequest) -> HttpAnswer:
    raise HttpError(403, "security_exception", "not yours")


ROUTES = Routes(endings={"_who": Route({"GET": _who})}, paths={"forbid": Route({"GET": _forbid})})


class BearerTests(SynchronousTestCase):
    """What is answered."""

    def setUp(self) -> None:
        """A site."""
        self.validator = FakeValidator()
        self.client = Client(ROUTES, FakeCredentials(), self.validator)

    def test_good(self) -> None:
        """It is whose it is, with the token's groups, however the scheme is spelled."""
        for scheme in ("Bearer", "bearer", "BEARER"):
            response = self.client.fetch("GET", "/_who", authorization=f"{scheme} good-alice")
            self.assertEqual((200, {"principal": "User:alice", "groups": ["staff"]}), (response.status, response.json))

    def test_bad(self) -> None:
        """401 by RFC 6750, a reason for its owner, and nothing of the token."""
        for token in ("bad-secret", "", "x y", "\xe4"):
            response = self.client.fetch("GET", "/_who", authorization=f"Bearer {token}")
            self.assertEqual((401, "security_exception"), (response.status, response.json["error"]["type"]))
            self.assertEqual('bearer realm="chronik", error="invalid_token"', response.headers["www-authenticate"])
            self.assertIn("it has expired", response.json["error"]["reason"])
            self.assertNotIn(b"bad-secret", response.body)

    def test_asked(self) -> None:
        """Whoever shows nothing and may not is asked for either kind of credentials; of an unknown kind as well."""
        for headers in ({}, {"authorization": "Negotiate abc"}, {"authorization": "good-alice"}):
            response = self.client.fetch("GET", "/forbid", **headers)
            self.assertEqual(
                (401, 'basic realm="chronik", charset="utf-8", bearer realm="chronik"'), (response.status, response.headers["www-authenticate"])
            )
        self.assertEqual(403, self.client.fetch("GET", "/forbid", authorization="Bearer good-alice").status)

    def test_nobody_knows_tokens(self) -> None:
        """Where there is no validator, none are asked for, and none are taken."""
        client = Client(ROUTES, FakeCredentials())
        response = client.fetch("GET", "/_who", authorization="Bearer good-alice")
        self.assertEqual((401, 'basic realm="chronik", charset="utf-8"'), (response.status, response.headers["www-authenticate"]))

    def test_too_many(self) -> None:
        """Whoever has shown many bad tokens is told when to come back, and the validator is not asked; known ones are served on."""
        self.assertEqual(200, self.client.fetch("GET", "/_who", authorization="Bearer good-alice").status)
        statuses = [self.client.fetch("GET", "/_who", authorization=f"Bearer bad{number}").status for number in range(11)]
        self.assertEqual([401] * 10 + [429], statuses)
        asked = self.validator.asked
        response = self.client.fetch("GET", "/_who", authorization="Bearer good-bob")
        self.assertEqual((429, "6", asked), (response.status, response.headers["retry-after"], self.validator.asked))
        self.assertEqual(200, self.client.fetch("GET", "/_who", authorization="Bearer good-alice").status)

    def test_password_is_no_token(self) -> None:
        """One scheme's proof is not the other's."""
        basic = base64.b64encode(b"good-alice:good-alice").decode()
        self.assertEqual(401, self.client.fetch("GET", "/_who", authorization=f"Basic {basic}").status)
        self.assertEqual(0, self.validator.asked)


class CacheTests(SynchronousTestCase):
    """What is remembered of good tokens."""

    def setUp(self) -> None:
        """Remember nothing yet."""
        self.clock = Clock()
        self.set_forward = 0.0
        self.validator = FakeValidator()
        failures = FailedLogins(self.clock, lambda: 100, lambda: 100)
        self.tokens = BearerTokens(TokenLogins(self.validator, failures), self.clock, lambda: self.clock.seconds() + self.set_forward)

    def ask(self, token: str) -> Principal:
        """Whose it is."""
        principal: Principal = self.successResultOf(Deferred.fromCoroutine(self.tokens.principal(token, "10.0.0.9")))
        return principal

    def test_short(self) -> None:
        """A good token is looked at once in half a minute."""
        for _ in range(3):
            self.assertEqual("alice", self.ask("good-alice").name)
        self.assertEqual(1, self.validator.asked)
        self.clock.advance(CACHE_SECONDS)
        self.ask("good-alice")
        self.assertEqual(2, self.validator.asked)

    def test_not_beyond_its_end(self) -> None:
        """Nor longer than it lives."""
        self.validator.expires = 5.0
        self.ask("good-alice")
        self.clock.advance(4.9)
        self.ask("good-alice")
        self.assertEqual(1, self.validator.asked)
        self.clock.advance(0.1)
        self.ask("good-alice")
        self.assertEqual(2, self.validator.asked)

    def test_clock_is_set(self) -> None:
        """A token lives by the time of day; how long it is not asked about does not."""
        self.validator.expires = 3_000.0
        self.ask("good-alice")
        self.set_forward = 3_000.0
        self.ask("good-alice")
        self.assertEqual(2, self.validator.asked)
        self.set_forward = -3_000.0
        self.clock.advance(CACHE_SECONDS)
        self.ask("good-alice")
        self.assertEqual(3, self.validator.asked)

    def test_bad_ones_are_not_remembered(self) -> None:
        """They may be good soon."""
        for _ in range(2):
            self.failureResultOf(Deferred.fromCoroutine(self.tokens.principal("bad", "10.0.0.9")), InvalidToken)
        self.assertEqual(2, self.validator.asked)

    def test_bounded(self) -> None:
        """No more than a thousand, and no token among them."""
        for number in range(CACHED_MAX + 1):
            self.ask(f"good-{number}")
        self.ask(f"good-{CACHED_MAX}")
        self.assertEqual(CACHED_MAX + 1, self.validator.asked)
        self.ask("good-0")
        self.assertEqual(CACHED_MAX + 2, self.validator.asked)
        self.assertNotIn("good-1'", repr(vars(self.tokens)))
