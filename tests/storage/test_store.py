"""The segment store: directories, who may use them, what is found in them, and what is done now and then."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ChronikError, ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition
from chronik.storage.config import LogConfig
from chronik.storage.sweeping import EPOCH_FILES_PER_SWEEP
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.logs import ID, NOW, TP, make_clock, make_store
from chronik.testing.pools import HeldThreadPools
from chronik.testing.records import batch_of

CLEAN = "/data/.kafka_cleanshutdown"


class StoreCase(SynchronousTestCase):
    """Stores over one disk in memory."""

    def setUp(self) -> None:
        """Make the disk."""
        self.disk = MemoryFileSystem(Random(3))
        self.clock = make_clock()

    def started(self, *directories: str, **options: Any) -> Any:
        """A started store."""
        store = make_store(self.disk, self.clock, *directories, **options)
        self.successResultOf(store.start())
        return store

    def opened(self, store: Any, tp: TopicPartition = TP, topic_id: TopicId = ID, **config: Any) -> Any:
        """A log of it."""
        return self.successResultOf(store.open(tp, topic_id, LogConfig(**config)))

    def append(self, log: Any, *values: bytes, leader_epoch: int = 0) -> Any:
        """Append one batch."""
        return self.successResultOf(log.append(batch_of(*values), leader_epoch))

    def held(self, pools: HeldThreadPools, count: int, *directories: str) -> tuple[Any, list[Any]]:
        """A started store whose threads the test holds, and so many logs of it."""
        store = make_store(self.disk, self.clock, *directories, pools=pools)
        starting = store.start()
        pools.go_on()
        self.successResultOf(starting)
        opening = [store.open(TopicPartition("t", number), ID, LogConfig()) for number in range(count)]
        pools.go_on()
        return store, [self.successResultOf(each) for each in opening]

    def refused(self, store: Any) -> str:
        """Why a store does not start."""
        return str(self.failureResultOf(store.start(), ChronikError).value)


class DirectoryTests(StoreCase):
    """Log directories."""

    def test_identity(self) -> None:
        """A new directory is marked with cluster and broker, in Kafka's format."""
        self.started(randbytes=lambda count: bytes(count))
        self.assertEqual(
            b"version=1\ncluster.id=cluster\nnode.id=1\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAA\n", self.disk.read_whole("/data/meta.properties")
        )

    def test_closed_while_it_starts(self) -> None:
        """A store that is closed before it has looked at a directory says nothing of it: not where its logs begin, nor that they are well."""
        store = self.started()
        log = self.opened(store)
        self.append(log, b"a", b"b", b"c")
        self.successResultOf(log.flush())
        self.successResultOf(log.advance_start(2))
        self.disk.kill()
        pools = HeldThreadPools("")
        again = make_store(self.disk, self.clock, pools=pools)
        self.assertNoResult(again.start())
        closing = again.close()
        pools.go()
        self.successResultOf(closing)
        self.disk.kill()
        third = self.opened(self.started())
        self.assertEqual((2, False), (third.start_offset, third.clean))

    def test_other_cluster(self) -> None:
        """Another cluster's data is not touched, nor another broker's; the directory is free for its owner again."""
        self.disk.make_directory("/data")
        for line, word in (("cluster.id=other\nnode.id=1", "cluster other"), ("cluster.id=cluster\nnode.id=2", "broker 2"), ("x", "cannot be used")):
            self.disk.write_whole("/data/meta.properties", f"version=1\n{line}\n".encode())
            self.assertIn(word, self.refused(make_store(self.disk, self.clock)))
        self.disk.unlink("/data/meta.properties")
        self.started()

    def test_locked(self) -> None:
        """Two brokers do not share a directory, and a refused start lets go of those it took."""
        store = self.started("/a")
        self.assertIn("another broker", self.refused(make_store(self.disk, self.clock, "/b", "/a")))
        self.successResultOf(store.close())
        self.started("/b", "/a")

    def test_unwritable(self) -> None:
        """A directory that refuses says so."""
        self.disk.fail("open", "/data/.lock", errno.EACCES)
        self.assertIn("Permission denied", self.refused(make_store(self.disk, self.clock)))

    def test_directories_in_the_place_of_files(self) -> None:
        """What cannot be read as the file it should be is named, and nobody is left holding the directory."""
        for name in (".kafka_cleanshutdown", "recovery-point-offset-checkpoint", "log-start-offset-checkpoint", "meta.properties", ".lock"):
            self.setUp()
            self.successResultOf(self.started().close())
            self.disk.unlink(f"/data/{name}")
            self.disk.make_directory(f"/data/{name}")
            said = self.refused(make_store(self.disk, self.clock))
            self.assertIn("/data", said)
            self.disk.remove_tree(f"/data/{name}")
            self.started()

    def test_spread(self) -> None:
        """New logs go where the fewest are, and are found there again."""
        store = self.started("/a", "/b")
        for n in range(4):
            self.opened(store, TopicPartition("t", n))
        self.successResultOf(store.close())
        self.assertEqual((["t-0", "t-2"], ["t-1", "t-3"]), tuple([n for n in self.disk.list(d) if n.startswith("t-")] for d in ("/a", "/b")))
        self.assertEqual({TopicPartition("t", n) for n in range(4)}, {tp for tp, _ in self.started("/a", "/b").known()})

    def test_strays(self) -> None:
        """What is no log is left alone, hidden names without a word."""
        for name in (".search", ".metadata", "notes", "t-x", "empty-0"):
            self.disk.make_directory(f"/data/{name}")
        self.disk.make_directory("/data/bad-0")
        self.disk.write_whole("/data/bad-0/partition.metadata", b"nothing")
        before = set(self.disk.list("/data"))
        self.assertEqual([], list(self.started().known()))
        self.assertLessEqual(before, set(self.disk.list("/data")))

    def test_set_aside(self) -> None:
        """Records of a topic that nobody knows are kept where no later start looks, and the log says where; without records nothing is kept."""
        store = self.started()
        self.append(self.opened(store), b"a")
        self.opened(store, TopicPartition("empty", 0))
        self.successResultOf(store.close())
        store = self.started()
        with capturedLogs() as logged:
            self.successResultOf(store.set_aside(TP, ID))
            self.successResultOf(store.set_aside(TopicPartition("empty", 0), ID))
        (kept,) = [name for name in self.disk.list("/data") if name.endswith("-stray")]
        self.assertTrue(any(kept in (formatEvent(event) or "") for event in logged))
        self.assertGreater(self.disk.size(f"/data/{kept}/{0:020d}.log"), 0)
        self.clock.advance(100_000)
        self.assertEqual([], [name for name in self.disk.list("/data") if name.startswith("empty")])
        self.successResultOf(store.close())
        self.assertEqual([], list(self.started().known()))
        self.assertIn(kept, self.disk.list("/data"))

    def test_twice(self) -> None:
        """A log that is in two directories is used from neither, for nobody knows which is right; nothing is changed, and the error names both.

        With its topic both go.
        """
        for directory in ("/a", "/b"):
            store = self.started(directory)
            self.append(self.opened(store), b"a")
            self.successResultOf(store.close())
        store = self.started("/a", "/b")
        error = self.failureResultOf(store.open(TP, ID, LogConfig(), True), KafkaError).value
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, error.code)
        self.assertIn("/a/t-0, /b/t-0", error.message)
        self.assertEqual([(TP, ID)], list(store.known()))
        self.assertTrue(all(self.disk.size(f"{directory}/t-0/{0:020d}.log") for directory in ("/a", "/b")))
        self.successResultOf(store.delete(TP, ID))
        self.assertFalse(any(self.disk.exists(f"{directory}/t-0") for directory in ("/a", "/b")))
        self.assertEqual(0, self.opened(store).end_offset)

    def test_data_without_metadata(self) -> None:
        """Segments of which nobody knows the topic are not overwritten by a new log."""
        store = self.started()
        self.append(self.opened(store), b"a")
        self.successResultOf(store.close())
        self.disk.unlink(f"/data/{TP}/partition.metadata")
        store = self.started()
        failure = self.failureResultOf(store.open(TP, ID, LogConfig()), KafkaError)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, failure.value.code)
        self.assertGreater(self.disk.size(f"/data/{TP}/{0:020d}.log"), 0)


    def test_usage_of_a_broken_disk(self) -> None:
        """A directory that cannot be asked is told with its error, the others with their sizes."""

        class Broken(MemoryFileSystem):
            def total_bytes(self, path: str) -> int:
                if path == "/b":
                    raise OSError(errno.EIO, "broken")
                return super().total_bytes(path)

        self.disk = Broken(Random(3))
        good, bad = self.successResultOf(self.started("/a", "/b").usage())
        self.assertEqual(("/a", None, "/b"), (good.path, good.error, bad.path))
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, bad.error.code)


