"""The small text files beside a log and in a log directory, in Kafka's formats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from crc32c import crc32c

from chronik.model import TopicId, TopicPartition, topic_id_from_text, topic_id_text

RECOVERY_POINTS: Final = "recovery-point-offset-checkpoint"
"""Up to which offset each log of the directory is known to be on disk."""

START_OFFSETS: Final = "log-start-offset-checkpoint"
"""From which offset on each log may be read, where that is not the first it has."""

CLEAN_SHUTDOWN: Final = ".kafka_cleanshutdown"
"""There when the broker stopped as it should."""

META_PROPERTIES: Final = "meta.properties"
"""Which cluster and broker a log directory belongs to."""

LOCK: Final = ".lock"
"""Held by the broker that uses the directory."""

EPOCHS: Final = "leader-epoch-checkpoint"
"""At which offset each leader epoch of a log began."""

OFFSET_GAPS: Final = "offset-gaps"
"""An empty file in the directory of a log whose last segment may have offsets missing between its batches, for its leader sent them so."""

PARTITION_METADATA: Final = "partition.metadata"
"""Which topic id a partition's directory belongs to."""

ARRIVAL: Final = "arrival"
"""In the directory of a log that was made to take another one's place: the name of that move."""

MOVED: Final = "moved"
"""In the directory of a log that another one took the place of: the name of the move, and where to. A log with it is never used."""

REPLACES: Final = "replaces"
"""In the directory of a log that was made while other log directories were offline: their paths. What they have of the partition is older, and is
never used."""

_VERSION: Final = "0"
_CRC: Final = "crc32c: "


class BadCheckpoint(ValueError):
    """A checkpoint file that cannot be read."""


def encode_offsets(offsets: Mapping[TopicPartition, int]) -> bytes:
    """A file of offsets by partition."""
    rows = [f"{tp.topic} {tp.partition} {offset}" for tp, offset in sorted(offsets.items())]
    return _encode(rows)


def decode_offsets(data: bytes) -> dict[TopicPartition, int]:
    """Read a file of offsets by partition.

    :raises BadCheckpoint: it is damaged.
    """
    offsets = {}
    for row in _decode(data, 3):
        offsets[TopicPartition(row[0], _number(row[1]))] = _number(row[2])
    return offsets


def encode_epochs(epochs: Iterable[tuple[int, int]]) -> bytes:
    """A file of ``(epoch, start offset)``."""
    return _encode([f"{epoch} {start}" for epoch, start in epochs])


def decode_epochs(data: bytes) -> list[tuple[int, int]]:
    """Read a file of ``(epoch, start offset)``, both growing.

    :raises BadCheckpoint: it is damaged.
    """
    epochs = [(_number(row[0]), _number(row[1])) for row in _decode(data, 2)]
    if any(before[0] >= after[0] or before[1] > after[1] for before, after in pairwise(epochs)):
        raise BadCheckpoint("epochs and their offsets do not grow")
    return epochs


def encode_partition_metadata(topic_id: TopicId) -> bytes:
    """``partition.metadata``: the two lines of Kafka, which reads nothing behind them, and their CRC-32C.

    Any other id would make the log that of another topic, which is set aside or removed where there is none.
    """
    data = f"version: 0\ntopic_id: {topic_id_text(topic_id)}\n".encode()
    return data + f"{_CRC}{crc32c(data):08x}\n".encode()


def decode_partition_metadata(data: bytes) -> TopicId:
    """Read ``partition.metadata``. It may end behind Kafka's two lines.

    :raises BadCheckpoint: it is damaged.
    """
    try:
        version, told, *more = data.decode().splitlines()
        topic_id = topic_id_from_text(told.removeprefix("topic_id: "))
        crc = int(more[0].removeprefix(_CRC), 16) if more else None
    except (ValueError, KeyError) as error:
        raise BadCheckpoint(f"no topic id can be read: {error}") from None
    if version != "version: 0" or len(more) > 1:
        raise BadCheckpoint("it is not the two or three lines that it should be")
    if crc is not None and encode_partition_metadata(topic_id) != data:
        raise BadCheckpoint("its lines do not fit its CRC; without the line of that, the topic id is believed")
    return topic_id


def encode_moved(move: str, directory: str) -> bytes:
    """``moved``.

    :param move: the name of the move.
    :param directory: the log directory that has the log from then on.
    """
    return f"version: 0\nmove: {move}\ndirectory: {directory}\n".encode()


def decode_moved(data: bytes) -> tuple[str, str]:
    """Read ``moved``: the name of the move, and the log directory. Empty where it is damaged: that it is there says enough."""
    fields = dict(line.split(": ", 1) for line in data.decode(errors="replace").splitlines() if ": " in line)
    return fields.get("move", ""), fields.get("directory", "")


def encode_replaces(directories: Iterable[str]) -> bytes:
    """``replaces``: a line for each log directory."""
    return "".join(f"{directory}\n" for directory in directories).encode(errors="surrogateescape")


def decode_replaces(data: bytes) -> Sequence[str]:
    """Read ``replaces``: the log directories."""
    return data.decode(errors="surrogateescape").splitlines()


@dataclass(frozen=True, slots=True)
class DirectoryIdentity:
    """Whose log directory it is."""

    cluster_id: str
    node_id: int
    directory_id: str

    def encode(self) -> bytes:
        """``meta.properties``."""
        return f"version=1\ncluster.id={self.cluster_id}\nnode.id={self.node_id}\ndirectory.id={self.directory_id}\n".encode()

    @classmethod
    def decode(cls, data: bytes) -> DirectoryIdentity:
        """Read ``meta.properties``.

        :raises BadCheckpoint: it is damaged.
        """
        try:
            lines = (line for line in data.decode().splitlines() if line.strip() and not line.startswith("#"))
            fields = {key.strip(): value.strip() for key, value in (line.split("=", 1) for line in lines)}
            return cls(fields["cluster.id"], int(fields["node.id"]), fields.get("directory.id", ""))
        except (ValueError, KeyError) as error:
            raise BadCheckpoint(f"it does not say whose it is: {error}") from None


def _encode(rows: list[str]) -> bytes:
    return "\n".join([_VERSION, str(len(rows)), *rows, ""]).encode()


def _decode(data: bytes, columns: int) -> list[list[str]]:
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        raise BadCheckpoint("it is not text") from None
    if len(lines) < 2 or lines[0].strip() != _VERSION:
        raise BadCheckpoint(f"version {lines[0] if lines else 'none'} is unknown")
    rows = [line.split() for line in lines[2:] if line.strip()]
    if len(rows) != _number(lines[1]) or any(len(row) != columns for row in rows):
        raise BadCheckpoint(f"it says {lines[1]} rows of {columns} columns and has others")
    return rows


def _number(text: str) -> int:
    if re.fullmatch(r"-?[0-9]{1,19}", text.strip()) is None:
        raise BadCheckpoint(f"{text!r} is no number")
    return int(text)
