"""Moves of partitions that are led or followed here: what clients see, what ends a move, and what a start finds of one."""

from __future__ import annotations

import errno
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import ImageDelta, PartitionState, TopicImage
from chronik.model import IsolationLevel, TopicId, TopicPartition
from chronik.record.batch import whole_batches
from chronik.record.records import decode_records
from chronik.replica.copying import COPY_BYTES, LogCopy
from chronik.replica.followers import Leading
from chronik.replica.host import HostedPartitions, Replication
from chronik.replica.interfaces import FollowerFetch, IReplicaMoves
from chronik.replica.moves import ReplicaMoves
from chronik.storage.config import LogConfig
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.logs import NOW, make_store
from chronik.testing.records import batch_of
from tests.replica.fakes import TOPIC_ID, FakeFeed, FakeStore, image_of, make_inspector, topic_of

TP = TopicPartition("t", 0)

SMALL = LogConfig(segment_bytes=600, index_interval_bytes=100, file_delete_delay_ms=0)


@dataclass
class Settings:
    """What a topic goes by."""

    log_config: LogConfig = SMALL
    min_insync_replicas: int = 1


@dataclass
class Fetchers:
    """Notes who is followed."""

    followed: list[Any] = field(default_factory=list)

    def add(self, follower: Any) -> None:
        """Note it."""
        self.followed.append(follower)

    def remove(self, follower: Any) -> None:
        """Stop it."""
        follower.stop()
        self.followed.remove(follower)


@dataclass
class Changes:
    """Changes of who is in sync that have an outcome when a test says so; ``left`` counts those by which the broker leaves."""

    waiting: list[Deferred[None]] = field(default_factory=list)
    left: int = 0

    def change(self, *args: Any) -> Deferred[None]:
        """Wait."""
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def leave(self, *args: Any) -> Deferred[None]:
        """At once."""
        self.left += 1
        return succeed(None)


def state(leader: int, epoch: int = 0, isr: Sequence[int] = (1, 2), replicas: Sequence[int] = (1, 2)) -> TopicImage:
    """The topic, of one partition of two replicas."""
    return TopicImage("t", TOPIC_ID, (PartitionState(leader, epoch, tuple(replicas), tuple(isr)),))


class MoveCase(SynchronousTestCase):
    """Broker 1 with the directories ``/a`` and ``/b``, and a partition in ``/a``."""

    topic = topic_of()

    def setUp(self) -> None:
        """Start it, with some records."""
        self.disk = MemoryFileSystem(Random(3))
        self.disk.mounts = ("/a", "/b")
        self.epoch = 0
        self.settings = Settings()
        self.begin()
        for n in range(5):
            self.append(b"%d" % n)

    def begin(self) -> None:
        """A broker over the disk as it is."""
        self.clock = Clock()
        self.clock.advance(NOW / 1000)
        self.feed = FakeFeed(image_of(self.topic))
        self.store = make_store(self.disk, self.clock, "/a", "/b")
        self.changes, self.fetchers = Changes(), Fetchers()
        replication = Replication(Leading(1, self.clock, self.changes, 10.0), self.fetchers)  # type: ignore[arg-type]
        self.moves = ReplicaMoves(self.store, self.feed, self.clock)
        self.host = HostedPartitions(1, self.feed, self.store, lambda topic: self.settings, self.raised, make_inspector(), replication, self.moves)
        self.successResultOf(self.store.start())
        self.successResultOf(self.host.start())

    def raised(self, partitions: Sequence[tuple[TopicId, int]], untrusted: Collection[tuple[TopicId, int]]) -> Deferred[None]:
        """The controller's part in a start after a crash."""
        if not partitions:
            return succeed(None)
        self.epoch += 1
        self.feed.image = image_of(topic_of(epoch=self.epoch))
        return succeed(None)

    def restart(self, crash: bool = False) -> None:
        """A new broker on what is left."""
        self.host.stop()
        if not crash:
            closing = self.store.close()
            self.clock.pump([0, 0, 0])
            self.successResultOf(closing)
        self.disk = self.disk.crashed(Random(7))
        self.begin()

    def become(self, topic: TopicImage) -> None:
        """The image changes."""
        self.feed.become(image_of(topic, revision=5), ImageDelta(changed={"t"}))

    def append(self, value: bytes) -> Any:
        """A record, committed."""
        appending = self.host.get("t", 0).append(batch_of(value), -1)
        self.clock.advance(0)
        return self.successResultOf(appending)

    def code(self, deferred: Any) -> ErrorCode:
        """Which error it fails with."""
        return self.failureResultOf(deferred, KafkaError).value.code  # type: ignore[no-any-return]

    def move(self, directory: str = "/b", name: str = "t", number: int = 0) -> Deferred[None]:
        """Ask for it."""
        return self.moves.move(name, number, directory)

    def pass_time(self, seconds: float = 1.0) -> None:
        """Let everything go on."""
        for _ in range(int(seconds / 0.01)):
            self.clock.advance(0.01)

    def place(self) -> str | None:
        """Where the log is."""
        return self.store.directory_of(TP, TOPIC_ID)

    def values(self) -> list[bytes]:
        """What readers see."""
        partition = self.host.get("t", 0)
        result = self.successResultOf(partition.read(partition.start_offset, 1 << 20, IsolationLevel.READ_UNCOMMITTED, True))
        data = result.records.read(0, len(result.records))
        result.records.close()
        return [record.value or b"" for _, batch in whole_batches(data) for record in decode_records(batch)]


