"""From keys and values to the image: each revision changes only what it touches.

Keys nobody knows belong to a later release and are left alone. A value that cannot be decoded is named in the log and its change
skipped: the image keeps what it knew, for dropping a topic because of one bad byte would delete its records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from twisted.logger import Logger

from chronik.metadata import keys
from chronik.metadata.image import NO_LEADER, BrokerImage, ImageDelta, MetadataImage, PartitionState, QuotaEntity, TopicImage
from chronik.metadata.interfaces import Revision, Snapshot
from chronik.metadata.keys import ControllerValue, TopicState, TopicValue
from chronik.metadata.security_builder import FAMILIES, SecurityBuilder
from chronik.metadata.values import MalformedValue
from chronik.model import NO_EPOCH, TopicId, topic_id_from_text, topic_id_text

_UNKNOWN_PARTITION = PartitionState(NO_LEADER, NO_EPOCH, (), ())
"""Stands where a partition that must exist has no readable value: nobody leads it."""


class ImageBuilder:
    """Holds what was decoded so far, and makes the next image of it.

    :ivar image: the latest.
    """

    _log = Logger()

    def __init__(self) -> None:
        self.image = MetadataImage()
        self._keys: set[str] = set()
        self._cluster_id = ""
        self._controller = ControllerValue(-1, NO_EPOCH)
        self._brokers: dict[int, BrokerImage] = {}
        self._topics: dict[str, TopicValue] = {}
        self._partitions: dict[str, dict[int, PartitionState]] = {}
        self._configs: dict[str, Mapping[str, str]] = {}
        self._quotas: Mapping[QuotaEntity, Mapping[str, float]] = MappingProxyType({})
        self._features: Mapping[str, int] = MappingProxyType({})
        self._names: dict[str, str] = {}
        self._deleted: frozenset[TopicId] = frozenset()
        self._security = SecurityBuilder()
        self._touched_topics: set[str] = set()
        self._touched_configs: set[str] = set()

    def rebuild(self, snapshot: Snapshot) -> ImageDelta:
        """Go to a snapshot, whatever was missed in between; the delta is against the image before."""
        changes: dict[str, bytes | None] = dict.fromkeys(self._keys - snapshot.entries.keys())
        changes.update((key, entry.value) for key, entry in snapshot.entries.items())
        return self.apply(Revision(snapshot.revision, changes))

    def apply(self, revision: Revision) -> ImageDelta:
        """Take in one revision."""
        for key, value in sorted(revision.changes.items()):
            self._take(key, value)
        return self._build(revision.revision)

    # -- taking in keys --

    def _take(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._keys.discard(key)
        else:
            self._keys.add(key)
        try:
            self._decode(key, value)
        except MalformedValue as error:
            self._log.error("The metadata under {key} cannot be read ({problem}) and is skipped", key=key, problem=str(error))

    def _decode(self, key: str, value: bytes | None) -> None:
        family, _, rest = key.partition("/")
        if family == "topics":
            self._take_topic(rest, value)
        elif family == "partitions":
            self._take_partition(rest, value)
        elif family == "brokers":
            self._take_broker(rest, value)
        elif family == "configs":
            self._take_configs(rest, value)
        elif family == "quotas":
            self._take_quotas(rest, value)
        elif family in FAMILIES:
            self._security.take(family, rest, value)
        elif family == "deleted":
            self._take_deleted(rest, value)
        elif key == keys.CONTROLLER:
            self._controller = keys.decode_controller(value) if value is not None else ControllerValue(-1, self._controller.epoch)
        elif key == keys.FEATURES:
            self._features = keys.decode_features(value) if value is not None else MappingProxyType({})
        elif key == keys.CLUSTER and value is not None:
            self._cluster_id = keys.decode_cluster(value)

    def _take_topic(self, name: str, value: bytes | None) -> None:
        topic = keys.decode_topic(value) if value is not None else None
        before = self._topics.pop(name, None)
        if before is not None:
            self._names.pop(topic_id_text(before.topic_id), None)
        if topic is not None:
            self._topics[name] = topic
            self._names[topic_id_text(topic.topic_id)] = name
        self._touched_topics.add(name)

    def _take_partition(self, rest: str, value: bytes | None) -> None:
        id_text, _, number = rest.partition("/")
        partition, state = _number(number), keys.decode_partition(value) if value is not None else None
        partitions = self._partitions.setdefault(id_text, {})
        if state is not None:
            partitions[partition] = state
        else:
            partitions.pop(partition, None)
        if not partitions:
            del self._partitions[id_text]
        if id_text in self._names:
            self._touched_topics.add(self._names[id_text])

    def _take_broker(self, rest: str, value: bytes | None) -> None:
        broker_id = _number(rest)
        if value is not None:
            self._brokers[broker_id] = keys.decode_broker(broker_id, value)
        else:
            self._brokers.pop(broker_id, None)

    def _take_configs(self, resource: str, value: bytes | None) -> None:
        configs = keys.decode_configs(value) if value is not None else {}
        if configs:
            self._configs[resource] = configs
        else:
            self._configs.pop(resource, None)
        self._touched_configs.add(resource)

    def _take_quotas(self, rest: str, value: bytes | None) -> None:
        limits = keys.decode_quotas(value) if value is not None else {}
        entity = keys.quota_entity_of(rest)
        others = {known: found for known, found in self._quotas.items() if known != entity}
        self._quotas = MappingProxyType(others | {entity: limits} if limits else others)

    def _take_deleted(self, rest: str, value: bytes | None) -> None:
        try:
            topic_id = {topic_id_from_text(rest)}
        except ValueError as error:
            raise MalformedValue(str(error)) from None
        self._deleted = self._deleted - topic_id if value is None else self._deleted | topic_id

    # -- making the image --

    def _build(self, revision: int) -> ImageDelta:
        before = self.image
        image = replace(before, revision=revision)
        deleted: list[TopicImage] = []
        changed: set[str] = set()
        if self._touched_topics:
            image = self._with_topics(image, deleted, changed)
        configs = frozenset(r for r in self._touched_configs if before.configs.get(r, {}) != self._configs.get(r, {}))
        if configs:
            image = replace(image, configs=MappingProxyType(dict(self._configs)))
        security = self._security.build()
        image = replace(
            image,
            security=self._security.image,
            cluster_id=self._cluster_id,
            controller_id=self._controller.broker_id,
            controller_epoch=self._controller.epoch,
            features=self._features,
            quotas=self._quotas,
            deleted=self._deleted,
            brokers=before.brokers if before.brokers == self._brokers else MappingProxyType(dict(self._brokers)),
        )
        delta = ImageDelta(tuple(deleted), frozenset(changed), configs, _cluster_of(image) != _cluster_of(before), security)
        self._touched_topics, self._touched_configs = set(), set()
        self.image = image
        return delta

    def _with_topics(self, image: MetadataImage, deleted: list[TopicImage], changed: set[str]) -> MetadataImage:
        topics: dict[str, TopicImage] = dict(image.topics)
        names: dict[TopicId, str] = dict(image.names)
        for name in sorted(self._touched_topics):
            before, now = topics.pop(name, None), self._topic(name)
            if before is not None and (now is None or now.topic_id != before.topic_id):
                deleted.append(before)
                names.pop(before.topic_id, None)
            if now is None:
                continue
            topics[name] = now
            names[now.topic_id] = name
            if now != before:
                changed.add(name)
        if not deleted and not changed:
            return image
        return replace(image, topics=MappingProxyType(topics), names=MappingProxyType(names))

    def _topic(self, name: str) -> TopicImage | None:
        topic = self._topics.get(name)
        if topic is None or topic.state is not TopicState.LIVE:
            return None
        partitions = self._partitions.get(topic_id_text(topic.topic_id), {})
        states = tuple(partitions.get(number, _UNKNOWN_PARTITION) for number in range(topic.partitions))
        return TopicImage(name, topic.topic_id, states, topic.configs)


def _cluster_of(image: MetadataImage) -> tuple[object, ...]:
    return image.cluster_id, image.controller_id, image.controller_epoch, image.brokers


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise MalformedValue(f"{text!r} is not a number")
    return int(text)
