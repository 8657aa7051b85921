"""Where each fact is kept in the store, and how it is written: the one place that knows both.

Values are JSON objects, so that an operator can read them and a later release can add fields; fields nobody knows are ignored.

==================================  =======================================================================================
``cluster``                         ``id``: the cluster's id, written once
``controller``                      ``broker``, ``epoch``: who may write, and how often that changed
``brokers/<id>``                    ``epoch``, ``endpoints`` by listener, ``rack``, ``fenced``
``topics/<name>``                   ``id``, ``state``, ``partitions`` (how many of them are visible), ``configs``
``partitions/<topic id>/<number>``  ``leader``, ``leader_epoch``, ``replicas``, ``isr``, ``partition_epoch``; ``elr``, ``adding``, ``removing`` if any
``configs/<kind>/<name>``           dynamic configuration of a broker, group or client metrics; ``configs/broker/`` is every broker's
``quotas/<entity>``                 limits by name; the entity as ``user=alice,client-id``: quoted names, none for the default
``features``                        levels of features by name, where they were chosen
``ids/producer``                    ``next``: first producer id that is in no block yet
``acls/``, ``roles/``, …            see :mod:`chronik.metadata.security_keys`
==================================  =======================================================================================
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote

from chronik.metadata.image import BrokerImage, Endpoint, PartitionState, QuotaEntity
from chronik.metadata.values import Fields, MalformedValue, encode_fields, integer_of, number_of, texts_of
from chronik.model import TopicId, topic_id_from_text, topic_id_text

CLUSTER: Final = "cluster"
CONTROLLER: Final = "controller"
FEATURES: Final = "features"
PRODUCER_IDS: Final = "ids/producer"
TOPICS: Final = "topics/"
PARTITIONS: Final = "partitions/"
BROKERS: Final = "brokers/"
CONFIGS: Final = "configs/"
QUOTAS: Final = "quotas/"
DELETED: Final = "deleted/"


class TopicState(enum.Enum):
    """Only a live topic is visible; the other two say what was going on when the controller died."""

    CREATING = "creating"
    LIVE = "live"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class TopicValue:
    """What a topic's key holds."""

    topic_id: TopicId
    state: TopicState
    partitions: int
    configs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ControllerValue:
    """What the controller's key holds."""

    broker_id: int
    epoch: int


def topic_key(name: str) -> str:
    """Where a topic is."""
    return f"{TOPICS}{name}"


def partition_key(topic_id: bytes, partition: int) -> str:
    """Where a partition of the topic of this id is."""
    return f"{PARTITIONS}{topic_id_text(topic_id)}/{partition}"


def deleted_key(topic_id: bytes) -> str:
    """Where it is noted that a topic was deleted: what a broker that was down meanwhile has of it may go."""
    return f"{DELETED}{topic_id_text(topic_id)}"


def broker_key(broker_id: int) -> str:
    """Where a broker is registered."""
    return f"{BROKERS}{broker_id}"


def config_key(resource: str) -> str:
    """Where the dynamic configuration of a resource (``broker/1``, ``group/g``) is."""
    return f"{CONFIGS}{resource}"


def quota_key(entity: QuotaEntity) -> str:
    """Where an entity's quotas are."""
    return QUOTAS + ",".join(kind if name is None else f"{kind}={quote(name, safe='')}" for kind, name in entity)


def quota_entity_of(rest: str) -> QuotaEntity:
    """The entity of a quota's key, without what all such keys begin with."""
    parts = (part.partition("=") for part in rest.split(","))
    return tuple((kind, unquote(name) if equals else None) for kind, equals, name in parts)


def encode_topic(topic: TopicValue) -> bytes:
    """A topic's value."""
    return encode_fields(
        {"id": topic_id_text(topic.topic_id), "state": topic.state.value, "partitions": topic.partitions, "configs": dict(topic.configs)}
    )