class LeaderTests(MoveCase):
    """A partition that is led here, alone."""

    def test_interface(self) -> None:
        """It is what it says."""
        verifyObject(IReplicaMoves, self.moves)

    def test_move(self) -> None:
        """It is led anew over the other log, under the same epoch, with the same high watermark, and goes on."""
        before = self.host.get("t", 0)
        self.successResultOf(self.move())
        self.pass_time()
        after = self.host.get("t", 0)
        self.assertIsNot(before, after)
        self.assertEqual(("/b", 0, 5, 5), (self.place(), after.leader_epoch, after.high_watermark, after.log.high_watermark))
        self.assertEqual(ErrorCode.NOT_LEADER_OR_FOLLOWER, self.code(before.append(batch_of(b"x"), -1)))
        self.assertEqual(5, self.append(b"5").base_offset)
        self.assertEqual([b"%d" % n for n in range(6)], self.values())
        self.assertEqual([], self.store.futures())

    def test_written_meanwhile(self) -> None:
        """What is appended while it is copied is copied too; a client is refused only for the moment of the swap, with what it may try again."""
        self.settings.log_config = LogConfig(file_delete_delay_ms=0)
        self.become(topic_of())
        value = b"x" * (COPY_BYTES // 4)
        sent, refused = 5, 0
        for _ in range(8):
            self.append(value)
            sent += 1
        self.successResultOf(self.move())
        for _ in range(300):
            try:
                self.append(b"small")
                sent += 1
            except KafkaError as error:
                self.assertEqual(ErrorCode.NOT_LEADER_OR_FOLLOWER, error.code)
                refused += 1
            self.clock.advance(0.001)
        self.assertEqual(("/b", sent), (self.place(), self.host.get("t", 0).high_watermark))
        self.assertLess(refused, 20)

    def test_copies_little_at_a_time(self) -> None:
        """One step copies no more than a megabyte, however much there is."""
        self.settings.log_config = LogConfig()
        self.become(topic_of())
        for _ in range(10):
            self.append(b"x" * (COPY_BYTES // 2))
        log = self.host.get("t", 0).log
        copy = LogCopy(log, self.successResultOf(self.store.open_future(TP, TOPIC_ID, log.config, "/b")))
        sizes = [0]
        while not self.successResultOf(Deferred.fromCoroutine(copy.step())):
            sizes.append(copy.future.size_bytes)
        self.assertGreater(len(sizes), 5)
        self.assertLessEqual(max(after - before for before, after in pairwise(sizes)), COPY_BYTES)

    def test_there_already(self) -> None:
        """To where it is, it is not moved; a move that is under way ends, and nothing is left of it."""
        self.successResultOf(self.move("/a"))
        self.assertEqual([], self.store.futures())
        self.successResultOf(self.move("/b"))
        self.assertEqual([(TP, TOPIC_ID, "/b")], self.store.futures())
        back = self.move("/a")
        self.pass_time()
        self.successResultOf(back)
        self.assertEqual(("/a", []), (self.place(), self.store.futures()))
        self.append(b"5")

    def test_asked_twice(self) -> None:
        """The same move goes on."""
        self.successResultOf(self.move())
        self.successResultOf(self.move())
        self.pass_time()
        self.assertEqual("/b", self.place())

    def test_refusals(self) -> None:
        """What is none; what is not here, which is then made there."""
        self.assertEqual(ErrorCode.LOG_DIR_NOT_FOUND, self.code(self.move("/c")))
        self.assertEqual(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, self.code(self.move("/b", "u")))
        self.assertEqual(ErrorCode.LOG_DIR_NOT_FOUND, self.code(self.move("/c", "u")))
        self.assertEqual(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, self.code(self.move("/b", number=1)))
        for directory in ("/a", "/b"):
            other = TopicId(directory[1:].encode() * 16)
            name = f"at-{directory[1:]}"
            topic = TopicImage(name, other, (PartitionState(2, 0, (2,), (2,)),))
            self.feed.become(image_of(topic_of(), topic), ImageDelta(changed={name}))
            self.assertEqual(ErrorCode.REPLICA_NOT_AVAILABLE, self.code(self.move(directory, name)))
            topic = TopicImage(name, other, (PartitionState(1, 1, (1,), (1,)),))
            self.feed.become(image_of(topic_of(), topic), ImageDelta(changed={name}))
            self.assertEqual(directory, self.store.directory_of(TopicPartition(name, 0), other))

    def test_a_store_that_cannot(self) -> None:
        """It is said clearly."""
        moves = ReplicaMoves(FakeStore(), self.feed, self.clock)
        HostedPartitions(1, self.feed, FakeStore(), lambda topic: self.settings, self.raised, make_inspector(), None, moves)
        self.assertEqual(ErrorCode.INVALID_REQUEST, self.code(moves.move("t", 0, "/data")))
        moves.stop()

    def test_deletion(self) -> None:
        """The topic goes while it is on its way: so does what was copied."""
        self.successResultOf(self.move())
        self.feed.become(image_of(revision=9), ImageDelta(deleted=(topic_of(),)))
        self.pass_time(3.0)
        self.assertEqual(([], []), (list(self.store.known()), self.store.futures()))
        self.assertFalse([name for d in ("/a", "/b") for name in self.disk.list(d) if name.startswith("t-0")])

    def test_moved_away(self) -> None:
        """The partition is placed on other brokers meanwhile: the same."""
        self.successResultOf(self.move())
        self.become(state(2, 1, (2,), (2,)))
        self.pass_time(3.0)
        self.assertEqual(([], []), (list(self.store.known()), self.store.futures()))

    def test_stopped_and_gone_on_with(self) -> None:
        """After a stop, or a crash, the next start goes on."""
        for crash in (False, True):
            target = {"/a": "/b", "/b": "/a"}[self.place() or ""]
            self.append(b"more")
            self.successResultOf(self.move(target))
            self.restart(crash)
            self.assertNotEqual(target, self.place())
            self.pass_time()
            self.assertEqual(target, self.place())
        self.assertEqual(7, self.host.get("t", 0).high_watermark)

    def test_damaged_copy(self) -> None:
        """What was found and cannot be opened is copied anew, and says nothing of its disk."""
        self.successResultOf(self.move())
        (future,) = [name for name in self.disk.list("/b") if name.endswith("-future")]
        self.disk.unlink(f"/b/{future}/{0:020d}.log")
        self.disk.write_whole("/b/recovery-point-offset-checkpoint", b"0\n1\nt 0 3\n")
        self.disk.sync_file_system("/b")
        self.restart(crash=True)
        self.assertEqual(["ok", "ok"], [status.state.value for status in self.store.status()])
        self.pass_time()
        self.assertEqual(("/b", [b"%d" % n for n in range(5)]), (self.place(), self.values()))

    def test_copy_of_what_was_cut_since(self) -> None:
        """What was copied and then cut, while the disk of the copy was away, is not in the log after the move."""
        self.successResultOf(self.move())
        self.host.stop()
        self.disk.sync_file_system("/b")
        alone = make_store(self.disk.crashed(Random(1)), self.clock, "/a")
        self.disk = alone._file_system
        self.successResultOf(alone.start())
        log = self.successResultOf(alone.open(TP, TOPIC_ID, SMALL, True))
        self.successResultOf(log.truncate(2))
        for offset in (2, 3, 4, 5):
            self.successResultOf(log.replicate(batch_of(b"new%d" % offset, base_offset=offset, leader_epoch=1)))
        closing = alone.close()
        self.clock.advance(0)
        self.successResultOf(closing)
        self.topic = topic_of(epoch=1)
        self.begin()
        self.pass_time()
        self.assertEqual(("/b", [b"0", b"1", b"new2", b"new3", b"new4", b"new5"]), (self.place(), self.values()))

    def test_left_over_of_another_topic(self) -> None:
        """What was copied of a topic that is gone goes at the next start."""
        self.successResultOf(self.move())
        self.host.stop()
        self.topic = topic_of("other", 1, TopicId(b"o" * 16))
        self.restart()
        self.assertEqual([], self.store.futures())


class DiskTests(MoveCase):
    """Disks that fail."""

    def test_target_fails(self) -> None:
        """The move is given up, and said; the partition goes on."""
        self.successResultOf(self.move())
        self.disk.faults.die("/b")
        with capturedLogs() as logged:
            self.pass_time()
        self.assertTrue(any("is not moved to /b" in (formatEvent(event) or "") for event in logged))
        self.assertEqual(("/a", 5), (self.place(), self.append(b"5").base_offset))
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.move()))

    def test_target_is_full(self) -> None:
        """The same, and the room it took is given back."""
        self.successResultOf(self.move())
        self.disk.faults.limit("/b", self.disk._find("/b").size_bytes() + 100)  # type: ignore[union-attr]
        self.successResultOf(self.host.get("t", 0).append(batch_of(b"." * 300), 1))
        self.pass_time()
        self.disk.faults.heal()
        self.assertEqual(("/a", []), (self.place(), self.store.futures()))
        self.append(b"6")
        self.successResultOf(self.move())
        self.pass_time()
        self.assertEqual("/b", self.place())

    def test_source_fails(self) -> None:
        """What was copied is never given out as the log; with the disk back the move goes on."""
        self.successResultOf(self.move())
        self.disk.faults.die("/a")
        self.failureResultOf(self.host.get("t", 0).append(batch_of(b"x"), -1), KafkaError)
        self.pass_time()
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.assertRaises(KafkaError, self.host.get, "t", 0).code)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(self.move("/a")))
        self.disk.faults.heal()
        self.restart(crash=True)
        self.pass_time()
        self.assertEqual(("/b", [b"%d" % n for n in range(5)]), (self.place(), self.values()))

    def test_source_fails_in_the_swap(self) -> None:
        """Nobody knows whether it was decided: the partition takes no requests until the next start, which does."""
        self.disk.faults.fail("sync", "/a/t-0", errno.EIO, times=1)
        self.successResultOf(self.move())
        self.pass_time()
        error = self.assertRaises(KafkaError, self.host.get, "t", 0)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, error.code)
        self.disk.faults.heal()
        self.restart(crash=True)
        self.pass_time()
        self.assertEqual([b"%d" % n for n in range(5)], self.values())

    def test_no_room_for_the_mark(self) -> None:
        """The log goes on where it was, led as before."""
        self.disk.faults.fail("write", "/a/t-0/moved*", errno.ENOSPC, times=1)
        self.successResultOf(self.move())
        self.pass_time()
        self.assertEqual(("/a", []), (self.place(), self.store.futures()))
        self.append(b"5")
        self.assertEqual(6, len(self.values()))


