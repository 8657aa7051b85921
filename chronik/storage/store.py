"""The segment store: log directories, the logs in them, and what is done for all of them now and then."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from zope.interface import implementer

from chronik.defer import IThreadPools, Pool, deferred
from chronik.errors import ChronikError, ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition, topic_id_text
from chronik.storage.checkpoints import (
    CLEAN_SHUTDOWN,
    LOCK,
    META_PROPERTIES,
    PARTITION_METADATA,
    RECOVERY_POINTS,
    START_OFFSETS,
    BadCheckpoint,
    DirectoryIdentity,
    decode_offsets,
    decode_partition_metadata,
    encode_offsets,
)
from chronik.storage.config import LogConfig
from chronik.storage.directory import DirectoryWriter, LogDirectory
from chronik.storage.files import FileCache
from chronik.storage.flush import FlushScheduler
from chronik.storage.interfaces import IFileSystem, ILock, ILogStore, IPartitionLog
from chronik.storage.loading import LoadRequest, create_log, load_log
from chronik.storage.log import SegmentLog

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

DELETED_SUFFIX: Final = "-delete"
"""Ending of the directory of a log that is being removed, after a random part, as in Kafka."""

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
        self.recovery_points: dict[TopicPartition, int] = {}
        self.start_offsets: dict[TopicPartition, int] = {}


@implementer(ILogStore)
class SegmentLogStore:
    """Logs in directories of segment files.

    :param directories: absolute paths.
    :param pools: opening, deleting and checkpoints run there; each directory has a writing and a flushing thread of its own.
    :param cluster_id: whose data it is; a directory of another cluster is refused.
    :param files_max: segment files kept open.
    :param retention_ms: how often retention is applied (``log.retention.check.interval.ms``).
    :param checkpoint_ms: how often recovery points are noted (``log.flush.offset.checkpoint.interval.ms``).
    :param producer_expiration_ms: silence after which a producer is forgotten (``producer.id.expiration.ms``).
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
        producer_expiration_ms: int = 86_400_000,
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
        self._randbytes = randbytes
        self._homes: list[_Home] = []
        self._known: dict[tuple[TopicPartition, TopicId], _Home] = {}
        self._logs: dict[TopicPartition, SegmentLog] = {}
        self._opening: dict[TopicPartition, Deferred[None]] = {}
        self._timer: IDelayedCall | None = None
        self._retention_due = 0.0
        self._checkpoint_due = 0.0
        self._doomed: list[tuple[float, str]] = []
        self._closing = False

    # -- beginning and end --------------------------------------------------------------------------------------------

    @deferred
    async def start(self) -> None:
        """Take the directories; see :meth:`ILogStore.start`."""
        for path in self._paths:
            home = await self._pools.run(Pool.BACKGROUND, self._take, path)
            self._homes.append(home)
            await self._find(home)
        now = self._clock.seconds()
        self._retention_due = now + self._retention_ms / 1000
        self._checkpoint_due = now + self._checkpoint_ms / 1000
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
            self._identify(path)
        except BaseException:
            lock.release()
            raise
        name = os.path.basename(path)
        writer = DirectoryWriter(self._pools.worker(f"write {name}"), self._clock)
        flusher = FlushScheduler(self._file_system, self._pools.worker(f"flush {name}"), path)
        return _Home(LogDirectory(path, self._file_system, self._pools, self._clock, self._files, writer, flusher), lock)

    def _identify(self, path: str) -> None:
        name = os.path.join(path, META_PROPERTIES)
        try:
            if not self._file_system.exists(name):
                identity = DirectoryIdentity(self._cluster_id, self._broker_id, topic_id_text(self._randbytes(16)))
                self._file_system.write_whole(name, identity.encode())
                return
            identity = DirectoryIdentity.decode(self._file_system.read_whole(name))
        except (BadCheckpoint, OSError) as error:
            raise ChronikError(f"{name} cannot be used: {error}") from None
        if identity.cluster_id != self._cluster_id:
            raise ChronikError(f"log directory {path} belongs to cluster {identity.cluster_id}, not to {self._cluster_id}: choose another with log.dirs")
        if identity.node_id != self._broker_id:
            raise ChronikError(f"log directory {path} belongs to broker {identity.node_id}, this one is {self._broker_id} (node.id)")

    @deferred
    async def _find(self, home: _Home) -> None:
        found, doomed = await self._pools.run(Pool.BACKGROUND, self._look, home)
        for topic_partition, topic_id in found:
            self._known[topic_partition, topic_id] = home
        self._doomed.extend((self._clock.seconds(), path) for path in doomed)

    def _look(self, home: _Home) -> tuple[list[tuple[TopicPartition, TopicId]], list[str]]:
        """In a thread: what logs a directory holds, and which directories were being removed."""
        path = home.directory.path
        marker = os.path.join(path, CLEAN_SHUTDOWN)
        home.clean = self._file_system.exists(marker)
        if home.clean:
            self._file_system.unlink(marker)
            self._file_system.sync_directory(path)
        home.recovery_points = self._offsets(os.path.join(path, RECOVERY_POINTS))
        home.start_offsets = self._offsets(os.path.join(path, START_OFFSETS))
        found, doomed = [], []
        for name in self._file_system.list(path):
            inside = os.path.join(path, name)
            if name.startswith(".") or not self._file_system.is_directory(inside):
                continue
            if name.endswith(DELETED_SUFFIX):
                doomed.append(inside)
                continue
            log = self._recognise(inside, name)
            if log is not None:
                found.append(log)
        return found, doomed

    def _recognise(self, path: str, name: str) -> tuple[TopicPartition, TopicId] | None:
        topic, _, number = name.rpartition("-")
        metadata = os.path.join(path, PARTITION_METADATA)
        if not topic or not number.isdigit() or not self._file_system.exists(metadata):
            self._log.warn("{path} is no log and is left alone", path=path)
            return None
        try:
            return TopicPartition(topic, int(number)), decode_partition_metadata(self._file_system.read_whole(metadata))
        except BadCheckpoint as error:
            self._log.error("{path} is left alone: {error}", path=metadata, error=error)
            return None

    def _offsets(self, path: str) -> dict[TopicPartition, int]:
        if not self._file_system.exists(path):
            return {}
        try:
            return decode_offsets(self._file_system.read_whole(path))
        except BadCheckpoint as error:
            self._log.warn("{path} is damaged ({error}): logs are recovered from their beginning", path=path, error=error)
            return {}

    @deferred
    async def close(self) -> None:
        """Close everything; see :meth:`ILogStore.close`."""
        self._closing = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        results = await DeferredList([log.close() for log in self._logs.values()], consumeErrors=True)
        unclean = {log.directory.path for log, (ok, _) in zip(self._logs.values(), results, strict=True) if not ok}
        for home in self._homes:
            await self._pools.run(Pool.BACKGROUND, self._leave, home, home.directory.path not in unclean)
        self._files.close()

    def _leave(self, home: _Home, clean: bool) -> None:
        path = home.directory.path
        self._write_checkpoints(home)
        if clean:
            self._file_system.write_whole(os.path.join(path, CLEAN_SHUTDOWN), b'{"version":0}')
        home.lock.release()

    # -- logs ---------------------------------------------------------------------------------------------------------

    def known(self) -> Sequence[tuple[TopicPartition, TopicId]]:
        """What there is; see :meth:`ILogStore.known`."""
        return list(self._known)

    def directories(self) -> Sequence[str]:
        """The directories; see :meth:`ILogStore.directories`."""
        return [home.directory.path for home in self._homes]

    @deferred
    async def open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig) -> IPartitionLog:
        """Open or create; see :meth:`ILogStore.open`. Calls for one partition follow each other."""
        await self._turn(topic_partition)
        turn: Deferred[None] = Deferred()
        self._opening[topic_partition] = turn
        try:
            return await self._open(topic_partition, topic_id, config)
        finally:
            del self._opening[topic_partition]
            turn.callback(None)

    async def _turn(self, topic_partition: TopicPartition) -> None:
        """Wait until nobody opens or deletes this partition."""
        while topic_partition in self._opening:
            waiter: Deferred[None] = Deferred()
            self._opening[topic_partition].addCallback(lambda _, waiter=waiter: waiter.callback(None))
            await waiter

    async def _open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig) -> SegmentLog:
        open_already = self._logs.get(topic_partition)
        if open_already is not None:
            if open_already.topic_id != topic_id:
                raise self._inconsistent(topic_partition, open_already.topic_id)
            return open_already
        home = self._known.get((topic_partition, topic_id))
        other = next((known_id for tp, known_id in self._known if tp == topic_partition and known_id != topic_id), None)
        if home is None and other is not None:
            raise self._inconsistent(topic_partition, other)
        existing = home is not None
        home = home or self._emptiest()
        path = os.path.join(home.directory.path, str(topic_partition))
        request = LoadRequest(
            topic_partition,
            topic_id,
            path,
            home.clean,
            home.recovery_points.get(topic_partition, 0),
            home.start_offsets.get(topic_partition, 0),
            config.index_interval_bytes,
            home.directory.now_ms(),
        )
        try:
            loaded = await self._pools.run(Pool.BACKGROUND, load_log if existing else create_log, self._file_system, self._files, request)
        except OSError as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the log of {topic_partition} in {path} cannot be opened: {error}") from error
        if loaded.notes:
            self._log.warn("recovered {partition} to offset {end}: {what}", partition=topic_partition, end=loaded.end_offset, what="; ".join(loaded.notes))
        log = self._logs[topic_partition] = SegmentLog(topic_partition, topic_id, config, home.directory, path, loaded)
        self._known[topic_partition, topic_id] = home
        return log

    def _inconsistent(self, topic_partition: TopicPartition, topic_id: TopicId) -> KafkaError:
        return KafkaError(ErrorCode.INCONSISTENT_TOPIC_ID, f"the directory of {topic_partition} belongs to a topic of id {topic_id_text(topic_id)}")

    def _emptiest(self) -> _Home:
        """The directory with the fewest logs."""
        counts = {id(home): 0 for home in self._homes}
        for home in self._known.values():
            counts[id(home)] += 1
        return min(self._homes, key=lambda home: counts[id(home)])

    @deferred
    async def delete(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Remove; see :meth:`ILogStore.delete`."""
        await self._turn(topic_partition)
        home = self._known.pop((topic_partition, topic_id), None)
        if home is None:
            return
        turn: Deferred[None] = Deferred()
        self._opening[topic_partition] = turn
        try:
            delay_ms = self._forget(topic_partition, topic_id)
            doomed = await self._pools.run(Pool.BACKGROUND, self._rename_away, home.directory.path, topic_partition)
            self._doomed.append((self._clock.seconds() + delay_ms / 1000, doomed))
        finally:
            del self._opening[topic_partition]
            turn.callback(None)

    def _forget(self, topic_partition: TopicPartition, topic_id: TopicId) -> int:
        """Let go of an open log; its ``file.delete.delay.ms``."""
        log = self._logs.get(topic_partition)
        if log is None or log.topic_id != topic_id:
            return 0
        del self._logs[topic_partition]
        log.tell_deleted()
        log.forget_files()
        return log.config.file_delete_delay_ms

    def _rename_away(self, directory: str, topic_partition: TopicPartition) -> str:
        doomed = os.path.join(directory, f"{str(topic_partition)[:200]}.{self._randbytes(16).hex()}{DELETED_SUFFIX}")
        self._file_system.rename(os.path.join(directory, str(topic_partition)), doomed)
        self._file_system.sync_directory(directory)
        return doomed

    # -- now and then -------------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        """Do what is due for all logs; one timer, however many there are."""
        now = self._clock.seconds()
        logs = list(self._logs.values())
        retention = now >= self._retention_due
        if retention:
            self._retention_due = now + self._retention_ms / 1000
        self._sweep_some(logs, int(now * 1000), retention)

    def _sweep_some(self, logs: list[SegmentLog], now_ms: int, retention: bool) -> None:
        if self._closing:
            return
        for log in logs[:LOGS_PER_SWEEP]:
            log.write_side_files()
            if log.config.write_caching:
                log.flush_if_due(now_ms)
            if retention:
                log.expire_producers(now_ms - self._producer_expiration_ms)
                log.apply_retention(now_ms).addErrback(self._retention_failed, log)
        if len(logs) > LOGS_PER_SWEEP:
            self._timer = self._clock.callLater(0, self._sweep_some, logs[LOGS_PER_SWEEP:], now_ms, retention)
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
            writing: Deferred[None] = self._pools.run(Pool.BACKGROUND, self._write_checkpoints, home)
            writing.addErrback(lambda failure: self._log.error("checkpoints could not be written: {failure}", failure=failure.getErrorMessage()))

    def _write_checkpoints(self, home: _Home) -> None:
        """In a thread: note how far each log is on disk, and where it begins."""
        logs = [log for log in tuple(self._logs.values()) if log.directory is home.directory]
        opened = {log.topic_partition for log in logs}
        points = {tp: offset for tp, offset in home.recovery_points.items() if tp not in opened}
        points.update((log.topic_partition, log.flushed_offset) for log in logs)
        starts = {log.topic_partition: log.start_offset for log in logs if log.start_offset > 0}
        path = home.directory.path
        self._file_system.write_whole(os.path.join(path, RECOVERY_POINTS), encode_offsets(points))
        self._file_system.write_whole(os.path.join(path, START_OFFSETS), encode_offsets(starts))
