"""What clients produce is what clients consume: every client, codec, shape of record and kind of acknowledgement."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from typing import Any

import aiokafka
import kafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException
from kafka import KafkaConsumer, KafkaProducer
from kafka.codec import has_snappy
from kafka.record.default_records import DefaultRecordBatchBuilder

from tests.integration import wire
from tests.integration.clients import SECONDS, consume, create, end_offset, produce, producer, unused_name
from tests.integration.harness import BrokerTestCase, eventually

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")

VALUES = [b"%06d " % n * 20 for n in range(200)]

HEADERS = [("a", b"1"), ("a", b"2"), ("empty", b""), ("null", None), ("b", b"\x00\xff")]


class ConfluentTests(BrokerTestCase):
    """librdkafka."""

    def test_codecs(self) -> None:
        """Every codec comes back, in order, from one topic."""
        self.sends("ApiVersions", "Metadata", "Produce", "Fetch")
        topic = create(self.broker, unused_name("codecs"))
        for codec in CODECS:
            produce(self.broker, topic, VALUES, compression_type=codec, linger_ms=20)
        self.assertEqual(VALUES * len(CODECS), [m.value() for m in consume(self.broker, topic, len(VALUES) * len(CODECS))])

    def test_shapes(self) -> None:
        """Keys, headers that repeat or are null, tombstones, empty values and explicit timestamps come back as they were."""
        topic = create(self.broker, unused_name("shapes"))
        client = producer(self.broker)
        sent = [(b"k", b"v", HEADERS, 1_600_000_000_123), (b"k", None, [], 5), (None, b"", [], 1), (b"", b"x", [], 2), (None, None, [], 3)]
        for key, value, headers, timestamp in sent:
            client.produce(topic, value, key, headers=headers, timestamp=timestamp)
        self.assertEqual(0, client.flush(SECONDS))
        got = [(m.key(), m.value(), m.headers() or [], m.timestamp()[1]) for m in consume(self.broker, topic, len(sent))]
        self.assertEqual(sent, got)

    def test_offsets_and_partitions(self) -> None:
        """Each acknowledgement names partition and offset, and that is where the record is."""
        topic = create(self.broker, unused_name("places"), 3)
        acknowledged = produce(self.broker, topic, VALUES)
        places = {(m.partition(), m.offset()): m.value() for m in acknowledged}
        self.assertEqual(len(VALUES), len(places))
        got = consume(self.broker, topic, len(VALUES), (0, 1, 2))
        self.assertEqual(places, {(m.partition(), m.offset()): m.value() for m in got})

    def test_large_records(self) -> None:
        """Records of nearly 1 MB pass; one beyond the topic's limit is refused as too large, and the next passes."""
        topic = create(self.broker, unused_name("large"), max_message_bytes=1_000_000)
        large = [os.urandom(990_000) for _ in range(3)]
        produce(self.broker, topic, large, message_max_bytes=3_000_000)
        errors: list[KafkaError] = []
        client = producer(self.broker, message_max_bytes=3_000_000)
        client.produce(topic, bytes(1_500_000), on_delivery=lambda error, message: errors.append(error))
        client.flush(SECONDS)
        self.assertEqual([KafkaError.MSG_SIZE_TOO_LARGE], [error.code() for error in errors])
        produce(self.broker, topic, [b"small"])
        self.assertEqual([*large, b"small"], [m.value() for m in consume(self.broker, topic, 4)])

    def test_acks(self) -> None:
        """Without, with one, and with all acknowledgements the records are there, in order."""
        topic = create(self.broker, unused_name("acks"))
        for acks in (0, 1, -1):
            produce(self.broker, topic, VALUES, acks=acks)
            eventually(lambda: end_offset(self.broker, topic) % len(VALUES) == 0, what="the records of acks=0")
        self.assertEqual(VALUES * 3, [m.value() for m in consume(self.broker, topic, len(VALUES) * 3)])

    def test_idempotent(self) -> None:
        """Idempotent producers, several at once with five requests in flight, leave each record once and in its order."""
        self.sends("InitProducerId", "Produce", "Fetch")
        topic = create(self.broker, unused_name("idempotent"))
        clients = [producer(self.broker, enable_idempotence=True, linger_ms=1, batch_num_messages=10) for _ in range(4)]
        for n in range(500):
            for number, client in enumerate(clients):
                client.produce(topic, b"%d" % n, b"%d" % number)
        for client in clients:
            self.assertEqual(0, client.flush(SECONDS))
        got = consume(self.broker, topic, 2_000)
        for number in range(4):
            self.assertEqual([b"%d" % n for n in range(500)], [m.value() for m in got if m.key() == b"%d" % number])
        self.assertEqual(2_000, end_offset(self.broker, topic))

    def test_transactional_id_is_refused(self) -> None:
        """Transactions, which are not served yet, are refused, not half done, and the application is told why."""
        client = producer(self.broker, transactional_id="t", message_timeout_ms=2_000, transaction_timeout_ms=2_000)
        with self.assertRaises(KafkaException) as raised:
            client.init_transactions(2)
        self.assertEqual(KafkaError.UNSUPPORTED_VERSION, raised.exception.args[0].code())

    def test_log_append_time(self) -> None:
        """A topic of the broker's time answers and serves that time, whatever was sent."""
        topic = create(self.broker, unused_name("appendtime"), message_timestamp_type="LogAppendTime")
        began = int(time.time() * 1000)
        client = producer(self.broker, compression_type="gzip")
        told: list[tuple[int, int]] = []
        for n in range(3):
            client.produce(topic, b"%d" % n, timestamp=5, on_delivery=lambda error, message: told.append(message.timestamp()))
        self.assertEqual(0, client.flush(SECONDS))
        for kind, timestamp in told + [m.timestamp() for m in consume(self.broker, topic, 3)]:
            self.assertEqual(TIMESTAMP_LOG_APPEND_TIME, kind)
            self.assertTrue(began - 1000 <= timestamp <= time.time() * 1000 + 1000, timestamp)

    def test_create_time(self) -> None:
        """Any other topic keeps the producer's time."""
        topic = create(self.broker, unused_name("createtime"))
        client = producer(self.broker)
        client.produce(topic, b"v", timestamp=7)
        client.flush(SECONDS)
        self.assertEqual((TIMESTAMP_CREATE_TIME, 7), consume(self.broker, topic, 1)[0].timestamp())

    def test_compression_of_the_topic(self) -> None:
        """A topic with a codec of its own stores that codec, whatever was sent, and its records are the same."""
        for stored in ("gzip", "zstd", "uncompressed"):
            topic = create(self.broker, unused_name(f"stored-{stored}"), compression_type=stored)
            for sent in CODECS:
                produce(self.broker, topic, VALUES, compression_type=sent, linger_ms=20)
            self.assertEqual(VALUES * len(CODECS), [m.value() for m in consume(self.broker, topic, len(VALUES) * len(CODECS))])
            size = (self.broker.data / f"{topic}-0" / f"{0:020}.log").stat().st_size
            plain = sum(map(len, VALUES)) * len(CODECS)
            self.assertTrue(size > plain if stored == "uncompressed" else size < plain / 2, f"{stored}: {size} of {plain}")

    def test_auto_creation(self) -> None:
        """A topic that is produced to comes into being; one with an impossible name does not."""
        topic = unused_name("auto")
        produce(self.broker, topic, [b"v"])
        self.assertEqual([b"v"], [m.value() for m in consume(self.broker, topic, 1)])
        with self.assertRaises(AssertionError) as raised:
            produce(self.broker, "no/such name", [b"v"], message_timeout_ms=3_000)
        self.assertIn("TOPIC", str(raised.exception))


