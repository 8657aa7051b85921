"""The message classes: construction, equality, names; pieces; what cannot be encoded."""

from __future__ import annotations

import linecache
import traceback

from twisted.trial.unittest import SynchronousTestCase

from chronik.protocol import messages
from chronik.protocol.message import Message
from chronik.protocol.messages import (
    DeleteTopicsResponse,
    FetchRequest,
    FetchResponse,
    JoinGroupResponse,
    ListOffsetsRequest,
    MetadataRequest,
    MetadataResponse,
    OffsetFetchRequest,
    ProduceRequest,
    ProduceResponse,
)
from chronik.protocol.primitives import BLOB_PIECE_BYTES, DecodeError, EncodeError


class ClassTests(SynchronousTestCase):
    """What callers see of a class."""

    def test_attributes(self) -> None:
        """A class knows its API, its versions and where flexible ones begin."""
        self.assertEqual((FetchRequest.api_key, FetchRequest.versions, FetchRequest.flexible_from), (1, range(4, 19), 12))
        self.assertIsNone(messages.OffsetCommitKey.api_key)
        self.assertIsNone(messages.SaslHandshakeRequest.flexible_from)

    def test_defaults(self) -> None:
        """What is left out has Kafka's default, structs included."""
        data = FetchResponse.PartitionData()
        self.assertEqual((data.last_stable_offset, data.records, data.aborted_transactions), (-1, None, ()))
        self.assertEqual(data.current_leader, FetchResponse.LeaderIdAndEpoch(leader_id=-1, leader_epoch=-1))
        self.assertIsNone(messages.ListPartitionReassignmentsRequest().topics)
        self.assertIsNone(messages.ConsumerGroupHeartbeatRequest().topic_partitions)

    def test_keywords_only(self) -> None:
        """Positions and unknown names are refused: field order is the wire's business."""
        self.assertRaises(TypeError, FetchRequest, 1)
        self.assertRaises(TypeError, FetchRequest, replica=1)

    def test_no_other_attributes(self) -> None:
        """A misspelt field cannot be set."""
        with self.assertRaises(AttributeError):
            FetchRequest().max_wait = 5  # type: ignore[attr-defined]

    def test_equality(self) -> None:
        """Equal by fields, and only within one class."""
        self.assertEqual(ListOffsetsRequest(replica_id=3), ListOffsetsRequest(replica_id=3))
        self.assertNotEqual(ListOffsetsRequest(replica_id=3), ListOffsetsRequest(replica_id=4))
        self.assertNotEqual(messages.HeartbeatResponse(), messages.LeaveGroupResponse())
        self.assertRaises(TypeError, hash, ListOffsetsRequest())

    def test_repr(self) -> None:
        """The repr is how to build it again."""
        self.assertEqual(
            repr(FetchResponse.SnapshotId(end_offset=5)),
            "FetchResponse.SnapshotId(end_offset=5, epoch=-1)",
        )

    def test_structs_are_found_both_ways(self) -> None:
        """A message names all its structs, and a struct those its fields are made of."""
        self.assertIs(FetchRequest.FetchTopic.FetchPartition, FetchRequest.FetchPartition)
        self.assertIsNot(messages.ListOffsetsRequest.ListOffsetsTopic, messages.ListOffsetsResponse.ListOffsetsTopicResponse)

    def test_made_once(self) -> None:
        """A class is the same at each look."""
        self.assertIs(messages.FetchRequest, FetchRequest)
        self.assertTrue(issubclass(FetchRequest, Message))

    def test_unknown_name(self) -> None:
        """A message nobody knows is an AttributeError like any other."""
        with self.assertRaises(AttributeError):
            messages.FetchRequst  # type: ignore[attr-defined]  # noqa: B018

    def test_versions_that_do_not_exist(self) -> None:
        """Produce 0 to 2 and versions to come are neither decoded nor encoded."""
        for version in (-1, 0, 2, 14):
            self.assertRaises(DecodeError, ProduceRequest.decode, bytes(100), version)
            self.assertRaises(EncodeError, ProduceRequest().encode, version)

    def test_generated_source_shows_in_tracebacks(self) -> None:
        """A failure inside generated code shows its line."""
        try:
            FetchRequest.decode(b"\x00", 12)
        except DecodeError as error:
            cause = error.__cause__
            assert cause is not None
            lines = "".join(traceback.format_exception(cause))
        self.assertIn("FetchRequest version 12: decode", lines)
        self.assertIn("(b, p)", lines)
        linecache.checkcache()


