"""A normal client on one connection: it produces a small record, waits for the acknowledgement, fetches the record, and rests until its next turn.

``python steady.py PORT SECONDS OUT`` writes a line for every record: when it began and how long each half took. Raw requests on a blocking socket, so
that what is measured is the broker and not a client library's threads.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2])]

from chronik.record.build import NewRecord, build_batch
from tests.integration import wire

TOPIC = "steady"
PERIOD_SECONDS = 0.005
"""From one record's beginning to the next one's."""

ANSWER_SECONDS_MAX = 60.0


def offset_of(answer: bytes) -> int:
    """The base offset that a Produce of version 7 was answered.

    :raises RuntimeError: it was refused.
    """
    at = 4 + 4 + 2 + len(TOPIC) + 4 + 4  # correlation id, array, name, array, partition
    code, offset = struct.unpack_from(">hq", answer, at)
    if code:
        raise RuntimeError(f"Produce was answered with error {code}")
    return int(offset)


def fetch_request(offset: int) -> bytes:
    """Fetch, version 10, of one offset; answered at once."""
    body = struct.pack(">iiiibii", -1, 0, 1, 1 << 20, 0, 0, -1)  # replica, wait, at least, at most, isolation, no session
    body += struct.pack(">i", 1) + wire.string(TOPIC)
    body += struct.pack(">iiiqqi", 1, 0, -1, offset, -1, 1 << 20)  # one partition, 0, no epoch, offset, no log start, at most
    return wire.frame(1, 10, body + struct.pack(">i", 0))


def main() -> None:
    """Work until the time is over."""
    port, seconds, out = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    connection = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS_MAX)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    produce = wire.produce_request(TOPIC, build_batch([NewRecord(None, b"x" * 100, int(time.time() * 1000))]))
    over = time.monotonic() + seconds
    due = time.monotonic()
    with out.open("w", buffering=1 << 16) as lines, contextlib.suppress(KeyboardInterrupt):
        while due < over:
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            connection.sendall(produce)
            offset = offset_of(wire.response(connection))
            acknowledged = time.monotonic()
            connection.sendall(fetch_request(offset))
            if len(wire.response(connection)) < 150:
                raise RuntimeError("Fetch did not answer the record")
            ended = time.monotonic()
            lines.write(f"{began} {acknowledged - began} {ended - acknowledged}\n")
            # What came late is not made up for: the next record begins in its time, or at once.
            due = max(due + PERIOD_SECONDS, ended)


if __name__ == "__main__":
    main()
