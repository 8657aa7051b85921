"""A log that takes the place of another in a different directory: a crash at every step, disks that refuse, and copies that are stale."""

from __future__ import annotations

import errno
from random import Random
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition
from chronik.record.batch import whole_batches
from chronik.record.records import decode_records
from chronik.replica.copying import LogCopy
from chronik.storage.config import LogConfig
from chronik.storage.move_interfaces import IMovableLogStore
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.logs import ID, TP, make_clock, make_store
from chronik.testing.records import batch_of

SMALL = LogConfig(segment_bytes=500, index_interval_bytes=100, file_delete_delay_ms=0)

OTHER_ID = TopicId(b"o" * 16)

SEGMENT = f"{0:020d}.log"


class Image(NamedTuple):
    """What a crash would have left.

    :ivar start: where the log began; ``end``: everything below was promised.
    :ivar epoch: the latest that was promised.
    """

    disk: MemoryFileSystem
    start: int
    end: int
    epoch: int


class MoveCase(SynchronousTestCase):
    """Two directories on two disks, and a log in ``/a``."""

    def setUp(self) -> None:
        """Make them."""
        self.clock = make_clock()
        self.disk = MemoryFileSystem(Random(3))
        self.disk.mounts = ("/a", "/b")
        self.store = self.started()
        self.log = self.opened()
        self.assertEqual("/a", self.store.directory_of(TP, ID))
        self.next = 0

    def started(self, disk: MemoryFileSystem | None = None, *directories: str) -> Any:
        """A store."""
        store = make_store(disk or self.disk, self.clock, *(directories or ("/a", "/b")))
        self.successResultOf(store.start())
        return store

    def opened(self, store: Any = None) -> Any:
        """The log."""
        return self.successResultOf((store or self.store).open(TP, ID, SMALL, True))

    def code(self, deferred: Any) -> ErrorCode:
        """Which error it fails with."""
        return self.failureResultOf(deferred, KafkaError).value.code  # type: ignore[no-any-return]

    def send(self, log: Any, count: int, epoch: int = 0) -> None:
        """Append records of an idempotent producer, which say their number."""
        for _ in range(count):
            value = b"%d" % self.next + b"." * (self.next % 70)
            self.successResultOf(log.append(batch_of(value, producer_id=7, producer_epoch=0, base_sequence=self.next), epoch))
            self.next += 1

    def copied(self, store: Any, log: Any, directory: str = "/b") -> LogCopy:
        """A copy that has everything."""
        copy = LogCopy(log, self.successResultOf(store.open_future(TP, ID, log.config, directory)))
        self.successResultOf(Deferred.fromCoroutine(_finish(copy)))
        return copy

    def moved(self, store: Any = None, log: Any = None, directory: str = "/b") -> Any:
        """The log after its move."""
        store, log = store or self.store, log or self.log
        self.copied(store, log, directory).stop()
        return self.successResultOf(store.replace(TP, ID))

    def records(self, log: Any) -> list[tuple[int, bytes]]:
        """Numbers of the records by offset."""
        found: list[tuple[int, bytes]] = []
        position = log.start_offset
        while position < log.end_offset:
            held = self.successResultOf(log.read(position, 1 << 20, log.end_offset, True))
            batches = list(whole_batches(held.read(0, held.size)))
            held.close()
            self.assertTrue(batches, f"nothing at {position} of {log}")
            found += [(r.offset, (r.value or b"").rstrip(b".")) for _, data in batches for r in decode_records(data)]
            position = batches[-1][0].last_offset + 1
        return [entry for entry in found if entry[0] >= log.start_offset]

    def places(self, disk: MemoryFileSystem) -> list[str]:
        """The directories that look like the log's."""
        return [f"/{d}" for d in ("a", "b") if disk.exists(f"/{d}/{TP}")]


async def _finish(copy: LogCopy) -> None:
    """Copy all there is, of a log that is not appended to meanwhile."""
    await copy.reconcile()
    while not await copy.step():
        pass
    await copy.flush()


