"""Produce (0): batches are appended at their partitions, in the order of the connection's requests, then acknowledged.

Everything up to the first wait happens before the connection's next request begins: validation, offsets, the queueing of the write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from zope.interface import implementer

from chronik.errors import ErrorCode, KafkaError
from chronik.model import AUDIT_TOPIC, INTERNAL_TOPICS, NO_OFFSET, NO_TIMESTAMP, TopicId
from chronik.network.interfaces import ProtocolViolation
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import ProduceRequest, ProduceResponse
from chronik.record.batch import BadBatch, split_batches
from chronik.record.compression import Codec
from chronik.replica.interfaces import IPartition, IPartitions, IPendingAppend
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.leaders import LeaderHints
from chronik.server.handlers.topic_access import on_topic, topic_refusal, unknown_id
from chronik.server.sequences import RefusedSequences
from chronik.server.settling import Countdown
from chronik.storage.interfaces import AppendResult
from chronik.storage.validation import BATCHES_MAX

if TYPE_CHECKING:
    from chronik.network.interfaces import Session
    from chronik.server.services import Services

FIRST_VERSION_WITH_ZSTD = 7
FIRST_VERSION_WITH_TOPIC_IDS = 13

_TopicData: TypeAlias = ProduceRequest.TopicProduceData
_PartitionData: TypeAlias = ProduceRequest.PartitionProduceData
_TopicAnswer: TypeAlias = ProduceResponse.TopicProduceResponse
_PartitionAnswer: TypeAlias = ProduceResponse.PartitionProduceResponse


class _TopicAppends:
    """The appends of one request to one topic's partitions.

    :ivar topic: its name, or its id where that is what was sent.
    :ivar countdown: of the whole request's.
    """

    __slots__ = ("_session", "countdown", "topic")

    def __init__(self, session: Session, topic: _TopicData, countdown: Countdown) -> None:
        self._session = session
        self.topic = topic.name or topic.topic_id
        self.countdown = countdown

    def refused(self, partition: int, records: bytes | memoryview | None) -> None:
        """One is over, and what its producer sent after it may have to wait for it to come again."""
        if records is not None:
            if self._session.sequences is None:
                self._session.sequences = RefusedSequences()
            self._session.sequences.note(self.topic, partition, records)
        self.countdown.settled()

    def check(self, part: _PartitionData, partition: IPartition) -> None:
        """Let pass what does not have to wait for what was refused before.

        :raises KafkaError: it has.
        """
        if part.records is not None:
            self._session.sequences.check(self.topic, part.index, part.records, partition.log.active_producers)


@implementer(IPendingAppend)
class _Append(ProduceResponse.PartitionProduceResponse):
    """One partition's append, and the answer once it is acknowledged: a request may have a thousand of them, so they are one object.

    :ivar outcome: its :class:`AppendResult`, why it was refused, or None while that is open.
    """

    __slots__ = ("_of", "_records", "outcome")

    def __init__(self, part: _PartitionData, of: _TopicAppends) -> None:
        super().__init__(index=part.index)
        self._records = part.records
        self._of = of
        self.outcome: AppendResult | BaseException | None = None

    def acknowledged(self, result: AppendResult) -> None:
        """See :meth:`IPendingAppend.acknowledged`."""
        self.outcome = result
        self.base_offset = result.base_offset  # type: ignore[misc]  # nobody has seen it yet
        self.log_append_time_ms = result.log_append_time  # type: ignore[misc]  # nobody has seen it yet
        self.log_start_offset = result.log_start_offset  # type: ignore[misc]  # nobody has seen it yet
        self._of.countdown.settled()

    def start_offset(self, partitions: IPartitions) -> int:
        """Where the log begins now, -1 where it is not led here: its producer's batches before that are removed, and may be forgotten."""
        topic = self._of.topic
        try:
            partition = partitions.get(topic, self.index) if isinstance(topic, str) else partitions.get_by_id(TopicId(topic), self.index)
        except KafkaError:
            return NO_OFFSET
        start: int = partition.start_offset
        return start

    def refused(self, reason: BaseException) -> None:
        """See :meth:`IPendingAppend.refused`."""
        self.outcome = reason
        self._of.refused(self.index, self._records)


async def _produce(context: RequestContext, request: ProduceRequest) -> ProduceResponse | None:
    countdown = Countdown(sum([len(topic.partition_data) for topic in request.topic_data]))
    begun = []
    for topic in request.topic_data:
        name = _topic_name(context.services, context.api_version, topic)
        begun.append((topic, name, _begin(context, request, name, topic, countdown)))
    if countdown.left:
        await countdown.wait(context.services.purgatory, None if request.acks == 0 else request.timeout_ms)
    if request.acks == 0:
        for _, name, appends in begun:
            _check_unanswered(name, appends)
        return None
    hints = LeaderHints(context.services.metadata.image, context.session)
    responses = []
    for topic, name, appends in begun:
        answers = [append if type(append.outcome) is AppendResult else _failed(context.services, request, hints, name, append) for append in appends]
        responses.append(_TopicAnswer(name=topic.name, topic_id=topic.topic_id, partition_responses=tuple(answers)))
    return ProduceResponse(responses=tuple(responses), node_endpoints=_endpoints(hints) if hints.nodes else ())