class UnwritableTests(SynchronousTestCase):
    """Values that a version cannot carry are an EncodeError, not other bytes."""

    def test_null_before_it_is_allowed(self) -> None:
        """The six fields that become nullable later are refused as None until then, and written from then on."""
        topic = DeleteTopicsResponse.DeletableTopicResult(name=None)
        for message, first in (
            (MetadataRequest(topics=None), 1),
            (MetadataRequest(topics=(MetadataRequest.MetadataRequestTopic(name=None),)), 10),
            (MetadataResponse(topics=(MetadataResponse.MetadataResponseTopic(name=None),)), 12),
            (JoinGroupResponse(protocol_name=None), 7),
            (DeleteTopicsResponse(responses=(topic,)), 6),
            (OffsetFetchRequest(topics=None), 2),
        ):
            self.assertEqual(message.decode(message.encode(first), first)[0], message)
            if first - 1 in message.versions:
                self.assertRaises(EncodeError, message.encode, first - 1)

    def test_null_where_never_allowed(self) -> None:
        """None in a field that is never null is refused."""
        self.assertRaises(EncodeError, ProduceResponse(responses=None).encode, 9)  # type: ignore[arg-type]
        self.assertRaises(EncodeError, messages.HeartbeatRequest(group_id=None).encode, 4)  # type: ignore[arg-type]

    def test_out_of_range(self) -> None:
        """Numbers wider than their field are refused."""
        for acks in (1 << 15, -(1 << 15) - 1):
            self.assertRaises(EncodeError, ProduceRequest(acks=acks).encode, 9)

    def test_wrong_types(self) -> None:
        """A value of another type is refused."""
        self.assertRaises(EncodeError, ProduceRequest(acks="all").encode, 9)  # type: ignore[arg-type]
        self.assertRaises(EncodeError, messages.HeartbeatRequest(group_id=b"g").encode, 4)  # type: ignore[arg-type]
        self.assertRaises(EncodeError, messages.SaslAuthenticateRequest(auth_bytes="text").encode, 2)  # type: ignore[arg-type]

    def test_ids_of_another_length(self) -> None:
        """An id that is not 16 bytes is refused, in fields and in arrays: struct would pad or cut it."""
        for topic_id in (b"", bytes(15), bytes(17)):
            topic = FetchRequest.FetchTopic(topic_id=topic_id)
            self.assertRaises(EncodeError, FetchRequest(topics=(topic,)).encode, 13)
            self.assertRaises(EncodeError, messages.BrokerHeartbeatRequest(offline_log_dirs=(topic_id,)).encode, 1)

    def test_long_strings(self) -> None:
        """A string is 32,767 bytes of UTF-8 at most, compact or not."""
        for version in (3, 4):
            good = messages.HeartbeatRequest(group_id="g" * 32767)
            self.assertEqual(good.decode(good.encode(version), version)[0], good)
            self.assertRaises(EncodeError, messages.HeartbeatRequest(group_id="g" * 32768).encode, version)
            self.assertRaises(EncodeError, messages.HeartbeatRequest(group_id="ö" * 16384).encode, version)

    def test_errors_name_the_message(self) -> None:
        """An error says which message, in which version."""
        error = self.assertRaises(EncodeError, messages.HeartbeatRequest(group_id="g" * 40000).encode, 4)
        self.assertIn("HeartbeatRequest version 4", str(error))

    def test_lone_surrogates(self) -> None:
        """A string that has no UTF-8 is refused."""
        self.assertRaises(EncodeError, messages.HeartbeatRequest(group_id="\ud800").encode, 4)


