"""DeleteTopics (20): topics by name, or from version 6 on by id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import MetadataImage
from chronik.model import AUDIT_TOPIC, ZERO_TOPIC_ID
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import DeleteTopicsRequest, DeleteTopicsResponse, Message
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.admin.topics import mutation_quota
from chronik.server.handlers.topic_access import topic_refusal, unknown_id

if TYPE_CHECKING:
    from chronik.server.services import Services

_Result: TypeAlias = DeleteTopicsResponse.DeletableTopicResult


FIRST_STRICT_VERSION: Final = 5
"""Clients of older versions are not refused when their quota is exhausted (KIP-599)."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One topic of the request: a name or an id."""

    name: str | None
    topic_id: bytes


def _wanted(request: DeleteTopicsRequest) -> list[_Wanted]:
    by_name = [_Wanted(name, ZERO_TOPIC_ID) for name in request.topic_names]
    return by_name + [_Wanted(topic.name, topic.topic_id) for topic in request.topics]


async def _delete_topics(context: RequestContext, request: DeleteTopicsRequest) -> DeleteTopicsResponse:
    if not context.services.config.get("delete.topic.enable"):
        raise KafkaError(ErrorCode.TOPIC_DELETION_DISABLED, "Topic deletion is disabled: set delete.topic.enable=true on the broker.")
    image = context.services.metadata.image
    results: list[_Result] = []
    resolved: dict[str, list[_Wanted]] = {}
    for wanted, times in Counter(_wanted(request)).items():
        try:
            resolved.setdefault(_resolved(context, image, wanted, times), []).append(wanted)
        except KafkaError as error:
            results.append(_result(wanted, error))
    twice = KafkaError(ErrorCode.INVALID_REQUEST, "The provided topic name maps to an ID that was already supplied.")
    results.extend(_result(_Wanted(name, image.topics[name].topic_id), twice) for name, wanted in resolved.items() if len(wanted) > 1)
    results.extend(await _delete(context, image, {name: wanted[0] for name, wanted in resolved.items() if len(wanted) == 1}))
    return DeleteTopicsResponse(responses=tuple(results))


def _resolved(context: RequestContext, image: MetadataImage, wanted: _Wanted, times: int) -> str:
    """The topic's name, once it is clear that it may be deleted."""
    if wanted.name is not None and wanted.topic_id != ZERO_TOPIC_ID:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "You may not specify both topic name and topic id.")
    if wanted.name is None and wanted.topic_id == ZERO_TOPIC_ID:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Neither topic name nor id were specified.")
    if times > 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic name." if wanted.name is not None else "Duplicate topic id.")
    topic = image.topic_by_id(wanted.topic_id) if wanted.name is None else image.topics.get(wanted.name)
    if wanted.name is None and topic is None:
        raise unknown_id()
    name = wanted.name if wanted.name is not None else topic.name if topic is not None else ""
    cluster = context.allowed_cluster(Operation.DELETE)
    if wanted.name is not None and not cluster and not context.allowed(Operation.DESCRIBE, ResourceType.TOPIC, name):
        raise _refused(context)
    if topic is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"This server does not host topic '{name}'.")
    refusal = None if cluster else topic_refusal(context, Operation.DELETE, name, by_id=wanted.name is None)
    if refusal is not None:
        raise refusal if refusal.code is ErrorCode.UNKNOWN_TOPIC_ID else _refused(context)
    if name == AUDIT_TOPIC:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"{name} is the broker's record of who did what, and is not deleted by clients.")
    return name


def _refused(context: RequestContext) -> KafkaError:
    return KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, f"{context.session.principal} may not delete this topic.")


async def _delete(context: RequestContext, image: MetadataImage, deletable: dict[str, _Wanted]) -> Sequence[_Result]:
    if not deletable:
        return ()
    with mutation_quota(context, FIRST_STRICT_VERSION) as charge:
        outcomes = await context.services.controller.delete_topics(list(deletable), charge)
    return [
        _Result(name=name, topic_id=image.topics[name].topic_id, error_message=None) if outcome is None else _result(deletable[name], outcome)
        for name, outcome in zip(deletable, outcomes, strict=True)
    ]


def _result(wanted: _Wanted, error: KafkaError) -> _Result:
    return _Result(name=wanted.name, topic_id=wanted.topic_id, error_code=error.code, error_message=error.message or None)


def _rule(services: Services, request: DeleteTopicsRequest) -> Iterable[Action]:
    yield Action(Operation.DELETE, ResourceType.CLUSTER, CLUSTER_NAME)
    image = services.metadata.image
    for wanted in _wanted(request):
        topic = image.topic_by_id(wanted.topic_id)
        for name in {wanted.name, topic.name if topic is not None else None}:
            if name is not None:
                yield Action(Operation.DESCRIBE, ResourceType.TOPIC, name)
                yield Action(Operation.DELETE, ResourceType.TOPIC, name)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return DeleteTopicsResponse(responses=tuple(_result(wanted, error) for wanted in _wanted(request)))


APIS = (Api(ApiKey.DELETE_TOPICS, "DeleteTopics", (1, 6), _delete_topics, _refusal, _rule),)
