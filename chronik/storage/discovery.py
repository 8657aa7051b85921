"""What a log directory holds when the broker starts. Runs in a thread."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from chronik.model import TopicId, TopicPartition
from chronik.storage.checkpoints import CLEAN_SHUTDOWN, PARTITION_METADATA, BadCheckpoint, decode_partition_metadata

if TYPE_CHECKING:
    from chronik.storage.directory import LogDirectory
    from chronik.storage.interfaces import IFileSystem

DELETED_SUFFIX: Final = "-delete"
"""Ending of the directory of a log that is being removed, after a random part, as in Kafka."""

STRAY_SUFFIX: Final = "-stray"
"""Ending of the directory of a log of which nobody knows, likewise."""

_log = Logger()


@dataclass(slots=True)
class Found:
    """What there was.

    :ivar clean: the broker that had it last left it in order.
    :ivar logs: the logs in it.
    :ivar doomed: paths of directories that were being removed.
    """

    clean: bool
    logs: list[tuple[TopicPartition, TopicId]] = field(default_factory=list)
    doomed: list[str] = field(default_factory=list)


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
        else:
            log = _recognise(file_system, inside, name)
            if log is not None:
                found.logs.append(log)
    return found


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
