"""Bits that change at rest, in closed segments, and change back when somebody restores the file."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Final

from chronik.model import TopicId
from chronik.storage.checkpoints import RECOVERY_POINTS
from chronik.storage.memory import MemoryFileSystem
from chronik.testing.simulation.brokers import SimulatedBroker

CONTEXT_BYTES: Final = 24
"""What is around a bit, by which it is found again."""


@dataclass(slots=True, eq=False)
class Flip:
    """A bit that is not what was written.

    :ivar name: of the file, without its directories.
    :ivar position: of its byte.
    :ivar around: the bytes before and behind it, the wrong one among them.
    :ivar flipped_at: when it was changed.
    :ivar noticed_at: when the broker said so.
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

    def restore(self) -> None:
        """Change it back, wherever the file is now; it may be gone, or cut, or have been read from before the crash."""
        files = self.broker.disk.file_system
        for path in self._places():
            files.faults.flip(path, self.position, self.bit)

    def _places(self) -> list[str]:
        files = self.broker.disk.file_system
        found = []
        for parent in self.broker.directories:
            for directory in files.list(parent):
                path = f"{parent}/{directory}/{self.name}"
                if directory.startswith(self.directory) and files.exists(path) and _around(files.read_whole(path), self.position) == self.around:
                    found.append(path)
        return found


def flip_some(broker: SimulatedBroker, topics: frozenset[TopicId], random: Random) -> Flip | None:
    """Flip a bit of a closed segment that no recovery reads again, of one of these topics; None when there is no such segment.

    What is above the recovery point may be cut off after a crash, as a torn write would be: nobody can tell one from the other.
    """
    if broker.life is None:
        return None
    files = broker.disk.file_system
    points = _recovery_points(broker)
    found = [
        (topic_id, number, log, segment, following)
        for (topic_id, number), log in broker.life.logs.items()
        if topic_id in topics and not log.failed
        for segment, following in zip(log.segments, log.segments[1:], strict=False)
        if following.base_offset <= points.get((str(log.topic_partition.topic), number), 0) and segment.damage is None and segment.size
    ]
    found = [each for each in found if files.exists(each[3].path())]
    if not found:
        return None
    topic_id, number, _, segment, following = random.choice(found)
    path = str(segment.path())
    data = files.read_whole(path)
    position, bit = random.randrange(len(data)), random.randrange(8)
    files.faults.flip(path, position, bit)
    directory, name = path.rsplit("/", 2)[1:]
    around = _around(files.read_whole(path), position)
    return Flip(broker, topic_id, number, segment.base_offset, following.base_offset, directory, name, position, bit, around)


def _around(data: bytes, position: int) -> bytes:
    return data[max(0, position - CONTEXT_BYTES) : position + CONTEXT_BYTES]


def _recovery_points(broker: SimulatedBroker) -> dict[tuple[str, int], int]:
    """By topic and partition, as the disk has them."""
    files: MemoryFileSystem = broker.disk.file_system
    points: dict[tuple[str, int], int] = {}
    for parent in broker.directories:
        path = f"{parent}/{RECOVERY_POINTS}"
        lines = files.read_whole(path).decode().splitlines() if files.exists(path) else []
        for line in lines[2:]:
            topic, number, offset = line.split(" ")
            points[topic, int(number)] = int(offset)
    return points
