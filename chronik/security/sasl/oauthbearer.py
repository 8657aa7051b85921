"""OAUTHBEARER (RFC 7628; KIP-255, KIP-342): a client proves itself with a bearer token.

.. code-block:: text

   client: n,a=alice,^Aauth=Bearer eyJ…^Aextension=value^A^A      ("^A" is the byte 1; the name and the extensions may be left out)
   broker: (nothing)                                             it is good
   broker: {"status":"invalid_token"}                            it is not; the client sends ^A, and the exchange has failed
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from zope.interface import implementer

from chronik.defer import deferred
from chronik.security.interfaces import InvalidToken, ISaslExchange, ISaslMechanism, Login, SaslFailure
from chronik.security.logins import LoginsRefused
from chronik.security.tokens.logins import TokenLogins

NAME: Final = "OAUTHBEARER"

MESSAGE_BYTES_MAX: Final = 128 << 10
"""Of the client's first message: twice the longest token."""

EXTENSIONS_MAX: Final = 64
"""Pairs beside the token; clients send one or two."""

_REFUSED: Final = b'{"status":"invalid_token"}'
"""What is wrong with a token is for the broker's log, as in Kafka."""

_INVALID: Final = f"Authentication failed during authentication due to invalid credentials with SASL mechanism {NAME}"
"""Kafka's words for whatever could not be understood."""

_FIRST: Final = re.compile(rb"[ny],(?:a=((?:[^\x00,=\x80-\xff]|=2C|=3D)+))?,\x01(.+)\x01\x01", re.DOTALL)
_PAIR: Final = re.compile(rb"([A-Za-z]+)=([\x21-\x7e \t\r\n]+)")
_BEARER: Final = re.compile(rb"(\w+) +([-_~+/.a-zA-Z0-9]+=*)[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class FirstMessage:
    """What the client's first message says.

    :ivar name: who it wants to be, empty for whoever the token is of.
    :ivar extensions: pairs beside the token (KIP-342).
    """

    name: str
    token: str = field(repr=False)
    extensions: tuple[tuple[str, str], ...] = ()


def parse_first(message: bytes) -> FirstMessage:
    """Take the client's first message apart.

    :raises SaslFailure: it is none.
    """
    whole = _FIRST.fullmatch(message) if len(message) <= MESSAGE_BYTES_MAX else None
    if whole is None:
        raise _malformed("not a first message")
    texts = whole[2].split(b"\x01", EXTENSIONS_MAX + 1)
    pairs = [pair for pair in map(_PAIR.fullmatch, texts) if pair is not None]
    named = {pair[1]: pair[2] for pair in pairs}
    if not len(texts) == len(pairs) == len(named) or len(texts) > EXTENSIONS_MAX + 1:
        raise _malformed("pairs that are none, or too many, or two of one name")
    bearer = _BEARER.fullmatch(named.pop(b"auth", b""))
    if bearer is None or bearer[1].lower() != b"bearer":
        raise _malformed("no bearer token")
    name = (whole[1] or b"").decode("ascii").replace("=2C", ",").replace("=3D", "=")
    return FirstMessage(name, bearer[2].decode("ascii"), tuple((key.decode("ascii"), value.decode("ascii")) for key, value in named.items()))


def _malformed(what: str) -> SaslFailure:
    return SaslFailure(_INVALID, f"{NAME}: {what}")


@implementer(ISaslMechanism)
class OAuthBearer:
    """The mechanism.

    :param logins: knows which tokens are good.
    """

    name = NAME

    def __init__(self, logins: TokenLogins) -> None:
        self._logins = logins

    def begin(self, host: str = "") -> OAuthBearerExchange:
        """A new exchange; see :meth:`~chronik.security.interfaces.ISaslMechanism.begin`."""
        return OAuthBearerExchange(self._logins, host)


@implementer(ISaslExchange)
class OAuthBearerExchange:
    """One client's exchange: its first message, and where that does not do, the byte that ends it."""

    def __init__(self, logins: TokenLogins, host: str) -> None:
        self._logins = logins
        self._host = host
        self._begun = False
        self._refusal: tuple[str, str] | None = None

    @deferred
    async def step(self, message: bytes) -> tuple[bytes, Login | None]:
        """Take the client's next message; see :meth:`~chronik.security.interfaces.ISaslExchange.step`."""
        if self._refusal is not None:
            # The byte 1 is what the client owes, and all it can say; whatever it sends, it has failed.
            raise SaslFailure(_REFUSED.decode(), *self._refusal)
        if self._begun:
            raise _malformed("a message too many")
        self._begun = True
        first = parse_first(message)
        try:
            proof = await self._logins.verify(first.token, self._host)
        except LoginsRefused as refusal:
            raise SaslFailure(f"Authentication failed: {refusal}", f"{NAME}: too many failed logins", first.name) from None
        except InvalidToken as reason:
            self._refusal = f"{NAME}: the token proves nothing: {reason}", first.name
            return _REFUSED, None
        if first.name and first.name != proof.principal.name:
            raise SaslFailure(
                f"Authentication failed: Client requested an authorization id ({first.name}) that is different from the token's principal name "
                f"({proof.principal.name})",
                user=proof.principal.name,
            )
        return b"", Login(proof.principal, proof.expires)
