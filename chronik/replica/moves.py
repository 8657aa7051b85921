"""Moves of partitions between this broker's log directories while they are written and read (KIP-113)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from chronik.defer import FlatLock, KeyedLocks, deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import MetadataImage, TopicImage
from chronik.metadata.interfaces import IMetadataFeed
from chronik.model import TopicId, TopicPartition
from chronik.replica.copying import LogCopy
from chronik.replica.interfaces import IReplicaMoves
from chronik.storage.interfaces import ILogStore, IPartitionLog
from chronik.storage.move_interfaces import IMovableLogStore

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

FLUSH_BYTES: Final = 8 << 20
"""How much is copied before it is flushed: the page cache is not filled with what nobody reads, and the last flush is a short one."""

WAIT_SECONDS: Final = 0.05
"""Pause before another look where there was nothing to do yet."""

Key: TypeAlias = "tuple[TopicId, int]"

MOMENT_SECONDS: Final = 0.002
"""The same while clients wait."""


class IMovingHost(Protocol):
    """Who has the partitions; provided by :class:`~chronik.replica.host.HostedPartitions`."""

    def log_of(self, key: Key) -> IPartitionLog | None:
        """The open log of a partition that is placed here, None if there is none.

        :raises KafkaError: why it cannot be opened.
        """

    def suspend(self, key: Key) -> Deferred[None] | None:
        """Neither lead nor follow a partition any more; fires once nothing is being done to its log. None, and it goes on, if that cannot be now."""

    def resume(self, key: Key, log: IPartitionLog) -> None:
        """Lead or follow it again, over this log."""

    def give_up(self, key: Key, error: KafkaError) -> None:
        """Its log is lost until the next start."""


@dataclass(slots=True, eq=False)
class _Move:
    """One partition on its way.

    :ivar stopped: it is to end as soon as it can; what was decided is finished.
    :ivar ended: fires when it has.
    """

    key: Key
    topic_partition: TopicPartition
    directory: str
    copy: LogCopy
    stopped: bool = False
    ended: Deferred[None] = field(default_factory=Deferred)


@implementer(IReplicaMoves)
class ReplicaMoves:
    """The moves of one broker. One of them copies at a time, a little in each turn of the reactor.

    :param store: one that cannot move logs refuses every move.
    """

    _log = Logger()

    def __init__(self, store: ILogStore, feed: IMetadataFeed, clock: IReactorTime) -> None:
        self._store: IMovableLogStore | None = store if IMovableLogStore.providedBy(store) else None
        self._feed = feed
        self._clock = clock
        self._host: IMovingHost | None = None
        self._moves: dict[Key, _Move] = {}
        self._asking: KeyedLocks[Key] = KeyedLocks()
        self._copying = FlatLock()
        self._stopped = False

    # -- what the host tells ------------------------------------------------------------------------------------------

    def attach(self, host: IMovingHost) -> None:
        """It is the one whose partitions are moved."""
        self._host = host

    def remove_strays(self, image: MetadataImage, broker_id: int) -> None:
        """Future logs of partitions that are not placed here any more are removed; at the start."""
        for topic_partition, topic_id, _ in self._store.futures() if self._store is not None else ():
            topic: TopicImage | None = image.topic_by_id(topic_id)
            number = topic_partition.partition
            if topic is None or number >= len(topic.partitions) or broker_id not in topic.partitions[number].replicas:
                self._drop(topic_partition, topic_id)

    def opened(self, key: Key, log: IPartitionLog) -> None:
        """A log is open: if it was on its way when the broker stopped, it goes on."""
        store = self._store
        if store is None or key in self._moves:
            return
        for topic_partition, topic_id, directory in store.futures():
            if (topic_partition, topic_id) == (log.topic_partition, log.topic_id):
                self._go_on(key, log, directory).addErrback(self._not_resumed, log)

    @deferred
    async def _go_on(self, key: Key, log: IPartitionLog, directory: str) -> None:
        await self._asking.holding(key, lambda: self._begin_again(key, log, directory))

    async def _begin_again(self, key: Key, log: IPartitionLog, directory: str) -> None:
        """Go on with what was found; where that is damaged, begin anew."""
        try:
            await self._begin(key, log, directory)
        except KafkaError as error:
            if self._store is None:
                raise
            self._log.warn("{partition} is copied anew: {why}", partition=log.topic_partition, why=error.message)
            await self._store.drop_future(log.topic_partition, log.topic_id)
            await self._begin(key, log, directory)

    def _not_resumed(self, failure: object, log: IPartitionLog) -> None:
        self._log.error("{partition} is not moved on, it stays where it is: {why}", partition=log.topic_partition, why=failure)
        self._drop(log.topic_partition, log.topic_id)

    def forget(self, key: Key) -> None:
        """The partition is deleted, or the disk of its log failed: what was copied is no use, or stays until the next start."""
        move = self._moves.pop(key, None)
        if move is not None:
            move.stopped = True
            move.copy.stop()

    def stop(self) -> None:
        """Move nothing any more; the next start goes on."""
        self._stopped = True
        for key in list(self._moves):
            self.forget(key)

    # -- asking for one (IReplicaMoves) -------------------------------------------------------------------------------

    @deferred
    async def move(self, topic: str, partition: int, directory: str) -> None:
        """Begin a move, or end one; see :meth:`IReplicaMoves.move`."""
        store, found = self._store, self._feed.image.topics.get(topic)
        if store is None or self._host is None:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "the log store of this broker cannot move logs between directories")
        topic_partition = TopicPartition(topic, partition)
        if found is None or not 0 <= partition < len(found.partitions):
            store.check_directory(directory)
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no {topic_partition}")
        key: Key = (found.topic_id, partition)
        await self._asking.holding(key, lambda: self._ask(store, key, topic_partition, directory))

    async def _ask(self, store: IMovableLogStore, key: Key, topic_partition: TopicPartition, directory: str) -> None:
        directory = store.check_directory(directory)
        assert self._host is not None, "attached"
        move = self._moves.get(key)
        if move is not None and move.directory == directory:
            return
        if move is not None:
            move.stopped = True
            await move.ended
        log = self._host.log_of(key)
        if log is None or store.directory_of(topic_partition, key[0]) is None:
            store.prefer(topic_partition, directory)
            raise KafkaError(ErrorCode.REPLICA_NOT_AVAILABLE, f"{topic_partition} is not here; if it is placed here, its log is made in {directory}")
        if any(name == topic_partition and where != directory for name, _, where in store.futures()):
            await store.drop_future(topic_partition, key[0])
        if store.directory_of(topic_partition, key[0]) != directory:
            await self._begin(key, log, directory)
        else:
            await store.drop_future(topic_partition, key[0])

    @deferred
    async def _begin(self, key: Key, log: IPartitionLog, directory: str) -> None:
        """Open the future log, and copy from then on."""
        assert self._store is not None, "there is a store for it"
        if self._store.directory_of(log.topic_partition, log.topic_id) == directory:
            await self._store.drop_future(log.topic_partition, log.topic_id)
            return
        future: IPartitionLog = await self._store.open_future(log.topic_partition, log.topic_id, log.config, directory)
        if self._stopped or self._host is None or self._host.log_of(key) is not log:
            return
        move = self._moves[key] = _Move(key, log.topic_partition, directory, LogCopy(log, future))
        self._log.info("{partition} is being moved to {directory}", partition=log.topic_partition, directory=directory)
        self._run(move).addErrback(lambda failure: self._log.failure("a move ended badly", failure))

    def _drop(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        if self._store is not None:
            self._store.drop_future(topic_partition, topic_id).addErrback(self._not_dropped, topic_partition)

    def _not_dropped(self, failure: object, topic_partition: TopicPartition) -> None:
        self._log.error("what was copied of {partition} could not be removed: {why}", partition=topic_partition, why=failure)

    # -- moving -------------------------------------------------------------------------------------------------------

    @deferred
    async def _run(self, move: _Move) -> None:
        try:
            await move.copy.reconcile()
            while not move.stopped:
                if await self._step(move) and await self._swap(move):
                    break
        except Exception as error:  # noqa: BLE001  whatever it is, the partition goes on where it is
            self._give_up(move, error)
        move.copy.stop()
        if self._moves.get(move.key) is move:
            del self._moves[move.key]
        move.ended.callback(None)

    async def _step(self, move: _Move) -> bool:
        """Copy some more, in a turn of the reactor for itself; whether so little is missing that the log may be replaced."""
        copy, before = move.copy, move.copy.future.end_offset
        await self._copying.run(self._copy_some, move)
        if move.stopped:
            return False
        if copy.near or copy.unflushed_bytes >= FLUSH_BYTES:
            await copy.flush()
        elif copy.future.end_offset == before:
            await self._turn(WAIT_SECONDS)
        return copy.near and not move.stopped

    @deferred
    async def _copy_some(self, move: _Move) -> None:
        if not move.stopped:
            await move.copy.step()
        await self._turn(0)

    def _turn(self, seconds: float) -> Deferred[None]:
        return deferLater(self._clock, seconds)

    async def _swap(self, move: _Move) -> bool:
        """Let the copy take the place of the log; whether the move is over. Clients are told to ask again meanwhile.

        :raises KafkaError: a disk refused, and the partition goes on where it was.
        """
        assert self._host is not None and self._store is not None, "a move was begun"
        idle = self._host.suspend(move.key)
        if idle is None:
            await self._turn(WAIT_SECONDS)
            return False
        copy, log = move.copy, move.copy.log
        try:
            await idle
            new = await self._replace(self._store, move)
        except Exception as error:
            known = error if isinstance(error, KafkaError) else KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{move.topic_partition}: {error}")
            if copy.source_failed or self._store.directory_of(log.topic_partition, log.topic_id) is None:
                self._log.error("{partition} takes no requests: {why}", partition=move.topic_partition, why=known.message)
                self._host.give_up(move.key, known)
                return True
            self._host.resume(move.key, log)
            raise
        self._host.resume(move.key, new or log)
        return new is not None

    async def _replace(self, store: IMovableLogStore, move: _Move) -> IPartitionLog | None:
        """Copy what is missing, and replace; None for a move that was stopped before that."""
        future = move.copy.future
        while not move.stopped:
            before = future.end_offset
            if await move.copy.step():
                new: IPartitionLog | None = await store.replace(move.topic_partition, move.key[0])
                if new is not None:
                    return new
            # Where there was nothing to copy, what was appended last is still being written.
            await self._turn(0 if future.end_offset != before else MOMENT_SECONDS)
        return None

    def _give_up(self, move: _Move, error: Exception) -> None:
        """Stay where it is. What was copied is removed, but not where the log it was copied of failed."""
        if move.stopped or self._stopped:
            return
        partition, directory, why = move.topic_partition, move.directory, getattr(error, "message", None) or str(error)
        if move.copy.source_failed:
            self._log.error("{partition} cannot be moved to {directory}, its disk failed: {why}", partition=partition, directory=directory, why=why)
            return
        self._log.error("{partition} is not moved to {directory}, it stays where it is: {why}", partition=partition, directory=directory, why=why)
        self._drop(partition, move.key[0])
