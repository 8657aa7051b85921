"""The segment store: log directories, the logs in them, and what is done for all of them now and then."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from zope.interface import implementer

from chronik.defer import IThreadPools, KeyedLocks, Pool, deferred
from chronik.errors import ChronikError, ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition, topic_id_text
from chronik.storage.checkpointing import OffsetCheckpoints, StartOffsetWriter
from chronik.storage.checkpoints import CLEAN_SHUTDOWN, LOCK, PARTITION_METADATA, DirectoryIdentity
from chronik.storage.config import LogConfig
from chronik.storage.directory import DirectoryWriter, LogDirectory
from chronik.storage.discovery import DELETED_SUFFIX, STRAY_SUFFIX, look
from chronik.storage.files import FileCache
from chronik.storage.flush import FlushScheduler
from chronik.storage.identity import identify
from chronik.storage.interfaces import DirectoryUsage, IFileSystem, ILock, ILogStore, IPartitionLog, LogUsage
from chronik.storage.loading import LoadedLog, LoadRequest, create_log, load_log
from chronik.storage.log import SegmentLog
from chronik.storage.segment import LOG

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

SWEEP_SECONDS: Final = 1.0
"""How often what is due is looked for, by one timer for all logs."""

LOGS_PER_SWEEP: Final = 500
"""Logs looked at in one turn of the reactor."""


class _Home:
    """A log directory: in use, and what was found in it."""

    def __init__(self, directory: LogDirectory, lock: ILock) -> None:
        self.directory = directory
        self.lock = lock
        self.clean = False
        self.logs = 0


@implementer(ILogStore)
class SegmentLogStore:
    """Logs in directories of segment files.

    :param directories: absolute paths.
    :param pools: opening, deleting and checkpoints run there; each directory has a writing and a flushing thread of its own.
    :param cluster_id: whose data it is; a directory of another cluster is refused.
    :param files_max: segment files kept open.
    :param retention_ms: how often retention is applied (``log.retention.check.interval.ms``).
    :param checkpoint_ms: how often recovery points are noted (``log.flush.offset.checkpoint.interval.ms``).
    :param producer_expiration_ms: silence after which a producer is forgotten, as of now (``producer.id.expiration.ms``).
    :param producer_check_ms: how often such producers are looked for (``producer.id.expiration.check.interval.ms``).
    """

    _log = Logger()

    def __init__(
        self,
        directories: Sequence[str],
        file_system: IFileSystem,
        pools: IThreadPools,
        clock: IReactorTime,
        cluster_id: str,
        broker_id: int,
        *,
        files_max: int = 1024,
        retention_ms: int = 300_000,
        checkpoint_ms: int = 60_000,
        producer_expiration_ms: Callable[[], int] = lambda: 86_400_000,
        producer_check_ms: int = 600_000,
        randbytes: Callable[[int], bytes] = random.randbytes,
    ) -> None:
        self._paths = list(directories)
        self._file_system = file_system
        self._pools = pools
        self._clock = clock
        self._cluster_id = cluster_id
        self._broker_id = broker_id
        self._files = FileCache(file_system, files_max)
        self._retention_ms = retention_ms
        self._checkpoint_ms = checkpoint_ms
        self._producer_expiration_ms = producer_expiration_ms
        self._producer_check_ms = producer_check_ms
        self._randbytes = randbytes
        self._homes: list[_Home] = []
        self._known: dict[TopicPartition, tuple[TopicId, _Home]] = {}
        self._missing: dict[TopicPartition, _Home] = {}
        self._refused: set[TopicPartition] = set()
        self._logs: dict[TopicPartition, SegmentLog] = {}
        self._turns: KeyedLocks[TopicPartition] = KeyedLocks()
        self._timer: IDelayedCall | None = None
        self._retention_due = 0.0
        self._checkpoint_due = 0.0
        self._producers_due = 0.0
        self._doomed: list[tuple[float, str]] = []
        self._closing = False

    # -- beginning and end --------------------------------------------------------------------------------------------

    @deferred
    async def start(self) -> None:
        """Take the directories; see :meth:`ILogStore.start`."""
        try:
            for path in self._paths:
                home = await self._pools.run(Pool.BACKGROUND, self._take, path)
                self._homes.append(home)
                await self._find(home)
        except BaseException:
            for home in self._homes:
                home.lock.release()
            raise
        self._missing = {tp: home for home in self._homes for tp in home.directory.checkpoints.known() if tp not in self._known}
        now = self._clock.seconds()
        self._retention_due = now + self._retention_ms / 1000
        self._checkpoint_due = now + self._checkpoint_ms / 1000
        self._producers_due = now + self._producer_check_ms / 1000
        self._timer = self._clock.callLater(SWEEP_SECONDS, self._sweep)

    def _take(self, path: str) -> _Home:
        """In a thread: make, lock and identify a directory."""
        try:
            self._file_system.make_directory(path)
            lock = self._file_system.lock(os.path.join(path, LOCK))
        except BlockingIOError:
            raise ChronikError(f"log directory {path} is in use by another broker: stop that one, or choose another with log.dirs") from None
        except OSError as error:
            raise ChronikError(f"log directory {path} cannot be used: {error.strerror or error}; choose another with log.dirs") from None
        try:
            identify(self._file_system, path, DirectoryIdentity(self._cluster_id, self._broker_id, topic_id_text(self._randbytes(16))))
        except BaseException:
            lock.release()
            raise
        name = os.path.basename(path)
        writer = DirectoryWriter(self._pools.worker(f"write {name}"), self._clock)
        flusher = FlushScheduler(self._file_system, self._pools.worker(f"flush {name}"), path, self._clock)
        checkpoints = OffsetCheckpoints(self._file_system, path)
        starts = StartOffsetWriter(self._pools, checkpoints)
        return _Home(LogDirectory(path, self._file_system, self._pools, self._clock, self._files, writer, flusher, checkpoints, starts), lock)

    @deferred
    async def _find(self, home: _Home) -> None:
        try:
            found = await self._pools.run(Pool.BACKGROUND, look, home.directory)
        except OSError as error:
            what = f"{error.filename or home.directory.path}: {error.strerror or error}"
            path = home.directory.path
            raise ChronikError(f"log directory {path} cannot be used, {what}; put that right, or choose another with log.dirs") from None
        home.clean = found.clean
        for topic_partition, topic_id in found.logs:
            elsewhere = self._known.get(topic_partition)
            if elsewhere is not None:
                self._log.error(
                    "{partition} is in {first} and in {second}: the one in {second} is left alone",
                    partition=topic_partition,
                    first=elsewhere[1].directory.path,
                    second=home.directory.path,
                )
                continue
            self._known[topic_partition] = (topic_id, home)
            home.logs += 1
        self._doomed.extend((self._clock.seconds(), path) for path in found.doomed)

    @deferred
    async def close(self) -> None:
        """Close everything; see :meth:`ILogStore.close`."""
        self._closing = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        await self._turns.settled()
        logs = list(self._logs.values())
        results: list[tuple[bool, Any]] = await DeferredList([log.close() for log in logs], consumeErrors=True)
        for log, (ok, result) in zip(logs, results, strict=True):
            if not ok:
                self._log.error("{partition} could not be closed: {why}", partition=log.topic_partition, why=result.getErrorMessage())
        # What was not recovered must be at the next start.
        unclean = {log.directory.path for log, (ok, _) in zip(logs, results, strict=True) if not ok}
        unclean |= {home.directory.path for tp, (_, home) in self._known.items() if not home.clean and tp not in self._logs}
        for home in self._homes:
            await self._pools.run(Pool.BACKGROUND, self._leave, home, home.directory.path not in unclean, *self._offsets(home))
        self._files.close()

    def _leave(self, home: _Home, clean: bool, points: dict[TopicPartition, int], starts: dict[TopicPartition, int], changes: int) -> None:
        try:
            home.directory.checkpoints.write(points, starts, changes)
            if clean:
                self._file_system.write_whole(os.path.join(home.directory.path, CLEAN_SHUTDOWN), b'{"version":0}')
        except OSError as error:
            path = home.directory.path
            self._log.error("{path} could not be left in order: {error}; its logs are recovered at the next start", path=path, error=error)
        finally:
            home.lock.release()

    # -- logs ---------------------------------------------------------------------------------------------------------

    def known(self) -> Sequence[tuple[TopicPartition, TopicId]]:
        """What there is; see :meth:`ILogStore.known`."""
        return [(topic_partition, topic_id) for topic_partition, (topic_id, _) in self._known.items()]

    def directories(self) -> Sequence[str]:
        """The directories; see :meth:`ILogStore.directories`."""
        return [home.directory.path for home in self._homes]

    @deferred
    async def usage(self) -> Sequence[DirectoryUsage]:
        """Sizes; see :meth:`ILogStore.usage`."""
        return [await self._usage(home) for home in self._homes]

    async def _usage(self, home: _Home) -> DirectoryUsage:
        path = home.directory.path
        try:
            total, free = await self._pools.run(Pool.BACKGROUND, self._space, path)
        except OSError as error:
            return DirectoryUsage(path, error=KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"log directory {path} cannot be asked: {error}"))
        logs = [log for log in self._logs.values() if log.directory is home.directory]
        sizes = [LogUsage(log.topic_partition, log.size_bytes, max(0, log.high_watermark - log.end_offset)) for log in logs]
        return DirectoryUsage(path, total, free, sizes)

    def _space(self, path: str) -> tuple[int, int]:
        """In a thread."""
        return self._file_system.total_bytes(path), self._file_system.free_bytes(path)

    @deferred
    async def open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig) -> IPartitionLog:
        """Open or create; see :meth:`ILogStore.open`. Calls for one partition follow each other."""
        return await self._turns.holding(topic_partition, lambda: self._open(topic_partition, topic_id, config))

    async def _open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig) -> SegmentLog:
        known_id, known_home = self._known.get(topic_partition, (topic_id, None))
        if known_id != topic_id:
            raise KafkaError(
                ErrorCode.INCONSISTENT_TOPIC_ID, f"the directory of {topic_partition} belongs to a topic of id {topic_id_text(known_id)}"
            )
        open_already = self._logs.get(topic_partition)
        if open_already is not None:
            return open_already
        if topic_partition in self._missing:
            self._refused.add(topic_partition)
            raise self._is_missing(topic_partition)
        home = known_home or self._emptiest()
        path = os.path.join(home.directory.path, str(topic_partition))
        try:
            loaded = await self._pools.run(Pool.BACKGROUND, self._load, home, topic_partition, topic_id, config, path, known_home is not None)
        except OSError as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the log of {topic_partition} in {path} cannot be opened: {error}") from error
        if loaded.notes:
            what = "; ".join(loaded.notes)
            self._log.warn("recovered {partition} to offset {end}: {what}", partition=topic_partition, end=loaded.end_offset, what=what)
        log = self._logs[topic_partition] = SegmentLog(topic_partition, topic_id, config, home.directory, path, loaded)
        if known_home is None:
            self._known[topic_partition] = (topic_id, home)
            home.logs += 1
        return log

    def _is_missing(self, topic_partition: TopicPartition) -> KafkaError:
        directory = self._missing[topic_partition].directory
        return KafkaError(
            ErrorCode.KAFKA_STORAGE_ERROR,
            f"the log of {topic_partition} in {os.path.join(directory.path, str(topic_partition))} is gone, or has no {PARTITION_METADATA} that "
            f"can be read, though {directory.checkpoints.recovery_point(topic_partition)} offsets of it were on disk. Restore it and start the "
            "broker again; or delete the topic to go on without its records",
        )

    def _load(self, home: _Home, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, path: str, existing: bool) -> LoadedLog:
        """In a thread: open a log's files, or make them."""
        checkpoints = home.directory.checkpoints
        if not existing:
            checkpoints.forget(topic_partition)
        request = LoadRequest(
            topic_partition,
            topic_id,
            path,
            home.clean,
            checkpoints.recovery_point(topic_partition),
            checkpoints.start_offset(topic_partition),
            config.index_interval_bytes,
            home.directory.now_ms(),
            config.compact,
        )
        return (load_log if existing else create_log)(self._file_system, self._files, request)

    def _emptiest(self) -> _Home:
        """The directory with the fewest logs."""
        return min(self._homes, key=lambda home: home.logs)

    @deferred
    async def delete(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Remove; see :meth:`ILogStore.delete`."""
        await self._turns.holding(topic_partition, lambda: self._delete(topic_partition, topic_id))

    async def _delete(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        known_id, home = self._known.get(topic_partition, (topic_id, None))
        missing = self._missing.pop(topic_partition, None)
        if missing is not None:
            await self._pools.run(Pool.BACKGROUND, missing.directory.checkpoints.forget, topic_partition)
        if home is None or known_id != topic_id:
            return
        log = self._logs.pop(topic_partition, None)
        delay_ms = 0
        if log is not None:
            delay_ms = log.config.file_delete_delay_ms
            log.tell_deleted()
        try:
            doomed = await self._pools.run(Pool.BACKGROUND, self._rename_away, home, topic_partition, DELETED_SUFFIX)
        except OSError as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the log of {topic_partition} cannot be removed: {error}") from error
        del self._known[topic_partition]
        home.logs -= 1
        self._doomed.append((self._clock.seconds() + delay_ms / 1000, doomed))

    @deferred
    async def set_aside(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Keep what nobody knows of; see :meth:`ILogStore.set_aside`."""
        known_id, home = self._known.get(topic_partition, (topic_id, None))
        if home is None or known_id != topic_id:
            return
        if not await self._pools.run(Pool.BACKGROUND, self._holds_records, os.path.join(home.directory.path, str(topic_partition))):
            await self.delete(topic_partition, topic_id)
            return
        del self._known[topic_partition]
        home.logs -= 1
        kept = await self._pools.run(Pool.BACKGROUND, self._rename_away, home, topic_partition, STRAY_SUFFIX)
        self._log.error(
            "the log of {partition} holds records, and no topic has its id {topic_id}: it is kept as {path}. Remove that if the topic was deleted",
            partition=topic_partition,
            topic_id=topic_id_text(topic_id),
            path=kept,
        )

    def _holds_records(self, path: str) -> bool:
        """In a thread."""
        return any(name.endswith(LOG) and self._file_system.size(os.path.join(path, name)) for name in self._file_system.list(path))

    def _rename_away(self, home: _Home, topic_partition: TopicPartition, suffix: str) -> str:
        """In a thread."""
        directory = home.directory.path
        away = os.path.join(directory, f"{str(topic_partition)[:200]}.{self._randbytes(16).hex()}{suffix}")
        home.directory.checkpoints.forget(topic_partition)
        self._file_system.rename(os.path.join(directory, str(topic_partition)), away)
        self._file_system.sync_directory(directory)
        return away

    # -- now and then -------------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        """Do what is due for all logs; one timer, however many there are."""
        now = self._clock.seconds()
        # Logs of partitions that there are have been asked for by now: what is left belonged to topics that were deleted.
        self._missing = {tp: home for tp, home in self._missing.items() if tp in self._refused}
        logs = list(self._logs.values())
        retention = now >= self._retention_due
        if retention:
            self._retention_due = now + self._retention_ms / 1000
        oldest = None
        if now >= self._producers_due:
            self._producers_due = now + self._producer_check_ms / 1000
            oldest = int(now * 1000) - self._producer_expiration_ms()
        self._sweep_some(logs, int(now * 1000), retention, oldest)

    def _sweep_some(self, logs: list[SegmentLog], now_ms: int, retention: bool, oldest: int | None) -> None:
        """Some of the logs, and then the others.

        :param oldest: producers that have been silent since then (ms) are forgotten; None when it is not the time for that.
        """
        if self._closing:
            return
        for log in logs[:LOGS_PER_SWEEP]:
            if not log.closed:
                log.tick(now_ms)
                if oldest is not None:
                    log.expire_producers(oldest)
                if retention:
                    log.apply_retention(now_ms).addErrback(self._retention_failed, log)
        if len(logs) > LOGS_PER_SWEEP:
            self._timer = self._clock.callLater(0, self._sweep_some, logs[LOGS_PER_SWEEP:], now_ms, retention, oldest)
            return
        self._remove_doomed()
        self._checkpoint()
        self._timer = self._clock.callLater(SWEEP_SECONDS, self._sweep)

    def _retention_failed(self, failure: object, log: SegmentLog) -> None:
        self._log.error("retention of {partition} failed: {failure}", partition=log.topic_partition, failure=failure)

    def _remove_doomed(self) -> None:
        now = self._clock.seconds()
        due = [path for when, path in self._doomed if when <= now]
        if due:
            self._doomed = [entry for entry in self._doomed if entry[0] > now]
            removing: Deferred[None] = self._pools.run(Pool.BACKGROUND, self._remove_trees, due)
            removing.addErrback(lambda failure: self._log.error("{failure}: the next start tries again", failure=failure.getErrorMessage()))

    def _remove_trees(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._file_system.remove_tree(path)

    def _checkpoint(self) -> None:
        if self._clock.seconds() < self._checkpoint_due:
            return
        self._checkpoint_due = self._clock.seconds() + self._checkpoint_ms / 1000
        for home in self._homes:
            writing: Deferred[None] = self._pools.run(Pool.BACKGROUND, home.directory.checkpoints.write, *self._offsets(home))
            writing.addErrback(lambda failure: self._log.error("checkpoints could not be written: {failure}", failure=failure.getErrorMessage()))

    def _offsets(self, home: _Home) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int], int]:
        """How far each open log is on disk, where it begins, and how many changes the checkpoints had seen by then."""
        logs = [log for log in self._logs.values() if log.directory is home.directory]
        points = {log.topic_partition: offset for log in logs if (offset := log.checkpoint_offset) is not None}
        return points, {log.topic_partition: log.start_offset for log in logs}, home.directory.checkpoints.changes
