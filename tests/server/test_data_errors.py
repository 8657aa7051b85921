"""Produce, Fetch and ListOffsets over a real log: the errors that the log and the partition have, as clients are told them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode
from chronik.metadata import keys
from chronik.metadata.image import BrokerImage
from chronik.metadata.interfaces import Put
from chronik.protocol.messages import FetchRequest, ListOffsetsRequest, ProduceRequest
from chronik.record.compression import Codec
from chronik.testing.logs import NOW
from chronik.testing.records import batch_of, flipped, forged
from tests.server.memory_broker import MemoryBroker

DAY_MS = 86_400_000
PRODUCE = range(3, 14)
FETCH = range(4, 19)
LIST_OFFSETS = range(1, 12)


class DataCase(SynchronousTestCase):
    """A broker with a topic ``t``."""

    def setUp(self) -> None:
        """Start it."""
        self.broker = MemoryBroker()
        self.broker.start(self)
        self.create("t")

    def create(self, name: str, replicas: int = 1, **configs: str) -> None:
        """A topic; underscores in keys stand for dots."""
        given = {key.replace("_", "."): value for key, value in configs.items()}
        wanted = NewTopic(name, replication_factor=replicas, configs=given)
        (outcome,) = self.successResultOf(self.broker.controller.create_topics([wanted]))
        self.topic_ids = {topic.name: topic.topic_id for topic in self.broker.feed.image.topics.values()}
        self.assertEqual(outcome.name, name)

    def produce(self, records: bytes, version: int = 13, name: str = "t", acks: int = -1) -> Any:
        """Produce; the one partition's answer."""
        part = ProduceRequest.PartitionProduceData(index=0, records=records)
        topic = {"topic_id": self.topic_ids[name]} if version >= 13 else {"name": name}
        data = ProduceRequest.TopicProduceData(**topic, partition_data=(part,))
        request = ProduceRequest(acks=acks, timeout_ms=1_000, topic_data=(data,))
        return self.successResultOf(self.broker.send(request, version)).responses[0].partition_responses[0]

    def refused(self, records: bytes, version: int = 13, name: str = "t") -> ErrorCode:
        """How records that are not kept are answered."""
        answer = self.produce(records, version, name)
        self.assertEqual(answer.base_offset, -1)
        if version >= 8:
            self.assertTrue(answer.error_message)
        return ErrorCode(answer.error_code)

    def fetch(self, version: int, offset: int = 0, name: str = "t", **fields: Any) -> Any:
        """Fetch; the one partition's answer."""
        part = FetchRequest.FetchPartition(partition=0, fetch_offset=offset, partition_max_bytes=1_000, **fields)
        topic = {"topic_id": self.topic_ids[name]} if version >= 13 else {"topic": name}
        request = FetchRequest(max_bytes=1_000, topics=(FetchRequest.FetchTopic(**topic, partitions=(part,)),))
        return self.successResultOf(self.broker.send(request, version)).responses[0].partitions[0]

    def list_offsets(self, version: int, timestamp: int, **fields: Any) -> Any:
        """ListOffsets; the one partition's answer."""
        part = ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=timestamp, **fields)
        request = ListOffsetsRequest(topics=(ListOffsetsRequest.ListOffsetsTopic(name="t", partitions=(part,)),))
        return self.successResultOf(self.broker.send(request, version)).topics[0].partitions[0]


