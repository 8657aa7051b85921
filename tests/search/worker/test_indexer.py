"""The indexer: tail, shards, and what moves between them."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.record.build import NewRecord, build_batch
from chronik.search.feed_messages import Committed, ExtentEvent, PartitionFeed
from chronik.search.interfaces import Sort
from chronik.search.query.ast import MatchAll
from chronik.search.worker.indexer import Indexer
from chronik.search.worker.limits import IndexLimits
from chronik.search.worker.partition import PartitionIndex, Way
from tests.search.worker.fakes import FakeLog, ListBackend, call_at_once

TOPIC = TopicId(bytes(range(16)))


class IndexerCase(SynchronousTestCase):
    """An indexer over a fake log, stepped by a clock."""

    limits = IndexLimits(
        fetch_bytes_max=2_000,
        partition_tail_documents_max=50,
        tail_documents_max=120,
        hot_lag_min=200,
        shard_documents_max=400,
        shard_documents_min=100,
        commit_documents_max=150,
        disk_free_bytes_min=0,
    )

    def setUp(self) -> None:
        """An indexer with nothing to do."""
        self.root = os.path.abspath(self.mktemp())
        self.clock = Clock()
        self.log = FakeLog()
        self.start_indexer()

    def start_indexer(self) -> None:
        """A new process on the same directories."""
        self.backend = ListBackend()
        self.announced: list[dict[str, Any]] = []
        self.indexer = Indexer(self.clock, self.log, call_at_once, self.backend, self.limits, self.announced.append)
        self.indexer.start()
        self.addCleanup(self.stop_indexer)

    def stop_indexer(self) -> None:
        """End the process."""
        self.indexer.stop()

    def feed(self, number: int = 0, extents: tuple[tuple[int, int | None, int], ...] = ((0, None, 0),), mode: str = "json") -> PartitionIndex:
        """Feed a partition as it is in the log now."""
        path = f"{self.root}/topic/{number}"
        self.indexer.add_partition(PartitionFeed(number, "t", TOPIC, number, mode, True, path, extents, self.committed(number)))
        self.settle()
        return self.indexer.partitions[number]

    def end(self, number: int = 0) -> int:
        """One past the last record."""
        batches = self.log.batches.get((TOPIC, number))
        return batches[-1][1] + 1 if batches else 0

    def committed(self, number: int = 0) -> Committed:
        """How far the log can be read."""
        return Committed(number, self.log.starts.get((TOPIC, number), 0), self.end(number), self.end(number))

    def produce(self, count: int, number: int = 0, batch: int = 10, tell: bool = True) -> None:
        """Append records, and tell the indexer."""
        batches = self.log.batches.setdefault((TOPIC, number), [])
        for base in range(self.end(number), self.end(number) + count, batch):
            data = build_batch([NewRecord(None, b"value %d" % (base + n), base + n) for n in range(batch)], base_offset=base, leader_epoch=1)
            batches.append((base, base + batch - 1, data))
        if tell:
            self.indexer.committed([self.committed(number)])
            self.settle()

    def trickle(self, times: int, seconds: float) -> None:
        """Ten records at a time, with so many seconds between."""
        for _ in range(times):
            self.produce(10)
            self.settle(seconds)

    def settle(self, seconds: float = 0.0) -> None:
        """Let the loop work until it sleeps, for so long."""
        self.clock.pump([0.0] * 20)
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    def offsets(self, partition: PartitionIndex) -> list[int]:
        """What a search finds now, oldest first; fails on an offset found twice."""
        found = [f for part in partition.view().parts for f in part.store.search(MatchAll(), [part.bounds], Sort(), 10_000).hits]
        bounds, tail = partition.tail_bounds(), self.indexer.tail.store
        if bounds is not None and tail is not None:
            found += tail.search(MatchAll(), [bounds], Sort(), 10_000).hits
        offsets = sorted(f.offset for f in found)
        self.assertEqual(len(offsets), len(set(offsets)))
        return offsets

    def assert_all_found(self, partition: PartitionIndex, start: int = 0) -> None:
        """Everything in the log is found, once."""
        end = self.end(partition.feed.partition)
        self.assertEqual((partition.through, self.offsets(partition)), (end, list(range(start, end))))


class TailTests(IndexerCase):
    """Partitions that trickle."""

    def test_found_after_a_moment(self) -> None:
        """A few records are found in the tail a second later; nothing is written to disk."""
        partition = self.feed()
        self.produce(30)
        self.settle(1.1)
        self.assert_all_found(partition)
        self.assertFalse(os.path.exists(self.root))

    def test_refresh(self) -> None:
        """A search makes what was added searchable at once, but not again right after."""
        partition = self.feed()
        self.produce(10)
        refreshed = self.indexer.refresh([partition])
        self.settle()
        self.successResultOf(refreshed)
        self.assert_all_found(partition)
        self.produce(10)
        self.successResultOf(self.indexer.refresh([partition]))
        self.assertEqual(partition.through, 10)
        self.clock.advance(0.1)
        refreshed = self.indexer.refresh([partition])
        self.settle()
        self.successResultOf(refreshed)
        self.assert_all_found(partition)

    def test_failed_commit(self) -> None:
        """A commit of the tail that fails makes nothing searchable: a search that waited for it does not claim to see what it cannot."""
        partition = self.feed()
        self.produce(10)
        store: Any = self.indexer.tail.store
        store.failure = RuntimeError("no memory")
        seen: list[int] = []
        self.indexer.tail.refresh([partition]).addBoth(lambda _: seen.append(partition.through))
        self.settle(2.0)
        self.assertEqual(seen, [0])
        self.settle(2.0)
        self.assert_all_found(partition)

    def test_wait_for(self) -> None:
        """Who waits for an offset is told as soon as it is searchable, and not before."""
        partition = self.feed()
        waiting = self.indexer.wait_for(partition, 15)
        self.produce(10)
        self.assertNoResult(waiting)
        self.produce(10)
        self.successResultOf(waiting)
        self.assertGreaterEqual(partition.through, 15)

    def test_cancelled_wait(self) -> None:
        """Who stops waiting is forgotten."""
        partition = self.feed()
        waiting = self.indexer.wait_for(partition, 15)
        waiting.addErrback(lambda _: None)
        waiting.cancel()
        self.assertEqual(partition.waiters, [])

    def test_many_partitions_share_it(self) -> None:
        """One store for all, told apart by bounds."""
        partitions = [self.feed(n) for n in range(5)]
        for n in range(5):
            self.produce(10 * (n % 2 + 1), n)
        self.settle(1.1)
        for partition in partitions:
            self.assert_all_found(partition)
        self.assertEqual(self.backend.directories, [None])

    def test_freshness(self) -> None:
        """Freshness is the time from when a commit was told to when it became searchable."""
        partition = self.feed()
        self.produce(10)
        self.settle(1.1)
        self.assertTrue(900 <= partition.freshness_ms <= 1_100, partition.freshness_ms)

    def test_broken_tail(self) -> None:
        """A tail that fails is filled again from the log."""
        partition = self.feed()
        self.produce(10)
        self.settle(1.1)
        self.backend.stores[0].failure = RuntimeError("panic")
        self.produce(10)
        self.settle(3.0)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assert_all_found(partition)


class ShardTests(IndexerCase):
    """Records on disk."""

    def test_moved_when_many(self) -> None:
        """A partition with much in the tail is moved to a shard; the tail lets it go; nothing is missing or double on the way."""
        partition = self.feed()
        for _ in range(8):
            self.produce(10)
            self.settle(0.2)
            self.offsets(partition)
        self.settle(2.0)
        self.assert_all_found(partition)
        self.assertGreater(partition.shard_end, 0)
        self.assertLess(partition.tail_documents, 50)

    def test_far_behind(self) -> None:
        """A partition that begins far behind is indexed to shards directly, each full before the next begins."""
        self.produce(1_000, tell=False)
        partition = self.feed()
        self.settle(5.0)
        self.assert_all_found(partition)
        self.assertEqual(partition.tail_documents, 0)
        self.assertEqual([s.sealed for s in partition.shards[:2]], [True, True])
        self.assertEqual(partition.way, Way.TAIL)

    def test_shards_end_with_extents(self) -> None:
        """A shard ends where an extent does once it is large enough."""
        self.produce(600, tell=False)
        partition = self.feed(extents=((0, 50, 0), (50, 250, 0), (250, 300, 0), (300, None, 0)))
        self.settle(5.0)
        self.assert_all_found(partition)
        self.assertEqual([s.base for s in partition.shards], [0, 250])

    def test_resume(self) -> None:
        """After a restart the shards are used as they are, once the log agrees; only the rest is read."""
        self.produce(700, tell=False)
        self.feed()
        self.settle(5.0)
        self.stop_indexer()
        self.log.wanted.clear()
        self.start_indexer()
        partition = self.feed()
        self.assertEqual(self.announced, [{"type": "resume", "feed": 0, "epoch": 1, "offset": 699}])
        self.assertEqual((partition.way, self.log.wanted), (Way.LOADING, []))
        self.assertEqual((partition.through, self.offsets(partition), partition.view().state), (0, [], "loading"))
        self.indexer.truncated(0, 700)
        self.produce(10)
        self.settle(1.5)
        self.assert_all_found(partition)
        self.assertEqual(min(w.offset for w in self.log.wanted), 700)

    def test_divergence(self) -> None:
        """What the log does not agree with is cut off and read again, until it agrees."""
        self.produce(700, tell=False)
        self.feed()
        self.settle(5.0)
        self.stop_indexer()
        self.start_indexer()
        partition = self.feed()
        self.indexer.truncated(0, 350)
        self.settle()
        self.assertEqual([a["offset"] for a in self.announced], [699, 349])
        self.indexer.truncated(0, 350)
        self.settle(5.0)
        self.assert_all_found(partition)

    def test_lost_directory(self) -> None:
        """A directory that disappears while we run is noticed and indexed again."""
        self.produce(700, tell=False)
        partition = self.feed()
        self.settle(5.0)
        shutil.rmtree(self.root)
        self.settle(8.0)
        self.assert_all_found(partition)
        self.assertTrue(os.path.exists(f"{self.root}/topic/0/manifest.json"))

    def test_damaged_file(self) -> None:
        """A file that changes while we run is noticed too; what comes before it is kept."""
        self.produce(1_000, tell=False)
        partition = self.feed()
        self.settle(5.0)
        first, second = partition.shards[0], partition.shards[1]
        with open(f"{self.root}/topic/0/{second.name}/documents.json", "r+b") as file:
            file.write(b"####")
        self.settle(8.0)
        self.assert_all_found(partition)
        self.assertIs(partition.shards[0], first)
        self.assertIsNot(partition.shards[1], second)

    def test_failing_write(self) -> None:
        """A shard that cannot be written is dropped and written again."""
        self.produce(700, tell=False)
        original, failed = self.backend.open, []

        def open_failing(directory: str | None, writable: bool, heap_bytes: int) -> Any:
            store = original(directory, writable, heap_bytes)
            if directory is not None and not failed:
                failed.append(directory)
                store.failure = OSError(28, "No space left on device")
            return store

        self.backend.open = open_failing  # type: ignore[method-assign]
        partition = self.feed()
        self.settle(8.0)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assert_all_found(partition)
        self.assertEqual(partition.state, "")

    def test_removal_waits_for_searches(self) -> None:
        """What a running search looks at stays until it ends."""
        partition = self.feed()
        self.produce(10)
        self.settle(1.1)
        release = self.indexer.pins.pin()
        for _ in range(6):
            self.produce(10)
        self.settle(3.0)
        self.assertGreater(partition.shard_end, 0)
        tail = self.indexer.tail.store
        assert tail is not None
        self.assertIsNotNone(tail.locate(partition.topic_number, 0, 0))
        release()
        self.settle(2.0)
        self.assertIsNone(tail.locate(partition.topic_number, 0, 0))
        self.assert_all_found(partition)


class HotTests(IndexerCase):
    """Partitions that are busy."""

    limits = IndexLimits(hot_lag_min=50, hot_rate_min=100.0, commit_age_s=60.0, disk_free_bytes_min=0)

    def test_refresh(self) -> None:
        """A search makes what was added to a shard searchable, but not right after it was added."""
        partition = self.feed()
        self.produce(200)
        self.assertEqual((partition.way, partition.through), (Way.HOT, 0))
        self.successResultOf(self.indexer.refresh([partition]))
        self.assertEqual(partition.through, 0)
        self.clock.advance(0.1)
        refreshed = self.indexer.refresh([partition])
        self.settle()
        self.successResultOf(refreshed)
        self.assert_all_found(partition)

    def test_cools(self) -> None:
        """After a pause its records go to the tail again."""
        partition = self.feed()
        self.produce(200)
        self.clock.advance(1.0)
        self.indexer.wait_for(partition, 200)
        self.settle()
        self.assertEqual(partition.way, Way.HOT)
        self.clock.advance(5.0)
        self.produce(10)
        self.settle(1.5)
        self.assertEqual(partition.way, Way.TAIL)
        self.assertGreater(partition.tail_documents, 0)
        self.assert_all_found(partition)


    def test_overtaken(self) -> None:
        """The log lets go of records faster than they are indexed: what was indexed is dropped, and indexing goes on where the log begins now."""
        for told in (True, False):
            partition = self.feed(0 if told else 1)
            number = partition.feed.partition
            self.produce(200, number)
            self.assertTrue(partition.shards[-1].writable)
            self.produce(400, number, tell=False)
            stale = self.committed(number)
            self.log.starts[TOPIC, number] = 450
            self.indexer.committed([self.committed(number) if told else stale])
            self.settle(5.0)
            self.produce(50, number)
            waiting = self.indexer.wait_for(partition, 650)
            self.settle(5.0)
            self.successResultOf(waiting)
            self.assert_all_found(partition, 450)
            self.assertEqual(partition.view().state, "")


class FullDiskTests(IndexerCase):
    """Search stops before it takes the log's last space."""

    limits = IndexLimits(hot_lag_min=200, disk_free_bytes_min=1 << 62, partition_tail_documents_max=50)

    def test_stops(self) -> None:
        """Nothing is written, and the reason is told."""
        self.produce(500, tell=False)
        partition = self.feed()
        self.settle(3.0)
        self.assertEqual((partition.through, partition.view().state), (0, "disk full"))
        self.assertFalse(os.path.exists(self.root))

    def test_goes_on(self) -> None:
        """It goes on by itself once there is room; what is in memory was searched all the while."""
        self.produce(500, tell=False)
        partition = self.feed()
        self.settle(3.0)
        self.produce(20, 1, tell=False)
        small = self.feed(1)
        self.settle(3.0)
        self.assert_all_found(small)
        self.indexer._writers._limits = replace(self.limits, disk_free_bytes_min=0)
        self.settle(20.0)
        self.assert_all_found(partition)
        self.assertEqual(partition.view().state, "")

    def test_memory(self) -> None:
        """What trickles in meanwhile is kept in memory as far as that is meant for it; what is indexed is found, the rest once there is room."""
        self.produce(10, tell=False)
        partition = self.feed()
        self.trickle(50, 1.1)
        self.assertEqual("disk full", partition.view().state)
        self.assertLessEqual(partition.tail_documents, 100)
        self.assertEqual(list(range(partition.through)), self.offsets(partition))
        self.indexer._writers._limits = replace(self.limits, disk_free_bytes_min=0)
        self.settle(20.0)
        self.assert_all_found(partition)

    def test_deleted_before_it_was_moved(self) -> None:
        """A move whose records the log let go of is over: the tail's limits count for what comes after."""
        self.produce(10, tell=False)
        partition = self.feed()
        self.trickle(8, 1.1)
        self.assertIs(Way.MOVING, partition.way)
        self.log.starts[TOPIC, 0] = partition.writer_target + 20
        self.indexer.committed([self.committed()])
        self.indexer._writers._limits = replace(self.limits, disk_free_bytes_min=0)
        self.trickle(60, 2.0)
        self.assertLessEqual(partition.tail_documents, 100)
        self.assert_all_found(partition, self.log.starts[TOPIC, 0])


