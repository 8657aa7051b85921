"""Delegation tokens (KIP-48) as a broker knows them: their secrets, and what SCRAM proves them by.

A token's secret is the HMAC of its id under ``delegation.token.secret.key``, which every broker has. So the metadata tells nobody a secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from typing import Final

from zope.interface import implementer

from chronik.clocks import WallClock
from chronik.defer import IThreadPools, Pool, deferred
from chronik.metadata.image import ImageDelta, MetadataImage
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed
from chronik.security.interfaces import DelegationToken, IScramTokens, Principal, ScramCredential, TokenCredential
from chronik.security.scram_keys import SALT_BYTES, SCRAM_HASHES, credential_of

ITERATIONS: Final = 4_096
"""Kafka's for tokens. Their secrets are random and long: nobody finds them by trying, whatever a try costs."""

CREDENTIALS_MAX: Final = 10_000
"""Credentials that are kept once they were computed, which takes a millisecond or two; those computed first are forgotten first."""


def token_hmac(secret: bytes, token_id: str) -> bytes:
    """The secret of a token, 64 bytes; clients log in with its base64."""
    return hmac.digest(secret, token_id.encode(), "sha512")


def parse_principal(text: str) -> Principal:
    """The principal that ``Type:name`` is."""
    kind, _, name = text.partition(":")
    return Principal(kind, name)


@implementer(IScramTokens, IImageObserver)
class DelegationTokens:
    """Knows the image's tokens by their secrets.

    :param secret: what they are made with.
    :param feed: where they are kept.
    :param pools: where credentials are computed.
    :param wall_clock: tells which have ended.
    """

    def __init__(self, secret: bytes, feed: IMetadataFeed, pools: IThreadPools, wall_clock: WallClock) -> None:
        self._secret = secret
        self._feed = feed
        self._pools = pools
        self._wall_clock = wall_clock
        self._ids: dict[bytes, str] = {}
        self._digests: dict[str, bytes] = {}
        self._owners: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._credentials: dict[tuple[str, str], ScramCredential] = {}

    def start(self) -> None:
        """Follow the image."""
        self._feed.observe(self)
        self._take(self._feed.image, self._feed.image.security.tokens)

    def stop(self) -> None:
        """Follow it no more."""
        self._feed.unobserve(self)

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """Tokens came or went; another end of one makes no difference here."""
        if delta.security.tokens:
            self._take(image, delta.security.tokens)

    def _take(self, image: MetadataImage, token_ids: Iterable[str]) -> None:
        tokens = image.security.tokens
        for token_id in token_ids:
            if token_id in tokens and token_id not in self._digests:
                digest = self._digests[token_id] = _digest(self.hmac_of(token_id))
                owner = self._owners[token_id] = tokens[token_id].owner
                self._ids[digest] = token_id
                self._counts[owner] += 1
            elif token_id not in tokens and token_id in self._digests:
                del self._ids[self._digests.pop(token_id)]
                self._counts -= Counter([self._owners.pop(token_id)])
                for mechanism in SCRAM_HASHES:
                    self._credentials.pop((mechanism, token_id), None)

    def hmac_of(self, token_id: str) -> bytes:
        """A token's secret."""
        return token_hmac(self._secret, token_id)

    def find(self, secret: bytes) -> DelegationToken | None:
        """The token of a secret; None for no token's. The secret is looked up by its hash: the time it takes tells nothing of others."""
        token_id = self._ids.get(_digest(secret))
        return None if token_id is None else self._feed.image.security.tokens.get(token_id)

    def count(self, owner: str) -> int:
        """How many tokens somebody, as ``Type:name``, owns."""
        return self._counts[owner]

    @deferred
    async def token_credential(self, mechanism: str, token_id: str) -> TokenCredential | None:
        """What proves a token; see :meth:`~chronik.security.interfaces.IScramTokens.token_credential`."""
        token = self._feed.image.security.tokens.get(token_id)
        if token is None or min(token.expiry_ms, token.max_ms) <= self._wall_clock() * 1000:
            return None
        credential = self._credentials.get((mechanism, token_id))
        if credential is None:
            credential = await self._pools.run(Pool.CPU, _credential, self._secret, mechanism, token_id)
            if token_id in self._digests:
                self._credentials[mechanism, token_id] = credential
                if len(self._credentials) > CREDENTIALS_MAX:
                    del self._credentials[next(iter(self._credentials))]
        return TokenCredential(credential, parse_principal(token.owner), min(token.expiry_ms, token.max_ms) / 1000)


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


def _credential(secret: bytes, mechanism: str, token_id: str) -> ScramCredential:
    """What SCRAM keeps of a token's secret. The salt is made of the id, so that it is the same on every broker."""
    kind = SCRAM_HASHES[mechanism]
    salt = hmac.digest(secret, f"salt\0{mechanism}\0{token_id}".encode(), "sha512")[:SALT_BYTES]
    password = base64.b64encode(token_hmac(secret, token_id)).decode()
    return credential_of(kind.salted(password, salt, ITERATIONS), salt, ITERATIONS, kind)
