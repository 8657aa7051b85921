"""What a connection begins with: what is known of its peer, and how its socket is set."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from chronik.network.interfaces import Pieces, Session
from chronik.security.interfaces import ANONYMOUS, BROKER

if TYPE_CHECKING:
    from chronik.network.limits import ConnectionLimits


class Pending:
    """A request that was begun: its answer, once it is there."""

    __slots__ = ("done", "pieces", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.done = False
        self.pieces: Pieces | None = None


def host_of(address: Any) -> str:
    """The host of an address as text, ``local`` where it has none. An IPv4 address that came over IPv6 is an IPv4 address."""
    host: str = getattr(address, "host", None) or "local"
    mapped = host.removeprefix("::ffff:")
    return mapped if "." in mapped and ":" not in mapped else host


def session_of(transport: Any, listener: str, internal: bool) -> Session:
    """What is known of a peer who just connected.

    :param internal: it is one of the broker's own children.
    """
    peer, host = transport.getPeer(), transport.getHost()
    return Session(
        listener=listener,
        peer_host=host_of(peer),
        peer_port=getattr(peer, "port", 0),
        local_host=host_of(host),
        local_port=getattr(host, "port", 0),
        principal=BROKER if internal else ANONYMOUS,
        internal=internal,
        encrypted=getattr(transport, "TLS", False),
    )


def set_socket(transport: Any, limits: ConnectionLimits) -> None:
    """Send what there is to send at once, and size the system's buffers as it was asked for."""
    if not hasattr(transport, "setTcpNoDelay"):
        return
    transport.setTcpNoDelay(True)
    for option, size in ((socket.SO_SNDBUF, limits.send_buffer_bytes), (socket.SO_RCVBUF, limits.receive_buffer_bytes)):
        if size >= 0:
            transport.getHandle().setsockopt(socket.SOL_SOCKET, option, size)