def decode_topic(value: bytes) -> TopicValue:
    """A topic.

    :raises MalformedValue: it is none; so do the other decoders.
    """
    fields = Fields(value)
    try:
        topic_id, state = topic_id_from_text(fields.text("id")), TopicState(fields.text("state"))
    except ValueError as error:
        raise MalformedValue(str(error)) from None
    return TopicValue(topic_id, state, fields.integer("partitions"), fields.texts("configs"))


def encode_partition(partition: PartitionState) -> bytes:
    """A partition's value."""
    fields: dict[str, object] = {
        "leader": partition.leader,
        "leader_epoch": partition.leader_epoch,
        "replicas": partition.replicas,
        "isr": partition.isr,
        "partition_epoch": partition.partition_epoch,
    }
    rare = {"elr": partition.elr, "adding": partition.adding, "removing": partition.removing}
    return encode_fields(fields | {name: brokers for name, brokers in rare.items() if brokers})


def decode_partition(value: bytes) -> PartitionState:
    """A partition."""
    fields = Fields(value)
    return PartitionState(
        leader=fields.integer("leader"),
        leader_epoch=fields.integer("leader_epoch"),
        replicas=fields.integers("replicas"),
        isr=fields.integers("isr"),
        partition_epoch=fields.integer("partition_epoch"),
        elr=fields.integers_if_any("elr"),
        adding=fields.integers_if_any("adding"),
        removing=fields.integers_if_any("removing"),
    )


def encode_broker(broker: BrokerImage) -> bytes:
    """A registration's value."""
    endpoints = {name: {"host": e.host, "port": e.port, "protocol": e.protocol} for name, e in broker.endpoints.items()}
    return encode_fields({"epoch": broker.epoch, "endpoints": endpoints, "rack": broker.rack, "fenced": broker.fenced})


def decode_broker(broker_id: int, value: bytes) -> BrokerImage:
    """A registration."""
    fields = Fields(value)
    endpoints = {
        name: Endpoint(endpoint.text("host"), endpoint.integer("port"), endpoint.text("protocol"))
        for name, endpoint in fields.objects("endpoints").items()
    }
    rack = fields.values.get("rack")
    if rack is not None and not isinstance(rack, str):
        raise MalformedValue("rack is not a string")
    return BrokerImage(broker_id, fields.integer("epoch"), MappingProxyType(endpoints), rack, fields.values.get("fenced") is True)


def encode_controller(controller: ControllerValue) -> bytes:
    """The controller's value."""
    return encode_fields({"broker": controller.broker_id, "epoch": controller.epoch})


def decode_controller(value: bytes) -> ControllerValue:
    """The controller."""
    fields = Fields(value)
    return ControllerValue(fields.integer("broker"), fields.integer("epoch"))


def encode_cluster(cluster_id: str) -> bytes:
    """The cluster's value."""
    return encode_fields({"id": cluster_id})


def decode_cluster(value: bytes) -> str:
    """The cluster's id."""
    return Fields(value).text("id")


def encode_configs(configs: Mapping[str, str]) -> bytes:
    """A resource's dynamic configuration."""
    return encode_fields(dict(configs))


def decode_configs(value: bytes) -> Mapping[str, str]:
    """A resource's dynamic configuration."""
    return texts_of(Fields(value).values, "the value")


def encode_quotas(limits: Mapping[str, float]) -> bytes:
    """An entity's quotas."""
    return encode_fields(dict(limits))


def decode_quotas(value: bytes) -> Mapping[str, float]:
    """An entity's quotas."""
    return MappingProxyType({name: number_of(limit, name) for name, limit in Fields(value).values.items()})


def encode_features(levels: Mapping[str, int]) -> bytes:
    """The levels of features."""
    return encode_fields(dict(levels))


def decode_features(value: bytes) -> Mapping[str, int]:
    """The levels of features."""
    return MappingProxyType({name: integer_of(level, name) for name, level in Fields(value).values.items()})


def encode_next_id(next_id: int) -> bytes:
    """The value of an id counter."""
    return encode_fields({"next": next_id})


def decode_next_id(value: bytes) -> int:
    """The first id that is still free."""
    return Fields(value).integer("next")