class LogSlice:
    """Stands for a range of a log file: it has a length, and is no bytes."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


def fetched(*records: object) -> FetchResponse:
    """A response with one partition for each."""
    data = tuple(FetchResponse.PartitionData(partition_index=index, records=each) for index, each in enumerate(records))  # type: ignore[arg-type]
    return FetchResponse(responses=(FetchResponse.FetchableTopicResponse(topic="t", partitions=data),))


class PiecesTests(SynchronousTestCase):
    """Encoding without copying what is large."""

    def test_small_is_one_piece(self) -> None:
        """A message without large records is one piece."""
        self.assertEqual(len(fetched(b"r" * (BLOB_PIECE_BYTES - 1), None).encode_pieces(12)), 1)

    def test_large_bytes_are_not_copied(self) -> None:
        """Large records are pieces of their own, the very same objects."""
        first, second = b"a" * 5000, b"b" * 5000
        for version in (11, 12):
            pieces = fetched(first, b"small", second).encode_pieces(version)
            self.assertEqual(len(pieces), 5 if version == 12 else 4)
            self.assertIs(pieces[1], first)
            self.assertIs(pieces[3], second)
            self.assertEqual(b"".join(pieces), fetched(first, b"small", second).encode(version))

    def test_head(self) -> None:
        """What is to stand before the message begins its first piece."""
        for records in (b"small", b"l" * 5000):
            pieces = fetched(records).encode_pieces(12, b"head")
            self.assertEqual(b"".join(pieces), b"head" + fetched(records).encode(12))
            self.assertEqual(len(pieces), len(fetched(records).encode_pieces(12)))

    def test_anything_with_a_length(self) -> None:
        """A log slice, however small, is put into the pieces as it is, its length before it."""
        piece = LogSlice(300)
        pieces = fetched(piece).encode_pieces(12)
        self.assertIs(pieces[1], piece)
        self.assertEqual(pieces[0][-2:], b"\xad\x02")  # 301 as a varint
        self.assertEqual(pieces[2], b"\x00\x00\x00")  # no tags: partition, topic, response
        legacy = fetched(piece).encode_pieces(11)
        self.assertEqual(legacy[0][-4:], b"\x00\x00\x01\x2c")
        self.assertIs(legacy[1], piece)

    def test_an_empty_slice(self) -> None:
        """Nothing of a slice without bytes is left in the pieces."""
        self.assertEqual(fetched(LogSlice(0)).encode_pieces(12), [fetched(b"").encode(12)])

    def test_slices_cannot_be_joined(self) -> None:
        """``encode`` refuses what only ``encode_pieces`` can carry."""
        self.assertRaises(EncodeError, fetched(LogSlice(5)).encode, 12)

    def test_buffers_become_bytes(self) -> None:
        """Transports refuse memoryviews, so none is left in the pieces."""
        for buffer in (memoryview(b"r" * 3000), bytearray(b"r" * 3000), memoryview(b"r" * 10)):
            pieces = fetched(buffer).encode_pieces(12)
            self.assertEqual({type(piece) for piece in pieces}, {bytes})
            self.assertEqual(b"".join(pieces), fetched(bytes(buffer)).encode(12))

    def test_records_decode_to_views(self) -> None:
        """Decoded records are views onto the request, not copies, and can be sent on."""
        partition = ProduceRequest.PartitionProduceData(records=b"r" * 2000)
        request = ProduceRequest(topic_data=(ProduceRequest.TopicProduceData(name="t", partition_data=(partition,)),))
        frame = request.encode(9)
        records = ProduceRequest.decode(frame, 9)[0].topic_data[0].partition_data[0].records
        assert isinstance(records, memoryview)
        self.assertIs(records.obj, frame)
        self.assertEqual(fetched(records).encode(12), fetched(b"r" * 2000).encode(12))
