"""Lines become records, batches go out in order and again after errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as kafka_murmur2
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.cli.cluster import Topic
from chronik.cli.options import parse
from chronik.cli.partitioning import KeyPartitioner, murmur2
from chronik.cli.produce import Batches, splitter, summary
from chronik.cli.producer import DELIVERY_SECONDS, IN_FLIGHT_MAX, Producer
from chronik.errors import ChronikError, ErrorCode
from chronik.network.channel import ChannelError
from chronik.protocol import messages
from chronik.record.batch import parse_header
from chronik.record.build import NewRecord
from chronik.record.records import Record, decode_records


class PartitioningTests(SynchronousTestCase):
    """Keys go where Java puts them."""

    @given(st.binary(max_size=40))
    def test_hash(self, key: bytes) -> None:
        """The hash is that of another client."""
        self.assertEqual(kafka_murmur2(key) & 0xFFFFFFFF, murmur2(key))

    def test_partition(self) -> None:
        """Java's own test vector: the hash of ``21`` is -973932308; its sign is dropped."""
        self.assertEqual(-973932308 & 0xFFFFFFFF, murmur2(b"21"))
        self.assertEqual((-973932308 & 0x7FFFFFFF) % 7, KeyPartitioner(7).partition(b"21"))


class SplitterTests(SynchronousTestCase):
    """Lines to keys and values."""

    def split(self, line: bytes, *arguments: str) -> tuple[bytes | None, bytes | None]:
        """Key and value of a line."""
        return splitter(parse(["produce", "t", *arguments], {}))(line)

    def test_lines(self) -> None:
        """Each way of giving keys."""
        self.assertEqual((None, b"a:b"), self.split(b"a:b"))
        self.assertEqual((b"a", b"b:c"), self.split(b"a:b:c", "--key-separator", ":"))
        self.assertEqual((b"a", None), self.split(b"a:NULL", "--key-separator", ":", "--null-marker", "NULL"))
        self.assertEqual((None, b"v"), self.split(b"NULL:v", "--key-separator", ":", "--null-marker", "NULL"))
        self.assertEqual((b"7", b'{"id":7}'), self.split(b'{"id":7}', "--json-key", "id"))
        self.assertEqual((None, b'{"id":null}'), self.split(b'{"id":null}', "--json-key", "id"))

    def test_bad_lines(self) -> None:
        """A line without a key stops, and is shown."""
        for line, option, value in ((b"plain", "--key-separator", ":"), (b"plain", "--json-key", "id"), (b'{"x":1}', "--json-key", "id")):
            error = self.assertRaises(ChronikError, self.split, line, option, value)
            self.assertIn(repr(line.decode()), str(error))


class FakeChannel:
    """Keeps requests until the test answers them."""

    def __init__(self) -> None:
        self.requests: list[tuple[Any, Deferred[Any]]] = []

    def request(self, message: Any, version: int | None = None, seconds: float = 0, answered: bool = True) -> Deferred[Any]:
        """Keep it."""
        if not answered:
            return succeed(None)
        answer: Deferred[Any] = Deferred()
        self.requests.append((message, answer))
        return answer


class FakeCluster:
    """One broker that leads all partitions.

    :ivar channels: each that was connected.
    """

    def __init__(self, topic: Topic) -> None:
        self.reactor = Clock()
        self._topic = topic
        self.channels: list[FakeChannel] = []

    def channel(self, node_id: int | None = None) -> Deferred[FakeChannel]:
        """The one there is, or a new one."""
        if not self.channels:
            self.channels.append(FakeChannel())
        return succeed(self.channels[-1])

    def forget(self, channel: FakeChannel) -> None:
        """The next one is new."""
        if channel is self.channels[-1]:
            self.channels.append(FakeChannel())

    def topic(self, name: str, create: bool = False) -> Deferred[Topic]:
        """As it always was."""
        return succeed(self._topic)

    def pause(self, seconds: float) -> Deferred[None]:
        """Until the clock says so."""
        done: Deferred[None] = Deferred()
        self.reactor.callLater(seconds, done.callback, None)
        return done

    def request(self, message: Any, node_id: int | None = None) -> Deferred[Any]:
        """Only producer ids are asked for."""
        return succeed(messages.InitProducerIdResponse(error_code=0, producer_id=9, producer_epoch=1))


def produced(code: int = 0, offset: int = 0) -> messages.ProduceResponse:
    """An answer to one partition."""
    response = messages.ProduceResponse
    row = response.PartitionProduceResponse(index=0, error_code=code, base_offset=offset)
    return response(responses=(response.TopicProduceResponse(name="t", partition_responses=(row,)),))


class ProducerCase(SynchronousTestCase):
    """A producer and what it sent."""

    def setUp(self) -> None:
        """Two partitions."""
        self.topic = Topic("t", bytes(16), {0: 1, 1: 1})
        self.cluster = FakeCluster(self.topic)
        self.producer = Producer(self.cluster, self.topic)  # type: ignore[arg-type]
        self.successResultOf(self.producer.start())

    def send(self, *values: bytes, partition: int = 0) -> None:
        """Queue a batch."""
        self.successResultOf(self.producer.send(partition, [NewRecord(None, value, 1) for value in values]))

    def batches(self) -> Sequence[bytes]:
        """What came on the last channel."""
        return [message.topic_data[0].partition_data[0].records for message, _ in self.cluster.channels[-1].requests]

    def sequences(self) -> list[int]:
        """Their first sequence numbers."""
        return [parse_header(batch).base_sequence for batch in self.batches()]

    def answer(self, index: int, result: Any) -> None:
        """Answer a request of the last channel; with an exception it fails."""
        deferred = self.cluster.channels[-1].requests[index][1]
        deferred.errback(result) if isinstance(result, Exception) else deferred.callback(result)