class CleanStopTests(StoreCase):
    """The marker of a clean stop tells the truth."""

    def test_marker(self) -> None:
        """It is there after a stop and gone while the broker runs."""
        store = self.started()
        self.opened(store)
        self.successResultOf(store.close())
        self.assertEqual(b'{"version":0}', self.disk.read_whole(CLEAN))
        self.started()
        self.assertFalse(self.disk.exists(CLEAN))

    def test_unopened_stays_unclean(self) -> None:
        """A log that was not opened since a crash is recovered at the next start that opens it."""
        store = self.started()
        self.append(self.opened(store), b"a")
        self.disk.crash()
        store = self.started()
        self.successResultOf(store.close())
        self.assertFalse(self.disk.exists(CLEAN))
        self.assertFalse(self.opened(self.started()).clean)

    def test_checkpoints_of_unopened_stay(self) -> None:
        """What is noted of a log that is not opened is not lost."""
        store = self.started()
        log = self.opened(store)
        self.append(log, b"a", b"b")
        self.successResultOf(log.advance_start(1))
        for _ in range(2):
            self.successResultOf(store.close())
            store = self.started()
        self.assertEqual(1, self.opened(store).start_offset)

    def test_kill(self) -> None:
        """After a kill, what only the page cache had is made durable before it counts as that."""
        store = self.started()
        log = self.opened(store, write_caching=True)
        self.append(log, b"a")
        self.disk.kill()
        log = self.opened(self.started())
        self.assertEqual((1, 1, False), (log.end_offset, log.flushed_offset, log.clean))
        self.disk.crash()
        self.assertEqual(1, self.opened(self.started()).end_offset)


