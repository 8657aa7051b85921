"""Appends that wait for a thread to look into them: their order, their answers, and that the reactor has no part in the work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.defer import IWorker
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import PartitionState
from chronik.record.batch import whole_batches
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import RATIO_FREE_BYTES, Codec
from chronik.record.records import decode_records
from chronik.replica.inspection import RUN_APPENDS_MAX, RUN_BYTES_MAX, WAITING_APPEND_BYTES, WAITING_BYTES_MAX, BatchInspector
from chronik.replica.partition import Partition
from chronik.storage.config import LogConfig
from chronik.storage.inspection import RecordRefused
from chronik.storage.interfaces import AppendResult
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.logs import ID, NOW, TP, make_clock, make_store
from chronik.testing.pools import HeldThreadPools

STATE = PartitionState(leader=1, leader_epoch=3, replicas=(1,), isr=(1,))
COMPACTED = LogConfig(compact=True)


def batch(name: bytes, count: int = 1, codec: Codec = Codec.NONE, key: bytes | None = b"k", **fields: Any) -> bytes:
    """A batch of records of that name."""
    return build_batch([NewRecord(key, name, NOW)] * count, codec, **fields)


def large(name: bytes, **fields: Any) -> bytes:
    """One that nobody looks into within the call."""
    return batch(name, 150, **fields)


def python_calls(work: Callable[[], object]) -> int:
    """How many Python functions are called within a call; one that looks at records calls some for each."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


