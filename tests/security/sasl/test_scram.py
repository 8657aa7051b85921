"""SCRAM, both sides of it."""

from __future__ import annotations

import base64
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from chronik.security.interfaces import (
    ISaslExchange,
    ISaslMechanism,
    IScramTokens,
    Login,
    Principal,
    SaslFailure,
    ScramCredential,
    TokenCredential,
)
from chronik.security.sasl.client import ScramClient
from chronik.security.sasl.saslprep import prepared_if_possible
from chronik.security.sasl.scram import MESSAGE_BYTES_MAX, ScramMechanism
from chronik.security.scram_keys import SALT_BYTES, SCRAM_HASHES, credential_of, new_credential
from tests.security.sasl.users import ALICE, PASSWORD, Users, failures, scram


class _Told(ScramMechanism):
    """One whose nonce a test decides."""

    told = ""

    def nonce(self) -> str:
        """The one that was told."""
        return self.told


class ScramCase(SynchronousTestCase):
    """An exchange with a real client."""

    def setUp(self) -> None:
        """Users."""
        self.users = Users()

    def step(self, exchange: Any, message: bytes) -> tuple[bytes, Login | None]:
        """What the server answers."""
        answer: tuple[bytes, Login | None] = self.successResultOf(exchange.step(message))
        return answer

    def refused(self, exchange: Any, message: bytes) -> SaslFailure:
        """Why the server refuses."""
        failure: SaslFailure = self.failureResultOf(exchange.step(message), SaslFailure).value
        return failure

    def exchange(self, mechanism: ScramMechanism, user: str, password: str) -> tuple[Login | None, SaslFailure | None, bytes]:
        """A whole exchange: whom it proved, or why nobody; and what the server said first."""
        client, server = ScramClient(mechanism.name, user, password, random=lambda count: b"c" * count), mechanism.begin("10.0.0.1")
        first, _ = self.step(server, self.successResultOf(client.respond(None)))
        final = self.successResultOf(client.respond(first))
        outcome: list[Any] = []
        server.step(final).addBoth(outcome.append)
        if not isinstance(outcome[0], tuple):
            return None, outcome[0].value, first
        verifier, login = outcome[0]
        self.assertIsNone(self.successResultOf(client.respond(verifier)))
        return login, None, first


class VectorTests(ScramCase):
    """RFC 7677, section 3."""

    FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    CHALLENGE = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    FINAL = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    VERDICT = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

    def test_server(self) -> None:
        """The server's messages are those of the example."""
        kind, salt = SCRAM_HASHES["SCRAM-SHA-256"], base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
        self.users.kept["SCRAM-SHA-256", "user"] = credential_of(kind.salted("pencil", salt, 4096), salt, 4096, kind)
        mechanism = _Told("SCRAM-SHA-256", self.users, failures(), bytes, lambda: b"")
        mechanism.told = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
        exchange = mechanism.begin()
        self.assertEqual((self.CHALLENGE, None), self.step(exchange, self.FIRST))
        self.assertEqual((self.VERDICT, Login(Principal("User", "user"))), self.step(exchange, self.FINAL))

    def test_client(self) -> None:
        """So are the client's."""
        client = ScramClient("SCRAM-SHA-256", "user", "pencil", random=lambda _: base64.b64decode("rOprNGfwEbeRWgbNEkqO"))
        self.assertEqual(self.FIRST, self.successResultOf(client.respond(None)))
        self.assertEqual(self.FINAL, self.successResultOf(client.respond(self.CHALLENGE)))
        self.assertIsNone(self.successResultOf(client.respond(self.VERDICT)))


