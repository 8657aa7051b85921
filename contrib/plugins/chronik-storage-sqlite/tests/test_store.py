"""What is the plugin's own: groups, refusals of the disk, what is removed when, options, directories."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Mapping
from random import Random
from typing import Any

from chronik_storage_sqlite.commits import passes
from chronik_storage_sqlite.database import DATABASE, Database
from chronik_storage_sqlite.options import SqliteOptions
from chronik_storage_sqlite.store import SqliteLogStore, make
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from chronik.errors import ChronikError, ConfigurationError, ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition
from chronik.record.build import NewRecord, build_batch
from chronik.storage.backends import StorageContext
from chronik.storage.config import LogConfig
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.logs import ID, NOW, TP, RecordingObserver, make_clock
from chronik.testing.pools import HeldThreadPools, SynchronousThreadPools
from chronik.testing.records import TIMESTAMP, batch_of
from chronik.testing.sqlite_disk import SqliteDisk, Unavailable

ALL = 1 << 30
OPTIONS = SqliteOptions(page_bytes=1024, wal_bytes=1 << 16)
SMALL = LogConfig(segment_bytes=300, file_delete_delay_ms=0)


class StoreCase(SynchronousTestCase):
    """Stores over one disk in memory."""

    def setUp(self) -> None:
        """Make the disk."""
        self.disk = MemoryFileSystem(Random(3))
        self.clock = make_clock()

    def connected(self) -> Any:
        """SQLite on the disk as it is now."""
        try:
            databases = SqliteDisk(self.disk)
        except Unavailable as problem:
            raise SkipTest(str(problem)) from None
        self.addCleanup(databases.close)
        return databases.connect

    def made(self, *directories: str, pools: Any = None, cluster_id: str = "cluster", broker_id: int = 1, retention_ms: int = 300_000) -> Any:
        """A store, not started."""
        chosen, times = pools or SynchronousThreadPools(), (self.clock, self.clock.seconds)
        context = StorageContext(
            directories or ("/data",), self.disk, chosen, *times, cluster_id, broker_id, 64, retention_ms, 60_000, lambda: 200_000, retention_ms
        )
        connect = self.connected()
        return SqliteLogStore(context, lambda path: Database(path, OPTIONS, connect))

    def started(self, *directories: str, **options: Any) -> Any:
        """A started store."""
        store = self.made(*directories, **options)
        self.successResultOf(store.start())
        return store

    def opened(self, store: Any, tp: TopicPartition = TP, topic_id: TopicId = ID, config: LogConfig = SMALL) -> Any:
        """A log of it."""
        return self.successResultOf(store.open(tp, topic_id, config))

    def crashed(self, **options: Any) -> Any:
        """A started store on what a crash leaves."""
        self.disk = self.disk.crashed(Random(5))
        return self.started(**options)

    def append(self, log: Any, n: int, epoch: int = 0) -> Any:
        """Begin to append record ``n`` of a producer."""
        return log.append(batch_of(b"%d" % n, producer_id=7, producer_epoch=0, base_sequence=n), epoch)

    def done(self, log: Any, *numbers: int) -> None:
        """Append records."""
        for n in numbers:
            self.successResultOf(self.append(log, n))

    def offsets(self, log: Any) -> list[int]:
        """Base offsets of the batches there are, each of one record."""
        found, offset = [], log.start_offset
        while offset < log.end_offset:
            piece = self.successResultOf(log.read(offset, 1, ALL, True))
            self.assertGreater(len(piece), 0)
            found.append(piece.base_offset)
            offset = piece.base_offset + 1
        return found

    def rows(self, statement: str) -> list[Any]:
        """What is in the database."""
        connection = self.connected()(f"/data/{DATABASE}")
        found = connection.execute(statement).fetchall()
        connection.close()
        return found

    def count(self, table: str) -> int:
        """Rows of a table."""
        (count,) = self.rows(f"SELECT count(*) FROM {table}")[0]
        return int(count)

    def code(self, deferred: Any) -> ErrorCode:
        """How it failed."""
        return self.failureResultOf(deferred, KafkaError).value.code  # type: ignore[no-any-return]


class GroupTests(StoreCase):
    """Transactions take along what came meanwhile."""

    def held(self) -> tuple[Any, HeldThreadPools]:
        """A store whose commits wait."""
        pools = HeldThreadPools("commit")
        store = self.made(pools=pools)
        self.successResultOf(store.start())
        return store, pools

    def log(self, store: Any, pools: HeldThreadPools, number: int = 0) -> Any:
        """An open log."""
        opening = store.open(TopicPartition("t", number), ID, SMALL)
        pools.go_on()
        return self.successResultOf(opening)

    def test_group(self) -> None:
        """While one transaction is written, appends to all logs gather for the next."""
        store, pools = self.held()
        logs = [self.log(store, pools, n) for n in range(3)]
        groups = logs[0].home.committer.groups
        done = [self.append(log, 0) for log in logs] + [self.append(log, 1) for log in logs]
        self.assertEqual((2, 0), (logs[0].end_offset, logs[0].flushed_offset))
        self.assertEqual(1, pools.go("commit"))
        self.assertEqual([1, 0, 0], [log.flushed_offset for log in logs])
        self.assertEqual(1, pools.go("commit"))
        self.assertEqual([2, 2, 2], [log.flushed_offset for log in logs])
        self.assertEqual([0, 0, 0, 1, 1, 1], [self.successResultOf(each).base_offset for each in done])
        self.assertEqual(2, logs[0].home.committer.groups - groups)

    def test_uncommitted_is_not_read(self) -> None:
        """Nobody reads what a crash could take, nor is a duplicate answered before its original is safe."""
        store, pools = self.held()
        log = self.log(store, pools)
        first = self.append(log, 0)
        again = self.append(log, 0)
        self.assertNoResult(first)
        self.assertNoResult(again)
        self.assertEqual(0, len(self.successResultOf(log.read(0, ALL, ALL, True))))
        pools.go_on()
        self.successResultOf(first)
        self.assertTrue(self.successResultOf(again).duplicate)
        self.assertEqual([0], self.offsets(log))

    def test_truncated_while_committed(self) -> None:
        """A commit that was under way during a truncation says nothing of what came after it."""
        store, pools = self.held()
        log = self.log(store, pools)
        done = [self.append(log, n) for n in range(3)]
        cut = log.truncate(1)
        refused = self.append(log, 1)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(refused))
        pools.go("commit")
        self.assertEqual((1, 0), (log.end_offset, log.flushed_offset))
        pools.go_on()
        self.successResultOf(cut)
        self.assertEqual([ErrorCode.KAFKA_STORAGE_ERROR] * 3, [self.code(each) for each in done])
        self.assertEqual((1, 1), (log.end_offset, log.flushed_offset))
        again = self.append(log, 1)
        pools.go_on()
        result = self.successResultOf(again)
        self.assertEqual((1, False), (result.base_offset, result.duplicate))
        self.assertEqual([0, 1], self.offsets(log))

    def test_two_truncations(self) -> None:
        """One that comes while another is under way reaches as far as it should."""
        store, pools = self.held()
        log = self.log(store, pools)
        for n in range(6):
            self.append(log, n, epoch=n)
        pools.go_on()
        cuts = [log.truncate(4), log.truncate(2)]
        pools.go_on()
        for cut in cuts:
            self.successResultOf(cut)
        self.assertEqual((2, 2, 1), (log.end_offset, log.flushed_offset, log.latest_epoch))
        self.append(log, 2, epoch=9)
        pools.go_on()
        self.assertEqual([0, 1, 2], self.offsets(log))

    def test_read_across_truncation(self) -> None:
        """A look at the database that a truncation overtook begins again."""
        pools = HeldThreadPools("read")
        log = self.opened(self.started(pools=pools))
        self.done(log, 0, 1, 2)
        reading = log.read(0, ALL, ALL, True)
        beyond = log.read(2, ALL, ALL, True)
        self.successResultOf(log.truncate(1))
        pools.go_on()
        self.assertEqual(self.rows("SELECT size FROM batches"), [(len(self.successResultOf(reading)),)])
        self.assertEqual(ErrorCode.OFFSET_OUT_OF_RANGE, self.code(beyond))

    def test_close_waits(self) -> None:
        """A stop waits for the transaction that is under way, and for the one after it."""
        store, pools = self.held()
        log = self.log(store, pools)
        for n in range(2):
            self.append(log, n)
        closing = store.close()
        self.assertNoResult(closing)
        pools.go_on()
        self.successResultOf(closing)
        log = self.opened(self.crashed())
        self.assertEqual((2, True), (log.end_offset, log.clean))


class FaultTests(StoreCase):
    """Disks that are full or broken."""

    def test_full(self) -> None:
        """A full disk refuses an append, leaves nothing of it, and the log goes on when there is room."""
        store = self.started()
        log, other = self.opened(store), self.opened(store, TopicPartition("t", 1))
        observer = RecordingObserver()
        log.watch(observer)
        self.done(log, 0)
        self.disk.fail("write", "*-wal", errno.ENOSPC)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.append(log, 1)))
        self.assertEqual((1, 1), (log.end_offset, log.flushed_offset))
        self.assertEqual(("truncated", 1, 0), observer.heard[-1])
        self.assertEqual(self.rows("SELECT sum(size) FROM batches"), [(log.size_bytes,)])
        self.done(log, 1)
        self.done(other, 0)
        self.assertEqual([0, 1], self.offsets(log))
        self.flushLoggedErrors()

    def test_full_takes_along_what_follows(self) -> None:
        """Appends queued behind a refused one are refused too, those of other logs are not, and nothing is left of their producers."""
        pools = HeldThreadPools("commit")
        store = self.started(pools=pools)
        opening = [store.open(TopicPartition("t", n), ID, SMALL) for n in range(2)]
        pools.go_on()
        log, other = (self.successResultOf(each) for each in opening)
        first = self.append(log, 0)
        pools.go_on()
        self.successResultOf(first)
        self.disk.fail("write", "*-wal", errno.ENOSPC)
        refused = [self.append(log, n) for n in range(1, 9)]
        again = self.append(log, 5)
        fine = self.append(other, 0)
        pools.go_on()
        self.assertEqual([ErrorCode.KAFKA_STORAGE_ERROR] * 9, [self.code(each) for each in (*refused, again)])
        self.assertEqual(0, self.successResultOf(fine).base_offset)
        self.assertEqual((1, 1, [(0, None)]), (log.end_offset, log.flushed_offset, [(e.base_offset, e.end_offset) for e in log.extents()]))
        self.assertEqual(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, self.code(self.append(log, 5)))
        last = self.append(log, 1)
        pools.go_on()
        result = self.successResultOf(last)
        self.assertEqual((1, False), (result.base_offset, result.duplicate))
        self.assertEqual([0, 1], self.offsets(log))

    def test_broken(self) -> None:
        """After any other error no log of the directory takes anything more, and the stop is not clean."""
        for operation in ("write", "sync"):
            self.setUp()
            store = self.started()
            log, other = self.opened(store), self.opened(store, TopicPartition("t", 1))
            observer = RecordingObserver()
            other.watch(observer)
            self.done(log, 0)
            self.disk.fail(operation, "*-wal", errno.EIO)
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.append(log, 1)))
            late = RecordingObserver()
            other.watch(late)
            self.assertEqual([["failed"]] * 2, [[event[0] for event in each.heard] for each in (observer, late)])
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.append(other, 0)))
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(log.flush()))
            self.successResultOf(store.close())
            log = self.opened(self.started())
            self.assertEqual((False, [0]), (log.clean, self.offsets(log)[:1]))
            self.flushLoggedErrors()

    def test_truncation_refused(self) -> None:
        """A truncation that the disk refuses fails the log: what it holds and what it says would differ."""
        log = self.opened(self.started())
        self.done(log, 0, 1, 2)
        self.disk.fail("write", "*-wal", errno.ENOSPC)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(log.truncate(1)))
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(log.append(batch_of(b"x"), 1)))
        self.assertEqual([0, 1, 2], self.offsets(self.opened(self.crashed())))
        self.flushLoggedErrors()

    def test_start_is_written_again(self) -> None:
        """A start that could not be written down holds, and is written when there is room."""
        store = self.started()
        log = self.opened(store)
        self.done(log, *range(8))
        self.disk.fail("write", "*-wal", errno.ENOSPC)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(log.advance_start(6)))
        self.assertEqual((6, [6, 7]), (log.start_offset, self.offsets(log)))
        self.assertEqual([(0,)], self.rows("SELECT start_offset FROM logs"))
        self.clock.pump([1, 1, 1])
        self.assertEqual([(6,)], self.rows("SELECT start_offset FROM logs"))
        self.assertEqual([6, 7], self.offsets(self.opened(self.crashed())))

    def test_start_fires_when_written(self) -> None:
        """Who asks for a start that another asked for before waits for the same commit."""
        pools = HeldThreadPools("commit")
        store = self.started(pools=pools)
        opening = store.open(TP, ID, SMALL)
        pools.go_on()
        log = self.successResultOf(opening)
        for n in range(4):
            self.append(log, n)
        pools.go_on()
        moving = [log.advance_start(2), log.advance_start(2), log.advance_start(1)]
        for each in moving:
            self.assertNoResult(each)
        pools.go_on()
        for each in moving:
            self.successResultOf(each)
        self.successResultOf(log.advance_start(2))
        self.assertEqual([2, 3], self.offsets(log))

    def test_passing(self) -> None:
        """Only what others can put right is tried again."""
        self.assertTrue(passes(self.error_of("PRAGMA max_page_count = 2", "CREATE TABLE a (b)", "CREATE TABLE c (d)")))
        self.assertFalse(passes(self.error_of("nonsense")))
        self.assertFalse(passes(OSError(errno.ENOSPC, "full")))

    def error_of(self, *statements: str) -> BaseException:
        """The error that the last of some statements gives."""
        connection = self.connected()("/x")
        try:
            for statement in statements:
                connection.execute(statement)
        except sqlite3.Error as error:
            return error
        raise AssertionError(statements)

    def setUp(self) -> None:
        """Make the disk and its directory."""
        super().setUp()
        self.disk.make_directory("/data")
        self.disk.sync_file_system("/")


class RemovalTests(StoreCase):
    """What is removed, and when."""

    def test_batches_go_later(self) -> None:
        """The start moves at once; batches of extents below it are removed by the sweep, and the producer is still known."""
        store = self.started()
        log = self.opened(store)
        self.done(log, *range(20))
        size = log.size_bytes
        self.successResultOf(log.advance_start(19))
        self.assertEqual(20, self.count("batches"))
        self.assertLess(log.size_bytes, size / 4)
        self.clock.advance(1)
        base = log.extents()[0].base_offset
        self.assertEqual([(base, 20 - base)], self.rows("SELECT min(base_offset), count(*) FROM batches"))
        self.assertEqual([(15,)], self.rows("SELECT min(last_offset) FROM producer_batches"))
        log = self.opened(self.crashed())
        self.assertTrue(self.successResultOf(self.append(log, 15)).duplicate)
        self.assertEqual(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, self.code(self.append(log, 14)))
        self.assertEqual(20, self.successResultOf(self.append(log, 20)).base_offset)

    def test_removal_goes_on_after_crash(self) -> None:
        """What a crash kept from being removed is removed after the next start."""
        store = self.started()
        log = self.opened(store)
        self.done(log, *range(20))
        self.successResultOf(log.advance_start(19))
        log = self.opened(self.crashed())
        self.assertEqual(20, self.count("batches"))
        self.clock.advance(1)
        self.assertLess(self.count("batches"), 5)

    def test_chunks(self) -> None:
        """A large removal lets appends through between its chunks."""
        pools = HeldThreadPools("commit")
        store = self.started(pools=pools)
        opening = store.open(TP, ID, SMALL)
        pools.go_on()
        log = self.successResultOf(opening)
        for _ in range(600):
            log.append(batch_of(b"x"), 0)
        pools.go_on()
        log.advance_start(600)
        log.append(batch_of(b"x"), 0)
        pools.go_on()
        self.clock.advance(1)
        pools.go("commit")
        self.assertEqual(601 - 256, self.count("batches"))
        waiting = log.append(batch_of(b"y"), 0)
        # The second chunk is under way already; the append goes with the third.
        pools.go("commit")
        pools.go("commit")
        self.assertEqual(601, self.successResultOf(waiting).base_offset)
        pools.go_on()
        self.assertLess(self.count("batches"), 10)

    def test_deleted_log(self) -> None:
        """A removed log's rows go after ``file.delete.delay.ms``, or at the next start, and its room is given back."""
        store = self.started()
        log = self.opened(store, config=LogConfig(file_delete_delay_ms=5000))
        for _ in range(100):
            self.successResultOf(log.append(batch_of(bytes(10_000)), 0))
        self.successResultOf(store.delete(TP, ID))
        again = self.opened(store, topic_id=TopicId(bytes(16)))
        self.done(again, 0)
        self.clock.pump([1] * 4)
        self.assertEqual(101, self.count("batches"))
        pages = self.rows("PRAGMA page_count")
        self.clock.pump([1] * 3)
        self.assertEqual((1, 1, 1), (self.count("batches"), self.count("logs"), self.count("extents")))
        self.assertLess(self.rows("PRAGMA page_count"), [(pages[0][0] * 0.6,)])
        self.successResultOf(store.delete(TP, TopicId(bytes(16))))
        self.crashed()
        self.clock.pump([1, 1])
        self.assertEqual((0, 0, 0), (self.count("batches"), self.count("logs"), self.count("producer_batches")))

    def test_retention(self) -> None:
        """Retention is applied every ``log.retention.check.interval.ms``, and silent producers are forgotten, for good."""
        store = self.started(retention_ms=2000)
        log = self.opened(store, config=LogConfig(retention_ms=1000))
        self.done(log, 0)
        log.set_high_watermark(1)
        self.clock.advance(1)
        self.assertEqual(0, log.start_offset)
        self.clock.pump([1] * 2)
        self.assertEqual((1, 1), (log.start_offset, len(log.active_producers())))
        self.clock.pump([110, 1])
        self.assertEqual((0, 0), (len(log.active_producers()), self.count("producer_batches")))
        log = self.opened(self.crashed())
        self.assertEqual((1, 1, 1), (log.start_offset, log.end_offset, log.flushed_offset))

    def test_truncated_producers(self) -> None:
        """After a truncation that takes more batches than are remembered, older ones are remembered again."""
        log = self.opened(self.started())
        self.done(log, *range(20))
        self.successResultOf(log.truncate(8))
        for n in range(3, 8):
            self.assertTrue(self.successResultOf(self.append(log, n)).duplicate)
        self.assertEqual(8, self.successResultOf(self.append(log, 8)).base_offset)

    def test_truncated_inside_batch(self) -> None:
        """A batch that only begins before the truncation goes as a whole."""
        log = self.opened(self.started())
        self.successResultOf(log.append(batch_of(b"a"), 0))
        self.successResultOf(log.append(batch_of(b"b", b"c", b"d"), 0))
        self.successResultOf(log.truncate(2))
        self.assertEqual(1, self.count("batches"))
        self.successResultOf(log.append(batch_of(b"e"), 0))
        self.assertEqual(2, self.successResultOf(log.read(2, ALL, ALL, True)).base_offset)

    def test_times_after_start_moved(self) -> None:
        """Searches by time do not find what is below the start, in whose batch it may be."""
        log = self.opened(self.started())
        self.successResultOf(log.append(build_batch([NewRecord(None, b"a", TIMESTAMP + 9), NewRecord(None, b"b", TIMESTAMP + 1)]), 0))
        self.successResultOf(log.advance_start(1))
        self.assertEqual((1, TIMESTAMP + 1), self.found(log.offset_for_timestamp(TIMESTAMP)))
        self.assertIsNone(self.successResultOf(log.offset_for_timestamp(TIMESTAMP + 2)))
        self.assertEqual((1, TIMESTAMP + 1), self.found(log.offset_of_max_timestamp()))
        self.successResultOf(log.append(build_batch([NewRecord(None, b"c", TIMESTAMP + 5)]), 0))
        self.assertEqual((2, TIMESTAMP + 5), self.found(log.offset_for_timestamp(TIMESTAMP + 2)))
        self.assertEqual((2, TIMESTAMP + 5), self.found(log.offset_of_max_timestamp()))

    def found(self, deferred: Any) -> tuple[int, int]:
        """Offset and timestamp of what was found."""
        found = self.successResultOf(deferred)
        return found.offset, found.timestamp

    def test_extents_by_time(self) -> None:
        """``segment.ms`` begins a new extent: by the records' own time, and by age."""
        log = self.opened(self.started(), config=LogConfig(segment_ms=1000))
        observer = RecordingObserver()
        log.watch(observer)
        for late in (0, 1000, 1001):
            self.successResultOf(log.append(build_batch([NewRecord(None, b"a", TIMESTAMP + late)]), 0))
        self.assertEqual([("sealed", 0, 2), ("opened", 2)], observer.heard)
        self.successResultOf(log.apply_retention(NOW + 1001))
        self.assertEqual([("sealed", 2, 3), ("opened", 3)], observer.heard[2:])
        self.assertEqual([(0, 2), (2, 3), (3, None)], [(e.base_offset, e.end_offset) for e in self.opened(self.crashed()).extents()])

    def test_extent_size(self) -> None:
        """An append larger than ``segment.bytes`` is refused, but for the broker's own."""
        log = self.opened(self.started())
        self.assertEqual(ErrorCode.RECORD_LIST_TOO_LARGE, self.code(log.append(batch_of(bytes(300)), 0)))
        self.assertEqual(0, self.successResultOf(log.append(batch_of(bytes(300)), 0, internal=True)).base_offset)