class SweepTests(StoreCase):
    """What one timer does for all logs."""

    def test_deleted_files_go_later(self) -> None:
        """A removed log's files go after ``file.delete.delay.ms``, or at the next start."""
        store = self.started()
        log = self.opened(store, file_delete_delay_ms=5000)
        self.append(log, b"a")
        self.successResultOf(store.delete(TP, ID))
        (name,) = [name for name in self.disk.list("/data") if name.endswith("-delete")]
        self.assertRegex(name, rf"^{TP}\.[0-9a-f]{{32}}-delete$")
        self.clock.pump([1] * 4)
        self.assertIn(name, self.disk.list("/data"))
        self.clock.pump([1] * 3)
        self.assertNotIn(name, self.disk.list("/data"))
        self.opened(store)
        self.successResultOf(store.delete(TP, ID))
        self.disk.crash()
        self.started()
        self.clock.pump([1] * 2)
        self.assertEqual([], [name for name in self.disk.list("/data") if name.endswith("-delete")])

    def test_checkpoints(self) -> None:
        """Recovery points and starts are noted now and then, in Kafka's format."""
        store = self.started(checkpoint_ms=3000)
        log = self.opened(store)
        self.append(log, b"a", b"b", b"c")
        self.successResultOf(log.advance_start(2))
        self.clock.pump([1] * 4)
        self.assertEqual(b"0\n1\nt 0 3\n", self.disk.read_whole("/data/recovery-point-offset-checkpoint"))
        self.assertEqual(b"0\n1\nt 0 2\n", self.disk.read_whole("/data/log-start-offset-checkpoint"))

    def test_epochs_before_checkpoints(self) -> None:
        """A recovery point vouches for the epochs below it: they are on disk first, or the point waits for them."""
        for seed in range(9):
            self.disk = MemoryFileSystem(Random(seed))
            first = self.started()
            self.append(self.opened(first), b"a")
            self.successResultOf(first.close())
            store = self.started(checkpoint_ms=1500)
            log = self.opened(store, segment_bytes=80)
            for _ in range(4):
                self.append(log, b"a", leader_epoch=5)
            self.assertEqual((5, None), (log.flushed_offset, log.checkpoint_offset))
            self.clock.advance(1)
            self.assertEqual(5, log.checkpoint_offset)
            self.clock.advance(1)
            self.disk = self.disk.crashed(Random(seed))
            log = self.opened(self.started())
            self.assertEqual([(0, 1), (5, 5)], [log.end_offset_for_epoch(0), log.end_offset_for_epoch(5)])

    def test_start_is_durable(self) -> None:
        """Once a start is answered, no crash takes it back, not even where the page cache counts as safe."""
        for seed in range(9):
            self.disk = MemoryFileSystem(Random(seed))
            log = self.opened(self.started(), write_caching=True)
            self.append(log, b"a", b"b", b"c")
            self.successResultOf(log.advance_start(2))
            self.disk = self.disk.crashed(Random(seed))
            log = self.opened(self.started())
            self.assertEqual((2, 3), (log.start_offset, log.end_offset))

    def test_starts_are_written_together(self) -> None:
        """What is asked for while a write is under way is done by the next; nobody is answered before, and none goes back."""
        pools = HeldThreadPools("background")
        store = make_store(self.disk, self.clock, pools=pools)
        starting = store.start()
        pools.go_on()
        self.successResultOf(starting)
        logs = []
        for number in range(4):
            opening = store.open(TopicPartition("t", number), ID, LogConfig())
            pools.go_on()
            logs.append(self.successResultOf(opening))
            self.append(logs[-1], b"a", b"b", b"c")
        waiting = [log.advance_start(2) for log in logs] + [log.advance_start(1) for log in logs]
        for one in waiting[:4]:
            self.assertNoResult(one)
        self.assertEqual(["background"], pools.waiting)
        pools.go()
        self.assertEqual(["background"], pools.waiting)
        pools.go()
        for one in waiting:
            self.successResultOf(one)
        self.assertEqual(b"0\n4\nt 0 2\nt 1 2\nt 2 2\nt 3 2\n", self.disk.read_whole("/data/log-start-offset-checkpoint"))

    def test_start_of_a_deleted_log(self) -> None:
        """A start that was asked for before a log was deleted does not become that of another of its name."""
        pools = HeldThreadPools("background")
        store = make_store(self.disk, self.clock, pools=pools)
        for waiting in (store.start(),):
            pools.go_on()
            self.successResultOf(waiting)
        opening = store.open(TP, ID, LogConfig())
        pools.go_on()
        log = self.successResultOf(opening)
        self.append(log, b"a", b"b", b"c")
        first, second = log.advance_start(1), log.advance_start(2)
        deleting = store.delete(TP, ID)
        pools.go()
        pools.go_on()
        for waiting in (first, second, deleting):
            self.successResultOf(waiting)
        self.assertEqual(b"0\n0\n", self.disk.read_whole("/data/log-start-offset-checkpoint"))

    def test_start_that_cannot_be_noted(self) -> None:
        """It is not answered as done; the next try may be."""
        log = self.opened(self.started())
        self.append(log, b"a", b"b")
        self.disk.fail("write", "/data/log-start-offset-checkpoint*", errno.ENOSPC)
        failure = self.failureResultOf(log.advance_start(1), KafkaError)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, failure.value.code)
        self.successResultOf(log.advance_start(1))
        self.disk.crash()
        self.assertEqual(1, self.opened(self.started()).start_offset)

    def test_new_log_of_old_name(self) -> None:
        """A name that is used again does not inherit offsets from a checkpoint, even after a crash."""
        store = self.started(checkpoint_ms=1000)
        log = self.opened(store)
        self.append(log, b"a", b"b", b"c")
        self.successResultOf(log.advance_start(3))
        self.clock.advance(1)
        self.successResultOf(store.delete(TP, ID))
        other = TopicId(bytes(16))
        self.append(self.opened(store, topic_id=other), b"new")
        self.disk.crash()
        log = self.opened(self.started(), topic_id=other)
        self.assertEqual((0, 1), (log.start_offset, log.end_offset))

    def test_retention(self) -> None:
        """Retention is applied every ``log.retention.check.interval.ms``."""
        store = self.started(retention_ms=2000)
        log = self.opened(store, retention_ms=1000)
        self.append(log, b"a")
        log.set_high_watermark(1)
        self.clock.advance(1)
        self.assertEqual(0, log.start_offset)
        self.clock.pump([1] * 2)
        self.assertEqual(1, log.start_offset)

    def test_producers_expire(self) -> None:
        """Producers that are silent for ``producer.id.expiration.ms``, which may change meanwhile, are forgotten."""
        silence = [200_000]
        store = self.started(producer_expiration_ms=lambda: silence[0], producer_check_ms=2_000)
        log = self.opened(store)
        self.successResultOf(log.append(batch_of(b"a", producer_id=7, producer_epoch=0, base_sequence=0), 0))
        self.clock.pump([1] * 4)
        self.assertEqual(1, len(log.active_producers()), "it is silent for 100 s")
        silence[0] = 100_000
        self.clock.pump([1] * 4)
        self.assertEqual(0, len(log.active_producers()))

    def test_flush_ms(self) -> None:
        """Where the page cache counts as safe, ``flush.ms`` and ``flush.messages`` bound what is not on disk."""
        log = self.opened(self.started(), write_caching=True, flush_ms=3000, flush_messages=4)
        self.append(log, b"a")
        self.clock.pump([1] * 3)
        self.assertEqual(0, log.flushed_offset)
        self.clock.pump([1] * 2)
        self.assertEqual(1, log.flushed_offset)
        self.append(log, b"b", b"c", b"d")
        self.assertEqual(1, log.flushed_offset)
        self.append(log, b"e")
        self.assertEqual(5, log.flushed_offset)

    def test_epochs_are_written(self) -> None:
        """A new epoch is in its file within a second."""
        log = self.opened(self.started())
        self.successResultOf(log.append(batch_of(b"a"), 4))
        self.clock.advance(1)
        self.assertEqual(b"0\n1\n4 0\n", self.disk.read_whole(f"/data/{TP}/leader-epoch-checkpoint"))

    def test_many_logs(self) -> None:
        """Every one of many logs gets its turn, not all of them at once."""
        store = self.started(checkpoint_ms=1000)
        logs = [self.opened(store, TopicPartition("t", n)) for n in range(1100)]
        for log in logs:
            self.successResultOf(log.append(batch_of(b"a"), 4))

        def written() -> int:
            return sum(self.disk.exists(f"{log.path}/leader-epoch-checkpoint") for log in logs)

        self.clock.pump([1, 0, 0, 0])
        self.assertEqual(EPOCH_FILES_PER_SWEEP, written())
        self.clock.pump([1, 0, 0, 0] * 10)
        self.assertEqual(1100, written())


