"""Produce (0): batches are appended at their partitions, in the order of the connection's requests, then acknowledged.

Everything up to the first wait happens before the connection's next request begins: validation, offsets, the queueing of the write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from chronik.errors import ErrorCode, KafkaError
from chronik.model import INTERNAL_TOPICS, NO_OFFSET, NO_TIMESTAMP, TopicId
from chronik.network.interfaces import ProtocolViolation
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import ProduceRequest, ProduceResponse
from chronik.replica.interfaces import IPartition
from chronik.replica.purgatory import Waiter
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.leaders import LeaderHints
from chronik.storage.interfaces import AppendResult

if TYPE_CHECKING:
    from chronik.server.services import Services

R = TypeVar("R")

FIRST_VERSION_WITH_TOPIC_IDS = 13

_TopicData: TypeAlias = ProduceRequest.TopicProduceData
_PartitionData: TypeAlias = ProduceRequest.PartitionProduceData
_TopicAnswer: TypeAlias = ProduceResponse.TopicProduceResponse
_PartitionAnswer: TypeAlias = ProduceResponse.PartitionProduceResponse


async def _produce(context: RequestContext, request: ProduceRequest) -> ProduceResponse | None:
    appends = []
    for topic in request.topic_data:
        name = _topic_name(context.services, context.api_version, topic)
        refusal = _topic_refusal(context, request, name)
        appends.append((topic, name, [(part.index, _append(context, request, name, refusal, part)) for part in topic.partition_data]))
    if request.acks == 0:
        await _unanswered([(name, index, append) for _, name, parts in appends for index, append in parts])
        return None
    await _settled(context, [append for _, _, parts in appends for _, append in parts if not append.called or append.paused], request.timeout_ms)
    hints = LeaderHints(context.services.metadata.image, context.session)
    responses = []
    for topic, name, parts in appends:
        answers = [_answer(request, hints, name, index, append) for index, append in parts]
        responses.append(_TopicAnswer(name=topic.name, topic_id=topic.topic_id, partition_responses=tuple(answers)))
    return ProduceResponse(responses=tuple(responses), node_endpoints=_endpoints(hints))


def _topic_name(services: Services, version: int, topic: _TopicData) -> str | None:
    """The topic's name; None when its id is unknown."""
    if version < FIRST_VERSION_WITH_TOPIC_IDS:
        return topic.name
    name: str | None = services.metadata.image.names.get(TopicId(topic.topic_id))
    return name


def _topic_refusal(context: RequestContext, request: ProduceRequest, name: str | None) -> KafkaError | None:
    """Why none of the topic's partitions is appended to."""
    if name is None:
        return KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, "no topic has this id")
    if not context.allowed(Operation.WRITE, ResourceType.TOPIC, name):
        return KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, f"{context.session.principal} may not write to topic {name}")
    if request.acks not in (-1, 0, 1):
        return KafkaError(ErrorCode.INVALID_REQUIRED_ACKS, f"acks is {request.acks}; 0, 1 and -1 (all) are known")
    if request.transactional_id is not None:
        return KafkaError(ErrorCode.INVALID_TXN_STATE, "this broker does not serve transactions yet: unset transactional.id")
    if name in INTERNAL_TOPICS:
        return KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"{name} is written by the broker alone")
    return None


def _append(
    context: RequestContext, request: ProduceRequest, name: str | None, refusal: KafkaError | None, part: _PartitionData
) -> Deferred[AppendResult]:
    """Start one partition's append."""
    if name is None or refusal is not None:
        return fail(refusal)
    try:
        partition: IPartition = context.services.partitions.get(name, part.index)
    except KafkaError as error:
        return fail(error)
    if part.records is None:
        return succeed(AppendResult(NO_OFFSET, NO_OFFSET, NO_TIMESTAMP, partition.start_offset))
    return partition.append(part.records, request.acks)