class ExchangeTests(ScramCase):
    """What is proved, and what is not."""

    def test_interfaces(self) -> None:
        """They provide what they say."""
        verifyObject(ISaslMechanism, scram(self.users))
        verifyObject(ISaslExchange, scram(self.users).begin())

    def test_right(self) -> None:
        """The right password proves the user, by either mechanism."""
        for name in SCRAM_HASHES:
            login, failure, _ = self.exchange(scram(self.users, name), "alice", PASSWORD)
            self.assertIsNone(failure)
            self.assertEqual(Login(ALICE), login)

    def test_wrong(self) -> None:
        """A wrong password, an unknown user and one without this mechanism fail at the same message, with the same words."""
        del self.users.kept["SCRAM-SHA-256", "alice"]
        self.users.kept["SCRAM-SHA-256", "bob"] = new_credential("SCRAM-SHA-256", "b")
        said = {str(self.exchange(scram(self.users), user, PASSWORD)[1]) for user in ("bob", "nobody", "alice")}
        self.assertEqual({"Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256"}, said)

    @settings(deadline=None)  # 4,096 iterations several times over, on a machine that does other things as well
    @given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), min_size=1, max_size=20), st.text(min_size=1, max_size=20))
    def test_any_name_and_password(self, user: str, password: str) -> None:
        """Whatever the name and the password, the right one is right, and another one is not."""
        users = Users()
        mechanism, client = scram(users), ScramClient("SCRAM-SHA-256", user, password)
        kept = new_credential("SCRAM-SHA-256", client._password)
        name = prepared_if_possible(user)
        users.kept["SCRAM-SHA-256", name] = kept
        if not name:
            return
        login, _, _ = self.exchange(mechanism, user, password)
        self.assertEqual(name, login.principal.name if login is not None else None)
        self.assertIsNone(self.exchange(mechanism, user, f"{password}x")[0])

    def test_names_with_commas(self) -> None:
        """Commas and equals signs are escaped, and other escapes are refused."""
        self.users.kept["SCRAM-SHA-256", "a=,b"] = new_credential("SCRAM-SHA-256", "p")
        self.assertEqual("a=,b", self.exchange(scram(self.users), "a=,b", "p")[0].principal.name)  # type: ignore[union-attr]
        for name in (b"a=b", b"a=2c", b"a=", b"a=2"):
            self.refused(scram(self.users).begin(), b"n,,n=" + name + b",r=nonce")

    def test_another_authorization_id(self) -> None:
        """Nobody acts as somebody else."""
        self.step(scram(self.users).begin(), b"n,a=alice,n=alice,r=nonce")
        self.assertIn("authorization id", str(self.refused(scram(self.users).begin(), b"n,a=bob,n=alice,r=nonce")))

    def test_channel_binding(self) -> None:
        """Who wants it is told that there is none; who says that it could is served, and must say so again."""
        self.assertIn("without channel binding", str(self.refused(scram(self.users).begin(), b"p=tls-unique,,n=alice,r=nonce")))
        exchange = scram(self.users).begin()
        challenge, _ = self.step(exchange, b"y,,n=alice,r=nonce")
        nonce = challenge.split(b",")[0]
        failure = self.refused(exchange, b"c=biws," + nonce + b",p=" + base64.b64encode(bytes(32)))
        self.assertIn("repeat how it began", failure.reason)

    def test_malformed(self) -> None:
        """What is no message of a client is refused, whatever it is."""
        for message in (
            b"", b"n", b"n,,", b"n,,n=,r=x", b"n,,n=alice", b"n,,n=alice,r=", b"n,,n=alice,r=a b", b"x,,n=alice,r=n", b"n,,r=n,n=alice", b"\xff",
            b"n,,n=al\0ice,r=n", b"n,,n=alice,r=n,", b"n,,n=alice,r=n,1=x", b"n,,m=ext,n=alice,r=n", b"n,,n=" + b"a" * MESSAGE_BYTES_MAX + b",r=n",
        ):  # fmt: skip
            self.refused(scram(self.users).begin(), message)

    def test_malformed_end(self) -> None:
        """Another nonce, no proof, a proof of another size, or one message too many."""
        good = base64.b64encode(bytes(32))
        short = (b"c=biws,r=%s,p=AAAA", b"c=biws,r=%s,p=!", b"c=A,r=%s,p=A")
        for message in (b"", b"c=biws,r=%s", b"c=biws,r=other,p=" + good, b"c=%%,r=%s,p=" + good, *short):
            exchange = scram(self.users).begin()
            challenge, _ = self.step(exchange, b"n,,n=alice,r=nonce")
            self.refused(exchange, message.replace(b"%s", challenge.split(b",")[0][2:]))
            self.refused(exchange, b"n,,n=alice,r=nonce")

    def test_replayed(self) -> None:
        """What proved a user once proves nothing in another exchange: the server's part of the nonce is another one."""
        count = iter(range(1, 100))
        mechanism = scram(self.users, random=lambda size: bytes([next(count)]) * size)
        client, server = ScramClient("SCRAM-SHA-256", "alice", PASSWORD, random=lambda size: b"c" * size), mechanism.begin()
        first = self.successResultOf(client.respond(None))
        final = self.successResultOf(client.respond(self.step(server, first)[0]))
        self.step(server, final)
        again = mechanism.begin()
        self.step(again, first)
        self.assertIn("nonce", self.refused(again, final).reason)

    def test_nonce_said_twice(self) -> None:
        """Clients that put their part of the nonce before the whole of it (librdkafka before 2.6.1) prove themselves by a proof of just that."""
        kind, server = SCRAM_HASHES["SCRAM-SHA-256"], scram(self.users).begin()
        first = b"n,,n=alice,r=mine"
        challenge = self.step(server, first)[0]
        nonce, salt, iterations = (part[2:] for part in challenge.split(b",", 2))
        final = b"c=biws,r=mine" + nonce
        salted = kind.salted(PASSWORD, base64.b64decode(salt), int(iterations))
        key = kind.hmac(salted, b"Client Key")
        signature = kind.hmac(kind.digest(key), b",".join((first[3:], challenge, final)))
        proof = base64.b64encode(bytes(one ^ other for one, other in zip(key, signature, strict=True)))
        self.assertEqual(Login(ALICE), self.step(server, final + b",p=" + proof)[1])

    def test_too_few_iterations(self) -> None:
        """A credential that is too cheap to guess, or too expensive to check, proves nothing."""
        kind = SCRAM_HASHES["SCRAM-SHA-256"]
        for iterations in (1000, 100_000):
            self.users.kept["SCRAM-SHA-256", "weak"] = credential_of(kind.salted("p", b"salt", iterations), b"salt", iterations, kind)
            self.assertIsNone(self.exchange(scram(self.users), "weak", "p")[0])

    def test_failures_count(self) -> None:
        """Whoever fails too often is not tried any more, for a while, even with the right password."""
        clock = Clock()
        mechanism = scram(self.users, limits=failures(clock, per_user=3))
        for _ in range(3):
            self.exchange(mechanism, "alice", "wrong")
        self.assertIn("try again later", str(self.refused(mechanism.begin("10.0.0.1"), b"n,,n=alice,r=nonce")))
        clock.advance(20)
        self.assertIsNotNone(self.exchange(mechanism, "alice", PASSWORD)[0])


    def test_guesses_at_once(self) -> None:
        """Exchanges that begin before any of them failed do not each have a try."""
        mechanism = scram(self.users, limits=failures(per_user=3))
        outcomes = []
        for number, server in enumerate([mechanism.begin("10.0.0.1") for _ in range(10)]):
            client = ScramClient(mechanism.name, "alice", PASSWORD if number == 9 else "wrong")
            outcomes.append((client, server, self.step(server, self.successResultOf(client.respond(None)))[0]))
        told = [str(self.refused(server, self.successResultOf(client.respond(first)))) for client, server, first in outcomes]
        self.assertEqual([False] * 3 + [True] * 7, ["too many" in each for each in told])


