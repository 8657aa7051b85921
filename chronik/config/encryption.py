"""Secrets as they are stored: encrypted, for one key of one resource.

AES-256 in Galois/counter mode (NIST SP 800-38D). What a text is for is authenticated with it: one that is moved to another key, or to another
broker, is refused like one that was damaged. Pure functions; :func:`derive_key` alone takes its time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chronik.config.secrets import Secret
from chronik.config.values import shown
from chronik.errors import ConfigurationError

NONCE_BYTES: Final = 12
"""Of the nonce that each text has for itself: what the mode is made for."""

_FORM: Final = "chronik-aes256gcm-1:"
"""What a text begins with: how it was made, and the version of that. After it: nonce, what is encrypted, and the tag, in base64."""

_KEY_BYTES: Final = 32
_COST, _BLOCKS, _LANES = 1 << 15, 8, 1
"""32 MiB and some 0.1 s for each secret that somebody guesses."""

_MEMORY_BYTES: Final = 64 << 20
"""As much as that takes, and a little more; by default OpenSSL gives less."""

_SALT: Final = b"chronik password.encoder.secret"
"""The same everywhere: every broker that has the secret has the key, and what one stored the next start can read."""


def derive_key(secret: str) -> bytes:
    """The key of a secret, by scrypt (RFC 7914). Computes for long: keep it off the reactor."""
    return hashlib.scrypt(secret.encode("utf-8", "surrogateescape"), salt=_SALT, n=_COST, r=_BLOCKS, p=_LANES, maxmem=_MEMORY_BYTES, dklen=_KEY_BYTES)


def encrypted(key: bytes, secret: str, name: str, resource: str, nonce: bytes) -> str:
    """The text that stands for a secret.

    :param key: of :func:`derive_key`.
    :param name: the configuration key that the secret is the value of.
    :param resource: the broker's id; empty for what is set for every broker.
    :param nonce: :data:`NONCE_BYTES` random bytes, never the same twice.
    """
    return _FORM + base64.b64encode(nonce + AESGCM(key).encrypt(nonce, secret.encode(), _bound(name, resource))).decode()


def decrypted(keys: Sequence[bytes], text: str, name: str, resource: str) -> tuple[Secret, int]:
    """The secret that a text stands for, and which of the keys it was encrypted with.

    :param keys: in the order in which they are tried.
    :raises ConfigurationError: it is no such text, it was damaged, it is for something else, or none of the keys is the right one.
    """
    try:
        data = base64.b64decode(text.removeprefix(_FORM), validate=True)
    except (binascii.Error, ValueError):  # what is not ASCII is a ValueError of its own
        data = b""
    if not text.startswith(_FORM) or len(data) < NONCE_BYTES:
        raise ConfigurationError(f"{shown(name)} as it is stored is no encrypted secret, or was damaged: set it again, or delete it")
    for index, key in enumerate(keys):
        try:
            return Secret(AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _bound(name, resource)).decode()), index
        except InvalidTag:
            continue
    raise ConfigurationError(
        f"{shown(name)} cannot be decrypted: it was encrypted with another secret than this broker has, or was damaged: "
        "set password.encoder.old.secret to the earlier one, or set it again, or delete it"
    )


def _bound(name: str, resource: str) -> bytes:
    return f"{_FORM}{resource}\0{name}".encode()
