"""Fetch (1): committed records, at once when there are enough of them, else as soon as there are or when the time is up.

Records are never copied here: the answer carries slices of the log, which the connection sends from their files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_OFFSET, IsolationLevel, TopicId
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import FetchRequest, FetchResponse
from chronik.record.batch import HEADER_BYTES, parse_header
from chronik.record.compression import Codec
from chronik.replica.interfaces import IPartition, ReadResult
from chronik.replica.purgatory import CommitWaiter
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.leaders import LeaderHints

if TYPE_CHECKING:
    from chronik.server.services import Services

FIRST_VERSION_WITH_ZSTD = 10
FIRST_VERSION_WITH_TOPIC_IDS = 13

FULL_REQUEST_EPOCHS: Final = (0, -1)
"""A request of these session epochs names all that it wants, to begin a session or to have none; any other only what changed in a session."""

NO_RECORDS: Final = b""

_TopicAnswer: TypeAlias = FetchResponse.FetchableTopicResponse
_PartitionAnswer: TypeAlias = FetchResponse.PartitionData
_Wanted: TypeAlias = FetchRequest.FetchPartition


@dataclass(frozen=True, slots=True)
class _Diverged:
    """The client's last fetched epoch ended before its offset (KIP-595): it read what was truncated since."""

    epoch: int
    end_offset: int
    high_watermark: int
    start_offset: int


_Outcome: TypeAlias = "ReadResult | KafkaError | _Diverged"


@dataclass(slots=True)
class _Collected:
    """One pass over the asked partitions, in the order asked; ``bytes`` is what their records take."""

    outcomes: list[_Outcome]
    bytes: int = 0
    answer_now: bool = False

    def close(self) -> None:
        """Let go of all records."""
        for outcome in self.outcomes:
            if isinstance(outcome, ReadResult):
                outcome.records.close()


async def _fetch(context: RequestContext, request: FetchRequest) -> FetchResponse:
    _check_session(request)
    targets = [(name, part) for name, topic in _topics(context, request) for part in topic.partitions]
    resolved = [_resolve(context, name, part, topic_ids=context.api_version >= FIRST_VERSION_WITH_TOPIC_IDS) for name, part in targets]
    collected = await _collect(context, request, targets, resolved)
    if not _enough(request, collected):
        collected = await _wait_for_more(context, request, targets, resolved, collected)
    return _response(context, request, targets, collected)


def _check_session(request: FetchRequest) -> None:
    """Fetch sessions (KIP-227) are not granted: every answer has session id 0, so no client can go on with one.

    A full request needs none, whatever session it closes by naming it: kafka-go always names session -1.
    """
    if request.session_epoch not in FULL_REQUEST_EPOCHS:
        raise KafkaError(ErrorCode.FETCH_SESSION_ID_NOT_FOUND, f"there is no fetch session {request.session_id}")
    if request.replica_id >= 0 or request.replica_state.replica_id >= 0:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "this broker has no followers: a consumer's replica id is -1")


def _topics(context: RequestContext, request: FetchRequest) -> Iterable[tuple[str | None, FetchRequest.FetchTopic]]:
    names = context.services.metadata.image.names
    for topic in request.topics:
        yield (topic.topic if context.api_version < FIRST_VERSION_WITH_TOPIC_IDS else names.get(TopicId(topic.topic_id))), topic


def _resolve(context: RequestContext, name: str | None, part: _Wanted, topic_ids: bool) -> IPartition | KafkaError:
    if name is None:
        return KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, "no topic has this id")
    if not context.allowed(Operation.READ, ResourceType.TOPIC, name):
        code = ErrorCode.UNKNOWN_TOPIC_ID if topic_ids else ErrorCode.TOPIC_AUTHORIZATION_FAILED
        return KafkaError(code, f"{context.session.principal} may not read topic {name}")
    try:
        partition = context.services.partitions.get(name, part.partition)
        partition.check_epoch(part.current_leader_epoch)
    except KafkaError as error:
        return error
    return partition


async def _collect(
    context: RequestContext,
    request: FetchRequest,
    targets: Sequence[tuple[str | None, _Wanted]],
    resolved: Sequence[IPartition | KafkaError],
) -> _Collected:
    """Read every partition, the first with records even when its first batch is larger than asked for (KIP-74)."""
    collected = _Collected([])
    isolation = IsolationLevel.READ_COMMITTED if request.isolation_level == 1 else IsolationLevel.READ_UNCOMMITTED
    room = min(request.max_bytes, context.services.fetch_bytes_max)
    for (_, part), partition in zip(targets, resolved, strict=True):
        if isinstance(partition, KafkaError):
            outcome: _Outcome = partition
        else:
            outcome = await _read(context, partition, part, min(room, part.partition_max_bytes), isolation, collected.bytes == 0)
        collected.outcomes.append(outcome)
        if isinstance(outcome, ReadResult):
            collected.bytes += outcome.records.size
            room = max(0, room - outcome.records.size)
        else:
            collected.answer_now = True
    return collected


async def _read(
    context: RequestContext, partition: IPartition, part: _Wanted, bytes_max: int, isolation: IsolationLevel, at_least_one_batch: bool
) -> _Outcome:
    try:
        if part.last_fetched_epoch >= 0:
            diverged = _divergence(partition, part)
            if diverged is not None:
                return diverged
        result = await partition.read(part.fetch_offset, max(0, bytes_max), isolation, at_least_one_batch)
        if context.api_version < FIRST_VERSION_WITH_ZSTD and _holds_zstd(result):
            result.records.close()
            raise KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, "the records are compressed by zstd, which Fetch knows from version 10 on")
        return result
    except KafkaError as error:
        return error


