"""A client of a SASL listener, over a transport in memory: its bytes go through the real connection, gate, dispatcher and handlers."""

from __future__ import annotations

from struct import pack, unpack_from
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.interfaces import ScramChange
from chronik.config import Configuration
from chronik.network.crowd import NO_CROWD
from chronik.network.interfaces import ISaslClient
from chronik.network.limits import ConnectionLimits
from chronik.network.listener import ConnectionFactory, RequestBudget
from chronik.protocol import messages as m
from chronik.protocol.apis import response_class
from chronik.protocol.header import parse_response_header, request_header
from chronik.protocol.message import Message
from chronik.security.interfaces import AuthContext, ITokenValidator
from chronik.security.logins import FailedLogins, PasswordLogins
from chronik.security.metadata_store import MetadataCredentials
from chronik.security.sasl.client import sasl_client
from chronik.security.sasl.gate import Outcome
from chronik.security.sasl.mechanisms import SaslParts
from chronik.security.sasl.server import SaslServers
from chronik.security.scram_keys import SCRAM_HASHES, new_credential
from chronik.testing.pools import SynchronousThreadPools
from tests.network.fakes import PushTransport, framed
from tests.server.memory_broker import MemoryBroker

LISTENER = "SASL_PLAINTEXT"
PASSWORDS = {"alice": "wonderland", "bob": "builder"}
LIMITS = ConnectionLimits(idle_seconds=600, first_request_seconds=30, authentication_seconds=30, frame_seconds=30)


class SaslBroker:
    """A broker with alice and bob, that offers all mechanisms.

    :param pools: where passwords are computed; at once by default.
    :param validator: knows bearer tokens.
    :ivar outcomes: authentications that ended.
    :ivar failures_max: how many of one user and of one address are allowed a minute.
    """

    def __init__(
        self, case: SynchronousTestCase, settings: dict[str, str] | None = None, pools: Any = None, validator: ITokenValidator | None = None
    ) -> None:
        self.case = case
        self.failures_max = 1000
        given = {"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512", **(settings or {})}
        self.broker = MemoryBroker(given)
        self.broker.start(case)
        self.clock = self.broker.clock
        self.config: Configuration = self.broker.config
        feed, pools = self.broker.feed, pools or SynchronousThreadPools()
        credentials = MetadataCredentials(feed, pools, b"secret")
        failures = FailedLogins(self.clock, lambda: self.failures_max, lambda: self.failures_max)
        logins = PasswordLogins(credentials, failures, self.clock, b"secret")
        auth = AuthContext(pools, self.clock, self.clock.seconds, lambda: self.config, feed)
        parts = SaslParts(auth, credentials, logins, failures, bytes, b"secret", NO_CROWD.pause, validators=lambda config: validator)
        self.servers = SaslServers([LISTENER], parts)
        self.outcomes: list[Outcome] = []
        self.servers.observers.append(self.outcomes.append)
        for user, password in PASSWORDS.items():
            self.set_password(user, password)

    def set_password(self, user: str, password: str | None) -> None:
        """Give a user a password, or none."""
        changes = [ScramChange(user, each, None if password is None else new_credential(each, password)) for each in SCRAM_HASHES]
        assert self.case.successResultOf(self.broker.controller.alter_scram(changes)) == {user: None}

    def connect(self) -> SaslPeer:
        """A new connection."""
        return SaslPeer(self)


class SaslPeer:
    """One connection's client."""

    def __init__(self, broker: SaslBroker, listener: str = LISTENER) -> None:
        self._case, self.clock = broker.case, broker.clock
        self.factory = ConnectionFactory(listener, self.clock, LIMITS, 100 << 20, RequestBudget())
        self.factory.dispatcher = broker.broker.dispatcher
        self.factory.authenticators = broker.servers
        self.transport = PushTransport()
        connection = self.factory.buildProtocol(self.transport.getPeer())
        assert connection is not None
        self.connection = connection
        connection.makeConnection(self.transport)
        self._next = 0
        self._asked: list[tuple[int, int, int]] = []
        self._read = 0

    # -- requests ------------------------------------------------------------------------------------------------------

    def frame(self, request: Message, version: int) -> bytes:
        """A request as it travels; its answer is expected."""
        assert request.api_key is not None
        self._next += 1
        self._asked.append((self._next, request.api_key, version))
        return framed(request_header(request.api_key, version, self._next, "me") + request.encode(version))

    def send(self, data: bytes) -> None:
        """Bytes come; what was put off to the reactor's next turn is done."""
        self.connection.dataReceived(data)
        self.clock.advance(0)

    def ask(self, request: Message, version: int) -> Any:
        """A request, and its answer, or None while there is none."""
        self.send(self.frame(request, version))
        return self.answer()

    def answer(self) -> Any:
        """The next answer, or None."""
        frame = self.bare_answer()
        if frame is None:
            return None
        correlation_id, api_key, version = self._asked.pop(0)
        found, start = parse_response_header(frame, api_key, version)
        assert found == correlation_id, f"correlation id {found}"
        return response_class(api_key).decode(frame, version, start)[0]

    def bare_answer(self) -> bytes | None:
        """The next answer's bytes, or None."""
        sent = self.transport.value()
        if len(sent) < self._read + 4:
            return None
        (size,) = unpack_from(">i", sent, self._read)
        frame = sent[self._read + 4 : self._read + 4 + size]
        self._read += 4 + size
        return frame

    # -- the usual ways ------------------------------------------------------------------------------------------------

    def versions(self) -> Any:
        """ApiVersions."""
        return self.ask(m.ApiVersionsRequest(client_software_name="test", client_software_version="1"), 3)

    def handshake(self, mechanism: str, version: int = 1) -> Any:
        """SaslHandshake."""
        return self.ask(m.SaslHandshakeRequest(mechanism=mechanism), version)

    def authenticate(self, message: bytes, version: int = 2) -> Any:
        """SaslAuthenticate; a refusal comes when its delay is over."""
        answer = self.ask(m.SaslAuthenticateRequest(auth_bytes=message), version)
        if answer is None:
            self.clock.advance(0.1)
            answer = self.answer()
        return answer

    def login(self, mechanism: str = "PLAIN", user: str = "alice", password: str | None = None, version: int = 2) -> Any:
        """A handshake and the whole exchange; the last answer."""
        handshake = self.handshake(mechanism)
        if handshake.error_code:
            return handshake
        client: ISaslClient = sasl_client(mechanism, user, PASSWORDS[user] if password is None else password)
        message: bytes | None = self._case.successResultOf(client.respond(None))
        answer = None
        while message is not None:
            answer = self.authenticate(message, version)
            if answer is None or answer.error_code:
                return answer
            message = self._case.successResultOf(client.respond(answer.auth_bytes))
        return answer

    def metadata(self) -> Any:
        """A request that is no SASL one."""
        return self.ask(m.MetadataRequest(topics=()), 9)

    @property
    def over(self) -> bool:
        """Whether the broker has ended the connection."""
        return self.transport.aborted or self.transport.disconnecting

    @property
    def principal(self) -> str:
        """Who the broker thinks this is."""
        assert self.connection.session is not None
        return str(self.connection.session.principal)

    def leave(self) -> None:
        """Hang up."""
        self.connection.connectionLost(Failure(ConnectionDone()))


def bare(message: bytes) -> bytes:
    """A message of a mechanism without a Kafka header."""
    return pack(">i", len(message)) + message
