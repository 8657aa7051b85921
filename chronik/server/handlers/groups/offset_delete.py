"""OffsetDelete (47): forget committed offsets (KIP-496)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicPartition
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import OffsetDeleteRequest, OffsetDeleteResponse
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.groups.access import check_group, on_group

if TYPE_CHECKING:
    from chronik.server.services import Services


async def _offset_delete(context: RequestContext, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
    check_group(context, Operation.DELETE, request.group_id)
    outcomes: dict[TopicPartition, KafkaError | None] = {}
    places = []
    for topic in request.topics:
        for partition in topic.partitions:
            place = TopicPartition(topic.name, partition.partition_index)
            refused = _problem(context, place)
            if refused is None:
                places.append(place)
            else:
                outcomes[place] = refused
    outcomes.update(await context.services.groups.delete_offsets(request.group_id, places))
    return _response(request, outcomes)


def _problem(context: RequestContext, place: TopicPartition) -> KafkaError | None:
    if not context.allowed(Operation.READ, ResourceType.TOPIC, place.topic):
        return KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, f"{context.session.principal} may not read topic {place.topic}")
    topic = context.services.metadata.image.topics.get(place.topic)
    if topic is None or not 0 <= place.partition < len(topic.partitions):
        return KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no partition {place}")
    return None


def _response(request: OffsetDeleteRequest, outcomes: Mapping[TopicPartition, KafkaError | None]) -> OffsetDeleteResponse:
    def code(name: str, index: int) -> ErrorCode:
        outcome = outcomes.get(TopicPartition(name, index))
        return ErrorCode.NONE if outcome is None else outcome.code

    return OffsetDeleteResponse(
        topics=tuple(
            OffsetDeleteResponse.OffsetDeleteResponseTopic(
                name=topic.name,
                partitions=tuple(
                    OffsetDeleteResponse.OffsetDeleteResponsePartition(
                        partition_index=partition.partition_index, error_code=code(topic.name, partition.partition_index)
                    )
                    for partition in topic.partitions
                ),
            )
            for topic in request.topics
        )
    )


def _rule(services: Services, request: OffsetDeleteRequest) -> Iterable[Action]:
    yield on_group(Operation.DELETE, request.group_id)
    for topic in request.topics:
        yield Action(Operation.READ, ResourceType.TOPIC, topic.name)


def _refusal(request: OffsetDeleteRequest, version: int, error: KafkaError) -> Message:
    return OffsetDeleteResponse(error_code=error.code)


APIS = (Api(ApiKey.OFFSET_DELETE, "OffsetDelete", (0, 0), _offset_delete, _refusal, _rule),)
