"""Sends batches to their partitions' leaders: several in flight, in order, again after what passes, and each once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chronik.cli.cluster import RETRY_SECONDS, RETRY_SECONDS_MAX, Cluster, Topic, error_text, is_retriable
from chronik.defer import deferred
from chronik.errors import ChronikError, ErrorCode
from chronik.network.channel import ChannelError, KafkaChannel
from chronik.protocol import messages
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec

IN_FLIGHT_MAX: Final = 5
"""Batches of one partition on their way: brokers remember the last five of a producer."""

HELD_BYTES_MAX: Final = 16 << 20
"""Built batches of all partitions that are not acknowledged; input is not read past it."""

DELIVERY_SECONDS: Final = 120.0
"""How long a batch is tried, as Java's ``delivery.timeout.ms``."""

REQUEST_MS: Final = 30_000


class _Batch:
    """One batch, from built to acknowledged."""

    __slots__ = ("count", "data", "deadline")

    def __init__(self, data: bytes, count: int, deadline: float) -> None:
        self.data = data
        self.count = count
        self.deadline = deadline


class Producer:
    """Produces to one topic.

    :param acks: -1 for all, 1 or 0.
    :ivar written: per partition the first and the last offset that was answered; -1 where the broker tells none.
    :ivar records: acknowledged ones.
    :ivar sent_bytes: of acknowledged batches.
    """

    def __init__(self, cluster: Cluster, topic: Topic, acks: int = -1, codec: Codec = Codec.NONE) -> None:
        self.cluster = cluster
        self.topic = topic
        self.acks = acks
        self.codec = codec
        self.producer_id, self.producer_epoch = -1, -1
        self.written: dict[int, tuple[int, int]] = {}
        self.records = 0
        self.sent_bytes = 0
        self.held_bytes = 0
        self.failure: ChronikError | None = None
        self._partitions: dict[int, _PartitionSender] = {}
        self._waiting: Deferred[None] | None = None

    @deferred
    async def start(self) -> None:
        """Get a producer id when batches are to be written exactly once (KIP-98), which acks=all is needed for."""
        if self.acks != -1:
            return
        request = messages.InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=REQUEST_MS, producer_id=-1, producer_epoch=-1)
        deadline = self.cluster.reactor.seconds() + REQUEST_MS / 1000
        while True:
            response: messages.InitProducerIdResponse = await self.cluster.request(request)
            if not response.error_code:
                break
            if not is_retriable(response.error_code) or self.cluster.reactor.seconds() > deadline:
                raise ChronikError(f"the broker gives no producer id: {error_text(response.error_code)}")
            await self.cluster.pause(RETRY_SECONDS)
        self.producer_id, self.producer_epoch = response.producer_id, response.producer_epoch

    @deferred
    async def send(self, partition: int, records: Sequence[NewRecord]) -> None:
        """Queue a batch; fires when there is room for another.

        :raises ChronikError: an earlier batch failed for good.
        """
        sender = self._partitions.get(partition)
        if sender is None:
            sender = self._partitions[partition] = _PartitionSender(self, partition)
        sender.send(records)
        await self._until(HELD_BYTES_MAX)

    @deferred
    async def flush(self) -> None:
        """Wait until all is acknowledged.

        :raises ChronikError: some batch failed for good.
        """
        await self._until(0)

    async def _until(self, bytes_max: int) -> None:
        while self.failure is None and self.held_bytes > bytes_max:
            self._waiting = Deferred()
            await self._waiting
        if self.failure is not None:
            raise self.failure

    def wake(self) -> None:
        """Something was acknowledged, or failed."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def acknowledged(self, partition: int, batch: _Batch, base_offset: int) -> None:
        """Count a batch."""
        self.held_bytes -= len(batch.data)
        self.sent_bytes += len(batch.data)
        self.records += batch.count
        first, last = self.written.get(partition, (base_offset, -1))
        self.written[partition] = (first, last if base_offset < 0 else base_offset + batch.count - 1)
        self.wake()

    def fail(self, error: ChronikError) -> None:
        """Nothing more can be sent."""
        self.failure = self.failure or error
        self.wake()


class _PartitionSender:
    """The batches of one partition. After an error nothing new is sent until all answers are in; then what is left goes again, in order."""

    def __init__(self, producer: Producer, partition: int) -> None:
        self._producer = producer
        self._partition = partition
        self._sequence = 0
        self._queue: deque[_Batch] = deque()
        self._unacknowledged: deque[_Batch] = deque()
        self._outstanding = 0
        self._channel: KafkaChannel | None = None
        self._is_connecting = False
        self._problem: ChronikError | None = None
        self._is_final = False
        self._delay = RETRY_SECONDS

    def send(self, records: Sequence[NewRecord]) -> None:
        producer = self._producer
        idempotent = producer.producer_id >= 0
        data = build_batch(
            records,
            producer.codec,
            producer_id=producer.producer_id,
            producer_epoch=producer.producer_epoch,
            base_sequence=self._sequence if idempotent else -1,
        )
        self._sequence = (self._sequence + len(records)) & 0x7FFFFFFF
        producer.held_bytes += len(data)
        self._queue.append(_Batch(data, len(records), producer.cluster.reactor.seconds() + DELIVERY_SECONDS))
        self._pump()

    def _pump(self) -> None:
        while self._queue and self._outstanding < IN_FLIGHT_MAX and self._problem is None and self._producer.failure is None:
            if self._channel is None:
                # One connection for all: batches that waited for several could overtake one another.
                if not self._is_connecting:
                    self._connect().addErrback(self._broken)
                return
            batch = self._queue.popleft()
            self._unacknowledged.append(batch)
            self._outstanding += 1
            request = self._request(self._channel, batch)
            request.addCallbacks(self._answered, self._failed, (batch,), errbackArgs=(self._channel, batch)).addErrback(self._broken)

    @deferred
    async def _connect(self) -> None:
        self._is_connecting = True
        try:
            self._channel = await self._producer.cluster.channel(self._producer.topic.leaders[self._partition])
        except ChronikError as error:
            self._set_problem(error, self._queue[0])
        self._is_connecting = False
        self._go_on()

    def _request(self, channel: KafkaChannel, batch: _Batch) -> Deferred[Any]:
        producer = self._producer
        request = messages.ProduceRequest
        data = (request.PartitionProduceData(index=self._partition, records=batch.data),)
        topics = (request.TopicProduceData(topic_id=producer.topic.topic_id, name=producer.topic.name, partition_data=data),)
        message = request(transactional_id=None, acks=producer.acks, timeout_ms=REQUEST_MS, topic_data=topics)
        if producer.acks:
            return channel.request(message, seconds=2 * REQUEST_MS / 1000)
        # Produce with acks=0 has no answer. The next request's shows that the broker has read this one, which bounds what is on its way.
        sent = channel.request(message, answered=False)
        return sent.addCallback(lambda _: channel.request(messages.ApiVersionsRequest(), 0))

    def _answered(self, response: messages.ProduceResponse | messages.ApiVersionsResponse, batch: _Batch) -> None:
        self._outstanding -= 1
        if isinstance(response, messages.ApiVersionsResponse):
            self._accept(batch, -1)
        else:
            answer = response.responses[0].partition_responses[0]
            if answer.error_code in (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER):
                self._accept(batch, answer.base_offset)
            else:
                self._refused(answer, batch)
        self._go_on()

    def _accept(self, batch: _Batch, base_offset: int) -> None:
        self._unacknowledged.remove(batch)
        self._delay = RETRY_SECONDS
        self._producer.acknowledged(self._partition, batch, base_offset)

    def _refused(self, answer: messages.ProduceResponse.PartitionProduceResponse, batch: _Batch) -> None:
        """Only the first refusal counts: those after it follow from the gap that it left."""
        where = f"{self._producer.topic.name}, partition {self._partition}"
        error = ChronikError(f"records to {where} were refused: {error_text(answer.error_code, answer.error_message)}")
        self._set_problem(error, batch, is_final=not is_retriable(answer.error_code))

    def _failed(self, failure: Failure, channel: KafkaChannel, batch: _Batch) -> None:
        failure.trap(ChannelError)
        self._outstanding -= 1
        self._producer.cluster.forget(channel)
        self._channel = None
        self._set_problem(ChronikError(failure.getErrorMessage()), batch)
        self._go_on()

    def _set_problem(self, error: ChronikError, batch: _Batch, is_final: bool = False) -> None:
        if self._problem is None:
            self._problem = error
            self._is_final = is_final or self._producer.cluster.reactor.seconds() > batch.deadline

    def _broken(self, failure: Failure) -> None:
        self._producer.fail(ChronikError(f"{type(failure.value).__name__}: {failure.getErrorMessage()}"))

    def _go_on(self) -> None:
        if self._problem is None:
            self._pump()
        elif self._is_final:
            self._producer.fail(self._problem)
        elif not self._outstanding:
            self._retry().addErrback(self._broken)

    @deferred
    async def _retry(self) -> None:
        producer = self._producer
        self._queue.extendleft(reversed(self._unacknowledged))
        self._unacknowledged.clear()
        while producer.failure is None:
            await producer.cluster.pause(self._delay)
            self._delay = min(self._delay * 2, RETRY_SECONDS_MAX)
            try:
                producer.topic = await producer.cluster.topic(producer.topic.name, create=True)
            except ChronikError as error:
                if producer.cluster.reactor.seconds() > self._queue[0].deadline:
                    producer.fail(error)
                continue
            self._channel = None
            self._problem = None
            self._pump()
            return