class ProduceTests(DataCase):
    """What is not kept."""

    def test_damage(self) -> None:
        """A checksum that does not fit, a batch that is cut off, and one of an old format."""
        batch = batch_of(b"value")
        for version in PRODUCE:
            self.assertEqual(self.refused(flipped(batch, 70), version), ErrorCode.CORRUPT_MESSAGE)
            self.assertEqual(self.refused(batch[:-1], version), ErrorCode.CORRUPT_MESSAGE)
            self.assertEqual(self.refused(forged(batch, 16, b"\x01"), version), ErrorCode.INVALID_RECORD)
            self.assertEqual(self.refused(b"", version), ErrorCode.INVALID_RECORD)

    def test_limits(self) -> None:
        """A batch that is larger than the topic's limit, and times far from now."""
        self.create("small", max_message_bytes="100", segment_bytes="1048576")
        self.create("prompt", message_timestamp_after_max_ms="1000", message_timestamp_before_max_ms="1000")
        for version in PRODUCE:
            self.assertEqual(self.refused(batch_of(b"x" * 100), version, "small"), ErrorCode.MESSAGE_TOO_LARGE)
            self.assertEqual(self.refused(batch_of(b"late"), version, "prompt"), ErrorCode.INVALID_TIMESTAMP)

    def test_more_than_a_segment(self) -> None:
        """Records of one request that no segment can hold."""
        self.create("narrow", segment_bytes="1048576", max_message_bytes="2000000")
        self.assertEqual(self.refused(batch_of(b"x" * 1_048_576), name="narrow"), ErrorCode.RECORD_LIST_TOO_LARGE)

    def test_codecs(self) -> None:
        """Zstd is no codec before version 7 (KIP-110), and one that nobody knows is none in any."""
        zstd = batch_of(b"v" * 100, codec=Codec.ZSTD)
        for version in PRODUCE:
            if version < 7:
                self.assertEqual(self.refused(zstd, version), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
                self.assertEqual(self.refused(batch_of(b"plain") + zstd, version), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
            else:
                self.assertEqual(self.produce(zstd, version).error_code, ErrorCode.NONE)
            self.assertEqual(self.refused(forged(zstd, 22, b"\x05"), version), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)

    def test_keys(self) -> None:
        """A compacted topic needs them, and which records have none is told from version 8 on."""
        self.create("compacted", cleanup_policy="compact")
        for version in PRODUCE:
            self.assertEqual(self.refused(batch_of(b"a", b"b"), version, "compacted"), ErrorCode.INVALID_RECORD)
            errors = self.produce(batch_of(b"a", b"b"), version, "compacted").record_errors
            self.assertEqual([error.batch_index for error in errors], [0, 1] if version >= 8 else [])

    def test_idempotent_producers(self) -> None:
        """A gap in the sequence, an epoch that is over, a duplicate, which is answered as its original was."""

        def batch(sequence: int, epoch: int = 1) -> bytes:
            return batch_of(b"value", producer_id=7, producer_epoch=epoch, base_sequence=sequence)

        for number, version in enumerate(PRODUCE):
            first = self.produce(batch(number), version)
            self.assertEqual([first.error_code, first.base_offset], [ErrorCode.NONE, number])
            self.assertEqual(self.refused(batch(number + 5), version), ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
            self.assertEqual(self.refused(batch(0, epoch=0), version), ErrorCode.INVALID_PRODUCER_EPOCH)
            again = self.produce(batch(number), version)
            self.assertEqual([again.error_code, again.base_offset], [ErrorCode.NONE, number])

    def test_gap_in_a_sequence_tells_where_the_log_begins(self) -> None:
        """What is missing may be removed, and so forgotten by who leads now; other refusals do not tell."""
        batch = batch_of(b"value", producer_id=7, producer_epoch=1, base_sequence=0)
        for _ in range(3):
            self.produce(batch_of(b"value"))
        self.produce(batch)
        self.successResultOf(self.broker.partitions.get("t", 0).log.advance_start(2))
        for version in PRODUCE:
            gap = self.produce(batch_of(b"value", producer_id=7, producer_epoch=1, base_sequence=5), version)
            self.assertEqual([gap.error_code, gap.log_start_offset], [ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, 2 if version >= 5 else -1])
            other = self.produce(batch_of(b"value", producer_id=7, producer_epoch=0, base_sequence=0), version)
            self.assertEqual([other.error_code, other.log_start_offset], [ErrorCode.INVALID_PRODUCER_EPOCH, -1])

    def test_transactions(self) -> None:
        """They are refused by what the batch says of itself, whatever the request does."""
        batch = batch_of(b"value", producer_id=7, producer_epoch=0, base_sequence=0)
        for version in PRODUCE:
            self.assertEqual(self.refused(forged(batch, 22, b"\x10"), version), ErrorCode.INVALID_TXN_STATE)

    def test_too_few_replicas(self) -> None:
        """With acks=all; who does not ask for them gets no error."""
        dead = keys.encode_broker(BrokerImage(2, 1, {}, None, fenced=True))
        self.successResultOf(self.broker.metadata.commit([], [Put(keys.broker_key(2), dead)]))
        self.create("safe", replicas=2, min_insync_replicas="2")
        for version in PRODUCE:
            self.assertEqual(self.refused(batch_of(b"value"), version, "safe"), ErrorCode.NOT_ENOUGH_REPLICAS)
            self.assertEqual(self.produce(batch_of(b"value"), version, "safe", acks=1).error_code, ErrorCode.NONE)


class FailedDiskTests(DataCase):
    """A disk that refused a flush: nothing of that log is believed any more."""

    def setUp(self) -> None:
        """Let it fail."""
        super().setUp()
        self.assertEqual(self.produce(batch_of(b"kept")).error_code, ErrorCode.NONE)
        self.broker.disk.fail("sync", "*/t-0/*", times=1_000)
        self.assertEqual(self.refused(batch_of(b"lost")), ErrorCode.KAFKA_STORAGE_ERROR)

    def test_produce(self) -> None:
        """Not even without acknowledgement from the disk."""
        for version in PRODUCE:
            self.assertEqual(self.refused(batch_of(b"value"), version), ErrorCode.KAFKA_STORAGE_ERROR)
            self.assertEqual(self.produce(batch_of(b"value"), version, acks=1).error_code, ErrorCode.KAFKA_STORAGE_ERROR)

    def test_fetch(self) -> None:
        """In the words of each version."""
        for version in FETCH:
            code = ErrorCode.KAFKA_STORAGE_ERROR if version >= 6 else ErrorCode.NOT_LEADER_OR_FOLLOWER
            self.assertEqual(self.fetch(version).error_code, code)

    def test_list_offsets(self) -> None:
        """Where the log ends nobody knows."""
        for version in LIST_OFFSETS:
            for timestamp in (-1, -2, NOW):
                answer = self.list_offsets(version, timestamp)
                self.assertEqual([answer.error_code, answer.offset], [ErrorCode.KAFKA_STORAGE_ERROR, -1])


class EpochTests(DataCase):
    """What clients believe of the leader (KIP-320)."""

    def test_fetch(self) -> None:
        """From version 9 on: an epoch that is over, and one that is not yet."""
        for version in FETCH[5:]:
            self.assertEqual(self.fetch(version, current_leader_epoch=0).error_code, ErrorCode.NONE)
            self.assertEqual(self.fetch(version, current_leader_epoch=1).error_code, ErrorCode.UNKNOWN_LEADER_EPOCH)
        self.successResultOf(self.broker.controller.raise_leader_epochs([(self.topic_ids["t"], 0)]))
        for version in FETCH[5:]:
            self.assertEqual(self.fetch(version, current_leader_epoch=0).error_code, ErrorCode.FENCED_LEADER_EPOCH)

    def test_list_offsets(self) -> None:
        """From version 4 on, the same."""
        for version in LIST_OFFSETS[3:]:
            self.assertEqual(self.list_offsets(version, -1, current_leader_epoch=1).error_code, ErrorCode.UNKNOWN_LEADER_EPOCH)
        self.successResultOf(self.broker.controller.raise_leader_epochs([(self.topic_ids["t"], 0)]))
        for version in LIST_OFFSETS[3:]:
            self.assertEqual(self.list_offsets(version, -1, current_leader_epoch=0).error_code, ErrorCode.FENCED_LEADER_EPOCH)


class IdTests(DataCase):
    """Topics are who they are by their ids."""

    def test_the_name_went_to_another_topic(self) -> None:
        """While a partition before it was read, the topic that was asked for was deleted, and another one got its name: that is not read instead."""
        self.create("u")
        for name in ("t", "u"):
            self.produce(batch_of(b"a"), name=name)
        log = self.broker.partitions.get("t", 0).log
        read, disk = log.read, Deferred[None]()
        self.patch(log, "read", lambda *asked: disk.addCallback(lambda _: read(*asked)))
        part = FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1_000)
        topics = tuple(FetchRequest.FetchTopic(topic_id=self.topic_ids[name], partitions=(part,)) for name in ("t", "u"))
        answer = self.broker.send(FetchRequest(max_bytes=1_000, topics=topics), 18)
        self.successResultOf(self.broker.controller.delete_topics(["u"]))
        self.create("u")
        self.produce(batch_of(b"b"), name="u")
        disk.callback(None)
        codes = [topic.partitions[0].error_code for topic in self.successResultOf(answer).responses]
        self.assertEqual(codes, [ErrorCode.NONE, ErrorCode.UNKNOWN_TOPIC_ID])


class ElsewhereTests(DataCase):
    """A partition that this broker leads no more."""

    def test_every_version(self) -> None:
        """Each API says so in each version."""
        self.broker.partitions.get("t", 0).resign()
        for version in PRODUCE:
            self.assertEqual(self.refused(batch_of(b"value"), version), ErrorCode.NOT_LEADER_OR_FOLLOWER)
        for version in FETCH:
            self.assertEqual(self.fetch(version).error_code, ErrorCode.NOT_LEADER_OR_FOLLOWER)
        for version in LIST_OFFSETS:
            self.assertEqual(self.list_offsets(version, -1).error_code, ErrorCode.NOT_LEADER_OR_FOLLOWER)
