"""PLAIN (RFC 4616), the server's side: a name and a password in one message. No I/O."""

from __future__ import annotations

from typing import Final

from zope.interface import implementer

from chronik.defer import deferred, or_error
from chronik.security.interfaces import ISaslExchange, ISaslMechanism, Login, SaslFailure
from chronik.security.logins import LoginsRefused, PasswordLogins

MESSAGE_BYTES_MAX: Final = 8 << 10
"""RFC 4616 lets a name and a password have 255 characters or so; what is longer is none."""

WRONG: Final = "Authentication failed: Invalid username or password"
"""What Kafka says, whichever of the two it is."""


@implementer(ISaslMechanism)
class PlainMechanism:
    """Passwords as they are.

    :param logins: checks them.
    """

    name = "PLAIN"
    message_bytes_max = MESSAGE_BYTES_MAX

    def __init__(self, logins: PasswordLogins) -> None:
        self._logins = logins

    def begin(self, host: str = "") -> PlainExchange:
        """A new exchange."""
        return PlainExchange(self._logins, host)


@implementer(ISaslExchange)
class PlainExchange:
    """One message."""

    def __init__(self, logins: PasswordLogins, host: str) -> None:
        self._logins = logins
        self._host = host
        self._over = False

    @deferred
    async def step(self, message: bytes) -> tuple[bytes, Login | None]:
        """Take the client's one message; see :meth:`ISaslExchange.step`."""
        if self._over:
            raise SaslFailure(WRONG, "a second message came")
        self._over = True
        authzid, user, password = _parts(message)
        if not user:
            raise SaslFailure("Authentication failed: username not specified")
        if not password:
            raise SaslFailure("Authentication failed: password not specified", user=user)
        if authzid and authzid != user:
            raise SaslFailure("Authentication failed: Client requested an authorization id that is different from username", user=user)
        principal = await or_error(self._logins.verify(user, password, self._host), LoginsRefused)
        if isinstance(principal, LoginsRefused):
            raise SaslFailure(f"Authentication failed: {principal}", "too many failed logins", user)
        if principal is None:
            raise SaslFailure(WRONG, "the password is wrong or the user unknown", user)
        return b"", Login(principal)


def _parts(message: bytes) -> tuple[str, str, str]:
    """Who is to act, who that is, and the password."""
    parts = message.split(b"\0")
    if len(parts) != 3:
        raise SaslFailure(f"Invalid SASL/PLAIN response: expected 3 tokens, got {len(parts)}")
    if len(message) > MESSAGE_BYTES_MAX:
        raise SaslFailure(WRONG, "the message is too long")
    try:
        authzid, user, password = (part.decode() for part in parts)
    except UnicodeDecodeError:
        raise SaslFailure(WRONG, "the message is not UTF-8") from None
    return authzid, user, password