class ReplicaTests(MoveCase):
    """A partition of two replicas."""

    topic = state(1, isr=(1,))

    def test_a_disk_that_failed_while_nobody_led(self) -> None:
        """Whoever leads or follows over that log next hears of it, and lets others take the broker's place."""
        for leader in (1, 2):
            self.setUp()
            self.become(state(-1, 1))
            self.disk.faults.die("/a")
            self.store._homes[0].watch.fail("it is gone")
            # One that was followed by another before it heard hears nothing any more.
            self.become(state(3 - leader, 2))
            self.become(state(leader, 3))
            self.assertEqual(0, self.changes.left)
            self.clock.advance(0)
            self.assertEqual(1, self.changes.left)
            self.assertIs(ErrorCode.KAFKA_STORAGE_ERROR, self.assertRaises(KafkaError, self.host.get, "t", 0).code)
            self.assertTrue(all(follower.stopped for follower in self.fetchers.followed))

    def test_while_who_is_in_sync_is_changed(self) -> None:
        """Nobody leads anew while an outcome is open, for he would not count whom the change lets in."""
        partition = self.host.get("t", 0)
        self.assertEqual([b"%d" % n for n in range(5)], self.values())
        fetch = FollowerFetch(2, 7, 5, 0, 0, 1000)
        self.successResultOf(partition.read_as_follower(fetch))
        self.assertEqual(1, len(self.changes.waiting))
        self.successResultOf(self.move())
        self.pass_time()
        self.assertEqual("/a", self.place())
        self.assertIs(partition, self.host.get("t", 0))
        self.changes.waiting[0].callback(None)
        self.pass_time()
        self.assertEqual("/b", self.place())

    def test_followed(self) -> None:
        """A follower stops until the log is another one, and keeps what it knows to be committed."""
        self.become(state(2, 1))
        (before,) = self.fetchers.followed
        before.high_watermark = 4
        self.successResultOf(self.move())
        self.pass_time()
        (after,) = self.fetchers.followed
        self.assertEqual(("/b", True, 4, 5), (self.place(), before.stopped, after.high_watermark, after.log.end_offset))
        self.assertIsNot(before.log, after.log)

    def test_busy_follower(self) -> None:
        """What an earlier answer has begun is finished before."""
        self.become(state(2, 1))
        (follower,) = self.fetchers.followed
        follower._changing = 1
        self.successResultOf(self.move())
        self.pass_time()
        self.assertEqual(("/a", []), (self.place(), self.fetchers.followed))
        follower._changing = 0
        for call in follower._idle:
            call()
        self.pass_time()
        self.assertEqual(("/b", 1), (self.place(), len(self.fetchers.followed)))

    def test_leader_changes_in_between(self) -> None:
        """Who is led or followed afterwards is what the image says then."""
        self.become(state(2, 1))
        (follower,) = self.fetchers.followed
        follower._changing = 1
        self.successResultOf(self.move())
        self.pass_time()
        self.become(state(1, 2))
        self.assertEqual(ErrorCode.NOT_LEADER_OR_FOLLOWER, self.assertRaises(KafkaError, self.host.get, "t", 0).code)
        follower._changing = 0
        for call in follower._idle:
            call()
        self.pass_time()
        self.assertEqual(("/b", 2, []), (self.place(), self.host.get("t", 0).leader_epoch, self.fetchers.followed))

    def test_truncated_meanwhile(self) -> None:
        """A follower whose log is cut while it is copied, and begins anew."""
        self.become(state(2, 1))
        (follower,) = self.fetchers.followed
        self.successResultOf(self.move())
        self.successResultOf(follower.log.truncate(2))
        self.successResultOf(follower.log.replicate(batch_of(b"new", base_offset=2, leader_epoch=1)))
        self.pass_time()
        (after,) = self.fetchers.followed
        self.assertEqual(("/b", 3, 1), (self.place(), after.log.end_offset, after.log.latest_epoch))
