"""Following the image: which logs are opened, deleted, and found by requests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import ImageDelta, TopicImage
from chronik.model import TopicId, TopicPartition
from chronik.replica.host import HostedPartitions
from chronik.replica.interfaces import IPartition, IPartitions
from chronik.storage.config import LogConfig
from chronik.storage.interfaces import DiskFull, ILogStore
from tests.replica.fakes import TOPIC_ID, FakeFeed, FakeLog, FakeStore, image_of, make_inspector, topic_of

OTHER_ID = TopicId(b"o" * 16)


@dataclass(frozen=True)
class Settings:
    """What a topic goes by."""

    log_config: LogConfig = field(default_factory=LogConfig)
    min_insync_replicas: int = 1


class Follower:
    """Notes which partitions are led."""

    def __init__(self) -> None:
        self.led: list[str] = []
        self.resigned: list[str] = []

    def partition_led(self, partition: IPartition) -> None:
        """Note it."""
        self.led.append(str(partition.topic_partition))

    def partition_resigned(self, partition: IPartition) -> None:
        """Note it."""
        self.resigned.append(str(partition.topic_partition))


class HostCase(SynchronousTestCase):
    """A host of broker 1 over fakes."""

    def setUp(self) -> None:
        """One topic of two partitions."""
        self.feed = FakeFeed(image_of(topic_of(partitions=2)))
        self.store = FakeStore()
        self.raised: list[tuple[TopicId, int]] = []
        self.settings = Settings()
        self.host = HostedPartitions(1, self.feed, self.store, lambda topic: self.settings, self.raise_epochs, make_inspector())

    def raise_epochs(self, partitions: Sequence[tuple[TopicId, int]], untrusted: Collection[tuple[TopicId, int]]) -> Deferred[None]:
        """What the controller does: the image has the larger epochs before it answers."""
        self.raised.extend(partitions)
        self.feed.image = image_of(topic_of(partitions=2, epoch=7), revision=2)
        return succeed(None)

    def start(self) -> None:
        """Begin."""
        self.successResultOf(self.host.start())

    def code(self, topic: str, partition: int) -> ErrorCode:
        """Why a partition is not to be had."""
        error = self.assertRaises(KafkaError, self.host.get, topic, partition)
        assert isinstance(error, KafkaError)
        return error.code


class StartTest(HostCase):
    """The beginning."""

    def test_interfaces(self) -> None:
        """The host and the fakes are what they say."""
        verifyObject(IPartitions, self.host)
        verifyObject(ILogStore, self.store)

    def test_opens_what_the_image_places_here(self) -> None:
        """Partitions of this broker are served, others are led elsewhere."""
        self.feed.image = image_of(topic_of(partitions=2), topic_of("far", 1, OTHER_ID, leader=2))
        self.start()
        self.assertEqual(self.host.get("t", 1).topic_partition, TopicPartition("t", 1))
        self.assertIs(self.host.get_by_id(TOPIC_ID, 0), self.host.get("t", 0))
        self.assertEqual(len(list(self.host.hosted())), 2)
        self.assertEqual(self.code("far", 0), ErrorCode.NOT_LEADER_OR_FOLLOWER)

    def test_what_is_unknown(self) -> None:
        """Unknown names, numbers and ids have their own codes."""
        self.start()
        self.assertEqual(self.code("nowhere", 0), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.code("t", 2), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        error = self.assertRaises(KafkaError, self.host.get_by_id, OTHER_ID, 0)
        self.assertEqual(error.code, ErrorCode.UNKNOWN_TOPIC_ID)

    def test_logs_that_were_not_closed_get_a_new_epoch_first(self) -> None:
        """After a crash the epoch is raised in the metadata, then in the log, before anybody can read or append."""
        self.store.unclean = {TopicPartition("t", 1)}
        self.start()
        self.assertEqual(self.raised, [(TOPIC_ID, 1)])
        self.assertEqual(self.host.get("t", 1).leader_epoch, 7)
        self.assertEqual(self.store.logs[TopicPartition("t", 1), TOPIC_ID].raised, [7])
        self.assertEqual(self.store.logs[TopicPartition("t", 0), TOPIC_ID].raised, [])

    def test_a_disk_that_refuses_the_new_epoch(self) -> None:
        """The partition takes no requests, and the others are served."""
        failing = TopicPartition("t", 0)
        self.store.unclean = {failing, TopicPartition("t", 1)}
        self.store.logs[failing, TOPIC_ID] = log = FakeLog(failing, TOPIC_ID)
        log.epoch_failure = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "no room")
        self.start()
        self.assertEqual(self.code("t", 0), ErrorCode.KAFKA_STORAGE_ERROR)
        self.assertEqual(self.host.get("t", 1).leader_epoch, 7)

    def test_logs_of_deleted_topics_are_removed(self) -> None:
        """What a broker that died before its clean-up left goes at its next start."""
        self.feed.image = replace(self.feed.image, deleted=frozenset((OTHER_ID,)))
        self.store.found = [(TopicPartition("gone", 0), OTHER_ID), (TopicPartition("t", 0), TOPIC_ID)]
        self.start()
        self.assertEqual((self.store.aside, self.store.deleted), ([], [(TopicPartition("gone", 0), OTHER_ID)]))

    def test_a_failed_disk(self) -> None:
        """Its partition is not served any more, who keeps state in it is told, and the error is the disk's; the other one goes on."""
        follower = Follower()
        self.start()
        self.host.observe(follower)
        log = self.store.logs[TopicPartition("t", 1), TOPIC_ID]
        for observer in tuple(log.observers):
            observer.failed(log, OSError("broken"))
        self.assertEqual(["t-1"], follower.resigned)
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code("t", 1))
        self.assertEqual(["t-0"], [str(partition.topic_partition) for partition in self.host.hosted()])
        self.host.get("t", 0)

    def test_no_room(self) -> None:
        """A log that could not be opened for want of space is tried again when somebody asks, and needs its new epoch first."""
        self.store.refusing[TopicPartition("t", 1)] = DiskFull("no room")
        self.store.unclean = {TopicPartition("t", 1)}
        self.start()
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.code("t", 1))
        self.store.refusing.clear()
        self.assertEqual(7, self.host.get("t", 1).leader_epoch)
        self.assertEqual(([(TOPIC_ID, 1)], [7]), (self.raised, self.store.logs[TopicPartition("t", 1), TOPIC_ID].raised))

    def test_no_room_on_a_follower(self) -> None:
        """It is made once there is room, and where a crash may have taken records from it, nobody counts on it before; who has to be told that is
        told again where it could not be.
        """
        self.settings = replace(self.settings, log_config=LogConfig(write_caching=True))
        topic = topic_of(leader=2)
        self.feed.image = image_of(replace(topic, partitions=(replace(topic.partitions[0], replicas=(1, 2), isr=(1, 2)),)))
        tp, told = TopicPartition("t", 0), []
        outcomes = [fail(KafkaError(ErrorCode.REQUEST_TIMED_OUT)), succeed(None)]

        def raise_epochs(partitions: Any, untrusted: Any) -> Deferred[None]:
            told.append((list(partitions), list(untrusted)))
            return outcomes.pop(0)

        self.host = HostedPartitions(1, self.feed, self.store, lambda topic: self.settings, raise_epochs, make_inspector())
        self.store.refusing[tp], self.store.unclean = DiskFull("no room"), {tp}
        self.start()
        self.host.remove_lagging()
        self.store.refusing.clear()
        self.assertEqual([], told)
        for count in (1, 2):
            self.assertRaises(DiskFull, self.host.log_of, (TOPIC_ID, 0))
            self.host.remove_lagging()
            self.assertEqual([([], [(TOPIC_ID, 0)])] * count, told)
        self.assertIsNotNone(self.host.log_of((TOPIC_ID, 0)))
        self.host.remove_lagging()
        self.assertEqual(2, len(told))

    def test_logs_of_unknown_topics_are_set_aside(self) -> None:
        """Whether a broker died between a deletion and its clean-up, or the metadata lost a topic, cannot be told: no records are removed."""
        self.store.found = [(TopicPartition("gone", 0), OTHER_ID), (TopicPartition("t", 0), TOPIC_ID)]
        self.start()
        self.assertEqual((self.store.aside, self.store.deleted), ([(TopicPartition("gone", 0), OTHER_ID)], []))

    def test_one_log_that_cannot_be_opened(self) -> None:
        """It is refused with its reason, and the others are served."""
        self.store.refusing = {TopicPartition("t", 0): OSError("bad sector")}
        self.start()
        self.assertEqual(self.code("t", 0), ErrorCode.KAFKA_STORAGE_ERROR)
        self.host.get("t", 1)


