"""Several things go wrong together: nothing acknowledged is lost, and whatever can go on does."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.interfaces import NewTopic, Reassignment
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import NO_LEADER
from chronik.metadata.keys import ControllerValue
from chronik.testing.records import batch_of
from tests.cluster.brokers import LocalCluster
from tests.cluster.stores import OwnViews


class HardCase(SynchronousTestCase):
    """A cluster, and a topic of one partition on some of its brokers."""

    cluster: LocalCluster

    def make(self, cluster: LocalCluster, *replicas: int, **configs: str) -> Any:
        """Create the topic; underscores in keys stand for dots."""
        self.cluster = cluster
        given = {key.replace("_", "."): value for key, value in configs.items()}
        wanted = NewTopic("t", assignments=((0, replicas),), configs=given)
        (outcome,) = self.successResultOf(cluster.controller().controller.create_topics([wanted]))
        self.assertNotIsInstance(outcome, KafkaError)
        cluster.advance(1.0)
        return cluster

    def append(self, *values: bytes) -> None:
        """A batch each, acknowledged by all."""
        for value in values:
            appended = self.cluster.append(value)
            self.cluster.advance(1.0)
            self.successResultOf(appended)

    def reassign(self, *replicas: int) -> ErrorCode:
        """Let others keep the partition."""
        (outcome,) = self.successResultOf(self.cluster.controller().controller.reassign([Reassignment("t", 0, replicas)]))
        return ErrorCode.NONE if outcome is None else outcome.code


class LostAnswersTest(HardCase):
    """Changes of who is in sync whose outcome is not known."""

    def test_refusal_that_comes_before_the_image(self) -> None:
        """A leader hears that it leads no more before its image shows what became of its last change: until then whoever it asked for counts."""
        cluster = OwnViews(self, 4)
        self.make(cluster, 2, 3, 4, min_insync_replicas="2")
        self.append(b"a")
        cluster.cut = {frozenset((2, 3))}
        self.cluster.append(b"b")
        cluster.advance(16.0)
        self.assertEqual((2, 4), cluster.state().isr)
        cluster.views[4].late = cluster.views[2].late = True
        cluster.views[2].lost_answers, cluster.views[2].gates = 1, []
        cluster.cut = set()
        cluster.advance(1.0)
        self.assertEqual({2, 3, 4}, set(cluster.state().isr))
        cluster.cut = {frozenset((1, 2))}
        cluster.advance(4.0)
        self.assertEqual(3, cluster.state().leader)
        late: Deferred[Any] = cluster.brokers[2].partitions.get("t", 0).append(batch_of(b"late"), -1)
        cluster.advance(1.0)
        cluster.views[2].open_gates()
        cluster.advance(0.2)
        outcomes: list[Any] = []
        late.addBoth(outcomes.append)
        cluster.views[2].catch_up()
        cluster.views[4].catch_up()
        cluster.cut = set()
        cluster.advance(5.0)
        self.assertIsInstance(outcomes[0], Failure)
        self.assertNotIn(b"late", cluster.values())

    def test_controller_without_its_store(self) -> None:
        """A controller that can write nothing makes room, and a dead leader is replaced though the controller answers every heartbeat."""
        cluster = OwnViews(self, 4)
        self.make(cluster, 2, 3, 4, min_insync_replicas="2")
        self.append(b"a")
        cluster.views[1].read_only = cluster.views[1].late = True
        cluster.kill(2)
        cluster.advance(20.0)
        image = cluster.brokers[3].feed.image
        self.assertIn(image.topics["t"].partitions[0].leader, (3, 4))
        self.assertNotEqual(1, image.controller_id)

    def test_takeover_that_fails_half_way(self) -> None:
        """Whoever becomes the controller finishes what that takes, though the store refuses some of it at first."""
        cluster = OwnViews(self, 3)
        self.make(cluster, 1, 2, 3, min_insync_replicas="2")
        self.append(b"a")
        for broker_id in (2, 3):
            cluster.views[broker_id].lost_answers = 2
        cluster.kill(1)
        cluster.advance(12.0)
        self.append(b"b")
        self.assertEqual([b"a", b"b"], cluster.values())


class TakeoverTest(HardCase):
    """Another broker becomes the controller."""

    def test_dead_controller_is_not_the_last_one_in_sync(self) -> None:
        """Whoever takes its place knows that it is dead: a replica that has everything, and is only waiting to count as alive, leads instead."""
        cluster = self.make(LocalCluster(self, 3), 1, 2)
        self.append(b"a", b"b")
        self.assertEqual(1, cluster.any().feed.image.controller_id)
        disk = cluster.kill(2)
        cluster.kill(1)
        cluster.start(2, disk)
        self.assertEqual((1, 2), cluster.state().isr)
        cluster.advance(14.0)
        self.assertEqual((3, (2,)), (cluster.any().feed.image.controller_id, cluster.state().isr))
        self.append(b"c")
        self.assertEqual([b"a", b"b", b"c"], cluster.values())


    def test_controller_that_took_its_own_place_again(self) -> None:
        """Whoever found it silent before does not put it out now."""
        cluster = self.make(LocalCluster(self, 3), 1, 2)
        image = cluster.any().feed.image
        silent = ControllerValue(image.controller_id, image.controller_epoch)
        cluster.start(1, cluster.kill(1))
        cluster.advance(1.0)
        after = cluster.brokers[2].feed.image
        self.assertEqual((1, True), (after.controller_id, after.controller_epoch > silent.epoch))
        self.successResultOf(cluster.brokers[2].controller._seat.take_over(silent))
        after = cluster.brokers[2].feed.image
        self.assertEqual((1, False), (after.controller_id, after.brokers[1].fenced))
        self.successResultOf(cluster.brokers[2].controller._seat.take_over(ControllerValue(1, after.controller_epoch)))
        after = cluster.brokers[2].feed.image
        self.assertEqual((2, True), (after.controller_id, after.brokers[1].fenced))


class LostDataTest(HardCase):
    """Brokers that come back without what they had."""

    def test_leader_with_an_empty_disk(self) -> None:
        """It was the controller too, and is back before anybody missed it: it follows."""
        cluster = self.make(LocalCluster(self, 3), 1, 2, 3, min_insync_replicas="2")
        self.append(b"a", b"b")
        self.assertEqual((1, 1), (cluster.state().leader, cluster.any().feed.image.controller_id))
        cluster.kill(1)
        cluster.start(1)
        cluster.advance(8.0)
        self.append(b"c")
        self.assertEqual([b"a", b"b", b"c"], cluster.values())

    def test_last_one_in_sync_with_an_empty_disk(self) -> None:
        """Nobody leads until one comes back who is eligible."""
        cluster = self.make(LocalCluster(self, 3), 1, 2, 3, min_insync_replicas="2")
        self.append(b"a", b"b")
        disks = {other: cluster.kill(other) for other in (2, 3)}
        cluster.advance(5.0)
        cluster.kill(1)
        cluster.start(1)
        cluster.advance(5.0)
        self.assertEqual(NO_LEADER, cluster.state().leader)
        for other, disk in disks.items():
            cluster.start(other, disk)
        cluster.advance(12.0)
        self.append(b"c")
        self.assertEqual([b"a", b"b", b"c"], cluster.values())

    def test_lost_page_caches(self) -> None:
        """Where the page cache counts as safe, a replica that lost it is neither in sync nor eligible any more."""
        for seed in range(6):
            cluster = self.make(LocalCluster(self, 4), 2, 3, 4, min_insync_replicas="2", write_caching="true")
            self.append(b"a", b"b")
            cluster.kill(4)
            cluster.advance(4.0)
            third = cluster.kill(3, Random(seed))
            cluster.advance(4.0)
            second = cluster.kill(2)
            cluster.advance(3.0)
            cluster.start(3, third)
            cluster.advance(5.0)
            cluster.start(2, second)
            cluster.advance(5.0)
            self.append(b"c")
            self.assertEqual([b"a", b"b", b"c"], cluster.values(), f"seed {seed}")

    def test_forgotten_broker(self) -> None:
        """One that was unregistered and comes back follows like any other, though leaders knew an earlier life of it."""
        cluster = self.make(LocalCluster(self, 3), 1, 2, 3)
        self.append(b"a")
        disk = cluster.kill(3)
        cluster.advance(4.0)
        self.successResultOf(cluster.controller().controller.unregister_broker(3))
        cluster.start(3, disk)
        cluster.advance(20.0)
        self.assertIn(3, cluster.state().isr)

    def test_follower_that_begins_above_the_leaders_end(self) -> None:
        """After an unclean election both logs may have nothing in common: the follower begins anew."""
        cluster = self.make(LocalCluster(self, 4), 2, 3, unclean_leader_election_enable="true")
        self.append(b"a", b"b")
        third = cluster.kill(3)
        cluster.advance(4.0)
        self.append(b"c", b"d", b"e")
        deleted = cluster.led().delete_records(5)
        cluster.advance(1.0)
        self.successResultOf(deleted)
        second = cluster.kill(2)
        cluster.advance(1.0)
        cluster.start(3, third)
        cluster.advance(6.0)
        self.assertEqual(3, cluster.state().leader)
        self.append(b"f")
        cluster.start(2, second)
        cluster.advance(20.0)
        self.assertIn(2, cluster.state().isr)


class DeadDiskTest(HardCase):
    """Disks that die while nobody can take over at once."""

    def test_others_are_dead(self) -> None:
        """They lead when they come back."""
        cluster = self.make(LocalCluster(self, 4), 2, 3, min_insync_replicas="2")
        self.append(b"a")
        disk = cluster.kill(3)
        cluster.advance(4.0)
        cluster.brokers[2].disk.faults.die("/data")
        cluster.append(b"b", acks=1).addErrback(lambda _: None)
        cluster.advance(1.0)
        cluster.start(3, disk)
        cluster.advance(10.0)
        self.assertEqual((3, (3,)), (cluster.state().leader, cluster.state().isr))

    def test_store_takes_no_writes(self) -> None:
        """It is tried again when it does."""
        cluster = self.make(LocalCluster(self, 3), 2, 3, 1, min_insync_replicas="2")
        self.append(b"a")
        cluster.metadata.read_only = True
        cluster.brokers[2].disk.faults.die("/data")
        cluster.append(b"b").addErrback(lambda _: None)
        cluster.advance(1.0)
        cluster.metadata.read_only = False
        cluster.advance(10.0)
        self.assertNotEqual(2, cluster.state().leader)

    def test_new_topic(self) -> None:
        """A log that cannot be made is no reason for a topic without a leader."""
        cluster = LocalCluster(self, 3)
        cluster.brokers[2].disk.faults.die("/data")
        self.make(cluster, 2, 3, 1, min_insync_replicas="2")
        cluster.advance(10.0)
        self.assertNotIn(2, (cluster.state().leader, *cluster.state().isr))


class FullDiskTest(HardCase):
    """Disks without room."""

    def test_follower_without_a_log(self) -> None:
        """A replica whose log could not be made for want of space has it made once there is some, though no client asks it."""
        cluster = LocalCluster(self, 3)
        cluster.brokers[3].disk.faults.fill("/data")
        self.make(cluster, 2, 3, 1, min_insync_replicas="2")
        cluster.advance(30.0)
        self.append(b"a")
        self.assertNotIn(3, cluster.state().isr)
        cluster.brokers[3].disk.faults.heal()
        cluster.advance(30.0)
        self.assertIn(3, cluster.state().isr)


class ReassignmentTest(HardCase):
    """Partitions that move while brokers die."""

    def test_last_one_in_sync_is_kept(self) -> None:
        """A reassignment that takes the place of another keeps whoever alone has everything until others have it too."""
        cluster = self.make(LocalCluster(self, 5), 2, 3)
        self.append(b"a")
        cluster.kill(5)
        cluster.advance(4.0)
        self.assertEqual(ErrorCode.NONE, self.reassign(4, 5))
        cluster.advance(4.0)
        disks = {other: cluster.kill(other) for other in (2, 3)}
        cluster.advance(5.0)
        self.append(b"b")
        self.assertEqual((4,), cluster.state().isr)
        disk = cluster.kill(4)
        cluster.advance(5.0)
        for other, each in disks.items():
            cluster.start(other, each)
        cluster.advance(5.0)
        self.assertEqual(ErrorCode.NONE, self.reassign(2, 3))
        self.assertIn(4, cluster.state().replicas)
        cluster.start(4, disk)
        cluster.advance(10.0)
        self.assertEqual(((2, 3), (2, 3)), (cluster.state().replicas, cluster.state().isr))
        self.assertEqual([b"a", b"b"], cluster.values())

    def test_log_that_begins_inside_a_batch(self) -> None:
        """A new replica takes the whole batch, and begins where the others do."""
        cluster = self.make(LocalCluster(self, 3), 1, 2)
        appended = cluster.append(b"0", b"1", b"2", b"3")
        cluster.advance(1.0)
        self.successResultOf(appended)
        deleted = cluster.led().delete_records(2)
        cluster.advance(1.0)
        self.assertEqual(2, self.successResultOf(deleted))
        self.assertEqual(ErrorCode.NONE, self.reassign(1, 2, 3))
        cluster.advance(10.0)
        self.assertIn(3, cluster.state().isr)
        for other in (1, 2):
            cluster.kill(other)
            cluster.advance(6.0)
        self.assertEqual((3, 2), (cluster.state().leader, cluster.led().start_offset))
