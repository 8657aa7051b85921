"""Bits that change at rest, in closed segments, and change back when somebody restores the file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any, Final

from chronik.model import TopicId, TopicPartition
from chronik.record.batch import BadBatch, whole_batches
from chronik.storage.checkpoints import PARTITION_METADATA, RECOVERY_POINTS, BadCheckpoint, decode_offsets, decode_partition_metadata
from chronik.storage.memory import MemoryFileSystem
from chronik.storage.segment import DAMAGED
from chronik.testing.simulation.brokers import LOG, SimulatedBroker

CHECKED_FROM: Final = 16
"""From this byte of a batch on its checksum tells of a change, and of any in itself."""

CONTEXT_BYTES: Final = 24
"""What is around a bit, by which it is found again."""


@dataclass(slots=True, eq=False)
class Flip:
    """A bit that is not what was written.

    :ivar name: of the file, without its directories.
    :ivar position: of its byte.
    :ivar around: the bytes before and behind it, the wrong one among them.
    :ivar flipped_at: when it was changed.
    :ivar noticed_at: when the broker said so; never, once it ended before that was on its disk.
    :ivar over_at: when the broker ended that did not know that it was put right.
    """

    broker: SimulatedBroker
    topic_id: TopicId
    partition: int
    base_offset: int
    end_offset: int
    directory: str
    name: str
    position: int
    bit: int
    around: bytes
    flipped_at: float = 0.0
    noticed_at: float = float("inf")
    over_at: float = float("inf")

    def segment(self) -> Any:
        """The segment as the running broker knows it, None when it knows of none."""
        log = self._log()
        segments = log.segments if log is not None else ()
        return next((segment for segment in segments if segment.base_offset == self.base_offset), None)

    def _log(self) -> Any:
        return self.broker.life.logs.get((self.topic_id, self.partition)) if self.broker.life is not None else None

    def is_served(self) -> bool:
        """Whether the file still has it, and the running broker uses it."""
        log = self._log()
        return bool(self._places()) and log is not None and not log.failed and self.segment() is not None

    def is_noted(self) -> bool:
        """Whether the next start knows: there is a mark beside the file."""
        disk = _Platters(self.broker.disk.file_system)
        mark = self.name.removesuffix(LOG) + DAMAGED
        return any(mark in disk.names(path) for path in self._directories(disk))

    def restore(self) -> None:
        """Change it back, wherever the file is now; it may be gone, or cut, or have been read from before the crash."""
        files = self.broker.disk.file_system
        for path in self._places():
            files.faults.flip(path, self.position, self.bit)

    def _places(self) -> list[str]:
        disk = _Platters(self.broker.disk.file_system)
        paths = [f"{path}/{self.name}" for path in self._directories(disk)]
        return [path for path in paths if _around(disk.read(path), self.position) == self.around]

    def _directories(self, disk: _Platters) -> list[str]:
        """Where the log is, or was, or goes."""
        return [f"{parent}/{name}" for parent in self.broker.directories for name in disk.names(parent) if name.startswith(self.directory)]


class _Platters:
    """What is on a disk, whether or not it can be reached now."""

    def __init__(self, files: MemoryFileSystem) -> None:
        self._files = files

    def names(self, directory: str) -> list[str]:
        """In a directory; none where there is no such directory."""
        return sorted(getattr(self._files._find(directory), "entries", ()))

    def read(self, path: str) -> bytes:
        """A file; nothing where there is none."""
        return bytes(getattr(self._files._find(path), "data", b""))


def flip_some(broker: SimulatedBroker, topics: Collection[TopicId], random: Random) -> Flip | None:
    """Flip a bit of a closed segment that no recovery reads again, of one of these topics; None when there is no such segment.

    What is above the recovery point may be cut off after a crash, as a torn write would be: nobody can tell one from the other.
    """
    disk = _Platters(broker.disk.file_system)
    found = [each for parent in broker.directories for each in _closed(disk, parent, topics)]
    if not found:
        return None
    topic_id, number, path, base, end = random.choice(found)
    data = disk.read(path)
    try:
        position, bit = _checked(data, random.randrange(len(data))), random.randrange(8)
    except BadBatch:  # another bit of it is wrong already
        return None
    broker.disk.faults.flip(path, position, bit)
    directory, name = path.rsplit("/", 2)[1:]
    return Flip(broker, topic_id, number, base, end, directory, name, position, bit, _around(disk.read(path), position))


def _checked(data: bytes, position: int) -> int:
    """This position, or one near it that a checksum covers: that of a batch knows nothing of its base offset and its leader epoch."""
    begin = 0
    for header, _ in whole_batches(data):
        if begin <= position < begin + CHECKED_FROM:
            return begin + CHECKED_FROM
        begin += header.size_bytes
    return position


def _closed(disk: _Platters, parent: str, topics: Collection[TopicId]) -> Iterator[tuple[TopicId, int, str, int, int]]:
    """Segments below the recovery points: topic, partition, path, first offset and the one behind the last."""
    for topic_partition, point in _recovery_points(disk, parent).items():
        path = f"{parent}/{topic_partition}"
        metadata, names = disk.read(f"{path}/{PARTITION_METADATA}"), disk.names(path)
        if not metadata or (topic_id := decode_partition_metadata(metadata)) not in topics:
            continue
        for base, end in pairwise(sorted(int(name.removesuffix(LOG)) for name in names if name.endswith(LOG))):
            name = f"{base:020d}"
            if end <= point and disk.read(f"{path}/{name}{LOG}") and f"{name}{DAMAGED}" not in names:
                yield topic_id, topic_partition.partition, f"{path}/{name}{LOG}", base, end


def _around(data: bytes, position: int) -> bytes:
    return data[max(0, position - CONTEXT_BYTES) : position + CONTEXT_BYTES]


def _recovery_points(disk: _Platters, parent: str) -> dict[TopicPartition, int]:
    """As the disk has them."""
    try:
        return decode_offsets(disk.read(f"{parent}/{RECOVERY_POINTS}"))
    except BadCheckpoint:
        return {}
