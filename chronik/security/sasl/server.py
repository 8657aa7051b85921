"""SASL as all listeners of a broker offer it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger
from zope.interface import implementer

from chronik.clocks import WallClock
from chronik.config import Configuration
from chronik.network.interfaces import IAuthenticators, Session
from chronik.security.interfaces import ISaslMechanism, Login
from chronik.security.sasl.gate import ISaslListener, Outcome, SaslAuthentication
from chronik.security.sasl.mechanisms import SaslParts, mechanisms_of
from chronik.security.sasl.turns import Turns

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

LOGGED_A_SECOND_MAX: Final = 10
"""Failures that are logged one by one; more of them in a second are counted only, so that nobody fills the disk with them."""


@implementer(ISaslListener)
class SaslServer:
    """What all connections of one listener share.

    :param listener: its name.
    :param config: the broker's, as it is now whenever it is called.
    :param mechanisms: those it offers.
    :param clock: times sessions.
    :param wall_clock: tells for how long a proof still holds.
    :param ended: told of every authentication that ended.
    :param turns: when failures are answered.
    :ivar expired: connections that were ended because their session was over.
    """

    def __init__(
        self,
        listener: str,
        config: Callable[[], Configuration],
        mechanisms: Mapping[str, ISaslMechanism],
        clock: IReactorTime,
        wall_clock: WallClock,
        ended: Callable[[Outcome], None],
        turns: Turns,
    ) -> None:
        self._listener = listener
        self._config = config
        self._seen: Configuration | None = None
        self._own: Configuration | None = None
        self.mechanisms = mechanisms
        self.clock = clock
        self._wall_clock = wall_clock
        self.ended = ended
        self.turns = turns
        self.expired = 0

    def _get(self, key: str) -> int | None:
        """A number as the listener has it now."""
        config = self._config()
        if self._own is None or config is not self._seen:
            self._seen, self._own = config, config.for_listener(self._listener)
        found: int | None = self._own.get(key)
        return found

    def message_bytes_max(self, mechanism: str) -> int:
        """How large a message of a mechanism may be: as is configured, or less where the mechanism has no use for so much."""
        configured = self._get("sasl.server.max.receive.size") or 0
        return min(configured, int(getattr(self.mechanisms.get(mechanism), "message_bytes_max", configured)))

    @property
    def failure_delay_seconds(self) -> float:
        """How long whoever failed waits for the answer."""
        return (self._get("connection.failed.authentication.delay.ms") or 0) / 1000

    def lifetime_ms(self, mechanism: str, login: Login) -> int | None:
        """For how long a login holds; None for ever. The end of what it was proved by counts, and so does ``connections.max.reauth.ms``."""
        ends = []
        configured = self._get(f"{mechanism.lower()}.connections.max.reauth.ms")
        if configured is None:
            configured = self._get("connections.max.reauth.ms")
        if configured:
            ends.append(configured)
        if login.expires is not None:
            ends.append(max(0, int((login.expires - self._wall_clock()) * 1000)))
        return min(ends, default=None)


@implementer(IAuthenticators)
class SaslServers:
    """One for each listener of a SASL protocol.

    :param listeners: their names.
    :param parts: what mechanisms are made of.
    :ivar counts: authentications that ended, by listener, mechanism, and ``succeeded`` or ``failed``.
    :ivar observers: told of each of them.
    """

    _log = Logger()

    def __init__(self, listeners: Iterable[str], parts: SaslParts) -> None:
        config, clock, turns = parts.auth.config, parts.auth.reactor, Turns(parts.auth.reactor)
        self._clock = clock
        self._servers = {
            name: SaslServer(name, config, mechanisms_of(config().for_listener(name), parts), clock, parts.auth.wall_clock, self._ended, turns)
            for name in listeners
        }
        self._logged_second = 0
        self._logged = 0
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.observers: list[Callable[[Outcome], None]] = []

    def begin(self, session: Session) -> SaslAuthentication | None:
        """A new connection; see :meth:`IAuthenticators.begin`."""
        server = self._servers.get(session.listener)
        return None if server is None else SaslAuthentication(session, server)

    @property
    def expired(self) -> Mapping[str, int]:
        """By listener, connections that were ended because their session was over."""
        return {name: server.expired for name, server in self._servers.items()}

    def _ended(self, outcome: Outcome) -> None:
        session = outcome.session
        known = outcome.mechanism if outcome.mechanism in self._servers[session.listener].mechanisms else "unknown"
        self.counts[session.listener, known, "failed" if outcome.login is None else "succeeded"] += 1
        for observer in self.observers:
            observer(outcome)
        if outcome.login is None:
            self._log_failure(outcome)
        else:
            self._log.debug(
                "{principal} of {host} authenticated by {mechanism} on {listener}",
                principal=outcome.login.principal,
                host=session.peer_host,
                mechanism=outcome.mechanism,
                listener=session.listener,
            )

    def _log_failure(self, outcome: Outcome) -> None:
        second = int(self._clock.seconds())
        if second != self._logged_second:
            if self._logged > LOGGED_A_SECOND_MAX:
                self._log.info("{count} more authentications failed within a second", count=self._logged - LOGGED_A_SECOND_MAX)
            self._logged_second, self._logged = second, 0
        self._logged += 1
        if self._logged <= LOGGED_A_SECOND_MAX:
            self._log.info(
                "the authentication of {host}:{port} on {listener} by {mechanism!r} failed, for user {user!r}: {reason}",
                host=outcome.session.peer_host,
                port=outcome.session.peer_port,
                listener=outcome.session.listener,
                mechanism=outcome.mechanism[:64],
                user=outcome.user[:128],
                reason=outcome.reason,
            )