class _Countdown(Waiter):
    """Woken by the last of the appends that it waits for."""

    __slots__ = ("_left",)

    def __init__(self, appends: Sequence[Deferred[AppendResult]]) -> None:
        super().__init__()
        self._left = len(appends)
        for append in appends:
            append.addBoth(self._count)

    def _count(self, result: R) -> R:
        self._left -= 1
        if not self._left:
            self.wake()
        return result


async def _settled(context: RequestContext, waiting: Sequence[Deferred[AppendResult]], timeout_ms: int) -> None:
    """Until each append is acknowledged or refused, or the time is up: one wait, however many partitions there are."""
    if waiting:
        countdown = _Countdown(waiting)
        context.services.purgatory.expire_after(countdown, max(timeout_ms, 0))
        await countdown.ended
        context.services.purgatory.forget(countdown)


def _answer(
    request: ProduceRequest, hints: LeaderHints, name: str | None, index: int, append: Deferred[AppendResult]
) -> _PartitionAnswer:
    result: object = getattr(append, "result", None)
    if isinstance(result, Failure):
        append.addErrback(lambda failure: None)
        if not isinstance(result.value, KafkaError):
            result.raiseException()
        return _refused(index, result.value, hints.after(result.value.code, name or "", index))
    if not isinstance(result, AppendResult):
        append.addErrback(lambda failure: None)
        why = f"not committed within {request.timeout_ms} ms; the records are appended and may yet be"
        return _refused(index, KafkaError(ErrorCode.REQUEST_TIMED_OUT, why))
    return _PartitionAnswer(
        index=index, base_offset=result.base_offset, log_append_time_ms=result.log_append_time, log_start_offset=result.log_start_offset
    )


async def _unanswered(appends: Iterable[tuple[str | None, int, Deferred[AppendResult]]]) -> None:
    """With acks=0 nothing is answered; a refusal is told the only way there is, by closing the connection, once every append has ended."""
    refusals = []
    for name, index, append in appends:
        try:
            await append
        except KafkaError as error:
            refusals.append(f"a Produce request with acks=0 to {name}-{index} that was refused: {error}")
    if refusals:
        raise ProtocolViolation(refusals[0])


def _refused(index: int, error: KafkaError, leader: tuple[int, int] = (-1, -1)) -> _PartitionAnswer:
    records = tuple(
        ProduceResponse.BatchIndexAndErrorMessage(batch_index=at, batch_index_error_message=why)
        for at, why in getattr(error, "record_errors", ())
    )
    return _PartitionAnswer(
        index=index,
        error_code=error.code,
        base_offset=NO_OFFSET,
        log_append_time_ms=NO_TIMESTAMP,
        error_message=error.message or None,
        record_errors=records,
        current_leader=ProduceResponse.LeaderIdAndEpoch(leader_id=leader[0], leader_epoch=leader[1]),
    )


def _endpoints(hints: LeaderHints) -> tuple[ProduceResponse.NodeEndpoint, ...]:
    return tuple(
        ProduceResponse.NodeEndpoint(node_id=node.node_id, host=node.host, port=node.port, rack=node.rack) for node in hints.nodes.values()
    )


def _rule(services: Services, request: ProduceRequest) -> Iterable[Action]:
    names = services.metadata.image.names
    for topic in request.topic_data:
        name = topic.name or names.get(TopicId(topic.topic_id))
        if name:
            yield Action(Operation.WRITE, ResourceType.TOPIC, name)


def _refusal(request: ProduceRequest, version: int, error: KafkaError) -> Message:
    return ProduceResponse(
        responses=tuple(
            _TopicAnswer(
                name=topic.name, topic_id=topic.topic_id, partition_responses=tuple(_refused(part.index, error) for part in topic.partition_data)
            )
            for topic in request.topic_data
        )
    )


APIS = (Api(ApiKey.PRODUCE, "Produce", (3, 13), _produce, _refusal, _rule, advertised_from=0, frame_bytes_max=100 << 20),)
"""Versions 0 to 2 are advertised and not served, as Kafka 4 does: librdkafka below 2.11 compresses only when it sees them (KAFKA-18659)."""
