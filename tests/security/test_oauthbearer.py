"""OAUTHBEARER's messages, without sockets."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from chronik.security.interfaces import InvalidToken, ISaslExchange, ISaslMechanism, ITokenValidator, Login, Principal, SaslFailure, ValidToken
from chronik.security.logins import FailedLogins
from chronik.security.sasl.oauthbearer import EXTENSIONS_MAX, MESSAGE_BYTES_MAX, OAuthBearer, parse_first
from chronik.security.tokens.logins import TokenLogins

ALICE = Principal("User", "alice", frozenset({"staff"}))
INVALID = "Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER"
REFUSED = '{"status":"invalid_token"}'


@implementer(ITokenValidator)
class OneToken:
    """Knows one token, of alice."""

    def validate(self, token: str) -> Deferred[ValidToken]:
        """It is, or is not."""
        return succeed(ValidToken(ALICE, 2e9)) if token == "good" else fail(InvalidToken("it is another one"))

    def close(self) -> Deferred[None]:
        """Nothing."""
        return succeed(None)


def mechanism(validator: ITokenValidator, most: int = 1_000_000) -> OAuthBearer:
    """It, over a validator; so many failures a minute are allowed."""
    return OAuthBearer(TokenLogins(validator, FailedLogins(Clock(), lambda: most, lambda: most)))


class ExchangeTests(SynchronousTestCase):
    """Good and bad exchanges."""

    def setUp(self) -> None:
        """Begin one."""
        self.mechanism = mechanism(OneToken())
        self.exchange = self.mechanism.begin()

    def step(self, message: bytes) -> tuple[bytes, Login | None]:
        """The answer to a message."""
        answer: tuple[bytes, Login | None] = self.successResultOf(self.exchange.step(message))
        return answer

    def fails(self, message: bytes) -> SaslFailure:
        """How it ends with this message."""
        failure: SaslFailure = self.failureResultOf(self.exchange.step(message), SaslFailure).value
        return failure

    def test_interfaces(self) -> None:
        """Both are what they say."""
        verifyObject(ISaslMechanism, self.mechanism)
        verifyObject(ISaslExchange, self.exchange)
        self.assertEqual("OAUTHBEARER", self.mechanism.name)

    def test_good_token(self) -> None:
        """One message, an empty answer, and a login until the token ends."""
        answer, login = self.step(b"n,,\x01auth=Bearer good\x01\x01")
        assert login is not None
        self.assertEqual((b"", ALICE, 2e9, None), (answer, login.principal, login.expires, login.token_id))
        self.assertEqual({"staff"}, login.principal.groups)

    def test_what_clients_send(self) -> None:
        """Names, extensions, more spaces, other cases of the scheme, what RFC 7628's own example says beside."""
        for message in (
            b"n,a=alice,\x01auth=Bearer good\x01\x01",
            b"n,,\x01auth=bearer  good\x01\x01",
            b"n,,\x01auth=BEARER good\x01trace=abc 1\x01logicalCluster=lkc-1\x01\x01",
            b"n,,\x01host=server.example.com\x01port=143\x01auth=Bearer good\x01\x01",
            b"y,,\x01auth=Bearer good\x01\x01",
        ):
            self.exchange = self.mechanism.begin()
            self.assertEqual(b"", self.step(message)[0], message)

    def test_bad_token(self) -> None:
        """The answer says so as JSON and nothing more; the client's byte 1 then ends it, with the same words."""
        answer, login = self.step(b"n,,\x01auth=Bearer bad\x01\x01")
        self.assertEqual(({"status": "invalid_token"}, None), (json.loads(answer), login))
        failure = self.fails(b"\x01")
        self.assertEqual(REFUSED, str(failure))
        self.assertIn("another one", failure.reason)
        self.assertNotIn("bad", failure.reason)

    def test_nothing_else_after_a_bad_token(self) -> None:
        """A second try in the same exchange fails, with a good token as well."""
        for message in (b"n,,\x01auth=Bearer good\x01\x01", b"", b"\x01\x01"):
            self.exchange = self.mechanism.begin()
            self.step(b"n,a=alice,\x01auth=Bearer bad\x01\x01")
            failure = self.fails(message)
            self.assertEqual((REFUSED, "alice"), (str(failure), failure.user))

    def test_too_many(self) -> None:
        """Whoever has shown many bad tokens is not looked at for a while, whatever the token; others are."""
        limited = mechanism(OneToken(), most=5)
        for _ in range(5):
            self.exchange = limited.begin("10.0.0.9")
            self.assertEqual(REFUSED.encode(), self.step(b"n,,\x01auth=Bearer bad\x01\x01")[0])
        for token in (b"bad", b"good"):
            self.exchange = limited.begin("10.0.0.9")
            self.assertIn("too many logins failed", str(self.fails(b"n,,\x01auth=Bearer %s\x01\x01" % token)))
        self.exchange = limited.begin("10.0.0.8")
        self.assertEqual(b"", self.step(b"n,,\x01auth=Bearer good\x01\x01")[0])

    def test_message_after_a_good_token(self) -> None:
        """It is over."""
        self.step(b"n,,\x01auth=Bearer good\x01\x01")
        self.assertEqual(INVALID, str(self.fails(b"\x01")))

    def test_other_name(self) -> None:
        """Nobody becomes somebody else by asking for it."""
        failure = self.fails(b"n,a=bob,\x01auth=Bearer good\x01\x01")
        self.assertIn("(bob) that is different from the token's principal name (alice)", str(failure))
        self.assertEqual("alice", failure.user)

    def test_malformed(self) -> None:
        """What is no first message ends it, in Kafka's words and without what was sent."""
        for message in (
            b"",
            b"\x01",
            b"n,,",
            b"n,,\x01\x01",
            b"n,,\x01\x01\x01",
            b"n,,\x01auth=Bearer good\x01",
            b"n,,auth=Bearer good\x01\x01",
            b"p=tls-unique,,\x01auth=Bearer good\x01\x01",
            b"n,a=,\x01auth=Bearer good\x01\x01",
            b"n,a=al=ice,\x01auth=Bearer good\x01\x01",
            b"n,a=al,ice,\x01auth=Bearer good\x01\x01",
            b"n,alice,\x01auth=Bearer good\x01\x01",
            b"n,a=\xc3\xa4,\x01auth=Bearer good\x01\x01",
            b"n,,\x01auth=Basic good\x01\x01",
            b"n,,\x01auth=Bearer\x01\x01",
            b"n,,\x01auth=Bearer \x01\x01",
            b"n,,\x01auth=Bearer go od\x01\x01",
            b"n,,\x01auth=Bearer g\xc3\xb6od\x01\x01",
            b"n,,\x01Auth=Bearer good\x01\x01",
            b"n,,\x01token=good\x01\x01",
            b"n,,\x01auth=Bearer good\x01auth=Bearer good\x01\x01",
            b"n,,\x01auth=Bearer good\x01x=1\x01x=2\x01\x01",
            b"n,,\x01auth=Bearer good\x01x1=1\x01\x01",
            b"n,,\x01auth=Bearer good\x01x=\x01\x01",
            b"n,,\x01auth=Bearer good\x01x=\x00\x01\x01",
            b"n,,\x01auth=Bearer good\x01\x01\x01",
            b"n,,\x01auth=Bearer good\x01\x01trailing",
            b"\x00alice\x00secret",
            b"n,,n=alice,r=fyko",
        ):
            self.exchange = self.mechanism.begin()
            failure = self.fails(message)
            self.assertEqual(INVALID, str(failure), message)
            self.assertNotIn("good", failure.reason)
            self.assertEqual(INVALID, str(self.fails(b"n,,\x01auth=Bearer good\x01\x01")))

    def test_sizes(self) -> None:
        """Long messages and many extensions are refused."""
        parse_first(b"n,,\x01auth=Bearer good" + b"".join(b"\x01%c%c=1" % (97 + i // 26, 97 + i % 26) for i in range(EXTENSIONS_MAX)) + b"\x01\x01")
        self.fails(
            b"n,,\x01auth=Bearer good" + b"".join(b"\x01%c%c=1" % (97 + i // 26, 97 + i % 26) for i in range(EXTENSIONS_MAX + 1)) + b"\x01\x01"
        )
        self.exchange = self.mechanism.begin()
        self.fails(b"n,,\x01auth=Bearer " + b"g" * MESSAGE_BYTES_MAX + b"\x01\x01")

    def test_parsed(self) -> None:
        """Escapes of names are undone, extensions are kept, and the token is not shown."""
        first = parse_first(b"n,a=a=2Cb=3Dc,\x01auth=Bearer abc.def-_~+/==\x01k=v w\x01\x01")
        self.assertEqual(("a,b=c", "abc.def-_~+/==", (("k", "v w"),)), (first.name, first.token, first.extensions))
        self.assertNotIn("abc.def", repr(first))

    @given(
        st.one_of(
            st.binary(max_size=100),
            st.lists(st.sampled_from([b"n", b"y", b",", b"a=", b"\x01", b"auth=", b"Bearer ", b"good", b"x=1"])).map(b"".join),
        )
    )
    @settings(max_examples=500)
    def test_anything(self, message: bytes) -> None:
        """Whatever comes is understood, or fails in the one way that callers know of; and only the good token is good."""
        exchange = self.mechanism.begin()
        outcome: list[object] = []
        exchange.step(message).addBoth(outcome.append)
        if isinstance(outcome[0], tuple):
            self.assertEqual(outcome[0][1] is not None, parse_first(message).token == "good")
        else:
            self.assertIsInstance(outcome[0].value, SaslFailure)  # type: ignore[attr-defined]
