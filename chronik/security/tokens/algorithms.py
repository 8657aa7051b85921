"""Signatures that a token may have, and the kinds of keys that each takes (RFC 7518, section 3; RFC 8037; RFC 9864).

What the token says of itself never chooses the kind of key: an algorithm takes the kinds listed here, and no shared secret is among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RSA: Final = "RSA"
"""The kind of an RSA key of whatever size; the others are curves."""

ALGORITHMS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        **{f"{family}{bits}": frozenset({RSA}) for family in ("RS", "PS") for bits in (256, 384, 512)},
        "ES256": frozenset({"P-256"}),
        "ES384": frozenset({"P-384"}),
        "ES512": frozenset({"P-521"}),
        "EdDSA": frozenset({"Ed25519", "Ed448"}),
        "Ed25519": frozenset({"Ed25519"}),
        "Ed448": frozenset({"Ed448"}),
    }
)
"""The kinds of keys of each algorithm."""

CURVES: Final[Mapping[str, str]] = MappingProxyType({"P-256": "EC", "P-384": "EC", "P-521": "EC", "Ed25519": "OKP", "Ed448": "OKP"})
"""The type of each curve's keys, as a JSON Web Key says it."""


def library_name(algorithm: str, kind: str) -> str:
    """The algorithm's name that says all: ``EdDSA`` means whatever curve the key has."""
    return kind if algorithm == "EdDSA" else algorithm
