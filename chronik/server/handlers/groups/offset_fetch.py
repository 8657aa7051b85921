"""OffsetFetch (9): what groups have committed; one group before version 8, any number since; topics by id from version 10 on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from twisted.internet.task import deferLater

from chronik.coordinator.group.interfaces import CommittedOffset
from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_EPOCH, NO_OFFSET, ZERO_TOPIC_ID, TopicId, TopicPartition
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import OffsetFetchRequest, OffsetFetchResponse
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.groups.access import check_group, on_group
from chronik.server.handlers.topic_access import topic_refusal

if TYPE_CHECKING:
    from chronik.server.services import Services

FIRST_VERSION_WITH_ERROR: Final = 2
FIRST_VERSION_WITH_GROUPS: Final = 8
FIRST_VERSION_WITH_TOPIC_IDS: Final = 10

OFFSETS_OF_A_TURN: Final = 2_000
"""Offsets told in one turn of the reactor: these take about five milliseconds."""

_Group: TypeAlias = OffsetFetchRequest.OffsetFetchRequestGroup
_Topics: TypeAlias = OffsetFetchRequest.OffsetFetchRequestTopics
_GroupAnswer: TypeAlias = OffsetFetchResponse.OffsetFetchResponseGroup
_TopicsAnswer: TypeAlias = OffsetFetchResponse.OffsetFetchResponseTopics
_Answer: TypeAlias = OffsetFetchResponse.OffsetFetchResponsePartitions


async def _offset_fetch(context: RequestContext, request: OffsetFetchRequest) -> OffsetFetchResponse:
    if context.api_version >= FIRST_VERSION_WITH_GROUPS:
        return OffsetFetchResponse(groups=tuple(await _groups(context, request)))
    return _old_shape(await _group(context, _as_group(request), request.require_stable))


async def _groups(context: RequestContext, request: OffsetFetchRequest) -> list[_GroupAnswer]:
    answers: list[_GroupAnswer] = []
    told = 0
    for group in _distinct(request.groups):
        answers.append(await _group_or_error(context, group, request.require_stable))
        told += 1 + sum(len(topic.partitions) for topic in answers[-1].topics)
        if told >= OFFSETS_OF_A_TURN:
            told = 0
            await deferLater(context.services.clock, 0)
    return answers


def _distinct(groups: Iterable[_Group]) -> Iterable[_Group]:
    """Each once, as it is named last: a small request that names one group again and again would have a huge answer."""
    return {group.group_id: group for group in groups}.values()


def _as_group(request: OffsetFetchRequest) -> _Group:
    if request.topics is None:
        return _Group(group_id=request.group_id, topics=None)
    topics = tuple(_Topics(name=topic.name, partition_indexes=topic.partition_indexes) for topic in request.topics)
    return _Group(group_id=request.group_id, topics=topics)


def _old_shape(group: _GroupAnswer) -> OffsetFetchResponse:
    topics = tuple(
        OffsetFetchResponse.OffsetFetchResponseTopic(
            name=topic.name,
            partitions=tuple(
                OffsetFetchResponse.OffsetFetchResponsePartition(
                    partition_index=partition.partition_index,
                    committed_offset=partition.committed_offset,
                    committed_leader_epoch=partition.committed_leader_epoch,
                    metadata=partition.metadata,
                    error_code=partition.error_code,
                )
                for partition in topic.partitions
            ),
        )
        for topic in group.topics
    )
    return OffsetFetchResponse(topics=topics, error_code=group.error_code)


async def _group_or_error(context: RequestContext, group: _Group, stable: bool) -> _GroupAnswer:
    try:
        return await _group(context, group, stable)
    except KafkaError as error:
        return _GroupAnswer(group_id=group.group_id, error_code=error.code)


async def _group(context: RequestContext, group: _Group, stable: bool) -> _GroupAnswer:
    """One group's offsets; with ``stable`` those too that are being committed (KIP-447)."""
    check_group(context, Operation.DESCRIBE, group.group_id)
    if stable:
        await context.services.groups.settled(group.group_id)
    committed = context.services.groups.offsets(group.group_id, group.member_id, group.member_epoch)
    topics = _everything(context, committed) if group.topics is None else [_topic(context, topic, committed) for topic in _merged(group.topics)]
    return _GroupAnswer(group_id=group.group_id, topics=tuple(topics))


def _merged(topics: Iterable[_Topics]) -> Iterable[_Topics]:
    """Each partition once, however often it is named: the text beside its offset may be a thousand times as long as its number."""
    wanted: dict[tuple[str, bytes], dict[int, None]] = {}
    for topic in topics:
        wanted.setdefault((topic.name, topic.topic_id), {}).update(dict.fromkeys(topic.partition_indexes))
    return (_Topics(name=name, topic_id=topic_id, partition_indexes=tuple(numbers)) for (name, topic_id), numbers in wanted.items())


