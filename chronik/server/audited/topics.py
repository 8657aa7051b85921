"""Topics, and what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chronik.server.audited.change import Changed, told

if TYPE_CHECKING:
    from chronik.metadata.image import MetadataImage, TopicImage


def created(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """CreateTopics. Configurations of topics that were not created are left out: they may be anything."""
    outcomes = {result.name: result for result in response.topics}
    for topic in request.topics:
        code, reason = told(outcomes.get(topic.name))
        yield Changed(f"TOPIC:{topic.name}", code, reason, after=_shape(None if code else after.topics.get(topic.name)))


def created_by_use(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """Metadata of topics that come into being because somebody asks for them (``auto.create.topics.enable``)."""
    if before.topics is after.topics or not request.topics or not request.allow_auto_topic_creation:
        return
    for topic in request.topics:
        if topic.name and topic.name not in before.topics and topic.name in after.topics:
            yield Changed(f"TOPIC:{topic.name}", after=_shape(after.topics[topic.name]))


def deleted(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """DeleteTopics, by name or by id."""
    for result in response.responses:
        name = result.name or before.names.get(result.topic_id)
        code, reason = told(result)
        yield Changed(f"TOPIC:{name or result.topic_id.hex()}", code, reason, before=_shape(before.topics.get(name or "")))


def extended(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """CreatePartitions."""
    outcomes = {result.name: result for result in response.results}
    for topic in request.topics:
        code, reason = told(outcomes.get(topic.name))
        old, new = before.topics.get(topic.name), after.topics.get(topic.name)
        yield Changed(f"TOPIC:{topic.name}", code, reason, _count(old), {} if code else _count(new), {"count": topic.count})


def records_deleted(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """DeleteRecords: up to which offset."""
    outcomes = {(topic.name, part.partition_index): part for topic in response.topics for part in topic.partitions}
    for topic in request.topics:
        for part in topic.partitions:
            outcome = outcomes.get((topic.name, part.partition_index))
            code, reason = told(outcome)
            after_ = {} if code or outcome is None else {"log_start_offset": outcome.low_watermark}
            yield Changed(f"TOPIC:{topic.name}", code, reason, after=after_, details={"partition": part.partition_index, "offset": part.offset})


def _count(topic: TopicImage | None) -> Mapping[str, Any]:
    return {} if topic is None else {"partitions": len(topic.partitions)}


def _shape(topic: TopicImage | None) -> Mapping[str, Any]:
    if topic is None:
        return {}
    replicas = max((len(partition.replicas) for partition in topic.partitions), default=0)
    return {"partitions": len(topic.partitions), "replication_factor": replicas, **topic.configs}
