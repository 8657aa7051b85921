"""What DescribeLogDirs is told of a directory; shared by stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from chronik.defer import Pool
from chronik.errors import ErrorCode, KafkaError
from chronik.storage.interfaces import DirectoryUsage, LogUsage

if TYPE_CHECKING:
    from chronik.defer import IThreadPools
    from chronik.storage.interfaces import IFileSystem


async def directory_usage(file_system: IFileSystem, pools: IThreadPools, path: str, logs: Callable[[], Sequence[LogUsage]]) -> DirectoryUsage:
    """Ask a directory's disk, off the reactor.

    :param logs: those in it, asked once the disk has answered.
    """
    try:
        total, free = await pools.run(Pool.BACKGROUND, disk_space, file_system, path)
    except OSError as error:
        return unusable(path, f"cannot be asked: {error}")
    return DirectoryUsage(path, total, free, logs())


def unusable(path: str, why: str) -> DirectoryUsage:
    """A directory of which nothing can be said."""
    return DirectoryUsage(path, error=KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"log directory {path} {why}"))


def disk_space(file_system: IFileSystem, path: str) -> tuple[int, int]:
    """In a thread: total and usable bytes.

    :raises OSError: the disk refuses.
    """
    return file_system.total_bytes(path), file_system.free_bytes(path)