class MoveTests(MoveCase):
    """A move that nothing disturbs."""

    def test_interface(self) -> None:
        """The store is what it says."""
        verifyObject(IMovableLogStore, self.store)

    def test_everything_is_there(self) -> None:
        """Records, start, epochs also of those that got none, producers also of those whose records are gone, and the place."""
        self.send(self.log, 12)
        self.send(self.log, 12, epoch=4)
        self.successResultOf(self.log.advance_start(20))
        self.successResultOf(self.log.raise_epoch(9))
        self.log.high_watermark = 24
        before = self.records(self.log)
        log = self.moved()
        self.assertEqual(("/b", 20, 24, 24, 9, True), (self.store.directory_of(TP, ID), *_standing(log)))
        self.assertEqual((before, self.log.active_producers()), (self.records(log), log.active_producers()))
        self.assertEqual([(4, 24), (9, 24)], [log.end_offset_for_epoch(epoch) for epoch in (4, 9)])
        self.assertEqual(["/b"], self.places(self.disk))
        self.assertIs(log, self.opened())
        self.assertTrue(self.log.closed)
        self.send(log, 3, epoch=9)
        self.successResultOf(log.flush())
        self.clock.advance(5)
        self.assertFalse([name for d in ("/a", "/b") for name in self.disk.list(d) if name.endswith(("-delete", "-future"))])

    def test_start_within_a_batch(self) -> None:
        """Where DeleteRecords cut a batch in two, the copy has all of the batch, and the same start."""
        self.successResultOf(self.log.append(batch_of(b"0", b"1", b"2", b"3"), 0))
        self.successResultOf(self.log.advance_start(2))
        log = self.moved()
        self.assertEqual([(2, b"2"), (3, b"3")], self.records(log))

    def test_empty(self) -> None:
        """A log of which everything was deleted goes on where it ended."""
        self.send(self.log, 5)
        self.successResultOf(self.log.advance_start(5))
        log = self.moved()
        self.assertEqual((5, 5), (log.start_offset, log.end_offset))
        self.assertTrue(self.successResultOf(log.append(batch_of(b"4" + b"." * 4, producer_id=7, producer_epoch=0, base_sequence=4), 0)).duplicate)
        self.send(log, 1)
        self.assertEqual([(5, b"5")], self.records(log))

    def test_there_and_back(self) -> None:
        """After a move to the other directory and back all is as it was, also for the next start."""
        self.send(self.log, 9)
        log = self.moved()
        self.send(log, 9)
        log = self.moved(log=log, directory="/a")
        self.send(log, 9)
        self.successResultOf(self.store.close())
        store = self.started()
        self.assertEqual([n for n in range(27)], [int(value) for _, value in self.records(self.opened(store))])
        self.assertEqual("/a", store.directory_of(TP, ID))

    def test_lacking_something(self) -> None:
        """What has not everything takes nobody's place."""
        self.send(self.log, 3)
        copy = self.copied(self.store, self.log)
        self.send(self.log, 1)
        self.assertIsNone(self.successResultOf(self.store.replace(TP, ID)))
        self.send(self.log, 1)
        self.assertEqual("/a", self.store.directory_of(TP, ID))
        self.successResultOf(Deferred.fromCoroutine(_finish(copy)))
        self.assertEqual(5, self.successResultOf(self.store.replace(TP, ID)).end_offset)

    def test_usage(self) -> None:
        """What is copied is told as future, with what it lacks."""
        self.send(self.log, 3)
        copy = self.copied(self.store, self.log)
        self.send(self.log, 2)
        a, b = self.successResultOf(self.store.usage())
        self.assertEqual([(TP, self.log.size_bytes, 0, False)], [(u.topic_partition, u.size_bytes, u.offset_lag, u.is_future) for u in a.logs])
        self.assertEqual([(TP, copy.future.size_bytes, 2, True)], [(u.topic_partition, u.size_bytes, u.offset_lag, u.is_future) for u in b.logs])

    def test_deletion(self) -> None:
        """With the log goes what was copied of it, and nothing of either comes back."""
        self.send(self.log, 3)
        self.copied(self.store, self.log)
        self.successResultOf(self.store.delete(TP, ID))
        self.assertEqual([], self.store.futures())
        store = self.started(self.disk.crashed(Random(5)))
        self.assertEqual(([], []), (list(store.known()), list(store.futures())))

    def test_cancelled(self) -> None:
        """What was copied goes, and the log stays what it was, with its start."""
        self.send(self.log, 9)
        self.successResultOf(self.log.advance_start(4))
        self.copied(self.store, self.log)
        self.successResultOf(self.store.drop_future(TP, ID))
        self.successResultOf(self.store.drop_future(TP, ID))
        store = self.started(self.disk.crashed(Random(5)))
        self.assertEqual(([], 4, 9), (list(store.futures()), *_standing(self.opened(store))[:2]))

    def test_refusals(self) -> None:
        """Directories that are none, or the log's own; logs that are not open; names that are too long; a second future log."""
        open_future = self.store.open_future
        self.assertEqual(ErrorCode.LOG_DIR_NOT_FOUND, self.code(open_future(TP, ID, SMALL, "/c")))
        self.assertEqual(ErrorCode.INVALID_REQUEST, self.code(open_future(TP, ID, SMALL, "/a")))
        self.assertEqual(ErrorCode.REPLICA_NOT_AVAILABLE, self.code(open_future(TopicPartition("x", 0), ID, SMALL, "/b")))
        self.assertEqual(ErrorCode.REPLICA_NOT_AVAILABLE, self.code(open_future(TP, OTHER_ID, SMALL, "/b")))
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.store.replace(TP, ID)))
        long = TopicPartition("x" * 249, 0)
        self.successResultOf(self.store.open(long, ID, SMALL))
        self.assertEqual(ErrorCode.INVALID_TOPIC_EXCEPTION, self.code(open_future(long, ID, SMALL, {"/a": "/b", "/b": "/a"}[self.place(long)])))

    def place(self, name: TopicPartition) -> str:
        """The directory of another log."""
        return str(self.store.directory_of(name, ID))

    def test_preferred(self) -> None:
        """A log is made where it was said to be, once; a directory that is none is refused."""
        for number, directory in enumerate(("/b", "/b", "/b", "/a"), 1):
            self.store.prefer(TopicPartition("t", number), directory)
        for number in range(1, 5):
            self.successResultOf(self.store.open(TopicPartition("t", number), ID, SMALL))
        self.assertEqual(["/b", "/b", "/b", "/a"], [self.place(TopicPartition("t", number)) for number in range(1, 5)])
        self.assertEqual(ErrorCode.LOG_DIR_NOT_FOUND, self.assertRaises(KafkaError, self.store.prefer, TP, "/c").code)


