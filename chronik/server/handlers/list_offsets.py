"""ListOffsets (2): where a partition begins and ends, and which offset belongs to a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.model import IsolationLevel
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import ListOffsetsRequest, ListOffsetsResponse
from chronik.replica.partition import (
    EARLIEST_LOCAL_TIMESTAMP,
    EARLIEST_PENDING_UPLOAD_TIMESTAMP,
    EARLIEST_TIMESTAMP,
    LATEST_TIERED_TIMESTAMP,
    LATEST_TIMESTAMP,
    MAX_TIMESTAMP,
)
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext

if TYPE_CHECKING:
    from chronik.server.services import Services

FIRST_VERSIONS: Final = {
    LATEST_TIMESTAMP: 0,
    EARLIEST_TIMESTAMP: 0,
    MAX_TIMESTAMP: 7,
    EARLIEST_LOCAL_TIMESTAMP: 8,
    LATEST_TIERED_TIMESTAMP: 9,
    EARLIEST_PENDING_UPLOAD_TIMESTAMP: 11,
}
"""From which version on a request may use each special timestamp (KIP-734, KIP-405, KIP-1005, KIP-1023)."""

_Topic: TypeAlias = ListOffsetsRequest.ListOffsetsTopic
_Wanted: TypeAlias = ListOffsetsRequest.ListOffsetsPartition
_TopicAnswer: TypeAlias = ListOffsetsResponse.ListOffsetsTopicResponse
_PartitionAnswer: TypeAlias = ListOffsetsResponse.ListOffsetsPartitionResponse


async def _list_offsets(context: RequestContext, request: ListOffsetsRequest) -> ListOffsetsResponse:
    asked = Counter((topic.name, part.partition_index) for topic in request.topics for part in topic.partitions)
    isolation = IsolationLevel.READ_COMMITTED if request.isolation_level == 1 else IsolationLevel.READ_UNCOMMITTED
    topics = []
    for topic in request.topics:
        parts = []
        for part in topic.partitions:
            try:
                if asked[topic.name, part.partition_index] > 1:
                    raise KafkaError(ErrorCode.INVALID_REQUEST, f"{topic.name}-{part.partition_index} is asked for more than once")
                parts.append(await _one(context, topic, part, isolation))
            except KafkaError as error:
                parts.append(_refused(part, context.told(error.code)))
        topics.append(_TopicAnswer(name=topic.name, partitions=tuple(parts)))
    return ListOffsetsResponse(topics=tuple(topics))


async def _one(context: RequestContext, topic: _Topic, part: _Wanted, isolation: IsolationLevel) -> _PartitionAnswer:
    if not context.allowed(Operation.DESCRIBE, ResourceType.TOPIC, topic.name):
        raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, f"{context.session.principal} may not describe topic {topic.name}")
    if part.timestamp < 0 and context.api_version < FIRST_VERSIONS.get(part.timestamp, context.api_version + 1):
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, f"timestamp {part.timestamp} means nothing in version {context.api_version}")
    partition = context.services.partitions.get(topic.name, part.partition_index)
    partition.check_epoch(part.current_leader_epoch)
    found = await partition.list_offset(part.timestamp, isolation)
    if found is None:
        return _PartitionAnswer(partition_index=part.partition_index)
    return _PartitionAnswer(
        partition_index=part.partition_index, timestamp=found.timestamp, offset=found.offset, leader_epoch=found.leader_epoch
    )


def _refused(part: _Wanted, code: ErrorCode) -> _PartitionAnswer:
    return _PartitionAnswer(partition_index=part.partition_index, error_code=code)


def _rule(services: Services, request: ListOffsetsRequest) -> Iterable[Action]:
    for topic in request.topics:
        yield Action(Operation.DESCRIBE, ResourceType.TOPIC, topic.name)


def _refusal(request: ListOffsetsRequest, version: int, error: KafkaError) -> Message:
    return ListOffsetsResponse(
        topics=tuple(
            _TopicAnswer(name=topic.name, partitions=tuple(_refused(part, error.code) for part in topic.partitions)) for topic in request.topics
        )
    )


APIS = (Api(ApiKey.LIST_OFFSETS, "ListOffsets", (1, 11), _list_offsets, _refusal, _rule),)
