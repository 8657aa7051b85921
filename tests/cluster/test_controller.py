"""The controller: what clients may ask for, and what the image shows afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, fail
from zope.interface.verify import verifyObject

from chronik.cluster.controller import Controller
from chronik.cluster.creation import NameCheck
from chronik.cluster.election import ElectionType
from chronik.cluster.interfaces import (
    ConfigChange,
    ConfigEdit,
    ConfigOperation,
    ConfigResource,
    ConfigResourceType,
    IController,
    NewPartitions,
    NewTopic,
)
from chronik.cluster.registration import Registration
from chronik.cluster.topics import DELETED_KEPT
from chronik.cluster.writer import ATTEMPTS_MAX
from chronik.errors import ChronikError, ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.interfaces import Delete, Put, ReadOnly
from chronik.metadata.keys import TopicState, TopicValue
from chronik.metadata.memory import Fault
from chronik.model import ZERO_TOPIC_ID, TopicId
from tests.cluster.fixture import CONFIG, ENDPOINTS, ControllerCase

OK = ErrorCode.NONE


class EntryTests(ControllerCase):
    """How a controller begins."""

    def test_provides_the_interface(self) -> None:
        """It is a controller."""
        self.assertTrue(verifyObject(IController, self.controller))

    def test_founds_the_cluster(self) -> None:
        """An empty store becomes a cluster with an id, a controller and a registered broker."""
        self.assertEqual(len(self.image.cluster_id), 22)
        self.assertEqual([self.image.controller_id, self.image.controller_epoch], [1, 1])
        self.assertEqual(list(self.image.brokers), [1])
        self.assertEqual(self.controller.broker_epoch, self.image.brokers[1].epoch)

    def test_starts_again(self) -> None:
        """A later life keeps the cluster's id and has higher epochs."""
        cluster_id = self.image.cluster_id
        again = self.start_controller(cluster_id=cluster_id)
        self.assertEqual([self.image.cluster_id, self.image.controller_epoch], [cluster_id, 2])
        self.assertEqual(again.broker_epoch, self.controller.broker_epoch + 1)

    def test_forgotten_broker(self) -> None:
        """One that was unregistered comes back under an epoch that it never had."""
        before = self.controller.broker_epoch
        self.successResultOf(self.store.commit([], [Delete(keys.broker_key(1))]))
        self.assertGreater(self.start_controller().broker_epoch, before)

    def test_another_clusters_store(self) -> None:
        """Data of one cluster does not go with the store of another."""
        controller = Controller(self.store, self.feed, Registration(1, ENDPOINTS), CONFIG, self.passwords, "other")
        failure = self.failureResultOf(controller.start(), ChronikError)
        self.assertIn("cluster other", str(failure.value))

    def test_damaged_values(self) -> None:
        """What cannot be read of the metadata is named, in one line."""
        for key in (keys.CLUSTER, keys.CONTROLLER, keys.broker_key(1)):
            self.setUp()
            self.successResultOf(self.store.commit([], [Put(key, b"\xff")]))
            controller = Controller(self.store, self.feed, Registration(1, ENDPOINTS), CONFIG, self.passwords)
            failure = self.failureResultOf(controller.start(), ChronikError)
            self.assertIn(f"{key!r} that cannot be read", str(failure.value))

    def test_expected_cluster_id_founds(self) -> None:
        """A store that was lost becomes the cluster that the data belongs to."""
        self.successResultOf(self.store.commit([], [Delete(keys.CLUSTER)]))
        self.start_controller(cluster_id="mine")
        self.assertEqual(self.image.cluster_id, "mine")

    def test_older_controller_is_fenced(self) -> None:
        """Once another holds the key, the older one writes nothing more."""
        self.start_controller(broker_id=2)
        self.assertEqual(self.codes(self.controller.create_topics([NewTopic("t")])), [ErrorCode.NOT_CONTROLLER])
        self.assertEqual(self.image.topics, {})


