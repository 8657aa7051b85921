"""Partitions shared by several brokers: what is acknowledged survives each of them."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.interfaces import NewTopic, Reassignment
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import NO_LEADER, TopicImage
from chronik.metadata.memory import Fault
from tests.cluster.brokers import LocalCluster


class ReplicationCase(SynchronousTestCase):
    """Three brokers, and a topic of one partition that each of them keeps."""

    def setUp(self) -> None:
        """Start them."""
        self.cluster = LocalCluster(self, 3)
        self.cluster.create("t", **{"min.insync.replicas": "2"})

    def append(self, *values: bytes) -> None:
        """Append, and have it acknowledged by all."""
        appended = self.cluster.append(*values)
        self.cluster.advance(1.0)
        self.successResultOf(appended)

    def code(self, deferred: Deferred[Any]) -> ErrorCode:
        """Why something was refused."""
        error = self.failureResultOf(deferred, KafkaError).value
        assert isinstance(error, KafkaError)
        return error.code

    def others(self) -> list[int]:
        """Those who run and do not lead the partition."""
        return [broker_id for broker_id in self.cluster.brokers if broker_id != self.cluster.state().leader]


class FollowingTest(ReplicationCase):
    """While everyone is alive."""

    def test_everyone_counts(self) -> None:
        """All are alive and in sync, one of them is the controller."""
        image = self.cluster.any().feed.image
        self.assertEqual({1: False, 2: False, 3: False}, {broker_id: broker.fenced for broker_id, broker in image.brokers.items()})
        self.assertEqual([1, 2, 3], sorted(self.cluster.state().isr))
        self.assertEqual(1, sum(broker.controller.active for broker in self.cluster.brokers.values()))

    def test_records_reach_every_log(self) -> None:
        """An append is acknowledged once every replica has it, byte for byte."""
        self.append(b"a", b"b")
        self.append(b"c")
        self.assertEqual([b"a", b"b", b"c"], self.cluster.values())
        logs = [broker.disk.read_whole("/data/t-0/00000000000000000000.log") for broker in self.cluster.brokers.values()]
        self.assertEqual([logs[0]] * 3, logs)

    def test_nobody_reads_what_one_replica_lacks(self) -> None:
        """What a follower has not fetched is not committed, though it is appended; and not acknowledged."""
        leader = self.cluster.state().leader
        self.cluster.cut = {frozenset((leader, other)) for other in self.others()[:1]}
        appended = self.cluster.append(b"a")
        self.cluster.advance(1.0)
        self.assertNoResult(appended)
        self.assertEqual((1, 0), (self.cluster.led().end_offset, self.cluster.led().high_watermark))
        self.cluster.cut = set()
        self.cluster.advance(3.0)
        self.successResultOf(appended)
        self.assertEqual([b"a"], self.cluster.values())

    def test_who_is_behind_for_too_long_is_not_in_sync(self) -> None:
        """The others go on without it, and it comes back once it has caught up."""
        leader, (late, _) = self.cluster.state().leader, self.others()
        self.cluster.cut = {frozenset((leader, late))}
        appended = self.cluster.append(b"a")
        self.cluster.advance(16.0)
        self.successResultOf(appended)
        self.assertNotIn(late, self.cluster.state().isr)
        self.cluster.cut = set()
        self.cluster.advance(3.0)
        self.assertIn(late, self.cluster.state().isr)
        self.assertEqual([], list(self.cluster.state().elr))


class MetadataTest(ReplicationCase):
    """When the metadata store does not do what it is asked."""

    def test_changes_of_unknown_outcome(self) -> None:
        """Whatever becomes of the commits that take a replica out and in again, the partition goes on, and ends with everyone in sync."""
        for faults in product((None, *Fault), repeat=2):
            self.cluster.metadata.faults.extend(faults)
            leader, (late, _) = self.cluster.state().leader, self.others()
            self.cluster.cut = {frozenset((leader, late))}
            appended = self.cluster.append(b"a")
            self.cluster.advance(18.0)
            self.successResultOf(appended)
            self.assertNotIn(late, self.cluster.state().isr)
            self.cluster.metadata.faults.extend(faults)
            self.cluster.cut = set()
            self.cluster.advance(8.0)
            self.assertIn(late, self.cluster.state().isr)

    def test_store_that_takes_no_writes(self) -> None:
        """Nobody can be taken out of sync, so nothing is acknowledged that one of them lacks; all of it is once the store is back."""
        leader, (late, _) = self.cluster.state().leader, self.others()
        self.cluster.metadata.read_only = True
        self.cluster.cut = {frozenset((leader, late))}
        appended = self.cluster.append(b"a")
        self.cluster.advance(20.0)
        self.assertNoResult(appended)
        self.assertEqual([], self.cluster.values())
        self.cluster.metadata.read_only = False
        self.cluster.advance(5.0)
        self.successResultOf(appended)


class FailoverTest(ReplicationCase):
    """When brokers die."""

    def test_leader_dies(self) -> None:
        """Another one leads under a higher epoch, has everything that was acknowledged, and takes appends."""
        self.append(b"a")
        before = self.cluster.state()
        self.cluster.kill(before.leader)
        self.cluster.advance(4.0)
        after = self.cluster.state()
        self.assertNotEqual(before.leader, after.leader)
        self.assertGreater(after.leader_epoch, before.leader_epoch)
        self.assertNotIn(before.leader, after.isr)
        self.append(b"b")
        self.assertEqual([b"a", b"b"], self.cluster.values())

    def test_leader_comes_back(self) -> None:
        """It follows, loses what was never committed, and is in sync again."""
        self.append(b"a")
        leader = self.cluster.state().leader
        self.cluster.cut = {frozenset((leader, other)) for other in self.others()}
        lost = self.cluster.append(b"never acknowledged")
        disk = self.cluster.kill(leader)
        self.cluster.advance(4.0)
        self.append(b"b")
        self.cluster.cut = set()
        self.cluster.start(leader, disk)
        self.cluster.advance(4.0)
        self.failureResultOf(lost, KafkaError)
        self.assertIn(leader, self.cluster.state().isr)
        self.append(b"c")
        self.assertEqual([b"a", b"b", b"c"], self.cluster.values())
        for other in self.others():
            self.cluster.kill(other)
        self.cluster.advance(8.0)

    def test_power_cut_of_everyone(self) -> None:
        """What was acknowledged is there when they come back, whoever leads then."""
        for number in range(5):
            self.append(b"%d" % number)
        disks = {broker_id: self.cluster.kill(broker_id, Random(broker_id)) for broker_id in tuple(self.cluster.brokers)}
        self.cluster.advance(5.0)
        for broker_id, disk in disks.items():
            self.cluster.start(broker_id, disk)
        self.cluster.advance(5.0)
        self.append(b"more")
        self.assertEqual([b"0", b"1", b"2", b"3", b"4", b"more"], self.cluster.values())

    def test_too_few_are_in_sync(self) -> None:
        """With one replica of the two that must be in sync nothing is acknowledged and nothing becomes visible; who has everything stays eligible."""
        self.append(b"a")
        for other in self.others():
            self.cluster.kill(other)
        self.cluster.advance(4.0)
        state = self.cluster.state()
        self.assertEqual(((state.leader,), 1), (state.isr, len(state.elr)))
        self.assertEqual(ErrorCode.NOT_ENOUGH_REPLICAS, self.code(self.cluster.append(b"b")))
        self.successResultOf(self.cluster.append(b"c", acks=1))
        self.cluster.advance(1.0)
        self.assertEqual([b"a"], self.cluster.values())

    def test_eligible_leader(self) -> None:
        """When the last one in sync dies, one that is eligible leads, and nothing acknowledged is lost."""
        self.append(b"a")
        disks = {other: self.cluster.kill(other) for other in self.others()}
        self.cluster.advance(4.0)
        self.cluster.kill(self.cluster.state().leader)
        for other, disk in disks.items():
            self.cluster.start(other, disk)
        self.cluster.advance(8.0)
        self.append(b"b")
        self.assertEqual([b"a", b"b"], self.cluster.values())

    def test_nobody_is_left_who_has_everything(self) -> None:
        """A replica that lacks what is committed does not lead, unless the topic says so; when the other one comes back all is there."""
        leader, (late, other) = self.cluster.state().leader, self.others()
        disk = self.cluster.kill(late)
        self.cluster.advance(4.0)
        self.append(b"a")
        disks = {broker_id: self.cluster.kill(broker_id) for broker_id in (leader, other)}
        self.cluster.start(late, disk)
        self.cluster.advance(10.0)
        self.assertEqual(NO_LEADER, self.cluster.state().leader)
        for broker_id, each in disks.items():
            self.cluster.start(broker_id, each)
        self.cluster.advance(6.0)
        self.append(b"b")
        self.assertEqual([b"a", b"b"], self.cluster.values())

    def test_stopping_broker_hands_over(self) -> None:
        """A leader that retires is replaced before it is gone, so that nobody waits for its silence to be noticed."""
        self.append(b"a")
        before = self.cluster.state().leader
        retired = self.cluster.brokers[before].controller.retire()
        self.cluster.advance(1.0)
        self.successResultOf(retired)
        self.assertNotEqual(before, self.cluster.state().leader)
        self.cluster.kill(before)
        self.append(b"b")
        self.assertEqual([b"a", b"b"], self.cluster.values())


class ReassignmentTest(SynchronousTestCase):
    """Partitions that move to other brokers."""

    def setUp(self) -> None:
        """Four brokers; a partition on the first two."""
        self.cluster = LocalCluster(self, 4)
        wanted = NewTopic("t", assignments=((0, (1, 2)),))
        self.successResultOf(self.cluster.controller().controller.create_topics([wanted]))
        self.cluster.advance(1.0)

    def reassign(self, *replicas: int) -> None:
        """Let others keep the partition."""
        (outcome,) = self.successResultOf(self.cluster.controller().controller.reassign([Reassignment("t", 0, replicas)]))
        self.assertIsNone(outcome)

    def test_move(self) -> None:
        """The new ones get everything, one of them leads, and the old ones keep nothing."""
        appended = [self.cluster.append(b"%d" % number) for number in range(3)]
        self.cluster.advance(1.0)
        for each in appended:
            self.successResultOf(each)
        self.reassign(3, 4)
        self.cluster.advance(5.0)
        state = self.cluster.state()
        self.assertEqual(((3, 4), (3, 4), (), ()), (state.replicas, state.isr, state.adding, state.removing))
        self.assertEqual([b"0", b"1", b"2"], self.cluster.values())
        self.assertEqual([], [name for i in (1, 2) for name in self.cluster.brokers[i].disk.list("/data") if name == "t-0"])

    def test_move_of_a_log_that_begins_late(self) -> None:
        """A new replica of a partition whose oldest records were deleted begins where the others do."""
        appended = [self.cluster.append(b"%d" % number) for number in range(3)]
        self.cluster.advance(1.0)
        deleted = self.cluster.led().delete_records(2)
        self.assertNoResult(deleted)
        self.cluster.advance(1.0)
        self.assertEqual(2, self.successResultOf(deleted))
        self.reassign(1, 3)
        self.cluster.advance(5.0)
        for broker_id in (1, 2):
            self.assertEqual(3, len(appended))
            self.cluster.kill(broker_id)
        self.cluster.advance(6.0)
        self.assertEqual((3, 2, 3), (self.cluster.state().leader, self.cluster.led().start_offset, self.cluster.led().high_watermark))


class DiskTest(ReplicationCase):
    """When a disk fails, and its broker goes on."""

    def test_leaders_disk(self) -> None:
        """Another one leads at once, and nothing that was acknowledged is lost."""
        self.append(b"a")
        before = self.cluster.state().leader
        self.cluster.brokers[before].disk.faults.die("/data")
        appended = self.cluster.append(b"b")
        self.cluster.advance(1.0)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code(appended))
        after = self.cluster.state()
        self.assertNotIn(before, (after.leader, *after.isr))
        self.append(b"c")
        self.assertEqual(b"c", self.cluster.values()[-1])

    def test_followers_disk(self) -> None:
        """The others go on without it, without waiting for it to be behind for too long."""
        broken = self.others()[0]
        self.cluster.brokers[broken].disk.faults.die("/data")
        appended = self.cluster.append(b"a")
        self.cluster.advance(1.0)
        self.successResultOf(appended)
        self.assertNotIn(broken, self.cluster.state().isr)


class ControllerTest(ReplicationCase):
    """Who is the controller."""

    def test_controller_dies(self) -> None:
        """One of the others takes its place, once."""
        before = self.cluster.any().feed.image.controller_id
        self.cluster.kill(before)
        self.cluster.advance(5.0)
        active = [broker_id for broker_id, broker in self.cluster.brokers.items() if broker.controller.active]
        self.assertEqual([self.cluster.any().feed.image.controller_id], active)
        self.cluster.create("u", replicas=2)
        self.assertEqual(2, len(self.cluster.state("u").isr))

    def test_others_refuse(self) -> None:
        """Who is not the controller says so."""
        other = next(broker for broker in self.cluster.brokers.values() if not broker.controller.active)
        (outcome,) = self.successResultOf(other.controller.delete_topics(["t"]))
        assert outcome is not None
        self.assertEqual(ErrorCode.NOT_CONTROLLER, outcome.code)

    def test_others_have_topics_created(self) -> None:
        """Any broker may need a topic, for a client or for groups: the controller makes it, and refuses what it would refuse anybody."""
        other = next(broker for broker in self.cluster.brokers.values() if not broker.controller.active)
        outcomes = other.controller.create_topics([NewTopic("u", 2, 3, configs={"retention.ms": "5000"}), NewTopic("t"), NewTopic("v", 1, 7)])
        made, exists, too_many = self.successResultOf(outcomes)
        assert isinstance(made, TopicImage) and isinstance(exists, KafkaError) and isinstance(too_many, KafkaError)
        self.assertEqual(other.feed.image.topics["u"], made)
        self.assertEqual((2, {"retention.ms": "5000"}), (len(made.partitions), dict(made.configs)))
        self.assertEqual([ErrorCode.TOPIC_ALREADY_EXISTS, ErrorCode.INVALID_REPLICATION_FACTOR], [exists.code, too_many.code])

    def test_one_connection_is_broken(self) -> None:
        """A broker that does not hear the controller, which others hear, does not take its place; it counts as dead meanwhile."""
        before = self.cluster.any().feed.image.controller_id
        other = next(broker_id for broker_id in self.cluster.brokers if broker_id != before)
        self.cluster.cut = {frozenset((before, other))}
        self.cluster.advance(20.0)
        image = self.cluster.any().feed.image
        self.assertEqual((before, {other}), (image.controller_id, {i for i, broker in image.brokers.items() if broker.fenced}))
        self.cluster.cut = set()
        self.cluster.advance(3.0)
        self.assertFalse(self.cluster.any().feed.image.brokers[other].fenced)

    def test_cut_off_controller(self) -> None:
        """A controller that nobody hears is replaced and writes no more; when it is heard again, it is one of the brokers."""
        before = self.cluster.any().feed.image.controller_id
        self.cluster.cut = {frozenset((before, other)) for other in (1, 2, 3) if other != before}
        self.cluster.advance(5.0)
        now = self.cluster.any().feed.image
        self.assertNotEqual(before, now.controller_id)
        self.assertTrue(now.brokers[before].fenced)
        self.assertFalse(self.cluster.brokers[before].controller.active)
        self.cluster.cut = set()
        self.cluster.advance(5.0)
        self.assertFalse(self.cluster.any().feed.image.brokers[before].fenced)

    def test_same_id_twice(self) -> None:
        """A broker whose id another process uses now hears of it."""
        other = next(broker for broker in self.cluster.brokers.values() if not broker.controller.active)
        self.cluster.start(other.broker_id)
        self.cluster.advance(2.0)
        self.assertTrue(other.displaced)
