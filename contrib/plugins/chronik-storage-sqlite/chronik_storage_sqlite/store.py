"""The store: directories, the logs in them, and what is done for all of them now and then."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.defer import KeyedLocks, Pool, deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition, topic_id_text
from chronik.storage.config import LogConfig
from chronik.storage.interfaces import DirectoryState, DirectoryStatus, DirectoryUsage, ILogStore, IPartitionLog, LogUsage
from chronik.storage.usage import directory_usages
from chronik_storage_sqlite import state as rows
from chronik_storage_sqlite.database import Database
from chronik_storage_sqlite.home import Home, MakeDatabase, give_back_room, take
from chronik_storage_sqlite.log import SqliteLog
from chronik_storage_sqlite.options import SqliteOptions
from chronik_storage_sqlite.state import KnownLog, LogState

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from chronik.storage.backends import StorageContext

SWEEP_SECONDS: Final = 1.0
"""How often what is due is looked for, by one timer for all logs."""

LOGS_PER_SWEEP: Final = 500
"""Logs looked at in one turn of the reactor."""

RETRY_SECONDS: Final = 60.0
"""When a log that could not be removed is tried again."""


def make(context: StorageContext, options: Mapping[str, str]) -> SqliteLogStore:
    """What the drop-in names: makes the store of its options.

    :raises ConfigurationError: an option is unknown or cannot be.
    """
    known = SqliteOptions.of(options)
    return SqliteLogStore(context, lambda path: Database(path, known))


@implementer(ILogStore)
class SqliteLogStore:
    """Logs in databases.

    :param make_database: the database of a path, not opened.
    """

    _log = Logger()

    def __init__(self, context: StorageContext, make_database: MakeDatabase) -> None:
        self._context = context
        self._make_database = make_database
        self._homes: list[Home] = []
        self._known: dict[TopicPartition, tuple[KnownLog, Home]] = {}
        self._logs: dict[TopicPartition, SqliteLog] = {}
        self._turns: KeyedLocks[TopicPartition] = KeyedLocks()
        self._doomed: list[tuple[float, int, Home]] = []
        self._timer: IDelayedCall | None = None
        self._retention_due = 0.0
        self._producers_due = 0.0
        self._closing = False

    # -- beginning and end --------------------------------------------------------------------------------------------

    @deferred
    async def start(self) -> None:
        """Take the directories; see :meth:`ILogStore.start`."""
        try:
            for path in self._context.directories:
                await self._take(path)
        except BaseException:
            for home in self._homes:
                home.leave()
            self._homes.clear()
            raise
        now = self._context.clock.seconds()
        self._retention_due = now + self._context.retention_check_ms / 1000
        self._producers_due = now + self._context.producer_check_ms / 1000
        self._timer = self._context.clock.callLater(SWEEP_SECONDS, self._sweep)

    async def _take(self, path: str) -> None:
        context = self._context
        lock, database = await context.pools.run(Pool.BACKGROUND, take, path, context, self._make_database)
        worker = context.pools.worker(f"commit {os.path.basename(path)}")
        home = Home(path, lock, database, context, worker, self._broken)
        self._homes.append(home)
        known, doomed = await context.pools.run(Pool.BACKGROUND, home.find)
        for log in known:
            elsewhere = self._known.setdefault(log.topic_partition, (log, home))[1]
            if elsewhere is not home:
                self._log.error(
                    "{partition} is in {first} and in {second}: the one in {second} is left alone",
                    partition=log.topic_partition,
                    first=elsewhere.path,
                    second=path,
                )
            home.logs += 1
        self._doomed.extend((0.0, log_id, home) for log_id in doomed)

    def _broken(self, home: Home, reason: BaseException) -> None:
        """A directory's disk failed: none of its logs is believed any more."""
        home.failure = str(reason)
        for log in self._logs.values():
            if log.home is home:
                log.fail(reason)
        if all(each.failure is not None for each in self._homes):
            self._context.all_offline("; ".join(f"log directory {each.path} is offline: {each.failure}" for each in self._homes))

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
        homes, self._homes = self._homes, []
        for home in homes:
            # In the thread that commits, so behind what it may still do.
            await home.worker.run(home.leave)

    # -- logs ---------------------------------------------------------------------------------------------------------

    def known(self) -> Sequence[tuple[TopicPartition, TopicId]]:
        """What there is; see :meth:`ILogStore.known`."""
        return [(topic_partition, log.topic_id) for topic_partition, (log, _) in self._known.items()]

    def directories(self) -> Sequence[str]:
        """The directories; see :meth:`ILogStore.directories`."""
        return list(self._context.directories)

    @deferred
    async def open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, existing: bool = False) -> IPartitionLog:
        """Open or create; see :meth:`ILogStore.open`. Calls for one partition follow each other. This store starts with all its directories or not at
        all, so that one that was there before is found.
        """
        try:
            return await self._turns.holding(topic_partition, lambda: self._open(topic_partition, topic_id, config))
        except (sqlite3.Error, OSError) as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the log of {topic_partition} cannot be opened: {error}") from error

    async def _open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig) -> SqliteLog:
        found = self._known.get(topic_partition)
        if found is None:
            usable = [home for home in self._homes if home.failure is None]
            if not usable:
                raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"there is no directory for {topic_partition}: all are offline")
            home = min(usable, key=lambda home: home.logs)
            log_id = await home.committer.run(rows.create_log(topic_partition, topic_id, home.now_ms()))
            home.logs += 1
            found = self._known[topic_partition] = KnownLog(log_id, topic_partition, topic_id, clean=True), home
        elif found[0].topic_id != topic_id:
            raise KafkaError(
                ErrorCode.INCONSISTENT_TOPIC_ID, f"the log of {topic_partition} belongs to a topic of id {topic_id_text(found[0].topic_id)}"
            )
        elif topic_partition in self._logs:
            return self._logs[topic_partition]
        else:
            await found[1].committer.run(rows.mark(found[0].log_id, clean=False))
        known, home = found
        state = await self._context.pools.run(Pool.BACKGROUND, self._load, home, known.log_id)
        log = self._logs[topic_partition] = SqliteLog(home, known.log_id, topic_partition, topic_id, config, state, known.clean)
        return log

    def _load(self, home: Home, log_id: int) -> LogState:
        """In a thread."""
        with home.database.reading() as connection:
            return rows.load_state(connection, log_id)

    @deferred
    async def delete(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Remove; see :meth:`ILogStore.delete`."""
        try:
            await self._turns.holding(topic_partition, lambda: self._delete(topic_partition, topic_id))
        except sqlite3.Error as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the log of {topic_partition} cannot be removed: {error}") from error

    async def _delete(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        known, home = self._known.get(topic_partition, (None, None))
        if known is None or home is None or known.topic_id != topic_id:
            return
        log = self._logs.pop(topic_partition, None)
        delay_ms = 0
        if log is not None:
            delay_ms = log.config.file_delete_delay_ms
            log.tell_deleted()
        # One that began anew has another id.
        log_id = known.log_id if log is None else log.log_id
        await home.committer.run(rows.unname(log_id))
        del self._known[topic_partition]
        home.logs -= 1
        self._doomed.append((self._context.clock.seconds() + delay_ms / 1000, log_id, home))

    @deferred
    async def set_aside(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Keep what nobody knows of; see :meth:`ILogStore.set_aside`. Its rows stay, under its name in ``logs.stray``."""
        try:
            await self._turns.holding(topic_partition, lambda: self._set_aside(topic_partition, topic_id))
        except sqlite3.Error as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the log of {topic_partition} cannot be set aside: {error}") from error

    async def _set_aside(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        known, home = self._known.get(topic_partition, (None, None))
        if known is None or home is None or known.topic_id != topic_id:
            return
        if not await home.committer.run(rows.set_aside(known.log_id)):
            await self._delete(topic_partition, topic_id)
            return
        del self._known[topic_partition]
        home.logs -= 1
        self._log.error(
            "the log of {partition} holds records, and no topic has its id {topic_id}: they are kept in {path} as those of log {log_id}. "
            "Remove them if the topic was deleted",
            partition=topic_partition,
            topic_id=topic_id_text(known.topic_id),
            path=home.database.path,
            log_id=known.log_id,
        )

    @deferred
    async def usage(self) -> Sequence[DirectoryUsage]:
        """Sizes; see :meth:`ILogStore.usage`."""

        def logs(path: str) -> Sequence[LogUsage]:
            return [LogUsage(log.topic_partition, log.size_bytes, log.offset_lag) for log in self._logs.values() if log.home.path == path]

        failures = {home.path: home.failure for home in self._homes}
        return await directory_usages(self._context.file_system, dict.fromkeys(failures, self._context.pools), failures, logs)

    def status(self) -> Sequence[DirectoryStatus]:
        """How they do; see :meth:`ILogStore.status`."""
        return [
            DirectoryStatus(home.path) if home.failure is None else DirectoryStatus(home.path, DirectoryState.OFFLINE, home.failure)
            for home in self._homes
        ]

    # -- now and then -------------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        """Do what is due for all logs; one timer, however many there are."""
        now, now_ms = self._context.clock.seconds(), int(self._context.wall_clock() * 1000)
        retention = now >= self._retention_due
        if retention:
            self._retention_due = now + self._context.retention_check_ms / 1000
        oldest = None
        if now >= self._producers_due:
            self._producers_due = now + self._context.producer_check_ms / 1000
            oldest = now_ms - self._context.producer_expiration_ms()
        self._sweep_some(list(self._logs.values()), now_ms, retention, oldest)

    def _sweep_some(self, logs: list[SqliteLog], now_ms: int, retention: bool, oldest: int | None) -> None:
        """Some of the logs, and then the others.

        :param oldest: producers that have been silent since then (ms) are forgotten; None when it is not the time for that.
        """
        if self._closing:
            return
        for log in logs[:LOGS_PER_SWEEP]:
            if not log.closed:
                log.tick()
                if oldest is not None:
                    log.expire_producers(oldest)
                if retention:
                    log.apply_retention(now_ms).addErrback(self._retention_failed, log)
        if len(logs) > LOGS_PER_SWEEP:
            self._timer = self._context.clock.callLater(0, self._sweep_some, logs[LOGS_PER_SWEEP:], now_ms, retention, oldest)
            return
        self._remove_doomed()
        self._timer = self._context.clock.callLater(SWEEP_SECONDS, self._sweep)

    def _retention_failed(self, failure: object, log: SqliteLog) -> None:
        self._log.error("retention of {partition} failed: {failure}", partition=log.topic_partition, failure=failure)

    def _remove_doomed(self) -> None:
        """Remove what is left of logs whose ``file.delete.delay.ms`` is over, a chunk at a time, then give the room back."""
        now = self._context.clock.seconds()
        due = [entry for entry in self._doomed if entry[0] <= now]
        self._doomed = [entry for entry in self._doomed if entry[0] > now]
        for entry in due:
            self._remove(entry)
        for home in self._homes:
            if home.committer.freed:
                home.committer.freed = False
                self._give_back(home)

    def _remove(self, entry: tuple[float, int, Home]) -> None:
        _, log_id, home = entry

        def removed(all_gone: bool) -> None:
            home.committer.freed = True
            if not all_gone and not self._closing:
                self._remove(entry)

        def stays(failure: Failure) -> None:
            self._log.error("a removed log in {path} stays for now: {why}", path=home.path, why=failure.getErrorMessage())
            self._doomed.append((self._context.clock.seconds() + RETRY_SECONDS, log_id, home))

        home.committer.run(rows.remove_log(log_id)).addCallbacks(removed, stays)

    def _give_back(self, home: Home) -> None:
        def given(more: bool) -> None:
            if more and not self._closing:
                self._give_back(home)

        home.committer.run(give_back_room).addCallbacks(given, lambda failure: None)
