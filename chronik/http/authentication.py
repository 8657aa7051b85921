"""Who sends an HTTP request."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from chronik.http.interfaces import HttpError
from chronik.security.interfaces import ANONYMOUS, ICredentialStore, Principal

_ASK: Final = {"WWW-Authenticate": 'Basic realm="chronik", charset="UTF-8"'}


def _refused(reason: str) -> HttpError:
    """A 401 that asks for credentials."""
    return HttpError(401, "security_exception", reason, _ASK)


def asked_to_authenticate(error: HttpError, principal: Principal, credentials: ICredentialStore | None) -> HttpError:
    """What to answer a refusal with: whoever came without credentials, where there are users, may try again with some."""
    if error.status == 403 and principal == ANONYMOUS and credentials is not None:
        return _refused(error.reason)
    return error


async def authenticate(headers: Mapping[str, str], credentials: ICredentialStore | None) -> Principal:
    """The principal of a request: anonymous without credentials, else whom the credential store knows.

    :raises HttpError: 401: the credentials are wrong, or there is nobody to check them.
    """
    header = headers.get("authorization")
    if header is None:
        return ANONYMOUS
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic" or credentials is None:
        raise _refused(f"credentials of type {scheme!r} cannot be checked here" if credentials else "this broker has no users: send no credentials")
    try:
        user, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise _refused("the Authorization header is not a user and a password in base64") from None
    principal: Principal | None = await credentials.verify_password(user, password)
    if principal is None:
        raise _refused("user or password is wrong")
    return principal