class TurnTests(StoreCase):
    """Opening and deleting the same log follow each other."""

    def test_open_while_deleted(self) -> None:
        """A log of the same name waits until the old one is away."""
        pools = HeldThreadPools("background")
        store = make_store(self.disk, self.clock, pools=pools)
        starting = store.start()
        pools.go_on()
        self.successResultOf(starting)
        opening = store.open(TP, ID, LogConfig())
        deleting = store.delete(TP, ID)
        again = store.open(TP, TopicId(bytes(16)), LogConfig())
        self.assertNoResult(opening)
        pools.go_on()
        old, new = self.successResultOf(opening), self.successResultOf(again)
        self.successResultOf(deleting)
        self.assertTrue(old.closed)
        self.assertEqual((TopicId(bytes(16)), 0), (new.topic_id, new.end_offset))

    def test_nothing_of_the_old_one_comes_late(self) -> None:
        """What was still to be done in the directory of a deleted log is not done to the next one of its name, in whatever order threads work."""
        pools = HeldThreadPools("background")
        store = make_store(self.disk, self.clock, pools=pools)
        starting = store.start()
        pools.go_on()
        self.successResultOf(starting)
        opening = store.open(TP, ID, LogConfig(segment_bytes=200))
        pools.go_on()
        log = self.successResultOf(opening)
        for n in range(6):
            self.append(log, b"%d" % n)
        pools.go_on()
        log.advance_start(5).addErrback(lambda _: None)
        deleting, again = store.delete(TP, ID), store.open(TP, TopicId(bytes(16)), LogConfig())
        while pools.waiting:
            pools._held.waiting.insert(0, pools._held.waiting.pop())  # the newest first
            pools.go_next()
        self.successResultOf(deleting)
        self.append(self.successResultOf(again), b"kept")
        self.assertGreater(self.disk.size(f"/data/{TP}/{0:020d}.log"), 0)

    def test_close_while_flushing(self) -> None:
        """A stop waits for the flush that is under way, and for the one after it."""
        pools = HeldThreadPools("flush")
        store = self.started(pools=pools)
        log = self.opened(store)
        self.append(log, b"a")
        self.append(log, b"b")
        closing = store.close()
        self.assertNoResult(closing)
        pools.go_on()
        self.successResultOf(closing)
        self.disk.crash()
        log = self.opened(self.started())
        self.assertEqual((2, True), (log.end_offset, log.clean))
        self.assertEqual(NOW, int(self.clock.seconds() * 1000))