class ProducerTests(ProducerCase):
    """Order, retries and failures."""

    def test_idempotent(self) -> None:
        """Batches carry the producer's id, and sequences that follow one another."""
        self.send(b"a", b"b")
        self.send(b"c")
        self.assertEqual([0, 2], self.sequences())
        self.assertEqual((9, 1), parse_header(self.batches()[0])[9:11])

    def test_window(self) -> None:
        """No more are on their way than a broker remembers; an answer lets the next one go."""
        for _ in range(IN_FLIGHT_MAX + 2):
            self.send(b"x")
        self.assertEqual(IN_FLIGHT_MAX, len(self.batches()))
        self.answer(0, produced())
        self.assertEqual(IN_FLIGHT_MAX + 1, len(self.batches()))

    def test_flush(self) -> None:
        """Flushing ends with the last answer; offsets are told."""
        self.send(b"a", b"b")
        self.send(b"c")
        flushed = self.producer.flush()
        self.answer(0, produced(offset=10))
        self.assertNoResult(flushed)
        self.answer(1, produced(offset=12))
        self.successResultOf(flushed)
        self.assertEqual("3 records to t (p0: 10..12)", summary(self.producer))

    def test_retry_in_order(self) -> None:
        """After a passing error all that follows is sent again, in order, with its sequences, once all answers are in."""
        self.send(b"a")
        self.send(b"b")
        self.answer(0, produced(ErrorCode.NOT_LEADER_OR_FOLLOWER))
        self.cluster.reactor.advance(1)
        self.assertEqual(2, len(self.batches()))
        self.answer(1, produced(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER))
        self.cluster.reactor.advance(1)
        self.assertEqual([0, 1, 0, 1], self.sequences())
        flushed = self.producer.flush()
        self.answer(2, produced())
        self.answer(3, produced(offset=1))
        self.successResultOf(flushed)
        self.assertEqual(2, self.producer.records)

    def test_reconnect(self) -> None:
        """What was on its way when the connection broke goes over a new one; a duplicate counts as written."""
        self.send(b"a")
        self.send(b"b")
        old = self.cluster.channels[-1]
        for _, answer in old.requests:
            answer.errback(ChannelError("gone"))
        self.cluster.reactor.advance(1)
        self.assertEqual([0, 1], self.sequences())
        flushed = self.producer.flush()
        self.answer(0, produced(ErrorCode.DUPLICATE_SEQUENCE_NUMBER, -1))
        self.answer(1, produced(offset=5))
        self.successResultOf(flushed)

    def test_final_error(self) -> None:
        """An error that stays ends the work and says what was refused."""
        self.send(b"a")
        flushed = self.producer.flush()
        self.answer(0, produced(ErrorCode.MESSAGE_TOO_LARGE))
        self.assertIn("t, partition 0 were refused: MESSAGE_TOO_LARGE", str(self.failureResultOf(flushed, ChronikError).value))

    def test_gives_up(self) -> None:
        """A passing error that does not pass in the delivery time is final."""
        self.send(b"a")
        flushed = self.producer.flush()
        self.cluster.reactor.advance(DELIVERY_SECONDS + 1)
        self.answer(0, produced(ErrorCode.NOT_ENOUGH_REPLICAS))
        self.failureResultOf(flushed, ChronikError)

    def test_acks_none(self) -> None:
        """Without acknowledgements the next request's answer bounds what is on its way."""
        self.producer = Producer(self.cluster, self.topic, acks=0)  # type: ignore[arg-type]
        self.send(b"a")
        flushed = self.producer.flush()
        self.assertNoResult(flushed)
        self.answer(0, messages.ApiVersionsResponse())
        self.successResultOf(flushed)
        self.assertEqual("1 record to t", summary(self.producer))


class BatchesTests(ProducerCase):
    """Records gathered into batches."""

    def add(self, lines: Sequence[bytes], *arguments: str) -> list[tuple[int, list[Record]]]:
        """Partition and records of each batch."""
        batches = Batches(self.producer, parse(["produce", "t", *arguments], {}))
        for coroutine in (batches.add(lines), batches.flush()):
            self.successResultOf(Deferred.fromCoroutine(coroutine))
        rows = [message.topic_data[0].partition_data[0] for message, _ in self.cluster.channels[-1].requests]
        return [(row.index, decode_records(row.records)) for row in rows]

    def test_sticky(self) -> None:
        """Without keys a full batch goes to one partition, and the next to another."""
        found = self.add([b"x" * 50] * 4, "--batch-bytes", "130")
        self.assertEqual([(0, 2), (1, 2)], [(partition, len(records)) for partition, records in found])

    def test_keys(self) -> None:
        """A key is always in the same partition."""
        found = self.add([b"a:1", b"b:1", b"a:2"], "--key-separator", ":")
        by_key = {(record.key, partition) for partition, records in found for record in records}
        self.assertEqual(2, len(by_key))

    def test_fixed_and_headers(self) -> None:
        """A given partition holds; every record has the headers."""
        [(partition, records)] = self.add([b"a", b"b"], "--partition", "1", "--header", "source=test")
        self.assertEqual(1, partition)
        self.assertEqual([(("source", b"test"),)] * 2, [record.headers for record in records])

    def test_large_line(self) -> None:
        """A line larger than a batch is a batch of its own."""
        found = self.add([b"x" * 500, b"y"], "--batch-bytes", "100")
        self.assertEqual([1, 1], [len(records) for _, records in found])
