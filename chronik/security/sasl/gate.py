"""What a connection must pass on a SASL listener before anything else is served on it (KIP-43, KIP-152), and again when its session ends (KIP-368).

States as in Kafka: a handshake names the mechanism, then the mechanism's messages come one after the other, each in a SaslAuthenticate request
or, after a handshake of version 0, bare. What comes out of order ends the connection.
"""

from __future__ import annotations

import enum
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import Attribute, Interface, implementer

from chronik.defer import or_error
from chronik.errors import ErrorCode, KafkaError
from chronik.network.interfaces import IAuthentication, ProtocolViolation, Session
from chronik.protocol.apis import ApiKey, api_name
from chronik.security.interfaces import ISaslExchange, ISaslMechanism, Login, SaslFailure

HANDSHAKE_BYTES_MAX: Final = 64 << 10
"""ApiVersions and SaslHandshake before authentication: a client id and a few short names."""

REAUTHENTICATION_SECONDS_MIN: Final = 1.0
"""Kafka's: nobody may prove who they are more often."""

_FAILED: Final = "Authentication failed"


class State(enum.Enum):
    """How far a peer has come."""

    HANDSHAKE = "before the handshake"
    EXCHANGE = "in an exchange"
    COMPLETE = "authenticated"
    FAILED = "failed"


class UnsupportedMechanism(KafkaError):
    """A mechanism that is not offered.

    :ivar mechanisms: those that are.
    """

    def __init__(self, mechanisms: tuple[str, ...]) -> None:
        super().__init__(ErrorCode.UNSUPPORTED_SASL_MECHANISM, "Unsupported SASL mechanism")
        self.mechanisms = mechanisms


@dataclass(frozen=True, slots=True)
class Outcome:
    """An authentication that ended, for logs, metrics and whoever keeps account.

    :ivar login: whom it proved; None when it failed.
    :ivar user: who was claimed, as far as that is known.
    :ivar reason: why it failed, without secrets; empty when it did not.
    :ivar again: the peer had proved who it is before.
    """

    session: Session
    mechanism: str
    login: Login | None
    user: str = ""
    reason: str = ""
    again: bool = False


class ISaslListener(Interface):
    """What all connections of one listener share."""

    clock = Attribute("""Keeps time.""")
    mechanisms = Attribute("""Those that are offered, by name.""")
    turns = Attribute("""When failures are answered.""")
    failure_delay_seconds = Attribute("""How long whoever failed waits for the answer.""")
    expired = Attribute("""How many connections were ended because their session was over; each of them counts itself.""")

    def message_bytes_max(mechanism: str) -> int:
        """How large a message of a mechanism may be."""

    def lifetime_ms(mechanism: str, login: Login) -> int | None:
        """For how long a login holds; None for ever."""

    def ended(outcome: Outcome) -> None:
        """An authentication ended."""


