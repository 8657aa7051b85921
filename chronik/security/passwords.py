"""Hashes of passwords, as text: ``scrypt$N$r$p$salt$hash`` or ``pbkdf2-sha256$iterations$salt$hash``, salt and hash in base64.

Source: RFC 7914 for scrypt and its parameters, RFC 8018 for PBKDF2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_N, _R, _P = 1 << 14, 8, 1
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32

_SCRYPT_BYTES_MAX: Final = 256 << 20
"""Memory one scrypt may take: a hash whose parameters ask for more was not made by anybody in good faith."""

_ITERATIONS_MAX: Final = 10_000_000
"""About ten seconds of work: more would make every log-in a way to stop the broker."""


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """One user's secret, ready to check against. Its text never appears in a message or a log."""

    scheme: str
    parameters: tuple[int, ...]
    salt: bytes
    digest: bytes

    def verify(self, password: str) -> bool:
        """Whether this is the password. Takes some 30 ms of CPU by intent and releases the GIL meanwhile."""
        return hmac.compare_digest(_derive(self.scheme, self.parameters, password, self.salt, len(self.digest)), self.digest)


def hash_password(password: str, random: Callable[[int], bytes] = os.urandom) -> str:
    """The text to store for a password.

    :param random: gives that many random bytes.
    """
    salt = random(_SALT_BYTES)
    digest = _derive("scrypt", (_N, _R, _P), password, salt, _HASH_BYTES)
    return "$".join(("scrypt", str(_N), str(_R), str(_P), _encode(salt), _encode(digest)))


def parse_hash(text: str) -> PasswordHash:
    """The hash that a text says.

    :raises ValueError: it is none; the message says what is wrong without repeating it.
    """
    scheme, *fields = text.split("$")
    count = {"scrypt": 3, "pbkdf2-sha256": 1}.get(scheme)
    if count is None:
        raise ValueError("it does not begin with scrypt$ or pbkdf2-sha256$")
    if len(fields) != count + 2:
        raise ValueError(f"a {scheme} hash has {count + 2} fields after its name, not {len(fields)}")
    try:
        parameters = tuple(int(field) for field in fields[:count])
        salt, digest = (base64.b64decode(field, validate=True) for field in fields[count:])
    except (ValueError, binascii.Error):
        raise ValueError("a parameter is no number, or salt or hash are not base64") from None
    problem = _problem(scheme, parameters) or (None if salt and len(digest) >= 16 else "salt or hash are too short")
    if problem is not None:
        raise ValueError(problem)
    return PasswordHash(scheme, parameters, salt, digest)


def _problem(scheme: str, parameters: tuple[int, ...]) -> str | None:
    if scheme == "pbkdf2-sha256":
        return None if 1 <= parameters[0] <= _ITERATIONS_MAX else f"iterations must be between 1 and {_ITERATIONS_MAX}"
    n, r, p = parameters
    if n < 2 or n & (n - 1) or r < 1 or p < 1:
        return "scrypt needs N a power of two above 1, r and p at least 1"
    return None if 128 * n * r * p <= _SCRYPT_BYTES_MAX else "scrypt's parameters ask for more than 256 MiB of memory"


def _derive(scheme: str, parameters: tuple[int, ...], password: str, salt: bytes, length: int) -> bytes:
    secret = password.encode()
    if scheme == "pbkdf2-sha256":
        return hashlib.pbkdf2_hmac("sha256", secret, salt, parameters[0], length)
    n, r, p = parameters
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, dklen=length, maxmem=2 * _SCRYPT_BYTES_MAX)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
