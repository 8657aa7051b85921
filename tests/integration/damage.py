"""Data directories, what can happen to the files in them, and what a broker may then do: refuse, say what is damaged, or serve everything.

Damage inside a batch that a clean start does not read again is found by its readers: the CRC says so, or its offsets do not follow.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import TopicPartition

from chronik.errors import ErrorCode
from chronik.record.batch import BadBatch, check_crc, whole_batches
from chronik.record.build import NewRecord, build_batch
from chronik.record.records import decode_records
from tests.integration import wire
from tests.integration.clients import SECONDS, consumer, create, produce, producer
from tests.integration.harness import START_SECONDS, Broker, eventually

UNSERVED = frozenset({ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.CORRUPT_MESSAGE})
"""What a partition answers whose log is damaged."""

HOT_RECORDS = 8_000
GROUP, COMMITTED = "readers", 123

SETTINGS = {"offsets.topic.num.partitions": "1", "log.flush.offset.checkpoint.interval.ms": "500"}
"""Recovery points often: what was on disk before a kill is known."""

Partition = tuple[str, int]


@dataclass
class Template:
    """A data directory to be damaged, and what was acknowledged into it.

    :ivar clean: its broker stopped as it should; else it was killed.
    :ivar records: values by partition, in the order of offsets from 0 on.
    """

    path: Path
    clean: bool
    records: dict[Partition, list[bytes]] = field(default_factory=dict)


def make_template(path: Path, clean: bool) -> Template:
    """A broker's data: several segments, an idempotent producer, a group's offsets, an index on disk; then stop or kill it."""
    broker = Broker(SETTINGS)
    try:
        broker.start()
        create(broker, "plain", internal_segment_bytes=4096, index_interval_bytes=256)
        create(broker, "single", 2)
        create(broker, "hot")
        produce(broker, "plain", [b"%04d" % n + b"x" * 40 for n in range(400)], enable_idempotence=True, batch_num_messages=10)
        produce(broker, "single", [b'{"n":%d}' % n for n in range(50)])
        _fill_index(broker)
        _commit(broker)
        template = Template(path, clean)
        for partition in (("plain", 0), ("single", 0), ("single", 1), ("hot", 0)):
            template.records[partition] = read_all(broker, *partition)
        points = broker.data / "recovery-point-offset-checkpoint"
        eventually(lambda: points.exists() and f"hot 0 {HOT_RECORDS}" in points.read_text(), what="recovery points")
        broker.stop() if clean else broker.kill()
        shutil.copytree(broker.data, path)
        return template
    finally:
        broker.close()


def _fill_index(broker: Broker) -> None:
    """Records enough, quickly enough, that their index is written to disk."""
    client = producer(broker, linger_ms=50)
    for n in range(HOT_RECORDS):
        client.produce("hot", b'{"level":"error","n":%d}' % n)
    client.flush(SECONDS)
    eventually(lambda: list(broker.data.glob(".search/*/*/manifest.json")), what="an index on disk")
    eventually(lambda: broker.http("/hot/_count?wait_for_offset=end")[1].get("count") == HOT_RECORDS, what="an index of all records")


def _commit(broker: Broker) -> None:
    client = consumer(broker, GROUP)
    client.commit(offsets=[TopicPartition("plain", 0, COMMITTED)], asynchronous=False)
    client.close()


# -- what can happen to a file ---------------------------------------------------------------------------------------------

Damage = Callable[[Path, random.Random], str]
"""Does something to a file and says what."""


def _truncate(path: Path, randomness: random.Random) -> str:
    size = path.stat().st_size
    left = randomness.choice((0, size // 2, max(0, size - 1), randomness.randrange(size + 1)))
    os.truncate(path, left)
    return f"cut to {left} of {size} bytes"


def _cut_last_batch(path: Path, randomness: random.Random) -> str:
    """Cut a log between batches: what is left is a whole log, only shorter."""
    data = path.read_bytes()
    ends = [0]
    try:
        for header, _ in whole_batches(data):
            ends.append(ends[-1] + header.size_bytes)
    except ValueError:
        pass
    left = randomness.choice(ends[:-1] or [0])
    os.truncate(path, left)
    return f"cut between batches to {left} of {len(data)} bytes"


def _flip(path: Path, randomness: random.Random) -> str:
    data = bytearray(path.read_bytes())
    places = sorted({randomness.randrange(len(data)) for _ in range(randomness.choice((1, 1, 1, 8)))}) if data else []
    for place in places:
        data[place] ^= 1 << randomness.randrange(8)
    path.write_bytes(data)
    return f"bits flipped at {places} of {len(data)} bytes"


def _zero(path: Path, randomness: random.Random) -> str:
    data = bytearray(path.read_bytes())
    start = randomness.randrange(len(data)) if data else 0
    end = randomness.choice((len(data), min(len(data), start + 64)))
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    return f"bytes {start} to {end} of {len(data)} zeroed"


def _append(path: Path, randomness: random.Random) -> str:
    more = randomness.choice((b"\x00" * 4096, randomness.randbytes(200), b"\n", b"garbage \xff\n"))
    with open(path, "ab") as file:
        file.write(more)
    return f"{len(more)} bytes {more[:8]!r}... appended"


def _replace(path: Path, randomness: random.Random) -> str:
    data = randomness.choice((b"\xff" * 300, b"hello\n", b"0\n2\n0 0\n", b"{}", b"[]", b"null", b"-1\n", "0\n1\n² ²\n".encode()))
    path.write_bytes(data)
    return f"replaced by {data[:20]!r}"


def _delete(path: Path, randomness: random.Random) -> str:
    path.unlink()
    return "deleted"


def _directory(path: Path, randomness: random.Random) -> str:
    path.unlink()
    path.mkdir()
    if randomness.random() < 0.5:
        (path / "inside").write_bytes(b"x")
        return "replaced by a directory with a file"
    return "replaced by an empty directory"


def _dangling(path: Path, randomness: random.Random) -> str:
    path.unlink()
    path.symlink_to("/nonexistent/elsewhere")
    return "replaced by a link to nowhere"


DAMAGES: tuple[Damage, ...] = (_truncate, _truncate, _flip, _flip, _flip, _zero, _append, _replace, _delete, _directory, _dangling)

STRAYS = (
    "stray", "stray-0", "plain-1", "plain-07", "plain-²", "-0", "x-", "plain-0.abc-delete", "plain-0/stray", "plain-0/99999999999999999999.log",
    "plain-0/²²²²²²²²²²²²²²²²²²²².log", "plain-0/00000000000000000005.log", "plain-0/x.deleted", "plain-0/x.tmp", "plain-0/00000000000000000400.log",
    "plain-0/00000000000000009999.snapshot", ".search/stray", ".metadata/metadata.log.tmp", "recovery-point-offset-checkpoint.tmp", "größe-0",
)  # fmt: skip


def damage(data: Path, randomness: random.Random) -> tuple[Path, str]:
    """Do one thing to one file of a data directory, each kind of file as likely as another.

    :returns: the file, and what was done.
    """
    if randomness.random() < 0.12:
        return _add_stray(data, randomness)
    if randomness.random() < 0.06:
        return _remove_directory(data, randomness)
    kinds: dict[str, list[Path]] = {}
    for path in sorted(data.rglob("*")):
        if path.is_file():
            kinds.setdefault(kind(data, path), []).append(path)
    chosen = randomness.choice(kinds[randomness.choice(sorted(kinds))])
    doing = randomness.choice(DAMAGES)
    if chosen.suffix == ".log" and chosen.parent != data / ".metadata" and randomness.random() < 0.3:
        doing = _cut_last_batch
    return chosen, doing(chosen, randomness)


def kind(data: Path, path: Path) -> str:
    """What kind of file it is: its name without numbers, or its extension."""
    inside = str(path.relative_to(data))
    if inside.startswith(".search"):
        return "search " + (re.sub(r"[0-9a-f]{32}", "", path.name))
    return "log " + path.suffix if re.fullmatch(r"\d{20}\.\w+", path.name) else path.name


def _add_stray(data: Path, randomness: random.Random) -> tuple[Path, str]:
    path = data / randomness.choice(STRAYS)
    path.parent.mkdir(exist_ok=True)
    if randomness.random() < 0.5:
        path.mkdir(exist_ok=True)
        return path, "stray directory"
    content = randomness.choice((b"", b"stray", bytes(5000)))
    path.write_bytes(content)
    return path, f"stray file of {len(content)} bytes"


def _remove_directory(data: Path, randomness: random.Random) -> tuple[Path, str]:
    path = randomness.choice(sorted(path for path in data.rglob("*") if path.is_dir()))
    shutil.rmtree(path)
    if randomness.random() < 0.3:
        path.write_bytes(b"x")
        return path, "directory replaced by a file"
    return path, "directory removed"


# -- what a broker makes of it -----------------------------------------------------------------------------------------


class Unserved(Exception):
    """A partition that answers with an error."""

    def __init__(self, code: int) -> None:
        super().__init__(f"error {code}")
        self.code = code


def read_all(broker: Broker, topic: str, partition: int) -> list[bytes]:
    """The values of a partition from offset 0 on, which follow each other without a gap.

    :raises Unserved: it answers with an error.
    :raises BadBatch: a batch's CRC says that it was damaged, or records are missing, as a client can notice.
    """
    values: list[bytes] = []
    with broker.connect() as connection:
        while True:
            records, watermark = _fetch(connection, topic, partition, len(values))
            for header, batch in whole_batches(records):
                check_crc(header, batch)
                for record in decode_records(batch):
                    if record.offset > len(values):
                        raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"offset {record.offset} follows {len(values) - 1}")
                    if record.offset == len(values):
                        values.append(record.value or b"")
            if len(values) >= watermark:
                return values


def _fetch(connection: socket.socket, topic: str, partition: int, offset: int) -> tuple[bytes, int]:
    body = struct.pack(">iiiibii", -1, 100, 1, 50 << 20, 0, 0, -1)  # replica, wait, at least, at most, isolation, no session
    body += struct.pack(">i", 1) + wire.string(topic)
    body += struct.pack(">iiiqqi", 1, partition, -1, offset, -1, 1 << 20)
    body += struct.pack(">i", 0)
    connection.sendall(wire.frame(1, 10, body))
    answer = wire.response(connection)
    at = 4 + 4 + 2 + 4 + 4 + 2 + len(topic.encode()) + 4 + 4
    code, watermark, _, _, aborted = struct.unpack_from(">hqqqi", answer, at)
    if code:
        raise Unserved(code)
    assert aborted <= 0, "there are no transactions"
    at += 30
    (size,) = struct.unpack_from(">i", answer, at)
    return answer[at + 4 : at + 4 + size], watermark


class Trial:
    """One start over a damaged copy of a template.

    :ivar problems: what the broker should not have done.
    """

    def __init__(self, template: Template, seed: int) -> None:
        self._template = template
        self._broker = Broker(SETTINGS)
        self.problems: list[str] = []
        shutil.copytree(template.path, self._broker.data)
        self._path, what = damage(self._broker.data, random.Random(seed))
        self._again = seed % 3 == 0
        self.title = f"seed {seed}, {'clean' if template.clean else 'killed'}, {self._path.relative_to(self._broker.data)}: {what}"

    def run(self) -> list[str]:
        """Start, look, stop; what is wrong."""
        try:
            for _ in range(1 + self._again):
                if not self._start():
                    break
                self._look()
                self._stop()
            self._check_output()
        finally:
            self._broker.close()
        return self.problems

    def _start(self) -> bool:
        broker = self._broker
        with open(broker.output, "ab") as output:
            broker.process = subprocess.Popen(broker.command(), stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=broker.directory)
        said = broker.log().count("Chronik is ready.")
        deadline = time.monotonic() + START_SECONDS
        while broker.log().count("Chronik is ready.") == said:
            status = broker.process.poll()
            if status is not None:
                self._check_refusal(status)
                return False
            if time.monotonic() > deadline:
                self.problems.append("it neither starts nor refuses")
                return False
            time.sleep(0.02)
        return True

    def _check_refusal(self, status: int) -> None:
        lines = [line for line in self._broker.log().splitlines() if line.startswith("chronik: ")]
        if status == 0 or len(lines) != 1:
            self.problems.append(f"it ended with status {status} and said {lines}")
        elif not any(part in lines[0] for part in (str(self._path), str(self._path.parent), "metadata directory")):
            self.problems.append(f"its refusal does not name the file: {lines[0]}")

    def _check_output(self) -> None:
        for word in ("Traceback", "log_failure", "Unhandled"):
            for line in self._broker.log().splitlines():
                if word in line:
                    self.problems.append(f"it logged {line[:1500]}")
                    return

    def _look(self) -> None:
        for partition, expected in self._template.records.items():
            try:
                found = read_all(self._broker, *partition)
            except Unserved as error:
                self._check_unserved(partition, error)
                continue
            except BadBatch as error:
                if self._path.parent.name != f"{partition[0]}-{partition[1]}" or "cut" in self.title:
                    self.problems.append(f"{partition} has a damaged batch: {error}")
                continue
            if found[: len(expected)] != expected:
                self._check_loss(partition, found, expected)
            self._check_produce(partition)
            if partition[0] == "hot":
                self._check_search(len(found) + 1)
        self._check_health()

    def _check_unserved(self, partition: Partition, error: Unserved) -> None:
        said = [line for line in self._broker.log().splitlines() if f"{partition[0]}-{partition[1]}" in line and '"name": "error"' in line]
        if error.code not in UNSERVED and not self._told_of_metadata():
            self.problems.append(f"{partition} answers {error}")
        elif not said and not self._told_of_metadata():
            self.problems.append(f"{partition} answers {error} and the log does not say why")

    def _told_of_metadata(self) -> bool:
        return not self._template.clean and ".metadata" in str(self._path) and "Cut " in self._broker.log()

    def _check_loss(self, partition: Partition, found: list[bytes], expected: list[bytes]) -> None:
        told = f"recovered {partition[0]}-{partition[1]}" in plain(self._broker.log())
        if found != expected[: len(found)]:
            self.problems.append(f"{partition} has other records than were acknowledged: {found[:3]}")
        elif self._template.clean or not told:
            self.problems.append(f"{partition} has {len(found)} of {len(expected)} records, told: {told}")

    def _check_produce(self, partition: Partition) -> None:
        code, _ = _produce(self._broker, *partition)
        if code:
            self.problems.append(f"{partition} serves reads and refuses writes with error {code}")

    def _check_search(self, expected: int) -> None:
        deadline = time.monotonic() + SECONDS
        while True:
            status, answer = self._broker.http("/hot/_count?wait_for_offset=end&wait_timeout=10s")
            if status == 200 and answer.get("count") == expected and not answer["_shards"]["failed"]:
                return
            if time.monotonic() > deadline:
                self.problems.append(f"search never found {expected} records: {status} {str(answer)[:300]}")
                return
            time.sleep(0.1)

    def _check_health(self) -> None:
        status, answer = self._broker.http("/health")
        if status not in (200, 503) or not isinstance(answer, Mapping):
            self.problems.append(f"/health answers {status} {answer}")

    def _stop(self) -> None:
        try:
            status = self._broker.stop()
        except subprocess.TimeoutExpired:
            self.problems.append("it does not stop")
            self._broker.kill()
            return
        if status:
            self.problems.append(f"it stopped with status {status}")


def _produce(broker: Broker, topic: str, partition: int) -> tuple[int, int]:
    records = build_batch([NewRecord(None, b'{"level":"later"}', int(time.time() * 1000))])
    body = struct.pack(">hhi", -1, -1, 30_000) + struct.pack(">i", 1) + wire.string(topic) + struct.pack(">iii", 1, partition, len(records)) + records
    answer = wire.call(broker, wire.frame(0, 3, body))
    code, offset = struct.unpack_from(">hq", answer, 4 + 4 + 2 + len(topic.encode()) + 4 + 4)
    return code, offset


def plain(log: str) -> str:
    """A structured log with its templates filled in, as far as tests look for it."""
    filled = []
    for line in log.splitlines():
        partition = re.search(r'"partition": (?:"([^"]*)"|\["([^"]*)", (\d+)\])', line)
        if "recovered {partition}" in line and partition is not None:
            filled.append(f"recovered {partition[1] or f'{partition[2]}-{partition[3]}'} {line}")
        else:
            filled.append(line)
    return "\n".join(filled)
