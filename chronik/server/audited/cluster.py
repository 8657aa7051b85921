"""Replicas, brokers, features, groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chronik.server.audited.change import Changed, told

if TYPE_CHECKING:
    from chronik.metadata.image import MetadataImage, PartitionState


def elected(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """ElectLeaders: each partition that the answer names."""
    for topic in response.replica_election_results:
        for result in topic.partition_result:
            code, reason = told(result)
            old, new = (_state(image, topic.topic, result.partition_id) for image in (before, after))
            yield Changed(f"TOPIC:{topic.topic}", code, reason, _leader(old), {} if code else _leader(new), {"partition": result.partition_id})
    if response.error_code:
        yield Changed("CLUSTER:kafka-cluster", response.error_code)


def reassigned(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """AlterPartitionReassignments: who keeps a partition, and who is to."""
    outcomes = {(topic.name, part.partition_index): part for topic in response.responses for part in topic.partitions}
    for topic in request.topics:
        for part in topic.partitions:
            code, reason = told(outcomes.get((topic.name, part.partition_index)))
            code = code or response.error_code
            old, new = (_replicas(_state(image, topic.name, part.partition_index)) for image in (before, after))
            details = {"partition": part.partition_index, "wanted": part.replicas}
            yield Changed(f"TOPIC:{topic.name}", code, reason, old, {} if code else new, details)


def moved(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """AlterReplicaLogDirs: into which directory."""
    outcomes = {(topic.topic_name, part.partition_index): part for topic in response.results for part in topic.partitions}
    for directory in request.dirs:
        for topic in directory.topics:
            for number in topic.partitions:
                code, reason = told(outcomes.get((topic.name, number)))
                yield Changed(f"TOPIC:{topic.name}", code, reason, details={"partition": number, "directory": directory.path})


def features_updated(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """UpdateFeatures."""
    outcomes = {result.feature: result for result in response.results}
    for update in request.feature_updates:
        code, reason = told(outcomes.get(update.feature))
        code = code or response.error_code
        old, new = ({update.feature: image.features.get(update.feature)} for image in (before, after))
        details = {"feature": update.feature, "level": update.max_version_level}
        yield Changed("CLUSTER:kafka-cluster", code, reason or response.error_message or "", old, {} if code else new, details)


def unregistered(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """UnregisterBroker."""
    code, reason = told(response)
    yield Changed(f"BROKER:{request.broker_id}", code, reason)


def groups_deleted(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """DeleteGroups."""
    for result in response.results:
        yield Changed(f"GROUP:{result.group_id}", result.error_code)


def offsets_deleted(before: MetadataImage, after: MetadataImage, request: Any, response: Any) -> Iterable[Changed]:
    """OffsetDelete."""
    outcomes = {(topic.name, part.partition_index): part.error_code for topic in response.topics for part in topic.partitions}
    for topic in request.topics:
        for part in topic.partitions:
            code = response.error_code or outcomes.get((topic.name, part.partition_index), 0)
            yield Changed(f"GROUP:{request.group_id}", code, details={"topic": topic.name, "partition": part.partition_index})


def _state(image: MetadataImage, name: str, number: int) -> PartitionState | None:
    topic = image.topics.get(name)
    partitions: Sequence[PartitionState] = () if topic is None else topic.partitions
    return partitions[number] if 0 <= number < len(partitions) else None


def _leader(state: PartitionState | None) -> Mapping[str, Any]:
    return {} if state is None else {"leader": state.leader}


def _replicas(state: PartitionState | None) -> Mapping[str, Any]:
    if state is None:
        return {}
    moving = {name: ids for name, ids in (("adding", state.adding), ("removing", state.removing)) if ids}
    return {"replicas": state.replicas, **moving}
