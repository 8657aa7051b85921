"""Moving a log to another directory while it is written, and whatever interrupts that."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition
from chronik.record.batch import whole_batches
from chronik.record.records import decode_records
from chronik.storage.config import LogConfig
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.logs import ID, TP, RecordingObserver, make_clock, make_store
from chronik.testing.pools import HeldThreadPools
from chronik.testing.records import batch_of

ALL = 1 << 30


class MoveCase(SynchronousTestCase):
    """A store of two directories on one disk in memory."""

    def setUp(self) -> None:
        """Make the disk."""
        self.disk = MemoryFileSystem(Random(3))
        self.clock = make_clock()

    def started(self, disk: Any = None, **options: Any) -> Any:
        """A started store over both directories."""
        store = self.small_steps(make_store(disk or self.disk, self.clock, "/a", "/b", **options))
        self.successResultOf(store.start())
        return store

    def small_steps(self, store: Any) -> Any:
        """The same store, which copies in small pieces so that much can come in between."""
        store._moves.freeze_bytes, store._moves.round_bytes = 0, 200
        return store

    def opened(self, store: Any, **config: Any) -> Any:
        """The log."""
        return self.successResultOf(store.open(TP, ID, LogConfig(**{"segment_bytes": 300, "index_interval_bytes": 80, **config})))

    def append(self, log: Any, first: int, count: int = 1) -> None:
        """Append records, numbered, by an idempotent producer."""
        for n in range(first, first + count):
            self.successResultOf(log.append(batch_of(b"%d" % n, producer_id=7, producer_epoch=0, base_sequence=n), 2))

    def values(self, log: Any) -> list[int]:
        """All records."""
        found: list[int] = []
        offset = log.start_offset
        while offset < log.end_offset:
            records = self.successResultOf(log.read(offset, ALL, ALL, True))
            for header, batch in whole_batches(records.read(0, records.size)):
                found += [int(record.value or b"") for record in decode_records(batch) if record.offset >= log.start_offset]
                offset = header.last_offset + 1
            records.close()
        return found

    def places(self, disk: Any = None) -> tuple[list[str], list[str]]:
        """What is of the log in each directory."""
        disk = disk or self.disk
        return tuple([name for name in disk.list(path) if name.startswith(str(TP))] for path in ("/a", "/b"))  # type: ignore[return-value]


class MovingTests(MoveCase):
    """Moves that come to their end."""

    def test_moved(self) -> None:
        """The same log, with all it had, is in the other directory; it goes on there, and after a clean stop and a crash."""
        store = self.started()
        log = self.opened(store)
        observer = RecordingObserver()
        self.append(log, 0, 20)
        held = self.successResultOf(log.read(3, 50, ALL, True))
        log.watch(observer)
        self.successResultOf(store.move(TP, ID, "/b"))
        self.assertEqual(([], [str(TP)]), tuple([n for n in names if "delete" not in n] for names in self.places()))
        self.assertIs(log, self.opened(store))
        self.append(log, 20, 5)
        self.assertEqual((list(range(25)), 25), (self.values(log), log.flushed_offset))
        self.assertEqual(held.size, len(held.read(0, held.size)))
        held.close()
        self.assertTrue(self.successResultOf(log.append(batch_of(b"24", producer_id=7, producer_epoch=0, base_sequence=24), 2)).duplicate)
        self.clock.pump([1] * 3)
        self.assertEqual(([], [str(TP)]), self.places())
        for crash in (False, True):
            if crash:
                self.disk.crash()
            else:
                self.successResultOf(store.close())
            store = self.started()
            log = self.opened(store)
            self.assertEqual((list(range(25)), not crash, 2), (self.values(log), log.clean, log.latest_epoch))
            self.assertEqual("/b", log.directory.path)

    def test_start_and_truncation_go_on(self) -> None:
        """Both ends can be cut afterwards, durably."""
        store = self.started()
        log = self.opened(store)
        self.append(log, 0, 20)
        self.successResultOf(store.move(TP, ID, "/b"))
        self.successResultOf(log.advance_start(9))
        self.successResultOf(log.truncate(15))
        self.disk.crash()
        self.assertEqual(list(range(9, 15)), self.values(self.opened(self.started())))

    def test_there_and_back(self) -> None:
        """A log can be moved as often as one likes."""
        store = self.started()
        log = self.opened(store)
        self.append(log, 0, 5)
        for number, directory in enumerate(("/b", "/a", "/b", "/b"), 1):
            self.successResultOf(store.move(TP, ID, directory))
            self.append(log, 5 * number, 5)
            self.assertEqual(directory, log.directory.path)
        self.assertEqual(list(range(25)), self.values(log))
        self.disk.crash()
        self.assertEqual(list(range(25)), self.values(self.opened(self.started())))

    def test_refused(self) -> None:
        """Not to a directory nobody knows, nor what is not there; where it is already there is nothing to do."""
        store = self.started()
        log = self.opened(store)
        for tp, topic_id, directory, code in (
            (TP, ID, "/c", ErrorCode.LOG_DIR_NOT_FOUND),
            (TopicPartition("none", 0), ID, "/b", ErrorCode.REPLICA_NOT_AVAILABLE),
            (TP, TopicId(bytes(16)), "/b", ErrorCode.REPLICA_NOT_AVAILABLE),
        ):
            failure = self.failureResultOf(store.move(tp, topic_id, directory), KafkaError)
            self.assertEqual(code, failure.value.code)
        self.successResultOf(store.move(TP, ID, "/a"))
        self.assertEqual(("/a", ([str(TP)], [])), (log.directory.path, self.places()))
        long = TopicPartition("x" * 249, 0)
        self.successResultOf(store.open(long, ID, LogConfig()))
        failure = self.failureResultOf(store.move(long, ID, "/a"), KafkaError)
        self.assertEqual(ErrorCode.INVALID_TOPIC_EXCEPTION, failure.value.code)


class MeanwhileTests(MoveCase):
    """What happens while a move is under way."""

    def setUp(self) -> None:
        """Begin one; its steps happen one by one."""
        super().setUp()
        self.pools = HeldThreadPools("background")
        self.store = self.done(self.begin_store())
        self.log = self.done(self.store.open(TP, ID, LogConfig(segment_bytes=300, index_interval_bytes=80)))
        self.append(self.log, 0, 20)
        self.pools.go_on()
        self.successResultOf(self.store.move(TP, ID, "/b"))

    def begin_store(self) -> Any:
        """A Deferred of a started store."""
        store = self.small_steps(make_store(self.disk, self.clock, "/a", "/b", pools=self.pools))
        return store.start().addCallback(lambda _: store)

    def done(self, waiting: Any) -> Any:
        """The result of something, once all work was done."""
        self.pools.go_on()
        return self.successResultOf(waiting)

    def test_appends(self) -> None:
        """Records that come while it is copied are there in the end."""
        number = 20
        while self.log.directory.path == "/a" and number < 200:
            if not self.log.rewinding and number < 40:
                self.append(self.log, number)
                number += 1
            self.assertTrue(self.pools.go())
        self.pools.go_on()
        self.assertGreater(number, 22)
        self.assertEqual(list(range(number)), self.values(self.log))
        self.append(self.log, number)
        self.disk.crash()
        self.pools = HeldThreadPools()
        store = self.successResultOf(self.begin_store())
        self.assertEqual(list(range(number + 1)), self.values(self.opened(store)))

    def test_usage(self) -> None:
        """Until it is there, the copy is told as a future log, with what it lacks."""
        self.pools.go()
        waiting = self.store.usage()
        for _ in range(2):
            self.pools.go()
        first, second = self.successResultOf(waiting)
        self.assertEqual([(TP, False)], [(log.topic_partition, log.is_future) for log in first.logs])
        (future,) = second.logs
        self.assertTrue(future.is_future)
        self.assertTrue(0 < future.size_bytes < self.log.size_bytes)
        self.assertTrue(0 < future.offset_lag <= 20)

    def test_retention_and_truncation(self) -> None:
        """Both ends may be cut while it is copied."""
        for _ in range(4):
            self.pools.go()
        advancing = self.log.advance_start(6)
        self.pools.go()
        truncating = self.log.truncate(12)
        self.pools.go_on()
        self.successResultOf(advancing)
        self.successResultOf(truncating)
        self.assertEqual("/b", self.log.directory.path)
        self.append(self.log, 12, 3)
        self.assertEqual(list(range(6, 15)), self.values(self.log))
        self.disk.crash()
        self.pools = HeldThreadPools()
        self.assertEqual(list(range(6, 15)), self.values(self.opened(self.successResultOf(self.begin_store()))))

    def test_deleted(self) -> None:
        """A topic that is deleted meanwhile leaves nothing in either directory."""
        self.pools.go()
        deleting = self.store.delete(TP, ID)
        self.done(deleting)
        self.clock.advance(100)
        self.pools.go_on()
        self.assertEqual(([], []), self.places())

    def test_stays(self) -> None:
        """A move to where it is breaks the move off."""
        self.pools.go()
        self.successResultOf(self.store.move(TP, ID, "/a"))
        self.pools.go_on()
        self.assertEqual(("/a", ([str(TP)], [])), (self.log.directory.path, self.places()))
        self.append(self.log, 20)

    def test_stopped(self) -> None:
        """A broker that stops does not wait for it; the next start forgets it."""
        self.pools.go()
        self.done(self.store.close())
        self.pools = HeldThreadPools()
        store = self.successResultOf(self.begin_store())
        self.clock.advance(2)
        self.assertEqual(([str(TP)], []), self.places())
        self.assertEqual(list(range(20)), self.values(self.opened(store)))


class FailureTests(MoveCase):
    """Disks that refuse, and crashes."""

    def test_full(self) -> None:
        """Where the other disk has no room the log stays, whole, and takes appends."""
        for operation, pattern in (("write", "/b/*-future/*"), ("sync", "/b/*-future/*"), ("rename", "/b/*-future"), ("write", "/a/*/moved*")):
            self.disk = MemoryFileSystem(Random(3))
            store = self.started()
            log = self.opened(store)
            self.append(log, 0, 20)
            self.disk.fail(operation, pattern, errno.ENOSPC)
            self.successResultOf(store.move(TP, ID, "/b"))
            self.assertEqual(("/a", ([str(TP)], [])), (log.directory.path, self.places()), operation)
            self.append(log, 20)
            self.disk.crash()
            self.assertEqual(list(range(21)), self.values(self.opened(self.started())))

    def test_taken_back(self) -> None:
        """A copy that took its place, but not for certain, gives it back; it is never taken for the log after that."""
        store = self.started()
        log = self.opened(store)
        self.append(log, 0, 5)
        self.disk.on_step = lambda operation, path: self.disk.fail("sync", "/b") if operation == "rename" and path.endswith("-future") else None
        self.successResultOf(store.move(TP, ID, "/b"))
        self.disk.on_step = None
        self.assertEqual(("/a", ([str(TP)], [])), (log.directory.path, self.places()))
        self.append(log, 5)
        self.disk.crash()
        for directories in (("/a", "/b"), ("/b", "/a")):
            store = make_store(self.disk, self.clock, *directories)
            self.successResultOf(store.start())
            self.assertEqual(list(range(6)), self.values(self.opened(store)))
            self.successResultOf(store.close())

    def test_undecided(self) -> None:
        """When a decision can neither be carried out nor taken back, nothing is appended any more."""
        store = self.started()
        log = self.opened(store)
        self.append(log, 0, 5)
        self.disk.fail("sync", f"/a/{TP}", times=2)
        self.successResultOf(store.move(TP, ID, "/b"))
        self.assertTrue(log.failed)
        failure = self.failureResultOf(log.append(batch_of(b"x"), 2), KafkaError)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, failure.value.code)
        self.disk.crash()
        self.assertEqual(list(range(5)), self.values(self.opened(self.started())))

    def test_every_step(self) -> None:
        """A crash at any moment leaves one log, with all that was there, in one of the directories."""
        store = self.started()
        log = self.opened(store)
        self.append(log, 0, 12)
        images: list[MemoryFileSystem] = []
        self.disk.on_step = lambda operation, path: images.append(self.disk.crashed(Random(len(images))))
        self.successResultOf(store.move(TP, ID, "/b"))
        self.append(log, 12, 2)
        self.disk.on_step = None
        self.assertGreater(len(images), 40)
        places = set()
        for number, image in enumerate(images):
            again = self.started(image)
            found = self.opened(again)
            values = self.values(found)
            self.assertEqual(list(range(max(12, len(values)))), values, f"step {number}")
            self.append(found, len(values))
            places.add(found.directory.path)
            self.clock.pump([1] * 3)
            self.assertEqual(1, sum(map(len, self.places(image))), f"step {number}")
            image.crash()
            self.assertEqual(list(range(len(values) + 1)), self.values(self.opened(self.started(image))), f"step {number}")
        self.assertEqual({"/a", "/b"}, places)
