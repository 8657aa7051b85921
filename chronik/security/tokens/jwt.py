"""JSON Web Tokens (RFC 7519) signed by an issuer (RFC 7515): what one says, whether it is signed, and what it proves.

A token is looked at in three steps, so that nothing in it is believed too early. :func:`read_token` takes it apart and refuses what could be read in
two ways. :func:`verify` checks the signature with a key that the issuer published. :func:`proven` reads the claims. Whatever a header says of where a
key is (``jku``, ``x5u``, ``jwk``, ``x5c``) is not looked at.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, deserialize_compact

from chronik.config import Configuration
from chronik.security.interfaces import InvalidToken, Principal, ValidToken
from chronik.security.tokens.algorithms import ALGORITHMS, library_name
from chronik.security.tokens.key_set import VerificationKey
from chronik.security.tokens.strict_json import read_object

TOKEN_CHARACTERS_MAX: Final = 64 << 10
"""A token with hundreds of groups is a tenth of this."""

HEADER_CHARACTERS_MAX: Final = 8 << 10
"""A header with a chain of certificates is about as long."""

KEY_ID_CHARACTERS_MAX: Final = 256
"""Issuers use hashes and dates."""

NAME_CHARACTERS_MAX: Final = 1024
"""The name of a principal, a group or a scope."""

SIGNATURE_CHARACTERS_MAX: Final = 2048
"""That of an RSA key of 8,192 bits is two thirds of this."""

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)

_LARGEST_TIME: Final = 2.0**53
"""Seconds beyond which a number of 64 bits is not exact any more."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must be to be good here; see the keys ``sasl.oauthbearer.*``."""

    algorithms: AbstractSet[str]
    issuer: str | None = None
    audiences: AbstractSet[str] = frozenset()
    skew_seconds: float = 30.0
    scope_claim: str = "scope"
    name_claim: str = "sub"
    groups_claim: str = "groups"
    scopes: AbstractSet[str] = frozenset()

    @classmethod
    def of(cls, config: Configuration) -> TokenRules:
        """As configured."""
        prefix = "sasl.oauthbearer."
        return cls(
            frozenset(config.get(prefix + "allowed.algorithms")),
            config.get(prefix + "expected.issuer"),
            frozenset(config.get(prefix + "expected.audience") or ()),
            config.get(prefix + "clock.skew.seconds"),
            config.get(prefix + "scope.claim.name"),
            config.get(prefix + "sub.claim.name"),
            config.get(prefix + "groups.claim.name"),
            frozenset(config.get(prefix + "expected.scope") or ()),
        )


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token taken apart; nothing of it is proved yet.

    :ivar key_id: of the key it says it was signed with, None where it says none.
    :ivar text: all of it.
    """

    algorithm: str
    key_id: str | None
    text: str = field(repr=False)


def read_token(text: str, algorithms: AbstractSet[str]) -> SignedToken:
    """Take a token apart.

    :param algorithms: that are allowed.
    :raises InvalidToken: it is none, or is signed as it must not be.
    """
    if len(text) > TOKEN_CHARACTERS_MAX:
        raise InvalidToken(f"it is longer than {TOKEN_CHARACTERS_MAX} characters")
    parts = _COMPACT.fullmatch(text)
    if parts is None:
        raise InvalidToken("it is no signed JSON Web Token")
    if len(parts[1]) > HEADER_CHARACTERS_MAX or len(parts[3]) > SIGNATURE_CHARACTERS_MAX:
        raise InvalidToken("its header or its signature is too long")
    header = _object(parts[1], "header")
    if "crit" in header or "b64" in header:
        raise InvalidToken("its header asks for an extension")
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or algorithm not in algorithms:
        raise InvalidToken("its algorithm is not allowed")
    if key_id is not None and not (isinstance(key_id, str) and 0 < len(key_id) <= KEY_ID_CHARACTERS_MAX):
        raise InvalidToken("the id of its key cannot be one")
    return SignedToken(algorithm, key_id, text)


class _Chosen(JWSRegistry):
    """Knows the one algorithm that was chosen before; what else a header says is of no interest."""

    max_header_length = HEADER_CHARACTERS_MAX
    max_payload_length = TOKEN_CHARACTERS_MAX
    max_signature_length = SIGNATURE_CHARACTERS_MAX

    def __init__(self, name: str, said: str) -> None:
        super().__init__(algorithms=[said], strict_check_header=False)
        self._name = name

    def get_alg(self, name: str) -> Any:
        """It; by its full name, for the library warns of ``EdDSA`` each time."""
        return self.algorithms[self._name] if self.allowed and name in self.allowed else super().get_alg(name)


def verify(token: SignedToken, key: VerificationKey) -> Mapping[str, Any]:
    """The claims of a token that this key signed. Takes 30 to 400 µs.

    :raises InvalidToken: it did not.
    """
    if not key.fits(token.algorithm):
        raise InvalidToken("its algorithm is not one of its key's")
    registry = _Chosen(library_name(token.algorithm, key.kind), token.algorithm)
    try:
        payload = deserialize_compact(token.text, key.key, registry=registry).payload
    except (JoseError, ValueError, TypeError, RecursionError):
        raise InvalidToken("its signature is wrong") from None
    try:
        return read_object(payload or b"")
    except ValueError:
        raise InvalidToken("its claims are no JSON object") from None


def proven(claims: Mapping[str, Any], rules: TokenRules, now: float) -> ValidToken:
    """What the claims of a token with a good signature prove.

    :param now: seconds since 1970.
    :raises InvalidToken: nothing: it is not for this broker, or not now, or says no name.
    """
    expires = _check_times(claims, rules.skew_seconds, now)
    if rules.issuer is not None and claims.get("iss") != rules.issuer:
        raise InvalidToken("its issuer is not the expected one")
    _check_audience(claims.get("aud"), rules.audiences)
    name = claims.get(rules.name_claim)
    if not isinstance(name, str) or not _is_name(name):
        raise InvalidToken("its claim of a name is none")
    groups = _texts(claims.get(rules.groups_claim), "groups")
    # Scopes in one text are separated by spaces (RFC 6749, section 3.3; RFC 8693, section 4.2); a group's name may have some.
    scopes = frozenset(word for scope in _texts(claims.get(rules.scope_claim), "scopes") for word in scope.split())
    if not rules.scopes <= scopes:
        raise InvalidToken("it was issued for another scope")
    return ValidToken(Principal("User", name, frozenset(groups)), expires, scopes)


def _check_times(claims: Mapping[str, Any], skew: float, now: float) -> float:
    """When it ends.

    :raises InvalidToken: it has ended, or has not begun.
    """
    expires, begins, issued = (_time(claims, name) for name in ("exp", "nbf", "iat"))
    if expires is None:
        raise InvalidToken("it never expires")
    if expires + skew <= now:
        raise InvalidToken("it has expired")
    if (begins is not None and begins - skew > now) or (issued is not None and issued - skew > now):
        raise InvalidToken("it is not valid yet")
    return expires


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LARGEST_TIME:
        raise InvalidToken(f"its claim {name} is no time")
    return float(value)


def _check_audience(said: Any, expected: AbstractSet[str]) -> None:
    audiences = [said] if isinstance(said, str) else [] if said is None else said
    if not isinstance(audiences, list) or not all(isinstance(audience, str) for audience in audiences):
        raise InvalidToken("its claim aud is neither a text nor a list of texts")
    if not expected and audiences:
        # RFC 7519, section 4.1.3: whoever does not find itself in the claim refuses the token.
        raise InvalidToken("it is for somebody, and sasl.oauthbearer.expected.audience is not set here")
    if expected and expected.isdisjoint(audiences):
        raise InvalidToken("it is for somebody else")


def _texts(value: Any, what: str) -> Iterable[str]:
    texts = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(texts, list) or not all(isinstance(text, str) and (not text or _is_name(text)) for text in texts):
        raise InvalidToken(f"its claim of {what} is neither a text nor a list of texts")
    return [text for text in texts if text]


def _is_name(name: str) -> bool:
    """Something that can be shown in one line of a log, and compared by what is seen of it."""
    return 0 < len(name) <= NAME_CHARACTERS_MAX and name.isprintable() and name == name.strip()


def _object(segment: str, what: str) -> dict[str, Any]:
    try:
        return read_object(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except ValueError:
        raise InvalidToken(f"its {what} is no JSON object") from None