def _standing(log: Any) -> tuple[int, int, int, int, bool]:
    return log.start_offset, log.end_offset, log.flushed_offset, log.latest_epoch, log.clean


class CrashTests(MoveCase):
    """A crash before each change and each sync of either disk."""

    def images(self) -> list[Image]:
        """A log that is used before, during and after its move, with a crash at every step."""
        images: list[Image] = []
        current = self.log
        epoch = -1

        def look(operation: str, path: str) -> None:
            on_step, self.disk.on_step = self.disk.on_step, None
            images.append(Image(self.disk.crashed(Random(len(images))), current.start_offset, current.flushed_offset, epoch))
            self.disk.on_step = on_step

        self.disk.on_step = look
        self.send(self.log, 15)
        self.successResultOf(self.log.advance_start(4))
        self.successResultOf(self.log.raise_epoch(3))
        epoch = 3
        copy = self.copied(self.store, self.log)
        self.send(self.log, 6, epoch=3)
        self.successResultOf(self.log.raise_epoch(5))
        epoch = 5
        self.successResultOf(Deferred.fromCoroutine(_finish(copy)))
        current = self.successResultOf(self.store.replace(TP, ID))
        self.send(current, 6, epoch=5)
        self.disk.on_step = None
        look("end", "")
        return images

    def check(self, image: Image) -> None:
        """All that was promised is there, once, in one place, and can be moved on."""
        store = self.started(image.disk)
        log = self.opened(store)
        numbers = self.records(log)
        self.assertEqual(list(range(log.start_offset, log.end_offset)), [offset for offset, _ in numbers])
        self.assertEqual([offset for offset, _ in numbers], [int(value) for _, value in numbers])
        self.assertGreaterEqual(log.end_offset, image.end, "what was flushed is lost")
        self.assertGreaterEqual(log.latest_epoch, image.epoch, "an epoch that was raised is lost")
        self.assertLessEqual(log.start_offset, image.start)
        self.assertEqual([store.directory_of(TP, ID)], self.places(image.disk))
        self.next = log.end_offset
        if log.end_offset > 4:
            value = b"%d" % (self.next - 1) + b"." * ((self.next - 1) % 70)
            again = self.successResultOf(log.append(batch_of(value, producer_id=7, producer_epoch=0, base_sequence=self.next - 1), 9))
            self.assertTrue(again.duplicate)
        self.send(log, 2, epoch=9)
        other = {"/a": "/b", "/b": "/a"}[str(store.directory_of(TP, ID))]
        log = self.moved(store, log, other)
        self.send(log, 2, epoch=9)
        self.assertEqual([other], self.places(image.disk))
        self.successResultOf(store.close())
        log = self.opened(self.started(image.disk))
        self.assertEqual((self.next, True), (log.end_offset, log.clean))
        self.assertEqual([n for n in range(log.start_offset, self.next)], [int(value) for _, value in self.records(log)])

    def test_at_every_step(self) -> None:
        """Whatever was promised is there after the crash, in one place; a copy that was found is gone on with."""
        images = self.images()
        self.assertGreater(len(images), 150)
        for image in images:
            self.check(image)

    def test_again_at_every_step_of_the_start(self) -> None:
        """The start that finishes a move, or goes on with it, may crash as well."""
        count = 0
        for number, image in enumerate(self.images()):
            if not any(image.disk.exists(f"{place}/moved") for place in ("/a/t-0", "/b/t-0")):
                continue
            images: list[Image] = []

            def look(operation: str, path: str, image: Image = image, images: list[Image] = images, number: int = number) -> None:
                on_step, image.disk.on_step = image.disk.on_step, None
                images.append(image._replace(disk=image.disk.crashed(Random(number * 1000 + len(images)))))
                image.disk.on_step = on_step

            image.disk.on_step = look
            self.opened(self.started(image.disk))
            image.disk.on_step = None
            for again in images:
                self.check(again)
            count += len(images)
        self.assertGreater(count, 30)

    def test_start_is_kept(self) -> None:
        """Once the start was advanced and the move is over, nothing that was deleted comes back."""
        self.send(self.log, 15)
        self.successResultOf(self.log.advance_start(11))
        self.moved()
        for seed in range(8):
            log = self.opened(self.started(self.disk.crashed(Random(seed))))
            self.assertEqual((11, 15), (log.start_offset, log.end_offset))


