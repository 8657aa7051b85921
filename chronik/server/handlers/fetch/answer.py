"""The shape of a Fetch's answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_OFFSET
from chronik.protocol.messages import FetchRequest, FetchResponse
from chronik.replica.interfaces import Diverged
from chronik.server.context import RequestContext
from chronik.server.fetch_sessions import Topic
from chronik.server.handlers.fetch.reading import Look, replica_of
from chronik.server.handlers.leaders import LeaderHints

NO_RECORDS: Final = b""

_TopicAnswer: TypeAlias = FetchResponse.FetchableTopicResponse
_PartitionAnswer: TypeAlias = FetchResponse.PartitionData


def answered(context: RequestContext, request: FetchRequest, session_id: int, looks: Sequence[Look]) -> FetchResponse:
    """The answer that tells of what was seen."""
    hints = LeaderHints(context.services.metadata.image, context.session)
    committed_only = request.isolation_level == 1
    follows = replica_of(request) is not None
    topics: dict[Topic, list[_PartitionAnswer]] = {}
    for look in looks:
        topics.setdefault(look.part.topic, []).append(_partition(context, look, hints, committed_only, follows))
    responses = tuple(_TopicAnswer(topic=name, topic_id=topic_id, partitions=tuple(parts)) for (name, topic_id), parts in topics.items())
    nodes = tuple(
        FetchResponse.NodeEndpoint(node_id=node.node_id, host=node.host, port=node.port, rack=node.rack) for node in hints.nodes.values()
    )
    return FetchResponse(session_id=session_id, responses=responses, node_endpoints=nodes)


def _partition(context: RequestContext, look: Look, hints: LeaderHints, committed_only: bool, follows: bool) -> _PartitionAnswer:
    outcome, number = look.outcome, look.part.number
    if isinstance(outcome, KafkaError):
        leader_id, leader_epoch = hints.after(outcome.code, look.name, number)
        leader = FetchResponse.LeaderIdAndEpoch(leader_id=leader_id, leader_epoch=leader_epoch)
        # A follower whose offset the log does not have begins anew where the log does.
        start_offset = look.partition.start_offset if follows and look.partition is not None else NO_OFFSET
        return _refused(number, context.told(outcome.code), leader, start_offset)
    if isinstance(outcome, Diverged):
        return _PartitionAnswer(
            partition_index=number,
            high_watermark=outcome.high_watermark,
            last_stable_offset=outcome.high_watermark,
            log_start_offset=outcome.start_offset,
            diverging_epoch=FetchResponse.EpochEndOffset(epoch=outcome.epoch, end_offset=outcome.end_offset),
            records=NO_RECORDS,
        )
    return _PartitionAnswer(
        partition_index=number,
        high_watermark=outcome.high_watermark,
        last_stable_offset=outcome.last_stable_offset,
        log_start_offset=outcome.log_start_offset,
        aborted_transactions=() if committed_only else None,
        records=outcome.records,
    )


def _refused(
    index: int, code: ErrorCode, leader: FetchResponse.LeaderIdAndEpoch | None = None, start_offset: int = NO_OFFSET
) -> _PartitionAnswer:
    return _PartitionAnswer(
        partition_index=index,
        error_code=code,
        high_watermark=NO_OFFSET,
        log_start_offset=start_offset,
        aborted_transactions=None,
        current_leader=leader or FetchResponse.LeaderIdAndEpoch(),
        records=NO_RECORDS,
    )


def refused_as_a_whole(request: FetchRequest, version: int, error: KafkaError) -> FetchResponse:
    """From version 7 on the answer has a place for the error; before, each partition carries it."""
    if version >= 7:
        return FetchResponse(error_code=error.code)
    return FetchResponse(
        responses=tuple(
            _TopicAnswer(topic=topic.topic, partitions=tuple(_refused(part.partition, error.code) for part in topic.partitions))
            for topic in request.topics
        )
    )
