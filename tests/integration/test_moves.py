"""Partitions of a real broker that move between its directories while real clients use them."""

from __future__ import annotations

import os
import signal
import struct
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients import consume, create, producer
from tests.integration.harness import Broker, eventually
from tests.integration.wire import call, frame, string

MOVES = 6

RECORDS = 3_000
"""Sent during each move; of a kilobyte."""


class MoveTests(SynchronousTestCase):
    """A broker of two log directories, and a topic of one partition."""

    def setUp(self) -> None:
        """Start it."""
        self.broker = Broker({"log.segment.bytes": "1048576"})
        self.addCleanup(self.broker.close)
        self.directories = [Path(self.broker.directory) / name for name in ("first", "second")]
        self.broker.settings["log.dirs"] = ",".join(map(str, self.directories))
        self.broker.start()
        create(self.broker, "t")

    def sends(self, *apis: str) -> None:
        """As :meth:`BrokerTestCase.sends`, of a broker that was started just now."""
        self.addCleanup(lambda: self.assertEqual([], [api for api in apis if not self.broker.requests().get(api)]))

    def places(self) -> list[Path]:
        """The directories that have the partition."""
        return [directory for directory in self.directories if (directory / "t-0").is_dir()]

    def other(self) -> Path:
        """The directory that has it not."""
        (found,) = [directory for directory in self.directories if directory not in self.places()]
        return found

    def move(self, directory: Path) -> int:
        """AlterReplicaLogDirs, version 1, byte by byte: no client library here has it. The partition's error code."""
        body = struct.pack(">i", 1) + string(str(directory))  # one directory
        body += struct.pack(">i", 1) + string("t") + struct.pack(">ii", 1, 0)  # one topic, of one partition: 0
        answer = call(self.broker, frame(34, 1, body))
        at = 4 + 4 + 4 + len(string("t")) + 4  # correlation id, throttle time, one topic, its name, one partition
        number, code = struct.unpack_from(">ih", answer, at)
        self.assertEqual((0, at + 6), (number, len(answer)))
        return int(code)

    def has_moved(self, directory: Path) -> bool:
        """Whether DescribeLogDirs tells the partition there, and nowhere else, and not as on its way."""
        admin = KafkaAdminClient(**self.broker.python)
        try:
            (answer,) = admin.describe_log_dirs({"t": [0]})
        finally:
            admin.close()
        found = [(d["log_dir"], p["is_future_key"]) for d in answer["log_dirs"] for t in d["topics"] for p in t["partitions"]]
        return found == [(str(directory), False)]

    def values(self, client: Any, first: int, count: int) -> None:
        """Send numbered records."""
        for number in range(first, first + count):
            client.produce("t", b"%d " % number + b"." * 1000, partition=0)
            client.poll(0)

    def test_while_it_is_used(self) -> None:
        """An idempotent producer and a consumer notice nothing: each record once, in order; and search finds what came after."""
        self.sends("AlterReplicaLogDirs", "DescribeLogDirs")
        client = producer(self.broker, enable_idempotence=True)
        sent = 0
        for _ in range(MOVES):
            self.values(client, sent, RECORDS // 2)
            target = self.other()
            self.assertEqual(0, self.move(target))
            self.values(client, sent + RECORDS // 2, RECORDS // 2)
            sent += RECORDS
            eventually(lambda target=target: self.has_moved(target) and self.places() == [target], 60, "the move")
            self.assertEqual(0, client.flush(60))
        found = consume(self.broker, "t", sent)
        self.assertEqual(list(range(sent)), [int((message.value() or b"").split()[0]) for message in found])
        self.broker.assert_prompt()
        eventually(lambda: self.broker.http("/t/_count")[1].get("count") == sent, 60, "search to find all")

    def test_killed_meanwhile(self) -> None:
        """A broker that is killed during a move goes on with it when it is back, and has everything that was acknowledged."""
        client = producer(self.broker, enable_idempotence=True)
        self.values(client, 0, 20_000)
        self.assertEqual(0, client.flush(60))
        target = self.other()
        self.assertEqual(0, self.move(target))
        self.broker.stop(signal.SIGKILL)
        self.broker.start()
        eventually(lambda: self.has_moved(target) and self.places() == [target], 60, "the move")
        found = consume(self.broker, "t", 20_000)
        self.assertEqual(list(range(20_000)), [int((message.value() or b"").split()[0]) for message in found])

    def test_refused(self) -> None:
        """A directory that is none, and the one where it is."""
        (place,) = self.places()
        self.assertEqual((57, 0), (self.move(Path(os.sep) / "nowhere"), self.move(place)))
        self.assertEqual([place], self.places())
