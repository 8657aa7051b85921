"""AlterPartitionReassignments (45) and ListPartitionReassignments (46): which brokers keep a partition (KIP-455)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from chronik.cluster.interfaces import Reassignment
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import TopicImage
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)
from chronik.security.interfaces import Operation
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext

_Topic: TypeAlias = AlterPartitionReassignmentsResponse.ReassignableTopicResponse
_Partition: TypeAlias = AlterPartitionReassignmentsResponse.ReassignablePartitionResponse


async def _alter(context: RequestContext, request: AlterPartitionReassignmentsRequest) -> AlterPartitionReassignmentsResponse:
    if not context.allowed_cluster(Operation.ALTER):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not alter the cluster")
    wanted = [Reassignment(topic.name, part.partition_index, part.replicas) for topic in request.topics for part in topic.partitions]
    outcomes = iter(await context.services.controller.reassign(wanted, same_factor=not request.allow_replication_factor_change))
    return AlterPartitionReassignmentsResponse(
        allow_replication_factor_change=request.allow_replication_factor_change,
        error_message=None,
        responses=tuple(
            _Topic(name=topic.name, partitions=tuple(_result(part.partition_index, next(outcomes)) for part in topic.partitions))
            for topic in request.topics
        ),
    )


def _result(number: int, error: KafkaError | None) -> _Partition:
    if error is None:
        return _Partition(partition_index=number, error_message=None)
    return _Partition(partition_index=number, error_code=error.code, error_message=error.message or None)


def _alter_refusal(request: Any, version: int, error: KafkaError) -> Message:
    return AlterPartitionReassignmentsResponse(error_code=error.code, error_message=error.message or None)


async def _list(context: RequestContext, request: ListPartitionReassignmentsRequest) -> ListPartitionReassignmentsResponse:
    if not context.allowed_cluster(Operation.DESCRIBE):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not describe the cluster")
    topics = context.services.metadata.image.topics
    if request.topics is None:
        found = [(name, tuple(range(len(topic.partitions)))) for name, topic in topics.items()]
    else:
        found = [(topic.name, topic.partition_indexes) for topic in request.topics if topic.name in topics]
    answers = [(name, tuple(_ongoing(topics[name], numbers))) for name, numbers in found]
    listed = ListPartitionReassignmentsResponse.OngoingTopicReassignment
    return ListPartitionReassignmentsResponse(
        error_message=None, topics=tuple(listed(name=name, partitions=partitions) for name, partitions in answers if partitions)
    )


def _ongoing(topic: TopicImage, numbers: Iterable[int]) -> Iterator[ListPartitionReassignmentsResponse.OngoingPartitionReassignment]:
    """Those of the partitions that are being moved; what is asked for and does not exist is not."""
    for number in numbers:
        state = topic.partitions[number] if 0 <= number < len(topic.partitions) else None
        if state is not None and (state.adding or state.removing):
            yield ListPartitionReassignmentsResponse.OngoingPartitionReassignment(
                partition_index=number, replicas=state.replicas, adding_replicas=state.adding, removing_replicas=state.removing
            )


def _list_refusal(request: Any, version: int, error: KafkaError) -> Message:
    return ListPartitionReassignmentsResponse(error_code=error.code, error_message=error.message or None)


APIS = (
    Api(ApiKey.ALTER_PARTITION_REASSIGNMENTS, "AlterPartitionReassignments", (0, 1), _alter, _alter_refusal, asks_cluster(Operation.ALTER)),
    Api(ApiKey.LIST_PARTITION_REASSIGNMENTS, "ListPartitionReassignments", (0, 0), _list, _list_refusal, asks_cluster(Operation.DESCRIBE)),
)
