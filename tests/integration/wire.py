"""A few requests written byte by byte, for what no client would send or show."""

from __future__ import annotations

import socket
import struct
from typing import Final

from tests.integration.harness import Broker

REFUSALS: Final = frozenset({2, 43, 76, 87})
"""CORRUPT_MESSAGE, UNSUPPORTED_FOR_MESSAGE_FORMAT, UNSUPPORTED_COMPRESSION_TYPE, INVALID_RECORD."""

API_VERSIONS_REQUEST: Final = bytes.fromhex(
    "00000012"  # length: 18
    "0012 0000"  # ApiVersions, version 0
    "00000007"  # correlation id
    "0008 63686172 61637465"  # client id: 8 bytes
)


def string(text: str) -> bytes:
    """A string with its length before it."""
    raw = text.encode()
    return struct.pack(">h", len(raw)) + raw


def frame(api_key: int, version: int, body: bytes, correlation_id: int = 1) -> bytes:
    """A request with a header of version 1."""
    request = struct.pack(">hhi", api_key, version, correlation_id) + string("raw") + body
    return struct.pack(">i", len(request)) + request


def exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes of a connection.

    :raises ConnectionError: it ended before.
    """
    read = bytearray()
    while len(read) < count:
        piece = connection.recv(count - len(read))
        if not piece:
            raise ConnectionError(f"the connection ended after {len(read)} of {count} bytes")
        read += piece
    return bytes(read)


def response(connection: socket.socket) -> bytes:
    """The next response, its correlation id first."""
    (length,) = struct.unpack(">i", exactly(connection, 4))
    return exactly(connection, length)


def call(broker: Broker, request: bytes) -> bytes:
    """The response to one request on a connection of its own."""
    with broker.connect() as connection:
        connection.sendall(request)
        return response(connection)


def produce_request(topic: str, records: bytes, acks: int = -1, partition: int = 0) -> bytes:
    """Produce, version 7, of one partition's records."""
    body = struct.pack(">hhi", -1, acks, 30_000)  # no transactional id
    body += struct.pack(">i", 1) + string(topic) + struct.pack(">iii", 1, partition, len(records)) + records
    return frame(0, 7, body)


def produce(broker: Broker, topic: str, records: bytes) -> tuple[int, int]:
    """Produce to partition 0: the error code and the base offset."""
    answer = call(broker, produce_request(topic, records))
    at = 4 + 4 + 2 + len(topic.encode()) + 4 + 4  # correlation id, array, name, array, partition
    code, offset = struct.unpack_from(">hq", answer, at)
    return code, offset


def fetch(broker: Broker, topic: str, offset: int) -> bytes:
    """The records that a Fetch, version 10, of partition 0 answers."""
    body = struct.pack(">iiiibii", -1, 100, 1, 50 << 20, 0, 0, -1)  # replica, wait, at least, at most, isolation, no session
    body += struct.pack(">i", 1) + string(topic)
    body += struct.pack(">iiiqqi", 1, 0, -1, offset, -1, 50 << 20)  # one partition, 0, no epoch, offset, no log start, at most
    body += struct.pack(">i", 0)  # nothing forgotten
    answer = call(broker, frame(1, 10, body))
    at = 4 + 4 + 2 + 4 + 4 + 2 + len(topic.encode()) + 4 + 4  # correlation id, throttle, error, session, array, name, array, partition
    code, _, _, _, aborted = struct.unpack_from(">hqqqi", answer, at)
    if code or aborted > 0:
        raise AssertionError(f"error {code}, {aborted} aborted")
    at += 2 + 8 + 8 + 8 + 4
    (size,) = struct.unpack_from(">i", answer, at)
    return answer[at + 4 : at + 4 + size]
