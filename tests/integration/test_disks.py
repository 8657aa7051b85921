"""A real broker and disks that fail it."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode
from tests.integration.clients import create, end_offset, produce, producer
from tests.integration.damage import Unserved, read_all
from tests.integration.harness import STOP_SECONDS, Broker, eventually

LARGE = 200_000
"""A size that no file of a broker reaches but the segments that it is written to."""


class DiskTests(SynchronousTestCase):
    """A broker of two log directories."""

    def setUp(self) -> None:
        """Start it, with a topic of four partitions of a record each."""
        self.broker = Broker({"log.scrub.interval.ms": "0"})
        self.addCleanup(self.broker.close)
        self.directories = [os.path.join(self.broker.directory, name) for name in ("first", "second")]
        self.broker.settings["log.dirs"] = ",".join(self.directories)
        self.broker.start()
        create(self.broker, "t", 4)
        client = producer(self.broker)
        for number in range(4):
            client.produce("t", b"%d" % number, partition=number)
        self.assertEqual(0, client.flush(30))

    def placed(self, directory: str) -> list[int]:
        """The partitions in a directory."""
        return sorted(int(path.name[2:]) for path in Path(directory).glob("t-*"))

    def broker_health(self) -> Any:
        """``/health/broker``."""
        return self.broker.http("/health/broker")[1]

    def test_start_without_one(self) -> None:
        """A directory that is none keeps its own partitions shut and nothing else; back in place, all is as it was."""
        gone, left = self.placed(self.directories[1]), self.placed(self.directories[0])
        self.assertEqual((2, 2), (len(gone), len(left)))
        self.assertEqual(0, self.broker.stop())
        away = self.directories[1] + ".away"
        os.rename(self.directories[1], away)
        Path(self.directories[1]).write_bytes(b"no directory")
        self.broker.start()
        for number in left:
            self.assertEqual([b"%d" % number], read_all(self.broker, "t", number))
        for number in gone:
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.assertRaises(Unserved, read_all, self.broker, "t", number).code)
        health = self.broker_health()
        self.assertEqual(("red", ["ok", "offline"]), (health["status"], [directory["state"] for directory in health["log_dirs"]]))
        self.assertIn(self.directories[1], health["log_dirs"][1]["reason"])
        self.assertIn(f'chronik_log_dir_state{{dir="{self.directories[1]}",state="offline"}} 1.0', self.broker.http("/metrics")[1])
        create(self.broker, "u", 2)
        produce(self.broker, "u", [b"u"])
        self.assertEqual(0, self.broker.stop())
        os.unlink(self.directories[1])
        os.rename(away, self.directories[1])
        self.broker.start()
        for number in range(4):
            self.assertEqual([b"%d" % number], read_all(self.broker, "t", number))
        self.assertEqual("green", self.broker_health()["status"])

    def test_failing_writes(self) -> None:
        """A write that fails takes a directory offline, nothing is acknowledged there any more; with the last one the broker ends, and says so."""
        eventually(lambda: self.broker_health()["status"] == "green", what="health")
        client = producer(self.broker, message_timeout_ms=3_000)
        for number in range(4):
            client.produce("t", b"x" * LARGE, partition=number)
        self.assertEqual(0, client.flush(30))
        # The limit of the size of files stands in for a disk: every write beyond it fails.
        resource.prlimit(self.broker.pid, resource.RLIMIT_FSIZE, (LARGE, resource.RLIM_INFINITY))
        acknowledged: list[int] = []
        for number in range(4):
            client.produce("t", b"lost", partition=number, on_delivery=lambda error, _: acknowledged.append(0) if error is None else None)
        assert self.broker.process is not None
        status = self.broker.process.wait(STOP_SECONDS)
        client.flush(10)
        self.assertEqual((1, []), (status, acknowledged))
        lines = [line for line in self.broker.log().splitlines() if line.startswith("chronik: ")]
        self.assertEqual(1, len(lines), lines)
        for directory in self.directories:
            self.assertIn(f"log directory {directory} is offline", lines[0])
        self.assertNotIn("Traceback", self.broker.log())
        self.broker.start()
        for number in range(4):
            self.assertEqual(b"%d" % number, read_all(self.broker, "t", number)[0])

    def test_damage(self) -> None:
        """A bit that changes in a closed segment while the broker runs is found, told and not served; what is around it is."""
        create(self.broker, "d", internal_segment_bytes=4_096)
        produce(self.broker, "d", [b"%04d" % n + b"x" * 90 for n in range(200)], batch_num_messages=10)
        (directory,) = [d for d in self.directories if Path(d, "d-0").exists()]
        segments = sorted(Path(directory, "d-0").glob("*.log"))
        self.assertGreater(len(segments), 3)
        damaged = segments[1]
        data = bytearray(damaged.read_bytes())
        data[100] ^= 1
        damaged.write_bytes(data)
        told = eventually(lambda: [line for d in self.broker_health()["log_dirs"] for line in d.get("damaged", ())], 60, "finding the damage")
        self.assertIn(f"{damaged} is damaged at byte 0", told[0])
        self.assertEqual(ErrorCode.CORRUPT_MESSAGE, self.assertRaises(Unserved, read_all, self.broker, "d", 0).code)
        eventually(damaged.with_suffix(".damaged").exists, what="the mark, which a thread writes after the health tells of it")
        produce(self.broker, "d", [b"more"])
        self.assertEqual(201, end_offset(self.broker, "d"))
        data[100] ^= 1
        self.broker.stop()
        damaged.write_bytes(data)
        self.broker.start()
        self.assertEqual(201, len(read_all(self.broker, "d", 0)))
