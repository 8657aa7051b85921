"""CreateTopics, DeleteTopics and CreatePartitions: versions, permissions, duplicates, and waiting until topics can be used."""

from __future__ import annotations

from typing import Any

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode, KafkaError
from chronik.model import METADATA_TOPIC, ZERO_TOPIC_ID
from chronik.protocol.messages import CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, Message
from chronik.server.api import Api
from chronik.server.handlers.admin import create_partitions, create_topics, delete_topics
from tests.server.admin.fixture import AdminCase, deny

(CREATE,) = create_topics.APIS
(DELETE,) = delete_topics.APIS
(PARTITIONS,) = create_partitions.APIS

Topic = CreateTopicsRequest.CreatableTopic
Config = CreateTopicsRequest.CreatableTopicConfig
Assignment = CreateTopicsRequest.CreatableReplicaAssignment
State = DeleteTopicsRequest.DeleteTopicState
More = CreatePartitionsRequest.CreatePartitionsTopic
Replicas = CreatePartitionsRequest.CreatePartitionsAssignment


def topic(name: str, partitions: int = 1, factor: int = 1, **fields: Any) -> Topic:
    """A topic to create."""
    return Topic(name=name, num_partitions=partitions, replication_factor=factor, **fields)


def refused(api: Api, request: Message, version: int) -> Message:
    """The answer to a request that failed as a whole, through the codec."""
    answer = api.refusal(request, version, KafkaError(ErrorCode.NOT_CONTROLLER, "ask another"))
    return type(answer).decode(answer.encode(version), version, 0)[0]