def _divergence(partition: IPartition, part: _Wanted) -> _Diverged | None:
    epoch, end_offset = partition.log.end_offset_for_epoch(part.last_fetched_epoch)
    if epoch < 0:
        raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, f"epoch {part.last_fetched_epoch} is unknown to {partition.topic_partition}")
    if epoch < part.last_fetched_epoch or end_offset < part.fetch_offset:
        return _Diverged(epoch, end_offset, partition.high_watermark, partition.start_offset)
    return None


def _holds_zstd(result: ReadResult) -> bool:
    head = result.records.read(0, HEADER_BYTES)
    return len(head) == HEADER_BYTES and parse_header(head).codec == Codec.ZSTD


def _enough(request: FetchRequest, collected: _Collected) -> bool:
    return collected.answer_now or request.max_wait_ms <= 0 or collected.bytes >= request.min_bytes or not collected.outcomes


async def _wait_for_more(
    context: RequestContext,
    request: FetchRequest,
    targets: Sequence[tuple[str | None, _Wanted]],
    resolved: Sequence[IPartition | KafkaError],
    collected: _Collected,
) -> _Collected:
    """Read again on each commit, until there is enough or the time is up. Nothing is polled."""
    clock = context.services.clock
    deadline = clock.seconds() + request.max_wait_ms / 1000
    while not _enough(request, collected):
        remaining_ms = (deadline - clock.seconds()) * 1000
        if remaining_ms <= 0 or context.session.closed:
            break
        collected.close()
        if not _moved(resolved, collected):
            await _next_commit(context, resolved, remaining_ms)
        collected = await _collect(context, request, targets, resolved)
    return collected


def _moved(resolved: Sequence[IPartition | KafkaError], collected: _Collected) -> bool:
    """Whether something was committed since it was read: cold reads take their time."""
    return any(
        isinstance(outcome, ReadResult) and not isinstance(partition, KafkaError) and partition.high_watermark > outcome.high_watermark
        for partition, outcome in zip(resolved, collected.outcomes, strict=True)
    )


async def _next_commit(context: RequestContext, resolved: Sequence[IPartition | KafkaError], wait_ms: float) -> None:
    waiter = CommitWaiter(partition for partition in resolved if not isinstance(partition, KafkaError))
    context.services.purgatory.expire_after(waiter, int(wait_ms))
    context.session.waiting.add(waiter)
    try:
        await waiter.ended
    finally:
        waiter.forget()
        context.services.purgatory.forget(waiter)
        context.session.waiting.discard(waiter)


def _response(context: RequestContext, request: FetchRequest, targets: Sequence[tuple[str | None, _Wanted]], collected: _Collected) -> FetchResponse:
    hints = LeaderHints(context.services.metadata.image, context.session)
    committed_only = request.isolation_level == 1
    outcomes = zip(targets, collected.outcomes, strict=True)
    answers = iter([_partition_answer(context, name, part, outcome, hints, committed_only) for (name, part), outcome in outcomes])
    responses = tuple(
        _TopicAnswer(topic=topic.topic, topic_id=topic.topic_id, partitions=tuple(next(answers) for _ in topic.partitions))
        for topic in request.topics
    )
    nodes = tuple(
        FetchResponse.NodeEndpoint(node_id=node.node_id, host=node.host, port=node.port, rack=node.rack) for node in hints.nodes.values()
    )
    return FetchResponse(responses=responses, node_endpoints=nodes)


def _partition_answer(
    context: RequestContext, name: str | None, part: _Wanted, outcome: _Outcome, hints: LeaderHints, committed_only: bool
) -> _PartitionAnswer:
    if isinstance(outcome, KafkaError):
        leader_id, leader_epoch = hints.after(outcome.code, name or "", part.partition)
        return _refused(part.partition, context.told(outcome.code), FetchResponse.LeaderIdAndEpoch(leader_id=leader_id, leader_epoch=leader_epoch))
    if isinstance(outcome, _Diverged):
        return _PartitionAnswer(
            partition_index=part.partition,
            high_watermark=outcome.high_watermark,
            last_stable_offset=outcome.high_watermark,
            log_start_offset=outcome.start_offset,
            diverging_epoch=FetchResponse.EpochEndOffset(epoch=outcome.epoch, end_offset=outcome.end_offset),
            records=NO_RECORDS,
        )
    return _PartitionAnswer(
        partition_index=part.partition,
        high_watermark=outcome.high_watermark,
        last_stable_offset=outcome.last_stable_offset,
        log_start_offset=outcome.log_start_offset,
        aborted_transactions=() if committed_only else None,
        records=outcome.records,
    )


def _refused(index: int, code: ErrorCode, leader: FetchResponse.LeaderIdAndEpoch | None = None) -> _PartitionAnswer:
    return _PartitionAnswer(
        partition_index=index,
        error_code=code,
        high_watermark=NO_OFFSET,
        aborted_transactions=None,
        current_leader=leader or FetchResponse.LeaderIdAndEpoch(),
        records=NO_RECORDS,
    )


def _rule(services: Services, request: FetchRequest) -> Iterable[Action]:
    names = services.metadata.image.names
    for topic in request.topics:
        name = topic.topic or names.get(TopicId(topic.topic_id))
        if name:
            yield Action(Operation.READ, ResourceType.TOPIC, name)


def _refusal(request: FetchRequest, version: int, error: KafkaError) -> Message:
    """From version 7 on the answer has a place for the error; before, each partition carries it."""
    if version >= 7:
        return FetchResponse(error_code=error.code)
    return FetchResponse(
        responses=tuple(
            _TopicAnswer(topic=topic.topic, partitions=tuple(_refused(part.partition, error.code) for part in topic.partitions))
            for topic in request.topics
        )
    )


APIS = (Api(ApiKey.FETCH, "Fetch", (4, 18), _fetch, _refusal, _rule),)
