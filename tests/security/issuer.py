"""Somebody who issues tokens: keys that are changed now and then, tokens of every kind, good and forged, and a web server with both."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwk, jws
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

NAME = "https://issuer.example"
AUDIENCE = "kafka"
CLIENTS = {"producer": "s3cret-of-producer", "consumer": "s3cret-of-consumer"}
LIFETIME_SECONDS = 300


def encoded(value: Any) -> str:
    """Bytes, a text or whatever JSON can say, as base64url without padding."""
    data = value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


_KINDS = {"RS256": ("RSA", 2048), "PS256": ("RSA", 2048), "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"), "ES512": ("EC", "P-521")}
_MADE: dict[tuple[str, int | str, int], Any] = {}


def key_of(kind: str, size: int | str, number: int = 0) -> Any:
    """A private key; making one takes long, so all tests have the same."""
    if (kind, size, number) not in _MADE:
        _MADE[kind, size, number] = jwk.generate_key(kind, size)  # type: ignore[call-overload]
    return _MADE[kind, size, number]


class Issuer:
    """Signs tokens.

    :param now: seconds since 1970.
    :ivar keys: by id: the algorithm and the private key; the last one signs.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.keys: dict[str, tuple[str, Any]] = {}
        self.rotate("k1")

    def rotate(self, key_id: str, algorithm: str = "ES256", forget: bool = False) -> None:
        """Sign with a new key from now on.

        :param forget: take back all earlier ones.
        """
        if forget:
            self.keys.clear()
        kind, size = _KINDS.get(algorithm, ("OKP", "Ed25519"))
        self.keys[key_id] = (algorithm, key_of(kind, size, sum(map(ord, key_id))))

    def key_set(self) -> bytes:
        """What it publishes."""
        keys = [{**key.as_dict(private=False), "kid": name, "alg": algorithm, "use": "sig"} for name, (algorithm, key) in self.keys.items()]
        return json.dumps({"keys": keys}).encode()

    def claims(self, name: str = "alice", **changed: Any) -> dict[str, Any]:
        """Of a good token; what is changed to None is left out."""
        now = int(self.now())
        claims = {"iss": NAME, "aud": AUDIENCE, "sub": name, "iat": now, "nbf": now, "exp": now + LIFETIME_SECONDS, "scope": "produce consume"}
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}

    def token(self, name: str = "alice", header: Mapping[str, Any] | None = None, **changed: Any) -> str:
        """A token with a good signature.

        :param header: what its header says beside, or instead of, the usual; None for what it does not say.
        """
        key_id = list(self.keys)[-1]
        algorithm, key = self.keys[key_id]
        said = {k: v for k, v in {"alg": algorithm, "typ": "at+jwt", "kid": key_id, **(header or {})}.items() if v is not None}
        return signed(said, json.dumps(self.claims(name, **changed)), key)


def signed(header: Mapping[str, Any], payload: str | bytes, key: Any, by: str | None = None) -> str:
    """A token.

    :param by: the algorithm that really signs it, where that is not the header's.
    """
    text = f"{encoded(dict(header))}.{encoded(payload)}"
    name = by or str(header["alg"])
    name = "Ed25519" if name == "EdDSA" else name
    return f"{text}.{encoded(jws.JWSRegistry.algorithms[name].sign(text.encode(), key))}"


class _TokenEndpoint(Resource):
    """Tokens for clients that show their secret (RFC 6749, section 4.4)."""

    isLeaf = True

    def __init__(self, issuer: Issuer) -> None:
        super().__init__()
        self._issuer = issuer
        self.issued = 0
        self.asked = 0
        self.lifetime_seconds = LIFETIME_SECONDS
        self.groups = ["clients"]
        self.broken: tuple[int, bytes] | None = None

    def render_POST(self, request: Request) -> bytes:
        """A client asks."""
        self.asked += 1
        request.setHeader("Content-Type", "application/json")
        if self.broken is not None:
            request.setResponseCode(self.broken[0])
            return self.broken[1]
        arguments = {key: values[0] for key, values in request.args.items()}
        user, secret = request.getUser() or arguments.get(b"client_id", b""), request.getPassword() or arguments.get(b"client_secret", b"")
        if arguments.get(b"grant_type") != b"client_credentials" or CLIENTS.get(user.decode()) != secret.decode():
            request.setResponseCode(401)
            return b'{"error":"invalid_client"}'
        self.issued += 1
        expires = int(self._issuer.now()) + self.lifetime_seconds
        token = self._issuer.token(user.decode(), exp=expires, groups=self.groups)
        return json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime_seconds, "scope": "produce"}).encode()


class _KeySetEndpoint(Resource):
    """The keys; or, while it is broken, whatever a broken server says."""

    isLeaf = True

    def __init__(self, issuer: Issuer) -> None:
        super().__init__()
        self._issuer = issuer
        self.asked = 0
        self.broken: tuple[int, bytes] | None = None

    def render_GET(self, request: Request) -> bytes:
        """Somebody asks."""
        self.asked += 1
        if self.broken is not None:
            request.setResponseCode(self.broken[0])
            request.setHeader("Location", "/jwks")
            return self.broken[1]
        request.setHeader("Content-Type", "application/jwk-set+json")
        return self._issuer.key_set()


class AuthorizationServer:
    """A small OAuth server over HTTP: ``/token`` and ``/jwks``.

    :ivar keys: the endpoint of keys; tests break it.
    :ivar tokens: the endpoint of tokens.
    """

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.keys = _KeySetEndpoint(issuer)
        self.tokens = _TokenEndpoint(issuer)
        root = Resource()
        root.putChild(b"jwks", self.keys)
        root.putChild(b"token", self.tokens)
        self.site = Site(root)
        self.site.noisy = False
