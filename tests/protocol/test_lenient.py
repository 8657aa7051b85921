"""Where Kafka is lenient the codec is too, and newer peers' unknown fields pass; where it must be strict it is."""

from __future__ import annotations

from chronik.protocol.messages import (
    ApiVersionsResponse,
    DescribeTopicPartitionsResponse,
    FetchRequest,
    FetchResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    ListTransactionsRequest,
    MetadataRequest,
    MetadataResponse,
    OffsetFetchRequest,
    SaslAuthenticateRequest,
    SyncGroupResponse,
)
from chronik.protocol.primitives import DecodeError
from tests.protocol.wire import WireTestCase, wire

FETCH_12 = "ffffffff 00000000 00000000 00001000 00 00000000 ffffffff 01 01 01"
"""A Fetch request of version 12 up to its tagged fields: numbers, no topics, nothing forgotten, no rack."""

FETCH_15 = FETCH_12.removeprefix("ffffffff ")
"""The same in version 15, which has no replica id."""


class TagTests(WireTestCase):
    """Tagged fields."""

    def test_unknown_tags_are_skipped(self) -> None:
        """At every level, of every size, with numbers of more than one byte."""
        encoded = wire(
            "00000000",  # throttle
            "0000",  # error
            "03",  # three tags
            "00 00",  # tag 0, empty
            "80 01 02 aabb",  # tag 128, two bytes
            "ff ff ff ff 07 80 01",  # the greatest tag, 128 bytes
            "cc" * 128,
        )
        self.assertEqual(HeartbeatResponse.decode(encoded, 4), (HeartbeatResponse(), len(encoded)))

    def test_unknown_tags_inside_structs(self) -> None:
        """An unknown tag in an array's element does not shift the next one."""
        encoded = wire(
            "0000 03",
            "0001 0004 0012 01 09 01 ff",  # one tag in the first key
            "0002 0001 000b 00",
            "00000000 00",
        )
        keys = ApiVersionsResponse.decode(encoded, 3)[0].api_keys
        self.assertEqual([(key.api_key, key.max_version) for key in keys], [(1, 18), (2, 11)])

    def test_known_and_unknown_together(self) -> None:
        """A known tag is read wherever it stands among unknown ones."""
        encoded = wire(FETCH_12, "03", "07 01 aa", "00 02 02", b"c", "09 00")
        self.assertEqual(FetchRequest.decode(encoded, 12)[0].cluster_id, "c")

    def test_a_tag_given_twice(self) -> None:
        """The last one counts."""
        encoded = wire(FETCH_12, "02", "00 02 02", b"a", "00 02 02", b"b")
        self.assertEqual(FetchRequest.decode(encoded, 12)[0].cluster_id, "b")

    def test_null_in_a_tag(self) -> None:
        """A tag may carry null where its field may be null."""
        self.assertIsNone(FetchRequest.decode(wire(FETCH_12, "01", "00 01 00"), 12)[0].cluster_id)

    def test_value_shorter_than_its_size(self) -> None:
        """A known tag must end where its size says."""
        error = self.assertRaises(DecodeError, FetchRequest.decode, wire(FETCH_12, "01", "00 03 02", b"a", "00"), 12)
        self.assertIn("cluster_id", str(error))

    def test_value_longer_than_its_size(self) -> None:
        """Nor may it go on past its size, into what follows."""
        self.assertRaises(DecodeError, FetchRequest.decode, wire(FETCH_12, "01", "00 01 02", b"a"), 12)
        self.assertRaises(DecodeError, FetchRequest.decode, wire(FETCH_12, "02", "00 01 05", b"abcd", "09 00"), 12)

    def test_struct_in_a_tag(self) -> None:
        """A struct's value must end at the tag's size, its own tags included."""
        good = wire(FETCH_15, "01", "01 0d 00000003 0000000000000008 00")
        self.assertEqual(FetchRequest.decode(good, 15)[0].replica_state.replica_id, 3)
        for size in ("0c", "0e", "00"):
            self.assertRaises(DecodeError, FetchRequest.decode, wire(FETCH_15, "01 01", size, "00000003 0000000000000008 00 00"), 15)

    def test_tag_past_the_end(self) -> None:
        """A size past the end is refused, for known and unknown tags."""
        for tag in ("00", "09"):
            self.assertRaises(DecodeError, FetchRequest.decode, wire(FETCH_12, "01", tag, "7f 02", b"a"), 12)

    def test_defaults_are_not_written(self) -> None:
        """A tagged struct equal to its default is left out, the shared instance or another."""
        shared = FetchResponse.PartitionData()
        own = FetchResponse.PartitionData(current_leader=FetchResponse.LeaderIdAndEpoch(leader_id=-1, leader_epoch=-1))
        other = FetchResponse.PartitionData(current_leader=FetchResponse.LeaderIdAndEpoch(leader_id=1, leader_epoch=-1))
        sizes = [
            len(FetchResponse(responses=(FetchResponse.FetchableTopicResponse(partitions=(data,)),)).encode(12)) for data in (shared, own, other)
        ]
        self.assertEqual(sizes, [sizes[0], sizes[0], sizes[0] + 2 + 4 + 4 + 1])  # tag and size, id, epoch, tags

    def test_empty_arrays_are_not_written(self) -> None:
        """A tagged array without elements is left out, whatever kind of sequence it is."""
        self.assertEqual(ApiVersionsResponse(finalized_features=[]).encode(3), ApiVersionsResponse().encode(3))  # type: ignore[arg-type]

    def test_tags_absent_from_a_version(self) -> None:
        """A tagged field that begins later is an unknown tag before, and keeps its default."""
        encoded = wire(FETCH_12, "01", "01 0d 00000003 0000000000000008 00")
        self.assertEqual(FetchRequest.decode(encoded, 14)[0].replica_state, FetchRequest.ReplicaState())