class DirectoryTests(StoreCase):
    """Log directories and who may use them."""

    def refused(self, store: Any) -> str:
        """Why a store does not start."""
        return str(self.failureResultOf(store.start(), ChronikError).value)

    def test_spread(self) -> None:
        """New logs go where the fewest are, and are found there again."""
        store = self.started("/a", "/b")
        for n in range(4):
            self.opened(store, TopicPartition("t", n))
        self.assertEqual(["/a", "/b", "/a", "/b"], [log.home.path for log in store._logs.values()])
        self.successResultOf(store.close())
        self.assertEqual({TopicPartition("t", n) for n in range(4)}, {tp for tp, _ in self.started("/b", "/a").known()})

    def test_whose(self) -> None:
        """Another cluster's or broker's directory is not touched, and free for its owner again."""
        store = self.started()
        self.assertIn("another broker", self.refused(self.made()))
        self.successResultOf(store.close())
        self.assertIn("cluster cluster, not to other", self.refused(self.made(cluster_id="other")))
        self.assertIn("broker 1, this one is 2", self.refused(self.made(broker_id=2)))
        self.started()

    def test_not_ours(self) -> None:
        """A directory of the segment store is refused, and so is a file of another program; nothing is changed."""
        self.disk.make_directory("/data")
        self.disk.write_whole("/data/meta.properties", b"")
        self.assertIn("log.store=segment", self.refused(self.made()))
        self.assertFalse(self.disk.exists(f"/data/{DATABASE}"))
        self.disk.unlink("/data/meta.properties")
        connection = self.connected()(f"/data/{DATABASE}")
        connection.execute("CREATE TABLE t (a)")
        connection.close()
        self.assertIn("no log database", self.refused(self.made()))
        self.disk.unlink(f"/data/{DATABASE}")
        self.disk.write_whole(f"/data/{DATABASE}", b"no database" * 100)
        self.assertIn("not a database", self.refused(self.made()))

    def test_unwritable(self) -> None:
        """A directory that refuses says so."""
        self.disk.fail("open", "/data/.lock", errno.EACCES)
        self.assertIn("Permission denied", self.refused(self.made()))

    def test_open_fails(self) -> None:
        """A log that cannot be made is told as Kafka does, and can be made later."""
        store = self.started()
        self.disk.fail("write", "*-wal", errno.ENOSPC)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(store.open(TP, ID, SMALL)))
        self.assertEqual([], list(store.known()))
        self.done(self.opened(store), 0)

    def test_set_aside(self) -> None:
        """Records that nobody knows of are kept under the name they had, and stay; a log without any just goes."""
        store = self.started()
        self.done(self.opened(store), 0, 1)
        self.opened(store, TopicPartition("empty", 3))
        self.successResultOf(store.close())
        store = self.started()
        self.successResultOf(store.set_aside(TP, TopicId(bytes(16))))
        self.assertEqual(2, len(store.known()))
        self.successResultOf(store.set_aside(TP, ID))
        self.successResultOf(store.set_aside(TopicPartition("empty", 3), ID))
        self.assertEqual([], list(store.known()))
        store = self.crashed()
        self.done(self.opened(store, topic_id=TopicId(bytes(16))), 0)
        self.clock.pump([1, 1])
        self.assertEqual([("t-0", 2), (None, 1)], self.rows("SELECT stray, count(*) FROM batches JOIN logs ON logs.id = log_id GROUP BY log_id"))
        self.assertEqual(2, self.count("logs"))
        self.flushLoggedErrors()

    def test_many_logs(self) -> None:
        """Every one of many logs gets its turn."""
        store = self.started(retention_ms=1000)
        logs = [self.opened(store, TopicPartition("t", n), config=LogConfig(retention_ms=1)) for n in range(600)]
        for log in logs:
            self.done(log, 0)
            log.set_high_watermark(1)
        self.clock.pump([1, 0, 0])
        self.assertEqual({1}, {log.start_offset for log in logs})


