"""A machine that loses its power at random: partitions over the real log store, on a disk in memory, every step of it decided by a seed."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.defer import IThreadPools, IWorker, Pool
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import TopicImage
from chronik.model import IsolationLevel, TopicId, TopicPartition
from chronik.record.batch import whole_batches
from chronik.record.records import decode_records
from chronik.replica.host import HostedPartitions
from chronik.replica.interfaces import IPartition
from chronik.replica.moves import ReplicaMoves
from chronik.storage.config import LogConfig
from chronik.storage.interfaces import AppendResult
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.history import IDEMPOTENT, PLAIN, History, Record
from chronik.testing.logs import NOW, make_store
from chronik.testing.records import batch_of
from tests.replica.fakes import TOPIC_ID, FakeFeed, image_of, make_inspector, topic_of

T = TypeVar("T")

TOPIC: Final = "t"

PARTITIONS: Final = 3

PRODUCERS: Final = {"i0": 5, "i1": 5, "p0": 1}
"""By name, how many requests each has under way at most; those of more than one are idempotent."""

STEPS_MAX: Final = 20_000
"""More than any wait of a machine takes."""

SETTLE_STEPS: Final = 2_000
"""Several times as many as it takes until the last records are acknowledged."""

ALL: Final = 1 << 30


def finish(waiting: Deferred[Any], step: Callable[[], None], ended: Callable[[], bool] = lambda: False) -> Any:
    """What a Deferred answers.

    :param step: lets something happen.
    :param ended: whether nothing more can; then the answer is None, and a failure is nobody's.
    :raises Exception: what the Deferred failed with.
    """
    outcome: list[Any] = []
    waiting.addBoth(outcome.append)
    for _ in range(STEPS_MAX):
        if outcome or ended():
            break
        step()
    else:
        raise AssertionError("nothing more happens, and what was waited for did not")
    if ended():
        return None
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    return outcome[0]


@implementer(IThreadPools)
class ShuffledPools:
    """Threads whose work, and whose answers to the reactor, come in any order that threads could bring about.

    :param random: decides.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._queues: list[deque[Callable[[], None]]] = []
        self._answers: deque[Callable[[], None]] = deque()

    def run(self, pool: Pool, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Work that waits for nothing; see :meth:`IThreadPools.run`."""
        return self.worker(pool.value).run(function, *args)

    def worker(self, name: str) -> ShuffledWorker:
        """See :meth:`IThreadPools.worker`."""
        queue: deque[Callable[[], None]] = deque()
        self._queues.append(queue)
        return ShuffledWorker(queue, self._answers)

    def close(self) -> Deferred[None]:
        """There is nothing to end; see :meth:`IThreadPools.close`."""
        return succeed(None)

    def step(self) -> bool:
        """Do one piece of work, or give one answer; whether there was any."""
        ready = [queue for queue in self._queues if queue]
        if self._answers and (not ready or self._random.random() < 0.5):
            self._answers.popleft()()
            return True
        if ready:
            self._random.choice(ready).popleft()()
        return bool(ready)


@implementer(IWorker)
class ShuffledWorker:
    """One thread."""

    def __init__(self, queue: deque[Callable[[], None]], answers: deque[Callable[[], None]]) -> None:
        self._queue = queue
        self._answers = answers

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Do it after what was given before; see :meth:`IWorker.run`."""
        done: Deferred[T] = Deferred()

        def work() -> None:
            result: Any
            try:
                result = function(*args)
            except Exception:  # noqa: BLE001  whatever it is belongs to who waits
                result = Failure()
            self._answers.append(lambda: done.errback(result) if isinstance(result, Failure) else done.callback(result))

        self._queue.append(work)
        return done

    def close(self) -> Deferred[None]:
        """There is nothing to end; see :meth:`IWorker.close`."""
        return succeed(None)


IDLE_ROUNDS: Final = 20
"""After so many in which nothing happened, nothing will."""


def end(host: HostedPartitions, pools: ShuffledPools, clock: Clock) -> None:
    """Let what is under way in a broker that is dead come to its end; none of it is seen by anybody.

    Coroutines that are thrown away in the middle let go of their locks to others that were thrown away too.
    """
    host.stop()
    idle = 0
    for _ in range(STEPS_MAX):
        idle = 0 if pools.step() else idle + 1
        if idle:
            clock.advance(0.06)
        if idle == IDLE_ROUNDS:
            break


@dataclass(slots=True)
class Settings:
    """What the topic goes by."""

    log_config: LogConfig
    min_insync_replicas: int = 1


class Machine:
    """One start of a broker's partitions, until its power is cut.

    :param disk: what the starts before left.
    :param epoch: the topic's leader epoch in the metadata, which lasts.
    :param directories: its log directories.
    :ivar after: the disk as the cut left it; None while there was none.
    :ivar host: the partitions.
    """

    def __init__(self, disk: MemoryFileSystem, random: Random, config: LogConfig, epoch: int, directories: Sequence[str] = ("/data",)) -> None:
        self._random = random
        self._disk = disk
        self._cut_in = -1
        self.epoch = epoch
        self.after: MemoryFileSystem | None = None
        self.clock = Clock()
        self.clock.advance(NOW / 1000)
        self.pools = ShuffledPools(random)
        self.store = make_store(disk, self.clock, *directories, pools=self.pools)
        self.feed = FakeFeed(image_of(topic_of(TOPIC, PARTITIONS, epoch=epoch)))
        self.moves = ReplicaMoves(self.store, self.feed, self.clock)
        self.host = HostedPartitions(1, self.feed, self.store, lambda topic: Settings(config), self._raise_epochs, make_inspector(), moves=self.moves)
        disk.on_step = self._look

    def _raise_epochs(self, partitions: Sequence[tuple[TopicId, int]], untrusted: Collection[tuple[TopicId, int]]) -> Deferred[None]:
        self.epoch += 1
        topic: TopicImage = topic_of(TOPIC, PARTITIONS, epoch=self.epoch)
        self.feed.image = image_of(topic, revision=self.epoch + 2)
        return succeed(None)

    def cut_after(self, steps: int) -> None:
        """Cut the power before so many more changes or syncs of the disk."""
        self._cut_in = steps

    def _look(self, operation: str, path: str) -> None:
        self._cut_in -= 1
        if not self._cut_in and self.after is None:
            self.cut()

    def cut(self) -> None:
        """Cut the power now. What this machine does afterwards happened to nobody."""
        self.after = self._disk.crashed(self._random)

    def step(self) -> None:
        """Let something happen that is under way."""
        if self._random.random() < 0.1:
            self.clock.advance(self._random.choice((0.001, 0.3, 5.0)))
        elif not self.pools.step():
            self.clock.advance(0)
        if self._random.random() < 0.05:
            self._slow_down()

    def _slow_down(self) -> None:
        """The disk cannot keep up for a while: writes wait in their thread, as after a measured stall."""
        for partition in self.host.hosted():
            partition.log.directory.writer._threaded_until = self.clock.seconds() + 1.0

    def finish(self, waiting: Deferred[Any]) -> None:
        """Go on until a Deferred has fired, or the power is cut.

        :raises Exception: what the Deferred failed with.
        """
        finish(waiting, self.step, lambda: self.after is not None)

    def start(self) -> None:
        """Open everything."""
        self.finish(self.store.start())
        if self.after is None:
            self.finish(self.host.start())

    def stop(self) -> None:
        """Close everything, as a clean stop does; then the power goes, if it did not before."""
        self.host.stop()
        self.finish(self.store.close())
        if self.after is None:
            self.cut()


@dataclass(slots=True, eq=False)
class Entry:
    """A record of a producer that is not acknowledged. ``waiting``: a request with it is under way."""

    record: Record
    batch: bytes
    waiting: bool = False


@dataclass(slots=True)
class Producer:
    """A client that sends again what was not answered, in order."""

    name: str
    number: int = 0
    sequences: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PARTITIONS), 0))
    entries: dict[int, list[Entry]] = field(default_factory=lambda: {partition: [] for partition in range(PARTITIONS)})

    def next(self, partition: int, padding: int) -> Entry:
        """A new record for a partition."""
        record = Record(self.name, self.number)
        value = json.dumps([self.name, self.number, "." * padding]).encode()
        fields = {}
        if PRODUCERS[self.name] > 1:
            fields = {"producer_id": 100 + int(self.name[1:]), "producer_epoch": 0, "base_sequence": self.sequences[partition]}
        entry = Entry(record, batch_of(value, **fields))
        self.number += 1
        self.sequences[partition] += 1
        self.entries[partition].append(entry)
        return entry


class World:
    """Producers and a reader that outlive machines, and their history.

    :param seed: decides everything.
    :param config: of the logs.
    :param directories: each on a disk of its own.
    :ivar moved: how many moves of partitions were seen to be over.
    """

    def __init__(self, seed: int, config: LogConfig, directories: Sequence[str] = ("/data",)) -> None:
        self.random = Random(seed)
        self._config = config
        self._directories = directories
        self._places: dict[int, str | None] = {}
        self.moved = 0
        self._disk = MemoryFileSystem(self.random)
        for directory in directories:
            self._disk.make_directory(directory)
        self._disk.sync_file_system("/")
        self._disk.mounts = tuple(directories)
        self.producers = [Producer(name) for name in PRODUCERS]
        self.history = History({name: IDEMPOTENT if window > 1 else PLAIN for name, window in PRODUCERS.items()})
        self._positions = dict.fromkeys(range(PARTITIONS), 0)
        self._epoch = 0
        self.machine = self._new_machine()

    def _new_machine(self) -> Machine:
        return Machine(self._disk, self.random, self._config, self._epoch, self._directories)

    def restart(self) -> None:
        """After a cut: another machine on what is left. Nobody knows what became of requests that were under way."""
        while self.machine.after is not None:
            self._disk, self._epoch = self.machine.after, self.machine.epoch
            end(self.machine.host, self.machine.pools, self.machine.clock)
            for producer in self.producers:
                for entry in (entry for entries in producer.entries.values() for entry in entries):
                    entry.waiting = False
            self.machine = self._new_machine()
            if self.random.random() < 0.3:
                self.machine.cut_after(self.random.randrange(1, 40))
            self.machine.start()

    # -- what clients do ----------------------------------------------------------------------------------------------

    def send(self) -> None:
        """A producer sends its next record, or sends again what was refused."""
        producer, partition = self.random.choice(self.producers), self.random.randrange(PARTITIONS)
        entries = producer.entries[partition]
        if entries and not any(entry.waiting for entry in entries):
            for entry in tuple(entries):
                self._dispatch(producer, partition, entry)
        elif len(entries) < PRODUCERS[producer.name] and all(entry.waiting for entry in entries):
            entry = producer.next(partition, self.random.randrange(120))
            self.history.sent(partition, entry.record)
            self._dispatch(producer, partition, entry)

    def _dispatch(self, producer: Producer, partition: int, entry: Entry) -> None:
        machine = self.machine
        entry.waiting = True

        def acknowledged(result: AppendResult) -> None:
            if machine.after is None:
                self.history.acknowledged(partition, entry.record, result.base_offset)
                producer.entries[partition].remove(entry)

        def refused(failure: Failure) -> None:
            failure.trap(KafkaError)
            if machine.after is None:
                entry.waiting = False

        appending = maybeDeferred(lambda: self._partition(partition).append(entry.batch, -1))
        appending.addCallbacks(acknowledged, refused)

    def move(self) -> None:
        """An operator has a partition moved, or changes his mind."""
        machine, number, directory = self.machine, self.random.randrange(PARTITIONS), self.random.choice(self._directories)

        def refused(failure: Failure) -> None:
            if machine.after is None:
                failure.trap(KafkaError)

        machine.moves.move(TOPIC, number, directory).addErrback(refused)

    def look(self) -> None:
        """See which partitions are elsewhere than they were."""
        for number in range(PARTITIONS):
            place = self.machine.store.directory_of(TopicPartition(TOPIC, number), TOPIC_ID)
            if place is not None:
                self.moved += self._places.get(number, place) != place
                self._places[number] = place

    def _partition(self, number: int) -> IPartition:
        return self.machine.host.get(TOPIC, number)

    def _served(self, number: int) -> IPartition:
        """The same, once it is not being moved."""
        for _ in range(STEPS_MAX):
            try:
                return self._partition(number)
            except KafkaError as error:
                if error.code != ErrorCode.NOT_LEADER_OR_FOLLOWER:
                    raise
                self.machine.step()
        raise AssertionError(f"partition {number} is served no more")

    def read(self) -> None:
        """The reader is given what comes next in one partition, if there is anything committed."""
        number = self.random.randrange(PARTITIONS)
        for offset, record in self._records(number, self._positions[number], self.random.randrange(1, 400)):
            self.history.polled("reader", number, offset, record)
            self._positions[number] = offset + 1

    def _records(self, number: int, offset: int, max_bytes: int) -> Iterator[tuple[int, Record]]:
        machine = self.machine
        reading = maybeDeferred(lambda: self._partition(number).read(offset, max_bytes, IsolationLevel.READ_UNCOMMITTED, True))
        try:
            found = finish(reading, machine.step, lambda: machine.after is not None)
        except KafkaError as error:
            if error.code in (ErrorCode.OFFSET_OUT_OF_RANGE, ErrorCode.NOT_LEADER_OR_FOLLOWER):
                return  # what was read before is gone, and the history will tell; or it is being moved
            raise
        if found is None:
            return
        records = found.records
        data = records.read(0, len(records))
        records.close()
        for _, batch in whole_batches(data):
            for record in decode_records(batch):
                if record.offset >= offset:
                    name, place, _ = json.loads(record.value or b"")
                    yield record.offset, Record(name, place)

    def settle(self) -> int:
        """Let every producer be answered, and the last reader read everything; how many records nevertheless were not answered."""
        for _ in range(SETTLE_STEPS):
            if not self._unanswered():
                break
            self.restart()
            self._send_again()
            self.machine.step()
        for number in range(PARTITIONS):
            offset = 0
            while offset < self._served(number).high_watermark:
                for at, record in self._records(number, offset, ALL):
                    self.history.polled("last reader", number, at, record)
                    offset = at + 1
        self.history.read_all("last reader")
        return self._unanswered()

    def _unanswered(self) -> int:
        return sum(len(entries) for producer in self.producers for entries in producer.entries.values())

    def _send_again(self) -> None:
        for producer in self.producers:
            for partition, entries in producer.entries.items():
                if entries and not any(entry.waiting for entry in entries):
                    for entry in tuple(entries):
                        self._dispatch(producer, partition, entry)