def _everything(context: RequestContext, committed: Mapping[TopicPartition, CommittedOffset]) -> Sequence[_TopicsAnswer]:
    """All that the group has committed in topics that the caller may describe."""
    by_topic: dict[str, list[int]] = {}
    for place in sorted(committed):
        by_topic.setdefault(place.topic, []).append(place.partition)
    image = context.services.metadata.image
    answers = []
    for name, partitions in by_topic.items():
        topic = image.topics.get(name)
        by_id = context.api_version >= FIRST_VERSION_WITH_TOPIC_IDS
        if not context.allowed(Operation.DESCRIBE, ResourceType.TOPIC, name) or (by_id and topic is None):
            continue
        topic_id = topic.topic_id if topic is not None else ZERO_TOPIC_ID
        wanted = _Topics(name=name, topic_id=topic_id, partition_indexes=tuple(partitions))
        answers.append(_topic(context, wanted, committed))
    return answers


def _topic(context: RequestContext, topic: _Topics, committed: Mapping[TopicPartition, CommittedOffset]) -> _TopicsAnswer:
    name: str | None = topic.name
    by_id = context.api_version >= FIRST_VERSION_WITH_TOPIC_IDS
    code = ErrorCode.NONE
    if by_id:
        name = context.services.metadata.image.names.get(TopicId(topic.topic_id))
        if name is None:
            code = ErrorCode.UNKNOWN_TOPIC_ID
    refusal = topic_refusal(context, Operation.DESCRIBE, name, by_id) if name is not None else None
    if refusal is not None:
        code = refusal.code
    return _TopicsAnswer(
        name=topic.name,
        topic_id=topic.topic_id,
        partitions=tuple(
            _offset(index, committed.get(TopicPartition(name or "", index)) if code == ErrorCode.NONE else None, code)
            for index in topic.partition_indexes
        ),
    )


def _offset(index: int, committed: CommittedOffset | None, code: ErrorCode) -> _Answer:
    if committed is None:
        return _Answer(partition_index=index, committed_offset=NO_OFFSET, committed_leader_epoch=NO_EPOCH, metadata="", error_code=code)
    return _Answer(
        partition_index=index, committed_offset=committed.offset, committed_leader_epoch=committed.leader_epoch, metadata=committed.metadata
    )


def _rule(services: Services, request: OffsetFetchRequest) -> Iterable[Action]:
    names = services.metadata.image.names
    groups = _distinct(request.groups) if request.groups else (_as_group(request),)
    if request.require_stable and any(group.topics is None for group in groups):
        # Whoever waits for commits under way is told of topics that have no offset yet.
        yield from (Action(Operation.DESCRIBE, ResourceType.TOPIC, name) for name in services.metadata.image.topics)
    for group in groups:
        yield on_group(Operation.DESCRIBE, group.group_id)
        if group.topics is None:
            topics = () if request.require_stable else _committed_topics(services, group.group_id)
            yield from (Action(Operation.DESCRIBE, ResourceType.TOPIC, name) for name in topics)
            continue
        for topic in group.topics:
            name = topic.name or names.get(TopicId(topic.topic_id))
            if name:
                yield Action(Operation.DESCRIBE, ResourceType.TOPIC, name)


def _committed_topics(services: Services, group_id: str) -> Iterable[str]:
    try:
        return {place.topic for place in services.groups.offsets(group_id)}
    except KafkaError:
        return ()


def _refusal(request: OffsetFetchRequest, version: int, error: KafkaError) -> Message:
    """The error at the top where there is a place for it; at each partition in version 1, which has none."""
    if version >= FIRST_VERSION_WITH_GROUPS:
        return OffsetFetchResponse(groups=tuple(_GroupAnswer(group_id=group.group_id, error_code=error.code) for group in request.groups))
    if version >= FIRST_VERSION_WITH_ERROR:
        return OffsetFetchResponse(error_code=error.code)
    topics = tuple(
        OffsetFetchResponse.OffsetFetchResponseTopic(
            name=topic.name,
            partitions=tuple(
                OffsetFetchResponse.OffsetFetchResponsePartition(
                    partition_index=index, committed_offset=NO_OFFSET, metadata="", error_code=error.code
                )
                for index in topic.partition_indexes
            ),
        )
        for topic in request.topics or ()
    )
    return OffsetFetchResponse(topics=topics)


APIS = (Api(ApiKey.OFFSET_FETCH, "OffsetFetch", (1, 10), _offset_fetch, _refusal, _rule),)