class StaleTests(MoveCase):
    """Copies and remains that are older than the log."""

    def test_a_copy_that_missed_a_truncation(self) -> None:
        """What was found is cut where the log had been, and the rest is copied: by leader epochs, as between replicas."""
        self.send(self.log, 20)
        self.copied(self.store, self.log)
        self.successResultOf(self.store.close())
        # While the other disk is away the log is cut, and gets other records at the same offsets.
        store = self.started(self.disk, "/a")
        log = self.opened(store)
        self.successResultOf(log.truncate(8))
        for n in range(16):
            self.successResultOf(log.append(batch_of(b"%d" % (1000 + n)), 6))
        self.successResultOf(store.close())
        store = self.started()
        log = self.opened(store)
        self.assertEqual([(TP, ID, "/b")], list(store.futures()))
        expected = self.records(log)
        copy = LogCopy(log, self.successResultOf(store.open_future(TP, ID, SMALL, "/b")))
        self.successResultOf(Deferred.fromCoroutine(copy.reconcile()))
        self.assertEqual(8, copy.future.end_offset, "what is the same is kept")
        copy.stop()
        copy = self.copied(store, log)
        self.assertEqual((expected, 24), (self.records(copy.future), copy.future.end_offset))
        self.assertEqual(expected, self.records(self.successResultOf(store.replace(TP, ID))))

    def test_a_copy_that_differs_without_a_trace(self) -> None:
        """Where epochs say nothing, the bytes of the last batch do, and it is copied anew."""
        self.send(self.log, 6)
        copy = self.copied(self.store, self.log)
        self.successResultOf(copy.future.truncate(4))
        self.successResultOf(copy.future.append(batch_of(b"x"), 0))
        self.successResultOf(Deferred.fromCoroutine(_finish(copy)))
        self.assertEqual(self.records(self.log), self.records(copy.future))

    def test_something_in_its_place(self) -> None:
        """A directory of the log's name at the target is not touched, and the move refused; also where it comes while it is copied."""
        self.send(self.log, 3)
        self.disk.make_directory("/b/t-0")
        self.disk.write_whole(f"/b/t-0/{SEGMENT}", b"precious")
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.store.open_future(TP, ID, SMALL, "/b")))
        self.disk.rename("/b/t-0", "/b/kept")
        self.copied(self.store, self.log)
        self.disk.rename("/b/kept", "/b/t-0")
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.store.replace(TP, ID)))
        self.send(self.log, 1)
        self.assertEqual(b"precious", self.disk.read_whole(f"/b/t-0/{SEGMENT}"))

    def test_the_old_one_comes_back(self) -> None:
        """A disk that failed before the old log was removed: it is never used again, with or without the new one, and removed beside that."""
        self.send(self.log, 5)
        self.copied(self.store, self.log)
        self.disk.faults.fail("rename", "/a/t-[0]", times=1)
        log = self.successResultOf(self.store.replace(TP, ID))
        self.send(log, 5)
        self.successResultOf(log.flush())
        self.assertEqual(["/a", "/b"], self.places(self.disk))
        store = self.started(self.disk.crashed(Random(1)), "/a")
        error = self.failureResultOf(store.open(TP, ID, SMALL, True), KafkaError).value
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, error.code)
        self.assertIn("was moved to /b", error.message)
        self.assertEqual([(TP, ID)], list(store.known()))
        disk = self.disk.crashed(Random(2))
        store = self.started(disk)
        self.assertEqual(([10], ["/b"]), ([self.opened(store).end_offset], self.places(disk)))

    def test_only_what_was_left_behind(self) -> None:
        """Deleting the topic is a way on where the new log is lost; so is taking the mark away."""
        self.send(self.log, 5)
        self.copied(self.store, self.log)
        self.disk.faults.fail("rename", "/a/t-[0]", times=1)
        self.successResultOf(self.store.replace(TP, ID))
        left = self.disk.crashed(Random(1))
        store = self.started(left.crashed(Random(1)), "/a")
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(store.open(TP, ID, SMALL, True)))
        self.successResultOf(store.delete(TP, ID))
        self.assertEqual(([], 0), (list(store.known()), self.successResultOf(store.open(TP, ID, SMALL)).end_offset))
        left.unlink("/a/t-0/moved")
        self.assertEqual(5, self.opened(self.started(left, "/a")).end_offset)

    def test_other_log_in_the_new_place(self) -> None:
        """Where what is found at the target came by another way, what was left behind is kept, and told."""
        self.send(self.log, 5)
        self.copied(self.store, self.log)
        self.disk.faults.fail("rename", "/a/t-[0]", times=1)
        self.successResultOf(self.store.replace(TP, ID))
        disk = self.disk.crashed(Random(1))
        disk.unlink("/b/t-0/arrival")
        with capturedLogs() as logged:
            self.opened(self.started(disk))
        self.assertTrue(any("is left alone" in (formatEvent(event) or "") for event in logged))
        self.assertEqual(["/a", "/b"], self.places(disk))

    def test_left_over_copies(self) -> None:
        """Of two copies one goes; one whose log is in the same directory goes; what has no name of its move and no records goes."""
        self.send(self.log, 5)
        self.copied(self.store, self.log)
        (future,) = [name for name in self.disk.list("/b") if name.endswith("-future")]
        self.successResultOf(self.store.close())
        self.disk.make_directory("/b/t-0.abc-future")
        self.disk.rename(f"/b/{future}", f"/a/{future}")
        store = self.started()
        self.assertEqual(([], 5), (list(store.futures()), self.opened(store).end_offset))
        self.clock.advance(2)
        self.assertFalse([name for d in ("/a", "/b") for name in self.disk.list(d) if name.endswith("-future")])


