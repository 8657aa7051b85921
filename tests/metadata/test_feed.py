"""The feed: images and deltas from revisions, in order, whatever the store does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.metadata import keys
from chronik.metadata.builder import ImageBuilder
from chronik.metadata.feed import RETRY_SECONDS, MetadataFeed
from chronik.metadata.image import NO_LEADER, BrokerImage, Endpoint, ImageDelta, MetadataImage, PartitionState, TopicImage
from chronik.metadata.interfaces import Delete, IMetadataFeed, Put, ReadOnly, Snapshot
from chronik.metadata.keys import ControllerValue, TopicState, TopicValue
from chronik.metadata.memory import MemoryMetadataStore
from chronik.model import TopicId
from chronik.testing.metadata import RecordingObserver

A, B = TopicId(b"A" * 16), TopicId(b"B" * 16)
STATE = PartitionState(1, 0, (1,), (1,))


def topic(name: str, topic_id: TopicId = A, partitions: int = 1, state: TopicState = TopicState.LIVE, **configs: str) -> Put:
    """A topic's key."""
    return Put(keys.topic_key(name), keys.encode_topic(TopicValue(topic_id, state, partitions, configs)))


def partition(topic_id: TopicId, number: int, state: PartitionState = STATE) -> Put:
    """A partition's key."""
    return Put(keys.partition_key(topic_id, number), keys.encode_partition(state))


