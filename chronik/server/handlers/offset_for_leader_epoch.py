"""OffsetForLeaderEpoch (23): where a leader epoch ended, by which readers see that what they read was truncated (KIP-101, KIP-320)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext

if TYPE_CHECKING:
    from chronik.server.services import Services

_Wanted: TypeAlias = OffsetForLeaderEpochRequest.OffsetForLeaderPartition
_Topic: TypeAlias = OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult
_Answer: TypeAlias = OffsetForLeaderEpochResponse.EpochEndOffset


async def _offset_for_leader_epoch(context: RequestContext, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse:
    return OffsetForLeaderEpochResponse(
        topics=tuple(
            _Topic(topic=topic.topic, partitions=tuple(_one(context, topic.topic, part) for part in topic.partitions)) for topic in request.topics
        )
    )


def _one(context: RequestContext, topic: str, part: _Wanted) -> _Answer:
    try:
        if not (context.allowed_cluster(Operation.CLUSTER_ACTION) or context.allowed(Operation.DESCRIBE, ResourceType.TOPIC, topic)):
            raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, f"{context.session.principal} may not describe topic {topic}")
        partition = context.services.partitions.get(topic, part.partition)
        partition.check_epoch(part.current_leader_epoch)
    except KafkaError as error:
        return _Answer(partition=part.partition, error_code=error.code)
    epoch, end_offset = partition.end_offset_for_epoch(part.leader_epoch)
    return _Answer(partition=part.partition, leader_epoch=epoch, end_offset=end_offset)


def _rule(services: Services, request: OffsetForLeaderEpochRequest) -> Iterable[Action]:
    yield Action(Operation.CLUSTER_ACTION, ResourceType.CLUSTER, CLUSTER_NAME)
    for topic in request.topics:
        yield Action(Operation.DESCRIBE, ResourceType.TOPIC, topic.topic)


def _refusal(request: OffsetForLeaderEpochRequest, version: int, error: KafkaError) -> Message:
    return OffsetForLeaderEpochResponse(
        topics=tuple(
            _Topic(topic=topic.topic, partitions=tuple(_Answer(partition=part.partition, error_code=error.code) for part in topic.partitions))
            for topic in request.topics
        )
    )


APIS = (Api(ApiKey.OFFSET_FOR_LEADER_EPOCH, "OffsetForLeaderEpoch", (2, 4), _offset_for_leader_epoch, _refusal, _rule),)
