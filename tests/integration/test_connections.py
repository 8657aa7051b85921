"""Thousands of connections that do nothing are held, while hundreds of others produce at once; nobody is refused."""

from __future__ import annotations

import re
import resource
import selectors
import socket
import struct
import time
from typing import Final

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from chronik.testing.records import batch_of
from tests.integration import wire
from tests.integration.clients import create, end_offset
from tests.integration.harness import Broker, eventually, resident_bytes
from tests.lengths import length, report

IDLE: Final = length(500, 5_000)

PRODUCING: Final = 200

ROUNDS: Final = length(5, 100)
"""Records that each producing client sends, one after the other."""

PARTITIONS: Final = 8

OPEN_FILES: Final = length(256, 1_024)
"""The soft limit that the broker is started with, lower than what it will need; 1,024 is what most systems give."""

CONNECTION_BYTES_MAX: Final = 40 << 10
"""What an idle connection may cost the broker in memory."""

ALLOWANCE_BYTES: Final = 16 << 20
"""What an allocator may take in one piece meanwhile, for whatever reason."""

ROUND_SECONDS_MAX: Final = 30.0


class ConnectionsTests(SynchronousTestCase):
    """One broker, many sockets."""

    def setUp(self) -> None:
        """Let this process open enough files, and start a broker that is let open few, unless it asks for more."""
        wanted = IDLE + PRODUCING + 200
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < wanted:
            raise SkipTest(f"this process may open {hard} files, the test needs {wanted}")
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.broker = Broker()
        self.addCleanup(self.broker.close)
        self.broker.prefix = ["sh", "-c", f'ulimit -S -n {OPEN_FILES} && exec "$@"', "sh"]
        self.broker.start()

    def test_idle_and_producing(self) -> None:
        """Every idle client is answered before and after, each record of the others is acknowledged, and no connection is refused."""
        topic = create(self.broker, "crowded", PARTITIONS)
        empty = resident_bytes(self.broker.pid)
        idle = [self.connect() for _ in range(IDLE)]
        for each in idle:
            self.ask(each)
        held = resident_bytes(self.broker.pid)
        report(f"{IDLE} idle connections: {(held - empty) / 1e6:.1f} MB more, {held / 1e6:.1f} MB in all")
        self.assertLess(held - empty, IDLE * CONNECTION_BYTES_MAX + ALLOWANCE_BYTES)
        latencies = sorted(self.produce_at_once(topic))
        self.assertEqual(PRODUCING * ROUNDS, len(latencies))
        self.assertEqual(PRODUCING * ROUNDS, sum(end_offset(self.broker, topic, partition) for partition in range(PARTITIONS)))
        p50, p99 = (latencies[int(len(latencies) * share)] * 1e3 for share in (0.5, 0.99))
        report(f"{PRODUCING} producing at once, {len(latencies)} records: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        for each in idle:
            self.ask(each)
        self.assertGreaterEqual(self.open_connections(), IDLE)
        text = self.broker.http("/metrics")[1]
        self.assertEqual([], [value for value in re.findall(r"(?m)^chronik_connections_refused_total{.*} (.*)$", text) if float(value)])
        for each in idle:
            each.close()
        eventually(lambda: self.open_connections() < IDLE // 10, what="the end of the connections")

    def open_connections(self) -> float:
        """As the broker counts them."""
        return sum(map(float, re.findall(r"(?m)^chronik_connections{.*} (.*)$", self.broker.http("/metrics")[1])))

    def connect(self) -> socket.socket:
        """A connection that is closed at the end of the test."""
        connection = self.broker.connect(30)
        self.addCleanup(connection.close)
        return connection

    def ask(self, connection: socket.socket) -> None:
        """A request that is answered."""
        connection.sendall(wire.API_VERSIONS_REQUEST)
        self.assertEqual(b"\0\0\0\x07", wire.response(connection)[:4])

    def produce_at_once(self, topic: str) -> list[float]:
        """All clients send a record with acks=all, all wait for their answers, again and again; how long each answer took."""
        requests = [wire.produce_request(topic, batch_of(b"%d" % partition * 100), partition=partition) for partition in range(PARTITIONS)]
        selector = selectors.DefaultSelector()
        for number in range(PRODUCING):
            selector.register(self.connect(), selectors.EVENT_READ, requests[number % PARTITIONS])
        clients = list(selector.get_map().values())
        latencies: list[float] = []
        for _ in range(ROUNDS):
            latencies += self.round(selector, clients, topic)
        selector.close()
        for client in clients:
            client.fileobj.close()  # type: ignore[union-attr]
        return latencies

    def round(self, selector: selectors.BaseSelector, clients: list[selectors.SelectorKey], topic: str) -> list[float]:
        """One record of each."""
        sent: dict[socket.socket, float] = {}
        for client in clients:
            sent[client.fileobj] = time.perf_counter()  # type: ignore[index]
            client.fileobj.sendall(client.data)  # type: ignore[union-attr]
        latencies: list[float] = []
        deadline = time.monotonic() + ROUND_SECONDS_MAX
        while sent:
            self.assertLess(time.monotonic(), deadline, f"{len(sent)} of {PRODUCING} clients wait for an answer")
            for ready, _ in selector.select(1.0):
                answer = wire.response(ready.fileobj)  # type: ignore[arg-type]
                latencies.append(time.perf_counter() - sent.pop(ready.fileobj))  # type: ignore[arg-type]
                at = 4 + 4 + 2 + len(topic) + 4 + 4  # correlation id, array, name, array, partition
                self.assertEqual(0, struct.unpack_from(">h", answer, at)[0])
        return latencies
