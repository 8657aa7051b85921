"""Bytes that are no Kafka, and clients that mean no good: they end their own connection and nobody else's."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import struct
from collections.abc import Callable, Iterator

from twisted.trial.unittest import SynchronousTestCase

from chronik.record.build import NewRecord, build_batch
from tests.integration import wire
from tests.integration.clients import create, produce, unused_name
from tests.integration.harness import Broker, children, eventually
from tests.integration.undisturbed import UndisturbedCase

TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(189))


class HostileTests(UndisturbedCase):
    """All against one broker, while another client works."""

    def test_other_protocols(self) -> None:
        """HTTP, a TLS hello, SSH and text are not Kafka, and end at once."""
        with self.undisturbed():
            for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", TLS_HELLO, b"SSH-2.0-OpenSSH_9.6\r\n", b"\r\n\r\n\r\n\r\n", b"\xff" * 64):
                self.ended(sent)

    def test_lengths(self) -> None:
        """A frame whose length is negative, tiny or huge ends its connection; nothing of its size is set aside."""
        with self.undisturbed():
            for length in (-1, -(1 << 31), 0, 1, 3, 7, (100 << 20) + 1, (1 << 31) - 1):
                self.ended(struct.pack(">i", length) + b"\x00\x12\x00\x00" + bytes(64))

    def test_unknown_requests(self) -> None:
        """API keys and versions that are not there end the connection, but for ApiVersions, which answers that it cannot."""
        with self.undisturbed():
            for key, version in ((999, 0), (-1, 0), (3, 99), (0, -1), (4, 0)):
                self.ended(wire.frame(key, version, b""))
            answer = wire.call(self.broker, wire.frame(18, 99, b""))
            self.assertEqual((1, 35), struct.unpack_from(">ih", answer), "the correlation id, then UNSUPPORTED_VERSION")

    def test_counts(self) -> None:
        """Arrays and strings that claim to be larger than their request end the connection."""
        with self.undisturbed():
            for count in ((1 << 31) - 1, 1 << 24, -2):
                if count > 0:  # a negative one is null, which means all topics
                    self.ended(wire.frame(3, 1, struct.pack(">i", count)))  # Metadata: topics
                self.ended(wire.frame(0, 3, struct.pack(">hhii", -1, 1, 1_000, count)))  # Produce: topics
                self.ended(wire.frame(1, 4, struct.pack(">iiiibi", -1, 0, 0, 1, 0, count)))  # Fetch: topics
            for varint in (b"\xff\xff\xff\xff\x0f", b"\xff" * 11):
                self.ended(wire.frame(3, 9, b"\x00" + varint))  # flexible: no header tags, then topics

    def test_random_bytes(self) -> None:
        """Requests of random bytes, in frames of their size and without, do no harm."""
        randomness = random.Random(20)
        with self.undisturbed():
            for number in range(200):
                raw = randomness.randbytes(randomness.randrange(1, 400))
                sent = raw if number % 2 else wire.frame(randomness.randrange(0, 75), randomness.randrange(0, 14), raw)
                self.ended(sent, half_closed=True)

    def test_truncated_requests(self) -> None:
        """A good request cut anywhere, its length telling so, is refused or answered, and the next client is served."""
        topic = create(self.broker, unused_name("cut"))
        whole = wire.produce_request(topic, bytes(100))[4:]
        with self.undisturbed():
            for length in range(len(whole)):
                self.ended(struct.pack(">i", length) + whole[:length], half_closed=True)
            wire.call(self.broker, wire.API_VERSIONS_REQUEST)

    def test_half_frames_held_open(self) -> None:
        """Connections that promise large requests and send little hold neither memory nor anybody up."""
        with self.undisturbed():
            for _ in range(100):
                connection = self.connect()
                connection.sendall(struct.pack(">i", 90 << 20) + b"\x00\x00\x00\x03" + bytes(1_000))
            wire.call(self.broker, wire.API_VERSIONS_REQUEST)

    def test_idle_connections(self) -> None:
        """Two hundred connections that say nothing are held, and cost little; each is still answered."""
        with self.undisturbed():
            connections = [self.connect() for _ in range(200)]
            for connection in connections[::20]:
                connection.sendall(wire.API_VERSIONS_REQUEST)
                self.assertEqual(7, int.from_bytes(wire.response(connection)[:4], "big"))

    def test_slow_drip(self) -> None:
        """A request that comes byte by byte is answered like any other."""
        connection = self.connect()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in wire.API_VERSIONS_REQUEST:
            connection.sendall(bytes([byte]))
        self.assertEqual(7, int.from_bytes(wire.response(connection)[:4], "big"))

    def test_answers_not_read(self) -> None:
        """A client that asks and asks and never reads is not read from for ever: what waits for it stays bounded."""
        with self.undisturbed():
            connection = self.connect()
            connection.settimeout(0.5)
            with contextlib.suppress(TimeoutError, ConnectionError):
                for _ in range(200_000):
                    connection.sendall(wire.API_VERSIONS_REQUEST)

    def test_memory_full_of_half_requests(self) -> None:
        """Peers that together send more than the broker keeps, and never finish, lose their connections; those who were there are served."""
        with self.undisturbed_reader() as ask:
            connections = [self.connect() for _ in range(12)]
            for connection in connections:
                connection.settimeout(15)
                with contextlib.suppress(OSError):
                    connection.sendall(struct.pack(">i", 99 << 20) + bytes(4) + bytes(70 << 20))
            ask()
            eventually(lambda: "unfinished request" in self.broker.log(), what="the end of the largest unfinished request")
        large = wire.frame(18, 0, bytes(20))
        for _ in range(3):
            with self.connect() as connection:
                connection.sendall(large)
                wire.response(connection)

    @contextlib.contextmanager
    def undisturbed_reader(self) -> Iterator[Callable[[], bytes]]:
        """A connection that is there before, and asks in the middle and after."""
        with self.connect() as connection:

            def ask() -> bytes:
                connection.sendall(wire.API_VERSIONS_REQUEST)
                return wire.response(connection)

            ask()
            yield ask
            ask()
            ask()

    def test_requests_in_one_piece(self) -> None:
        """Many requests sent in one piece are answered all, in their order."""
        connection = self.connect()
        connection.sendall(b"".join(wire.frame(18, 0, b"", number) for number in range(500)))
        self.assertEqual(list(range(500)), [int.from_bytes(wire.response(connection)[:4], "big") for _ in range(500)])


class DescriptorTests(SynchronousTestCase):
    """A broker that the system gives few descriptors."""

    def test_more_connections_than_descriptors(self) -> None:
        """Connections past what there are descriptors for are sent away; who was there is served on, search lives, and room is found again."""
        broker = Broker()
        broker.prefix = ["prlimit", "--nofile=256:256"]
        self.addCleanup(broker.close)
        broker.start()
        topic = create(broker, unused_name("few"))
        with contextlib.ExitStack() as stack:
            kept = stack.enter_context(broker.connect(10))
            for port in (broker.port, broker.http_port):
                for _ in range(300):
                    stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            for number in range(10):
                kept.sendall(wire.frame(18, 0, b"", number))
                self.assertEqual(number, int.from_bytes(wire.response(kept)[:4], "big"))
            os.kill(children(broker.pid)[0], signal.SIGKILL)
            kept.sendall(wire.produce_request(topic, build_batch([NewRecord(None, b"later", 1_700_000_000_000)])))
            wire.response(kept)
        eventually(lambda: self._count(broker, topic) == 1, what="search after the storm")
        produce(broker, topic, [b"more"])
        self.assertFalse("EMFILE" in broker.log())
        self.assertEqual(0, broker.stop())

    def _count(self, broker: Broker, topic: str) -> int:
        """Records found, or -1 while there is no answer."""
        try:
            status, answer = broker.http(f"/{topic}/_count?wait_for_offset=end")
        except OSError:
            return -1
        return int(answer["count"]) if status == 200 else -1