class FeedTests(SynchronousTestCase):
    """One feed over a memory store."""

    def setUp(self) -> None:
        """Start it, watched by one observer."""
        self.clock = Clock()
        self.store = MemoryMetadataStore(self.clock)
        self.feed = MetadataFeed(self.store, self.clock)
        self.successResultOf(self.feed.start())
        self.observer = RecordingObserver()
        self.feed.observe(self.observer)

    def commit(self, *operations: Put | Delete) -> int:
        """Commit."""
        return self.successResultOf(self.store.commit([], operations))

    @property
    def image(self) -> MetadataImage:
        """The current one."""
        image: MetadataImage = self.feed.image
        return image

    def test_provides_the_interface(self) -> None:
        """It is a feed."""
        self.assertTrue(verifyObject(IMetadataFeed, self.feed))

    def test_topic_appears(self) -> None:
        """A live topic is in the image by name and id, and its delta names it."""
        revision = self.commit(topic("t", A, 2, a="b"), partition(A, 0), partition(A, 1))
        expected = TopicImage("t", A, (STATE, STATE), {"a": "b"})
        self.assertEqual(self.image.topics, {"t": expected})
        self.assertEqual([self.image.topic_by_id(A), self.image.topic_by_id(B)], [expected, None])
        self.assertEqual(self.image.revision, revision)
        self.assertEqual(self.observer.deltas, [ImageDelta(changed=frozenset({"t"}))])

    def test_topic_is_invisible_until_live(self) -> None:
        """Partitions and a creating topic are not seen; going live shows all at once."""
        self.commit(topic("t", state=TopicState.CREATING))
        self.commit(partition(A, 0))
        self.assertEqual([self.image.topics, self.observer.deltas], [{}, []])
        self.commit(topic("t"))
        self.assertEqual(self.image.topics["t"].partitions, (STATE,))

    def test_topic_disappears_when_deleting(self) -> None:
        """A topic is gone from the moment it is being deleted, once; its delta has it as it was."""
        self.commit(topic("t"), partition(A, 0))
        before = self.image.topics["t"]
        self.commit(topic("t", state=TopicState.DELETING))
        self.commit(Delete(keys.partition_key(A, 0)))
        self.commit(Delete(keys.topic_key("t")))
        self.assertEqual([self.image.topics, self.image.names], [{}, {}])
        self.assertEqual(self.observer.deltas[1:], [ImageDelta(deleted=(before,))])

    def test_topic_recreated_in_one_revision(self) -> None:
        """A name that changes its id is both deleted and changed."""
        self.commit(topic("t", A), partition(A, 0))
        before = self.image.topics["t"]
        self.commit(topic("t", B), partition(B, 0), Delete(keys.partition_key(A, 0)))
        self.assertEqual(self.observer.deltas[-1], ImageDelta(deleted=(before,), changed=frozenset({"t"})))
        self.assertEqual(self.image.names, {B: "t"})

    def test_partition_changes(self) -> None:
        """A partition's change changes its topic only."""
        self.commit(topic("t", A), partition(A, 0), topic("u", B), partition(B, 0))
        other = self.image.topics["u"]
        changed = PartitionState(2, 1, (1, 2), (2,), 1)
        self.commit(partition(A, 0, changed))
        self.assertEqual(self.image.topics["t"].partitions, (changed,))
        self.assertIs(self.image.topics["u"], other)
        self.assertEqual(self.observer.deltas[-1].changed, {"t"})

    def test_added_partitions_appear_together(self) -> None:
        """Partitions past the topic's count are seen once the count says so."""
        self.commit(topic("t"), partition(A, 0))
        self.commit(partition(A, 1))
        self.commit(partition(A, 2))
        self.assertEqual(len(self.image.topics["t"].partitions), 1)
        self.commit(topic("t", partitions=3))
        self.assertEqual(len(self.image.topics["t"].partitions), 3)

    def test_missing_partition(self) -> None:
        """A partition without a value has no leader; its neighbours keep their numbers."""
        self.commit(topic("t", partitions=3), partition(A, 0), partition(A, 2))
        self.assertEqual([state.leader for state in self.image.topics["t"].partitions], [1, NO_LEADER, 1])

    def test_cluster_brokers_and_controller(self) -> None:
        """The cluster's id, its brokers and its controller are told as a change of brokers."""
        broker = BrokerImage(1, 4, {"PLAINTEXT": Endpoint("", 9092)}, "r1")
        self.commit(
            Put(keys.CLUSTER, keys.encode_cluster("c")),
            Put(keys.broker_key(1), keys.encode_broker(broker)),
            Put(keys.CONTROLLER, keys.encode_controller(ControllerValue(1, 3))),
        )
        self.assertEqual([self.image.cluster_id, self.image.controller_id, self.image.controller_epoch], ["c", 1, 3])
        self.assertEqual(self.image.brokers, {1: broker})
        self.commit(Delete(keys.broker_key(1)), Delete(keys.CONTROLLER))
        self.assertEqual([self.image.brokers, self.image.controller_id], [{}, -1])
        self.assertEqual(self.observer.deltas, [ImageDelta(brokers=True)] * 2)

    def test_configs(self) -> None:
        """Dynamic configuration is by resource; only what is different is told."""
        self.commit(Put("configs/broker/", b'{"a":"1"}'), Put("configs/group/g/h", b'{"b":"2"}'))
        self.assertEqual(self.image.configs, {"broker/": {"a": "1"}, "group/g/h": {"b": "2"}})
        self.commit(Put("configs/broker/", b'{"a":"1"}'), Delete("configs/group/g/h"))
        self.assertEqual([delta.configs for delta in self.observer.deltas], [{"broker/", "group/g/h"}, {"group/g/h"}])

    def test_unknown_keys(self) -> None:
        """Keys of a later release are left alone, yet their revision counts."""
        revision = self.commit(Put("novelty", b"\xff"), Put("acls/1", b"{}"), Put("ids/producer", b"{}"))
        self.assertEqual([self.image.revision, self.observer.deltas], [revision, []])

    def test_undecodable_change_is_skipped(self) -> None:
        """A value that cannot be read is named in the log; what was known stays."""
        self.commit(topic("t"), partition(A, 0))
        before = dict(self.image.topics)
        for key in (keys.topic_key("t"), keys.partition_key(A, 0), "brokers/x", "brokers/1", "controller", "cluster", "configs/broker/"):
            self.commit(Put(key, b"\xff"))
        self.assertEqual(self.image.topics, before)
        self.assertEqual(self.image.controller_id, -1)

    def test_first_snapshot(self) -> None:
        """A feed that starts late sees what is there already."""
        self.commit(topic("t"), partition(A, 0))
        feed, observer = MetadataFeed(self.store, self.clock), RecordingObserver()
        feed.observe(observer)
        self.successResultOf(feed.start())
        self.assertEqual(feed.image, self.image)
        self.assertEqual(observer.deltas, [ImageDelta(changed=frozenset({"t"}))])

    def test_reached(self) -> None:
        """Waiting for a revision ends when it arrives late, after the observers were told."""
        self.store.hold_watches()
        revision = self.commit(topic("t"), partition(A, 0))
        told: list[int] = []
        reached = self.feed.reached(revision)
        reached.addCallback(lambda image: told.append(len(self.observer.deltas)))
        self.assertNoResult(reached)
        self.store.release_watches()
        self.assertEqual(told, [1])
        self.assertEqual(self.successResultOf(self.feed.reached(revision)).revision, revision)

    def test_lost_watch(self) -> None:
        """After a compaction the feed goes on from a snapshot, and observers hear the difference, deletions too."""
        self.commit(topic("t", A), partition(A, 0), topic("u", B), partition(B, 0), Put("configs/broker/", b'{"a":"1"}'))
        before = self.image.topics["t"]
        self.store.hold_watches()
        revision = self.commit(Delete(keys.topic_key("t")), Delete(keys.partition_key(A, 0)), Delete("configs/broker/"), topic("u", B, a="b"))
        self.store.compact()
        self.assertEqual(self.image.revision, revision)
        self.assertEqual(self.observer.deltas[-1], ImageDelta((before,), frozenset({"u"}), frozenset({"broker/"})))
        self.store.release_watches()
        self.commit(Delete(keys.topic_key("u")))
        self.assertEqual(self.image.topics, {})

    def test_undecodable_topic_survives_a_lost_watch(self) -> None:
        """A topic whose value became unreadable while the watch was lost is not taken for deleted."""
        self.commit(topic("t"), partition(A, 0))
        self.store.hold_watches()
        self.commit(Put(keys.topic_key("t"), b"?"))
        self.store.compact()
        self.assertIn("t", self.image.topics)

    def test_snapshot_is_tried_again(self) -> None:
        """A store that gives no snapshot is asked again after a pause."""

        class Failing(MemoryMetadataStore):
            failures = 0

            def snapshot(self) -> Deferred[Snapshot]:
                if self.failures:
                    self.failures -= 1
                    return fail(ReadOnly("no quorum"))
                return super().snapshot()

        store = Failing(self.clock)
        feed = MetadataFeed(store, self.clock)
        self.successResultOf(feed.start())
        store.failures = 1
        store.hold_watches()
        self.successResultOf(store.commit([], [topic("t"), partition(A, 0)]))
        store.compact()
        self.assertEqual(feed.image.topics, {})
        self.assertEqual(len(self.flushLoggedErrors(ReadOnly)), 1)
        self.clock.advance(RETRY_SECONDS)
        self.assertEqual(list(feed.image.topics), ["t"])

    def test_observer_that_commits(self) -> None:
        """A change made by an observer is told after the one it came from, to everyone in the same order."""
        store, revisions = self.store, []

        class Committing(RecordingObserver):
            def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
                super().image_changed(image, delta)
                if len(self.deltas) == 1:
                    store.commit([], [Put("configs/broker/", b'{"a":"1"}')])

        self.feed.unobserve(self.observer)
        first = Committing()
        self.feed.observe(first)
        self.feed.observe(self.observer)
        self.commit(topic("t"), partition(A, 0))
        revisions = [[image.revision for image in observer.images] for observer in (first, self.observer)]
        self.assertEqual(revisions, [[1, 2], [1, 2]])

    def test_observer_that_fails(self) -> None:
        """A failing observer is logged, and others still hear."""

        class Failing(RecordingObserver):
            def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
                raise ZeroDivisionError

        self.feed.unobserve(self.observer)
        self.feed.observe(Failing())
        self.feed.observe(self.observer)
        self.commit(topic("t"), partition(A, 0))
        self.assertEqual(len(self.observer.deltas), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stop(self) -> None:
        """A stopped feed follows no more, and nobody waits for ever."""
        waiting = self.feed.reached(99)
        self.feed.stop()
        self.failureResultOf(waiting, ReadOnly)
        self.failureResultOf(self.feed.reached(99), ReadOnly)
        self.commit(topic("t"), partition(A, 0))
        self.assertEqual(self.image.topics, {})


C, D = TopicId(b"C" * 16), TopicId(b"D" * 16)
names = st.sampled_from(["t", "u", "v.w"])
ids = st.sampled_from([A, B, C, D])
lives = st.sampled_from([("t", A), ("t", B), ("u", C), ("v.w", D)])
operations = st.one_of(
    st.builds(lambda life, count, state: topic(*life, count, state), lives, st.integers(0, 3), st.sampled_from(TopicState)),
    st.builds(partition, ids, st.integers(0, 3), st.builds(PartitionState, st.integers(0, 2), st.integers(0, 2), st.just((1,)), st.just((1,)))),
    st.builds(Delete, st.builds(keys.topic_key, names)),
    st.builds(Delete, st.builds(keys.partition_key, ids, st.integers(0, 3))),
    st.builds(Put, st.sampled_from(["configs/broker/", "configs/group/g"]), st.sampled_from([b"{}", b'{"a":"1"}'])),
)


class IncrementalTests(SynchronousTestCase):
    """Building step by step is building from all."""

    @settings(max_examples=150)
    @given(st.lists(operations, max_size=30))
    def test_same_as_from_a_snapshot(self, steps: list[Put | Delete]) -> None:
        """After any history the image equals the one built from the last snapshot alone."""
        store = MemoryMetadataStore(Clock())
        feed = MetadataFeed(store, Clock())
        self.successResultOf(feed.start())
        for step in steps:
            self.successResultOf(store.commit([], [step]))
        snapshot = self.successResultOf(store.snapshot())
        fresh = ImageBuilder()
        fresh.rebuild(snapshot)
        self.assertEqual(feed.image.topics, fresh.image.topics)
        self.assertEqual(feed.image.configs, fresh.image.configs)
