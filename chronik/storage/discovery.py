"""What a log directory holds when the broker starts. Runs in a thread."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from chronik.model import TopicId, TopicPartition
from chronik.storage.checkpoints import ARRIVAL, CLEAN_SHUTDOWN, MOVED, PARTITION_METADATA, BadCheckpoint, decode_moved, decode_partition_metadata
from chronik.storage.segment import LOG

if TYPE_CHECKING:
    from chronik.storage.directory import LogDirectory
    from chronik.storage.interfaces import IFileSystem

DELETED_SUFFIX: Final = "-delete"
"""Ending of the directory of a log that is being removed, after a random part, as in Kafka."""

STRAY_SUFFIX: Final = "-stray"
"""Ending of the directory of a log of which nobody knows, likewise."""

FUTURE_SUFFIX: Final = "-future"
"""Ending of the directory of a log that is to take the place of one in another directory, after the name of the move, as in Kafka."""

_log = Logger()


@dataclass(frozen=True, slots=True)
class FoundFuture:
    """A log that was on its way here.

    :ivar move: the name of the move.
    """

    topic_partition: TopicPartition
    topic_id: TopicId
    move: str
    path: str


@dataclass(frozen=True, slots=True)
class FoundMoved:
    """What is left of a log that another one took the place of.

    :ivar move: the name of the move, empty if that cannot be read.
    :ivar target: the log directory that has it since.
    :ivar arrival: the name of the move that brought it here, empty for none.
    """

    topic_partition: TopicPartition
    topic_id: TopicId
    move: str
    target: str
    arrival: str


@dataclass(slots=True)
class Found:
    """What there was.

    :ivar clean: the broker that had it last left it in order.
    :ivar logs: the logs in it.
    :ivar doomed: paths of directories that were being removed, or hold nothing yet.
    :ivar futures: logs on their way here.
    :ivar moved: logs that are elsewhere now.
    """

    clean: bool
    logs: list[tuple[TopicPartition, TopicId]] = field(default_factory=list)
    doomed: list[str] = field(default_factory=list)
    futures: list[FoundFuture] = field(default_factory=list)
    moved: list[FoundMoved] = field(default_factory=list)


def look(directory: LogDirectory) -> Found:
    """Look through a directory, and make sure that what is read of it now is on disk.

    :raises OSError: the disk refuses.
    """
    path, file_system = directory.path, directory.file_system
    marker = os.path.join(path, CLEAN_SHUTDOWN)
    found = Found(file_system.exists(marker))
    if found.clean:
        file_system.unlink(marker)
        file_system.sync_directory(path)
    else:
        # A broker that was killed left writes in the page cache that recovery will find and count as durable.
        file_system.sync_file_system(path)
    directory.checkpoints.load()
    for name in file_system.list(path):
        inside = os.path.join(path, name)
        if name.startswith(".") or name.endswith(STRAY_SUFFIX) or not file_system.is_directory(inside):
            continue
        if name.endswith(DELETED_SUFFIX):
            found.doomed.append(inside)
        elif name.endswith(FUTURE_SUFFIX):
            _note_future(file_system, found, inside, name)
        else:
            log = _recognise(file_system, inside, name)
            if log is not None and file_system.exists(os.path.join(inside, MOVED)):
                move, target = decode_moved(file_system.read_whole(os.path.join(inside, MOVED)))
                found.moved.append(FoundMoved(*log, move, target, arrival_of(file_system, inside)))
            elif log is not None:
                found.logs.append(log)
    return found


def arrival_of(file_system: IFileSystem, path: str) -> str:
    """In a thread: the name of the move that brought a log to its directory, empty for none."""
    name = os.path.join(path, ARRIVAL)
    return file_system.read_whole(name).decode(errors="replace").strip() if file_system.exists(name) else ""


def _note_future(file_system: IFileSystem, found: Found, path: str, name: str) -> None:
    """A log that was on its way; what is too young to have records is removed."""
    log_name, _, move = name.removesuffix(FUTURE_SUFFIX).rpartition(".")
    if move and arrival_of(file_system, path) == move:
        log = _recognise(file_system, path, log_name)
        if log is not None:
            found.futures.append(FoundFuture(*log, move, path))
    elif any(file.endswith(LOG) and file_system.size(os.path.join(path, file)) for file in file_system.list(path)):
        _log.error("{path} holds records but does not say of which move: it is left alone", path=path)
    else:
        found.doomed.append(path)


def _recognise(file_system: IFileSystem, path: str, name: str) -> tuple[TopicPartition, TopicId] | None:
    """Which log a directory is; None, and a line in the broker's log, for none."""
    topic, _, number = name.rpartition("-")
    metadata = os.path.join(path, PARTITION_METADATA)
    canonical = number.isascii() and number.isdigit() and str(int(number)) == number
    if not topic or not canonical or not file_system.exists(metadata):
        _log.warn("{path} is no log and is left alone", path=path)
        return None
    try:
        return TopicPartition(topic, int(number)), decode_partition_metadata(file_system.read_whole(metadata))
    except (BadCheckpoint, OSError) as error:
        _log.error("{path} is left alone: {error}", path=metadata, error=error)
        return None