class KafkaPythonTests(BrokerTestCase):
    """kafka-python, idempotent by default."""

    def test_codecs_and_shapes(self) -> None:
        """Every codec, headers, keys and tombstones come back."""
        self.sends("ApiVersions", "Metadata", "InitProducerId", "Produce", "Fetch")
        topic = create(self.broker, unused_name("python"))
        codecs = [codec for codec in CODECS if codec != "snappy" or has_snappy()]
        for codec in codecs:
            client = KafkaProducer(**self.broker.python, compression_type=None if codec == "none" else codec, linger_ms=5)
            try:
                sent = [
                    client.send(topic, value, key=codec.encode(), headers=[("c", codec.encode()), ("c", b"")], timestamp_ms=9) for value in VALUES
                ]
                sent.append(client.send(topic, None, key=b"tombstone"))
                offsets = [future.get(SECONDS).offset for future in sent]
            finally:
                client.close()
            self.assertEqual(list(range(offsets[0], offsets[0] + len(sent))), offsets)
        got = self.records(topic, len(codecs) * (len(VALUES) + 1))
        self.assertEqual((VALUES + [None]) * len(codecs), [r.value for r in got])
        self.assertEqual([("c", b"gzip"), ("c", b"")], list(next(r for r in got if r.key == b"gzip").headers))
        self.assertEqual({9}, {r.timestamp for r in got if r.key == b"gzip"})

    def records(self, topic: str, count: int) -> list[Any]:
        """The first records of partition 0."""
        client = KafkaConsumer(**self.broker.python, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False)
        try:
            client.assign([kafka.TopicPartition(topic, 0)])
            client.seek_to_beginning()
            got: list[Any] = []

            def all_came() -> bool:
                for batch in client.poll(200).values():
                    got.extend(batch)
                return len(got) >= count

            eventually(all_came, what=f"{count} records")
            return got
        finally:
            client.close()

    def test_large_record_and_acks(self) -> None:
        """Each kind of acknowledgement, and a record of 1 MB, arrive."""
        topic = create(self.broker, unused_name("python-acks"))
        large = os.urandom(1_000_000)
        for acks in (0, 1, "all"):
            client = KafkaProducer(**self.broker.python, acks=acks, enable_idempotence=False)
            try:
                client.send(topic, large if acks == "all" else b"%s" % str(acks).encode())
                client.flush(SECONDS)
            finally:
                client.close()
            expected = ("0", "1", "all").index(str(acks)) + 1
            eventually(lambda: end_offset(self.broker, topic) == expected, what="the record")  # noqa: B023  awaited here
        self.assertEqual([b"0", b"1", large], [r.value for r in self.records(topic, 3)])