class FollowTest(HostCase):
    """Changes while it runs."""

    def test_a_new_topic(self) -> None:
        """It is opened, and whoever asks meanwhile is told to try again."""
        self.start()
        self.store.held = []
        new = topic_of("new", 1, OTHER_ID)
        self.feed.become(image_of(topic_of(partitions=2), new), ImageDelta(changed={"new"}))
        ready = self.host.ready(OTHER_ID)
        self.assertEqual(self.code("new", 0), ErrorCode.NOT_LEADER_OR_FOLLOWER)
        self.assertNoResult(ready)
        self.store.held[0].callback(None)
        self.successResultOf(ready)
        self.host.get("new", 0)

    def test_ready_also_when_it_cannot_be_opened(self) -> None:
        """Nobody waits for ever."""
        self.start()
        self.store.refusing = {TopicPartition("new", 0): OSError("full")}
        self.feed.become(image_of(topic_of(partitions=2), topic_of("new", 1, OTHER_ID)), ImageDelta(changed={"new"}))
        self.successResultOf(self.host.ready(OTHER_ID))

    def test_a_deleted_topic(self) -> None:
        """Those who wait are told, followers hear of it, the log goes."""
        self.start()
        follower = Follower()
        self.host.observe(follower)
        waiting = self.host.get("t", 0).append(b"abc", -1)
        self.feed.become(image_of(revision=2), ImageDelta(deleted=(topic_of(partitions=2),)))
        self.assertEqual(self.failureResultOf(waiting, KafkaError).value.code, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(follower.resigned, ["t-0", "t-1"])
        self.assertEqual([str(tp) for tp, _ in self.store.deleted], ["t-0", "t-1"])
        self.assertEqual(list(self.host.hosted()), [])

    def test_the_same_name_again_is_another_topic(self) -> None:
        """Deleted and created again in one step: the old log goes, the new one is opened."""
        self.start()
        again = topic_of("t", 1, OTHER_ID)
        self.feed.become(image_of(again, revision=3), ImageDelta(deleted=(topic_of(partitions=2),), changed={"t"}))
        self.assertEqual(self.host.get("t", 0).topic_id, OTHER_ID)
        self.assertIn((TopicPartition("t", 0), TOPIC_ID), self.store.deleted)

    def test_deleted_though_it_could_not_be_opened(self) -> None:
        """The way out for a topic whose log is damaged: its files go with it."""
        self.store.refusing[TopicPartition("t", 1)] = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "damaged")
        self.start()
        self.feed.become(image_of(revision=3), ImageDelta(deleted=(topic_of(partitions=2),)))
        self.assertIn((TopicPartition("t", 1), TOPIC_ID), self.store.deleted)

    def test_deleted_while_it_was_being_opened(self) -> None:
        """The store is told at once, before a topic of the same name can ask for its log: it does one after the other."""
        self.start()
        self.store.held = []
        new = topic_of("new", 1, OTHER_ID)
        self.feed.become(image_of(topic_of(partitions=2), new), ImageDelta(changed={"new"}))
        ready = self.host.ready(OTHER_ID)
        self.feed.become(image_of(topic_of(partitions=2), revision=3), ImageDelta(deleted=(new,)))
        self.successResultOf(ready)
        self.store.held[0].callback(None)
        self.assertEqual(self.store.deleted, [(TopicPartition("new", 0), OTHER_ID)])

    def test_deleted_while_the_broker_starts(self) -> None:
        """Its log goes, so that a topic of the same name, created meanwhile, finds its place free."""
        self.store.held = []
        started = self.host.start()
        again = topic_of("t", 1, OTHER_ID)
        self.feed.become(image_of(again, revision=3), ImageDelta(deleted=(topic_of(partitions=2),), changed={"t"}))
        held, self.store.held = self.store.held, None
        for each in held:
            each.callback(None)
        self.successResultOf(started)
        self.assertEqual(self.host.get("t", 0).topic_id, OTHER_ID)
        self.assertEqual([(TopicPartition("t", 0), TOPIC_ID), (TopicPartition("t", 1), TOPIC_ID)], self.store.deleted)

    def test_new_epochs_and_settings_reach_open_partitions(self) -> None:
        """A changed topic is followed without being opened again."""
        self.start()
        before = self.host.get("t", 0)
        self.settings = Settings(LogConfig(retention_ms=5), min_insync_replicas=2)
        topic = topic_of(partitions=2, epoch=4)
        topic = replace(topic, partitions=tuple(replace(state, replicas=(1, 2)) for state in topic.partitions))
        self.feed.become(image_of(topic), ImageDelta(changed={"t"}))
        self.assertIs(self.host.get("t", 0), before)
        self.assertEqual((before.leader_epoch, before.log.config.retention_ms), (4, 5))
        self.assertEqual(self.failureResultOf(before.append(b"a", -1), KafkaError).value.code, ErrorCode.NOT_ENOUGH_REPLICAS)

    def test_broker_settings_reach_every_topic(self) -> None:
        """A dynamic default of the broker counts for topics that did not change."""
        self.start()
        self.settings = Settings(LogConfig(retention_ms=9))
        self.feed.become(image_of(topic_of(partitions=2)), ImageDelta(configs={"broker/"}))
        self.assertEqual(self.host.get("t", 1).log.config.retention_ms, 9)

    def test_more_partitions(self) -> None:
        """They are opened, and followers hear of them alone."""
        self.start()
        follower = Follower()
        self.host.observe(follower)
        self.feed.become(image_of(topic_of(partitions=3)), ImageDelta(changed={"t"}))
        self.assertEqual(follower.led, ["t-0", "t-1", "t-2"])

    def test_stop(self) -> None:
        """After it nobody is served and nothing is followed."""
        self.start()
        partition = self.host.get("t", 0)
        self.host.stop()
        self.assertEqual(self.feed.observers, [])
        self.assertEqual(self.failureResultOf(partition.append(b"a", 1), KafkaError).value.code, ErrorCode.NOT_LEADER_OR_FOLLOWER)


