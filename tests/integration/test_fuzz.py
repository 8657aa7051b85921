"""Mutated requests over TCP, to a broker as users start it."""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import struct
from pathlib import Path

from chronik.protocol.apis import ApiKey
from tests.fuzz.corpus import Corpus
from tests.fuzz.frames import samples
from tests.fuzz.mutation import Mutator
from tests.integration.clients import create
from tests.integration.harness import eventually
from tests.integration.undisturbed import UndisturbedCase
from tests.lengths import length, report, seed

FRAMES = length(1_000, 20_000)

BURST = 10
"""Frames of one connection."""

MIGHTY = frozenset(
    {
        ApiKey.ALTER_CLIENT_QUOTAS,
        ApiKey.ALTER_CONFIGS,
        ApiKey.ALTER_PARTITION_REASSIGNMENTS,
        ApiKey.BROKER_HEARTBEAT,
        ApiKey.CREATE_PARTITIONS,
        ApiKey.CREATE_TOPICS,
        ApiKey.INCREMENTAL_ALTER_CONFIGS,
        ApiKey.UNREGISTER_BROKER,
        ApiKey.UPDATE_FEATURES,
    }
)
"""APIs by which whoever may use them may rightly slow everybody down; they are sent to brokers in memory only."""


class FuzzTests(UndisturbedCase):
    """All against one broker, while another client works."""

    timeout = 7_200

    def test_mutated(self) -> None:
        """Nothing is logged as unforeseen, no connection is left open, and the other client does not notice."""
        create(self.broker, "t")
        randomness, mutator = random.Random(seed(3)), Mutator(samples(), Corpus.load().frames)
        sent = 0
        with self.undisturbed():
            before = self._sockets()
            while sent < FRAMES:
                frames = [frame for frame in (mutator.frame(randomness) for _ in range(BURST)) if int.from_bytes(frame[:2], "big") not in MIGHTY]
                self._send(frames, wait=randomness.random() < 0.2)
                sent += len(frames)
            eventually(lambda: self._sockets() < before + 10, what="the end of the attackers' connections")
        failures = re.findall(r".*(?:failed here|Traceback|Unhandled|log_failure).*", self.broker.log())
        self.assertEqual([], failures[:3])
        report(f"{sent} frames over TCP")

    def _sockets(self) -> int:
        """How many are open."""
        found = 0
        for path in Path(f"/proc/{self.broker.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found += os.readlink(path).startswith("socket:")
        return found

    def _send(self, frames: list[bytes], wait: bool) -> None:
        """Send them at once, and read what comes until the broker ends it.

        :param wait: until it has nothing to say for a moment; else the broker is told at once that nothing more comes.
        """
        with self.broker.connect(10) as connection, contextlib.suppress(OSError):
            connection.sendall(b"".join(struct.pack(">i", len(frame)) + frame for frame in frames))
            connection.settimeout(0.1)
            if not wait:
                connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass
