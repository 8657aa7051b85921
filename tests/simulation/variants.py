"""Brokers that are broken on purpose, each in one way that has been seen in some broker. The simulator must find every one.

Each function changes classes of this process, which is one that runs a single simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from twisted.internet.defer import Deferred, ensureDeferred, succeed

from chronik.cluster.controller import Controller
from chronik.cluster.registration import Membership
from chronik.coordinator.group import store as group_store
from chronik.coordinator.group.consumer.reconciliation import Reconciliation
from chronik.coordinator.state import ReplicatedStateLog
from chronik.metadata import keys
from chronik.metadata.journal import Journal
from chronik.network.connection import KafkaConnection
from chronik.record.build import NewRecord, build_batch
from chronik.replica.host import HostedPartitions
from chronik.replica.partition import Partition
from chronik.storage import loading, recovery
from chronik.storage.checkpointing import StartOffsetWriter
from chronik.storage.durability import LogFlusher
from chronik.storage.flush import FlushFiles, FlushScheduler
from chronik.storage.handover import LogHandover
from chronik.storage.homes import Home
from chronik.storage.producers import ProducerStates
from chronik.storage.segment import DAMAGED, LogSegment
from chronik.storage.sidefiles import SideFiles
from chronik.storage.store import SegmentLogStore
from chronik.storage.sweeping import StoreSweeper
from chronik.storage.trimming import LogTrimmer
from chronik.testing.simulation.reactor import SimulatedReactor
from chronik.testing.simulation.timeline import START_SECONDS


def acknowledge_before_sync() -> None:
    """What is written counts as safe, synced or not."""
    before = Partition._appended

    def appended(self: Partition, result: Any, pending: Any, acks: int) -> None:
        before(self, result, pending, acks)
        self._advance()

    Partition._safe_offset = lambda self: self._written  # type: ignore[method-assign]
    Partition._appended = appended  # type: ignore[method-assign]


def flush_what_comes_later() -> None:
    """What is written while a sync is under way counts as synced with the rest."""
    before = LogFlusher.flush_ended

    def ended(self: LogFlusher, end_offset: int) -> None:
        self._reach = self._of.written_offset
        before(self, self._reach)

    LogFlusher.flush_ended = ended  # type: ignore[method-assign]


def read_to_the_log_end() -> None:
    """Readers get all there is, committed or not."""
    before = Partition.read

    def read(self: Partition, offset: int, max_bytes: int, isolation: Any, at_least_one_batch: bool) -> Deferred[Any]:
        self._watermark.offset = max(self._watermark.offset, self.log.end_offset)
        return before(self, offset, max_bytes, isolation, at_least_one_batch)

    Partition.read = read  # type: ignore[method-assign,assignment]


def ignore_failed_syncs() -> None:
    """A sync that fails is taken for one that did not."""
    before = FlushScheduler._ended
    FlushScheduler._ended = lambda self, begun, files, errors: before(self, begun, files, [None] * len(begun))  # type: ignore[method-assign]


def skip_recovery() -> None:
    """Every start is taken for one after a clean stop."""
    Home.clean = property(lambda self: True, lambda self, value: None)  # type: ignore[assignment,method-assign]


def believe_torn_batches() -> None:
    """Recovery does not compare checksums."""
    recovery.check_crc = lambda header, batch: None  # type: ignore[attr-defined]


def forget_producers() -> None:
    """A start begins without the state of producers."""
    ProducerStates.restore = lambda self, data, end_offset: self.clear()  # type: ignore[method-assign]
    loading.restore_producers = lambda file_system, path, segments, producers, end_offset: None  # type: ignore[attr-defined]


def accept_duplicates() -> None:
    """A batch that was sent twice is appended twice."""
    ProducerStates.check = lambda self, header: None  # type: ignore[method-assign]


def keep_the_epoch() -> None:
    """The leader epoch is not raised after an unclean start."""
    HostedPartitions._raise_unclean = lambda self: succeed(None)  # type: ignore[method-assign]


def commit_offsets_early() -> None:
    """A commit of offsets is answered once it is appended, before it is durable."""

    async def append(self: ReplicatedStateLog, records: Sequence[Any]) -> int:
        batch = build_batch([NewRecord(record.key, record.value, record.timestamp) for record in records])
        result = await self._partition.append(batch, 1, internal=True)
        return int(result.last_offset) + 1

    ReplicatedStateLog.append = lambda self, records: Deferred.fromCoroutine(append(self, records))  # type: ignore[method-assign]


def forget_commits() -> None:
    """A coordinator that starts does not read the last records of its log."""
    before = ReplicatedStateLog._replay_some

    def replay_some(self: ReplicatedStateLog, data: bytes, apply: Callable[[Any], None]) -> tuple[int, int]:
        records: list[Any] = []
        answer = before(self, data, records.append)
        for record in records[: len(records) * 9 // 10]:
            apply(record)
        return answer

    ReplicatedStateLog._replay_some = replay_some  # type: ignore[method-assign]


def give_what_is_taken() -> None:
    """A partition is given to a member of a group before the one that has it let go."""
    before = Reconciliation.step

    def step(self: Reconciliation, member: Any) -> Any:
        object.__setattr__(self, "is_taken", lambda topic_id, partition: False)
        return before(self, member)

    Reconciliation.step = step  # type: ignore[method-assign]


def trim_in_memory() -> None:
    """DeleteRecords is answered before it is durable."""
    StartOffsetWriter.write = lambda self, topic_partition, offset: succeed(None)  # type: ignore[method-assign]


def trim_too_much() -> None:
    """DeleteRecords takes one record more than it was asked to."""
    before = LogTrimmer.advance_start
    LogTrimmer.advance_start = lambda self, offset: before(self, offset + 1)  # type: ignore[method-assign]


def metadata_before_sync() -> None:
    """A change of metadata is answered once it is written, synced or not."""

    def append(self: Journal, staged: Sequence[Any]) -> None:
        from chronik.metadata.journal import _COMMITS, _encode_commit

        block = self._block(_COMMITS, b"".join(map(_encode_commit, staged)))
        self._opened().pwritev([block], self.size)
        self.size += len(block)

    Journal.append = append  # type: ignore[method-assign]


def answer_out_of_order() -> None:
    """An answer leaves when it is ready, whatever was asked before."""
    before = KafkaConnection._ready

    def ready(self: KafkaConnection, pieces: Any, pending: Any) -> None:
        if pending in self._answers:
            self._answers.remove(pending)
            self._answers.appendleft(pending)
        before(self, pieces, pending)

    KafkaConnection._ready = ready  # type: ignore[method-assign]


def commit_to_another_partition() -> None:
    """Offsets are stored under the next partition's number."""
    before = group_store.read_offset_key

    def read_offset_key(key: bytes) -> Any:
        group_id, place = before(key)
        return group_id, type(place)(place.topic, place.partition + 1)

    group_store.read_offset_key = read_offset_key  # type: ignore[attr-defined]