@implementer(IAuthentication)
class SaslAuthentication:
    """One connection's.

    :param server: what all connections of its listener share.
    :ivar pending: the peer is proving who it is now.
    :ivar since: when that began.
    :ivar bare: its next message has no Kafka header.
    """

    _log = Logger()

    def __init__(self, session: Session, server: ISaslListener) -> None:
        # The session has this: a circle would be left to the garbage collector, which thousands of logins a second would keep busy.
        self._of = weakref.ref(session)
        self._server = server
        self._state = State.HANDSHAKE
        self._mechanism = ""
        self._exchange: ISaslExchange | None = None
        self._wrong_mechanism = ""
        self._login: Login | None = None
        self._expires_at: float | None = None
        self._begun_again_at = float("-inf")
        self.pending = True
        self.since = server.clock.seconds()
        self.bare = False

    @property
    def _session(self) -> Session:
        """Whose this is; it is there for as long as anybody asks anything of this."""
        session = self._of()
        assert session is not None
        return session

    @property
    def login(self) -> Login | None:
        """Whom the peer has proved to be, and by what."""
        return self._login

    @property
    def bare_bytes_max(self) -> int:
        """How large a bare message may be."""
        return self._server.message_bytes_max(self._mechanism)

    # -- which requests come through -----------------------------------------------------------------------------------

    def frame_bytes_max(self, api_key: int) -> int:
        """How large a request of an API may be now.

        :raises ProtocolViolation: it may not be sent now.
        """
        if not self.pending:
            return 1 << 31
        if api_key == ApiKey.SASL_AUTHENTICATE:
            return self._server.message_bytes_max(self._mechanism) + HANDSHAKE_BYTES_MAX
        if api_key == ApiKey.SASL_HANDSHAKE or (api_key == ApiKey.API_VERSIONS and self._state is State.HANDSHAKE):
            return HANDSHAKE_BYTES_MAX
        raise ProtocolViolation(f"a {api_name(api_key)} request, {self._state.value}: it has to authenticate first")

    def admit(self, api_key: int) -> None:
        """A request is about to be served.

        :raises ProtocolViolation: it must not be; so it is when the session has ended, whatever it is, unless it begins a new one.
        """
        if self.pending:
            self.frame_bytes_max(api_key)
        elif self._expires_at is not None and api_key != ApiKey.SASL_HANDSHAKE and self._server.clock.seconds() > self._expires_at:
            self._server.expired += 1
            raise ProtocolViolation(f"a {api_name(api_key)} request after the end of its session, without authenticating again")

    # -- the peer's requests -------------------------------------------------------------------------------------------

    def handshake(self, name: str, version: int) -> tuple[str, ...]:
        """The peer names a mechanism.

        :param version: of SaslHandshake; after 0 the messages are bare.
        :returns: the names of all that there are.
        :raises KafkaError: ``ILLEGAL_SASL_STATE``, or :class:`UnsupportedMechanism`; the connection ends after it, unless it is authenticated.
        """
        again = self._state is State.COMPLETE
        if again and not self._may_begin_again(version):
            raise KafkaError(ErrorCode.ILLEGAL_SASL_STATE, "SaslHandshake request received after successful authentication")
        if not again and self._state is not State.HANDSHAKE:
            raise self._out_of_order("SaslHandshake")
        mechanisms: Mapping[str, ISaslMechanism] = self._server.mechanisms
        mechanism = mechanisms.get(name)
        if mechanism is None:
            self._fail(name, SaslFailure("Unsupported SASL mechanism"))
            raise UnsupportedMechanism(tuple(mechanisms))
        if again:
            self.since = self._begun_again_at = self._server.clock.seconds()
            if name != self._mechanism:
                self._wrong_mechanism = (
                    f"SASL mechanism '{name}' requested by client is not supported for re-authentication of mechanism '{self._mechanism}'"
                )
        else:
            self._mechanism = name
        self._exchange = mechanism.begin(self._session.peer_host)
        self._state, self.pending, self.bare = State.EXCHANGE, True, version == 0
        return tuple(mechanisms)

    def _may_begin_again(self, version: int) -> bool:
        """Whether there is anything to renew, by a handshake after which messages have headers, and not too soon after the last time."""
        since = self._server.clock.seconds() - self._begun_again_at
        return self._expires_at is not None and version > 0 and since >= REAUTHENTICATION_SECONDS_MIN

    async def authenticate(self, message: bytes) -> tuple[bytes, int]:
        """The peer's next message. Not a Deferred: one that fails is left to the garbage collector (see :func:`~chronik.defer.or_error`).

        :returns: the answer, and for how many ms the session holds; 0 for ever, or while it is not complete.
        :raises KafkaError: ``ILLEGAL_SASL_STATE`` or ``SASL_AUTHENTICATION_FAILED``, in its time; the connection ends after it.
        """
        exchange = self._exchange
        if self._state is not State.EXCHANGE or exchange is None:
            raise self._out_of_order("SaslAuthenticate")
        outcome = await self._stepped(exchange, message)
        if isinstance(outcome, SaslFailure):
            self._fail(self._mechanism, outcome)
            await self._wait()
            raise KafkaError(ErrorCode.SASL_AUTHENTICATION_FAILED, str(outcome))
        answer, login = outcome
        return answer, 0 if login is None else self._complete(login)

    async def _stepped(self, exchange: ISaslExchange, message: bytes) -> tuple[bytes, Login | None] | SaslFailure:
        """What comes of a message; a failure is no exception, see :func:`~chronik.defer.or_error`."""
        if self._wrong_mechanism:
            return SaslFailure(self._wrong_mechanism)
        try:
            outcome: tuple[bytes, Login | None] | SaslFailure = await or_error(exchange.step(message), SaslFailure)
        except Exception:  # noqa: BLE001  whatever fails in there must not let anybody in
            self._log.failure("{mechanism} could not be served here", mechanism=self._mechanism)
            return SaslFailure(f"{_FAILED}: the broker could not check it", "the broker failed")
        if isinstance(outcome, SaslFailure) or outcome[1] is None:
            return outcome
        return self._changed(outcome[1]) or outcome

    def _changed(self, login: Login) -> SaslFailure | None:
        """Nobody becomes somebody else on a connection."""
        before = self._login
        if before is None or before.principal == login.principal:
            return None
        why = f"Cannot change principals during re-authentication from {before.principal}: {login.principal}"
        return SaslFailure(why, user=login.principal.name)

    def _complete(self, login: Login) -> int:
        again, self._login = self._login is not None, login
        self._state, self.pending, self.bare, self._exchange = State.COMPLETE, False, False, None
        self._session.principal = login.principal
        lifetime_ms = self._server.lifetime_ms(self._mechanism, login)
        self._expires_at = None if lifetime_ms is None else self._server.clock.seconds() + lifetime_ms / 1000
        self._server.ended(Outcome(self._session, self._mechanism, login, login.principal.name, again=again))
        return lifetime_ms or 0

    def _out_of_order(self, request: str) -> KafkaError:
        """What is told of a request that must not come now; the connection ends after it."""
        where = self._state.value
        self._fail(self._mechanism, SaslFailure(f"a {request} request {where}"))
        return KafkaError(ErrorCode.ILLEGAL_SASL_STATE, f"Unexpected {request} request {where}")

    def _fail(self, mechanism: str, failure: SaslFailure) -> None:
        again = self._login is not None
        self._state, self.pending, self.bare, self._exchange = State.FAILED, True, False, None
        self._session.ending = True
        self._server.ended(Outcome(self._session, mechanism, None, failure.user, failure.reason, again))

    async def _wait(self) -> None:
        """Whoever failed is kept waiting, so that nobody tries many times a second."""
        seconds = self._server.failure_delay_seconds
        if seconds > 0:
            await deferLater(self._server.clock, seconds)
        await self._server.turns.wait()
