"""The client's side of OAUTHBEARER (RFC 7628); see :mod:`chronik.security.sasl.oauthbearer` for the broker's."""

from __future__ import annotations

import re
from typing import Final

from zope.interface import implementer

from chronik.defer import deferred
from chronik.network.interfaces import ISaslClient
from chronik.security.sasl.oauthbearer import NAME
from chronik.security.tokens.outgoing import ITokenSource
from chronik.security.tokens.strict_json import read_object
from chronik.security.tokens.web import SourceError

_ACKNOWLEDGED: Final = b"\x01"
"""What a client says to the reason of its failure, upon which the server fails the exchange."""

_STATUS: Final = re.compile(r"[\x21-\x7e]{1,100}", re.ASCII)


@implementer(ISaslClient)
class BearerClient:
    """OAUTHBEARER with a token of a source, one that is fresh for each exchange."""

    mechanism = NAME

    def __init__(self, tokens: ITokenSource) -> None:
        self._tokens = tokens
        self._refusal = ""

    @deferred
    async def respond(self, challenge: bytes | None) -> bytes | None:
        """Show the token, and acknowledge what the server says against it; see :meth:`ISaslClient.respond`."""
        if challenge is None:
            try:
                token: str = await self._tokens.token()
            except SourceError as error:
                raise ValueError(str(error)) from None
            return b"n,,\x01auth=Bearer %s\x01\x01" % token.encode("ascii")
        if self._refusal:
            raise ValueError(self._refusal)
        if not challenge:
            return None
        self._refusal = f"the server refused the token: {_status(challenge)}"
        return _ACKNOWLEDGED


def _status(challenge: bytes) -> str:
    """What a server says of a token (RFC 7628, section 3.2.2)."""
    try:
        said = read_object(challenge).get("status")
    except ValueError:
        said = None
    return said if isinstance(said, str) and _STATUS.fullmatch(said) else "it does not say why"
