"""``chronik produce``: lines become records."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from chronik.cli.cluster import Cluster
from chronik.cli.lines import blocks_of_lines
from chronik.cli.partitioning import KeyPartitioner
from chronik.cli.producer import Producer
from chronik.cli.security import client_security
from chronik.errors import ChronikError
from chronik.record.build import NewRecord
from chronik.record.compression import Codec

PROGRESS_SECONDS: Final = 1.0
"""Shorter work than this shows no progress."""

RECORD_OVERHEAD_BYTES: Final = 12

Split = Callable[[bytes], tuple[bytes | None, bytes | None]]


async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Produce all of the input, and say how much it was."""
    cluster = Cluster(reactor, options.bootstrap, client_security(options))
    try:
        topic = await cluster.topic(options.topic, create=True)
        if options.partition is not None and options.partition not in topic.leaders:
            raise ChronikError(f"topic {topic.name} has no partition {options.partition}, only 0 to {len(topic.leaders) - 1}")
        producer = Producer(cluster, topic, -1 if options.acks == "all" else int(options.acks), Codec[options.compression.upper()])
        await producer.start()
        batches = Batches(producer, options)
        for name in options.files or ["-"]:
            await _produce_file(reactor, name, batches)
        await batches.flush()
        await producer.flush()
        batches.progress.clear()
        print(summary(producer), file=sys.stderr)
    finally:
        cluster.close()


async def _produce_file(reactor: Any, name: str, batches: Batches) -> None:
    if name == "-" and sys.stdin is None:
        raise ChronikError("there is nothing to produce: standard input is closed")
    descriptor = sys.stdin.fileno() if name == "-" else os.open(name, os.O_RDONLY)
    try:
        async for lines, is_idle in blocks_of_lines(reactor, descriptor):
            await batches.add(lines)
            if is_idle:
                await batches.flush()
    finally:
        if name != "-":
            os.close(descriptor)


def summary(producer: Producer) -> str:
    """``3 records to orders (p0: 0..1, p1: 7..7)``."""
    ranges = ", ".join(f"p{partition}: {first}..{last}" for partition, (first, last) in sorted(producer.written.items()) if first >= 0 and last >= 0)
    count = "1 record" if producer.records == 1 else f"{producer.records} records"
    return f"{count} to {producer.topic.name}" + (f" ({ranges})" if ranges else "")


def splitter(options: argparse.Namespace) -> Split:
    """How a line becomes key and value."""
    null = None if options.null_marker is None else options.null_marker.encode()
    separator, field = options.key_separator, options.json_key

    def plain(line: bytes) -> tuple[bytes | None, bytes | None]:
        return None, None if line == null else line

    def separated(line: bytes) -> tuple[bytes | None, bytes | None]:
        key, found, value = line.partition(separator)
        if not found:
            raise ChronikError(f"a line has no separator {separator.decode()!r}: {_shown(line)}")
        return None if key == null else key, None if value == null else value

    def json_key(line: bytes) -> tuple[bytes | None, bytes | None]:
        return _json_key(line, field), line

    return separated if separator else json_key if field else plain


def _json_key(line: bytes, field: str) -> bytes | None:
    try:
        document = json.loads(line)
    except ValueError as error:
        raise ChronikError(f"a line is not JSON: {_shown(line)}") from error
    if not isinstance(document, dict) or field not in document:
        raise ChronikError(f"a line has no field {field!r}: {_shown(line)}")
    key = document[field]
    if key is None:
        return None
    return (key if isinstance(key, str) else json.dumps(key)).encode()


def _shown(line: bytes) -> str:
    return repr(line[:80].decode(errors="replace"))


class Batches:
    """Records gathered by partition until there are enough for a batch. Those without a key stay together, and move on with each batch (KIP-480)."""

    def __init__(self, producer: Producer, options: argparse.Namespace) -> None:
        self._producer = producer
        self._split = splitter(options)
        self._fixed: int | None = options.partition
        self._bytes_max: int = options.batch_bytes
        self._headers = [(name, value.encode()) for name, value in options.header]
        self._overhead = RECORD_OVERHEAD_BYTES + sum(len(name) + len(value) + 2 for name, value in self._headers)
        self._partitions: Sequence[int] = list(producer.topic.leaders)
        self._sticky = 0
        self._by_key = KeyPartitioner(len(self._partitions))
        self._records: dict[int, list[NewRecord]] = {}
        self._sizes: dict[int, int] = {}
        self.progress = Progress()

    async def add(self, lines: Sequence[bytes]) -> None:
        """Add lines, and send what becomes full."""
        now = time.time_ns() // 1_000_000
        for line in lines:
            key, value = self._split(line)
            partition = self._partition(key)
            size = self._overhead + len(key or b"") + len(value or b"")
            if self._sizes.get(partition, 0) + size > self._bytes_max and partition in self._records:
                await self._send(partition)
                partition = self._partition(key)
            self._records.setdefault(partition, []).append(NewRecord(key, value, now, self._headers))
            self._sizes[partition] = self._sizes.get(partition, 0) + size
        self.progress.show(self._producer.records, self._producer.sent_bytes)

    def _partition(self, key: bytes | None) -> int:
        if self._fixed is not None:
            return self._fixed
        return self._partitions[self._sticky] if key is None else self._by_key.partition(key)

    async def _send(self, partition: int) -> None:
        if partition == self._partitions[self._sticky]:
            self._sticky = (self._sticky + 1) % len(self._partitions)
        self._sizes.pop(partition)
        await self._producer.send(partition, self._records.pop(partition))

    async def flush(self) -> None:
        """Send what there is."""
        for partition in list(self._records):
            await self._send(partition)


class Progress:
    """A line on a terminal that tells how far long work has come."""

    def __init__(self) -> None:
        self._enabled = sys.stderr.isatty()
        self._started = self._shown = time.monotonic()
        self._is_shown = False

    def show(self, records: int, sent_bytes: int) -> None:
        """Say it, once a second at most."""
        now = time.monotonic()
        if not self._enabled or now - self._shown < PROGRESS_SECONDS:
            return
        self._shown = now
        self._is_shown = True
        rate = records / (now - self._started)
        print(f"\r\x1b[K{records} records, {sent_bytes / 1e6:.1f} MB, {rate:.0f} records/s", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the line."""
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
