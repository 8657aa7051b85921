"""What classic consumers write into the metadata and assignments of their groups, read and written by the broker."""

from __future__ import annotations

from dataclasses import dataclass

from chronik.coordinator.group.consumer.member import Assignment
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import MetadataImage
from chronik.model import TopicId
from chronik.protocol.messages import ConsumerProtocolAssignment, ConsumerProtocolSubscription
from chronik.protocol.primitives import DecodeError
from chronik.protocol.versioned import encode_versioned, peek_version


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a classic consumer wants and has; ``owned`` is by topic name."""

    topics: frozenset[str]
    owned: tuple[tuple[str, frozenset[int]], ...]
    rack_id: str | None


def subscription_version(metadata: bytes) -> int:
    """The version of a consumer's metadata; what newer versions than ours add comes after what we know."""
    return max(0, min(peek_version(metadata), ConsumerProtocolSubscription.versions[-1]))


def read_subscription(metadata: bytes) -> Subscription:
    """A consumer's metadata.

    :raises KafkaError: ``INCONSISTENT_GROUP_PROTOCOL`` for what is no such metadata.
    """
    try:
        read = ConsumerProtocolSubscription.decode(metadata, subscription_version(metadata), 2)[0]
    except DecodeError as error:
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"the metadata is not that of a consumer: {error}") from None
    owned = tuple((topic.topic, frozenset(topic.partitions)) for topic in read.owned_partitions)
    return Subscription(frozenset(read.topics), owned, read.rack_id or None)


def owned_ids(subscription: Subscription, image: MetadataImage) -> Assignment:
    """What a classic consumer says it owns, of topics that exist."""
    return {image.topics[name].topic_id: partitions for name, partitions in subscription.owned if name in image.topics}


def read_assignment(assignment: bytes, image: MetadataImage) -> tuple[Assignment, bool]:
    """Partitions of topics that exist; and whether an assignor added something of its own.

    :raises KafkaError: ``INCONSISTENT_GROUP_PROTOCOL`` for what is no such assignment.
    """
    if not assignment:
        return {}, False
    try:
        version = max(0, min(peek_version(assignment), ConsumerProtocolAssignment.versions[-1]))
        read = ConsumerProtocolAssignment.decode(assignment, version, 2)[0]
    except DecodeError as error:
        raise KafkaError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"the assignment is not that of a consumer: {error}") from None
    found: dict[TopicId, frozenset[int]] = {}
    for topic in read.assigned_partitions:
        if topic.topic in image.topics:
            topic_id = image.topics[topic.topic].topic_id
            found[topic_id] = found.get(topic_id, frozenset()) | frozenset(topic.partitions)
    return found, bool(read.user_data)


def write_assignment(assignment: Assignment, image: MetadataImage, version: int) -> bytes:
    """An assignment as a classic consumer of this version reads it."""
    topics = sorted((image.names[topic_id], sorted(partitions)) for topic_id, partitions in assignment.items() if topic_id in image.names)
    value = ConsumerProtocolAssignment(
        assigned_partitions=tuple(ConsumerProtocolAssignment.TopicPartition(topic=name, partitions=tuple(some)) for name, some in topics),
        user_data=None,
    )
    return encode_versioned(value, min(version, ConsumerProtocolAssignment.versions[-1]))
