"""SCRAM-SHA-256 and SCRAM-SHA-512, the server's side (RFC 5802, RFC 7677). No I/O.

Channel binding is not supported: a client that asks for it is refused, one that only says that it could is served (section 6). An unknown user
is led through the same exchange as a known one, with a salt of its own that stays the same, and fails where a wrong password fails.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from chronik.defer import deferred
from chronik.security.interfaces import (
    ISaslExchange,
    ISaslMechanism,
    IScramCredentials,
    IScramTokens,
    Login,
    Principal,
    SaslFailure,
    ScramCredential,
)
from chronik.security.logins import FailedLogins, LoginsRefused
from chronik.security.sasl.saslprep import prepared_if_possible
from chronik.security.scram_keys import ITERATIONS, ITERATIONS_MAX, ITERATIONS_MIN, SALT_BYTES, SCRAM_HASHES

MESSAGE_BYTES_MAX: Final = 8 << 10
"""A name, a nonce and a few extensions; what is longer is none of a client's messages."""

NONCE_BYTES: Final = 24

_FIRST: Final = re.compile(
    r"(?P<gs2>(?P<binding>n|y|p=[A-Za-z0-9.\-]+),(?:a=(?P<authzid>[^,\0]+))?,)"
    r"(?P<bare>(?P<mandatory>m=[^,\0]+,)?n=(?P<user>[^,\0]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?P<extensions>(?:,[A-Za-z]+=[^,\0]*)*))"
)
_FINAL: Final = re.compile(
    r"(?P<bare>c=(?P<binding>[A-Za-z0-9/+=]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]+=[^,\0]*)*),p=(?P<proof>[A-Za-z0-9/+=]+)"
)
_ESCAPE: Final = re.compile(r"=(2C|3D|.{0,2})", re.DOTALL)
_BASE36: Final = re.compile(rb"[0-9a-z]+")
_DIGITS36: Final = b"0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an exchange is about: who is claimed, and what would prove it.

    :ivar user: as the client said.
    :ivar known: False for somebody that nothing can prove.
    :ivar owner: whom a token stands for; None for a user.
    """

    user: str
    credential: ScramCredential
    known: bool
    owner: Principal | None = None
    expires: float | None = None
    token_id: str | None = None


@implementer(ISaslMechanism)
class ScramMechanism:
    """One of the two.

    :param name: which.
    :param credentials: whom it knows.
    :param failures: who has failed too often.
    :param random: gives that many random bytes.
    :param secret: makes what unknown users are told; asked for each time, and the same for as long as that is to stay the same.
    :param tokens: delegation tokens, for clients that say ``tokenauth=true``; None where there are none.
    """

    message_bytes_max = MESSAGE_BYTES_MAX

    def __init__(
        self,
        name: str,
        credentials: IScramCredentials,
        failures: FailedLogins,
        random: Callable[[int], bytes],
        secret: Callable[[], bytes],
        tokens: IScramTokens | None = None,
    ) -> None:
        self.name = name
        self.kind = SCRAM_HASHES[name]
        self.failures = failures
        self._random = random
        self._credentials = credentials
        self._secret = secret
        self._tokens = tokens

    def begin(self, host: str = "") -> ScramExchange:
        """A new exchange."""
        return ScramExchange(self, host)

    def nonce(self) -> str:
        """The server's part of an exchange's nonce."""
        return base64.b64encode(self._random(NONCE_BYTES)).decode()

    async def claim(self, user: str, by_token: bool) -> _Claim:
        """What would prove a user. The same is done for one that there is not, who is told the same however the name is written."""
        if by_token:
            return await self._token_claim(user, self._nobody(user, None))
        prepared = prepared_if_possible(user)
        number = int.from_bytes(self._derived("number", prepared)[:8], "big")
        nobody = self._nobody(prepared, await self._credentials.scram_sample(self.name, number))
        for name in dict.fromkeys((prepared, user)):
            found = await self._credentials.scram_credential(self.name, name)
            if found is not None and ITERATIONS_MIN <= found.iterations <= ITERATIONS_MAX:
                return _Claim(name, found, known=True)
        return _Claim(user, nobody, known=False)

    async def _token_claim(self, token_id: str, nobody: ScramCredential) -> _Claim:
        found = None if self._tokens is None else await self._tokens.token_credential(self.name, token_id)
        if found is None:
            return _Claim(token_id, nobody, known=False)
        return _Claim(token_id, found.credential, True, found.owner, found.expires, token_id)

    async def principal(self, claim: _Claim) -> Principal:
        """Whom a claim is about that was proved."""
        if claim.owner is not None:
            return claim.owner
        found: Principal = await self._credentials.scram_principal(claim.user)
        return found

    def _derived(self, use: str, user: str) -> bytes:
        return hmac.digest(self._secret(), f"{use}\0{self.name}\0{user}".encode("utf-8", "surrogatepass"), "sha512")

    def _nobody(self, user: str, sample: ScramCredential | None) -> ScramCredential:
        """What an unknown user is told: shaped as what some known one is."""
        length = SALT_BYTES if sample is None else len(sample.salt)
        material = b"".join(self._derived(f"salt {count}", user) for count in range(-(-length // 64)))[:length]
        if sample is not None and _BASE36.fullmatch(sample.salt):
            material = bytes(_DIGITS36[each % 36] for each in material)
        keys = self._derived("keys", user)[: self.kind.size]
        iterations = ITERATIONS if sample is None else min(max(sample.iterations, ITERATIONS_MIN), ITERATIONS_MAX)
        return ScramCredential(material, iterations, keys, keys)


@implementer(ISaslExchange)
class ScramExchange:
    """A client's two messages and the answers to them."""

    def __init__(self, mechanism: ScramMechanism, host: str) -> None:
        self._mechanism = mechanism
        self._host = host
        self._steps = 0
        self._gs2 = b""
        self._client_first = ""
        self._server_first = ""
        self._nonce = ""
        self._claim: _Claim | None = None

    def step(self, message: bytes) -> Deferred[tuple[bytes, Login | None]]:
        """Take the client's next message; see :meth:`ISaslExchange.step`."""
        self._steps += 1
        return self._first(_text(message)) if self._steps == 1 else self._final(_text(message))

    @deferred
    async def _first(self, message: str | None) -> tuple[bytes, Login | None]:
        found = _FIRST.fullmatch(message) if message is not None else None
        if found is None:
            raise SaslFailure(self._invalid, "the client's first message is malformed")
        if found["binding"].startswith("p="):
            raise SaslFailure(f"Authentication failed: {self._mechanism.name} is offered without channel binding", "channel binding was asked for")
        if found["mandatory"]:
            raise SaslFailure("Authentication failed: the client asks for an extension that is not supported", "a mandatory extension was asked for")
        user, authzid = self._name(found["user"]), self._name(found["authzid"] or "")
        by_token = ("tokenauth", "true") in (tuple(each.split("=", 1)) for each in found["extensions"].split(",") if each)
        if authzid and authzid != user:
            raise SaslFailure("Authentication failed: Client requested an authorization id that is different from username", user=user)
        self._check_failures(user)
        claim = self._claim = await self._mechanism.claim(user, by_token)
        self._gs2, self._client_first = found["gs2"].encode(), found["bare"]
        self._nonce = found["nonce"] + self._mechanism.nonce()
        salt = base64.b64encode(claim.credential.salt).decode()
        self._server_first = f"r={self._nonce},s={salt},i={claim.credential.iterations}"
        return self._server_first.encode(), None

    @deferred
    async def _final(self, message: str | None) -> tuple[bytes, Login | None]:
        claim, kind = self._claim, self._mechanism.kind
        if claim is None or self._steps > 2:
            raise SaslFailure(self._invalid, "a message came after the end of the exchange")
        found = _FINAL.fullmatch(message) if message is not None else None
        if found is None:
            raise SaslFailure(self._invalid, "the client's final message is malformed", claim.user)
        binding, proof = _decoded(found["binding"]), _decoded(found["proof"])
        if binding is None or not hmac.compare_digest(binding, self._gs2):
            raise SaslFailure(self._invalid, "the client's final message does not repeat how it began", claim.user)
        # librdkafka before 2.6.1 says its own part twice. The server's part is what keeps an exchange from being replayed, and the proof covers both.
        if not found["nonce"].endswith(self._nonce):
            raise SaslFailure(self._invalid, "the client's nonce is not the one of this exchange", claim.user)
        # Whoever begins many exchanges before any of them ends has not failed yet when they begin.
        self._check_failures(claim.user)
        text = ",".join((self._client_first, self._server_first, found["bare"])).encode()
        signature = kind.hmac(claim.credential.stored_key, text)
        client_key = bytes(one ^ other for one, other in zip(proof or b"", signature, strict=False))
        right = hmac.compare_digest(kind.digest(client_key), claim.credential.stored_key)
        verifier = base64.b64encode(kind.hmac(claim.credential.server_key, text))
        if not (right and claim.known and len(proof or b"") == kind.size):
            self._mechanism.failures.failed(self._host, claim.user)
            raise SaslFailure(self._invalid, "the password is wrong or the user unknown", claim.user)
        self._mechanism.failures.succeeded(self._host, claim.user)
        return b"v=" + verifier, Login(await self._mechanism.principal(claim), claim.expires, claim.token_id)

    def _check_failures(self, user: str) -> None:
        try:
            self._mechanism.failures.check(self._host, user)
        except LoginsRefused as refusal:
            raise SaslFailure(f"Authentication failed: {refusal}", "too many failed logins", user) from None

    @property
    def _invalid(self) -> str:
        """What Kafka says of whatever is wrong: no more than that it is."""
        return f"Authentication failed during authentication due to invalid credentials with SASL mechanism {self._mechanism.name}"

    def _name(self, text: str) -> str:
        """A name without the escapes of comma and equals sign."""

        def character(escape: re.Match[str]) -> str:
            found = {"2C": ",", "3D": "="}.get(escape[1])
            if found is None:
                raise SaslFailure(self._invalid, "the client's first message has a name with an unknown escape")
            return found

        return _ESCAPE.sub(character, text)


def _text(message: bytes) -> str | None:
    """A message as text; None when it is none."""
    if len(message) > MESSAGE_BYTES_MAX:
        return None
    try:
        return message.decode()
    except UnicodeDecodeError:
        return None


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
