"""What a connection hands upwards, and what it takes back; and how other brokers are reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from OpenSSL.SSL import Connection
    from twisted.internet.defer import Deferred

    from chronik.network.channel import KafkaChannel
    from chronik.security.interfaces import Principal
    from chronik.storage.interfaces import ILogSlice

Piece: TypeAlias = "bytes | ILogSlice"
"""A part of an answer; bytes, or a slice of a log to be sent from its file."""

Pieces: TypeAlias = "Sequence[Piece]"


@dataclass(slots=True, eq=False, weakref_slot=True)
class Session:
    """What is known of one connection.

    :ivar listener: name of the listener it came through.
    :ivar peer_host: the peer's address as text; ``local`` on private sockets.
    :ivar local_host: the address that the peer reached us on.
    :ivar local_port: and the port.
    :ivar principal: who the peer is.
    :ivar internal: one of the broker's own children on a private socket.
    :ivar client_software: name and version the client told in ApiVersions (KIP-511).
    :ivar closed: the connection is gone.
    :ivar muted_until: no further request is begun before this time, in seconds of the broker's clock (KIP-219).
    :ivar encrypted: the connection is encrypted (TLS).
    :ivar authentication: how far the peer has come in proving who it is, an :class:`IAuthentication`; None where the listener does not ask for it.
    :ivar ending: nothing more is begun on this connection, and it closes once what was begun is answered.
    :ivar waiting: requests that wait for something to happen, each with a method ``wake()``; woken when the connection goes.
    :ivar sequences: what of its idempotent producers was refused, a :class:`~chronik.server.sequences.RefusedSequences`; None where nothing was.
    """

    listener: str
    peer_host: str
    peer_port: int
    local_host: str
    local_port: int
    principal: Principal
    internal: bool = False
    client_software: tuple[str, str] = ("", "")
    closed: bool = False
    muted_until: float = 0.0
    encrypted: bool = False
    authentication: Any = None
    ending: bool = False
    waiting: dict[Any, None] = field(default_factory=dict)
    sequences: Any = None


class Answer(NamedTuple):
    """What :meth:`IRequestDispatcher.dispatch` gives back. A tuple, for it is made for every request.

    :ivar started: None when the request has done what must happen in order (queued its appends); else fires then, and the next request of
        the connection waits for it.
    :ivar pieces: fires with the whole response, without its length prefix; with None when none is to be sent (acks=0).
        A failure of it ends the connection.
    """

    started: Deferred[None] | None
    pieces: Deferred[Pieces | None]


class ProtocolViolation(Exception):
    """The peer sent what no client sends; its connection is closed with one log line that says this."""


class Handshake(NamedTuple):
    """How a TLS handshake with a client ended that shows who it is.

    :ivar principal: whom its certificate stands for; None where the handshake failed.
    :ivar reason: why it failed.
    """

    listener: str
    host: str
    principal: Principal | None
    reason: str = ""


class IRequestDispatcher(Interface):
    """Serves requests; provided by the server."""

    def frame_bytes_max(session: Session, api_key: int, api_version: int) -> int:
        """How large a request of this API may be.

        :raises ProtocolViolation: no such API is served here.
        """

    def dispatch(session: Session, frame: bytes) -> Answer:
        """Serve one request.

        :param frame: header and body, without the length.
        :raises ProtocolViolation: the frame cannot be understood.
        """

    def disconnected(session: Session) -> None:
        """The connection is gone: what it waits for may be dropped."""


class IAuthentication(Interface):
    """How far one peer has come in proving who it is; its connection looks at it before every request."""

    pending = Attribute("""Whether the peer is proving it now: its requests are served one after the other, and nothing else is.""")
    since = Attribute("""When that began, in seconds of the broker's clock; set anew when a connection had to wait for its turn.""")
    bare = Attribute("""Whether its next message comes without a Kafka header, behind its size alone (after a SaslHandshake of version 0).""")
    bare_bytes_max = Attribute("""How large such a message may be.""")
    login = Attribute("""Whom the peer has proved to be and by what, a :class:`~chronik.security.interfaces.Login`; None before it has.""")


class IAuthenticators(Interface):
    """Knows how the peers of each listener prove who they are; provided by what knows users."""

    def begin(session: Session) -> IAuthentication | None:
        """A new connection; None when its listener asks for nothing."""


class ISaslClient(Interface):
    """This side's part in one exchange of a SASL mechanism."""

    mechanism = Attribute("""The mechanism's name.""")

    def respond(challenge: bytes | None) -> Deferred[bytes | None]:
        """Answer a challenge of the server; None begins.

        :returns: what to send; None when the exchange is complete, and the server has proved what it had to.
        :raises ValueError: the server did not; says how, without secrets.
        """


class IBrokerChannels(Interface):
    """Connections to the other brokers of the cluster."""

    def connect(broker_id: int) -> Deferred[KafkaChannel]:
        """A new channel, of the caller's own, that knows the other's versions.

        :raises ChannelError: it is not registered or cannot be reached.
        """


class TlsRefusal(Exception):
    """The peer's certificate is in order, and still it is not whom this connection is for; says why."""


class ITlsSide(Interface):
    """One side of TLS connections: which certificate it shows, and whom it trusts. Provided by security."""

    def connection() -> Connection:
        """A new connection over memory, by the certificates as they are now; its handshake has not begun."""

    def identify(connection: Connection) -> Principal | None:
        """Whom the peer's certificate stands for, once the handshake is done; None where it showed none.

        :raises TlsRefusal: it is not to be let in, or not whom was to be connected to.
        """

    def explain(connection: Connection, error: Exception) -> str:
        """Why a handshake failed, for the log: completes "it …"."""
