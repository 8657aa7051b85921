"""CreateTopics (19): new topics, usable as soon as this answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from chronik.cluster.interfaces import NewTopic
from chronik.config.describing import describe_topic
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import TopicImage
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import CreateTopicsRequest, CreateTopicsResponse, Message
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.admin.topics import create_and_wait, may_create, mutation_quota

if TYPE_CHECKING:
    from chronik.server.services import Services

_Topic: TypeAlias = CreateTopicsRequest.CreatableTopic
_Result: TypeAlias = CreateTopicsResponse.CreatableTopicResult
_Config: TypeAlias = CreateTopicsResponse.CreatableTopicConfigs


FIRST_STRICT_VERSION: Final = 6
"""Clients of older versions are not refused when their quota is exhausted (KIP-599)."""


async def _create_topics(context: RequestContext, request: CreateTopicsRequest) -> CreateTopicsResponse:
    times = Counter(topic.name for topic in request.topics)
    results: dict[str, _Result] = {}
    wanted = []
    for topic in {topic.name: topic for topic in request.topics}.values():
        try:
            wanted.append(_new_topic(context, topic, times[topic.name]))
            results[topic.name] = _Result(name=topic.name)
        except KafkaError as error:
            results[topic.name] = _failed(topic.name, error)
    with mutation_quota(context, FIRST_STRICT_VERSION) as charge:
        outcomes = await create_and_wait(context.services, wanted, request.validate_only, charge)
    configs = _Configs(context)
    for new, outcome in zip(wanted, outcomes, strict=True):
        results[new.name] = _failed(new.name, outcome) if isinstance(outcome, KafkaError) else _created(context, outcome, configs)
    return CreateTopicsResponse(topics=tuple(results.values()))


class _Configs:
    """What an answer tells of topics' configurations: topics configured alike, as those of one request mostly are, share it."""

    def __init__(self, context: RequestContext) -> None:
        self._config = context.services.configuration()
        self._known: dict[tuple[tuple[str, str], ...], tuple[_Config, ...]] = {}

    def of(self, topic: TopicImage) -> tuple[_Config, ...]:
        """Every key of a topic."""
        key = tuple(sorted(topic.configs.items()))
        found = self._known.get(key)
        if found is None:
            entries = describe_topic(self._config, topic.configs)
            found = self._known[key] = tuple(
                _Config(name=e.name, value=e.value, read_only=e.read_only, config_source=e.source, is_sensitive=e.sensitive) for e in entries
            )
        return found


def _new_topic(context: RequestContext, topic: _Topic, times: int) -> NewTopic:
    if times > 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
    if not may_create(context, topic.name):
        raise KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, f"{context.session.principal} may not create topic '{topic.name}'.")
    if len({config.name for config in topic.configs}) != len(topic.configs):
        raise KafkaError(ErrorCode.INVALID_CONFIG, "A configuration key is given twice.")
    return NewTopic(
        topic.name,
        topic.num_partitions,
        topic.replication_factor,
        tuple((assignment.partition_index, assignment.broker_ids) for assignment in topic.assignments),
        {config.name: config.value for config in topic.configs},
    )


def _created(context: RequestContext, topic: TopicImage, configs: _Configs) -> _Result:
    if not context.allowed(Operation.DESCRIBE_CONFIGS, ResourceType.TOPIC, topic.name):
        hidden = ErrorCode.TOPIC_AUTHORIZATION_FAILED
        return _Result(name=topic.name, topic_id=topic.topic_id, error_message=None, topic_config_error_code=hidden, configs=())
    return _Result(
        name=topic.name,
        topic_id=topic.topic_id,
        error_message=None,
        num_partitions=len(topic.partitions),
        replication_factor=len(topic.partitions[0].replicas),
        configs=configs.of(topic),
    )


def _failed(name: str, error: KafkaError) -> _Result:
    return _Result(name=name, error_code=error.code, error_message=error.message or None, configs=())


def _rule(services: Services, request: CreateTopicsRequest) -> Iterable[Action]:
    yield Action(Operation.CREATE, ResourceType.CLUSTER, CLUSTER_NAME)
    for topic in request.topics:
        yield Action(Operation.CREATE, ResourceType.TOPIC, topic.name)
        yield Action(Operation.DESCRIBE_CONFIGS, ResourceType.TOPIC, topic.name)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return CreateTopicsResponse(topics=tuple(_failed(topic.name, error) for topic in request.topics))


APIS = (Api(ApiKey.CREATE_TOPICS, "CreateTopics", (2, 7), _create_topics, _refusal, _rule),)
