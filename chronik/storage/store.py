"""The segment store: log directories, the logs in them, and what is done for all of them now and then."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from zope.interface import implementer

from chronik.defer import IThreadPools, KeyedLocks, Pool, deferred
from chronik.errors import ChronikError, ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition, topic_id_text
from chronik.storage.checkpoints import PARTITION_METADATA
from chronik.storage.config import LogConfig
from chronik.storage.discovery import DELETED_SUFFIX, STRAY_SUFFIX, Found
from chronik.storage.disks import DiskPolicy, DiskWatch, is_disk_failure, is_full, nobody
from chronik.storage.files import FileCache
from chronik.storage.homes import Home, new_identity, offsets_of, refused
from chronik.storage.interfaces import DirectoryStatus, DirectoryUsage, DiskFull, IFileSystem, ILogStore, IPartitionLog, LogUsage
from chronik.storage.loading import LoadedLog, LoadRequest, create_log, load_log
from chronik.storage.log import SegmentLog
from chronik.storage.segment import LOG
from chronik.storage.usage import directory_usage, unusable

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

SWEEP_SECONDS: Final = 1.0
"""How often what is due is looked for, by one timer for all logs."""

LOGS_PER_SWEEP: Final = 500
"""Logs looked at in one turn of the reactor."""


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
    :param openers: threads for each directory that open logs, and recover them (``num.recovery.threads.per.data.dir``).
    :param policy: when a disk is slow, or too slow.
    :param all_offline: called, with what happened, when the last directory goes offline.
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
        openers: int = 2,
        policy: DiskPolicy = DiskPolicy(),  # noqa: B008  it is frozen
        all_offline: Callable[[str], None] = nobody,
        randbytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._file_system = file_system
        self._pools = pools
        self._clock = clock
        self._cluster_id = cluster_id
        self._broker_id = broker_id
        self._all_offline = all_offline
        self._retention_ms = retention_ms
        self._checkpoint_ms = checkpoint_ms
        self._producer_expiration_ms = producer_expiration_ms
        self._producer_check_ms = producer_check_ms
        self._randbytes = randbytes
        self._files = FileCache(file_system, files_max)
        self._homes = [
            Home(path, file_system, pools, clock, self._files, DiskWatch(path, clock, policy, self._went_offline), policy, openers)
            for path in directories
        ]
        self._known: dict[TopicPartition, tuple[TopicId, Home]] = {}
        self._doubles: list[tuple[TopicPartition, TopicId, Home]] = []
        self._missing: dict[TopicPartition, Home] = {}
        self._refused: set[TopicPartition] = set()
        self._logs: dict[TopicPartition, SegmentLog] = {}
        self._turns: KeyedLocks[TopicPartition] = KeyedLocks()
        self._timer: IDelayedCall | None = None
        self._retention_due = 0.0
        self._checkpoint_due = 0.0
        self._doomed: list[tuple[float, str, Home]] = []
        self._started = False
        self._producers_due = 0.0
        self._closing = False

    # -- beginning and end --------------------------------------------------------------------------------------------

    @deferred
    async def start(self) -> None:
        """Take the directories; see :meth:`ILogStore.start`."""
        taking = [self._take(home) for home in self._homes]
        results: list[tuple[bool, Any]] = await DeferredList(taking, consumeErrors=True)
        problems = [result for ok, result in results if not ok]
        offline = [home.watch.failure or "" for home in self._homes if not home.online]
        if problems or len(offline) == len(self._homes):
            for home in self._homes:
                home.release()
            if problems:
                problems[0].raiseException()
            raise ChronikError("; ".join(offline))
        for home, (_, found) in zip(self._homes, results, strict=True):
            if found is not None:
                self._find(home, found)
        self._missing = {
            tp: home for home in self._homes if home.online for tp in home.directory.checkpoints.known() if tp not in self._known
        }
        self._started = True
        now = self._clock.seconds()
        self._retention_due = now + self._retention_ms / 1000
        self._checkpoint_due = now + self._checkpoint_ms / 1000
        self._producers_due = now + self._producer_check_ms / 1000
        self._timer = self._clock.callLater(SWEEP_SECONDS, self._sweep)

    @deferred
    async def _take(self, home: Home) -> Found | None:
        """What is in a directory; None, and it is offline, where its disk refuses."""
        try:
            return await home.open(home.take, new_identity(self._cluster_id, self._broker_id, self._randbytes(16)))
        except OSError as error:
            home.release()
            if len(self._homes) == 1:
                raise ChronikError(refused(home.path, error)) from None
            home.watch.fail(refused(home.path, error))
            return None

    def _find(self, home: Home, found: Found) -> None:
        home.clean = found.clean
        for topic_partition, topic_id in found.logs:
            known_id, elsewhere = self._known.get(topic_partition, (topic_id, None))
            if elsewhere is None:
                self._known[topic_partition] = (topic_id, home)
                home.logs += 1
                home.found = home.unopened = home.unopened + 1
            elif known_id != topic_id:
                # One is of a topic that was deleted while its directory was offline: which one, those know who open or set aside.
                self._doubles.append((topic_partition, topic_id, home))
            else:
                self._log.error(
                    "{partition} is in {first} and in {second}: the one in {second} is left alone",
                    partition=topic_partition,
                    first=elsewhere.path,
                    second=home.path,
                )
        self._doomed.extend((self._clock.seconds(), path, home) for path in found.doomed)

    def _went_offline(self, watch: DiskWatch) -> None:
        """A directory's disk failed: none of its logs is believed any more."""
        for log in list(self._logs.values()):
            if log.directory.watch is watch:
                log.trouble.go_offline(watch.failure or "")
        if self._started and not any(home.online for home in self._homes):
            self._all_offline("; ".join(f"log directory {home.path} is offline: {home.watch.failure}" for home in self._homes))

    @deferred
    async def close(self) -> None:
        """Close everything; see :meth:`ILogStore.close`."""
        self._closing = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        await self._turns.settled()
        for log in self._logs.values():
            if not self._home_of(log).online:
                log.forget_files()
        logs = [log for log in self._logs.values() if self._home_of(log).online]
        results: list[tuple[bool, Any]] = await DeferredList([log.close() for log in logs], consumeErrors=True)
        for log, (ok, result) in zip(logs, results, strict=True):
            if not ok:
                self._log.error("{partition} could not be closed: {why}", partition=log.topic_partition, why=result.getErrorMessage())
        # What was not recovered must be at the next start.
        unclean = {log.directory.path for log, (ok, _) in zip(logs, results, strict=True) if not ok}
        unclean |= {home.path for tp, (_, home) in self._known.items() if not home.clean and tp not in self._logs}
        for home in self._homes:
            # A disk that does not answer is not asked again, not by a thread that might wait for it for ever.
            if home.online:
                await self._pools.run(Pool.BACKGROUND, home.leave, home.path not in unclean, *offsets_of(self._logs_in(home), home))
            else:
                home.release()
        self._files.close()

    def _home_of(self, log: SegmentLog) -> Home:
        return next(home for home in self._homes if home.directory is log.directory)

    # -- logs ---------------------------------------------------------------------------------------------------------

    def known(self) -> Sequence[tuple[TopicPartition, TopicId]]:
        """What there is; see :meth:`ILogStore.known`."""
        doubles = [(topic_partition, topic_id) for topic_partition, topic_id, _ in self._doubles]
        return [(topic_partition, topic_id) for topic_partition, (topic_id, _) in self._known.items()] + doubles

    def directories(self) -> Sequence[str]:
        """The directories; see :meth:`ILogStore.directories`."""
        return [home.path for home in self._homes]

    def status(self) -> Sequence[DirectoryStatus]:
        """How they do; see :meth:`ILogStore.status`."""
        return [home.watch.status() for home in self._homes]

    @deferred
    async def usage(self) -> Sequence[DirectoryUsage]:
        """Sizes; see :meth:`ILogStore.usage`."""
        return [await self._usage(home) for home in self._homes]

    async def _usage(self, home: Home) -> DirectoryUsage:
        if home.watch.failure is not None:
            return unusable(home.path, f"is offline: {home.watch.failure}")
        return await directory_usage(self._file_system, self._pools, home.path, lambda: self._log_usages(home))

    def _logs_in(self, home: Home) -> Sequence[SegmentLog]:
        return [log for log in self._logs.values() if log.directory is home.directory]

    def _log_usages(self, home: Home) -> Sequence[LogUsage]:
        logs = self._logs_in(home)
        return [LogUsage(log.topic_partition, log.size_bytes, max(0, log.high_watermark - log.end_offset)) for log in logs]

    @deferred
    async def open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, existing: bool = False) -> IPartitionLog:
        """Open or create; see :meth:`ILogStore.open`. Calls for one partition follow each other."""
        return await self._turns.holding(topic_partition, lambda: self._open(topic_partition, topic_id, config, existing))

    async def _open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, existing: bool) -> SegmentLog:
        self._choose_double(topic_partition, topic_id)
        known_id, home = self._known.get(topic_partition, (topic_id, None))
        if known_id != topic_id:
            raise KafkaError(
                ErrorCode.INCONSISTENT_TOPIC_ID, f"the directory of {topic_partition} belongs to a topic of id {topic_id_text(known_id)}"
            )
        if home is not None:
            self._check_online(home, topic_partition)
        open_already = self._logs.get(topic_partition)
        if open_already is not None:
            return open_already
        if topic_partition in self._missing:
            self._refused.add(topic_partition)
            raise self._is_missing(topic_partition)
        if home is None:
            return await self._create(topic_partition, topic_id, config, existing)
        try:
            loaded = await home.open(self._load, home, topic_partition, topic_id, config, True)
        except OSError as error:
            raise self._not_opened(home, topic_partition, error) from error
        finally:
            home.opened()
        if loaded.notes:
            what = "; ".join(loaded.notes)
            self._log.warn("recovered {partition} to offset {end}: {what}", partition=topic_partition, end=loaded.end_offset, what=what)
        return self._opened(home, topic_partition, topic_id, config, loaded)

    def _not_opened(self, home: Home, topic_partition: TopicPartition, error: OSError) -> KafkaError:
        what = f"the log of {topic_partition} in {self._path(home, topic_partition)} cannot be opened: {error}"
        if not is_full(error):
            return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, what)
        home.watch.filled(error)
        return DiskFull(what)

    def _opened(self, home: Home, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, loaded: LoadedLog) -> SegmentLog:
        self._check_online(home, topic_partition)
        path = self._path(home, topic_partition)
        log = self._logs[topic_partition] = SegmentLog(topic_partition, topic_id, config, home.directory, path, loaded)
        return log

    def _check_online(self, home: Home, topic_partition: TopicPartition) -> None:
        if home.watch.failure is not None:
            why = f"the log of {topic_partition} is in {home.path}, which is offline: {home.watch.failure}"
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, why)

    def _path(self, home: Home, topic_partition: TopicPartition) -> str:
        return os.path.join(home.path, str(topic_partition))

    async def _create(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, existing: bool) -> SegmentLog:
        """Make a log where there is most room for it; where the disk refuses, in the next directory."""
        offline = [home.path for home in self._homes if not home.online]
        if existing and offline:
            raise KafkaError(
                ErrorCode.KAFKA_STORAGE_ERROR,
                f"the log of {topic_partition} is in none of the directories in use: it may be in one that is offline ({', '.join(offline)}). "
                "Put that right and start the broker again; or delete the topic to go on without its records",
            )
        problem = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"there is no directory for {topic_partition}: {', '.join(offline)} are offline")
        for home in sorted(self._homes, key=lambda home: -home.room):
            if not home.online:
                continue
            home.logs += 1
            try:
                loaded = await home.open(self._load, home, topic_partition, topic_id, config, False)
            except OSError as error:
                home.logs -= 1
                problem = self._not_opened(home, topic_partition, error)
                home.watch.told_of(error)
                if not is_full(error) and not is_disk_failure(error):
                    break
                continue
            self._known[topic_partition] = (topic_id, home)
            return self._opened(home, topic_partition, topic_id, config, loaded)
        raise problem

    def _choose_double(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Of two logs of one name, the one of this topic id is the one."""
        for number, (name, double_id, home) in enumerate(self._doubles):
            if name == topic_partition and double_id == topic_id and topic_partition not in self._logs:
                known = self._known.pop(topic_partition, None)
                del self._doubles[number]
                if known is not None:
                    known[1].logs -= 1
                    self._doubles.append((topic_partition, *known))
                self._known[topic_partition] = (topic_id, home)
                home.logs += 1
                return

    def _is_missing(self, topic_partition: TopicPartition) -> KafkaError:
        directory = self._missing[topic_partition].directory
        return KafkaError(
            ErrorCode.KAFKA_STORAGE_ERROR,
            f"the log of {topic_partition} in {os.path.join(directory.path, str(topic_partition))} is gone, or has no {PARTITION_METADATA} that "
            f"can be read, though {directory.checkpoints.recovery_point(topic_partition)} offsets of it were on disk. Restore it and start the "
            "broker again; or delete the topic to go on without its records",
        )

    def _load(self, home: Home, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, existing: bool) -> LoadedLog:
        """In a thread: open a log's files, or make them."""
        checkpoints = home.directory.checkpoints
        if not existing:
            checkpoints.forget(topic_partition)
        request = LoadRequest(
            topic_partition,
            topic_id,
            self._path(home, topic_partition),
            home.clean,
            checkpoints.recovery_point(topic_partition),
            checkpoints.start_offset(topic_partition),
            config.index_interval_bytes,
            home.directory.now_ms(),
            config.compact,
        )
        loaded = (load_log if existing else create_log)(self._file_system, self._files, request)
        if loaded.start_offset < request.start_offset:
            # It ends before that: what it gets from here on must not be hidden below.
            checkpoints.begin_at(topic_partition, loaded.start_offset, checkpoints.changes)
        return loaded

    @deferred
    async def delete(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Remove; see :meth:`ILogStore.delete`."""
        await self._turns.holding(topic_partition, lambda: self._delete(topic_partition, topic_id))

    async def _delete(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        self._choose_double(topic_partition, topic_id)
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
        else:
            home.opened()
        if not home.online:
            # Its files are set aside by the start that finds the directory again.
            del self._known[topic_partition]
            home.logs -= 1
            return
        try:
            doomed = await self._pools.run(Pool.BACKGROUND, self._rename_away, home, topic_partition, DELETED_SUFFIX)
        except OSError as error:
            home.watch.told_of(error)
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the log of {topic_partition} cannot be removed: {error}") from error
        del self._known[topic_partition]
        home.logs -= 1
        self._doomed.append((self._clock.seconds() + delay_ms / 1000, doomed, home))

    @deferred
    async def set_aside(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Keep what nobody knows of; see :meth:`ILogStore.set_aside`."""
        double = next((entry for entry in self._doubles if entry[:2] == (topic_partition, topic_id)), None)
        known_id, home = self._known.get(topic_partition, (topic_id, None))
        if double is not None:
            home = double[2]
        elif known_id != topic_id:
            home = None
        if home is None or not home.online:
            return
        if double is None and not await self._pools.run(Pool.BACKGROUND, self._holds_records, self._path(home, topic_partition)):
            await self.delete(topic_partition, topic_id)
            return
        if double is None:
            del self._known[topic_partition]
            home.logs -= 1
            home.opened()
        else:
            self._doubles.remove(double)
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

    def _rename_away(self, home: Home, topic_partition: TopicPartition, suffix: str) -> str:
        """In a thread."""
        directory = home.path
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
            if not log.closed and not log.failed:
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
        for home in self._homes:
            home.look_around()
            if home.online:
                home.scrubber.step(partial(self._logs_in, home))
        self._timer = self._clock.callLater(SWEEP_SECONDS, self._sweep)

    def _retention_failed(self, failure: object, log: SegmentLog) -> None:
        self._log.error("retention of {partition} failed: {failure}", partition=log.topic_partition, failure=failure)

    def _remove_doomed(self) -> None:
        """Remove what was deleted ``file.delete.delay.ms`` ago."""
        now = self._clock.seconds()
        due = [(path, home) for when, path, home in self._doomed if when <= now and home.online]
        if due:
            self._doomed = [entry for entry in self._doomed if entry[0] > now]
            for path, home in due:
                removing: Deferred[None] = self._pools.run(Pool.BACKGROUND, self._file_system.remove_tree, path)
                removing.addErrback(home.not_written, f"the removal of {path}")

    def _checkpoint(self) -> None:
        if self._clock.seconds() < self._checkpoint_due:
            return
        self._checkpoint_due = self._clock.seconds() + self._checkpoint_ms / 1000
        for home in self._homes:
            if home.online:
                home.checkpoint(self._logs_in(home)).addErrback(home.not_written, "how far logs are on disk")
