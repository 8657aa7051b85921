"""Delegation tokens as a broker knows them, and as SCRAM proves them."""

from __future__ import annotations

import base64
import os
from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.metadata.feed import MetadataFeed
from chronik.metadata.interfaces import Delete, Put
from chronik.metadata.memory import MemoryMetadataStore
from chronik.metadata.security_keys import encode_token, token_key
from chronik.security.interfaces import DelegationToken, IScramTokens, Login, Principal, SaslFailure
from chronik.security.logins import FailedLogins
from chronik.security.metadata_store import MetadataCredentials
from chronik.security.sasl.scram import ScramMechanism
from chronik.security.scram_keys import SCRAM_HASHES, proves
from chronik.security.tokens.delegation import DelegationTokens, token_hmac
from tests.security.fakes import NowPools

SECRET = b"secret-key-of-the-cluster"
NOW = 1_800_000_000
TOKEN = DelegationToken("dG9rZW4", "User:alice", "User:carol", ("User:bob",), NOW * 1000, NOW * 1000 + 60_000, NOW * 1000 + 600_000)


class DelegationCase(SynchronousTestCase):
    """Tests over a memory store."""

    def setUp(self) -> None:
        """Follow it."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.store = MemoryMetadataStore(self.clock)
        self.feed = MetadataFeed(self.store, self.clock)
        self.successResultOf(self.feed.start())
        self.pools = NowPools()
        self.tokens = self.follow()

    def follow(self, secret: bytes = SECRET) -> DelegationTokens:
        """Somebody who knows them."""
        tokens = DelegationTokens(secret, self.feed, self.pools, self.clock.seconds)
        tokens.start()
        self.addCleanup(tokens.stop)
        return tokens

    def keep(self, token: DelegationToken) -> None:
        """Put it into the metadata."""
        self.successResultOf(self.store.commit([], [Put(token_key(token.token_id), encode_token(token))]))

    def drop(self, token: DelegationToken) -> None:
        """Remove it."""
        self.successResultOf(self.store.commit([], [Delete(token_key(token.token_id))]))

    def credential(self, mechanism: str = "SCRAM-SHA-256", token_id: str = TOKEN.token_id) -> Any:
        """What proves a token."""
        return self.successResultOf(self.tokens.token_credential(mechanism, token_id))


class SecretTests(DelegationCase):
    """Tokens by their secrets."""

    def test_interface(self) -> None:
        """It is what SCRAM asks for."""
        verifyObject(IScramTokens, self.tokens)

    def test_hmac(self) -> None:
        """HMAC-SHA-512 over the id's text, as Kafka's; what is expected was computed by another program (openssl dgst -sha512 -hmac)."""
        expected = "99fe499a5d7639a5bdbb16f3b01930fde61632f9970fdba6ee608edabf634c21027819708bb295490c5f60494d4c4f62996bd338dca8a2cbae74228c247d2294"
        self.assertEqual(expected, token_hmac(SECRET, TOKEN.token_id).hex())
        self.assertNotEqual(token_hmac(SECRET, TOKEN.token_id), token_hmac(b"other", TOKEN.token_id))

    def test_find(self) -> None:
        """By the secret, from when the token is there until it is not; with the end that it has now."""
        secret = self.tokens.hmac_of(TOKEN.token_id)
        self.assertIsNone(self.tokens.find(secret))
        self.keep(TOKEN)
        self.assertEqual(TOKEN, self.tokens.find(secret))
        renewed = replace(TOKEN, expiry_ms=TOKEN.expiry_ms + 1)
        self.keep(renewed)
        self.assertEqual(renewed, self.tokens.find(secret))
        for wrong in (b"", secret[:-1], secret + b"\0", bytes(64), TOKEN.token_id.encode()):
            self.assertIsNone(self.tokens.find(wrong))
        self.drop(TOKEN)
        self.assertIsNone(self.tokens.find(secret))

    def test_what_is_there_already(self) -> None:
        """A broker that starts knows the tokens there are."""
        self.keep(TOKEN)
        tokens = self.follow()
        self.assertEqual((TOKEN, 1), (tokens.find(tokens.hmac_of(TOKEN.token_id)), tokens.count("User:alice")))

    def test_count(self) -> None:
        """By owner."""
        for number in range(3):
            self.keep(replace(TOKEN, token_id=f"t{number}"))
        self.keep(replace(TOKEN, token_id="other", owner="User:bob"))
        self.keep(replace(TOKEN, token_id="t0", expiry_ms=0))
        self.assertEqual([3, 1, 0], [self.tokens.count(f"User:{name}") for name in ("alice", "bob", "carol")])
        self.drop(replace(TOKEN, token_id="t0"))
        self.assertEqual(2, self.tokens.count("User:alice"))

    def test_another_secret_key(self) -> None:
        """With another key of the cluster, earlier tokens prove nothing."""
        self.keep(TOKEN)
        self.assertIsNone(self.follow(b"another").find(self.tokens.hmac_of(TOKEN.token_id)))

    def test_nothing_is_shown(self) -> None:
        """Neither secrets nor what makes them."""
        self.keep(TOKEN)
        secret = self.tokens.hmac_of(TOKEN.token_id)
        for shown in (repr(self.tokens), repr(self.feed.image.security), repr(self.credential())):
            for hidden in (SECRET.decode(), base64.b64encode(secret).decode(), repr(secret)[2:20], secret.hex()):
                self.assertNotIn(hidden, shown)


class CredentialTests(DelegationCase):
    """What SCRAM has of a token."""

    def test_credential(self) -> None:
        """It proves the secret's base64, of the owner, until the token's end; it is computed once, and the same on every broker."""
        self.keep(TOKEN)
        password = base64.b64encode(self.tokens.hmac_of(TOKEN.token_id)).decode()
        for mechanism in SCRAM_HASHES:
            found = self.credential(mechanism)
            self.assertEqual((Principal("User", "alice"), NOW + 60, 4096), (found.owner, found.expires, found.credential.iterations))
            self.assertTrue(proves(found.credential, mechanism, password))
            self.assertFalse(proves(found.credential, mechanism, password + "="))
            self.assertIs(found.credential, self.credential(mechanism).credential)
            other = self.successResultOf(self.follow().token_credential(mechanism, TOKEN.token_id))
            self.assertEqual(found.credential, other.credential)
        self.assertNotEqual(self.credential("SCRAM-SHA-256").credential.salt, self.credential("SCRAM-SHA-512").credential.salt)

    def test_none(self) -> None:
        """Of no token, of one that has ended, and of one that is gone."""
        self.assertIsNone(self.credential())
        self.keep(TOKEN)
        self.clock.advance(59.9)
        self.assertIsNotNone(self.credential())
        self.clock.advance(0.1)
        self.assertIsNone(self.credential())
        self.keep(replace(TOKEN, expiry_ms=TOKEN.expiry_ms + 10_000))
        self.assertIsNotNone(self.credential())
        self.drop(TOKEN)
        self.assertIsNone(self.credential())
        self.assertEqual({}, self.tokens._credentials, "nothing is kept of one that is gone")

    def login(self, token_id: str, password: str, mechanism: str = "SCRAM-SHA-512", extension: str = ",tokenauth=true") -> Login | None:
        """Log in as clients do."""
        kind = SCRAM_HASHES[mechanism]
        failures = FailedLogins(self.clock, lambda: 100, lambda: 100)
        server = ScramMechanism(mechanism, MetadataCredentials(self.feed, self.pools, b"x"), failures, os.urandom, lambda: b"x", self.tokens)
        exchange = server.begin()
        bare = f"n={token_id},r=nonce{extension}"
        first, _ = self.successResultOf(exchange.step(f"n,,{bare}".encode()))
        fields = dict(part.split("=", 1) for part in first.decode().split(","))
        salted = kind.salted(password, base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = kind.hmac(salted, b"Client Key")
        end = f"c=biws,r={fields['r']}"
        signature = kind.hmac(kind.digest(client_key), f"{bare},{first.decode()},{end}".encode())
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature, strict=True))).decode()
        outcome: list[Any] = []
        exchange.step(f"{end},p={proof}".encode()).addBoth(outcome.append)
        if isinstance(outcome[0], tuple):
            return outcome[0][1]  # type: ignore[no-any-return]
        outcome[0].trap(SaslFailure)
        return None

    def test_login(self) -> None:
        """By either mechanism: the owner, until the token's end, known to have come by a token."""
        self.keep(TOKEN)
        password = base64.b64encode(self.tokens.hmac_of(TOKEN.token_id)).decode()
        for mechanism in SCRAM_HASHES:
            login = self.login(TOKEN.token_id, password, mechanism)
            self.assertEqual(Login(Principal("User", "alice"), NOW + 60, TOKEN.token_id), login)

    def test_refused(self) -> None:
        """Another secret, no token, one that has ended, one that is not said to be one."""
        self.keep(TOKEN)
        password = base64.b64encode(self.tokens.hmac_of(TOKEN.token_id)).decode()
        self.assertIsNone(self.login(TOKEN.token_id, password[:-4]))
        self.assertIsNone(self.login(TOKEN.token_id, ""))
        self.assertIsNone(self.login("other", password))
        self.assertIsNone(self.login(TOKEN.token_id, password, extension=""))
        self.assertIsNone(self.login(TOKEN.token_id, password, extension=",tokenauth=false"))
        self.clock.advance(60)
        self.assertIsNone(self.login(TOKEN.token_id, password))
