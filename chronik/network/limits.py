"""How much one peer, and all of them together, may ask of the broker. Each limit says why it is what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FRAME_BYTES_MIN: Final = 8
"""API key, version and correlation id: no request is shorter."""

REQUESTS_IN_FLIGHT_MAX: Final = 128
"""Requests of one connection that were begun and not answered. Clients pipeline 5 (idempotent) to a few dozen."""

BYTES_IN_FLIGHT_MAX: Final = 64 << 20
"""Bytes of one connection's requests in memory; one request may be larger, alone."""

BYTES_IN_FLIGHT_TOTAL_MAX: Final = 512 << 20
"""Bytes of all connections' requests in memory: past it nobody is read from, until some are answered."""

TURN_SECONDS: Final = 0.01
"""How long one turn of the reactor begins requests of one connection: whoever sends many at once must not keep others waiting."""

FRAMES_A_TURN_MAX: Final = 1024
"""Requests that one turn cuts out of what a connection sent; a megabyte may hold tens of thousands of them."""

KNOWN_REQUESTS: Final = 2
"""The request with which a peer leaves the crowd of strangers (:mod:`~chronik.network.crowd`): whoever asks once and goes need not."""

QUIET_SECONDS: Final = 10.0
"""Without a request, after which a peer is in the crowd again: its next request waits a moment longer if others are in the way."""

HEAVY_BYTES: Final = 8 << 10
"""Of a request: whoever sends such ones waits for its turn among all who do, where many do, and nobody else waits for them. Batches of producers at
work are larger; what others ask is smaller as a rule, but for Fetch."""

FETCH: Final = b"\x00\x01"
"""A Fetch begins with its API key. It asks for much where it is large, but does not bring much; and producers wait for those of replicas."""

LOOKED_AT_A_TURN: Final = 256
"""Connections whose deadlines are looked at in one turn of the reactor, which takes some 0.2 ms."""

ENDED_A_TURN: Final = 2
"""Connections that one turn ends because their time is over: many come at once, and so do their ends. About half a
millisecond."""

READ_BYTES_MAX: Final = 1 << 20
"""What one read takes from a socket while much is coming: a large batch in one or two pieces."""

READ_BYTES_MIN: Final = 64 << 10
"""What one read takes otherwise. A larger buffer would be fresh memory from the kernel for every small request, which costs more than the request."""

READ_BYTES_OF_STRANGERS: Final = 4 << 10
"""What one read takes from who has not shown yet to be a client. Of a larger buffer the rest is given back when little came, and leaves a hole
between two pieces that are kept, in which the next buffer has no room."""

WRITE_BYTES_MAX: Final = 1 << 20
"""What one turn of the reactor sends to one connection, so that no reader holds up the others."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Deadlines and sizes; who may connect at all is in :mod:`~chronik.network.admission`.

    :ivar idle_seconds: without a request in flight (``connections.max.idle.ms``).
    :ivar first_request_seconds: from the connection to its first whole request.
    :ivar authentication_seconds: from the connection, or from the beginning of a re-authentication, to its end.
    :ivar frame_seconds: from a request's first byte to its last, beside the time its size allows for.
    :ivar frame_bytes_per_second: the slowest sender that is waited for.
    :ivar stalled_seconds: an answer of which the peer takes nothing.
    :ivar backlog: connections that wait to be accepted (``socket.listen.backlog.size``).
    :ivar send_buffer_bytes: of a connection's socket, -1 leaves it to the system (``socket.send.buffer.bytes``).
    :ivar receive_buffer_bytes: likewise (``socket.receive.buffer.bytes``).
    """

    idle_seconds: float = 600.0
    first_request_seconds: float = 30.0
    authentication_seconds: float = 30.0
    frame_seconds: float = 30.0
    frame_bytes_per_second: int = 64 << 10
    stalled_seconds: float = 120.0
    backlog: int = 1024
    send_buffer_bytes: int = -1
    receive_buffer_bytes: int = -1
