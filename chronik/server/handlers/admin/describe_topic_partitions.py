"""DescribeTopicPartitions (75): topics and their partitions, a page at a time (KIP-966)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import TopicImage
from chronik.model import INTERNAL_TOPICS, topic_name_problem
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, Message
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.admin.cluster_view import ClusterView, PartitionView
from chronik.server.handlers.operations import NOT_ASKED, actions_on, allowed_operations

if TYPE_CHECKING:
    from chronik.server.services import Services

_Topic: TypeAlias = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic
_Partition: TypeAlias = DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition
_Cursor: TypeAlias = DescribeTopicPartitionsResponse.Cursor


async def _describe(context: RequestContext, request: DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse:
    names = _names(context.services, request)
    _check_cursor(request, names)
    view = ClusterView(context.services.metadata.image, context.session)
    start_name, start = (request.cursor.topic_name, request.cursor.partition_index) if request.cursor else ("", 0)
    most: int = context.services.config.get("max.request.partition.size.limit")
    room = max(1, min(request.response_partition_limit, most))
    topics: list[_Topic] = []
    for name in names:
        if name < start_name:
            continue
        if not context.allowed(Operation.DESCRIBE, ResourceType.TOPIC, name):
            if request.topics:
                topics.append(_failed(ErrorCode.TOPIC_AUTHORIZATION_FAILED, name))
            continue
        topic = view.image.topics.get(name)
        if topic is None:
            topics.append(_failed(_why_missing(name), name))
            continue
        first = start if name == start_name else 0
        if room <= 0:
            return DescribeTopicPartitionsResponse(topics=tuple(topics), next_cursor=_Cursor(topic_name=name, partition_index=first))
        topics.append(_found(context, view, topic, first, room))
        room -= len(topics[-1].partitions)
        if first + len(topics[-1].partitions) < len(topic.partitions):
            cursor = _Cursor(topic_name=name, partition_index=first + len(topics[-1].partitions))
            return DescribeTopicPartitionsResponse(topics=tuple(topics), next_cursor=cursor)
    return DescribeTopicPartitionsResponse(topics=tuple(topics), next_cursor=None)


def _names(services: Services, request: DescribeTopicPartitionsRequest) -> Sequence[str]:
    return sorted({topic.name for topic in request.topics} or services.metadata.image.topics)


def _check_cursor(request: DescribeTopicPartitionsRequest, names: Sequence[str]) -> None:
    if request.cursor is None:
        return
    if request.topics and request.cursor.topic_name not in names:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"The topics asked for do not contain the cursor's topic {request.cursor.topic_name}")
    if request.cursor.partition_index < 0:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"The cursor's partition {request.cursor.partition_index} is negative")


def _found(context: RequestContext, view: ClusterView, topic: TopicImage, first: int, room: int) -> _Topic:
    return _Topic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.name in INTERNAL_TOPICS,
        partitions=tuple(_partition(number, partition) for number, partition in view.partitions(topic) if first <= number < first + room),
        topic_authorized_operations=allowed_operations(context, ResourceType.TOPIC, topic.name),
    )


def _partition(number: int, partition: PartitionView) -> _Partition:
    return _Partition(
        error_code=partition.error,
        partition_index=number,
        leader_id=partition.leader,
        leader_epoch=partition.state.leader_epoch,
        replica_nodes=partition.state.replicas,
        isr_nodes=partition.state.isr,
        eligible_leader_replicas=partition.state.elr,
        last_known_elr=(),
        offline_replicas=partition.offline,
    )


def _why_missing(name: str) -> ErrorCode:
    return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if topic_name_problem(name) is None else ErrorCode.INVALID_TOPIC_EXCEPTION


def _failed(code: ErrorCode, name: str) -> _Topic:
    return _Topic(error_code=code, name=name, is_internal=name in INTERNAL_TOPICS, topic_authorized_operations=NOT_ASKED)


def _rule(services: Services, request: DescribeTopicPartitionsRequest) -> Iterable[Action]:
    for name in _names(services, request):
        yield from actions_on(ResourceType.TOPIC, name)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return DescribeTopicPartitionsResponse(topics=tuple(_failed(error.code, topic.name) for topic in request.topics), next_cursor=None)


APIS = (Api(ApiKey.DESCRIBE_TOPIC_PARTITIONS, "DescribeTopicPartitions", (0, 0), _describe, _refusal, _rule),)
