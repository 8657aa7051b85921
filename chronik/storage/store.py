"""The segment store: log directories, the logs in them, and what is done for all of them now and then."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from zope.interface import implementer

from chronik.clocks import WallClock
from chronik.defer import IThreadPools, KeyedLocks, Pool, deferred
from chronik.errors import ChronikError, ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition, topic_id_text
from chronik.storage.checkpoints import PARTITION_METADATA
from chronik.storage.closing import CLOSE_SECONDS_MAX, close_home, within
from chronik.storage.config import LogConfig
from chronik.storage.discovery import DELETED_SUFFIX, STRAY_SUFFIX, Found
from chronik.storage.disks import DiskPolicy, DiskWatch, is_disk_failure, is_full, nobody
from chronik.storage.files import FileCache
from chronik.storage.homes import Home, new_identity, refused
from chronik.storage.interfaces import DirectoryStatus, DirectoryUsage, DiskFull, IFileSystem, IPartitionLog, LogUsage
from chronik.storage.loading import LoadedLog, LoadRequest, create_log, load_log
from chronik.storage.log import SegmentLog
from chronik.storage.move_interfaces import IMovableLogStore
from chronik.storage.moves import LogMoves, StoreParts
from chronik.storage.segment import LOG
from chronik.storage.sweeping import StoreSweeper, SweepTimes
from chronik.storage.threads import DirectoryPools
from chronik.storage.usage import directory_usages

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime


@implementer(IMovableLogStore)
class SegmentLogStore:
    """Logs in directories of segment files.

    :param directories: absolute paths.
    :param pools: opening, deleting and checkpoints run there, or in threads of each directory's own where there are several. Each has a writing and
        a flushing thread besides.
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
        wall_clock: WallClock,
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
        self._clock = clock
        self._cluster_id = cluster_id
        self._broker_id = broker_id
        self._all_offline = all_offline
        self._randbytes = randbytes
        self._files = FileCache(file_system, files_max)
        self._homes = [
            Home(path, file_system, own, clock, wall_clock, self._files, DiskWatch(path, clock, policy, self._went_offline), policy, openers)
            for path in directories
            for own in [DirectoryPools(pools, os.path.basename(path)) if len(directories) > 1 else pools]
        ]
        self._known: dict[TopicPartition, tuple[TopicId, Home]] = {}
        self._doubles: list[tuple[TopicPartition, TopicId, Home]] = []
        self._missing: dict[TopicPartition, Home] = {}
        self._refused: set[TopicPartition] = set()
        self._logs: dict[TopicPartition, SegmentLog] = {}
        self._turns: KeyedLocks[TopicPartition] = KeyedLocks()
        times = SweepTimes(retention_ms, checkpoint_ms, producer_expiration_ms, producer_check_ms)
        self._sweeper = StoreSweeper(file_system, clock, wall_clock, times, self._homes, self._logs_in, self._forget_missing)
        parts = StoreParts(
            file_system,
            self._files,
            self._homes,
            self._known,
            self._logs,
            self._turns,
            randbytes,
            self._load,
            self._request,
            self._rename_away,
            self._sweeper.doom,
        )
        self._moves = LogMoves(parts)
        self._started = False

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
        await self._moves.twins.choose()
        await self._moves.find([(home, found) for home, (_, found) in zip(self._homes, results, strict=True) if found is not None])
        self._missing = {
            tp: home
            for home in self._homes
            if home.online
            for tp in home.directory.checkpoints.known()
            if tp not in self._known and tp not in self._moves.gone and not self._moves.is_future_in(tp, home)
        }
        self._started = True
        self._sweeper.start()

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
                self._moves.twins.meet(topic_partition, topic_id, home)
        for path in found.doomed:
            self._sweeper.doom(path, home)

    def _went_offline(self, watch: DiskWatch) -> None:
        """A directory's disk failed: none of its logs is believed any more."""
        for log in (*self._logs.values(), *self._moves.open_logs()):
            if log.directory.watch is watch:
                log.trouble.go_offline(watch.failure or "")
        if self._started and not any(home.online for home in self._homes):
            self._all_offline("; ".join(f"log directory {home.path} is offline: {home.watch.failure}" for home in self._homes))

    @deferred
    async def close(self) -> None:
        """Close everything; see :meth:`ILogStore.close`."""
        self._sweeper.stop()
        at_rest = await within(CLOSE_SECONDS_MAX, Deferred.fromCoroutine(self._turns.settled()), self._clock)
        unopened = {home.path for tp, (_, home) in self._known.items() if not home.clean and tp not in self._logs}
        unopened |= {home.path for home in self._moves.unopened() if not home.clean}
        started, self._started = self._started, False
        # Before the start is over nobody knows what is there: nothing is said of it, and the next start finds it as this one did.
        closing = [close_home(home, self._logs_in(home), started, home.path not in unopened, at_rest, self._clock) for home in self._homes]
        await DeferredList(closing, consumeErrors=True)
        self._files.close()

    # -- logs ---------------------------------------------------------------------------------------------------------

    def known(self) -> Sequence[tuple[TopicPartition, TopicId]]:
        """What there is; see :meth:`ILogStore.known`."""
        doubles = [(topic_partition, topic_id) for topic_partition, topic_id, _ in self._doubles]
        gone = [(topic_partition, old.topic_id) for topic_partition, (old, _) in self._moves.gone.items()]
        return [(topic_partition, topic_id) for topic_partition, (topic_id, _) in self._known.items()] + doubles + gone

    def directories(self) -> Sequence[str]:
        """The directories; see :meth:`ILogStore.directories`."""
        return [home.path for home in self._homes]

    def status(self) -> Sequence[DirectoryStatus]:
        """How they do; see :meth:`ILogStore.status`."""
        return [home.watch.status() for home in self._homes]

    @deferred
    async def usage(self) -> Sequence[DirectoryUsage]:
        """Sizes; see :meth:`ILogStore.usage`."""
        offline = {home.path: home.watch.failure for home in self._homes}
        pools = {home.path: home.pools for home in self._homes}
        return await directory_usages(self._file_system, pools, offline, self._log_usages)

    def _logs_in(self, home: Home) -> Sequence[SegmentLog]:
        return [log for log in self._logs.values() if log.directory is home.directory] + self._moves.open_logs(home)

    def _forget_missing(self) -> None:
        """Logs of partitions that there are have been asked for by now: what is left belonged to topics that were deleted."""
        self._missing = {tp: home for tp, home in self._missing.items() if tp in self._refused}

    def _log_usages(self, directory: str) -> Sequence[LogUsage]:
        home = next(home for home in self._homes if home.path == directory)
        logs = [log for log in self._logs.values() if log.directory is home.directory]
        usages = [LogUsage(log.topic_partition, log.size_bytes, max(0, log.high_watermark - log.end_offset)) for log in logs]
        return usages + self._moves.usages(home)

    @deferred
    async def open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, existing: bool = False) -> IPartitionLog:
        """Open or create; see :meth:`ILogStore.open`. Calls for one partition follow each other."""
        return await self._turns.holding(topic_partition, lambda: self._open(topic_partition, topic_id, config, existing))

    async def _open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, existing: bool) -> SegmentLog:
        self._choose_double(topic_partition, topic_id)
        self._moves.check(topic_partition, topic_id)
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
            loaded = await home.open(self._load, home, self._request(home, topic_partition, topic_id, config), True)
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
        for home in self._moves.by_preference(topic_partition):
            if not home.online:
                continue
            home.logs += 1
            try:
                loaded = await home.open(self._load, home, replace(self._request(home, topic_partition, topic_id, config), replaces=offline), False)
            except OSError as error:
                home.logs -= 1
                problem = self._not_opened(home, topic_partition, error)
                home.watch.told_of(error)
                if not is_full(error) and not is_disk_failure(error):
                    break
                continue
            self._known[topic_partition] = (topic_id, home)
            if existing:
                told = "{partition} was here before, and is in no log directory: it begins anew in {path}. Is a disk not mounted?"
                self._log.warn(told, partition=topic_partition, path=home.path)
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

    def _request(
        self, home: Home, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, path: str = "", clean: bool | None = None
    ) -> LoadRequest:
        """What is known of a log before it is opened.

        :param path: where it is if it has not its own name.
        :param clean: whether it was closed properly, None for what was found of its directory.
        """
        checkpoints = home.directory.checkpoints
        return LoadRequest(
            topic_partition,
            topic_id,
            path or self._path(home, topic_partition),
            home.clean if clean is None else clean,
            checkpoints.recovery_point(topic_partition),
            checkpoints.start_offset(topic_partition),
            config.index_interval_bytes,
            home.directory.now_ms(),
            config.compact,
        )

    def _load(self, home: Home, request: LoadRequest, existing: bool) -> LoadedLog:
        """In a thread: open a log's files, or make them."""
        checkpoints = home.directory.checkpoints
        if not existing:
            checkpoints.forget(request.topic_partition)
        loaded = (load_log if existing else create_log)(self._file_system, self._files, request)
        if existing and loaded.start_offset < request.start_offset:
            # It ends before that: what it gets from here on must not be hidden below.
            checkpoints.begin_at(request.topic_partition, loaded.start_offset, checkpoints.changes)
        return loaded

    @deferred
    async def delete(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Remove; see :meth:`ILogStore.delete`."""
        await self._turns.holding(topic_partition, lambda: self._delete(topic_partition, topic_id))

    async def _delete(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        self._choose_double(topic_partition, topic_id)
        await self._moves.forget(topic_partition, topic_id)
        known_id, home = self._known.get(topic_partition, (topic_id, None))
        missing = self._missing.pop(topic_partition, None)
        if missing is not None:
            await missing.pools.run(Pool.BACKGROUND, missing.directory.checkpoints.forget, topic_partition)
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
        if log is not None:
            await log.handover.rest()
        try:
            doomed = await home.pools.run(Pool.BACKGROUND, self._rename_away, home, topic_partition, self._path(home, topic_partition))
        except OSError as error:
            home.watch.told_of(error)
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the log of {topic_partition} cannot be removed: {error}") from error
        del self._known[topic_partition]
        home.logs -= 1
        self._sweeper.doom(doomed, home, delay_ms)

    @deferred
    async def set_aside(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Keep what nobody knows of; see :meth:`ILogStore.set_aside`. A topic of the same name may ask for its log next."""
        await self._turns.holding(topic_partition, lambda: self._set_aside(topic_partition, topic_id))

    async def _set_aside(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        double = next((entry for entry in self._doubles if entry[:2] == (topic_partition, topic_id)), None)
        known_id, home = self._known.get(topic_partition, (topic_id, None))
        if double is not None:
            home = double[2]
        elif known_id != topic_id:
            home = None
        if home is None:
            home = self._moves.forget_gone(topic_partition, topic_id)
            double = None if home is None else (topic_partition, topic_id, home)
            self._doubles.extend(() if double is None else (double,))
        if home is None or not home.online:
            return
        if double is None and not await home.pools.run(Pool.BACKGROUND, self._holds_records, self._path(home, topic_partition)):
            await self._delete(topic_partition, topic_id)
            return
        if double is None:
            del self._known[topic_partition]
            home.logs -= 1
            home.opened()
        else:
            self._doubles.remove(double)
        path = self._path(home, topic_partition)
        kept = await home.pools.run(Pool.BACKGROUND, self._rename_away, home, topic_partition, path, STRAY_SUFFIX)
        self._log.error(
            "the log of {partition} holds records, and no topic has its id {topic_id}: it is kept as {path}. Remove that if the topic was deleted",
            partition=topic_partition,
            topic_id=topic_id_text(topic_id),
            path=kept,
        )

    def _holds_records(self, path: str) -> bool:
        """In a thread."""
        return any(name.endswith(LOG) and self._file_system.size(os.path.join(path, name)) for name in self._file_system.list(path))

    def _rename_away(self, home: Home, topic_partition: TopicPartition, path: str, suffix: str = DELETED_SUFFIX) -> str:
        """In a thread: take a log's directory out of the way; its new path."""
        directory = home.path
        away = os.path.join(directory, f"{str(topic_partition)[:200]}.{self._randbytes(16).hex()}{suffix}")
        home.directory.checkpoints.forget_removed(topic_partition)
        self._file_system.rename(path, away)
        self._file_system.sync_directory(directory)
        return away

    # -- moving -------------------------------------------------------------------------------------------------------

    def directory_of(self, topic_partition: TopicPartition, topic_id: TopicId) -> str | None:
        """Where a log is; see :meth:`IMovableLogStore.directory_of`."""
        log = self._logs.get(topic_partition)
        return log.directory.path if log is not None and log.topic_id == topic_id else None

    def check_directory(self, directory: str) -> str:
        """A log directory's path; see :meth:`IMovableLogStore.check_directory`."""
        return self._moves.home_at(directory).path

    def prefer(self, topic_partition: TopicPartition, directory: str) -> None:
        """Where a log is to be made; see :meth:`IMovableLogStore.prefer`."""
        self._moves.prefer(topic_partition, directory)

    def futures(self) -> Sequence[tuple[TopicPartition, TopicId, str]]:
        """Those that are to take another one's place; see :meth:`IMovableLogStore.futures`."""
        return self._moves.futures()

    @deferred
    async def open_future(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, directory: str) -> IPartitionLog:
        """Open or make one; see :meth:`IMovableLogStore.open_future`."""
        return await self._turns.holding(topic_partition, lambda: self._moves.open(topic_partition, topic_id, config, directory))

    @deferred
    async def drop_future(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Remove one; see :meth:`IMovableLogStore.drop_future`."""
        await self._turns.holding(topic_partition, lambda: self._moves.drop(topic_partition, topic_id))

    @deferred
    async def replace(self, topic_partition: TopicPartition, topic_id: TopicId) -> IPartitionLog | None:
        """Let it be the log; see :meth:`IMovableLogStore.replace`."""
        return await self._turns.holding(topic_partition, lambda: self._moves.replace(topic_partition, topic_id))
