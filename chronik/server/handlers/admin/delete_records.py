"""DeleteRecords (21): forget the oldest records of partitions (KIP-107)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from twisted.internet.defer import Deferred

from chronik.errors import ErrorCode, KafkaError
from chronik.model import INTERNAL_TOPICS
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import DeleteRecordsRequest, DeleteRecordsResponse
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.settling import settle_all

if TYPE_CHECKING:
    from chronik.server.services import Services

_Topic: TypeAlias = DeleteRecordsResponse.DeleteRecordsTopicResult
_Partition: TypeAlias = DeleteRecordsResponse.DeleteRecordsPartitionResult


async def _delete_records(context: RequestContext, request: DeleteRecordsRequest) -> DeleteRecordsResponse:
    wanted: dict[str, dict[int, int]] = {}
    for topic in request.topics:
        wanted.setdefault(topic.name, {}).update((part.partition_index, part.offset) for part in topic.partitions)
    deletions = {(name, number): _delete(context, name, number, offset) for name, parts in wanted.items() for number, offset in parts.items()}
    late = KafkaError(ErrorCode.REQUEST_TIMED_OUT, f"not deleted durably within {request.timeout_ms} ms; it may yet be")
    outcomes = await settle_all(context.services.purgatory, deletions, request.timeout_ms, late)
    return DeleteRecordsResponse(topics=tuple(_topic(name, {number: outcomes[name, number] for number in parts}) for name, parts in wanted.items()))


def _delete(context: RequestContext, name: str, number: int, offset: int) -> Deferred[int]:
    return Deferred.fromCoroutine(_checked(context, name, number, offset))


async def _checked(context: RequestContext, name: str, number: int, offset: int) -> int:
    if not context.allowed(Operation.DELETE, ResourceType.TOPIC, name):
        raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, f"{context.session.principal} may not delete of topic {name}")
    if name in INTERNAL_TOPICS:
        raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"Cannot delete records of internal topic {name}")
    start: int = await context.services.partitions.get(name, number).delete_records(offset)
    return start


def _topic(name: str, outcomes: Mapping[int, int | KafkaError]) -> _Topic:
    return _Topic(name=name, partitions=tuple(_partition(number, outcome) for number, outcome in outcomes.items()))


def _partition(number: int, outcome: int | KafkaError) -> _Partition:
    if isinstance(outcome, KafkaError):
        return _Partition(partition_index=number, low_watermark=-1, error_code=outcome.code)
    return _Partition(partition_index=number, low_watermark=outcome)


def _rule(services: Services, request: DeleteRecordsRequest) -> Iterable[Action]:
    return (Action(Operation.DELETE, ResourceType.TOPIC, topic.name) for topic in request.topics)


def _refusal(request: DeleteRecordsRequest, version: int, error: KafkaError) -> Message:
    return DeleteRecordsResponse(
        topics=tuple(_topic(topic.name, {part.partition_index: error for part in topic.partitions}) for topic in request.topics)
    )


APIS = (Api(ApiKey.DELETE_RECORDS, "DeleteRecords", (0, 2), _delete_records, _refusal, _rule),)
