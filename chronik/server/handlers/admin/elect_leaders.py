"""ElectLeaders (43): give partitions their preferred leader, or any (KIP-183, KIP-460)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from chronik.cluster.election import ElectionType
from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import ElectLeadersRequest, ElectLeadersResponse
from chronik.security.interfaces import Operation
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext

_Topic: TypeAlias = ElectLeadersResponse.ReplicaElectionResult
_Partition: TypeAlias = ElectLeadersResponse.PartitionResult


async def _elect_leaders(context: RequestContext, request: ElectLeadersRequest) -> ElectLeadersResponse:
    if not context.allowed_cluster(Operation.ALTER):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not alter the cluster")
    try:
        kind = ElectionType(request.election_type)
    except ValueError:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unknown election type {request.election_type}") from None
    if request.topic_partitions is None:
        every = [(name, tuple(range(len(topic.partitions)))) for name, topic in context.services.metadata.image.topics.items()]
        return await _elect(context, kind, every, quiet=True)
    return await _elect(context, kind, [(topic.topic, topic.partitions) for topic in request.topic_partitions], quiet=False)


async def _elect(context: RequestContext, kind: ElectionType, topics: Sequence[tuple[str, Sequence[int]]], quiet: bool) -> ElectLeadersResponse:
    """Elect.

    :param quiet: whether partitions that need no election are left out of the answer.
    """
    wanted = [(name, number) for name, numbers in topics for number in numbers]
    outcomes = iter(await context.services.controller.elect_leaders(wanted, kind))
    results = []
    for name, numbers in topics:
        told = [(number, next(outcomes)) for number in numbers]
        results.append(_Topic(topic=name, partition_result=tuple(_result(n, o) for n, o in told if not (quiet and _needless(o)))))
    return ElectLeadersResponse(replica_election_results=tuple(results))


def _needless(outcome: KafkaError | None) -> bool:
    return outcome is not None and outcome.code is ErrorCode.ELECTION_NOT_NEEDED


def _result(number: int, error: KafkaError | None) -> _Partition:
    if error is None:
        return _Partition(partition_id=number, error_message=None)
    return _Partition(partition_id=number, error_code=error.code, error_message=error.message or None)


def _refusal(request: ElectLeadersRequest, version: int, error: KafkaError) -> Message:
    """Version 0 has no place for the error but the partitions."""
    topics = tuple(
        _Topic(topic=topic.topic, partition_result=tuple(_result(number, error) for number in topic.partitions))
        for topic in request.topic_partitions or ()
    )
    return ElectLeadersResponse(error_code=error.code if version >= 1 else ErrorCode.NONE, replica_election_results=topics)


APIS = (Api(ApiKey.ELECT_LEADERS, "ElectLeaders", (0, 2), _elect_leaders, _refusal, asks_cluster(Operation.ALTER)),)
