"""What is written under each key is read back, and nothing else is taken for it."""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.metadata import keys
from chronik.metadata.image import BrokerImage, Endpoint, PartitionState, QuotaEntity
from chronik.metadata.keys import ControllerValue, TopicState, TopicValue
from chronik.metadata.values import MalformedValue
from chronik.model import TopicId

ids = st.integers(-1, 2**31 - 1)
texts = st.dictionaries(st.text(), st.text())
topics = st.builds(TopicValue, st.binary(min_size=16, max_size=16).map(TopicId), st.sampled_from(TopicState), st.integers(0, 10**6), texts)
members = st.lists(ids).map(tuple)
partitions = st.builds(PartitionState, ids, ids, members, members, ids, members, members, members)
endpoints = st.dictionaries(st.text(), st.builds(Endpoint, st.text(), st.integers(0, 65535), st.text()))
brokers = st.builds(BrokerImage, ids, ids, endpoints, st.none() | st.text(), st.booleans())

DECODERS: tuple[Callable[[bytes], object], ...] = (
    keys.decode_topic,
    keys.decode_partition,
    keys.decode_controller,
    keys.decode_cluster,
    keys.decode_configs,
    keys.decode_features,
    keys.decode_quotas,
    keys.decode_next_id,
    lambda value: keys.decode_broker(1, value),
)


class RoundTripTests(SynchronousTestCase):
    """Every value survives being written."""

    @given(topics)
    def test_topic(self, topic: TopicValue) -> None:
        """A topic."""
        self.assertEqual(keys.decode_topic(keys.encode_topic(topic)), topic)

    @given(partitions)
    def test_partition(self, partition: PartitionState) -> None:
        """A partition."""
        self.assertEqual(keys.decode_partition(keys.encode_partition(partition)), partition)

    @given(brokers)
    def test_broker(self, broker: BrokerImage) -> None:
        """A registration, its id coming from the key."""
        self.assertEqual(keys.decode_broker(broker.broker_id, keys.encode_broker(broker)), broker)

    @given(st.lists(st.tuples(st.sampled_from(["user", "client-id", "ip"]), st.none() | st.text(min_size=1)), min_size=1, max_size=3).map(tuple))
    def test_quota_entities(self, entity: QuotaEntity) -> None:
        """Whom a quota is set on, whatever characters the names have."""
        self.assertEqual(keys.quota_entity_of(keys.quota_key(entity).removeprefix(keys.QUOTAS)), entity)

    @given(texts)
    def test_configs(self, configs: dict[str, str]) -> None:
        """Dynamic configuration."""
        self.assertEqual(keys.decode_configs(keys.encode_configs(configs)), configs)

    def test_small_ones(self) -> None:
        """The controller, the cluster's id, a counter."""
        self.assertEqual(keys.decode_controller(keys.encode_controller(ControllerValue(3, 7))), ControllerValue(3, 7))
        self.assertEqual(keys.decode_cluster(keys.encode_cluster("abc")), "abc")
        self.assertEqual(keys.decode_next_id(keys.encode_next_id(2**40)), 2**40)
        self.assertEqual(keys.decode_quotas(keys.encode_quotas({"q": 0.5})), {"q": 0.5})
        self.assertEqual(keys.decode_features(keys.encode_features({"f": 3})), {"f": 3})


class LayoutTests(SynchronousTestCase):
    """Keys are as operators and later releases will find them."""

    def test_keys(self) -> None:
        """Each kind has its place."""
        self.assertEqual(keys.topic_key("orders"), "topics/orders")
        self.assertEqual(keys.partition_key(bytes(16), 3), "partitions/AAAAAAAAAAAAAAAAAAAAAA/3")
        self.assertEqual(keys.broker_key(2), "brokers/2")
        self.assertEqual(keys.config_key("broker/"), "configs/broker/")

    def test_value(self) -> None:
        """A value is plain JSON."""
        topic = TopicValue(TopicId(bytes(16)), TopicState.LIVE, 2, {"retention.ms": "5"})
        self.assertEqual(
            json.loads(keys.encode_topic(topic)),
            {"id": "A" * 22, "state": "live", "partitions": 2, "configs": {"retention.ms": "5"}},
        )

    def test_rare_fields(self) -> None:
        """A partition that nothing is going on with has no words about it."""
        names = json.loads(keys.encode_partition(PartitionState(1, 0, (1,), (1,)))).keys()
        self.assertEqual({"leader", "leader_epoch", "replicas", "isr", "partition_epoch"}, names)

    def test_unknown_fields(self) -> None:
        """A later release's fields are passed over."""
        self.assertEqual(keys.decode_controller(b'{"broker":1,"epoch":2,"more":[]}'), ControllerValue(1, 2))


class MalformedTests(SynchronousTestCase):
    """Every other value is refused in one way."""

    @given(
        st.binary().filter(lambda value: not value.lstrip().startswith(b"{"))
        | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c)).map(lambda v: json.dumps(v).encode())
    )
    def test_anything(self, value: bytes) -> None:
        """Bytes and JSON that is no object."""
        for decode in DECODERS:
            self.assertRaises(MalformedValue, decode, value)

    def test_wrong_types(self) -> None:
        """Fields that are missing, of another type, or of no such state."""
        good = {"id": "A" * 22, "state": "live", "partitions": 1, "configs": {}}
        for field, value in (("id", "x"), ("id", 1), ("state", "dead"), ("partitions", "1"), ("partitions", True), ("configs", {"a": 1})):
            self.assertRaises(MalformedValue, keys.decode_topic, json.dumps({**good, field: value}).encode())
        partition = {"leader": 1, "leader_epoch": 0, "replicas": [1], "isr": [1], "partition_epoch": 0}
        for name in partition:
            self.assertRaises(MalformedValue, keys.decode_partition, json.dumps({**partition, name: "1"}).encode())
        for name in ("elr", "adding", "removing"):
            self.assertRaises(MalformedValue, keys.decode_partition, json.dumps({**partition, name: 1}).encode())
        broker = {"epoch": 1, "endpoints": {"A": {"host": "h", "port": 1, "protocol": "P"}}, "rack": None}
        for change in ({"rack": 1}, {"endpoints": []}, {"endpoints": {"A": 1}}, {"endpoints": {"A": {"host": "h"}}}):
            self.assertRaises(MalformedValue, keys.decode_broker, 1, json.dumps({**broker, **change}).encode())
