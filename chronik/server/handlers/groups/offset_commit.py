"""OffsetCommit (8): offsets by topic name, or from version 10 on by topic id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from chronik.coordinator.group.interfaces import Committing, OffsetCommit
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import TopicImage
from chronik.model import TopicId, TopicPartition
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import OffsetCommitRequest, OffsetCommitResponse
from chronik.security.interfaces import Action, Operation
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.groups.access import check_group, on_group
from chronik.server.handlers.topic_access import on_topic, topic_refusal, unknown_id

if TYPE_CHECKING:
    from chronik.server.services import Services

FIRST_VERSION_WITH_EPOCHS: Final = 9
"""It came with member epochs, and with an error of its own for groups that there are not."""

FIRST_VERSION_WITH_TOPIC_IDS: Final = 10
LAST_VERSION_WITH_RETENTION: Final = 4

_Topic: TypeAlias = OffsetCommitRequest.OffsetCommitRequestTopic
_Partition: TypeAlias = OffsetCommitRequest.OffsetCommitRequestPartition

_TIMESTAMP_MAX: Final = 2**63 - 1
"""What fits into the record of an offset."""


async def _offset_commit(context: RequestContext, request: OffsetCommitRequest) -> OffsetCommitResponse:
    check_group(context, Operation.READ, request.group_id)
    outcomes: dict[tuple[int, int], KafkaError | None] = {}
    offsets: dict[TopicPartition, OffsetCommit] = {}
    places: dict[tuple[int, int], TopicPartition] = {}
    expiry = _expiry(context, request)
    for at, topic in enumerate(request.topics):
        for partition in topic.partitions:
            try:
                place = _place(context, topic, partition.partition_index)
                metadata = partition.committed_metadata or ""
                offsets[place] = OffsetCommit(partition.committed_offset, partition.committed_leader_epoch, metadata, expiry)
                places[at, partition.partition_index] = place
            except KafkaError as error:
                outcomes[at, partition.partition_index] = error
    if offsets:
        committing = Committing(
            request.group_id,
            request.generation_id_or_member_epoch,
            request.member_id,
            request.group_instance_id,
            offsets,
            knows_epochs=context.api_version >= FIRST_VERSION_WITH_EPOCHS,
        )
        committed = await _commit(context, committing)
        outcomes.update((mention, committed[place]) for mention, place in places.items())
    return _response(request, outcomes)


async def _commit(context: RequestContext, committing: Committing) -> Mapping[TopicPartition, KafkaError | None]:
    """What came of each offset; a refusal of them all does not hide what is wrong with the partitions that are not among them."""
    try:
        committed: Mapping[TopicPartition, KafkaError | None] = await context.services.groups.commit(committing)
    except KafkaError as error:
        return dict.fromkeys(committing.offsets, KafkaError(context.told(error.code), error.message))
    return committed


def _expiry(context: RequestContext, request: OffsetCommitRequest) -> int:
    """When the offsets expire, as only old clients may say; -1 for the broker's rule."""
    if context.api_version > LAST_VERSION_WITH_RETENTION or request.retention_time_ms < 0:
        return -1
    return min(int(context.services.wall_clock() * 1000) + request.retention_time_ms, _TIMESTAMP_MAX)


def _place(context: RequestContext, topic: _Topic, partition: int) -> TopicPartition:
    """The partition meant.

    :raises KafkaError: it is unknown, or not the caller's to read.
    """
    image = context.services.metadata.image
    by_id = context.api_version >= FIRST_VERSION_WITH_TOPIC_IDS
    found: TopicImage | None = image.topic_by_id(topic.topic_id) if by_id else image.topics.get(topic.name)
    if by_id and found is None:
        raise unknown_id()
    name = found.name if found is not None else topic.name
    refusal = topic_refusal(context, Operation.READ, name, by_id)
    if refusal is not None:
        raise refusal
    if found is None or not 0 <= partition < len(found.partitions):
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no partition {name}-{partition}")
    return TopicPartition(name, partition)


def _response(request: OffsetCommitRequest, outcomes: Mapping[tuple[int, int], KafkaError | None]) -> OffsetCommitResponse:
    return OffsetCommitResponse(
        topics=tuple(
            OffsetCommitResponse.OffsetCommitResponseTopic(
                name=topic.name,
                topic_id=topic.topic_id,
                partitions=tuple(_answer(partition, outcomes.get((at, partition.partition_index))) for partition in topic.partitions),
            )
            for at, topic in enumerate(request.topics)
        )
    )


def _answer(partition: _Partition, outcome: KafkaError | None) -> OffsetCommitResponse.OffsetCommitResponsePartition:
    code = ErrorCode.NONE if outcome is None else outcome.code
    return OffsetCommitResponse.OffsetCommitResponsePartition(partition_index=partition.partition_index, error_code=code)


def _rule(services: Services, request: OffsetCommitRequest) -> Iterable[Action]:
    yield on_group(Operation.READ, request.group_id)
    names = services.metadata.image.names
    for topic in request.topics:
        yield from on_topic(Operation.READ, topic.name or names.get(TopicId(topic.topic_id)), by_id=not topic.name)


def _refusal(request: OffsetCommitRequest, version: int, error: KafkaError) -> Message:
    outcomes = {(at, partition.partition_index): error for at, topic in enumerate(request.topics) for partition in topic.partitions}
    return _response(request, outcomes)


APIS = (Api(ApiKey.OFFSET_COMMIT, "OffsetCommit", (2, 10), _offset_commit, _refusal, _rule),)
