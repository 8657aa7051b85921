"""Key sets as issuers publish them, and as they should not."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk
from twisted.trial.unittest import SynchronousTestCase

from chronik.security.tokens.key_set import KEYS_MAX, parse_key_set
from tests.security.issuer import key_of


def public(kind: str, size: int | str, **more: Any) -> dict[str, Any]:
    """A key as it is published."""
    return {**key_of(kind, size).as_dict(private=False), **more}


def key_set(*keys: Any) -> bytes:
    """A set."""
    return json.dumps({"keys": keys}).encode()


EC = public("EC", "P-256", kid="ec")


class KeySetTests(SynchronousTestCase):
    """Which keys are used, and for what."""

    def test_find(self) -> None:
        """By id and kind; without an id, all that fit."""
        keys = parse_key_set(key_set(EC, public("RSA", 2048, kid="rsa", alg="RS256"), public("RSA", 3072, kid="rsa2")))
        self.assertEqual(["P-256"], [key.kind for key in keys.find("ec", "ES256")])
        self.assertEqual([], list(keys.find("ec", "RS256")))
        self.assertEqual([], list(keys.find("rsa", "PS256")))
        self.assertEqual([3072], [key.bits for key in keys.find("rsa2", "PS256")])
        self.assertEqual([2048, 3072], [key.bits for key in keys.find(None, "RS256")])
        self.assertEqual([], list(keys.find("EC", "ES256")))

    def test_useless_keys(self) -> None:
        """Keys of another use or kind, small ones, and what is no key are left out; the others are used."""
        useless = (
            {**EC, "use": "enc"},
            {**EC, "key_ops": ["sign"]},
            {**EC, "key_ops": "verify"},
            {**EC, "alg": "ECDH-ES"},
            {**EC, "alg": ["ES256"]},
            {**EC, "kid": 7},
            {**EC, "kty": "RSA"},
            {**EC, "kty": "OKP"},
            {**EC, "crv": "secp256k1"},
            {**EC, "crv": ["P-256"]},
            {**EC, "crv": "P-384"},
            {**EC, "x": EC["y"]},
            {**EC, "x": 7},
            {"kty": "EC"},
            {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "oct"},
            {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "kid": "oct", "alg": "HS256"},
            {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"},
            public("RSA", 1024),
            {**public("RSA", 2048), "e": "A" * 300},
            {**public("RSA", 2048), "e": "AAEAAQABAAEAAQ"},
            {**public("RSA", 2048), "n": "!!"},
            {**public("RSA", 2048), "n": "A" * 100_000},
            public("OKP", "X25519"),
            {**public("OKP", "Ed25519"), "x": "AAAA"},
            None,
            "key",
            [],
        )
        keys = parse_key_set(key_set(*useless, EC))
        self.assertEqual((1, len(useless)), (len(keys), keys.unusable))

    def test_rest_of_a_key_does_not_matter(self) -> None:
        """Certificates, and private parts that somebody published by mistake."""
        private = {**key_of("RSA", 2048).as_dict(private=True), "kid": "p", "x5c": [7], "x5u": "ftp://x", "issuer": "x", "key_ops": ["verify"]}
        (key,) = parse_key_set(key_set(private)).find("p", "RS256")
        self.assertFalse(key.key.is_private)

    def test_no_set(self) -> None:
        """What is no set, or one of no use."""
        for data in (
            b"",
            b"\xff",
            b"[]",
            b"{}",
            b'{"keys":{}}',
            b'{"keys":[]}',
            b"[" * 100_000,
            b'{"keys":[],"keys":[]}',
            key_set({"kty": "oct", "k": "AAAA"}),
        ):
            self.assertRaises(ValueError, parse_key_set, data)
        self.assertRaises(ValueError, parse_key_set, key_set(*[EC] * (KEYS_MAX + 1)))
        self.assertEqual(KEYS_MAX, len(parse_key_set(key_set(*[EC] * KEYS_MAX))))

    VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=3), max_size=3)
    NAMES = st.sampled_from(["kty", "crv", "x", "y", "n", "e", "d", "use", "alg", "kid", "key_ops"])

    @given(st.sampled_from([EC, public("RSA", 2048), public("OKP", "Ed25519")]), st.dictionaries(NAMES, VALUES, min_size=1, max_size=3))
    @settings(max_examples=200)
    def test_damaged_keys(self, key: dict[str, Any], damage: dict[str, Any]) -> None:
        """Whatever a key's fields are, it is used or left out, and the others are used."""
        keys = parse_key_set(key_set({**key, **damage}, public("EC", "P-384", kid="good")))
        self.assertEqual(2, len(keys) + keys.unusable)
        self.assertEqual(1, len(keys.find("good", "ES384")))

    def test_library_takes_no_public_key_as_a_secret(self) -> None:
        """What stands behind all this does the same."""
        self.assertRaises(ValueError, jwk.OctKey.import_key, key_of("RSA", 2048).as_pem(private=False))