class DamageTests(IndexerCase):
    """A log that does not serve a part of an extent."""

    def test_goes_on_behind(self) -> None:
        """What is before and in later extents is found."""
        for count in (100, 1_000):
            self.setUp()
            self.produce(count, tell=False)
            self.log.damaged = (40, 80)
            partition = self.feed(extents=((0, 80, 0), (80, None, 0)))
            self.settle(20.0)
            self.assertEqual((count, [*range(40), *range(80, count)]), (partition.through, self.offsets(partition)))
            self.assertEqual(partition.view().state, "")

    def test_restored(self) -> None:
        """What was damaged is found after the next start, if it was put right by then: its shard, and what follows, is made anew."""
        self.produce(1_000, tell=False)
        self.log.damaged = (440, 480)
        extents = ((0, 480, 0), (480, None, 0))
        partition = self.feed(extents=extents)
        self.settle(20.0)
        self.assertEqual([*range(440), *range(480, 1_000)], self.offsets(partition))
        for damaged, found in (((440, 480), [*range(440), *range(480, 1_000)]), ((0, 0), [*range(1_000)])):
            self.log.damaged = damaged
            self.stop_indexer()
            self.start_indexer()
            partition = self.feed(extents=extents)
            self.settle(20.0)
            for head in self.announced:
                self.indexer.truncated(0, head["offset"] + 1)
            self.settle(20.0)
            self.assertEqual(found, self.offsets(partition))


