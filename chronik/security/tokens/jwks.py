"""The ``auth:jwks`` backend: bearer tokens that are JSON Web Tokens, by the keys that their issuer publishes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from twisted.logger import Logger
from zope.interface import implementer

from chronik.clocks import WallClock
from chronik.config import Configuration
from chronik.defer import IThreadPools, Pool, deferred
from chronik.errors import ConfigurationError
from chronik.security.interfaces import AuthContext, InvalidToken, ITokenValidator, ValidToken
from chronik.security.tokens.algorithms import RSA
from chronik.security.tokens.jwt import SignedToken, TokenRules, proven, read_token, verify
from chronik.security.tokens.key_cache import KeyCache, RefreshTimes
from chronik.security.tokens.key_set import KeySet, VerificationKey, parse_key_set
from chronik.security.tokens.sources import FileSource, source_of
from chronik.security.tokens.web import SourceError, is_unencrypted

QUICK_RSA_BITS_MAX: Final = 4096
"""RSA signatures up to here are checked in less time (80 µs) than it takes to give the work to another thread and hear of it."""

_QUICK_CURVES: Final = frozenset({"P-256", "Ed25519"})
"""So are those of these curves (110 µs); of the others they take up to 400 µs."""


@implementer(ITokenValidator)
class JwksValidator:
    """Knows a token by its signature and its claims.

    :param keys: the issuer's, begun before.
    :param pools: where signatures are checked that take long.
    :param wall_clock: what times in tokens are compared with.
    """

    def __init__(self, keys: KeyCache, rules: TokenRules, pools: IThreadPools, wall_clock: WallClock) -> None:
        self._keys = keys
        self._rules = rules
        self._pools = pools
        self._wall_clock = wall_clock

    @deferred
    async def validate(self, token: str) -> ValidToken:
        """What it proves; see :meth:`~chronik.security.interfaces.ITokenValidator.validate`."""
        signed = read_token(token, self._rules.algorithms)
        claims = await self._verify(signed, await self._key(signed))
        return proven(claims, self._rules, self._wall_clock())

    async def _key(self, token: SignedToken) -> VerificationKey:
        try:
            keys = await self._keys.find(token.key_id, token.algorithm)
        except SourceError as error:
            raise InvalidToken(str(error)) from None
        if not keys:
            raise InvalidToken("its issuer has no such key")
        if len(keys) > 1:
            raise InvalidToken("several of its issuer's keys may have signed it, and it does not say which one did")
        return keys[0]

    async def _verify(self, token: SignedToken, key: VerificationKey) -> Mapping[str, object]:
        if key.kind in _QUICK_CURVES or (key.kind == RSA and key.bits <= QUICK_RSA_BITS_MAX):
            return verify(token, key)
        claims: Mapping[str, object] = await self._pools.run(Pool.CPU, verify, token, key)
        return claims

    @deferred
    async def close(self) -> None:
        """Ask for keys no more."""
        self._keys.end()


def make(context: AuthContext, options: Mapping[str, str]) -> JwksValidator:
    """The ``auth:jwks`` backend, which goes by the keys ``sasl.oauthbearer.*``. A file of keys is read now, a URL is asked from now on.

    :raises ConfigurationError: no keys are named, or their file cannot be used.
    """
    if options:
        raise ConfigurationError(f"auth:jwks has no options, but plugin.auth.jwks.{min(options)} is set; it goes by sasl.oauthbearer.*")
    config: Configuration = context.config()
    url = config.get("sasl.oauthbearer.jwks.endpoint.url")
    if url is None:
        raise ConfigurationError("auth:jwks needs the issuer's keys: set sasl.oauthbearer.jwks.endpoint.url")
    _warn(url, config)
    source = source_of(url, context.pools, context.reactor, config.get("sasl.oauthbearer.jwks.endpoint.ca.file"))
    first = _first(source, url) if isinstance(source, FileSource) else None
    keys = KeyCache(source, context.pools, context.reactor, RefreshTimes.of(config), first)
    keys.begin()
    return JwksValidator(keys, TokenRules.of(config), context.pools, context.wall_clock)


def _first(source: FileSource, url: str) -> KeySet:
    try:
        return parse_key_set(source.read_now())
    except (SourceError, ValueError) as error:
        raise ConfigurationError(f"sasl.oauthbearer.jwks.endpoint.url={url}: {error}") from None


_log: Final = Logger()


def _warn(url: str, config: Configuration) -> None:
    if is_unencrypted(url):
        host = urlsplit(url).hostname
        _log.warn("the keys that bearer tokens are signed with come unencrypted from {host}: whoever is between can make tokens", host=host)
    if config.get("sasl.oauthbearer.expected.issuer") is None and config.get("sasl.oauthbearer.expected.audience") is None:
        _log.warn("bearer tokens are accepted whoever they were issued for: set sasl.oauthbearer.expected.audience and .expected.issuer")