class OptionTests(SynchronousTestCase):
    """``plugin.storage.sqlite.*``."""

    def context(self) -> StorageContext:
        """What a maker is given."""
        clock = make_clock()
        return StorageContext(("/d",), MemoryFileSystem(), SynchronousThreadPools(), clock, clock.seconds, "c", 1, 64, 1, 1, lambda: 1)

    def test_refused(self) -> None:
        """A wrong or unknown option is named, with what it may be."""
        cases: tuple[tuple[Mapping[str, str], str], ...] = (
            ({"synchronous": "off"}, "no option synchronous; its options are cache.bytes, page.bytes, wal.bytes"),
            ({"page.bytes": "1000"}, "plugin.storage.sqlite.page.bytes is '1000'; it must be a power of two"),
            ({"wal.bytes": "-1"}, "wal.bytes"),
            ({"cache.bytes": "much"}, "'much'"),
        )
        for options, words in cases:
            self.assertIn(words, str(self.assertRaises(ConfigurationError, make, self.context(), options)))

    def test_used(self) -> None:
        """Options reach the database."""
        options = SqliteOptions.of({"page.bytes": "32768", "wal.bytes": "1048576", "cache.bytes": "65536"})
        database = Database(self.mktemp(), options)
        database.open()
        self.addCleanup(database.close)
        pragmas = ("page_size", "wal_autocheckpoint", "journal_size_limit", "cache_size", "synchronous", "journal_mode", "auto_vacuum")
        found = [database.write([lambda c, p=pragma: c.execute(f"PRAGMA {p}").fetchone()[0]])[0] for pragma in pragmas]  # type: ignore[misc]
        self.assertEqual([32768, 32, 1048576, -64, 2, "wal", 2], found)
        self.assertTrue(make(self.context(), {}))
