"""ConsumerGroupHeartbeat (68) and ConsumerGroupDescribe (69): groups of the consumer protocol (KIP-848)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from chronik.cluster.features import GROUP_VERSION, finalized
from chronik.coordinator.group.consumer.interfaces import ConsumerHeartbeat, DescribedConsumerGroup
from chronik.coordinator.group.consumer.member import Assignment, ConsumerMember, without_epochs
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import MetadataImage
from chronik.model import TopicId
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.groups.access import check_group, on_group
from chronik.server.handlers.operations import NOT_ASKED, actions_on, allowed_operations

if TYPE_CHECKING:
    from chronik.server.services import Services

FIRST_HEARTBEAT_WITH_OWN_ID: Final = 1

CONSUMER_PROTOCOL_LEVEL: Final = 1
"""The level of the feature ``group.version`` from which on groups may use the consumer protocol."""

WORDLESS: Final = frozenset((ErrorCode.UNSUPPORTED_VERSION, ErrorCode.GROUP_AUTHORIZATION_FAILED, ErrorCode.TOPIC_AUTHORIZATION_FAILED))
"""Refusals of a heartbeat that Kafka says no more about: clients have words of their own for them."""

CLASSIC_MEMBER: Final = 0
CONSUMER_MEMBER: Final = 1

_Described: TypeAlias = ConsumerGroupDescribeResponse.DescribedGroup


# -- ConsumerGroupHeartbeat -------------------------------------------------------------------------------------------


async def _heartbeat(context: RequestContext, request: ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse:
    check_group(context, Operation.READ, request.group_id)
    if finalized(context.services.metadata.image.features).get(GROUP_VERSION, 0) < CONSUMER_PROTOCOL_LEVEL:
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, f"the consumer protocol is switched off here: the feature {GROUP_VERSION} is at level 0")
    names = request.subscribed_topic_names
    if names and len(context.allowed_topics(Operation.DESCRIBE, names)) < len(set(names)):
        raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, f"{context.session.principal} may not describe all topics it subscribes to")
    heartbeat = ConsumerHeartbeat(
        group_id=request.group_id,
        member_id=request.member_id,
        epoch=request.member_epoch,
        instance_id=request.instance_id,
        rack_id=request.rack_id,
        client_id=context.client_id or "",
        client_host=f"/{context.session.peer_host}",
        rebalance_timeout_ms=request.rebalance_timeout_ms,
        topics=None if names is None else frozenset(names),
        pattern=request.subscribed_topic_regex,
        assignor=request.server_assignor,
        owned=_owned(request),
        names_itself=context.api_version >= FIRST_HEARTBEAT_WITH_OWN_ID,
        describable={
            action.name: allowed
            for action, allowed in context.decisions.items()
            if action.operation is Operation.DESCRIBE and action.resource_type is ResourceType.TOPIC
        },
    )
    answer = await context.services.groups.consumer_heartbeat(heartbeat)
    return ConsumerGroupHeartbeatResponse(
        member_id=answer.member_id,
        member_epoch=answer.epoch,
        heartbeat_interval_ms=answer.interval_ms,
        assignment=None if answer.assignment is None else _assigned(answer.assignment),
    )


def _owned(request: ConsumerGroupHeartbeatRequest) -> Assignment | None:
    if request.topic_partitions is None:
        return None
    return {TopicId(topic.topic_id): frozenset(topic.partitions) for topic in request.topic_partitions}


def _assigned(assignment: Assignment) -> ConsumerGroupHeartbeatResponse.Assignment:
    return ConsumerGroupHeartbeatResponse.Assignment(
        topic_partitions=tuple(
            ConsumerGroupHeartbeatResponse.TopicPartitions(topic_id=topic_id, partitions=tuple(sorted(partitions)))
            for topic_id, partitions in sorted(assignment.items())
        )
    )


def _heartbeat_rule(services: Services, request: ConsumerGroupHeartbeatRequest) -> Iterable[Action]:
    yield on_group(Operation.READ, request.group_id)
    for name in request.subscribed_topic_names or ():
        yield Action(Operation.DESCRIBE, ResourceType.TOPIC, name)
    for name in services.groups.topics_to_describe(request.group_id, request.subscribed_topic_regex):
        yield Action(Operation.DESCRIBE, ResourceType.TOPIC, name)


def _heartbeat_refusal(request: ConsumerGroupHeartbeatRequest, version: int, error: KafkaError) -> Message:
    return ConsumerGroupHeartbeatResponse(error_code=error.code, error_message=None if error.code in WORDLESS else error.message)


# -- ConsumerGroupDescribe --------------------------------------------------------------------------------------------


async def _describe(context: RequestContext, request: ConsumerGroupDescribeRequest) -> ConsumerGroupDescribeResponse:
    return ConsumerGroupDescribeResponse(groups=tuple(_described(context, request, group_id) for group_id in _distinct(request)))


def _distinct(request: ConsumerGroupDescribeRequest) -> Iterable[str]:
    """Each once: a small request that names one group again and again would have a huge answer."""
    return dict.fromkeys(request.group_ids)


def _described(context: RequestContext, request: ConsumerGroupDescribeRequest, group_id: str) -> _Described:
    try:
        check_group(context, Operation.DESCRIBE, group_id)
        if not group_id:
            raise KafkaError(ErrorCode.INVALID_GROUP_ID, "The name of a group is not empty.")
        group = context.services.groups.describe_consumers(group_id)
    except KafkaError as error:
        return _not_described(group_id, error)
    image: MetadataImage = context.services.metadata.image
    topics = {topic_id: name for topic_id in _topics(group) if (name := image.names.get(topic_id)) is not None}
    if len(context.allowed_topics(Operation.DESCRIBE, topics.values())) < len(topics):
        reason = "The group has described topic(s) that the client is not authorized to describe."
        return _not_described(group_id, KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, reason))
    operations = allowed_operations(context, ResourceType.GROUP, group_id) if request.include_authorized_operations else NOT_ASKED
    return _Described(
        group_id=group_id,
        group_state=group.state,
        group_epoch=group.epoch,
        assignment_epoch=group.assignment_epoch,
        assignor_name=group.assignor,
        members=tuple(_member(member, target, topics) for member, target in group.members),
        authorized_operations=operations,
    )


def _topics(group: DescribedConsumerGroup) -> frozenset[TopicId]:
    """Every topic that is in its assignments."""
    return frozenset(topic_id for member, target in group.members for topic_id in (*member.assigned, *member.revoking, *target))


def _member(member: ConsumerMember, target: Assignment, topics: Mapping[TopicId, str]) -> ConsumerGroupDescribeResponse.Member:
    held = {topic_id: set(partitions) for topic_id, partitions in without_epochs(member.assigned).items()}
    for topic_id, partitions in member.revoking.items():
        held.setdefault(topic_id, set()).update(partitions)
    return ConsumerGroupDescribeResponse.Member(
        member_id=member.member_id,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        member_epoch=member.epoch,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=tuple(sorted(member.topics)),
        subscribed_topic_regex=member.pattern,
        assignment=_partitions(held, topics),
        target_assignment=_partitions(target, topics),
        member_type=CONSUMER_MEMBER if member.classic is None else CLASSIC_MEMBER,
    )


def _partitions(
    assignment: Mapping[TopicId, Iterable[int]], topics: Mapping[TopicId, str]
) -> ConsumerGroupDescribeResponse.Assignment:
    return ConsumerGroupDescribeResponse.Assignment(
        topic_partitions=tuple(
            ConsumerGroupDescribeResponse.TopicPartitions(topic_id=topic_id, topic_name=topics[topic_id], partitions=tuple(sorted(partitions)))
            for topic_id, partitions in sorted(assignment.items())
            if topic_id in topics
        )
    )


def _not_described(group_id: str, error: KafkaError) -> _Described:
    nobody: tuple[ConsumerGroupDescribeResponse.Member, ...] = ()
    return _Described(error_code=error.code, error_message=error.message, group_id=group_id, members=nobody, authorized_operations=NOT_ASKED)


def _describe_rule(services: Services, request: ConsumerGroupDescribeRequest) -> Iterable[Action]:
    names = services.metadata.image.names
    for group_id in _distinct(request):
        if request.include_authorized_operations:
            yield from actions_on(ResourceType.GROUP, group_id)
        else:
            yield on_group(Operation.DESCRIBE, group_id)
        try:
            found = _topics(services.groups.describe_consumers(group_id))
        except KafkaError:
            continue
        yield from (Action(Operation.DESCRIBE, ResourceType.TOPIC, names[topic_id]) for topic_id in found if topic_id in names)


def _describe_refusal(request: ConsumerGroupDescribeRequest, version: int, error: KafkaError) -> Message:
    return ConsumerGroupDescribeResponse(groups=tuple(_not_described(group_id, error) for group_id in request.group_ids))


APIS = (
    Api(ApiKey.CONSUMER_GROUP_HEARTBEAT, "ConsumerGroupHeartbeat", (0, 1), _heartbeat, _heartbeat_refusal, _heartbeat_rule),
    Api(ApiKey.CONSUMER_GROUP_DESCRIBE, "ConsumerGroupDescribe", (0, 1), _describe, _describe_refusal, _describe_rule),
)