class FaultTests(MoveCase):
    """Disks that refuse at any step of a move."""

    def outcome(self, directory: str, steps: int, number: int) -> tuple[bool, Any]:
        """Move while a disk dies after some steps, or is full from then on; whether it did, and what came of it."""
        left = steps

        def look(operation: str, path: str) -> None:
            nonlocal left
            if path.startswith(directory):
                left -= 1
                if not left:
                    self.disk.faults.die(directory, number) if number == errno.EIO else self.disk.faults.fill(directory)

        self.send(self.log, 8)
        self.disk.on_step = look
        results: list[Any] = []
        move = self.store.open_future(TP, ID, SMALL, "/b").addCallback(lambda future: LogCopy(self.log, future))
        copying = move.addCallback(lambda copy: Deferred.fromCoroutine(_finish(copy))).addCallback(lambda _: self.store.replace(TP, ID))
        copying.addBoth(results.append)
        self.disk.on_step = None
        return left <= 0, results[0]

    def settle(self, promised: int) -> None:
        """What is used after the disks were put right has everything that was promised, in one place."""
        self.disk.faults.heal()
        disk = self.disk.crashed(Random(9))
        store = self.started(disk)
        log = self.opened(store)
        self.assertEqual(list(range(log.end_offset)), [int(value) for _, value in self.records(log)])
        self.assertGreaterEqual(log.end_offset, promised)
        self.assertEqual([store.directory_of(TP, ID)], self.places(disk))

    def run_all(self, directory: str, number: int, steps_max: int = 200) -> int:
        """Every step; how many of the moves came to nothing."""
        failed = 0
        for steps in range(1, steps_max):
            self.setUp()
            reached, result = self.outcome(directory, steps, number)
            failed += not hasattr(result, "end_offset")
            current = self.store.directory_of(TP, ID)
            promised = 8
            if current is not None:
                log = self.opened() if self.usable(current) else None
                if log is not None and not log.failed and number == errno.EIO:
                    self.send(log, 3)
                    promised += 3
            self.settle(promised)
            if not reached:
                return failed
        raise AssertionError("it never ends")

    def usable(self, directory: str) -> bool:
        """Whether a directory is in use."""
        return next(status.state.value for status in self.store.status() if status.path == directory) != "offline"

    def test_target_dies(self) -> None:
        """Before it is decided the log goes on where it was; after that it is where it went, and nothing is lost."""
        self.assertGreater(self.run_all("/b", errno.EIO), 10)

    def test_source_dies(self) -> None:
        """What was not copied is not given out as the log."""
        self.assertGreater(self.run_all("/a", errno.EIO), 1)

    def test_target_is_full(self) -> None:
        """The log goes on where it was."""
        self.assertGreater(self.run_all("/b", errno.ENOSPC), 5)

    def test_source_is_full(self) -> None:
        """The log goes on where it was when there is no room for the note that it is elsewhere."""
        self.run_all("/a", errno.ENOSPC)

    def test_no_room_for_the_mark(self) -> None:
        """The very file that decides: the log takes appends again, and no start believes the other one."""
        self.send(self.log, 8)
        self.copied(self.store, self.log)
        self.disk.faults.fail("write", "/a/t-0/moved*", errno.ENOSPC, times=1)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.store.replace(TP, ID)))
        self.send(self.log, 2)
        self.successResultOf(self.store.drop_future(TP, ID))
        self.assertEqual(("/a", False), (self.store.directory_of(TP, ID), self.disk.exists("/a/t-0/moved")))
        self.settle(10)

    def test_mark_that_nobody_knows_of(self) -> None:
        """Where the disk does not say whether the mark is there, neither log is used until the next start."""
        self.send(self.log, 8)
        self.copied(self.store, self.log)
        self.disk.faults.fail("sync", "/a/t-0", times=1)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.store.replace(TP, ID)))
        self.assertTrue(self.log.failed)
        self.settle(8)