def forget_names() -> None:
    """The names of new files are not synced with what is in them."""

    def sync(self: FlushScheduler, files: FlushFiles) -> BaseException | None:
        return before(self, replace(files, directories=()))

    before = FlushScheduler._sync_one
    FlushScheduler._sync_one = sync  # type: ignore[method-assign]
    FlushScheduler._sync_all = FlushScheduler._sync_each  # type: ignore[method-assign]


def serve_what_is_damaged() -> None:
    """What is known to be damaged is served all the same."""
    LogSegment.readable_bytes = property(lambda self: self.size)  # type: ignore[assignment,method-assign]


def note_no_damage() -> None:
    """What is damaged is known until the broker ends: nothing is written down of it."""
    before = SideFiles.later

    def later(self: SideFiles, function: Callable[..., None], *args: Any) -> None:
        if not str(args[0]).endswith(DAMAGED):
            before(self, function, *args)

    SideFiles.later = later  # type: ignore[method-assign]


def move_without_a_stop() -> None:
    """A log takes appends while its copy in another directory takes its place, and who leads it is not told to wait."""
    LogHandover.freeze = lambda self: None  # type: ignore[method-assign]
    LogHandover.thaw = lambda self: None  # type: ignore[method-assign]
    resign, resume = HostedPartitions._resign, HostedPartitions.resume

    def keep(self: HostedPartitions, hosted: Any) -> None:
        if not hosted.moving:
            resign(self, hosted)

    def go_on(self: HostedPartitions, key: Any, log: Any) -> None:
        hosted = self._hosted.get(key)
        if hosted is not None and hosted.moving:
            resign(self, hosted)
        resume(self, key, log)

    HostedPartitions._resign = keep  # type: ignore[method-assign]
    HostedPartitions.resume = go_on  # type: ignore[method-assign]


def give_producer_ids_twice() -> None:
    """A block of producer ids is used before anybody knows that it is taken."""

    async def allocate(self: Membership) -> range:
        value = self._writer.view.value(keys.PRODUCER_IDS)
        start = keys.decode_next_id(value) if value is not None else 0
        before(self)
        return range(start, start + 1_000)

    def before(self: Membership) -> None:
        ensureDeferred(allocated(self)).addErrback(lambda failure: None)

    allocated = Membership.allocate_producer_ids
    Membership.allocate_producer_ids = allocate  # type: ignore[method-assign]


def leave_deleted_topics() -> None:
    """The log of a topic that was deleted is forgotten, and stays on the disk."""
    SegmentLogStore._rename_away = lambda self, home, topic_partition, path, suffix="": path  # type: ignore[method-assign]
    StoreSweeper.doom = lambda self, path, home, delay_ms=0: None  # type: ignore[method-assign]


def answer_configurations_early() -> None:
    """A change of configurations is answered before it is written."""
    before = Controller.alter_configs

    def alter(self: Controller, *arguments: Any, **named: Any) -> Any:
        altered = before(self, *arguments, **named)
        altered.addErrback(lambda failure: None)
        return succeed([None for _ in arguments[0]])

    Controller.alter_configs = alter  # type: ignore[method-assign]


def time_by_the_wall_clock() -> None:
    """Timers go by a clock that may be set, as Twisted's do by themselves."""

    def when(self: SimulatedReactor, seconds: float) -> float:
        return max(self.timeline.now, START_SECONDS + (seconds - self.offset - START_SECONDS) / self.rate + 1e-6)

    SimulatedReactor.seconds = SimulatedReactor.wall_clock  # type: ignore[method-assign]
    SimulatedReactor.when = when  # type: ignore[method-assign]


ALL: Final[Sequence[Callable[[], None]]] = (
    acknowledge_before_sync,
    flush_what_comes_later,
    read_to_the_log_end,
    ignore_failed_syncs,
    skip_recovery,
    believe_torn_batches,
    forget_producers,
    accept_duplicates,
    keep_the_epoch,
    commit_offsets_early,
    forget_commits,
    give_what_is_taken,
    trim_in_memory,
    trim_too_much,
    metadata_before_sync,
    answer_out_of_order,
    commit_to_another_partition,
    forget_names,
    serve_what_is_damaged,
    note_no_damage,
    move_without_a_stop,
    give_producer_ids_twice,
    leave_deleted_topics,
    answer_configurations_early,
    time_by_the_wall_clock,
)
"""Every one."""

KINDS: Final[Mapping[Callable[[], None], str]] = {note_no_damage: "bit flip", time_by_the_wall_clock: "clock jump"}
"""The only fault that a run brings, for those that take one."""