class CreateTopicTests(ControllerCase):
    """Creation."""

    def create(self, *topics: NewTopic, validate_only: bool = False) -> list[ErrorCode]:
        """Create, and the codes."""
        return self.codes(self.controller.create_topics(topics, validate_only))

    def test_defaults(self) -> None:
        """Without numbers the configured ones are used; the answer is what the image shows."""
        (topic,) = self.successResultOf(self.controller.create_topics([NewTopic("t", configs={"retention.ms": "5"})]))
        self.assertEqual(self.image.topics, {"t": topic})
        self.assertEqual([len(topic.partitions), dict(topic.configs)], [3, {"retention.ms": "5"}])
        self.assertEqual([(p.leader, p.leader_epoch, p.replicas, p.isr) for p in topic.partitions], [(1, 0, (1,), (1,))] * 3)

    def test_one_commit(self) -> None:
        """A topic of ordinary size is one commit."""
        before = self.store.commits
        self.create(NewTopic("t", 100))
        self.assertEqual(self.store.commits, before + 1)

    def test_many_names(self) -> None:
        """However many names a call has, the topics that exist are looked through once, and others have their turns in between."""
        looks: list[None] = []

        class Topics(dict[str, None]):
            def __iter__(self) -> Iterator[str]:
                looks.append(None)
                return super().__iter__()

        topics, names = Topics.fromkeys(["old.name"]), NameCheck()
        for number in range(100):
            names.check(f"a.{number}", topics)
        self.assertEqual(1, len(looks))
        self.assertEqual("old.name", next(iter(topics)))
        with self.assertRaisesRegex(KafkaError, "collides"):
            names.check("old_name", topics)
        names.check("old_name", {})
        self.controller._clock = self.clock
        created = self.controller.create_topics([NewTopic(f"t{number}") for number in range(100)], validate_only=True)
        self.assertNoResult(created)
        self.clock.advance(0)
        self.assertEqual([OK] * 100, self.codes(created))

    def test_many_partitions(self) -> None:
        """A big topic takes several commits and appears whole."""
        sizes: list[int] = []

        class Observer:
            def image_changed(inner, image, delta) -> None:  # type: ignore[no-untyped-def]
                sizes.append(len(image.topics["t"].partitions))

        self.feed.observe(Observer())
        self.assertEqual(self.create(NewTopic("t", 1_000)), [OK])
        self.assertEqual(sizes, [1_000])
        self.assertEqual(len(self.stored("partitions/")), 1_000)

    def test_refusals(self) -> None:
        """Each wrong request has its code, and the others of the call go through."""
        self.assertEqual(self.create(NewTopic("old.name")), [OK])
        refused = [
            (NewTopic("old.name"), ErrorCode.TOPIC_ALREADY_EXISTS),
            (NewTopic("old_name"), ErrorCode.INVALID_TOPIC_EXCEPTION),
            (NewTopic("bad name"), ErrorCode.INVALID_TOPIC_EXCEPTION),
            (NewTopic(""), ErrorCode.INVALID_TOPIC_EXCEPTION),
            (NewTopic("x" * 250), ErrorCode.INVALID_TOPIC_EXCEPTION),
            (NewTopic("a", 0), ErrorCode.INVALID_PARTITIONS),
            (NewTopic("b", -2), ErrorCode.INVALID_PARTITIONS),
            (NewTopic("c", 1, 0), ErrorCode.INVALID_REPLICATION_FACTOR),
            (NewTopic("d", 1, -2), ErrorCode.INVALID_REPLICATION_FACTOR),
            (NewTopic("e", 1, 2), ErrorCode.INVALID_REPLICATION_FACTOR),
            (NewTopic("f", 10_001), ErrorCode.POLICY_VIOLATION),
            (NewTopic("g", 1, -1, ((0, (1,)),)), ErrorCode.INVALID_REQUEST),
            (NewTopic("h", -1, 1, ((0, (1,)),)), ErrorCode.INVALID_REQUEST),
            (NewTopic("i", -1, -1, ((0, ()),)), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
            (NewTopic("j", -1, -1, ((0, (9,)),)), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
            (NewTopic("k", -1, -1, ((0, (1, 1)),)), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
            (NewTopic("l", -1, -1, ((1, (1,)),)), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
            (NewTopic("m", -1, -1, ((0, (1,)), (0, (1,)))), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
            (NewTopic("good", -1, -1, ((1, (1,)), (0, (1,)))), OK),
        ]
        self.assertEqual(self.create(*(topic for topic, _ in refused)), [code for _, code in refused])
        self.assertEqual(sorted(self.image.topics), ["good", "old.name"])

    def test_too_many_partitions_in_all(self) -> None:
        """One call creates no more partitions with many topics, or of many, than with one; what fits is created."""
        many = [NewTopic("a", 6_000), NewTopic("b", 6_000), NewTopic("c"), NewTopic("d", assignments=tuple((n, (1,)) for n in range(4_000)))]
        outcomes = self.codes(self.controller.create_topics(many, True))
        self.assertEqual([OK, ErrorCode.POLICY_VIOLATION, OK, ErrorCode.POLICY_VIOLATION], outcomes)
        self.assertEqual([OK, OK], self.create(NewTopic("e"), NewTopic("f")))
        more = [NewPartitions("e", 6_000), NewPartitions("f", 6_000)]
        self.assertEqual([OK, ErrorCode.POLICY_VIOLATION], self.codes(self.controller.create_partitions(more, True)))

    def test_bad_configs(self) -> None:
        """Unknown keys, values that do not fit and null values are refused."""
        for configs in ({"nothing": "1"}, {"retention.ms": "x"}, {"retention.ms": None}):
            self.assertEqual(self.create(NewTopic("t", configs=configs)), [ErrorCode.INVALID_CONFIG])

    def test_inconsistent_manual_assignment(self) -> None:
        """All partitions of a manual assignment have the same number of replicas; fenced brokers do not lead."""
        self.add_broker(2)
        self.add_broker(3, fenced=True)
        self.assertEqual(self.create(NewTopic("a", assignments=((0, (1,)), (1, (1, 2))))), [ErrorCode.INVALID_REPLICA_ASSIGNMENT])
        self.assertEqual(self.create(NewTopic("b", assignments=((0, (3,)),))), [ErrorCode.INVALID_REPLICA_ASSIGNMENT])
        self.assertEqual(self.create(NewTopic("c", assignments=((0, (3, 2)),))), [OK])
        state = self.image.topics["c"].partitions[0]
        self.assertEqual([state.leader, state.replicas, state.isr], [2, (3, 2), (2,)])

    def test_validate_only(self) -> None:
        """Validation says what would happen and changes nothing."""
        outcomes = self.successResultOf(self.controller.create_topics([NewTopic("t", 5), NewTopic("u", 0)], True))
        self.assertEqual([outcomes[0].topic_id, len(outcomes[0].partitions)], [ZERO_TOPIC_ID, 5])
        self.assertEqual(outcomes[1].code, ErrorCode.INVALID_PARTITIONS)
        self.assertEqual(self.stored("topics/"), [])

    def test_same_name_at_once(self) -> None:
        """Of two creations of one name, or of two names that collide, one succeeds."""
        codes = self.create(NewTopic("a.b"), NewTopic("a.b"), NewTopic("a_b"))
        self.assertEqual(codes, [OK, ErrorCode.TOPIC_ALREADY_EXISTS, ErrorCode.INVALID_TOPIC_EXCEPTION])

    def test_colliding_names_at_once(self) -> None:
        """Names that collide are not created at the same time, though the image shows neither yet."""
        self.store.hold_watches()
        first = self.controller.create_topics([NewTopic("a.b")])
        second = self.controller.create_topics([NewTopic("a_b")])
        self.store.release_watches()
        self.assertEqual(self.codes(first) + self.codes(second), [OK, ErrorCode.INVALID_TOPIC_EXCEPTION])

    def test_conflict_is_planned_anew(self) -> None:
        """A conflict is not the client's business."""
        self.store.faults.append(Fault.CONFLICT)
        self.assertEqual(self.create(NewTopic("t")), [OK])

    def test_lost_answers(self) -> None:
        """Whether or not the commit was made, the topic exists once and the client hears so."""
        for name, fault in (("a", Fault.UNKNOWN_MADE), ("b", Fault.UNKNOWN_NOT_MADE)):
            self.store.faults.append(fault)
            self.assertEqual(self.create(NewTopic(name)), [OK])
        self.assertEqual(len(self.stored("topics/")), 2)
        self.assertEqual(len(self.stored("partitions/")), 6)

    def test_lost_answers_of_a_big_topic(self) -> None:
        """Any commit of a plan may lose its answer."""
        for step in range(5):
            for fault in (Fault.UNKNOWN_MADE, Fault.UNKNOWN_NOT_MADE, Fault.CONFLICT):
                self.store.faults.extend([None] * step + [fault])
                self.assertEqual(self.create(NewTopic(f"{fault.name}{step}", 300)), [OK])
                self.store.faults.clear()
        self.assertEqual({len(topic.partitions) for topic in self.image.topics.values()}, {300})

    def test_read_only(self) -> None:
        """A store that takes no writes is told as such."""
        self.store.read_only = True
        self.assertEqual(self.create(NewTopic("t")), [ErrorCode.KAFKA_STORAGE_ERROR])

    def test_failure_half_way(self) -> None:
        """A creation that breaks off is taken back, and its name is free again."""
        self.store.faults.extend([None, None, Fault.READ_ONLY])
        self.assertEqual(self.create(NewTopic("t", 300)), [ErrorCode.KAFKA_STORAGE_ERROR])
        self.assertEqual([self.stored("topics/"), self.stored("partitions/")], [[], []])
        self.store.faults.extend([None, None, Fault.READ_ONLY, Fault.READ_ONLY])
        self.assertEqual(self.create(NewTopic("t", 300)), [ErrorCode.KAFKA_STORAGE_ERROR])
        self.assertEqual(self.stored("topics/"), ["topics/t"])
        self.assertEqual(self.create(NewTopic("t", 2)), [OK])
        self.assertEqual(len(self.stored("partitions/")), 2)

    def test_live_though_it_failed(self) -> None:
        """A topic that is live is not taken back because nobody could see that it is: others may have written to it."""
        for name, partitions, commits in (("small", 2, 1), ("big", 300, 5)):
            self.store.faults.extend([None] * (commits - 1) + [Fault.UNKNOWN_MADE] * ATTEMPTS_MAX)
            self.assertEqual(self.create(NewTopic(name, partitions)), [OK])
            self.assertEqual(len(self.image.topics[name].partitions), partitions)
        self.assertEqual(self.image.deleted, frozenset())

    def test_live_though_the_store_was_away(self) -> None:
        """The same where the store cannot be read right after the commit."""
        outcomes = [self.store.snapshot, lambda: fail(ReadOnly("the store does not answer")), self.store.snapshot]
        self.store.hold_watches()
        creation = self.controller.create_topics([NewTopic("t")])
        self.patch(self.store, "snapshot", lambda: outcomes.pop(0)())
        self.store.compact()
        self.assertEqual([self.codes(creation), outcomes], [[OK], []])
        self.assertEqual([list(self.image.topics), self.image.deleted], [["t"], frozenset()])

    def test_remains_that_are_live(self) -> None:
        """What looks like remains of a creation to who has not heard of the rest is left alone."""
        self.store.faults.extend([None, None, Fault.READ_ONLY, Fault.READ_ONLY])
        self.create(NewTopic("t", 300))
        before = keys.decode_topic(self.successResultOf(self.store.snapshot()).entries["topics/t"].value)
        self.assertEqual(before.state, TopicState.CREATING)
        stored = self.stored("partitions/")
        self.store.hold_watches()
        live = replace(before, state=TopicState.LIVE, partitions=len(stored))
        self.successResultOf(self.store.commit([], [Put("topics/t", keys.encode_topic(live))]))
        creation = self.controller.create_topics([NewTopic("t", 300)])
        self.store.release_watches()
        self.assertEqual(self.codes(creation), [ErrorCode.TOPIC_ALREADY_EXISTS])
        self.assertEqual([self.stored("partitions/"), self.image.topics["t"].topic_id], [stored, before.topic_id])

    def test_answers_after_the_image(self) -> None:
        """While the image lags, nothing is answered."""
        self.store.hold_watches()
        creation = self.controller.create_topics([NewTopic("t")])
        self.assertNoResult(creation)
        self.store.release_watches()
        self.assertEqual(self.codes(creation), [OK])
        self.assertIn("t", self.image.topics)

    def test_lost_watch(self) -> None:
        """A controller whose watch was lost goes on."""
        self.store.compact()
        self.assertEqual(self.create(NewTopic("t")), [OK])
        self.assertEqual(self.codes(self.controller.delete_topics(["t"])), [OK])


class DeleteTopicTests(ControllerCase):
    """Deletion."""

    def setUp(self) -> None:
        """With a small and a big topic."""
        super().setUp()
        self.codes(self.controller.create_topics([NewTopic("small"), NewTopic("big", 300)]))

    def delete(self, *names: str) -> list[ErrorCode]:
        """Delete, and the codes."""
        return self.codes(self.controller.delete_topics(names))

    def test_deletes_everything(self) -> None:
        """Nothing of a topic stays; an unknown one is told."""
        outcome = self.delete("small", "none", "big")
        self.assertEqual(outcome, [OK, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, OK])
        self.assertEqual([self.stored("topics/"), self.stored("partitions/"), self.image.topics], [[], [], {}])

    def test_noted(self) -> None:
        """That a topic was deleted is noted, for brokers that were down; only the latest such notes are kept."""
        small = self.image.topics["small"].topic_id
        self.delete("small")
        self.assertEqual({small}, self.image.deleted)
        for n in range(DELETED_KEPT + 3):
            self.successResultOf(self.controller.create_topics([NewTopic(f"t{n}", 1)]))
            self.delete(f"t{n}")
        self.assertEqual(DELETED_KEPT, len(self.stored(keys.DELETED)))
        self.assertNotIn(small, self.image.deleted)

    def test_create_again(self) -> None:
        """The name is free at once, for another topic id."""
        before = self.image.topics["small"].topic_id
        self.delete("small")
        self.assertEqual(self.codes(self.controller.create_topics([NewTopic("small")])), [OK])
        self.assertNotEqual(self.image.topics["small"].topic_id, before)

    def test_faults(self) -> None:
        """Lost answers and conflicts at any step are not the client's business."""
        for step in range(5):
            for fault in (Fault.UNKNOWN_MADE, Fault.UNKNOWN_NOT_MADE, Fault.CONFLICT):
                self.store.faults.extend([None] * step + [fault])
                self.assertEqual(self.delete("big"), [OK])
                self.store.faults.clear()
                self.assertEqual(self.codes(self.controller.create_topics([NewTopic("big", 300)])), [OK])
        self.delete("big", "small")
        self.assertEqual(self.stored("partitions/"), [])

    def test_resumed_at_start(self) -> None:
        """A deletion that a crash interrupted is finished by the next controller."""
        self.store.faults.extend([None, None, Fault.READ_ONLY])
        self.assertEqual(self.delete("big"), [ErrorCode.KAFKA_STORAGE_ERROR])
        self.assertNotIn("big", self.image.topics)
        self.assertIn("topics/big", self.stored("topics/"))
        self.start_controller()
        self.assertEqual(self.stored("topics/"), ["topics/small"])
        self.assertEqual(len(self.stored("partitions/")), 3)

    def test_deletion_then_creation_without_restart(self) -> None:
        """After a deletion that broke off, the name can be used again."""
        self.store.faults.extend([None, None, Fault.READ_ONLY])
        self.delete("big")
        self.assertEqual(self.codes(self.controller.create_topics([NewTopic("big", 1)])), [OK])
        self.assertEqual(len(self.stored("partitions/")), 4)


class LeadershipTests(ControllerCase):
    """Elections; their rules are tested where they are asked for."""

    def test_lost_answers(self) -> None:
        """Whether or not the commit was made, one election is held and the client hears so."""
        self.add_broker(2)
        self.successResultOf(self.controller.create_topics([NewTopic("t", assignments=((0, (1, 2)),))]))
        topic = self.image.topics["t"]
        key = keys.partition_key(topic.topic_id, 0)
        for epoch, fault in enumerate((Fault.UNKNOWN_MADE, Fault.UNKNOWN_NOT_MADE, Fault.CONFLICT)):
            state = replace(topic.partitions[0], leader=2, leader_epoch=epoch)
            self.successResultOf(self.store.commit([], [Put(key, keys.encode_partition(state))]))
            self.store.faults.append(fault)
            self.assertEqual(self.codes(self.controller.elect_leaders([("t", 0)], ElectionType.PREFERRED)), [OK])
            state = self.image.topics["t"].partitions[0]
            self.assertEqual((state.leader, state.leader_epoch), (1, epoch + 1))


class TidyTests(ControllerCase):
    """What a start cleans up."""

    def test_half_created_topic(self) -> None:
        """A topic that never went live is removed, and so are partitions of nobody; live ones stay."""
        self.codes(self.controller.create_topics([NewTopic("live", 2)]))
        ghost, nobody = TopicId(b"G" * 16), TopicId(b"N" * 16)
        live = self.image.topics["live"].topic_id
        state = keys.encode_partition(self.image.topics["live"].partitions[0])
        self.successResultOf(
            self.store.commit(
                [],
                [
                    Put(keys.topic_key("ghost"), keys.encode_topic(TopicValue(ghost, TopicState.CREATING, 2))),
                    Put(keys.partition_key(ghost, 0), state),
                    Put(keys.partition_key(nobody, 0), state),
                    Put(keys.partition_key(live, 2), state),
                ],
            )
        )
        self.start_controller()
        self.assertEqual(self.stored("topics/"), ["topics/live"])
        self.assertEqual(self.stored("partitions/"), [keys.partition_key(live, 0), keys.partition_key(live, 1)])

    def held(self, number: int) -> Deferred[None]:
        """Let a commit wait for what is returned to be fired.

        :param number: which, counted from the next one, 0.
        """
        commit, go_on = self.store.commit, Deferred()
        count = iter(range(number + 1))

        def wait(*arguments: Any) -> Any:
            if next(count) < number:
                return commit(*arguments)
            self.store.commit = commit
            return go_on.addCallback(lambda _: commit(*arguments))

        self.store.commit = wait
        return go_on

    def test_while_topics_are_made(self) -> None:
        """What is half done because it is being done is no remains, nor are the partitions that a topic is about to have."""
        self.codes(self.controller.create_topics([NewTopic("t", 1)]))
        plans = self.controller._seat.plans
        for making, name in (
            (lambda: self.controller.create_topics([NewTopic("big", 300)]), "big"),
            (lambda: self.controller.create_partitions([NewPartitions("t", 300)]), "t"),
        ):
            go_on = self.held(2)
            done = making()
            self.assertNoResult(done)
            self.successResultOf(Deferred.fromCoroutine(plans.tidy()))
            go_on.callback(None)
            self.assertEqual((self.codes(done), len(self.image.topics[name].partitions)), ([OK], 300))
        self.assertEqual(len(self.stored("partitions/")), 600)

    def test_topics_that_are_made_meanwhile(self) -> None:
        """What appears while remains are removed is none of them."""
        self.store.faults.extend([None, None, Fault.READ_ONLY, Fault.READ_ONLY])
        self.codes(self.controller.create_topics([NewTopic("big", 300)]))
        go_on = self.held(0)
        tidying = Deferred.fromCoroutine(self.controller._seat.plans.tidy())
        self.assertNoResult(tidying)
        self.assertEqual(self.codes(self.controller.create_topics([NewTopic("new", 200)])), [OK])
        go_on.callback(None)
        self.successResultOf(tidying)
        self.assertEqual((list(self.image.topics), len(self.stored("partitions/"))), (["new"], 200))

    def test_damaged_topic(self) -> None:
        """With a topic that cannot be read nothing is removed: its partitions would be taken for strays."""
        self.codes(self.controller.create_topics([NewTopic("t", 2)]))
        self.successResultOf(self.store.commit([], [Put(keys.topic_key("t"), b"?")]))
        self.start_controller()
        self.assertEqual(len(self.stored("partitions/")), 2)


class CreatePartitionsTests(ControllerCase):
    """More partitions."""

    def setUp(self) -> None:
        """With a topic of two partitions."""
        super().setUp()
        self.codes(self.controller.create_topics([NewTopic("t", 2)]))

    def add(self, *requests: NewPartitions, validate_only: bool = False) -> list[ErrorCode]:
        """Add, and the codes."""
        return self.codes(self.controller.create_partitions(requests, validate_only))

    def test_adds(self) -> None:
        """The topic keeps its id and its first partitions."""
        before = self.image.topics["t"]
        self.assertEqual(self.add(NewPartitions("t", 5)), [OK])
        after = self.image.topics["t"]
        self.assertEqual([len(after.partitions), after.partitions[:2], after.topic_id], [5, before.partitions, before.topic_id])

    def test_refusals(self) -> None:
        """Each wrong request has its code."""
        refused = {
            NewPartitions("none", 5): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            NewPartitions("t", 2): ErrorCode.INVALID_PARTITIONS,
            NewPartitions("t", 1): ErrorCode.INVALID_PARTITIONS,
            NewPartitions("t", 10_003): ErrorCode.POLICY_VIOLATION,
            NewPartitions("t", 4, ((1,),)): ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            NewPartitions("t", 3, ((2,),)): ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            NewPartitions("t", 3, ((),)): ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        }
        self.assertEqual(self.add(*refused), list(refused.values()))
        self.assertEqual(len(self.image.topics["t"].partitions), 2)

    def test_manual(self) -> None:
        """Replicas chosen by the client are used."""
        self.add_broker(2)
        self.assertEqual(self.add(NewPartitions("t", 4, ((2,), (1,)))), [OK])
        self.assertEqual([state.leader for state in self.image.topics["t"].partitions[2:]], [2, 1])

    def test_validate_only(self) -> None:
        """Validation changes nothing."""
        self.assertEqual(self.add(NewPartitions("t", 5), validate_only=True), [OK])
        self.assertEqual(self.add(NewPartitions("t", 1), validate_only=True), [ErrorCode.INVALID_PARTITIONS])
        self.assertEqual(len(self.image.topics["t"].partitions), 2)

    def test_many_with_faults(self) -> None:
        """Many partitions appear at once, whatever happens to the commits."""
        sizes = set()
        for step in range(5):
            for fault in (Fault.UNKNOWN_MADE, Fault.UNKNOWN_NOT_MADE, Fault.CONFLICT):
                count = len(self.image.topics["t"].partitions) + 300
                self.store.faults.extend([None] * step + [fault])
                self.assertEqual(self.add(NewPartitions("t", count)), [OK])
                self.store.faults.clear()
                sizes.add(len(self.image.topics["t"].partitions) % 300)
        self.assertEqual(sizes, {2})


class ConfigTests(ControllerCase):
    """Dynamic configuration."""

    def setUp(self) -> None:
        """With a topic."""
        super().setUp()
        self.codes(self.controller.create_topics([NewTopic("t", configs={"retention.ms": "5"})]))

    def alter(self, kind: str, name: str, *edits: tuple[str, str, str | None], replace: bool = False, validate_only: bool = False) -> ErrorCode:
        """Alter one resource, and the code."""
        operations = tuple(ConfigEdit(key, ConfigOperation[operation], value) for operation, key, value in edits)
        change = ConfigChange(ConfigResource(ConfigResourceType[kind], name), operations, replace)
        return self.codes(self.controller.alter_configs([change], validate_only))[0]

    def topic(self) -> dict[str, str]:
        """The topic's configuration."""
        return dict(self.image.topics["t"].configs)

    def test_incremental(self) -> None:
        """Keys not named stay; DELETE removes."""
        self.assertEqual(self.alter("TOPIC", "t", ("SET", "cleanup.policy", "compact")), OK)
        self.assertEqual(self.topic(), {"retention.ms": "5", "cleanup.policy": "compact"})
        self.assertEqual(self.alter("TOPIC", "t", ("DELETE", "retention.ms", None), ("DELETE", "retention.bytes", None)), OK)
        self.assertEqual(self.topic(), {"cleanup.policy": "compact"})

    def test_full(self) -> None:
        """Replacing forgets what is not named."""
        self.assertEqual(self.alter("TOPIC", "t", ("SET", "cleanup.policy", "compact"), replace=True), OK)
        self.assertEqual(self.topic(), {"cleanup.policy": "compact"})

    def test_lists(self) -> None:
        """APPEND and SUBTRACT work on lists, from the default on."""
        self.assertEqual(self.alter("TOPIC", "t", ("APPEND", "cleanup.policy", "compact,delete")), OK)
        self.assertEqual(self.topic()["cleanup.policy"], "delete,compact")
        self.assertEqual(self.alter("TOPIC", "t", ("SUBTRACT", "cleanup.policy", "delete")), OK)
        self.assertEqual(self.topic()["cleanup.policy"], "compact")
        self.assertEqual(self.alter("TOPIC", "t", ("APPEND", "retention.ms", "1")), ErrorCode.INVALID_CONFIG)

    def test_brokers_and_groups(self) -> None:
        """Brokers, all of them, and groups have configurations; an empty one is no key."""
        broker, group = "log.retention.ms", "consumer.session.timeout.ms"
        for kind, name, key in (("BROKER", "1", broker), ("BROKER", "", broker), ("GROUP", "g", group)):
            self.assertEqual(self.alter(kind, name, ("SET", key, "50000")), OK)
        self.assertEqual(
            {resource: dict(configs) for resource, configs in self.image.configs.items()},
            {"broker/1": {broker: "50000"}, "broker/": {broker: "50000"}, "group/g": {group: "50000"}},
        )
        self.assertEqual(self.alter("BROKER", "1", ("DELETE", broker, None)), OK)
        self.assertEqual(self.stored("configs/"), ["configs/broker/", "configs/group/g"])

    def test_secrets(self) -> None:
        """A secret is stored once, encrypted, also where an answer was lost or somebody else was faster; nothing is stored that could not be."""
        name = "listener.name.inside.ssl.key.password"
        self.assertEqual(self.alter("BROKER", "1", ("SET", name, "canary")), ErrorCode.INVALID_REQUEST)
        self.successResultOf(self.passwords.start())
        self.assertEqual(self.alter("BROKER", "1", ("SET", name, "canary"), validate_only=True), OK)
        self.assertEqual(self.stored("configs/"), [])
        for fault in (Fault.UNKNOWN_MADE, Fault.UNKNOWN_NOT_MADE, Fault.CONFLICT):
            before = self.successResultOf(self.store.snapshot()).revision
            self.store.faults.append(fault)
            self.assertEqual(self.alter("BROKER", "1", ("SET", "log.retention.ms", "5"), ("SET", name, f" canary {fault.name} ")), OK)
            snapshot = self.successResultOf(self.store.snapshot())
            self.assertEqual(snapshot.revision, before + 1)
            self.assertNotIn("canary", repr(snapshot.entries) + repr(self.image))
            opened = self.passwords.opened("1", self.image.configs["broker/1"])
            self.assertEqual(opened.texts, {"log.retention.ms": "5", name: f"canary {fault.name}"})
        self.assertNotIn("canary", repr(ConfigEdit(name, ConfigOperation.SET, "canary")))

    def test_refusals(self) -> None:
        """Each wrong change has its code and changes nothing."""
        set_one = ("SET", "retention.ms", "1")
        self.assertEqual(self.alter("TOPIC", "none", set_one), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.alter("TOPIC", "", set_one), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.alter("TOPIC", "a b", set_one), ErrorCode.INVALID_TOPIC_EXCEPTION)
        self.assertEqual(self.alter("GROUP", "", set_one), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.alter("BROKER", "x", set_one), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.alter("BROKER_LOGGER", "1", set_one), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.alter("TOPIC", "t", ("SET", "retention.ms", "x")), ErrorCode.INVALID_CONFIG)
        self.assertEqual(self.alter("TOPIC", "t", ("SET", "retention.ms", None)), ErrorCode.INVALID_REQUEST)
        self.assertEqual(self.topic(), {"retention.ms": "5"})

    def test_validate_only(self) -> None:
        """Validation says what would happen and changes nothing."""
        self.assertEqual(self.alter("TOPIC", "t", ("SET", "retention.ms", "9"), validate_only=True), OK)
        self.assertEqual(self.alter("TOPIC", "t", ("SET", "retention.ms", "x"), validate_only=True), ErrorCode.INVALID_CONFIG)
        self.assertEqual(self.topic(), {"retention.ms": "5"})

    def test_nothing_to_change(self) -> None:
        """A change to what is set already writes nothing."""
        before = self.store.commits
        self.assertEqual(self.alter("TOPIC", "t", ("SET", "retention.ms", "5")), OK)
        self.assertEqual(self.store.commits, before)


class IdAndEpochTests(ControllerCase):
    """Producer ids and leader epochs."""

    def test_producer_ids(self) -> None:
        """Ids come one after the other from blocks; two at once differ."""
        first, second = self.controller.next_producer_id(), self.controller.next_producer_id()
        self.assertEqual([self.successResultOf(first), self.successResultOf(second)], [0, 1])
        self.assertEqual(self.successResultOf(self.controller.allocate_producer_ids()), range(1_000, 2_000))

    def test_block_is_used_up(self) -> None:
        """After a block comes the next free one."""
        ids = [self.successResultOf(self.controller.next_producer_id()) for _ in range(1_001)]
        self.assertEqual(ids, list(range(1_001)))

    def test_lost_answer_never_repeats(self) -> None:
        """Whatever becomes of a commit, no id is given twice, not by a later life either."""
        for fault in (Fault.UNKNOWN_MADE, Fault.UNKNOWN_NOT_MADE, Fault.CONFLICT):
            self.store.faults.append(fault)
            before = self.successResultOf(self.controller.allocate_producer_ids())
            after = self.successResultOf(self.start_controller().allocate_producer_ids())
            self.assertGreaterEqual(after.start, before.stop)
            self.controller = self.start_controller()

    def test_ids_after_a_failure(self) -> None:
        """A block that could not be had is asked for again."""
        self.store.read_only = True
        self.failureResultOf(self.controller.next_producer_id(), KafkaError)
        self.store.read_only = False
        self.assertEqual(self.successResultOf(self.controller.next_producer_id()), 0)

    def test_raises_epochs(self) -> None:
        """Named partitions get the next epoch, others keep theirs, unknown ones do not matter."""
        self.codes(self.controller.create_topics([NewTopic("t", 200)]))
        topic_id = self.image.topics["t"].topic_id
        wanted = [(topic_id, number) for number in range(150)] + [(TopicId(b"X" * 16), 0), (topic_id, 500)]
        raised: Deferred[None] = self.controller.raise_leader_epochs(wanted)
        self.successResultOf(raised)
        states = self.image.topics["t"].partitions
        self.assertEqual([state.leader_epoch for state in states], [1] * 150 + [0] * 50)
        self.assertEqual([state.partition_epoch for state in states], [1] * 150 + [0] * 50)

    def test_raises_once(self) -> None:
        """A lost answer raises an epoch once, not twice."""
        self.codes(self.controller.create_topics([NewTopic("t", 2)]))
        topic_id = self.image.topics["t"].topic_id
        for times, fault in enumerate((Fault.UNKNOWN_MADE, Fault.UNKNOWN_NOT_MADE, Fault.CONFLICT), 1):
            self.store.faults.append(fault)
            self.successResultOf(self.controller.raise_leader_epochs([(topic_id, 0)]))
            self.assertEqual(self.image.topics["t"].partitions[0].leader_epoch, times)

    def test_raising_fails(self) -> None:
        """What cannot be made durable is an error."""
        self.codes(self.controller.create_topics([NewTopic("t", 2)]))
        self.store.read_only = True
        self.failureResultOf(self.controller.raise_leader_epochs([(self.image.topics["t"].topic_id, 0)]), KafkaError)