class UnknownUserTests(ScramCase):
    """Nothing tells whether there is a user."""

    def challenge(self, mechanism: ScramMechanism, user: str) -> tuple[bytes, int]:
        """Salt and iterations that a user is told."""
        text, _ = self.step(mechanism.begin(), b"n,,n=" + user.encode() + b",r=nonce")
        fields = dict(part.split(b"=", 1) for part in text.split(b","))
        return base64.b64decode(fields[b"s"]), int(fields[b"i"])

    def test_salt_stays(self) -> None:
        """An unknown user is told one salt, always, and every other one another."""
        first, again, other = (self.challenge(scram(self.users), user) for user in ("nobody", "nobody", "somebody"))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_spellings(self) -> None:
        """An unknown user is told the same however the name is written, as a known one is; and is refused as soon, whatever name was tried before."""
        for user, other in (("alice", "al\u00adice"), ("nobody", "no\u00adbody")):
            mechanism = scram(self.users, limits=failures(per_user=3))
            self.assertEqual(self.challenge(mechanism, user), self.challenge(mechanism, other))
            for _ in range(3):
                mechanism.failures.failed("10.0.0.1", self.successResultOf(Deferred.fromCoroutine(mechanism.claim(other, by_token=False))).user)
            for name in (user, other):
                self.assertIn("too many", str(self.refused(mechanism.begin("10.0.0.2"), b"n,,n=" + name.encode() + b",r=nonce")))

    def test_same_shape(self) -> None:
        """Salts and iterations look as those of known users do: raw or in Kafka's letters and digits, of that length."""
        kind = SCRAM_HASHES["SCRAM-SHA-256"]
        for salt, iterations in ((b"0a9z" * 6 + b"xy", 8192), (bytes(range(100, 124)), 4096), (bytes(range(130)), 5000)):
            self.users.kept = {("SCRAM-SHA-256", "k"): credential_of(kind.salted("p", salt, 4096), salt, iterations, kind)}
            told, count = self.challenge(scram(self.users), "nobody")
            self.assertEqual((len(salt), iterations, salt.isalnum()), (len(told), count, told.isalnum()))

    def test_same_work(self) -> None:
        """As much is asked and computed for an unknown user as for a known one with a wrong password."""
        work: dict[str, list[Any]] = {}
        for user in ("alice", "nobdy"):
            counting, users = _Counting(SCRAM_HASHES["SCRAM-SHA-256"]), Users()
            mechanism = scram(users)
            mechanism.kind = counting  # type: ignore[assignment]
            self.exchange(mechanism, user, "wrong")
            work[user] = [counting.calls, len(users.asked)]
        self.assertEqual(work["alice"], work["nobdy"])