class AiokafkaTests(BrokerTestCase):
    """aiokafka."""

    def test_codecs_and_shapes(self) -> None:
        """Every codec, headers, keys, tombstones and timestamps come back."""
        self.sends("ApiVersions", "Metadata", "Produce", "Fetch")
        topic = create(self.broker, unused_name("aio"))

        async def send(codec: str) -> None:
            client = AIOKafkaProducer(
                **self.broker.aiokafka,
                compression_type=None if codec == "none" else codec,
                linger_ms=5,
                enable_idempotence=codec == "lz4",
            )
            await client.start()
            try:
                headers = [("c", codec.encode())]
                sent = [await client.send(topic, value, codec.encode(), timestamp_ms=11, headers=headers) for value in VALUES]
                await asyncio.gather(*sent)
                await client.send_and_wait(topic, None, b"tombstone", timestamp_ms=12)
            finally:
                await client.stop()

        async def receive(count: int) -> list[aiokafka.ConsumerRecord[bytes, bytes]]:
            client = AIOKafkaConsumer(**self.broker.aiokafka, auto_offset_reset="earliest")
            await client.start()
            try:
                client.assign([aiokafka.TopicPartition(topic, 0)])
                return [await asyncio.wait_for(client.getone(), SECONDS) for _ in range(count)]
            finally:
                await client.stop()

        async def whole() -> list[aiokafka.ConsumerRecord[bytes, bytes]]:
            for codec in CODECS:
                await send(codec)
            return await receive(len(CODECS) * (len(VALUES) + 1))

        got = asyncio.run(whole())
        self.assertEqual((VALUES + [None]) * len(CODECS), [r.value for r in got])
        self.assertEqual([("c", b"zstd")], list(next(r for r in got if r.key == b"zstd").headers))
        self.assertEqual({11}, {r.timestamp for r in got if r.value})