class CreateTopicsTests(AdminCase):
    """CreateTopics."""

    def create(self, version: int, *topics: Topic, **fields: Any) -> dict[str, Any]:
        """Create; the results by name."""
        response = self.ask(CREATE, version, CreateTopicsRequest(topics=topics, timeout_ms=1_000, **fields))
        return {result.name: result for result in response.topics}

    def test_every_version(self) -> None:
        """The topic exists when the answer comes; from version 5 on it is described, from 7 on its id is told."""
        for version in self.every_version(CREATE):
            name = f"t{version}"
            result = self.create(version, topic(name, 2, configs=(Config(name="retention.ms", value="60000"),)))[name]
            self.assertEqual([result.error_code, result.error_message], [0, None])
            image = self.image.topics[name]
            self.assertEqual(result.topic_id, image.topic_id if version >= 7 else ZERO_TOPIC_ID)
            self.assertEqual(dict(image.configs), {"retention.ms": "60000"})
            if version >= 5:
                self.assertEqual([result.num_partitions, result.replication_factor], [2, 1])
                configs = {config.name: (config.value, config.config_source, config.read_only) for config in result.configs}
                self.assertEqual([configs["retention.ms"], configs["cleanup.policy"]], [("60000", 1, False), ("delete", 5, False)])

    def test_waits_until_usable(self) -> None:
        """The answer comes when all partitions can be used."""
        self.partitions.pending = []
        answer = self.begin(CREATE, 7, CreateTopicsRequest(topics=(topic("t"),)))
        self.assertNoResult(answer)
        self.partitions.pending[0].callback(None)
        self.assertEqual(self.successResultOf(answer).topics[0].error_code, 0)

    def test_partition_fails(self) -> None:
        """A topic whose partitions cannot be opened is told as such."""
        self.partitions.pending = []
        answer = self.begin(CREATE, 7, CreateTopicsRequest(topics=(topic("t"),)))
        self.partitions.pending[0].errback(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "disk"))
        self.assertEqual(self.successResultOf(answer).topics[0].error_code, ErrorCode.KAFKA_STORAGE_ERROR)

    def test_errors(self) -> None:
        """Every error has its code and a message that names the topic's problem."""
        self.create(7, topic("old.one"))
        results = self.create(
            7,
            topic("old.one"),
            topic("old_one"),
            topic("a b"),
            topic("zero", 0),
            topic("factor", 1, 0),
            topic("three", 1, 3),
            topic("unknown", configs=(Config(name="retention.mss", value="1"),)),
            topic("value", configs=(Config(name="retention.ms", value="x"),)),
            topic("null", configs=(Config(name="retention.ms", value=None),)),
            topic("assigned", 1, -1, assignments=(Assignment(partition_index=0, broker_ids=(1,)),)),
            topic("broker", -1, -1, assignments=(Assignment(partition_index=0, broker_ids=(7,)),)),
            topic("good", -1, -1),
        )
        self.assertEqual(
            {name: ErrorCode(result.error_code) for name, result in results.items()},
            {
                "old.one": ErrorCode.TOPIC_ALREADY_EXISTS,
                "old_one": ErrorCode.INVALID_TOPIC_EXCEPTION,
                "a b": ErrorCode.INVALID_TOPIC_EXCEPTION,
                "zero": ErrorCode.INVALID_PARTITIONS,
                "factor": ErrorCode.INVALID_REPLICATION_FACTOR,
                "three": ErrorCode.INVALID_REPLICATION_FACTOR,
                "unknown": ErrorCode.INVALID_CONFIG,
                "value": ErrorCode.INVALID_CONFIG,
                "null": ErrorCode.INVALID_CONFIG,
                "assigned": ErrorCode.INVALID_REQUEST,
                "broker": ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                "good": ErrorCode.NONE,
            },
        )
        self.assertTrue(all(result.error_message for name, result in results.items() if name != "good"))

    def test_duplicates(self) -> None:
        """A topic named twice is refused once, and others go through."""
        results = self.create(7, topic("a"), topic("b"), topic("a", 5))
        self.assertEqual([results["a"].error_code, results["b"].error_code], [ErrorCode.INVALID_REQUEST, 0])
        self.assertEqual(list(self.image.topics), ["b"])

    def test_metadata_topic(self) -> None:
        """What Kafka's controllers call their log is no name for a topic: tools take it for that log."""
        self.assertEqual(self.create(7, topic(METADATA_TOPIC))[METADATA_TOPIC].error_code, ErrorCode.INVALID_REQUEST)

    def test_duplicate_config(self) -> None:
        """So is a configuration key given twice."""
        configs = (Config(name="retention.ms", value="1"), Config(name="retention.ms", value="2"))
        self.assertEqual(self.create(7, topic("a", configs=configs))["a"].error_code, ErrorCode.INVALID_CONFIG)

    def test_manual_assignment(self) -> None:
        """Replicas chosen by the client."""
        assignments = tuple(Assignment(partition_index=index, broker_ids=(1,)) for index in (1, 0))
        self.assertEqual(self.create(2, topic("t", -1, -1, assignments=assignments))["t"].error_code, 0)
        self.assertEqual(len(self.image.topics["t"].partitions), 2)

    def test_validate_only(self) -> None:
        """Validation describes the topic that would be, and creates none."""
        for version in self.every_version(CREATE):
            result = self.create(version, topic("t", 4), validate_only=True)["t"]
            self.assertEqual([result.error_code, result.topic_id], [0, ZERO_TOPIC_ID])
        self.assertEqual([self.image.topics, self.partitions.asked], [{}, []])

    def test_permissions(self) -> None:
        """CREATE on the cluster or the topic is needed; the configuration is told to whoever may describe it."""
        self.denied = deny("CREATE CLUSTER", "CREATE TOPIC no", "DESCRIBE_CONFIGS")
        results = self.create(7, topic("yes"), topic("no"))
        self.assertEqual([results["yes"].error_code, results["no"].error_code], [0, ErrorCode.TOPIC_AUTHORIZATION_FAILED])
        self.assertEqual(results["yes"].topic_config_error_code, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        self.assertEqual([results["yes"].num_partitions, results["yes"].configs], [-1, ()])
        self.assertEqual(list(self.image.topics), ["yes"])

    def test_refused_as_a_whole(self) -> None:
        """A failure of everything is told at each topic."""
        for version in self.every_version(CREATE):
            answer: Any = refused(CREATE, CreateTopicsRequest(topics=(topic("a"), topic("b"))), version)
            self.assertEqual([(r.name, r.error_code, r.error_message) for r in answer.topics], [(n, 41, "ask another") for n in "ab"])


class DeleteTopicsTests(AdminCase):
    """DeleteTopics."""

    def setUp(self) -> None:
        """With two topics."""
        super().setUp()
        self.codes(self.controller.create_topics([NewTopic("a"), NewTopic("b")]))
        self.ids = {name: topic.topic_id for name, topic in self.image.topics.items()}

    def delete(self, version: int, *names: str) -> list[tuple[str | None, ErrorCode]]:
        """Delete by name, in the shape of the version."""
        if version >= 6:
            return self.delete_states(*(State(name=name) for name in names))
        response = self.ask(DELETE, version, DeleteTopicsRequest(topic_names=names))
        return [(result.name, ErrorCode(result.error_code)) for result in response.responses]

    def delete_states(self, *states: State) -> list[tuple[str | None, ErrorCode]]:
        """Delete in the shape of version 6."""
        response = self.ask(DELETE, 6, DeleteTopicsRequest(topics=states))
        return [(result.name, ErrorCode(result.error_code)) for result in response.responses]

    def test_every_version(self) -> None:
        """By name; a missing one is told."""
        for version in self.every_version(DELETE):
            results = self.delete(version, "a", "none")
            self.assertEqual(sorted(results), [("a", ErrorCode.NONE), ("none", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)])
            self.assertEqual(list(self.image.topics), ["b"])
            self.codes(self.controller.create_topics([NewTopic("a")]))

    def test_by_id(self) -> None:
        """By id; the name is told, an unknown id has its own error."""
        results = self.delete_states(State(name=None, topic_id=self.ids["a"]), State(name=None, topic_id=b"X" * 16))
        self.assertEqual(sorted(results, key=str), sorted([("a", ErrorCode.NONE), (None, ErrorCode.UNKNOWN_TOPIC_ID)], key=str))
        self.assertEqual(list(self.image.topics), ["b"])

    def test_malformed(self) -> None:
        """Neither name nor id, both, and duplicates by name, by id or by both are refused, and nothing is deleted."""
        self.assertEqual(self.delete_states(State(name=None)), [(None, ErrorCode.INVALID_REQUEST)])
        self.assertEqual(self.delete_states(State(name="a", topic_id=self.ids["a"])), [("a", ErrorCode.INVALID_REQUEST)])
        self.assertEqual(self.delete(1, "a", "a"), [("a", ErrorCode.INVALID_REQUEST)])
        by_id = State(name=None, topic_id=self.ids["a"])
        self.assertEqual(self.delete_states(by_id, by_id), [(None, ErrorCode.INVALID_REQUEST)])
        self.assertEqual(self.delete_states(State(name="a"), by_id), [("a", ErrorCode.INVALID_REQUEST)])
        self.assertEqual(sorted(self.image.topics), ["a", "b"])

    def test_disabled(self) -> None:
        """Where deletion is switched off that is told in the words of each version."""
        self.settings["delete.topic.enable"] = "false"
        for version in self.every_version(DELETE):
            code = ErrorCode.TOPIC_DELETION_DISABLED if version >= 3 else ErrorCode.INVALID_REQUEST
            self.assertEqual(self.delete(version, "a"), [("a", code)])

    def test_permissions(self) -> None:
        """DELETE is needed; to those who may not describe a topic its existence is not told."""
        self.denied = deny("DELETE")
        self.assertEqual(self.delete(5, "a", "none"), [("a", ErrorCode.TOPIC_AUTHORIZATION_FAILED), ("none", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)])
        self.denied = deny("DELETE", "DESCRIBE")
        self.assertEqual(dict(self.delete(5, "a", "none")), dict.fromkeys(("a", "none"), ErrorCode.TOPIC_AUTHORIZATION_FAILED))
        results = self.delete_states(State(name=None, topic_id=self.ids["a"]))
        self.assertEqual(results, [(None, ErrorCode.UNKNOWN_TOPIC_ID)])
        self.denied = deny("DELETE")
        results = self.delete_states(State(name=None, topic_id=self.ids["a"]))
        self.assertEqual(results, [(None, ErrorCode.TOPIC_AUTHORIZATION_FAILED)])
        self.denied = deny("DELETE CLUSTER", "DELETE TOPIC b")
        self.assertEqual(sorted(self.delete(5, "a", "b")), [("a", ErrorCode.NONE), ("b", ErrorCode.TOPIC_AUTHORIZATION_FAILED)])

    def test_controller_fails(self) -> None:
        """A store that takes no writes is told."""
        self.store.read_only = True
        self.assertEqual(self.delete(6, "a"), [("a", ErrorCode.KAFKA_STORAGE_ERROR)])

    def test_refused_as_a_whole(self) -> None:
        """A failure of everything is told at each topic."""
        for version in self.every_version(DELETE):
            request = DeleteTopicsRequest(topics=(State(name="a"),)) if version >= 6 else DeleteTopicsRequest(topic_names=("a",))
            answer: Any = refused(DELETE, request, version)
            self.assertEqual([(r.name, r.error_code) for r in answer.responses], [("a", 41)])


class CreatePartitionsTests(AdminCase):
    """CreatePartitions."""

    def setUp(self) -> None:
        """With a topic of two partitions."""
        super().setUp()
        self.codes(self.controller.create_topics([NewTopic("t", 2)]))

    def add(self, version: int, *topics: More, **fields: Any) -> list[tuple[str, ErrorCode]]:
        """Add."""
        response = self.ask(PARTITIONS, version, CreatePartitionsRequest(topics=topics, **fields))
        return [(result.name, ErrorCode(result.error_code)) for result in response.results]

    def test_every_version(self) -> None:
        """The partitions exist and can be used when the answer comes."""
        for version in self.every_version(PARTITIONS):
            self.assertEqual(self.add(version, More(name="t", count=3 + version, assignments=None)), [("t", ErrorCode.NONE)])
            self.assertEqual(len(self.image.topics["t"].partitions), 3 + version)
            self.assertEqual(self.partitions.asked, [self.image.topics["t"].topic_id] * (version + 1))

    def test_errors(self) -> None:
        """Each error has its code."""
        results = self.add(
            3,
            More(name="t", count=2, assignments=None),
            More(name="none", count=9, assignments=None),
        )
        self.assertEqual(results, [("t", ErrorCode.INVALID_PARTITIONS), ("none", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)])
        chosen = More(name="t", count=4, assignments=(Replicas(broker_ids=(1,)),))
        self.assertEqual(self.add(3, chosen), [("t", ErrorCode.INVALID_REPLICA_ASSIGNMENT)])
        self.assertEqual(self.add(3, More(name="t", count=3, assignments=(Replicas(broker_ids=(1,)),))), [("t", ErrorCode.NONE)])

    def test_duplicates(self) -> None:
        """A topic named twice is refused."""
        twice = (More(name="t", count=3, assignments=None), More(name="t", count=4, assignments=None))
        self.assertEqual(self.add(3, *twice), [("t", ErrorCode.INVALID_REQUEST)])
        self.assertEqual(len(self.image.topics["t"].partitions), 2)

    def test_validate_only(self) -> None:
        """Validation changes nothing."""
        self.assertEqual(self.add(3, More(name="t", count=3, assignments=None), validate_only=True), [("t", ErrorCode.NONE)])
        self.assertEqual([len(self.image.topics["t"].partitions), self.partitions.asked], [2, []])

    def test_permissions(self) -> None:
        """ALTER on the topic is needed."""
        self.denied = deny("ALTER TOPIC")
        self.assertEqual(self.add(3, More(name="t", count=3, assignments=None)), [("t", ErrorCode.TOPIC_AUTHORIZATION_FAILED)])

    def test_refused_as_a_whole(self) -> None:
        """A failure of everything is told at each topic."""
        for version in self.every_version(PARTITIONS):
            answer: Any = refused(PARTITIONS, CreatePartitionsRequest(topics=(More(name="t", count=3),)), version)
            self.assertEqual([(r.name, r.error_code, r.error_message) for r in answer.results], [("t", 41, "ask another")])
