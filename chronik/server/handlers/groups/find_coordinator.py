"""FindCoordinator (10): which broker coordinates a group; the topic that holds groups is created when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from chronik.cluster.interfaces import NewTopic
from chronik.coordinator.group.config import GroupConfig
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import NO_LEADER, TopicImage
from chronik.model import OFFSETS_TOPIC
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import FindCoordinatorRequest, FindCoordinatorResponse
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.groups.access import check_group, on_group
from chronik.server.handlers.leaders import endpoint_for

if TYPE_CHECKING:
    from chronik.server.services import Services

GROUP: Final = 0
TRANSACTION: Final = 1
SHARE: Final = 2

FIRST_VERSION_WITH_KEYS: Final = 4

_Coordinator: TypeAlias = FindCoordinatorResponse.Coordinator


async def _find_coordinator(context: RequestContext, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
    if context.api_version >= FIRST_VERSION_WITH_KEYS:
        return FindCoordinatorResponse(coordinators=tuple([await _find(context, request.key_type, key) for key in request.coordinator_keys]))
    found = await _find(context, request.key_type, request.key)
    return FindCoordinatorResponse(
        error_code=found.error_code, error_message=found.error_message, node_id=found.node_id, host=found.host, port=found.port
    )


async def _find(context: RequestContext, key_type: int, key: str) -> _Coordinator:
    try:
        if key_type == TRANSACTION:
            return _of_transactions(context, key)
        if key_type != GROUP:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"coordinators of type {key_type} are not served: 0 is a group's")
        check_group(context, Operation.DESCRIBE, key)
        topic = context.services.metadata.image.topics.get(OFFSETS_TOPIC) or await _create_topic(context.services)
        return _led_by(context, key, topic)
    except KafkaError as error:
        return _refused(key, error)


def _of_transactions(context: RequestContext, key: str) -> _Coordinator:
    """This broker, whose InitProducerId then refuses for good: what is refused here clients ask again and again, without a word to their users."""
    if not context.allowed(Operation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, key):
        raise KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, f"{context.session.principal} may not describe transactional id {key}")
    return _at(context, key, context.services.broker_id)


def _led_by(context: RequestContext, key: str, topic: TopicImage) -> _Coordinator:
    return _at(context, key, topic.partitions[context.services.groups.partition_of(key, len(topic.partitions))].leader)


def _at(context: RequestContext, key: str, leader: int) -> _Coordinator:
    endpoint = None if leader == NO_LEADER else endpoint_for(context.services.metadata.image, leader, context.session)
    if endpoint is None:
        raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, "the coordinator is not available now, try again")
    return _Coordinator(key=key, node_id=leader, host=endpoint.host, port=endpoint.port, error_message=None)


async def _create_topic(services: Services) -> TopicImage:
    """Create the topic of groups; several may try at once."""
    config = GroupConfig.of(services.config)
    replicas = min(config.replication_factor, len(services.metadata.image.brokers))
    configs = {"cleanup.policy": "compact", "compression.type": "producer", "segment.bytes": str(config.segment_bytes), "search.mode": "off"}
    new = NewTopic(OFFSETS_TOPIC, config.partitions, replicas, configs=configs)
    (outcome,) = await services.controller.create_topics([new])
    if isinstance(outcome, KafkaError) and outcome.code != ErrorCode.TOPIC_ALREADY_EXISTS:
        raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, f"{OFFSETS_TOPIC} could not be created: {outcome.message}")
    topic: TopicImage | None = services.metadata.image.topics.get(OFFSETS_TOPIC)
    if topic is None:
        raise KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, f"{OFFSETS_TOPIC} is being created, try again")
    await services.partitions.ready(topic.topic_id)
    return topic


def _refused(key: str, error: KafkaError) -> _Coordinator:
    return _Coordinator(key=key, node_id=-1, host="", port=-1, error_code=error.code, error_message=error.message)


def _keys(request: FindCoordinatorRequest) -> Iterable[str]:
    return request.coordinator_keys or (request.key,)


def _rule(services: Services, request: FindCoordinatorRequest) -> Iterable[Action]:
    for key in _keys(request):
        if request.key_type == TRANSACTION:
            yield Action(Operation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, key)
        else:
            yield on_group(Operation.DESCRIBE, key)


def _refusal(request: FindCoordinatorRequest, version: int, error: KafkaError) -> Message:
    if version >= FIRST_VERSION_WITH_KEYS:
        return FindCoordinatorResponse(coordinators=tuple(_refused(key, error) for key in request.coordinator_keys))
    return FindCoordinatorResponse(error_code=error.code, error_message=error.message, node_id=-1, host="", port=-1)


APIS = (Api(ApiKey.FIND_COORDINATOR, "FindCoordinator", (0, 6), _find_coordinator, _refusal, _rule),)
