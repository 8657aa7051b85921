"""JSON Web Key Sets (RFC 7517): the keys that tokens are verified with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from chronik.security.tokens.algorithms import ALGORITHMS, CURVES, RSA, library_name
from chronik.security.tokens.strict_json import read_object

KEYS_MAX: Final = 256
"""Keys of one set; issuers have two or three, and reading each takes some time."""

RSA_BITS_MIN: Final = 2048
"""Shorter ones can be broken (RFC 7518, section 3.3)."""

RSA_BITS_MAX: Final = 8192
"""Longer ones take so long that a flood of tokens would stop the broker."""

EXPONENT_BITS_MAX: Final = 33
"""Public exponents are 65537 or 3; a long one makes each check as slow as signing is."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One key.

    :ivar kind: ``RSA`` or the name of its curve.
    :ivar algorithm: the one it is for; None for whatever its kind allows.
    :ivar bits: its size.
    """

    key_id: str | None
    kind: str
    algorithm: str | None
    bits: int
    key: Key = field(repr=False, compare=False)

    def fits(self, algorithm: str) -> bool:
        """Whether it may verify such a signature."""
        if self.kind not in ALGORITHMS[algorithm]:
            return False
        return self.algorithm is None or library_name(self.algorithm, self.kind) == library_name(algorithm, self.kind)


class KeySet:
    """Keys, found by id and algorithm.

    :ivar unusable: how many more there were, which can verify no token.
    """

    def __init__(self, keys: Iterable[VerificationKey], unusable: int = 0) -> None:
        self._keys = tuple(keys)
        self.unusable = unusable

    def __len__(self) -> int:
        """How many."""
        return len(self._keys)

    def find(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """The keys that a token with this id and algorithm may be signed with; every one that fits for a token that says no id."""
        return [key for key in self._keys if (key_id is None or key.key_id == key_id) and key.fits(algorithm)]


def parse_key_set(data: bytes) -> KeySet:
    """The keys of a set. Those that cannot verify a token are left out: of another use, another kind, too small, or not a key at all.

    :raises ValueError: it is no set, or none of its keys can be used.
    """
    described = read_object(data).get("keys")
    if not isinstance(described, list):
        raise ValueError("it has no list of keys")  # noqa: TRY004  a text that cannot be read
    if len(described) > KEYS_MAX:
        raise ValueError(f"it has {len(described)} keys, and {KEYS_MAX} are the most")
    keys = [key for key in map(_parse_key, described) if key is not None]
    if not keys:
        raise ValueError(f"none of its {len(described)} keys can verify a token")
    return KeySet(keys, len(described) - len(keys))


def _parse_key(described: Any) -> VerificationKey | None:
    """A key; None for one that cannot be used."""
    if not isinstance(described, dict) or described.get("use", "sig") != "sig" or not _verifies(described.get("key_ops")):
        return None
    key_id, algorithm = described.get("kid"), described.get("alg")
    if not isinstance(key_id, str | None) or not (algorithm is None or isinstance(algorithm, str) and algorithm in ALGORITHMS):
        return None
    try:
        made = _make(described)
    except (JoseError, ValueError, TypeError, AttributeError, OverflowError):  # whatever somebody else's numbers make of the libraries
        return None
    return VerificationKey(key_id, made[0], algorithm, made[1], made[2]) if made is not None else None


def _verifies(operations: Any) -> bool:
    return operations is None or isinstance(operations, list) and "verify" in operations


def _make(described: Mapping[str, Any]) -> tuple[str, int, Key] | None:
    """Kind, size and key. Only what makes a public key is looked at, whatever else is there."""
    kty, curve = described.get("kty"), described.get("crv")
    if kty == RSA:
        rsa = RSAKey.import_key(_only(described, "kty", "n", "e"))
        bits, exponent = rsa.public_key.key_size, rsa.public_key.public_numbers().e
        return (RSA, bits, rsa) if RSA_BITS_MIN <= bits <= RSA_BITS_MAX and exponent.bit_length() <= EXPONENT_BITS_MAX else None
    if not isinstance(curve, str) or CURVES.get(curve) != kty:
        return None
    if kty == "EC":
        ec = ECKey.import_key(_only(described, "kty", "crv", "x", "y"))
        return curve, ec.public_key.key_size, ec
    okp = OKPKey.import_key(_only(described, "kty", "crv", "x"))
    return curve, 0 if okp.public_key is None else 256 if curve == "Ed25519" else 448, okp


def _only(described: Mapping[str, Any], *names: str) -> dict[str, str | list[str]]:
    parts: dict[str, str | list[str]] = {}
    for name in names:
        value = described.get(name)
        if not isinstance(value, str):
            raise ValueError(f"{name} is no text")  # noqa: TRY004  a text that cannot be read
        parts[name] = value
    return parts
