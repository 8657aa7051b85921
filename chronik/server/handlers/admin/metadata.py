"""Metadata (3): topics, their leaders, and where the brokers are; creates topics on the way where that is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import MetadataImage, TopicImage
from chronik.model import INTERNAL_TOPICS, ZERO_TOPIC_ID, TopicId, topic_name_problem
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import Message, MetadataRequest, MetadataResponse
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.admin.cluster_view import ClusterView, PartitionView
from chronik.server.handlers.admin.topics import create_and_wait, may_create, mutation_quota
from chronik.server.handlers.operations import NOT_ASKED, actions_on, allowed_operations, cluster_operations
from chronik.server.handlers.topic_access import topic_refusal, unknown_id

if TYPE_CHECKING:
    from chronik.server.services import Services

_Broker: TypeAlias = MetadataResponse.MetadataResponseBroker
_Topic: TypeAlias = MetadataResponse.MetadataResponseTopic
_Partition: TypeAlias = MetadataResponse.MetadataResponsePartition


NEVER_STRICT: Final = 2**15
"""No version has a place to refuse a topic for want of quota: it is created, and the client waits."""


async def _metadata(context: RequestContext, request: MetadataRequest) -> MetadataResponse:
    version = context.api_version
    _check_shape(request, version)
    ids = [topic.topic_id for topic in request.topics or () if topic.topic_id != ZERO_TOPIC_ID]
    if request.topics is None or (version == 0 and not request.topics):
        topics = _all_topics(context, request)
    elif ids:
        topics = [_by_id(context, request, topic_id) for topic_id in dict.fromkeys(ids)]
    else:
        topics = await _by_name(context, request, list(dict.fromkeys(topic.name or "" for topic in request.topics)))
    view = _view(context)
    return MetadataResponse(
        brokers=tuple(
            _Broker(node_id=broker.broker_id, host=endpoint.host, port=endpoint.port, rack=broker.rack) for broker, endpoint in view.brokers()
        ),
        cluster_id=view.image.cluster_id,
        controller_id=view.controller_id,
        topics=tuple(topics),
        cluster_authorized_operations=_cluster_operations(context, request),
    )


def _check_shape(request: MetadataRequest, version: int) -> None:
    for topic in request.topics or ():
        if topic.name is None and version < 12:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Topic name can not be null for version {version}")
        if topic.topic_id != ZERO_TOPIC_ID and version < 12:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Topic IDs are not supported in requests for version {version}")


def _view(context: RequestContext) -> ClusterView:
    return ClusterView(context.services.metadata.image, context.session)


def _cluster_operations(context: RequestContext, request: MetadataRequest) -> int:
    wanted = request.include_cluster_authorized_operations and 8 <= context.api_version <= 10
    return cluster_operations(context) if wanted else NOT_ASKED


def _all_topics(context: RequestContext, request: MetadataRequest) -> list[_Topic]:
    view = _view(context)
    described = context.allowed_topics(Operation.DESCRIBE, view.image.topics)
    return [_found(context, request, view, topic) for topic in view.image.topics.values() if topic.name in described]


def _by_id(context: RequestContext, request: MetadataRequest, topic_id: bytes) -> _Topic:
    view = _view(context)
    topic = view.image.topic_by_id(topic_id)
    if topic is None:
        return _failed(unknown_id().code, None, topic_id)
    refusal = topic_refusal(context, Operation.DESCRIBE, topic.name, by_id=True)
    if refusal is not None:
        return _failed(refusal.code, None, topic_id)
    return _found(context, request, view, topic)


async def _by_name(context: RequestContext, request: MetadataRequest, names: Sequence[str]) -> list[_Topic]:
    described = context.allowed_topics(Operation.DESCRIBE, names)
    image = context.services.metadata.image
    missing = [name for name in names if name in described and name not in image.topics]
    failures = await _create(context, request, missing) if missing else {}
    view = _view(context)
    topics = []
    for name in names:
        topic = view.image.topics.get(name)
        if name not in described:
            topics.append(_failed(ErrorCode.TOPIC_AUTHORIZATION_FAILED, name))
        elif topic is not None:
            topics.append(_found(context, request, view, topic))
        else:
            topics.append(_failed(failures.get(name, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION), name))
    return topics


async def _create(context: RequestContext, request: MetadataRequest, names: Sequence[str]) -> dict[str, ErrorCode]:
    """Create what does not exist, where client and broker both want that; why the others do not exist."""
    failures = {name: ErrorCode.INVALID_TOPIC_EXCEPTION for name in names if topic_name_problem(name) is not None}
    if not (request.allow_auto_topic_creation and context.services.config.get("auto.create.topics.enable")):
        return failures
    wanted = []
    for name in names:
        if name in failures or name in INTERNAL_TOPICS:
            continue
        if may_create(context, name):
            wanted.append(NewTopic(name))
        else:
            failures[name] = ErrorCode.TOPIC_AUTHORIZATION_FAILED
    with mutation_quota(context, NEVER_STRICT) as charge:
        outcomes = await create_and_wait(context.services, wanted, charge=charge)
    for topic, outcome in zip(wanted, outcomes, strict=True):
        if isinstance(outcome, KafkaError):
            failures[topic.name] = outcome.code
            await _wait_for_other(context, topic.name)
    return failures


async def _wait_for_other(context: RequestContext, name: str) -> None:
    """When somebody else was creating the topic at the same time, it may not be usable yet."""
    image: MetadataImage = context.services.metadata.image
    topic = image.topics.get(name)
    if topic is not None:
        await context.services.partitions.ready(topic.topic_id)


def _found(context: RequestContext, request: MetadataRequest, view: ClusterView, topic: TopicImage) -> _Topic:
    wanted = request.include_topic_authorized_operations and context.api_version >= 8
    return _Topic(
        name=topic.name,
        topic_id=topic.topic_id,
        is_internal=topic.name in INTERNAL_TOPICS,
        partitions=tuple(_partition(context, number, partition) for number, partition in view.partitions(topic)),
        topic_authorized_operations=allowed_operations(context, ResourceType.TOPIC, topic.name) if wanted else NOT_ASKED,
    )


def _partition(context: RequestContext, number: int, partition: PartitionView) -> _Partition:
    state = partition.state
    replicas, isr = state.replicas, state.isr
    error = context.told(partition.error)
    if context.api_version == 0:
        replicas = tuple(broker_id for broker_id in replicas if broker_id not in partition.offline)
        isr = tuple(broker_id for broker_id in isr if broker_id not in partition.offline)
        if error is ErrorCode.NONE and partition.offline:
            error = ErrorCode.REPLICA_NOT_AVAILABLE
    return _Partition(
        error_code=error,
        partition_index=number,
        leader_id=partition.leader,
        leader_epoch=state.leader_epoch,
        replica_nodes=replicas,
        isr_nodes=isr,
        offline_replicas=partition.offline,
    )


def _failed(code: ErrorCode, name: str | None, topic_id: bytes = ZERO_TOPIC_ID) -> _Topic:
    return _Topic(
        error_code=code,
        name=name,
        topic_id=TopicId(topic_id),
        is_internal=name in INTERNAL_TOPICS,
        topic_authorized_operations=NOT_ASKED,
    )


def _names(image: MetadataImage, request: MetadataRequest) -> Iterable[str]:
    if not request.topics:
        return image.topics
    by_id = (image.names.get(TopicId(topic.topic_id)) for topic in request.topics if topic.topic_id != ZERO_TOPIC_ID)
    return [name for name in (*by_id, *(topic.name for topic in request.topics)) if name is not None]


def _rule(services: Services, request: MetadataRequest) -> Iterable[Action]:
    image = services.metadata.image
    yield Action(Operation.CREATE, ResourceType.CLUSTER, CLUSTER_NAME)
    for name in _names(image, request):
        yield Action(Operation.DESCRIBE, ResourceType.TOPIC, name)
        if name not in image.topics:
            yield Action(Operation.CREATE, ResourceType.TOPIC, name)
        if request.include_topic_authorized_operations:
            yield from actions_on(ResourceType.TOPIC, name)
    if request.include_cluster_authorized_operations:
        yield from actions_on(ResourceType.CLUSTER, CLUSTER_NAME)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    topics = tuple(_failed(error.code, topic.name if version >= 12 else topic.name or "", topic.topic_id) for topic in request.topics or ())
    return MetadataResponse(error_code=error.code, topics=topics, cluster_id=None, cluster_authorized_operations=NOT_ASKED)


APIS = (Api(ApiKey.METADATA, "Metadata", (0, 13), _metadata, _refusal, _rule),)
