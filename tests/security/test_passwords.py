"""Hashes of passwords."""

from __future__ import annotations

import base64
import hashlib

from twisted.trial.unittest import SynchronousTestCase

from chronik.security.passwords import hash_password, parse_hash


def scrypt(n: int = 16, r: int = 1, p: int = 1, salt: str = "AAAA", digest: str = "A" * 22 + "==") -> str:
    """The text of a scrypt hash."""
    return f"scrypt${n}${r}${p}${salt}${digest}"


class PasswordTests(SynchronousTestCase):
    """Making, reading and checking."""

    def test_round_trip(self) -> None:
        """A hash that was made accepts its password and no other."""
        made = parse_hash(hash_password("wonderland"))
        self.assertTrue(made.verify("wonderland"))
        self.assertFalse(made.verify("Wonderland"))

    def test_salted(self) -> None:
        """Two hashes of one password differ."""
        self.assertNotEqual(hash_password("x"), hash_password("x"))

    def test_scrypt_vector(self) -> None:
        """RFC 7914's second test vector: N = 1024, r = 8, p = 16, cut to its first 32 bytes."""
        digest = bytes.fromhex("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162")
        text = f"scrypt$1024$8$16${base64.b64encode(b'NaCl').decode()}${base64.b64encode(digest).decode()}"
        # scrypt's last step makes as many bytes as asked for, so a shorter hash is the beginning of the longer one.
        self.assertTrue(parse_hash(text).verify("password"))

    def test_pbkdf2(self) -> None:
        """PBKDF2 hashes of other tools are taken too."""
        digest = hashlib.pbkdf2_hmac("sha256", b"pw", b"salt", 1000)
        text = f"pbkdf2-sha256$1000${base64.b64encode(b'salt').decode()}${base64.b64encode(digest).decode()}"
        self.assertTrue(parse_hash(text).verify("pw"))
        self.assertFalse(parse_hash(text).verify("pv"))

    def test_wrong_hashes(self) -> None:
        """What is no hash is refused, saying why and never repeating it."""
        wrong = {
            "hunter2": "begin with",
            "scrypt$1": "fields",
            scrypt(n=0): "power of two",
            scrypt(n=3): "power of two",
            scrypt(r=0): "at least 1",
            scrypt(n=1 << 24, r=64): "memory",
            scrypt(salt=""): "short",
            scrypt(digest="AAAA"): "short",
            scrypt(salt="?"): "base64",
            "pbkdf2-sha256$99999999999$AAAA$" + "A" * 22 + "==": "iterations",
        }
        for text, reason in wrong.items():
            error = self.assertRaises(ValueError, parse_hash, text)
            self.assertIn(reason, str(error))
            self.assertNotIn(text, str(error))
