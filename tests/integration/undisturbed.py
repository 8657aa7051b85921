"""A broker that is attacked while another client works, which must not notice."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections.abc import Iterator

from tests.integration.clients import SECONDS, create, producer, unused_name
from tests.integration.harness import BrokerTestCase, eventually, resident_bytes

MEMORY_BYTES_MAX = 120 << 20
"""How much the broker may grow while it is attacked."""


class UndisturbedCase(BrokerTestCase):
    """All against one broker."""

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Another client produces all the while, and each record of it is acknowledged; the broker's memory stays bounded."""
        topic = create(self.broker, unused_name("calm"))
        before = resident_bytes(self.broker.pid)
        over, counts = threading.Event(), [0, 0]

        def work() -> None:
            client = producer(self.broker, message_timeout_ms=5_000)
            while not over.wait(0.002):
                client.produce(
                    topic, b"v" * 100, on_delivery=lambda error, message: counts.__setitem__(0 if error is None else 1, counts[error is not None] + 1)
                )
                client.poll(0)
            client.flush(SECONDS)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            eventually(lambda: counts[0] > 5, what="the other client's first records")
            yield
            at = counts[0]
            eventually(lambda: counts[0] > at + 20, 10, "more records of the other client")
        finally:
            over.set()
            thread.join()
        self.assertEqual(0, counts[1], "records of the other client that failed")
        self.assertLess(resident_bytes(self.broker.pid) - before, MEMORY_BYTES_MAX)

    def connect(self) -> socket.socket:
        """A connection of one's own."""
        connection = self.broker.connect(10)
        self.addCleanup(connection.close)
        return connection

    def ended(self, sent: bytes, half_closed: bool = False) -> bytes:
        """What the broker answers before it ends a connection that sent this.

        :param half_closed: also tell that nothing more will be sent.
        :raises TimeoutError: the broker does not end it.
        """
        answer = bytearray()
        with self.connect() as connection:
            try:
                connection.sendall(sent)
                if half_closed:
                    connection.shutdown(socket.SHUT_WR)
                while piece := connection.recv(1 << 16):
                    answer += piece
            except OSError as error:
                if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                    raise
        return bytes(answer)
