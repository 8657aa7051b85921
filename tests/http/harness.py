"""A site over a transport in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.http.authentication import HttpAuthentication
from chronik.http.bearer import BearerTokens
from chronik.http.routing import Routes
from chronik.http.site import make_site
from chronik.security.audit_interfaces import NO_AUDIT, IAuditTrail
from chronik.security.interfaces import ICredentialStore, ITokenValidator, Principal
from chronik.security.logins import FailedLogins, PasswordLogins
from chronik.security.tokens.logins import TokenLogins

ALICE = Principal("User", "alice")


@implementer(ICredentialStore)
class FakeCredentials:
    """Knows alice, whose password is ``secret``."""

    def verify_password(self, user: str, password: str) -> Deferred[Principal | None]:
        """At once."""
        return succeed(ALICE if (user, password) == ("alice", "secret") else None)

    def close(self) -> Deferred[None]:
        """Nothing to do."""
        return succeed(None)


@dataclass
class Response:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, understood."""
        return json.loads(self.body)


class Client:
    """One connection to a site."""

    def __init__(
        self,
        routes: Routes,
        credentials: ICredentialStore | None = None,
        validator: ITokenValidator | None = None,
        audit: IAuditTrail = NO_AUDIT,
    ) -> None:
        self.clock = Clock()
        self.transport = StringTransport()
        self.served: list[Any] = []
        failures = FailedLogins(self.clock, lambda: 10, lambda: 5)
        tokens = BearerTokens(TokenLogins(validator, failures), self.clock, self.clock.seconds)
        authentication = HttpAuthentication(PasswordLogins(credentials, failures, self.clock, b"secret"), tokens)
        site = make_site(routes, {"broker.example"}, authentication, self.clock, audit, self.served.append)
        self.channel = site.buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """Bytes arrive at the broker."""
        self.channel.dataReceived(data)

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> None:
        """A request arrives, whose headers are named with underscores."""
        named = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body:
            named["content-length"] = str(len(body))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self.send(head.encode() + b"\r\n" + body)

    def answer(self) -> Response:
        """The one answer so far; the client forgets it."""
        head, _, body = self.transport.value().partition(b"\r\n\r\n")
        self.transport.clear()
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return Response(int(first.split(" ")[1]), headers, body)

    def fetch(self, method: str, target: str, body: bytes = b"", **headers: str) -> Response:
        """Ask and be answered at once."""
        self.ask(method, target, body, **headers)
        return self.answer()

    def hang_up(self) -> None:
        """The client goes away."""
        self.channel.connectionLost(Failure(ConnectionDone()))
