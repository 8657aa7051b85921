"""DescribeLogDirs (35): the log directories, how full they are and of what (KIP-113, KIP-827)."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicPartition
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import DescribeLogDirsRequest, DescribeLogDirsResponse
from chronik.security.interfaces import Operation
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext
from chronik.storage.interfaces import DirectoryUsage, LogUsage

_Directory: TypeAlias = DescribeLogDirsResponse.DescribeLogDirsResult
_Topic: TypeAlias = DescribeLogDirsResponse.DescribeLogDirsTopic
_Partition: TypeAlias = DescribeLogDirsResponse.DescribeLogDirsPartition


async def _describe_log_dirs(context: RequestContext, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse:
    if not context.allowed_cluster(Operation.DESCRIBE):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not describe the cluster")
    wanted = None if request.topics is None else {TopicPartition(topic.topic, n) for topic in request.topics for n in topic.partitions}
    return DescribeLogDirsResponse(results=tuple(_directory(used, wanted) for used in await context.services.logs.usage()))


def _directory(used: DirectoryUsage, wanted: Container[TopicPartition] | None) -> _Directory:
    if used.error is not None:
        return _Directory(error_code=used.error.code, log_dir=used.path)
    topics: dict[str, list[LogUsage]] = {}
    for log in used.logs:
        if wanted is None or log.topic_partition in wanted:
            topics.setdefault(log.topic_partition.topic, []).append(log)
    return _Directory(
        log_dir=used.path,
        topics=tuple(_topic(name, logs) for name, logs in topics.items()),
        total_bytes=used.total_bytes,
        usable_bytes=used.usable_bytes,
    )


def _topic(name: str, logs: Iterable[LogUsage]) -> _Topic:
    return _Topic(name=name, partitions=tuple(map(_partition, logs)))


def _partition(log: LogUsage) -> _Partition:
    return _Partition(
        partition_index=log.topic_partition.partition, partition_size=log.size_bytes, offset_lag=log.offset_lag, is_future_key=log.is_future
    )


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    """From version 3 on the answer has a place for the error; before, it is empty."""
    return DescribeLogDirsResponse(error_code=error.code if version >= 3 else ErrorCode.NONE)


APIS = (Api(ApiKey.DESCRIBE_LOG_DIRS, "DescribeLogDirs", (1, 5), _describe_log_dirs, _refusal, asks_cluster(Operation.DESCRIBE)),)
