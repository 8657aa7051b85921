"""What DescribeLogDirs is told of directories; shared by stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, gatherResults

from chronik.defer import Pool
from chronik.errors import ErrorCode, KafkaError
from chronik.storage.interfaces import DirectoryUsage, LogUsage

if TYPE_CHECKING:
    from chronik.defer import IThreadPools
    from chronik.storage.interfaces import IFileSystem


async def directory_usages(
    file_system: IFileSystem,
    pools: Mapping[str, IThreadPools],
    directories: Mapping[str, str | None],
    logs: Callable[[str], Sequence[LogUsage]],
) -> Sequence[DirectoryUsage]:
    """Ask the disks of directories, all at once, off the reactor.

    :param pools: by the directories' paths, where each is asked.
    :param directories: by their paths, why each is offline, None where it is not.
    :param logs: those in a directory. All are asked at one moment, once the disks have answered: a log that moves meanwhile is in one of them.
    """
    asking = [Deferred.fromCoroutine(_directory_usage(file_system, pools[path], path, failure)) for path, failure in directories.items()]
    answers = await gatherResults(asking)
    return [answer if answer.error is not None else replace(answer, logs=logs(answer.path)) for answer in answers]


async def _directory_usage(file_system: IFileSystem, pools: IThreadPools, path: str, failure: str | None) -> DirectoryUsage:
    if failure is not None:
        return _unusable(path, f"is offline: {failure}")
    try:
        total, free = await pools.run(Pool.BACKGROUND, disk_space, file_system, path)
    except OSError as error:
        return _unusable(path, f"cannot be asked: {error}")
    return DirectoryUsage(path, total, free)


def _unusable(path: str, why: str) -> DirectoryUsage:
    """A directory of which nothing can be said."""
    return DirectoryUsage(path, error=KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"log directory {path} {why}"))


def disk_space(file_system: IFileSystem, path: str) -> tuple[int, int]:
    """In a thread: total and usable bytes.

    :raises OSError: the disk refuses.
    """
    return file_system.total_bytes(path), file_system.free_bytes(path)
