"""What makers of log stores are given, and the makers of the two that come with Chronik."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chronik.errors import ConfigurationError
from chronik.storage.disks import DiskPolicy, nobody
from chronik.storage.interfaces import ILogStore
from chronik.storage.store import SegmentLogStore

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.clocks import WallClock
    from chronik.defer import IThreadPools
    from chronik.storage.interfaces import IFileSystem


@dataclass(frozen=True, slots=True)
class StorageContext:
    """What a maker may use.

    :ivar directories: absolute paths of the log directories.
    :ivar pools: where what blocks goes.
    :ivar clock: the reactor's: calls later, and times what lasts. Its zero is anywhere.
    :ivar wall_clock: the time of day, for timestamps and retention; see :mod:`chronik.clocks`.
    :ivar files_max: how many files may be kept open.
    :ivar retention_check_ms: how often retention is applied.
    :ivar checkpoint_ms: how often recovery points are noted.
    :ivar producer_expiration_ms: silence after which an idempotent producer is forgotten, as of now: it changes at run time.
    :ivar producer_check_ms: how often producers are looked for that are to be forgotten.
    :ivar openers: how many logs of a directory may be opened, and recovered, at a time.
    :ivar policy: when a disk is slow, or too slow.
    :ivar all_offline: to be called, with what happened, when the last directory goes offline.
    :ivar random: gives that many random bytes.
    """

    directories: Sequence[str]
    file_system: IFileSystem
    pools: IThreadPools
    clock: IReactorTime
    wall_clock: WallClock
    cluster_id: str
    broker_id: int
    files_max: int
    retention_check_ms: int
    checkpoint_ms: int
    producer_expiration_ms: Callable[[], int]
    producer_check_ms: int = 600_000
    openers: int = 2
    policy: DiskPolicy = DiskPolicy()  # noqa: RUF009  it is frozen
    all_offline: Callable[[str], None] = nobody
    random: Callable[[int], bytes] = os.urandom


def make_segment_store(context: StorageContext, options: Mapping[str, str]) -> ILogStore:
    """The ``segment`` store."""
    _no_options("segment", options)
    return _store(context, context.file_system)


def make_memory_store(context: StorageContext, options: Mapping[str, str]) -> ILogStore:
    """The ``memory`` store: the same logs on a file system in memory."""
    from chronik.storage.memory import MemoryFileSystem

    _no_options("memory", options)
    return _store(context, MemoryFileSystem())


def _store(context: StorageContext, file_system: IFileSystem) -> SegmentLogStore:
    return SegmentLogStore(
        context.directories,
        file_system,
        context.pools,
        context.clock,
        context.wall_clock,
        context.cluster_id,
        context.broker_id,
        files_max=context.files_max,
        retention_ms=context.retention_check_ms,
        checkpoint_ms=context.checkpoint_ms,
        producer_expiration_ms=context.producer_expiration_ms,
        openers=context.openers,
        policy=context.policy,
        all_offline=context.all_offline,
        randbytes=context.random,
        producer_check_ms=context.producer_check_ms,
    )


def _no_options(name: str, options: Mapping[str, str]) -> None:
    if options:
        raise ConfigurationError(f"plugin.storage.{name} has no option {', '.join(sorted(options))}")