class NullTests(WireTestCase):
    """Nulls where Kafka takes them."""

    def test_any_negative_length_is_null(self) -> None:
        """Not only -1: strings, bytes and arrays alike."""
        for length in ("ffff", "fffe", "8000"):
            encoded = wire("0001", b"g", "00000001", "0001", b"m", length)
            self.assertIsNone(HeartbeatRequest.decode(encoded, 3)[0].group_instance_id)
        for count in ("ffffffff", "fffffffe", "80000000"):
            self.assertIsNone(MetadataRequest.decode(wire(count), 1)[0].topics)

    def test_null_where_none_may_be(self) -> None:
        """A null string, bytes or array that may not be null is refused by its name."""
        for encoded, cls, version, field in (
            (wire("ffff 00000001 0001", b"m", "ffff"), HeartbeatRequest, 3, "group_id"),
            (wire("00 00000001 02", b"m", "00 00"), HeartbeatRequest, 4, "group_id"),
            (wire("ffffffff"), MetadataRequest, 0, "topics"),
            (wire("00000000 0000 ffffffff"), SyncGroupResponse, 1, "assignment"),
            (wire("00 00 00"), OffsetFetchRequest, 8, "groups"),
        ):
            error = self.assertRaises(DecodeError, cls.decode, encoded, version)
            self.assertIn(field, str(error))

    def test_nullable_struct(self) -> None:
        """A struct that may be null has one byte before it: below zero is null, anything else is a struct."""
        cursor = DescribeTopicPartitionsResponse.Cursor(topic_name="t", partition_index=3)
        self.check(DescribeTopicPartitionsResponse(next_cursor=None), 0, wire("00000000 01", "ff", "00"))
        self.check(DescribeTopicPartitionsResponse(next_cursor=cursor), 0, wire("00000000 01", "01", "02", b"t", "00000003 00", "00"))
        self.assertIsNone(DescribeTopicPartitionsResponse.decode(wire("00000000 01", "80", "00"), 0)[0].next_cursor)