class FeedTests(IndexerCase):
    """What the broker says of logs."""

    def test_truncated_behind_what_is_written(self) -> None:
        """A cut behind all that is in a shard, committed or not, leaves each record there once."""
        self.produce(1_000, tell=False)
        partition = self.feed()
        self.settle(5.0)
        self.produce(330)
        self.assertGreater(partition.writer_next, partition.shard_end)
        self.indexer.truncated(0, self.end())
        self.settle(5.0)
        self.assert_all_found(partition)

    def test_start_advanced(self) -> None:
        """Removed records are not found, and shards wholly below the start are removed."""
        self.produce(1_000, tell=False)
        partition = self.feed()
        self.settle(5.0)
        name = partition.shards[0].name
        self.log.starts[TOPIC, 0] = 450
        self.produce(10)
        self.settle(2.0)
        self.assert_all_found(partition, 450)
        self.assertFalse(os.path.exists(f"{self.root}/topic/0/{name}"))

    def test_starts_above_zero(self) -> None:
        """A log whose first records are gone is indexed from its start."""
        self.produce(100, tell=False)
        self.log.starts[TOPIC, 0] = 35
        partition = self.feed()
        self.settle(2.0)
        self.assert_all_found(partition, 35)

    def test_truncated_tail(self) -> None:
        """Records cut off the log are not found any more; what comes in their place is."""
        partition = self.feed()
        self.produce(30)
        self.settle(1.1)
        del self.log.batches[TOPIC, 0][1:]
        self.indexer.truncated(0, 10)
        self.indexer.committed([self.committed()])
        self.settle(0.5)
        self.assertEqual(self.offsets(partition), list(range(10)))
        self.produce(10)
        self.settle(1.5)
        self.assert_all_found(partition)

    def test_truncated_shard(self) -> None:
        """The same when they are in a shard."""
        self.produce(700, tell=False)
        partition = self.feed()
        self.settle(5.0)
        del self.log.batches[TOPIC, 0][45:]
        self.indexer.truncated(0, 450)
        self.indexer.committed([self.committed()])
        self.settle(1.0)
        self.assert_all_found(partition)
        self.produce(300)
        self.settle(5.0)
        self.assert_all_found(partition)

    def test_rewritten(self) -> None:
        """A rewritten extent is indexed into a new shard that takes the old one's place whole."""
        self.produce(1_000, tell=False)
        partition = self.feed(extents=((0, 200, 0), (200, None, 0)))
        self.settle(5.0)
        old = partition.shards[0]
        del self.log.batches[TOPIC, 0][3]
        self.indexer.extent(ExtentEvent(0, "rewritten", 0, 200, 1))
        self.settle(3.0)
        self.assertIsNot(partition.shards[0], old)
        self.assertEqual(self.offsets(partition), [o for o in range(1_000) if not 30 <= o < 40])
        self.assertEqual(partition.through, 1_000)
        self.assertFalse(os.path.exists(f"{self.root}/topic/0/{old.name}"))

    def test_rewritten_tail(self) -> None:
        """What is not in a shard yet is read again."""
        partition = self.feed()
        self.produce(30)
        self.settle(1.1)
        del self.log.batches[TOPIC, 0][1]
        self.indexer.extent(ExtentEvent(0, "rewritten", 0, 30, 1))
        self.settle(2.0)
        self.assertEqual((partition.through, self.offsets(partition)), (30, [*range(10), *range(20, 30)]))

    def test_deleted(self) -> None:
        """A deleted partition's directory goes, and who waits for it is told."""
        self.produce(700, tell=False)
        partition = self.feed()
        self.settle(5.0)
        waiting = self.indexer.wait_for(partition, 9_999)
        self.indexer.deleted(0)
        self.settle(1.0)
        self.successResultOf(waiting)
        self.assertFalse(os.path.exists(f"{self.root}/topic"))
        self.assertEqual(self.indexer.partitions, {})

    def test_settings_changed(self) -> None:
        """Another mode indexes everything anew."""
        self.produce(700, tell=False)
        self.feed()
        self.settle(5.0)
        partition = self.feed(mode="text")
        self.settle(5.0)
        self.assert_all_found(partition)
        self.assertEqual(partition.feed.mode, "text")

    def test_fed(self) -> None:
        """After everything was told, directories that nobody uses go, and the process is ready."""
        os.makedirs(f"{self.root}/gone/3")
        ready: list[bool] = []
        self.indexer.fed([self.root], lambda: ready.append(True))
        self.settle()
        self.assertEqual((ready, os.listdir(self.root)), ([True], []))

    def test_errors_are_retried(self) -> None:
        """A partition that cannot be read says why, and goes on when it can."""
        self.log.errors[TOPIC, 0] = ErrorCode.NOT_LEADER_OR_FOLLOWER
        partition = self.feed()
        self.produce(10)
        self.settle(2.0)
        self.assertEqual(partition.view().state, "NOT_LEADER_OR_FOLLOWER")
        del self.log.errors[TOPIC, 0]
        self.settle(2.0)
        self.assert_all_found(partition)
        self.assertEqual(partition.view().state, "")

    def test_one_that_fails_does_not_stop_others(self) -> None:
        """Others are indexed meanwhile."""
        self.log.errors[TOPIC, 0] = ErrorCode.KAFKA_STORAGE_ERROR
        self.feed(0)
        other = self.feed(1)
        self.produce(10, 0)
        self.produce(10, 1)
        self.settle(1.5)
        self.assert_all_found(other)

    def test_progress(self) -> None:
        """Only partitions that moved are told of."""
        self.feed(0)
        self.feed(1)
        self.indexer.progress()
        self.produce(10, 1)
        self.settle(1.5)
        self.assertEqual([(p.feed, p.through, p.records) for p in self.indexer.progress()], [(1, 10, 10)])
        self.assertEqual(self.indexer.progress(), [])
