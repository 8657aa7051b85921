"""CreatePartitions (37): more partitions for topics (KIP-195)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from twisted.internet.defer import gatherResults

from chronik.cluster.interfaces import NewPartitions
from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import CreatePartitionsRequest, CreatePartitionsResponse, Message
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.admin.topics import mutation_quota

if TYPE_CHECKING:
    from chronik.server.services import Services

_Topic: TypeAlias = CreatePartitionsRequest.CreatePartitionsTopic
_Result: TypeAlias = CreatePartitionsResponse.CreatePartitionsTopicResult


FIRST_STRICT_VERSION: Final = 3
"""Clients of older versions are not refused when their quota is exhausted (KIP-599)."""


async def _create_partitions(context: RequestContext, request: CreatePartitionsRequest) -> CreatePartitionsResponse:
    times = Counter(topic.name for topic in request.topics)
    outcomes: dict[str, KafkaError | None] = {}
    wanted = []
    for topic in {topic.name: topic for topic in request.topics}.values():
        problem = _problem(context, topic.name, times[topic.name])
        outcomes[topic.name] = problem
        if problem is None:
            wanted.append(_new_partitions(topic))
    with mutation_quota(context, FIRST_STRICT_VERSION) as charge:
        done = await context.services.controller.create_partitions(wanted, request.validate_only, charge)
    outcomes.update((new.topic, outcome) for new, outcome in zip(wanted, done, strict=True))
    if not request.validate_only:
        await _ready(context, [name for name, outcome in outcomes.items() if outcome is None])
    return CreatePartitionsResponse(results=tuple(_result(name, outcome) for name, outcome in outcomes.items()))


def _problem(context: RequestContext, name: str, times: int) -> KafkaError | None:
    if times > 1:
        return KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
    if not context.allowed(Operation.ALTER, ResourceType.TOPIC, name):
        return KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, f"{context.session.principal} may not alter topic '{name}'.")
    return None


def _new_partitions(topic: _Topic) -> NewPartitions:
    assignments = None if topic.assignments is None else tuple(assignment.broker_ids for assignment in topic.assignments)
    return NewPartitions(topic.name, topic.count, assignments)


async def _ready(context: RequestContext, names: Iterable[str]) -> None:
    """Wait until the new partitions here can be used; what fails then is told by requests to those partitions."""
    topics = (context.services.metadata.image.topics.get(name) for name in names)
    await gatherResults([context.services.partitions.ready(topic.topic_id).addErrback(lambda _: None) for topic in topics if topic is not None])


def _result(name: str, error: KafkaError | None) -> _Result:
    if error is None:
        return _Result(name=name, error_message=None)
    return _Result(name=name, error_code=error.code, error_message=error.message or None)


def _rule(services: Services, request: CreatePartitionsRequest) -> Iterable[Action]:
    return (Action(Operation.ALTER, ResourceType.TOPIC, topic.name) for topic in request.topics)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return CreatePartitionsResponse(results=tuple(_result(topic.name, error) for topic in request.topics))


APIS = (Api(ApiKey.CREATE_PARTITIONS, "CreatePartitions", (0, 3), _create_partitions, _refusal, _rule),)
