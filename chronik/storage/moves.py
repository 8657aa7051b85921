"""Logs that move from one directory of a store to another: future logs, how one takes the place of another, and what a start finds of that.

One durable write decides, the file ``moved`` in the old log's directory: from then on that log is never used again, whatever else is found, and
whichever directories are there. Before it the new log is on disk with all that is beside it; after it the old one is of no use, so a start that finds
the file only finishes what was begun.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from chronik.defer import KeyedLocks, Pool
from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition
from chronik.storage.checkpoints import ARRIVAL, MOVED, encode_moved
from chronik.storage.config import LogConfig
from chronik.storage.discovery import FUTURE_SUFFIX, Found, FoundFuture, FoundMoved, arrival_of
from chronik.storage.disks import is_full
from chronik.storage.files import FileCache
from chronik.storage.interfaces import DiskFull, IFileSystem, LogUsage
from chronik.storage.loading import LoadedLog, LoadRequest
from chronik.storage.log import SegmentLog
from chronik.storage.twins import Twin, Twins

if TYPE_CHECKING:
    from chronik.storage.homes import Home

NAME_BYTES_MAX: Final = 255
"""The longest name that file systems take."""

MOVE_NAME_BYTES: Final = 16
"""Random bytes in the name of a move, as in Kafka."""


@dataclass(slots=True, eq=False)
class Future:
    """A log that is to take another one's place.

    :ivar move: the name of the move.
    :ivar log: None until it is opened.
    """

    topic_id: TopicId
    home: Home
    move: str
    path: str
    log: SegmentLog | None = None


@dataclass(frozen=True, slots=True)
class StoreParts:
    """What a store lends to those who move its logs: its own tables, and what it does with directories.

    :ivar known: the log of each partition, by topic id and directory.
    :ivar logs: those that are open.
    :ivar turns: one thing at a time for each partition.
    :ivar load: in a thread, opens the log that is asked for, or makes it where the flag is false.
    :ivar rename_away: in a thread, takes a log's directory out of the way: of this home, this partition, at this path; for its removal, or under
        another suffix.
    :ivar doom: removes a path some ms from now.
    """

    file_system: IFileSystem
    files: FileCache
    homes: Sequence[Home]
    known: dict[TopicPartition, tuple[TopicId, Home]]
    logs: dict[TopicPartition, SegmentLog]
    turns: KeyedLocks[TopicPartition]
    randbytes: Callable[[int], bytes]
    load: Callable[[Home, LoadRequest, bool], LoadedLog]
    request: Callable[[Home, TopicPartition, TopicId, LogConfig, str, bool], LoadRequest]
    rename_away: Callable[..., str]
    doom: Callable[[str, Home, int], None]


@dataclass(slots=True)
class LogMoves:
    """The moves of one store.

    :ivar gone: logs of which only what was left behind by a move is found, and where: their records are in a directory that is not here.
    :ivar twins: logs that are in a second directory, and nothing says which one is right.
    """

    _parts: StoreParts
    _futures: dict[TopicPartition, Future] = field(default_factory=dict)
    _preferred: dict[TopicPartition, Home] = field(default_factory=dict)
    gone: dict[TopicPartition, tuple[FoundMoved, Home]] = field(default_factory=dict)
    twins: Twins = field(init=False)

    _log = Logger()

    def __post_init__(self) -> None:
        """Know of no twins yet."""
        parts = self._parts
        self.twins = Twins(parts.file_system, parts.known, parts.rename_away)

    # -- what a start finds -------------------------------------------------------------------------------------------

    async def find(self, found: Iterable[tuple[Home, Found]]) -> None:
        """Take up the moves that were under way when the broker stopped, those that were decided first; all logs are known already."""
        found = list(found)
        futures = {future.move: (home, future) for home, each in found for future in each.futures}
        moved = [(home, old) for home, each in found for old in each.moved]
        for home, old in moved:
            target = futures.get(old.move)
            if target is not None and target[1].topic_partition == old.topic_partition and target[1].topic_id == old.topic_id:
                del futures[old.move]
                if self._is_known(old):
                    self.twins.add(old.topic_partition, Twin(old.topic_id, target[0], target[1].path))
                else:
                    await self._arrive_late(*target)
        for home, old in moved:
            if await self._has_arrived(old, [other for _, other in moved]):
                await self._remove_old(home, old.topic_partition, os.path.join(home.path, str(old.topic_partition)))
            elif self._is_known(old) and not self.twins.of(old.topic_partition):
                path = os.path.join(home.path, str(old.topic_partition))
                self._log.error("{path} was moved to {target}, which is not what is used now: it is left alone", path=path, target=old.target)
            elif not self._is_known(old):
                self.gone[old.topic_partition] = old, home
        for home, future in futures.values():
            is_here = self._parts.known.get(future.topic_partition, (None, None))[1] is home
            if is_here or future.topic_partition in self._futures:
                self._parts.doom(future.path, home, 0)
            else:
                self._futures[future.topic_partition] = Future(future.topic_id, home, future.move, future.path)
                home.logs += 1

    def _is_known(self, old: FoundMoved) -> bool:
        return self._parts.known.get(old.topic_partition, (None, None))[0] == old.topic_id

    async def _arrive_late(self, home: Home, future: FoundFuture) -> None:
        """The move was decided, and the new log has its old name still."""
        name, parts = future.topic_partition, self._parts
        try:
            await home.pools.run(Pool.BACKGROUND, self._rename, home, future.path, name)
        except OSError as error:
            home.watch.told_of(error)
            self._log.error("{path} could not be renamed, {partition} takes no requests: {error}", path=future.path, partition=name, error=error)
            return
        if name not in parts.known:
            parts.known[name] = (future.topic_id, home)
            home.logs += 1

    async def _has_arrived(self, old: FoundMoved, others: Sequence[FoundMoved]) -> bool:
        """Whether that log is there, or was and went on from there, which took the place of this one."""
        if any((each.topic_partition, each.topic_id, each.arrival) == (old.topic_partition, old.topic_id, old.move) for each in others):
            return bool(old.move)
        if not old.move or not self._is_known(old):
            return False
        home = self._parts.known[old.topic_partition][1]
        path = os.path.join(home.path, str(old.topic_partition))
        try:
            return await home.pools.run(Pool.BACKGROUND, arrival_of, self._parts.file_system, path) == old.move
        except OSError:
            return False

    async def _remove_old(self, home: Home, topic_partition: TopicPartition, path: str, delay_ms: int = 0) -> None:
        """What is left of a log that is elsewhere goes. Where the disk refuses, it stays, and is never used."""
        try:
            away = await home.pools.run(Pool.BACKGROUND, self._parts.rename_away, home, topic_partition, path)
        except OSError as error:
            home.watch.told_of(error)
            self._log.error("{path} was moved and could not be removed, the next start tries again: {error}", path=path, error=error)
        else:
            self._parts.doom(away, home, delay_ms)

    def check(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Refuse to open, or to make anew, a log of which nobody can tell where its records are.

        :raises KafkaError: ``KAFKA_STORAGE_ERROR``.
        """
        self.twins.check(topic_partition, topic_id)
        old, home = self.gone.get(topic_partition, (None, None))
        if old is None or home is None or old.topic_id != topic_id:
            return
        path = os.path.join(home.path, str(topic_partition))
        raise KafkaError(
            ErrorCode.KAFKA_STORAGE_ERROR,
            f"the log of {topic_partition} was moved to {old.target or 'another directory'}, and is not found there. Restore that directory and "
            f"start the broker again; or remove {os.path.join(path, MOVED)} to go on with what {path} had before the move; or delete the topic",
        )

    async def forget(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """The log is being deleted: what else there is of it goes too.

        :raises KafkaError: ``KAFKA_STORAGE_ERROR``.
        """
        await self.drop(topic_partition, topic_id)
        others = [(twin.home, twin.path) for twin in self.twins.pop(topic_partition) if twin.topic_id == topic_id]
        left = self.forget_gone(topic_partition, topic_id)
        if left is not None:
            others.append((left, os.path.join(left.path, str(topic_partition))))
        for home, path in others:
            if home.online:
                await self._remove_old(home, topic_partition, path)

    def forget_gone(self, topic_partition: TopicPartition, topic_id: TopicId) -> Home | None:
        """Where a move left something behind of which nothing else is found; it is not refused any more."""
        old, home = self.gone.get(topic_partition, (None, None))
        if old is None or old.topic_id != topic_id:
            return None
        del self.gone[topic_partition]
        return home

    def is_future_in(self, topic_partition: TopicPartition, home: Home) -> bool:
        """Whether what the checkpoints of a directory say is of a future log."""
        future = self._futures.get(topic_partition)
        return future is not None and future.home is home

    # -- future logs --------------------------------------------------------------------------------------------------

    def futures(self) -> Sequence[tuple[TopicPartition, TopicId, str]]:
        """What there is; see :meth:`IMovableLogStore.futures`."""
        return [(name, future.topic_id, future.home.path) for name, future in self._futures.items()]

    def open_logs(self, home: Home | None = None) -> list[SegmentLog]:
        """The future logs that are open, of one directory or of all."""
        return [future.log for future in self._futures.values() if future.log is not None and home in (None, future.home)]

    def unopened(self) -> Iterable[Home]:
        """The directories with future logs that are not open."""
        return [future.home for future in self._futures.values() if future.log is None]

    def usages(self, home: Home) -> list[LogUsage]:
        """What future logs take in a directory."""
        usages = []
        for name, future in self._futures.items():
            if future.home is home and future.log is not None:
                current = self._parts.logs.get(name)
                lag = max(0, current.end_offset - future.log.end_offset) if current is not None else 0
                usages.append(LogUsage(name, future.log.size_bytes, lag, is_future=True))
        return usages

    async def open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, directory: str) -> SegmentLog:
        """Open or make one; see :meth:`IMovableLogStore.open_future`."""
        home = self.home_at(directory)
        current, future = self._current(topic_partition, topic_id), self._futures.get(topic_partition)
        if future is not None and (future.home is not home or future.topic_id != topic_id):
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{topic_partition} has a future log in {future.home.path} already")
        if current.directory is home.directory:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"the log of {topic_partition} is in {directory}")
        existing = future is not None
        if future is None:
            future = self._planned(topic_partition, topic_id, home)
        if future.log is None:
            request = self._parts.request(home, topic_partition, topic_id, config, future.path, home.clean)
            try:
                loaded = await home.open(self._load if existing else self._make, home, request, future.move)
            except OSError as error:
                raise _refused(home, topic_partition, error, found=existing) from error
            if not home.online:
                raise _offline(home)
            future.log = SegmentLog(topic_partition, topic_id, config, home.directory, future.path, loaded)
            future.log.handover.future = True
            if not existing:
                self._futures[topic_partition] = future
                home.logs += 1
        return future.log

    def _planned(self, topic_partition: TopicPartition, topic_id: TopicId, home: Home) -> Future:
        offline = [each.path for each in self._parts.homes if not each.online]
        if offline:
            why = f"nothing is moved while {', '.join(offline)} are offline: another future log of {topic_partition} may be there"
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, why)
        move = self._parts.randbytes(MOVE_NAME_BYTES).hex()
        name = f"{topic_partition}.{move}{FUTURE_SUFFIX}"
        if len(name) > NAME_BYTES_MAX:
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"the name of {topic_partition} is too long for a future log")
        return Future(topic_id, home, move, os.path.join(home.path, name))

    def _load(self, home: Home, request: LoadRequest, move: str) -> LoadedLog:
        return self._parts.load(home, request, True)

    def _make(self, home: Home, request: LoadRequest, move: str) -> LoadedLog:
        """In a thread. The name of the move comes last: what has none holds no records."""
        self._check_free(home, request.topic_partition)
        loaded = self._parts.load(home, request, False)
        self._parts.file_system.write_whole(os.path.join(request.path, ARRIVAL), move.encode())
        return loaded

    def _check_free(self, home: Home, topic_partition: TopicPartition) -> None:
        """In a thread.

        :raises KafkaError: the place is taken, by whatever it is.
        """
        path = os.path.join(home.path, str(topic_partition))
        if self._parts.file_system.exists(path):
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{topic_partition} cannot be moved to {home.path}: {path} is there. Move it away")

    async def drop(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Remove one; see :meth:`IMovableLogStore.drop_future`."""
        future = self._futures.get(topic_partition)
        if future is None or future.topic_id != topic_id:
            return
        del self._futures[topic_partition]
        future.home.logs -= 1
        if future.log is not None:
            future.log.handover.end()
        if not future.home.online:
            return
        if future.log is not None:
            await future.log.handover.rest()
        try:
            away = await future.home.pools.run(Pool.BACKGROUND, self._parts.rename_away, future.home, topic_partition, future.path)
        except OSError as error:
            future.home.watch.told_of(error)
            raise _refused(future.home, topic_partition, error) from error
        self._parts.doom(away, future.home, 0)

    # -- taking the place ---------------------------------------------------------------------------------------------

    async def replace(self, topic_partition: TopicPartition, topic_id: TopicId) -> SegmentLog | None:
        """Let a future log be the log; see :meth:`IMovableLogStore.replace`."""
        current, future = self._current(topic_partition, topic_id), self._futures.get(topic_partition)
        if future is None or future.log is None or future.topic_id != topic_id:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{topic_partition} has no future log")
        source = next(home for home in self._parts.homes if home.directory is current.directory)
        current.handover.freeze()
        try:
            await current.handover.settle()
            if (current.start_offset, current.end_offset) != (future.log.start_offset, future.log.end_offset):
                return None
            await self._complete(future, future.log, current)
            await self._decide(source, current, future)
        finally:
            current.handover.thaw()
        return await self._arrive(topic_partition, current, source, future)

    async def _complete(self, future: Future, log: SegmentLog, current: SegmentLog) -> None:
        """All of a future log is on disk, with what is beside it, and its directory's checkpoints say so."""
        home, name = future.home, log.topic_partition
        log.handover.adopt(current)
        end, start = log.end_offset, log.start_offset
        checkpoints = home.directory.checkpoints
        try:
            await log.close()
            await home.pools.run(Pool.BACKGROUND, self._check_free, home, name)
            # This syncs everything there first.
            await home.pools.run(Pool.BACKGROUND, checkpoints.write, {name: end}, {name: start}, checkpoints.changes)
        except OSError as error:
            raise _refused(home, name, error) from error
        if not home.online:
            raise _offline(home)

    async def _decide(self, source: Home, current: SegmentLog, future: Future) -> None:
        """From here on the old log is never used again. Where nobody can tell whether that was written, neither is until the next start."""
        path = os.path.join(current.path, MOVED)
        current.check_failure()
        try:
            await current.directory.pools.run(Pool.BACKGROUND, self._parts.file_system.write_whole, path, encode_moved(future.move, future.home.path))
        except OSError as error:
            await self._take_back(current, path, error)

    async def _take_back(self, current: SegmentLog, path: str, error: OSError) -> None:
        """The old log could not be marked. If there was no room for it, it is not, and goes on."""
        if is_full(error):
            try:
                await current.directory.pools.run(Pool.BACKGROUND, self._unmark, path)
            except OSError as worse:
                error = worse
            else:
                raise current.trouble.refused(error)
        raise current.trouble.fail(error)

    def _unmark(self, path: str) -> None:
        """In a thread."""
        self._parts.file_system.unlink(path)
        self._parts.file_system.sync_directory(os.path.dirname(path))

    async def _arrive(self, name: TopicPartition, current: SegmentLog, source: Home, future: Future) -> SegmentLog:
        """It is decided: the new log gets its name, is opened under it, and the old one goes."""
        parts, home, config = self._parts, future.home, current.config
        del parts.logs[name], self._futures[name]
        parts.known[name] = (future.topic_id, home)
        source.logs -= 1
        current.handover.end()
        await current.handover.rest()
        try:
            await home.pools.run(Pool.BACKGROUND, self._rename, home, future.path, name)
        except OSError as error:
            raise _refused(home, name, error) from error
        # It was closed well just now, whatever became of the others here when the broker stopped the last time.
        request = parts.request(home, name, future.topic_id, config, os.path.join(home.path, str(name)), True)
        try:
            loaded = await home.open(parts.load, home, request, True)
        except OSError as error:
            raise _refused(home, name, error, found=True) from error
        if not home.online:
            raise _offline(home)
        log = parts.logs[name] = SegmentLog(name, future.topic_id, config, home.directory, request.path, loaded)
        await self._remove_old(source, name, current.path, config.file_delete_delay_ms)
        self._log.info("{partition} is in {target} now, and was in {source}", partition=name, target=home.path, source=source.path)
        return log

    def _rename(self, home: Home, path: str, topic_partition: TopicPartition) -> None:
        """In a thread: a future log gets the name of the log. It lasts when this returns."""
        place = os.path.join(home.path, str(topic_partition))
        self._parts.file_system.rename(path, place)
        self._parts.file_system.sync_directory(home.path)
        for name in self._parts.file_system.list(place):
            # A late reader may have opened one of a log that was here before.
            self._parts.files.forget(os.path.join(place, name))

    # -- directories --------------------------------------------------------------------------------------------------

    def home_at(self, directory: str) -> Home:
        """The log directory of a path.

        :raises KafkaError: ``LOG_DIR_NOT_FOUND``, or ``KAFKA_STORAGE_ERROR`` for one that is offline.
        """
        home = next((home for home in self._parts.homes if home.path == os.path.normpath(directory)), None)
        if home is None:
            raise KafkaError(ErrorCode.LOG_DIR_NOT_FOUND, f"{directory} is none of the log directories of this broker")
        if not home.online:
            raise _offline(home)
        return home

    def prefer(self, topic_partition: TopicPartition, directory: str) -> None:
        """Make it there; see :meth:`IMovableLogStore.prefer`."""
        self._preferred[topic_partition] = self.home_at(directory)

    def by_preference(self, topic_partition: TopicPartition) -> list[Home]:
        """The directories in which a new log is tried to be made, in this order; what was preferred is forgotten."""
        preferred = self._preferred.pop(topic_partition, None)
        return sorted(self._parts.homes, key=lambda home: (home is not preferred, -home.room))

    def _current(self, topic_partition: TopicPartition, topic_id: TopicId) -> SegmentLog:
        log = self._parts.logs.get(topic_partition)
        if log is None or log.topic_id != topic_id:
            raise KafkaError(ErrorCode.REPLICA_NOT_AVAILABLE, f"the log of {topic_partition} is not open here")
        log.check_failure()
        return log


def _refused(home: Home, topic_partition: TopicPartition, error: OSError, found: bool = False) -> KafkaError:
    """A disk refused: it is told of, and this raised.

    :param found: what is there could not be opened, which says nothing of the disk.
    """
    if not found or is_full(error):
        home.watch.told_of(error)
    what = f"{topic_partition} cannot be moved to {home.path}: {error}"
    return DiskFull(what) if is_full(error) else KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, what)


def _offline(home: Home) -> KafkaError:
    return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"log directory {home.path} is offline: {home.watch.failure}")
