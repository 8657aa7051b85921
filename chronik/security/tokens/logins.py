"""Logins by bearer token, and who has shown too many bad ones. OAUTHBEARER and HTTP share these, and the limits are those of passwords."""

from __future__ import annotations

import hashlib

from chronik.defer import or_error
from chronik.security.interfaces import InvalidToken, ITokenValidator, ValidToken
from chronik.security.logins import FailedLogins


class TokenLogins:
    """Asks a validator, but not for whoever has failed too often.

    :param validator: knows which tokens are good; None for nobody who does.
    :param failures: who has failed too often.
    """

    def __init__(self, validator: ITokenValidator | None, failures: FailedLogins) -> None:
        self._validator = validator
        self._failures = failures

    @property
    def known(self) -> bool:
        """Whether there is anybody to ask."""
        return self._validator is not None

    async def verify(self, token: str, host: str) -> ValidToken:
        """What a token proves.

        :param host: where it comes from.
        :raises InvalidToken: nothing.
        :raises LoginsRefused: it was not looked at, as there were too many bad ones from there.
        """
        if self._validator is None:
            raise InvalidToken("nobody here says which tokens are good")
        # Nobody knows yet whose it is: what stands for a user's name is the token itself, by its hash, for this is remembered.
        name = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        self._failures.check(host, name)
        proof: ValidToken | InvalidToken = await or_error(self._validator.validate(token), InvalidToken)
        if isinstance(proof, InvalidToken):
            self._failures.failed(host, name)
            raise InvalidToken(*proof.args)
        self._failures.succeeded(host, name)
        return proof
