"""Who sends an HTTP request."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from chronik.defer import or_error
from chronik.http.bearer import BearerTokens
from chronik.http.interfaces import HttpError
from chronik.security.interfaces import ANONYMOUS, InvalidToken, Principal
from chronik.security.logins import LoginsRefused, PasswordLogins

_BASIC: Final = 'Basic realm="chronik", charset="UTF-8"'
_BEARER: Final = 'Bearer realm="chronik"'


def _refused(reason: str, *challenges: str) -> HttpError:
    """A 401 that asks for credentials, by one scheme or by several."""
    return HttpError(401, "security_exception", reason, {"WWW-Authenticate": ", ".join(challenges)})


def _too_many(refusal: LoginsRefused) -> HttpError:
    """A 429 that says when to come back."""
    return HttpError(429, "security_exception", str(refusal), {"Retry-After": str(refusal.seconds)})


class HttpAuthentication:
    """Finds out by its headers who sends a request.

    :param logins: checks passwords.
    :param tokens: knows bearer tokens.
    """

    def __init__(self, logins: PasswordLogins, tokens: BearerTokens) -> None:
        self._logins = logins
        self._tokens = tokens
        self._challenges = (_BASIC, _BEARER) if tokens.known else (_BASIC,)

    async def principal(self, headers: Mapping[str, str], host: str) -> Principal:
        """The principal of a request: anonymous without credentials, else whom the credential store or the validator of tokens knows.

        :param host: the peer's address.
        :raises HttpError: 401: the credentials are wrong, or there is nobody to check them. 429: too many were wrong.
        """
        header = headers.get("authorization")
        if header is None:
            return ANONYMOUS
        scheme, _, text = header.partition(" ")
        if scheme.lower() == "basic":
            return await self._basic(text.strip(), host)
        if scheme.lower() == "bearer" and self._tokens.known:
            return await self._bearer(text.strip(), host)
        raise _refused(f"credentials of type {scheme[:32]!r} cannot be checked here", *self._challenges)

    def asked_to_authenticate(self, error: HttpError, principal: Principal) -> HttpError:
        """What to answer a refusal with: whoever came without credentials may try again with some."""
        if error.status == 403 and principal == ANONYMOUS and (self._logins.known or self._tokens.known):
            return _refused(error.reason, *self._challenges)
        return error

    async def _basic(self, text: str, host: str) -> Principal:
        """User and password in base64 (RFC 7617)."""
        try:
            user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _refused("the Authorization header is not a user and a password in base64", _BASIC) from None
        principal = await or_error(self._logins.verify(user, password, host), LoginsRefused)
        if isinstance(principal, LoginsRefused):
            raise _too_many(principal)
        if principal is None:
            raise _refused("user or password is wrong", _BASIC)
        return principal

    async def _bearer(self, token: str, host: str) -> Principal:
        """A bearer token (RFC 6750). What is wrong with it is told to whoever has it, in the body."""
        try:
            return await self._tokens.principal(token, host)
        except LoginsRefused as refusal:
            raise _too_many(refusal) from None
        except InvalidToken as reason:
            raise _refused(f"the bearer token proves nothing: {reason}", f'{_BEARER}, error="invalid_token"') from None
