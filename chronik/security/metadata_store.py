"""The ``auth:metadata`` backend: users whose SCRAM credentials are in the cluster's metadata."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from chronik.defer import IThreadPools, Pool, deferred
from chronik.errors import ConfigurationError
from chronik.security.interfaces import AuthContext, ICredentialStore, IScramCredentials, Principal, ScramCredential
from chronik.security.sasl.saslprep import prepared_if_possible
from chronik.security.scram_keys import ITERATIONS, SALT_BYTES, SCRAM_HASHES, proves

if TYPE_CHECKING:
    from chronik.metadata.interfaces import IMetadataFeed

_SECRET_BYTES: Final = 32


@implementer(ICredentialStore, IScramCredentials)
class MetadataCredentials:
    """Proves users by what the metadata image has of their passwords now.

    :param pools: where passwords are computed with.
    :param secret: decides whose credential an unknown user's password is compared with.
    """

    def __init__(self, feed: IMetadataFeed, pools: IThreadPools, secret: bytes) -> None:
        self._feed = feed
        self._pools = pools
        self._secret = secret
        self._sampled: Mapping[tuple[str, str], ScramCredential] | None = None
        self._samples: Mapping[str, Sequence[ScramCredential]] = {}
        self._checked: Sequence[tuple[str, ScramCredential]] = ()

    @deferred
    async def verify_password(self, user: str, password: str) -> Principal | None:
        """The user when the password is right. An unknown user costs as much as some known one."""
        prepared = prepared_if_possible(user)
        known = next((found for name in dict.fromkeys((prepared, user)) if (found := self._credential(name)) is not None), None)
        name, mechanism, credential = known or ("", *self._somebodys(prepared))
        for candidate in dict.fromkeys((prepared_if_possible(password), password)):
            right = await self._pools.run(Pool.CPU, proves, credential, mechanism, candidate)
            if right and known is not None:
                return Principal("User", name)
        return None

    def scram_credential(self, mechanism: str, user: str) -> Deferred[ScramCredential | None]:
        """What there is of a user's password; see :meth:`IScramCredentials.scram_credential`."""
        return succeed(self._feed.image.security.scram.get((mechanism, user)))

    def scram_sample(self, mechanism: str, number: int) -> Deferred[ScramCredential | None]:
        """Somebody's credential; see :meth:`IScramCredentials.scram_sample`."""
        self._sample()
        samples = self._samples.get(mechanism, ())
        return succeed(samples[number % len(samples)] if samples else None)

    def scram_principal(self, user: str) -> Deferred[Principal]:
        """The user; nothing is known of groups."""
        return succeed(Principal("User", user))

    @deferred
    async def close(self) -> None:
        """It holds nothing."""

    def _credential(self, name: str) -> tuple[str, str, ScramCredential] | None:
        """Name, mechanism and credential of a user, of the first mechanism there is."""
        scram = self._feed.image.security.scram
        return next(((name, mechanism, scram[mechanism, name]) for mechanism in SCRAM_HASHES if (mechanism, name) in scram), None)

    def _somebodys(self, user: str) -> tuple[str, ScramCredential]:
        """What stands in for the credential of a user that there is not: the work is the same, and nothing is proved by it."""
        self._sample()
        if not self._checked:
            return "SCRAM-SHA-256", ScramCredential(bytes(SALT_BYTES), ITERATIONS, bytes(32), bytes(32))
        number = int.from_bytes(hmac.digest(self._secret, user.encode("utf-8", "surrogatepass"), "sha256")[:8], "big")
        return self._checked[number % len(self._checked)]

    def _sample(self) -> None:
        """List credentials anew when there are others."""
        scram = self._feed.image.security.scram
        if scram is self._sampled:
            return
        self._sampled = scram
        self._samples = {kind: [found for (mechanism, _), found in scram.items() if mechanism == kind] for kind in SCRAM_HASHES}
        first: dict[str, tuple[str, ScramCredential]] = {}
        for kind in SCRAM_HASHES:
            for (mechanism, user), found in scram.items():
                if mechanism == kind:
                    first.setdefault(user, (mechanism, found))
        self._checked = list(first.values())


def make(context: AuthContext, options: Mapping[str, str]) -> MetadataCredentials:
    """The ``auth:metadata`` backend.

    :raises ConfigurationError: it was given options.
    """
    if options:
        raise ConfigurationError(f"auth:metadata has no options, but plugin.auth.metadata.{min(options)} is set")
    return MetadataCredentials(context.feed, context.pools, context.random(_SECRET_BYTES))