class SettingsTest(SynchronousTestCase):
    """The settings of a topic."""

    def test_of_a_topic_image(self) -> None:
        """What a topic sets counts; alike topics share one object, until the broker's configuration changes."""
        from chronik.config import Configuration
        from chronik.replica.settings import EffectiveSettings

        current = [Configuration()]
        settings = EffectiveSettings(lambda: current[0])
        plain = TopicImage("a", TOPIC_ID, ())
        set_one = TopicImage("b", OTHER_ID, (), {"retention.ms": "5", "min.insync.replicas": "2", "search.mode": "text"})
        self.assertEqual(settings(plain).log_config, LogConfig())
        self.assertEqual(settings(set_one).log_config.retention_ms, 5)
        self.assertEqual((settings(set_one).min_insync_replicas, settings(set_one).search_mode), (2, "text"))
        self.assertIs(settings(plain), settings(TopicImage("c", OTHER_ID, ())))
        current[0] = Configuration().with_values({"log.retention.ms": "77"})
        self.assertEqual(settings(plain).log_config.retention_ms, 77)

    def test_internal_segment_bytes(self) -> None:
        """Kafka's tests make segments smaller than segment.bytes allows; it counts where it is set."""
        from chronik.config import Configuration
        from chronik.replica.settings import EffectiveSettings

        settings = EffectiveSettings(Configuration)
        small = TopicImage("a", TOPIC_ID, (), {"internal.segment.bytes": "1000"})
        self.assertEqual(settings(small).log_config.segment_bytes, 1000)
        self.assertEqual(settings(TopicImage("b", TOPIC_ID, ())).log_config.segment_bytes, 1 << 30)
