"""Secrets as they are stored."""

from __future__ import annotations

import base64

from twisted.trial.unittest import SynchronousTestCase

from chronik.config.encryption import NONCE_BYTES, decrypted, derive_key, encrypted
from chronik.config.secrets import Secret
from chronik.errors import ConfigurationError

CANARY = "canary-4711"
NAME = "listener.name.inside.ssl.key.password"
KEY, OTHER = b"k" * 32, b"o" * 32
NONCE = bytes(range(NONCE_BYTES))

STORED = "09bc9a4f76a9ab4174aa6216931b057d5c8a317207cef234b62974"
DERIVED = "d75e41cc09ae48fd4ffcdacedaf95ac0aa8fc4236f6f1fc89d72845377d6d317"


class EncryptionTests(SynchronousTestCase):
    """AES-GCM, bound to a key of one resource."""

    def refused(self, text: str, name: str = NAME, resource: str = "1", keys: tuple[bytes, ...] = (KEY,)) -> str:
        """Why a text is refused, in one line that does not tell what is in it."""
        problem = str(self.assertRaises(ConfigurationError, decrypted, keys, text, name, resource))
        self.assertIn(name, problem)
        self.assertEqual(1, len(problem.splitlines()))
        self.assertNotIn(CANARY, problem)
        return problem

    def test_round_trip(self) -> None:
        """What was encrypted is decrypted, whatever it is, and is a secret again."""
        for secret in (CANARY, "", " ü\n", "-----BEGIN" + 5_000 * "x"):
            text = encrypted(KEY, secret, NAME, "1", NONCE)
            self.assertTrue(text.startswith("chronik-aes256gcm-1:") and text.isascii())
            found, number = decrypted((KEY,), text, NAME, "1")
            self.assertIsInstance(found, Secret)
            self.assertEqual((secret, 0), (found, number))

    def test_form(self) -> None:
        """What is stored today can be read by every later release."""
        text = "chronik-aes256gcm-1:AAECAwQFBgcICQoL" + base64.b64encode(bytes.fromhex(STORED)).decode()
        self.assertEqual(text, encrypted(KEY, CANARY, NAME, "1", NONCE))
        self.assertEqual(DERIVED, derive_key("secret").hex())

    def test_not_shown(self) -> None:
        """Neither the secret nor its bytes are in the text; another nonce makes another text of it."""
        text = encrypted(KEY, CANARY, NAME, "1", NONCE)
        self.assertNotIn(CANARY, text)
        self.assertNotIn(CANARY.encode(), base64.b64decode(text.partition(":")[2]))
        self.assertNotEqual(text, encrypted(KEY, CANARY, NAME, "1", bytes(NONCE_BYTES)))

    def test_bound(self) -> None:
        """A text is for one key of one resource: elsewhere it says nothing."""
        text = encrypted(KEY, CANARY, NAME, "1", NONCE)
        for name, resource in ((NAME + "x", "1"), ("ssl.key.password", "1"), (NAME, "2"), (NAME, ""), (NAME[1:], "1l")):
            self.assertIn("cannot be decrypted", self.refused(text, name, resource))

    def test_keys(self) -> None:
        """Keys are tried one after the other; without the right one it cannot be had."""
        text = encrypted(KEY, CANARY, NAME, "1", NONCE)
        self.assertEqual((CANARY, 1), decrypted((OTHER, KEY), text, NAME, "1"))
        for keys in ((OTHER,), (OTHER, OTHER), ()):
            self.assertIn("password.encoder.old.secret", self.refused(text, keys=keys))

    def test_damaged(self) -> None:
        """A bit that changed anywhere is noticed, and so is a text that was cut short, or is none of these at all."""
        text = encrypted(KEY, CANARY, NAME, "1", NONCE)
        form, _, rest = text.partition(":")
        data = base64.b64decode(rest)
        for index in range(len(data)):
            changed = data[:index] + bytes((data[index] ^ 1,)) + data[index + 1 :]
            self.refused(f"{form}:{base64.b64encode(changed).decode()}")
        for end in range(len(text)):
            self.refused(text[:end])
        for wrong in ("", "x", CANARY, rest, f"{form}:", f"{form}:{rest}é", f"{form}:{rest}\n{rest}", text.replace("-1:", "-2:"), "ü" * 99):
            self.refused(wrong)

    def test_derived(self) -> None:
        """Each secret has its own key, which is long enough, and the same every time."""
        one, other = derive_key("one"), derive_key("other")
        self.assertEqual((32, 32), (len(one), len(other)))
        self.assertNotEqual(one, other)
        self.assertEqual(one, derive_key("one"))

    def test_bytes_that_are_no_text(self) -> None:
        """Of bytes of the environment that are no UTF-8 a key is made as of any."""
        self.assertNotEqual(derive_key("\udcff"), derive_key("\udcfe"))
