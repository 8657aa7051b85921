"""AlterReplicaLogDirs (34): move partitions between this broker's log directories while they are used (KIP-113)."""

from __future__ import annotations

from typing import Any, TypeAlias

from twisted.logger import Logger

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse
from chronik.security.interfaces import Operation
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext

_log = Logger()

_Topic: TypeAlias = AlterReplicaLogDirsResponse.AlterReplicaLogDirTopicResult
_Partition: TypeAlias = AlterReplicaLogDirsResponse.AlterReplicaLogDirPartitionResult


async def _alter_replica_log_dirs(context: RequestContext, request: AlterReplicaLogDirsRequest) -> AlterReplicaLogDirsResponse:
    """Begin each move; how far it is, DescribeLogDirs tells. A partition that is named several times goes where it was said last."""
    if not context.allowed_cluster(Operation.ALTER):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not alter the cluster")
    wanted = {(topic.name, number): each.path for each in request.dirs for topic in each.topics for number in topic.partitions}
    topics: dict[str, list[_Partition]] = {}
    for (name, number), path in wanted.items():
        topics.setdefault(name, []).append(_Partition(partition_index=number, error_code=await _move(context, name, number, path)))
    return AlterReplicaLogDirsResponse(results=tuple(_Topic(topic_name=name, partitions=tuple(parts)) for name, parts in topics.items()))


async def _move(context: RequestContext, name: str, number: int, path: str) -> ErrorCode:
    """The answer has no room for words: the log has them."""
    try:
        await context.services.moves.move(name, number, path)
    except KafkaError as error:
        _log.warn("{topic}-{partition} is not moved to {path}: {why}", topic=name, partition=number, path=path, why=error.message)
        return error.code
    return ErrorCode.NONE


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    """The answer has no error of its own: every partition gets it."""
    return AlterReplicaLogDirsResponse(
        results=tuple(
            _Topic(topic_name=topic.name, partitions=tuple(_Partition(partition_index=n, error_code=error.code) for n in topic.partitions))
            for each in request.dirs
            for topic in each.topics
        )
    )


APIS = (Api(ApiKey.ALTER_REPLICA_LOG_DIRS, "AlterReplicaLogDirs", (1, 2), _alter_replica_log_dirs, _refusal, asks_cluster(Operation.ALTER)),)
