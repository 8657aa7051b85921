"""Disks that die, fill up or are slow: what becomes of the directory on them, and that the others go on."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition
from chronik.storage.config import LogConfig
from chronik.storage.disks import FULL_SECONDS, MEMORY_SECONDS, DiskPolicy, DiskWatch
from chronik.storage.interfaces import DirectoryState, DiskFull
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.logs import ID, TP, RecordingObserver, make_store
from chronik.testing.pools import HeldThreadPools, SlowThreadPools
from chronik.testing.records import batch_of
from tests.storage.test_store import StoreCase

OTHER_ID = TopicId(bytes(16))
MIB = 1 << 20


class WatchTests(SynchronousTestCase):
    """The states of one disk."""

    def setUp(self) -> None:
        """A disk that is slow after 2 s and too slow after 10."""
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.failed: list[DiskWatch] = []
        self.watch = DiskWatch("/d", self.clock, DiskPolicy(slow_ms=2_000, offline_ms=10_000), self.failed.append)

    def state(self) -> DirectoryState:
        """As told."""
        return self.watch.status().state

    def sync(self, seconds: float) -> None:
        """One sync, looked at every second."""
        self.watch.sync_began()
        for _ in range(int(seconds)):
            self.clock.advance(1)
            self.watch.look()
        self.clock.advance(seconds % 1)
        self.watch.sync_ended()

    def test_quick(self) -> None:
        """Quick syncs are counted by how long they took."""
        for seconds in (0.0001, 0.02, 0.02, 1.5):
            self.sync(seconds)
        self.assertEqual(DirectoryState.OK, self.state())
        self.assertEqual((1, 2, 4), (self.watch.syncs[0], self.watch.syncs[5], sum(self.watch.syncs)))
        self.assertEqual(1.5, self.watch.status().slowest_seconds)

    def test_slow_under_way(self) -> None:
        """What has not returned for too long makes it slow; when it returns, one such is forgiven, two within a minute are not, until it is over."""
        self.watch.sync_began()
        for state in (DirectoryState.OK, DirectoryState.SLOW, DirectoryState.SLOW):
            self.clock.advance(1)
            self.watch.look()
            self.assertEqual(state, self.state())
        self.assertIn("log.dir.slow.ms", self.watch.status().reason)
        self.watch.sync_ended()
        self.assertEqual(DirectoryState.OK, self.state())
        self.sync(3)
        self.assertEqual(DirectoryState.SLOW, self.state())
        self.clock.advance(MEMORY_SECONDS)
        self.assertEqual((DirectoryState.OK, 0.0), (self.state(), self.watch.status().slowest_seconds))

    def test_writes(self) -> None:
        """Writes in the thread count from the end of the one before; those on the reactor when they took long."""
        self.watch.write_began()
        self.clock.advance(2)
        self.watch.write_ended(more=True)
        self.clock.advance(2)
        self.assertEqual(DirectoryState.OK, self.state())
        self.watch.write_ended(more=False)
        self.assertEqual(DirectoryState.SLOW, self.state())
        self.clock.advance(MEMORY_SECONDS + 1)
        self.watch.stalled(3)
        self.assertEqual(3, self.watch.status().slowest_seconds)

    def test_too_slow(self) -> None:
        """What has not returned for much too long takes it offline, once, and for good."""
        self.sync(10.5)
        self.assertEqual((DirectoryState.OK, []), (self.state(), self.failed))
        self.watch.write_began()
        for _ in range(20):
            self.clock.advance(1)
            self.watch.look()
        self.assertEqual((DirectoryState.OFFLINE, [self.watch]), (self.state(), self.failed))
        self.assertIn("a write has not returned for 11 s", self.watch.status().reason)
        self.watch.write_ended(more=False)
        self.assertEqual(DirectoryState.OFFLINE, self.state())

    def test_for_ever(self) -> None:
        """Where the key says so, it is waited for ever."""
        self.watch = DiskWatch("/d", self.clock, DiskPolicy(slow_ms=2_000, offline_ms=-1), self.failed.append)
        self.sync(1_000)
        self.assertEqual([], self.failed)

    def test_sleep(self) -> None:
        """The night that a laptop slept through is not held against its disk."""
        self.watch.sync_began()
        self.clock.advance(30_000)
        self.watch.look()
        self.assertEqual([], self.failed)
        self.assertLess(self.watch.status().slowest_seconds, 10)

    def test_full(self) -> None:
        """It is full for a while after it refused for want of space; the log says so once, and when it is over."""
        with capturedLogs() as logged:
            for _ in range(3):
                self.watch.told_of(OSError(errno.ENOSPC, "No space left", "/d/f"))
                self.assertEqual(DirectoryState.FULL, self.state())
                self.watch.look()
            self.clock.advance(FULL_SECONDS)
            self.watch.look()
        self.assertEqual((DirectoryState.OK, []), (self.state(), self.failed))
        said = [formatEvent(event) for event in logged]
        self.assertEqual(["log directory /d is full: /d/f: No space left", "log directory /d is as it should be again"], said)

    def test_no_room_left(self) -> None:
        """Without any room left it is full, whether or not anybody wants to write."""
        self.watch.space = (1 << 40, 1000)
        self.assertEqual((DirectoryState.FULL, "1000 bytes are left"), (self.state(), self.watch.status().reason))
        self.watch.space = (1 << 40, 1 << 30)
        self.assertEqual(DirectoryState.OK, self.state())

    def test_names_are_not_the_disk(self) -> None:
        """A file that is missing, or too many that are open, say nothing of the disk."""
        for number in (errno.ENOENT, errno.EMFILE):
            self.watch.told_of(OSError(number, "?"))
        self.watch.told_of(ValueError())
        self.assertEqual(DirectoryState.OK, self.state())
        self.watch.told_of(OSError(errno.EROFS, "Read-only file system"))
        self.assertEqual(DirectoryState.OFFLINE, self.state())


class DisksCase(StoreCase):
    """A store over the directories ``/a`` and ``/b`` with the partitions 0 to 3 of ``t``, two in each, a record in each."""

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        self.lost: list[str] = []
        self.store = self.both()
        self.logs = [self.opened(self.store, TopicPartition("t", n)) for n in range(4)]
        for log in self.logs:
            self.append(log, b"first")

    def both(self, **options: Any) -> Any:
        """A store over both."""
        return self.started("/a", "/b", all_offline=self.lost.append, **options)

    def states(self, store: Any = None) -> list[str]:
        """Of both directories."""
        return [status.state.value for status in (store or self.store).status()]

    def code(self, deferred: Any) -> ErrorCode:
        """Which error it fails with."""
        return self.failureResultOf(deferred, KafkaError).value.code  # type: ignore[no-any-return]

    def refuses(self, log: Any) -> bool:
        """Whether a log takes nothing."""
        results: list[Any] = []
        log.append(batch_of(b"more"), 0).addBoth(results.append)
        return not hasattr(results[0], "base_offset")


class OfflineTests(DisksCase):
    """A directory whose disk fails while it is used."""

    def test_failed_write(self) -> None:
        """The whole directory refuses, the other one does not notice, the store tells, and so does a new store that finds the disk still broken."""
        observers = [RecordingObserver() for _ in self.logs]
        for log, observer in zip(self.logs, observers, strict=True):
            log.watch(observer)
        self.disk.faults.die("/a")
        with capturedLogs() as logged:
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.logs[0].append(batch_of(b"x"), 0)))
        self.assertEqual(1, sum("log directory /a is offline" in (formatEvent(event) or "") for event in logged))
        self.assertEqual([True, False] * 2, [self.refuses(log) for log in self.logs])
        self.assertEqual([1, 0] * 2, [len(observer.heard) for observer in observers])
        self.assertEqual(["offline", "ok"], self.states())
        used = self.successResultOf(self.store.usage())
        self.assertEqual([True, False], [usage.error is not None for usage in used])
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.store.open(TopicPartition("t", 0), ID, self.logs[0].config)))
        self.assertEqual([], self.lost)

    def test_nothing_is_written_after(self) -> None:
        """After a failed sync nothing touches the directory, not when time passes, not at the stop: it is recovered by the next start."""
        self.disk.faults.fail("sync", "/a", times=1)
        self.append(self.logs[0], b"lost")
        self.assertEqual((1, 2), (self.logs[0].flushed_offset, self.logs[0].end_offset))
        touched: list[str] = []
        self.disk.on_step = lambda operation, path: touched.append(path)
        self.clock.pump([1] * 70)
        self.successResultOf(self.store.close())
        self.assertEqual([], [path for path in touched if path.startswith("/a/")])
        self.disk.on_step = None
        self.assertFalse(self.disk.exists("/a/.kafka_cleanshutdown"))
        self.assertTrue(self.disk.exists("/b/.kafka_cleanshutdown"))

    def test_nothing_is_cut_after(self) -> None:
        """A truncation neither, however often it is tried, and though the disk does as it should again: the next start finds all that is noted."""
        log = self.logs[0]
        self.append(log, b"more")
        self.clock.pump([1] * 70)
        self.disk.faults.die("/a")
        self.refuses(self.logs[2])
        self.disk.on_step = lambda operation, path: self.fail(path) if path.startswith("/a/") else None
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(log.truncate(1)))
        self.disk.faults.heal()
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(log.truncate(1)))
        self.disk.on_step = None
        self.successResultOf(self.store.close())
        self.disk.kill()
        self.assertEqual((2, 2), (log.end_offset, self.opened(self.both(), TopicPartition("t", 0)).end_offset))

    def test_told_late(self) -> None:
        """Who begins to watch a log that has failed is told of that."""
        self.disk.faults.die("/a")
        self.refuses(self.logs[0])
        observer = RecordingObserver()
        for log in self.logs:
            log.watch(observer)
        self.assertEqual([("failed", KafkaError)] * 2, observer.heard)

    def test_what_a_failed_sync_lost(self) -> None:
        """Records that a failed sync lost are in the page cache and not on disk: a start over it takes neither them nor any later sync for real."""
        for end in ("kill", "crash"):
            self.setUp()
            self.disk.faults.fail("sync", "/a", times=1)
            self.append(self.logs[0], b"lost")
            getattr(self.disk, end)()
            log = self.opened(self.both(), TopicPartition("t", 0))
            self.assertEqual((1, 1, False), (log.end_offset, log.flushed_offset, log.clean))
            self.append(log, b"kept")
            self.disk.crash()
            self.assertEqual(2, self.opened(self.both(), TopicPartition("t", 0)).end_offset)

    def test_full_at_a_sync(self) -> None:
        """A sync that finds no room has lost what it was to bring to disk: that is no full disk that recovers."""
        self.disk.faults.fail("sync", "/a", errno.ENOSPC, times=1)
        self.append(self.logs[0], b"lost")
        self.assertEqual((["offline", "ok"], 1), (self.states(), self.logs[0].flushed_offset))

    def test_side_files(self) -> None:
        """A disk that fails a checkpoint, an index or an epoch file is believed no more than one that fails a record."""
        for pattern in ("/a/recovery-point*", "/a/*/leader-epoch*", "/a/*.index"):
            self.setUp()
            self.disk.faults.fail("write", pattern)
            if pattern.endswith("index"):
                self.logs[0].roll(0)
            self.clock.pump([1] * 70)
            self.assertEqual(["offline", "ok"], self.states(), pattern)

    def test_new_logs_go_elsewhere(self) -> None:
        """They do once a directory is offline, and when that is found out by making one."""
        self.disk.faults.die("/a")
        for number in range(4, 8):
            log = self.opened(self.store, TopicPartition("t", number))
            self.assertEqual("/b", log.directory.path)
            self.append(log, b"x")
        self.assertEqual(["offline", "ok"], self.states())

    def test_last_one(self) -> None:
        """When no directory is left the broker is told, once, with what happened to each."""
        for directory in ("/a", "/b"):
            self.disk.faults.die(directory)
            for log in self.logs:
                self.refuses(log)
        (why,) = self.lost
        self.assertIn("/a is offline", why)
        self.assertIn("/b is offline", why)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.store.open(TopicPartition("new", 0), ID, self.logs[0].config)))
        self.successResultOf(self.store.close())

    def test_deleted_while_offline(self) -> None:
        """A log of an offline directory can be deleted, and one of its name made elsewhere. When the disk is back, the old one is set aside."""
        self.disk.faults.die("/a")
        self.refuses(self.logs[0])
        name = TopicPartition("t", 0)
        self.successResultOf(self.store.delete(name, ID))
        self.append(self.opened(self.store, name, OTHER_ID), b"new")
        self.disk.faults.heal()
        self.disk.kill()
        for order in (("/a", "/b"), ("/b", "/a")):
            store = self.started(*order)
            self.assertEqual({(name, ID), (name, OTHER_ID)}, {entry for entry in store.known() if entry[0] == name})
            log = self.opened(store, name, OTHER_ID)
            self.assertEqual(("/b", 1), (log.directory.path, log.end_offset))
            if order[0] == "/b":
                self.successResultOf(store.set_aside(name, ID))
                self.assertEqual([(name, OTHER_ID)], [entry for entry in store.known() if entry[0] == name])
                self.assertEqual([], [entry for entry in self.disk.list("/a") if entry == "t-0"])
                self.assertEqual(1, sum(entry.endswith("-stray") for entry in self.disk.list("/a")))
            self.disk.kill()

    def test_slow_disk(self) -> None:
        """A sync that takes its time makes the directory slow; one that does not return takes it offline, and what waited for it is refused."""
        self.setUp()
        self.successResultOf(self.store.close())
        pools = SlowThreadPools(self.clock, self.disk.faults.take_wait)
        store = self.both(pools=pools, policy=DiskPolicy(slow_ms=1_000, offline_ms=20_000))
        log = self.opened(store, TopicPartition("t", 0))
        slow = self.disk.faults.slow("sync", "/a", 5.0)
        self.append(log, b"second")
        self.clock.pump([1] * 3)
        self.assertEqual((1, ["slow", "ok"]), (log.flushed_offset, self.states(store)))
        self.clock.pump([1] * 3)
        self.assertEqual((2, ["ok", "ok"]), (log.flushed_offset, self.states(store)))
        self.disk.faults.clear(slow)
        self.disk.faults.slow("sync", "/a", 3_600.0)
        self.append(log, b"third")
        waiting = log.flush()
        self.clock.pump([1] * 22)
        self.assertEqual((2, ["offline", "ok"]), (log.flushed_offset, self.states(store)))
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(waiting))
        self.disk.faults.heal()
        self.clock.advance(3_600)
        self.assertEqual(2, log.flushed_offset)


class StartTests(DisksCase):
    """Directories that cannot be used when the broker starts."""

    def setUp(self) -> None:
        """Stop it."""
        super().setUp()
        self.successResultOf(self.store.close())

    def test_others_start(self) -> None:
        """One that its disk refuses is offline; the logs of the others are there, its own are not made anew, new ones go to the others."""
        for operation, number in (("*", errno.EIO), ("open", errno.EACCES), ("read", errno.EIO), ("sync", errno.EIO)):
            fault = self.disk.faults.fail(operation, "/a", number)
            store = self.both()
            self.assertEqual(["offline", "ok"], self.states(store))
            self.assertEqual([TopicPartition("t", 1), TopicPartition("t", 3)], [name for name, _ in store.known()])
            self.assertEqual(1, self.opened(store, TopicPartition("t", 1)).end_offset)
            config = self.logs[0].config
            refused = self.failureResultOf(store.open(TopicPartition("t", 0), ID, config, existing=True), KafkaError).value
            self.assertIn("/a", str(refused))
            self.assertFalse(self.disk.exists("/b/t-0"))
            self.assertEqual("/b", self.opened(store, TopicPartition("new", 0)).directory.path)
            self.successResultOf(store.delete(TopicPartition("new", 0), ID))
            self.successResultOf(store.close())
            self.disk.faults.clear(fault)
            self.disk.kill()
        store = self.both()
        self.assertEqual(["ok", "ok"], self.states(store))
        self.assertEqual([1] * 4, [self.opened(store, TopicPartition("t", n)).end_offset for n in range(4)])

    def offline(self, directory: str) -> Any:
        """A broker that starts while the disk of one is dead."""
        fault = self.disk.faults.fail("*", directory, errno.EIO)
        store = self.both()
        self.disk.faults.clear(fault)
        return store

    def ended(self, store: Any) -> None:
        """Stop it."""
        self.successResultOf(store.close())
        self.disk.kill()

    def test_placed_here_anew(self) -> None:
        """A partition that leaves the broker and comes back while its directory is offline is made anew; what the directory has is not used again.

        That goes for whichever of them is found first.
        """
        for number, directory, other in ((0, "/a", "/b"), (1, "/b", "/a")):
            name = TopicPartition("t", number)
            store = self.offline(directory)
            self.assertEqual(other, self.opened(store, name).directory.path)
            self.append(self.opened(store, name), b"anew")
            self.append(self.opened(store, name), b"again")
            self.ended(store)
            store = self.both()
            log = self.opened(store, name)
            self.assertEqual((other, 2), (log.directory.path, log.end_offset))
            self.assertFalse(self.disk.exists(f"{directory}/{name}"))
            self.assertEqual(1, sum(entry.startswith(f"{name}.") and entry.endswith("-stray") for entry in self.disk.list(directory)))
            self.assertEqual(4, len(store.known()))
            self.ended(store)

    def test_two_of_which_nothing_is_known(self) -> None:
        """Somebody copied a log from one directory to another: neither is used."""
        for entry in ("partition.metadata", "00000000000000000000.log"):
            self.disk.make_directory("/b/t-0")
            self.disk.write_whole(f"/b/t-0/{entry}", self.disk.read_whole(f"/a/t-0/{entry}"))
        store = self.both()
        refused = self.failureResultOf(store.open(TopicPartition("t", 0), ID, self.logs[0].config), KafkaError).value
        self.assertIn("/a/t-0, /b/t-0", str(refused))

    def test_a_disk_that_refuses_to_tell(self) -> None:
        """Where the older one cannot be taken away, neither is used, and the next start tries again."""
        name = TopicPartition("t", 0)
        store = self.offline("/a")
        self.append(self.opened(store, name), b"anew")
        self.ended(store)
        fault = self.disk.faults.fail("rename", "/a/t-0*", errno.EACCES)
        store = self.both()
        self.failureResultOf(store.open(name, ID, self.logs[0].config), KafkaError)
        self.ended(store)
        self.disk.faults.clear(fault)
        self.assertEqual("/b", self.opened(self.both(), name).directory.path)

    def test_none_starts(self) -> None:
        """When all refuse there is no broker, and every reason is told; nobody holds them."""
        for directory in ("/a", "/b"):
            self.disk.faults.die(directory)
        said = self.refused(make_store(self.disk, self.clock, "/a", "/b", all_offline=self.lost.append))
        self.assertIn("log directory /a cannot be used", said)
        self.assertIn("log directory /b cannot be used", said)
        self.assertEqual([], self.lost)
        self.disk.faults.heal()
        self.both()


class RecoveryTests(DisksCase):
    """Opening many logs after a crash."""

    def test_parallel_and_told(self) -> None:
        """Each directory opens its logs by threads of its own, a slow one holds up no other, and the log says how far it is."""
        names = [TopicPartition("t", n) for n in range(4, 24)]
        for name in names:
            self.append(self.opened(self.store, name), b"x")
        self.disk.crash()
        pools = HeldThreadPools("background a", "background b")
        store = make_store(self.disk, self.clock, "/a", "/b", pools=pools)
        starting = store.start()
        self.assertEqual(["background a", "background b"], pools.waiting)
        pools.go_on()
        self.successResultOf(starting)
        config = self.logs[0].config
        opening = [store.open(name, ID, config, existing=True) for name, _ in store.known()]
        self.assertEqual((12, 12), tuple(pools.waiting.count(f"background {name}") for name in "ab"))
        pools.go_on("background b")
        self.assertEqual(12, sum(hasattr(deferred, "result") and deferred.result is not None for deferred in opening))
        with capturedLogs() as logged:
            self.clock.pump([1] * 6)
        said = [line for event in logged if "opening the logs" in (line := formatEvent(event) or "")]
        self.assertEqual(["opening the logs in /a: 12 of 12 are left"], said)
        pools.go_on()
        with capturedLogs() as logged:
            self.clock.pump([1] * 6)
        self.assertEqual([], [event for event in logged if "opening the logs" in (formatEvent(event) or "")])
        for deferred in opening:
            self.assertEqual(1, self.successResultOf(deferred).end_offset)


class PlacementTests(StoreCase):
    """Where new logs go."""

    def placed(self, store: Any, count: int) -> list[int]:
        """How many of so many new logs are in each of ``/a`` and ``/b``."""
        found = [self.opened(store, TopicPartition("n", n)).directory.path for n in range(count)]
        return [found.count("/a"), found.count("/b")]

    def test_by_room(self) -> None:
        """As many in each as it has free space, also when they are made all at once."""
        self.disk.faults.limit("/a", 30 * MIB)
        self.disk.faults.limit("/b", 10 * MIB)
        self.assertEqual([9, 3], self.placed(self.started("/a", "/b"), 12))

    def test_room_is_asked_again(self) -> None:
        """A disk that filled up since the start gets none."""
        store = self.started("/a", "/b")
        self.disk.faults.fill("/a")
        self.clock.pump([1] * 12)
        self.assertEqual([0, 4], self.placed(store, 4))

    def test_full_meanwhile(self) -> None:
        """One that turns out to be full leaves no trace there."""
        store = self.started("/a", "/b")
        self.disk.faults.fill("/a")
        self.assertEqual([0, 4], self.placed(store, 4))
        self.assertEqual([], [name for name in self.disk.list("/a") if name.startswith("n-")])
        self.disk.faults.fill("/b")
        self.failureResultOf(store.open(TopicPartition("more", 0), ID, self.opened(store, TopicPartition("n", 0)).config), DiskFull)
        self.disk.faults.heal()
        self.opened(store, TopicPartition("more", 0))


class FullTests(StoreCase):
    """One directory without a free byte: nothing is lost, nothing goes offline, and all is well once there is room."""

    def filled(self, **config: Any) -> Any:
        """A log with two records, on a disk that is full by now."""
        self.disk = MemoryFileSystem(Random(3))
        self.store = self.started()
        log = self.opened(self.store, **config)
        for n in range(2):
            self.send(log, n)
        self.disk.faults.fill("/data")
        return log

    def send(self, log: Any, n: int) -> Any:
        """One record of a producer."""
        return self.successResultOf(log.append(batch_of(b"%d" % n, producer_id=7, producer_epoch=0, base_sequence=n), 0))

    def sent(self, log: Any, n: int) -> bool:
        """Whether it is taken; if not, it is for want of space."""
        results: list[Any] = []
        log.append(batch_of(b"%d" % n, producer_id=7, producer_epoch=0, base_sequence=n), 0).addBoth(results.append)
        if hasattr(results[0], "base_offset"):
            return True
        results[0].trap(DiskFull)
        return False

    def check_reopened(self, log: Any, count: int) -> None:
        """After a stop or a crash everything is there."""
        self.assertEqual((count, count), (log.end_offset, log.flushed_offset))
        self.disk.faults.heal()
        log = self.opened(self.started())
        self.assertEqual((0, count), (log.start_offset, log.end_offset))
        self.assertTrue(self.send(log, count - 1).duplicate)

    def test_append(self) -> None:
        """Refused, cut back off, the producer's state as before, reads go on, and the next one is taken when there is room."""
        log = self.filled()
        size = self.disk.size(f"/data/{TP}/{0:020d}.log")
        self.disk.faults.limit("/data", self.disk._root.size_bytes() + 10)
        for _ in range(3):
            self.assertFalse(self.sent(log, 2))
            self.assertEqual((size, 2), (self.disk.size(f"/data/{TP}/{0:020d}.log"), log.end_offset))
        self.assertEqual(size, len(self.successResultOf(log.read(0, 1 << 20, 9, True))))
        (status,) = self.store.status()
        self.assertEqual(DirectoryState.FULL, status.state)
        self.disk.faults.heal()
        self.assertTrue(self.sent(log, 2))
        self.assertEqual((3, 3), (log.end_offset, log.flushed_offset))
        self.clock.pump([1] * 12)
        self.assertEqual(DirectoryState.OK, self.store.status()[0].state)
        self.disk.crash()
        self.check_reopened(log, 3)

    def test_everything_at_once(self) -> None:
        """Segments, indexes, snapshots, epochs, checkpoints, starts: whatever is to be written while there is no room, for a while, then a stop or a
        crash. What is acknowledged is there.
        """
        for ending in ("crash", "kill", "close"):
            log = self.filled(segment_bytes=300, index_interval_bytes=1)
            count = 2
            for room in range(0, 2_000, 57):
                self.disk.faults.limit("/data", self.disk._root.size_bytes() + room)
                count += self.sent(log, count)
                log.advance_start(0).addErrback(lambda failure: failure.trap(DiskFull))
                log.raise_epoch(0).addErrback(lambda failure: failure.trap(DiskFull))
                self.clock.pump([31] * 2)
            self.assertGreater(count, 10)
            self.assertGreater(len(log.segments), 3)
            self.assertFalse(log.failed)
            self.disk.faults.fill("/data")
            self.clock.pump([1] * 70)
            if ending == "close":
                self.successResultOf(self.store.close())
            else:
                getattr(self.disk, ending)()
            self.check_reopened(log, count)

    def test_after_a_crash(self) -> None:
        """Logs are opened and read though there is no room for what recovery would write beside them, so that retention can make some."""
        for checkpoint in (False, True):
            log = self.filled(segment_bytes=200, index_interval_bytes=1)
            self.disk.faults.heal()
            for n in range(2, 10):
                self.send(log, n)
                if checkpoint and n == 5:
                    self.clock.pump([1] * 70)
            self.successResultOf(log.append(batch_of(b"x"), 3))
            self.disk.crash()
            for name in ("*index", "*checkpoint.tmp"):
                self.disk.faults.fail("write", f"/data/{TP}/{name}", errno.ENOSPC)
            config = {"segment_bytes": 200, "retention_bytes": 0, "file_delete_delay_ms": 0}
            self.store = self.started()
            log = self.opened(self.store, **config)
            self.assertEqual((0, 11, 3), (log.start_offset, log.end_offset, log.latest_epoch))
            self.assertGreater(len(self.successResultOf(log.read(0, 1 << 20, 11, True))), 0)
            self.clock.pump([1] * 70)
            log.set_high_watermark(11)
            self.successResultOf(log.apply_retention(int(self.clock.seconds() * 1000)))
            self.assertGreater(log.start_offset, 0)
            self.clock.pump([1] * 5)
            self.assertTrue(self.sent(log, 10))
            self.disk.faults.heal()
            self.clock.pump([1] * 70)
            self.disk.crash()
            log = self.opened(self.started(), **config)
            self.assertEqual((12, 3, 3), (log.end_offset, log.latest_epoch, log.epoch_for_offset(11)))

    def test_torn_index(self) -> None:
        """An index that there was no room for is not left half written, to be believed after a clean stop."""
        log = self.filled(segment_bytes=100_000, index_interval_bytes=1)
        self.disk.faults.heal()
        for n in range(2, 40):
            self.send(log, n)
        self.disk.faults.limit("/data", self.disk._root.size_bytes() + 100)
        log.roll(0)
        self.assertFalse(self.disk.exists(f"/data/{TP}/{0:020d}.index"))
        self.disk.faults.fill("/data")
        largest = log.segments[0].max_timestamp
        self.successResultOf(self.store.close())
        self.disk.faults.heal()
        log = self.opened(self.started(), segment_bytes=100_000)
        self.assertEqual((40, largest), (log.end_offset, log.segments[0].max_timestamp))

    def test_retention(self) -> None:
        """What may go goes, which may be what gives the disk room; that no new segment can be begun for the rest does not keep it."""
        log = self.filled(segment_bytes=100, retention_ms=1_000, segment_ms=1_000, file_delete_delay_ms=0)
        log.set_high_watermark(2)
        used = self.disk._root.size_bytes()
        self.clock.advance(100_000)
        self.successResultOf(log.apply_retention(int(self.clock.seconds() * 1000)))
        self.clock.pump([1] * 3)
        self.assertEqual((1, 2, False), (log.start_offset, log.end_offset, log.failed))
        self.assertLess(self.disk._root.size_bytes(), used)

    def test_truncate(self) -> None:
        """A truncation that finds no room to note itself leaves the log as it was, and works later."""
        log = self.filled()
        self.store._sweeper.checkpoint_due = 0.0
        self.disk.faults.heal()
        self.clock.advance(1)
        self.disk.faults.fill("/data")
        self.failureResultOf(log.truncate(1), DiskFull)
        self.assertEqual(2, log.end_offset)
        self.disk.faults.heal()
        self.successResultOf(log.truncate(1))
        self.assertEqual(1, log.end_offset)
        self.disk.crash()
        self.assertEqual(1, self.opened(self.started()).end_offset)

    def test_truncate_without_a_checkpoint(self) -> None:
        """The same where only the epochs have to be written, and where all that there is goes."""
        for cut, end in ((lambda log: log.truncate(1), 1), (lambda log: log.restart_at(7), 7)):
            log = self.filled()
            self.failureResultOf(cut(log), DiskFull)
            self.assertEqual((2, 0, False), (log.end_offset, log.latest_epoch, log.failed))
            self.assertTrue(self.send(log, 1).duplicate)
            self.disk.faults.heal()
            self.successResultOf(cut(log))
            self.assertEqual(end, log.end_offset)
            self.disk.crash()
            self.assertEqual(end, self.opened(self.started()).end_offset)

    def test_delete(self) -> None:
        """A removal needs no room, it makes some; the next log of that name waits for that, and gets no offsets of the one that is gone."""
        log = self.filled(file_delete_delay_ms=10_000)
        self.disk.faults.heal()
        self.successResultOf(log.advance_start(1))
        self.clock.pump([1] * 70)
        self.disk.faults.fill("/data")
        used = self.disk._root.size_bytes()
        self.successResultOf(self.store.delete(TP, ID))
        self.failureResultOf(self.store.open(TP, OTHER_ID, LogConfig()), DiskFull)
        self.clock.pump([1] * 12)
        self.assertLess(self.disk._root.size_bytes(), used)
        log = self.opened(self.store, topic_id=OTHER_ID)
        self.assertEqual((0, 0), (log.start_offset, log.end_offset))
        self.append(log, b"new")
        self.disk.crash()
        log = self.opened(self.started(), topic_id=OTHER_ID)
        self.assertEqual((0, 1), (log.start_offset, log.end_offset))
