"""DescribeProducers (61): what partitions remember of idempotent producers (KIP-664)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.model import topic_name_problem
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import DescribeProducersRequest, DescribeProducersResponse
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.storage.interfaces import ProducerSummary

if TYPE_CHECKING:
    from chronik.server.services import Services

_Topic: TypeAlias = DescribeProducersResponse.TopicResponse
_Partition: TypeAlias = DescribeProducersResponse.PartitionResponse
_Producer: TypeAlias = DescribeProducersResponse.ProducerState


async def _describe_producers(context: RequestContext, request: DescribeProducersRequest) -> DescribeProducersResponse:
    wanted: dict[str, dict[int, None]] = {}
    for topic in request.topics:
        # Each once: a small request that names one partition again and again would have a huge answer.
        wanted.setdefault(topic.name, {}).update(dict.fromkeys(topic.partition_indexes))
    return DescribeProducersResponse(
        topics=tuple(_Topic(name=name, partitions=tuple(_partition(context, name, number) for number in numbers)) for name, numbers in wanted.items())
    )


def _partition(context: RequestContext, name: str, number: int) -> _Partition:
    try:
        problem = topic_name_problem(name)
        if problem is not None:
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"Topic name is invalid: {problem}")
        if not context.allowed(Operation.READ, ResourceType.TOPIC, name):
            raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, f"{context.session.principal} may not read topic {name}")
        producers = context.services.partitions.get(name, number).log.active_producers()
    except KafkaError as error:
        return _failed(number, error)
    return _Partition(partition_index=number, error_message=None, active_producers=tuple(map(_producer, producers)))


def _producer(summary: ProducerSummary) -> _Producer:
    return _Producer(
        producer_id=summary.producer_id,
        producer_epoch=summary.producer_epoch,
        last_sequence=summary.last_sequence,
        last_timestamp=summary.last_timestamp,
        coordinator_epoch=summary.coordinator_epoch,
        current_txn_start_offset=summary.current_transaction_start_offset,
    )


def _failed(number: int, error: KafkaError) -> _Partition:
    return _Partition(partition_index=number, error_code=error.code, error_message=error.message or None)


def _rule(services: Services, request: DescribeProducersRequest) -> Iterable[Action]:
    return (Action(Operation.READ, ResourceType.TOPIC, topic.name) for topic in request.topics)


def _refusal(request: DescribeProducersRequest, version: int, error: KafkaError) -> Message:
    return DescribeProducersResponse(
        topics=tuple(
            _Topic(name=topic.name, partitions=tuple(_failed(number, error) for number in topic.partition_indexes)) for topic in request.topics
        )
    )


APIS = (Api(ApiKey.DESCRIBE_PRODUCERS, "DescribeProducers", (0, 0), _describe_producers, _refusal, _rule),)