class _Counting:
    """A hash that writes down what is done with it."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self.size = kind.size
        self.calls: list[str] = []

    def hmac(self, key: bytes, text: bytes) -> bytes:
        """One."""
        self.calls.append(f"hmac {len(key)} {len(text)}")
        found: bytes = self._kind.hmac(key, text)
        return found

    def digest(self, text: bytes) -> bytes:
        """One."""
        self.calls.append(f"digest {len(text)}")
        found: bytes = self._kind.digest(text)
        return found


@implementer(IScramTokens)
class _Tokens:
    """One token, of alice."""

    def __init__(self, credential: ScramCredential) -> None:
        self._credential = credential

    def token_credential(self, mechanism: str, token_id: str) -> Deferred[TokenCredential | None]:
        """It."""
        return succeed(TokenCredential(self._credential, ALICE, 500.0) if token_id == "token" else None)


class TokenTests(ScramCase):
    """``tokenauth=true`` (KIP-48)."""

    def begin(self, mechanism: ScramMechanism, token: str, secret: str) -> tuple[Any, bytes]:
        """An exchange whose first message is answered, and the client's proof."""
        first = f"n={token},r=nonce,tokenauth=true"
        server = mechanism.begin()
        challenge = self.step(server, f"n,,{first}".encode())[0].decode()
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        kind, final = mechanism.kind, f"c=biws,r={fields['r']}"
        salted = kind.salted(secret, base64.b64decode(fields["s"]), int(fields["i"]))
        key = kind.hmac(salted, b"Client Key")
        signature = kind.hmac(kind.digest(key), f"{first},{challenge},{final}".encode())
        proof = base64.b64encode(bytes(one ^ other for one, other in zip(key, signature, strict=True)))
        return server, final.encode() + b",p=" + proof

    def test_token(self) -> None:
        """A token proves its owner, until it ends."""
        mechanism = scram(self.users, tokens=_Tokens(new_credential("SCRAM-SHA-256", "hmac")))
        server, final = self.begin(mechanism, "token", "hmac")
        self.assertEqual(Login(ALICE, 500.0, "token"), self.step(server, final)[1])

    def test_not_a_token(self) -> None:
        """A user is no token, nor is anything where there are none."""
        for tokens in (None, _Tokens(new_credential("SCRAM-SHA-256", "hmac"))):
            server, final = self.begin(scram(self.users, tokens=tokens), "alice", PASSWORD)
            self.refused(server, final)

    def test_unknown_token(self) -> None:
        """A token that there is not is told what tokens are told, whatever users are."""
        salt = bytes(range(130))
        kind = SCRAM_HASHES["SCRAM-SHA-256"]
        self.users.kept = {("SCRAM-SHA-256", "k"): credential_of(kind.salted("p", salt, 4096), salt, 5000, kind)}
        tokens = _Tokens(new_credential("SCRAM-SHA-256", "hmac"))
        text, _ = self.step(scram(self.users, tokens=tokens).begin(), b"n,,n=unknown,r=nonce,tokenauth=true")
        fields = dict(part.split(b"=", 1) for part in text.split(b","))
        self.assertEqual((SALT_BYTES, b"4096"), (len(base64.b64decode(fields[b"s"])), fields[b"i"]))