class KcatTests(BrokerTestCase):
    """kcat, which is an older librdkafka and asks for older versions."""

    def kcat(self, *arguments: str, input: bytes = b"") -> bytes:
        """What kcat prints."""
        done = subprocess.run(["kcat", *self.broker.kcat, *arguments], input=input, capture_output=True, check=False, timeout=SECONDS)
        self.assertEqual(0, done.returncode, done.stderr.decode())
        return done.stdout

    def test_codecs(self) -> None:
        """Every codec, with keys and headers, comes back."""
        self.sends("ApiVersions", "Metadata", "Produce", "Fetch")
        topic = create(self.broker, unused_name("kcat"))
        lines = b"".join(b"k%d:value %d\n" % (n, n) for n in range(100))
        for codec in CODECS:
            self.kcat("-P", "-t", topic, "-K:", "-z", codec, "-H", f"c={codec}", input=lines)
        printed = self.kcat("-C", "-t", topic, "-e", "-o", "beginning", "-f", "%k:%s\n", "-q")
        self.assertEqual(lines * len(CODECS), printed)
        headers = self.kcat("-C", "-t", topic, "-e", "-o", "-1", "-f", "%h %T %o %p", "-q")
        self.assertRegex(headers, rb"^c=zstd \d{13} 499 0$")

    def test_listing_and_queries(self) -> None:
        """kcat lists topics and finds offsets by time."""
        topic = create(self.broker, unused_name("kcat-list"), 2)
        self.assertIn(f'topic "{topic}" with 2 partitions'.encode(), self.kcat("-L"))
        self.kcat("-P", "-t", topic, "-p", "1", input=b"a\nb\n")
        self.assertEqual(f"{topic} [1] offset 2".encode(), self.kcat("-Q", "-t", f"{topic}:1:-1").strip())
        self.assertEqual(f"{topic} [1] offset 0".encode(), self.kcat("-Q", "-t", f"{topic}:1:1").strip())


class VerbatimTests(BrokerTestCase):
    """Producers' bytes are kept."""

    def test_batches_are_stored_and_served_as_they_were_sent(self) -> None:
        """What is in the segment, and in a Fetch answer, is what kafka-python's encoder made, but for base offset and leader epoch."""
        for codec_id in (0, 1, 3, 4, *([2] if has_snappy() else [])):
            topic = create(self.broker, unused_name("verbatim"))
            batches = [encoded(codec_id, [b"%d %d " % (n, r) * 50 for r in range(20)]) for n in range(3)]
            for batch in batches:
                self.assertEqual(0, wire.produce(self.broker, topic, batch)[0])
            served = wire.fetch(self.broker, topic, 0)
            stored = (self.broker.data / f"{topic}-0" / f"{0:020}.log").read_bytes()
            self.assertEqual(served, stored)
            self.assertEqual(sum(map(len, batches)), len(stored))
            position = 0
            for number, batch in enumerate(batches):
                kept = stored[position : position + len(batch)]
                self.assertEqual(number * 20, int.from_bytes(kept[:8], "big"), "base offset")
                self.assertEqual(batch[8:12] + batch[16:], kept[8:12] + kept[16:], f"codec {codec_id}: all but the leader epoch")
                position += len(batch)

    def test_damaged_batches_are_refused(self) -> None:
        """A batch whose checksum, magic or length is wrong is refused, and nothing of it is stored."""
        topic = create(self.broker, unused_name("damaged"))
        batch = encoded(0, [b"value"])
        for position in (len(batch) - 1, 17, 16):  # the last byte, the checksum itself, the magic
            damaged = bytearray(batch)
            damaged[position] ^= 0x04
            error = wire.produce(self.broker, topic, bytes(damaged))[0]
            self.assertIn(error, wire.REFUSALS, f"byte {position}")
        self.assertIn(wire.produce(self.broker, topic, batch[:-5])[0], wire.REFUSALS)
        self.assertEqual((0, 0), wire.produce(self.broker, topic, batch))


def encoded(codec_id: int, values: list[bytes]) -> bytes:
    """A record batch by kafka-python's encoder, which is not ours."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=codec_id, is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=1 << 20
    )
    for number, value in enumerate(values):
        builder.append(number, timestamp=1_700_000_000_000 + number, key=b"k", value=value, headers=[("h", b"1")])
    return bytes(builder.build())