@implementer(IWorker)
class KeptWorker:
    """Keeps what it is given, and does none of it.

    :ivar work: each function, and who waits for it.
    """

    def __init__(self) -> None:
        self.work: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def run(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Keep it."""
        self.work.append((partial(function, *args), Deferred()))
        return self.work[-1][1]

    def close(self) -> Deferred[None]:
        """There is nothing to end."""
        return succeed(None)


class InspectionCase(SynchronousTestCase):
    """A partition over a real log, and a thread that works when told to."""

    config = COMPACTED

    def setUp(self) -> None:
        """An empty log."""
        self.pools = HeldThreadPools("inspection")
        self.inspector = BatchInspector(lambda: NOW / 1000, lambda: self.pools.worker("inspection"))
        store = make_store(MemoryFileSystem(), make_clock())
        self.successResultOf(store.start())
        self.addCleanup(store.close)
        self.log: Any = self.successResultOf(store.open(TP, ID, self.config))
        self.partition = Partition(self.log, STATE, self.inspector)

    def kept(self) -> list[bytes | None]:
        """What the log has: the value of each batch's first record."""
        data = self.successResultOf(self.log.read(0, 1 << 30, 1 << 30, True))
        values = [decode_records(found)[0].value for _, found in whole_batches(data.read(0, len(data)))]
        data.close()
        return values

    def code(self, waiting: Deferred[AppendResult]) -> ErrorCode:
        """What an append failed with."""
        error = self.failureResultOf(waiting, KafkaError).value
        assert isinstance(error, KafkaError)
        return error.code


class OrderTest(InspectionCase):
    """Appends to a partition are made in the order they come."""

    def test_small_at_once(self) -> None:
        """What is small waits for nothing."""
        self.successResultOf(self.partition.append(batch(b"a"), 1))
        self.assertEqual(([b"a"], []), (self.kept(), self.pools.waiting))

    def test_behind_it(self) -> None:
        """Whatever comes later waits, small or the broker's own, and no longer than needed."""
        sent = (large(b"a"), False), (batch(b"b"), False), (batch(b"c", key=None), True), (large(b"d", codec=Codec.GZIP), False)
        waiting = [self.partition.append(data, 1, internal) for data, internal in sent]
        self.assertEqual(0, self.log.end_offset)
        self.pools.go_on()
        self.assertEqual([b"a", b"b", b"c", b"d"], self.kept())
        self.assertEqual([0, 150, 151, 152], [self.successResultOf(each).base_offset for each in waiting])
        self.assertEqual(0, self.inspector.waiting_bytes)
        self.successResultOf(self.partition.append(batch(b"e"), 1))
        self.assertEqual(b"e", self.kept()[-1])

    def test_while_it_works(self) -> None:
        """What comes while the thread is at work goes behind what it works on, and is looked into by the next turn."""
        waiting = [self.partition.append(large(b"a"), 1), self.partition.append(large(b"b"), 1)]
        self.pools.go()
        self.assertEqual([b"a"], self.kept())
        waiting.append(self.partition.append(batch(b"c"), 1))
        self.pools.go_on()
        self.assertEqual([b"a", b"b", b"c"], self.kept())
        self.assertEqual([0, 150, 300], [self.successResultOf(each).base_offset for each in waiting])

    def test_idempotent(self) -> None:
        """A producer's sequence holds though a batch of it had to wait, and so does what is told of one sent twice."""

        def sent(sequence: int, count: int) -> Deferred[AppendResult]:
            return self.partition.append(batch(b"%d" % sequence, count, producer_id=7, producer_epoch=0, base_sequence=sequence), 1)

        waiting = [sent(0, 1), sent(1, 150), sent(151, 1), sent(1, 150), sent(152, 1)]
        self.pools.go_on()
        results = [self.successResultOf(each) for each in waiting]
        self.assertEqual([(0, False), (1, False), (151, False), (1, True), (152, False)], [(each.base_offset, each.duplicate) for each in results])

    def test_refused_among_them(self) -> None:
        """One that is refused is told why, and those behind it go on."""
        waiting = [self.partition.append(data, 1) for data in (large(b"a"), large(b"b", key=None), large(b"c")[:-1], large(b"d"))]
        self.pools.go_on()
        self.assertEqual([b"a", b"d"], self.kept())
        refusal = self.failureResultOf(waiting[1], RecordRefused).value
        self.assertEqual((ErrorCode.INVALID_RECORD, 100), (refusal.code, len(refusal.record_errors)))
        self.assertEqual((None, None, None), (refusal.__traceback__, refusal.__context__, refusal.__cause__))
        self.assertEqual(ErrorCode.CORRUPT_MESSAGE, self.code(waiting[2]))
        self.assertEqual(150, self.successResultOf(waiting[3]).base_offset)

    def test_acks_all(self) -> None:
        """acks=all is answered when it is safe, which it can be only after that."""
        waiting = self.partition.append(large(b"a"), -1)
        self.successResultOf(self.log.flush())
        self.assertNoResult(waiting)
        self.pools.go_on()
        self.assertEqual(149, self.successResultOf(waiting).last_offset)

    def test_partitions_take_turns(self) -> None:
        """One partition's thousand batches do not keep another's waiting for more than one turn."""
        store = make_store(MemoryFileSystem(), make_clock())
        self.successResultOf(store.start())
        self.addCleanup(store.close)
        other = Partition(self.successResultOf(store.open(TP, ID, COMPACTED)), STATE, self.inspector)
        for _ in range(1_000):
            self.partition.append(large(b"a"), 1)
        waiting = other.append(large(b"b"), 1)
        self.assertEqual(2, self.pools.go())
        self.successResultOf(waiting)
        self.assertLess(self.log.end_offset, 1_000)


class ChangeTest(InspectionCase):
    """What changes while the thread is at work."""

    def test_recompressed(self) -> None:
        """A topic that is given another codec meanwhile keeps what it asks for when it is appended."""
        waiting = self.partition.append(large(b"a"), 1)
        self.log.configure(replace(COMPACTED, codec=Codec.ZSTD))
        self.pools.go()
        self.assertNoResult(waiting)
        self.pools.go_on()
        self.successResultOf(waiting)
        data = self.successResultOf(self.log.read(0, 1 << 30, 1 << 30, True))
        self.assertEqual([Codec.ZSTD], [header.codec for header, _ in whole_batches(data.read(0, len(data)))])
        data.close()

    def test_log_append_time(self) -> None:
        """A topic that stamps batches, and does so no more before they are appended."""
        self.log.configure(replace(COMPACTED, log_append_time=True))
        waiting = [self.partition.append(large(b"a"), 1)]
        self.pools.go_on()
        self.assertEqual(NOW, self.successResultOf(waiting[0]).log_append_time)
        waiting.append(self.partition.append(large(b"b"), 1))
        self.log.configure(COMPACTED)
        self.pools.go_on()
        self.assertEqual(-1, self.successResultOf(waiting[1]).log_append_time)

    def test_equal_configuration(self) -> None:
        """A configuration that says the same is no change."""
        waiting = self.partition.append(large(b"a"), 1)
        self.log.configure(replace(COMPACTED))
        self.pools.go()
        self.successResultOf(waiting)

    def test_new_epoch(self) -> None:
        """It is appended under the epoch that is led by then."""
        waiting = self.partition.append(large(b"a"), 1)
        self.partition.update(replace(STATE, leader_epoch=4), 1)
        self.pools.go_on()
        self.successResultOf(waiting)
        self.assertEqual(4, self.log.latest_epoch)

    def test_fewer_in_sync(self) -> None:
        """With too few in sync by then, acks=all is refused and nothing is appended."""
        waiting = [self.partition.append(large(b"a"), acks) for acks in (-1, 1)]
        self.partition.update(replace(STATE, replicas=(1, 2), isr=(1,)), 2)
        self.pools.go_on()
        self.assertEqual((ErrorCode.NOT_ENOUGH_REPLICAS, 0), (self.code(waiting[0]), self.successResultOf(waiting[1]).base_offset))

    def test_resigned(self) -> None:
        """Who leads no more appends nothing, whatever the thread says then; who waits is told at once."""
        waiting = [self.partition.append(large(b"a"), 1), self.partition.append(batch(b"b"), 1)]
        self.partition.resign()
        self.assertEqual([ErrorCode.NOT_LEADER_OR_FOLLOWER] * 2, [self.code(each) for each in waiting])
        self.assertEqual(ErrorCode.NOT_LEADER_OR_FOLLOWER, self.code(self.partition.append(large(b"c"), 1)))
        self.pools.go_on()
        self.assertEqual((0, 0), (self.log.end_offset, self.inspector.waiting_bytes))

    def test_thread_gone(self) -> None:
        """When the thread cannot be had any more, nobody waits for ever."""

        def closed() -> Any:
            raise RuntimeError("the worker was closed")

        partition = Partition(self.log, STATE, BatchInspector(lambda: NOW / 1000, closed))
        for _ in range(2):
            self.failureResultOf(partition.append(large(b"a"), 1), RuntimeError)
        self.successResultOf(partition.append(batch(b"b"), 1))


class BoundTest(InspectionCase):
    """What the reactor does, and how much may wait."""

    def test_work_of_the_reactor(self) -> None:
        """A batch of many records, and a bomb, cost the reactor a few hundred calls, before and after; to look takes some for each record."""
        thread = KeptWorker()
        partition = Partition(self.log, STATE, BatchInspector(lambda: NOW / 1000, lambda: thread))
        many = batch(b"v", 20_000)
        for data in (many, *(build_batch([NewRecord(b"k", bytes(RATIO_FREE_BYTES - 100), NOW)], codec) for codec in list(Codec)[1:])):
            appended: list[Deferred[AppendResult]] = []
            begun = python_calls(lambda data=data, appended=appended: appended.append(partition.append(data, 1)))  # type: ignore[misc]
            function, done = thread.work.pop()
            outcomes: list[Any] = []
            looked = python_calls(lambda function=function, outcomes=outcomes: outcomes.append(function()))  # type: ignore[misc]
            ended = python_calls(lambda done=done, outcomes=outcomes: done.callback(outcomes[0]))  # type: ignore[misc]
            self.successResultOf(appended[0])
            self.assertLess(begun + ended, 300)
            if data is many:
                self.assertGreater(looked, 60_000)

    def test_many_small_behind_it(self) -> None:
        """However many wait behind it, a turn of the reactor appends a bounded number."""
        self.partition.append(large(b"a"), 1)
        waiting = [self.partition.append(batch(b"b"), 1) for _ in range(1_000)]
        done = []
        while self.pools.waiting:
            before = self.log.end_offset
            self.pools.go_next()
            done.append(self.log.end_offset - before)
        self.assertLessEqual(max(done[1:]), RUN_APPENDS_MAX)
        self.assertEqual(1_000, len([self.successResultOf(each) for each in waiting]))

    def test_large_ones_one_by_one(self) -> None:
        """What is large itself is looked into alone, so that others have their turn."""
        size = RUN_BYTES_MAX // 2
        for _ in range(3):
            self.partition.append(build_batch([NewRecord(b"k", bytes(size), NOW)]), 1)
        ends = []
        while self.pools.waiting:
            self.pools.go_next()
            ends.append(self.log.end_offset)
        self.assertEqual([1, 2, 3], ends)

    def test_too_much_waits(self) -> None:
        """Past the bound more is refused, retriably, and taken again when there is room; what is larger than the bound is taken alone."""
        value = bytes(900_000)
        data = build_batch([NewRecord(b"k", value, NOW)])
        fitting = WAITING_BYTES_MAX // (len(data) + WAITING_APPEND_BYTES)
        waiting = [self.partition.append(data, 1) for _ in range(fitting)]
        refused = self.partition.append(data, 1)
        error = self.failureResultOf(refused, KafkaError).value
        self.assertEqual((ErrorCode.REQUEST_TIMED_OUT, True), (error.code, error.retriable))
        self.pools.go_on()
        self.assertEqual(fitting, len([self.successResultOf(each) for each in waiting]))
        self.assertEqual(0, self.inspector.waiting_bytes)
        self.partition.append(data, 1)
        self.assertEqual(["inspection"], self.pools.waiting)