class ClientTests(ScramCase):
    """The client is not fooled."""

    def client(self) -> ScramClient:
        """One that has begun."""
        client = ScramClient("SCRAM-SHA-256", "alice", PASSWORD, random=lambda size: b"c" * size)
        self.successResultOf(client.respond(None))
        return client

    def fooled(self, client: ScramClient, challenge: bytes) -> str:
        """What it says to a wrong answer."""
        return str(self.failureResultOf(client.respond(challenge), ValueError).value)

    def test_challenges(self) -> None:
        """Another's nonce, its own nonce alone, few or very many iterations, and nonsense are refused."""
        nonce = base64.b64encode(b"c" * 24)
        ours = b"r=" + nonce
        for challenge in (b"", b"\xff", b"r=x,s=AAAA,i=4096", ours + b",s=AAAA,i=4096", ours + b"x,s=AAAA,i=1", ours + b"x,s=AAAA,i=9999999"):
            self.fooled(self.client(), challenge)

    def test_server_must_prove_itself(self) -> None:
        """A server that does not know the password is found out."""
        nonce = base64.b64encode(b"c" * 24)
        for verdict, said in ((b"v=AAAA", "does not know"), (b"e=invalid-proof", "invalid-proof"), (b"", "no proof")):
            client = self.client()
            self.successResultOf(client.respond(b"r=" + nonce + b"x,s=AAAA,i=4096"))
            self.assertIn(said, self.fooled(client, verdict))


class HostileTests(ScramCase):
    """Whatever comes is refused, never a failure of another kind."""

    @given(st.binary(max_size=80), st.binary(max_size=80))
    def test_bytes(self, first: bytes, second: bytes) -> None:
        """Any bytes at all."""
        exchange = scram(Users()).begin()
        for message in (first, second, second):
            self.failureResultOf(exchange.step(message), SaslFailure)

    @given(st.text(st.sampled_from("cr=,p+/AZ0nbiws\0 "), max_size=40))
    def test_near_misses(self, text: str) -> None:
        """Final messages that are nearly right."""
        exchange = scram(Users()).begin()
        self.step(exchange, b"n,,n=alice,r=nonce")
        self.failureResultOf(exchange.step(text.encode()), SaslFailure)
