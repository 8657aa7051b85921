"""Keys of a broker about bearer tokens (OAUTHBEARER, HTTP) and delegation tokens; names and defaults are Kafka's where Kafka has the key."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from chronik.config.key import ConfigKey, Importance
from chronik.config.registry import boolean, integer, items, long, password, string
from chronik.config.validators import NON_EMPTY, Validator, at_least, between, some_of

TOKEN_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "Ed448")
"""Signatures that a bearer token may have (RFC 7518, 8037, 9864). None of them can be made with what verifies it."""

CLOCK_SKEW_SECONDS_MAX: Final = 3600
"""Clocks that differ by more should be set."""


def _is_key_set_url(value: str) -> bool:
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        return False
    if url.scheme == "file":
        return bool(url.path) and not url.netloc and not url.query and not url.fragment
    # A user and a password in it would be shown wherever the key is.
    return url.scheme in ("http", "https") and bool(url.hostname) and "@" not in url.netloc and port != 0 and value.isascii() and value.isprintable()


KEY_SET_URL: Final = Validator("an https, http or file URL without user and password", _is_key_set_url)
"""Where a JSON Web Key Set is."""

_LOW: Final = Importance.LOW

_BEARER_KEYS: Final = (
    string(
        "token.validator",
        None,
        "Which auth backend says whether bearer tokens are good; jwks where sasl.oauthbearer.jwks.endpoint.url is set and this is not.",
        validator=NON_EMPTY,
    ),
    string(
        "sasl.oauthbearer.jwks.endpoint.url",
        None,
        "Where the keys are that bearer tokens are signed with, as a JSON Web Key Set: a URL of the issuer's, or a file.",
        validator=KEY_SET_URL,
    ),
    string(
        "sasl.oauthbearer.jwks.endpoint.ca.file",
        None,
        "Certificates, as PEM, of the authorities that the https endpoint of the keys is trusted by; the system's where it is not set.",
        importance=_LOW,
        validator=NON_EMPTY,
    ),
    long("sasl.oauthbearer.jwks.endpoint.refresh.ms", 3_600_000, "How often the keys are read anew.", importance=_LOW, validator=at_least(1_000)),
    long(
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
        100,
        "Pause before the keys are asked for again after that failed; it doubles each time.",
        importance=_LOW,
        validator=at_least(1),
    ),
    long("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", 10_000, "Longest such pause.", importance=_LOW, validator=at_least(1)),
    items(
        "sasl.oauthbearer.expected.audience",
        None,
        "Whom tokens are for: one of these must be in a token's aud claim. Where it is not set, tokens with that claim are refused.",
        importance=_LOW,
        validator=NON_EMPTY,
    ),
    string("sasl.oauthbearer.expected.issuer", None, "Who issues tokens: what a token's iss claim must be.", importance=_LOW, validator=NON_EMPTY),
    items(
        "sasl.oauthbearer.expected.scope",
        None,
        "What tokens are for: each of these must be among a token's scopes. Where it is not set, tokens of any scope are good.",
        importance=_LOW,
        validator=NON_EMPTY,
    ),
    integer(
        "sasl.oauthbearer.clock.skew.seconds",
        30,
        "How much the issuer's clock and this broker's may differ.",
        importance=_LOW,
        validator=between(0, CLOCK_SKEW_SECONDS_MAX),
    ),
    string("sasl.oauthbearer.scope.claim.name", "scope", "The claim that holds a token's scopes.", importance=_LOW, validator=NON_EMPTY),
    string("sasl.oauthbearer.sub.claim.name", "sub", "The claim that holds the name of a token's user.", importance=_LOW, validator=NON_EMPTY),
    string(
        "sasl.oauthbearer.groups.claim.name",
        "groups",
        "The claim that holds the groups of a token's user, to which roles may be bound.",
        importance=_LOW,
        validator=NON_EMPTY,
    ),
    items(
        "sasl.oauthbearer.allowed.algorithms",
        TOKEN_ALGORITHMS,
        "Signatures that tokens may have. Neither none nor one that is made with a shared secret is ever accepted.",
        importance=_LOW,
        validator=some_of(*TOKEN_ALGORITHMS),
    ),
)

BEARER_KEYS: Final[tuple[ConfigKey, ...]] = tuple(replace(key, per_listener=True) for key in _BEARER_KEYS)
"""About bearer tokens. Each listener may have its own: two listeners may trust two issuers."""

_LOGIN_KEYS: Final = (
    string(
        "sasl.oauthbearer.token.endpoint.url",
        None,
        "Where this broker gets the tokens by which it logs in to others: the issuer's endpoint, asked by client credentials, or a file.",
        validator=KEY_SET_URL,
    ),
    string(
        "sasl.oauthbearer.token.endpoint.ca.file",
        None,
        "Certificates, as PEM, of the authorities that the https endpoint of tokens is trusted by; the system's where it is not set.",
        importance=_LOW,
        validator=NON_EMPTY,
    ),
    string("sasl.oauthbearer.client.credentials.client.id", None, "Who this broker is to that endpoint.", validator=NON_EMPTY),
    password("sasl.oauthbearer.client.credentials.client.secret", None, "What proves it there.", validator=NON_EMPTY),
    string("sasl.oauthbearer.scope", None, "What those tokens are asked for; what the issuer thinks fit where it is not set.", validator=NON_EMPTY),
    boolean(
        "sasl.oauthbearer.header.urlencode",
        False,
        "Whether id and secret are encoded as RFC 6749, section 2.3.1, has it. Not every issuer expects that.",
        importance=_LOW,
    ),
)

SASL_TOKEN_KEYS: Final[tuple[ConfigKey, ...]] = (
    *BEARER_KEYS,
    *(replace(key, per_listener=True) for key in _LOGIN_KEYS),
    password(
        "delegation.token.secret.key",
        None,
        "What delegation tokens are made with, the same on every broker. Without it there are none; another one ends those there are.",
        validator=NON_EMPTY,
    ),
    long("delegation.token.max.lifetime.ms", 604_800_000, "When a delegation token ends however often it is renewed.", validator=at_least(1)),
    long("delegation.token.expiry.time.ms", 86_400_000, "When a delegation token ends unless it is renewed.", validator=at_least(1)),
    long(
        "delegation.token.expiry.check.interval.ms",
        3_600_000,
        "How often delegation tokens that have ended are removed; they are refused from the moment they end.",
        importance=_LOW,
        validator=at_least(1),
    ),
)
"""In the order of the reference page."""