def _topic_name(services: Services, version: int, topic: _TopicData) -> str | None:
    """The topic's name; None when its id is unknown."""
    if version < FIRST_VERSION_WITH_TOPIC_IDS:
        return topic.name
    name: str | None = services.metadata.image.names.get(TopicId(topic.topic_id))
    return name


def _topic_refusal(context: RequestContext, request: ProduceRequest, name: str | None) -> KafkaError | None:
    """Why none of the topic's partitions is appended to."""
    if request.transactional_id is not None and not context.allowed(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, request.transactional_id):
        why = f"{context.session.principal} may not write by transactional id {request.transactional_id}"
        return KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, why)
    if name is None:
        return unknown_id()
    is_brokers = _is_brokers(context, name)
    refusal = None if is_brokers else topic_refusal(context, Operation.WRITE, name, context.api_version >= FIRST_VERSION_WITH_TOPIC_IDS)
    if refusal is not None:
        return refusal
    if request.acks not in (-1, 0, 1):
        return KafkaError(ErrorCode.INVALID_REQUIRED_ACKS, f"acks is {request.acks}; 0, 1 and -1 (all) are known")
    if request.transactional_id is not None:
        return KafkaError(ErrorCode.INVALID_TXN_STATE, "this broker does not serve transactions yet: unset transactional.id")
    if name in INTERNAL_TOPICS and not is_brokers:
        return KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"{name} is written by the broker alone")
    return None


def _is_brokers(context: RequestContext, name: str | None) -> bool:
    """Whether a topic is one that other brokers of the cluster write by requests, and whoever asks is one of them."""
    return name == AUDIT_TOPIC and context.allowed_cluster(Operation.CLUSTER_ACTION)


def _begin(
    context: RequestContext, request: ProduceRequest, name: str | None, topic: _TopicData, countdown: Countdown
) -> Sequence[_Append]:
    """Start the appends to one topic's partitions."""
    refusal = _topic_refusal(context, request, name)
    of = _TopicAppends(context.session, topic, countdown)
    appends = [_Append(part, of) for part in topic.partition_data]
    find, acks, is_any_refused = context.services.partitions.get, request.acks, bool(context.session.sequences)
    for part, append in zip(topic.partition_data, appends, strict=True):
        if refusal is not None:
            append.refused(refusal)
            continue
        try:
            partition: IPartition = find(name or "", part.index)
            if is_any_refused:
                of.check(part, partition)
        except KafkaError as error:
            append.refused(error)
            continue
        if part.records is None:
            append.acknowledged(AppendResult(NO_OFFSET, NO_OFFSET, NO_TIMESTAMP, partition.start_offset))
        elif context.api_version < FIRST_VERSION_WITH_ZSTD and _holds_zstd(part.records):
            why = "the records are compressed by zstd, which Produce knows from version 7 on"
            append.refused(KafkaError(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, why))
        else:
            partition.begin_append(append, part.records, acks)
    return appends


def _holds_zstd(records: bytes | memoryview) -> bool:
    try:
        return any(header.codec is Codec.ZSTD for header, _ in split_batches(records, BATCHES_MAX))
    except BadBatch:
        return False  # What is wrong with it the log tells.


def _failed(services: Services, request: ProduceRequest, hints: LeaderHints, name: str | None, append: _Append) -> _PartitionAnswer:
    """The answer where the append was not acknowledged, or not in time."""
    outcome = append.outcome
    if isinstance(outcome, KafkaError):
        start = append.start_offset(services.partitions) if outcome.code is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER else NO_OFFSET
        return _refused(append.index, outcome, hints.after(outcome.code, name or "", append.index), start)
    if isinstance(outcome, BaseException):
        raise outcome
    why = f"not committed within {request.timeout_ms} ms; the records are appended and may yet be"
    return _refused(append.index, KafkaError(ErrorCode.REQUEST_TIMED_OUT, why))


def _check_unanswered(name: str | None, appends: Sequence[_Append]) -> None:
    """With acks=0 nothing is answered; a refusal is told the only way there is, by closing the connection."""
    for append in appends:
        if isinstance(append.outcome, KafkaError):
            raise ProtocolViolation(f"a Produce request with acks=0 to {name}-{append.index} that was refused: {append.outcome}")
        if isinstance(append.outcome, BaseException):
            raise append.outcome


def _refused(index: int, error: KafkaError, leader: tuple[int, int] = (-1, -1), start_offset: int = NO_OFFSET) -> _PartitionAnswer:
    records = tuple(
        ProduceResponse.BatchIndexAndErrorMessage(batch_index=at, batch_index_error_message=why)
        for at, why in getattr(error, "record_errors", ())
    )
    return _PartitionAnswer(
        index=index,
        error_code=error.code,
        base_offset=NO_OFFSET,
        log_append_time_ms=NO_TIMESTAMP,
        log_start_offset=start_offset,
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
    if request.transactional_id is not None:
        yield Action(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, request.transactional_id)
    for topic in request.topic_data:
        name = topic.name or names.get(TopicId(topic.topic_id))
        if name == AUDIT_TOPIC:
            yield Action(Operation.CLUSTER_ACTION, ResourceType.CLUSTER, CLUSTER_NAME)
        yield from on_topic(Operation.WRITE, name, by_id=not topic.name)


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