class ValueTests(WireTestCase):
    """Values at the edge."""

    def test_any_non_zero_byte_is_true(self) -> None:
        """As in Kafka."""
        for byte, value in (("00", False), ("01", True), ("02", True), ("ff", True)):
            request = MetadataRequest.decode(wire("ffffffff", byte), 4)[0]
            self.assertIs(request.allow_auto_topic_creation, value)

    def test_strings_must_be_utf8(self) -> None:
        """A topic name that is not UTF-8 could never be answered, so it is refused."""
        for text in (b"\xff\xfe", b"\xc3", b"\xed\xa0\x80"):
            encoded = wire("00000001", len(text).to_bytes(2, "big"), text)
            self.assertRaises(DecodeError, MetadataRequest.decode, encoded, 0)

    def test_unknown_error_codes(self) -> None:
        """A code newer than ours is a number like any other."""
        self.assertEqual(HeartbeatResponse.decode(wire("00000000 7fff 00"), 4)[0].error_code, 32767)

    def test_compact_strings_have_a_limit(self) -> None:
        """32,767 bytes and no more, as in Kafka."""
        for size, good in ((32767, True), (32768, False)):
            prefix = bytes(((size + 1) & 127 | 128, (size + 1) >> 7 & 127 | 128, (size + 1) >> 14))
            encoded = prefix + b"g" * size + wire("00000001 01 00 00")
            if good:
                self.assertEqual(len(HeartbeatRequest.decode(encoded, 4)[0].group_id), size)
            else:
                self.assertRaises(DecodeError, HeartbeatRequest.decode, encoded, 4)

    def test_overlong_varints(self) -> None:
        """A length in more bytes than it needs is read; one of more than five bytes or 31 bits is refused."""
        rest = wire("00000001 01 00 00")
        self.assertEqual(HeartbeatRequest.decode(wire("82 80 00", b"g") + rest, 4)[0].group_id, "g")
        self.assertEqual(HeartbeatRequest.decode(wire("82 80 80 80 00", b"g") + rest, 4)[0].group_id, "g")
        for varint in ("82 80 80 80 80 00", "ff ff ff ff 0f", "ff ff ff ff 7f", "ff ff ff ff ff ff"):
            error = self.assertRaises(DecodeError, HeartbeatRequest.decode, wire(varint, b"g") + rest, 4)
            self.assertIn("31 bits", str(error))

    def test_varints_of_every_size(self) -> None:
        """Lengths on both sides of each varint size are written in as few bytes as they need, and read again."""
        for size, varint in (
            (126, "7f"),
            (127, "80 01"),
            (16382, "ff 7f"),
            (16383, "80 80 01"),
            ((1 << 21) - 2, "ff ff 7f"),
            ((1 << 21) - 1, "80 80 80 01"),
        ):
            request = SaslAuthenticateRequest(auth_bytes=bytes(size))
            encoded = request.encode(2)
            self.assertEqual(encoded, wire(varint) + bytes(size) + wire("00"))
            self.assertEqual(request.decode(encoded, 2), (request, len(encoded)))
            topic = MetadataRequest(topics=(MetadataRequest.MetadataRequestTopic(name="t"),) * min(size, 20_000))
            self.assertEqual(topic.decode(topic.encode(9), 9)[0], topic)

    def test_long_number_arrays(self) -> None:
        """Arrays of numbers past the table of ready structs decode and encode alike."""
        for count in (1, 63, 64, 65, 1000):
            nodes = tuple(range(count))
            topic = MetadataResponse.MetadataResponseTopic(
                name="t", partitions=(MetadataResponse.MetadataResponsePartition(replica_nodes=nodes, isr_nodes=nodes),)
            )
            response = MetadataResponse(topics=(topic,))
            for version in (8, 12):
                self.assertEqual(response.decode(response.encode(version), version)[0], response)

    def test_filter_arrays(self) -> None:
        """Arrays of strings and of int64, empty or not."""
        request = ListTransactionsRequest(state_filters=("Ongoing",), producer_id_filters=(1, -1), duration_filter=-1)
        encoded = wire("02 08", b"Ongoing", "03 0000000000000001 ffffffffffffffff", "ffffffffffffffff", "00")
        self.check(request, 1, encoded)
