"""Bearer tokens of HTTP requests (RFC 6750): the same ones as by OAUTHBEARER, by the same validator."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from chronik.clocks import WallClock
from chronik.security.interfaces import Principal, ValidToken
from chronik.security.tokens.logins import TokenLogins

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

CACHE_SECONDS: Final = 30.0
"""For how long a good token is not looked at again: clients send it with every request. So much longer a key that was taken back may do."""

CACHED_MAX: Final = 1_000
"""Tokens that are known so; those that were looked at longest ago are forgotten first."""


class BearerTokens:
    """Whose tokens are.

    :param logins: knows which are good.
    :param clock: times how long that is not asked again.
    :param wall_clock: tells which have ended.
    """

    def __init__(self, logins: TokenLogins, clock: IReactorTime, wall_clock: WallClock) -> None:
        self._logins = logins
        self._clock = clock
        self._wall_clock = wall_clock
        self._good: OrderedDict[bytes, tuple[ValidToken, float]] = OrderedDict()

    @property
    def known(self) -> bool:
        """Whether there is anybody to look at tokens."""
        return self._logins.known

    async def principal(self, token: str, host: str) -> Principal:
        """Whom a token proves.

        :param host: where it comes from.
        :raises InvalidToken: nobody.
        :raises LoginsRefused: it was not looked at.
        """
        # Kept by its hash: what is remembered must not be a token.
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        proof, until = self._good.get(key, (None, 0.0))
        if proof is not None and self._clock.seconds() < until and self._wall_clock() < proof.expires:
            return proof.principal
        proof = await self._logins.verify(token, host)
        self._keep(key, proof)
        return proof.principal

    def _keep(self, key: bytes, proof: ValidToken) -> None:
        self._good[key] = proof, self._clock.seconds() + CACHE_SECONDS
        self._good.move_to_end(key)
        if len(self._good) > CACHED_MAX:
            self._good.popitem(last=False)
