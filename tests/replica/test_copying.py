"""Copies of logs that are appended to, cut, deleted from and begun anew meanwhile, by threads whose work comes in any order."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.errors import KafkaError
from chronik.record.batch import whole_batches
from chronik.replica.copying import LogCopy
from chronik.storage.config import LogConfig
from chronik.storage.interfaces import IExtentObserver
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.logs import ID, NOW, TP, make_store
from chronik.testing.records import batch_of
from tests.lengths import length, report, seed
from tests.replica.fakes import FakeLog
from tests.replica.machine import ShuffledPools, finish

RUNS = length(80, 5_000)

SMALL = LogConfig(segment_bytes=600, index_interval_bytes=100, file_delete_delay_ms=0, retention_bytes=2_000)


class Copying:
    """One log in ``/a`` and its copy in ``/b``; a seed decides everything."""

    def __init__(self, number: int) -> None:
        self.random = Random(number)
        self.pools = ShuffledPools(self.random)
        self.clock = Clock()
        self.clock.advance(NOW / 1000)
        self.store = make_store(MemoryFileSystem(self.random), self.clock, "/a", "/b", pools=self.pools)
        self.log: Any = None
        self.finish(self.store.start())
        self.store.prefer(TP, "/a")
        self.log = self.finish(self.store.open(TP, ID, SMALL))
        self.epoch = self.value = self.changes = 0
        self.waiting: list[Deferred[Any]] = []

    def finish(self, waiting: Deferred[Any]) -> Any:
        """What a Deferred answers."""
        return finish(waiting, self.step)

    def step(self) -> None:
        """Let something happen."""
        if not self.pools.step():
            self.clock.advance(self.random.choice((0, 0.001, 0.3)))
        if self.log is not None and self.random.random() < 0.05:
            self.log.directory.writer._threaded_until = self.clock.seconds() + 0.5

    def change(self) -> None:
        """What a leader, a follower, retention or an administrator does to the log; one thing after the other."""
        log, random = self.log, self.random
        if self.waiting and not self.waiting[-1].called:
            return
        self.changes += 1
        self.value += 1
        what = random.random()
        if what < 0.7:
            records = [b"%d" % self.value + b"." * random.randrange(60)] * random.randrange(1, 4)
            doing = log.append(batch_of(*records, producer_id=self.value % 50, producer_epoch=0, base_sequence=0), self.epoch)
        elif what < 0.8:
            self.epoch += 1
            doing = log.truncate(random.randint(log.start_offset, log.end_offset))
        elif what < 0.88:
            doing = log.advance_start(random.randint(log.start_offset, log.end_offset))
        elif what < 0.94:
            log.set_high_watermark(log.end_offset)
            doing = log.apply_retention(int(self.clock.seconds() * 1000))
        elif what < 0.97:
            self.epoch += 1
            doing = log.restart_at(random.randint(0, log.end_offset + 20))
        else:
            self.epoch += 1
            doing = log.raise_epoch(self.epoch)
        self.waiting.append(doing.addErrback(lambda failure: failure.trap(KafkaError)))

    def disturb(self, times: int) -> None:
        """Change it, and let something happen."""
        for _ in range(times):
            self.change()
            self.step()

    def batches(self, log: Any) -> list[tuple[int, int, bytes]]:
        """Offset, epoch and bytes of everything that can be read."""
        found, position = [], log.start_offset
        while position < log.end_offset:
            held = self.finish(log.read(position, 1 << 20, log.end_offset, True))
            batches = list(whole_batches(held.read(0, held.size)))
            held.close()
            if not batches:
                break
            found += [(header.base_offset, header.leader_epoch, bytes(data)) for header, data in batches]
            position = batches[-1][0].last_offset + 1
        return found

    def copied(self) -> LogCopy:
        """A copy, as equal as it is after some steps."""
        copy = LogCopy(self.log, self.finish(self.store.open_future(TP, ID, SMALL, "/b")))
        self.finish(Deferred.fromCoroutine(copy.reconcile()))
        return copy


class CopyTests(SynchronousTestCase):
    """Many seeds."""

    def test_interface(self) -> None:
        """It hears what a log tells."""
        verifyObject(IExtentObserver, LogCopy(FakeLog(), FakeLog()))

    def test_by_seeds(self) -> None:
        """Once the log is left alone the copy becomes the same, batch for batch; so it does when it is gone on with by another."""
        first = seed(0)
        changes = sum(self.changes_of(number) for number in range(first, first + RUNS))
        self.assertGreater(changes, RUNS * 50)
        report(f"{RUNS} copies of logs with {changes} changes meanwhile, all the same in the end")

    def changes_of(self, number: int) -> int:
        """One run; how often the log was changed."""
        copying, what = Copying(number), f"CHRONIK_TEST_SEED={number}"
        copy = copying.copied()
        for others in (2, 1, 0):
            for _ in range(copying.random.randrange(60)):
                self.step(copying, copy, what)
            if others:
                copy.stop()
                # Somebody else goes on with it, after the log changed while nobody looked.
                copying.disturb(copying.random.randrange(20))
                copy = copying.copied()
        for waiting in copying.waiting:
            copying.finish(waiting)
        for _ in range(1_000):
            if copying.finish(Deferred.fromCoroutine(copy.step())):
                break
        log, future = copying.log, copy.future
        self.assertEqual((log.start_offset, log.end_offset), (future.start_offset, future.end_offset), what)
        self.assertEqual(copying.batches(log), copying.batches(future), what)
        epochs = range(copying.epoch + 1)
        new = copying.finish(copying.store.replace(TP, ID))
        self.assertEqual([log.end_offset_for_epoch(epoch) for epoch in epochs], [new.end_offset_for_epoch(epoch) for epoch in epochs], what)
        self.assertEqual(log.active_producers(), new.active_producers(), what)
        return copying.changes

    def step(self, copying: Copying, copy: LogCopy, what: str) -> None:
        """One step of the copy, and changes of the log during and after it."""
        stepping = Deferred.fromCoroutine(copy.step())
        while not stepping.called:
            copying.disturb(1)
        stepping.addErrback(lambda failure: self.fail(f"{what}: {failure}"))
        copying.disturb(copying.random.choice((0, 1, 3, 80)))
