"""The client's side of SASL: how this broker logs in to others, and the commands to a broker."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, execute
from zope.interface import implementer

from chronik.defer import IThreadPools, Pool, deferred
from chronik.network.interfaces import ISaslClient
from chronik.security.sasl.saslprep import prepared_if_possible
from chronik.security.scram_keys import ITERATIONS_MIN, SCRAM_HASHES

ITERATIONS_TAKEN_MAX: Final = 1_000_000
"""A server that asks for more wants to keep its clients busy."""

NONCE_BYTES: Final = 24

_CHALLENGE: Final = re.compile(r"r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+),s=(?P<salt>[A-Za-z0-9/+=]+),i=(?P<iterations>[0-9]{1,9})(?:,[A-Za-z]+=[^,\0]*)*")
_VERDICT: Final = re.compile(r"(?:v=(?P<verifier>[A-Za-z0-9/+=]+)|e=(?P<error>[^,\0]+))(?:,[A-Za-z]+=[^,\0]*)*")


@implementer(ISaslClient)
class PlainClient:
    """PLAIN (RFC 4616)."""

    mechanism = "PLAIN"

    def __init__(self, user: str, password: str) -> None:
        self._message = f"\0{user}\0{password}".encode()

    @deferred
    async def respond(self, challenge: bytes | None) -> bytes | None:
        """User and password; what the server says to them is all there is to it."""
        return self._message if challenge is None else None


@implementer(ISaslClient)
class ScramClient:
    """SCRAM-SHA-256 or SCRAM-SHA-512 (RFC 5802, RFC 7677).

    :param run: computes for long, as :func:`~twisted.internet.defer.execute` or in a thread.
    :param random: gives that many random bytes.
    """

    def __init__(
        self,
        mechanism: str,
        user: str,
        password: str,
        run: Callable[..., Deferred[Any]] = execute,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.mechanism = mechanism
        self._kind = SCRAM_HASHES[mechanism]
        self._password = prepared_if_possible(password)
        self._run = run
        name = prepared_if_possible(user).replace("=", "=3D").replace(",", "=2C")
        self._nonce = base64.b64encode(random(NONCE_BYTES)).decode()
        self._first = f"n={name},r={self._nonce}"
        self._verifier: bytes | None = None
        self._step = 0

    @deferred
    async def respond(self, challenge: bytes | None) -> bytes | None:
        """Prove the password, then see whether the server knows it as well; see :meth:`ISaslClient.respond`."""
        self._step += 1
        if self._step == 1:
            return f"n,,{self._first}".encode()
        text = (challenge or b"").decode("ascii", "replace")
        if self._step == 2:
            return await self._prove(text)
        found = _VERDICT.fullmatch(text)
        if found is None or found["verifier"] is None or self._step > 3 or self._verifier is None:
            why = found["error"] if found is not None else None
            raise ValueError(f"the server refused: {why}" if why else "the server's last message is no proof")
        if not hmac.compare_digest(_bytes(found["verifier"]), self._verifier):
            raise ValueError("the server does not know the password: it is not who it should be")
        return None

    async def _prove(self, challenge: str) -> bytes:
        found = _CHALLENGE.fullmatch(challenge)
        if found is None or not found["nonce"].startswith(self._nonce) or len(found["nonce"]) <= len(self._nonce):
            raise ValueError("the server's first message is none of this exchange")
        iterations = int(found["iterations"])
        if not ITERATIONS_MIN <= iterations <= ITERATIONS_TAKEN_MAX:
            raise ValueError(f"the server asks for {iterations} iterations; between {ITERATIONS_MIN} and {ITERATIONS_TAKEN_MAX} are taken")
        kind = self._kind
        salted: bytes = await self._run(kind.salted, self._password, _bytes(found["salt"]), iterations)
        final = f"c=biws,r={found['nonce']}"
        text = f"{self._first},{challenge},{final}".encode()
        client_key = kind.hmac(salted, b"Client Key")
        signature = kind.hmac(kind.digest(client_key), text)
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        self._verifier = kind.hmac(kind.hmac(salted, b"Server Key"), text)
        return f"{final},p={base64.b64encode(proof).decode()}".encode()


def sasl_client(
    mechanism: str, user: str, password: str, pools: IThreadPools | None = None, random: Callable[[int], bytes] = os.urandom
) -> ISaslClient:
    """The client of a mechanism.

    :param pools: where passwords are computed with; None to do so at once.
    :raises ValueError: no such mechanism is known here.
    """
    if mechanism == "PLAIN":
        return PlainClient(user, password)
    if mechanism not in SCRAM_HASHES:
        raise ValueError(f"the mechanism {mechanism} is not known here; there are PLAIN, {', '.join(SCRAM_HASHES)}")

    def in_pool(function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        return execute(function, *args) if pools is None else pools.run(Pool.CPU, function, *args)

    return ScramClient(mechanism, user, password, in_pool, random)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("the server sent what is not base64") from None
