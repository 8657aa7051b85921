"""Records of internal topics and consumer metadata as literal bytes, their version before them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.protocol.message import Message
from chronik.protocol.messages import (
    ConsumerGroupMemberMetadataValue,
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
    ControlRecordTypeSchema,
    EndTxnMarker,
    GroupMetadataKey,
    GroupMetadataValue,
    OffsetCommitKey,
    OffsetCommitValue,
    TransactionLogKey,
    TransactionLogValue,
)
from chronik.protocol.primitives import DecodeError, EncodeError
from chronik.protocol.versioned import decode_versioned, encode_versioned, peek_version
from tests.protocol.wire import wire


class RecordTests(SynchronousTestCase):
    """Kafka's own layouts."""

    def check(self, message: Message, version: int, encoded: bytes) -> None:
        """``message`` behind its version is ``encoded``, and the other way round."""
        self.assertEqual(encode_versioned(message, version).hex(" "), encoded.hex(" "))
        self.assertEqual(decode_versioned(type(message), encoded), message)

    def test_offset_commit_key(self) -> None:
        """Group, topic, partition; versions 0 and 1 alike."""
        for version, prefix in ((0, "0000"), (1, "0001")):
            self.check(OffsetCommitKey(group="g", topic="t", partition=3), version, wire(prefix, "0001", b"g", "0001", b"t", "00000003"))

    def test_offset_commit_value(self) -> None:
        """The expiry is in version 1 only, the leader epoch from 3, compact lengths from 4."""
        value = OffsetCommitValue(offset=5, metadata="m", commit_timestamp=7)
        self.check(value, 0, wire("0000 0000000000000005 0001", b"m", "0000000000000007"))
        self.check(value, 1, wire("0001 0000000000000005 0001", b"m", "0000000000000007 ffffffffffffffff"))
        self.check(value, 2, wire("0002 0000000000000005 0001", b"m", "0000000000000007"))
        self.check(value, 3, wire("0003 0000000000000005 ffffffff 0001", b"m", "0000000000000007"))
        self.check(value, 4, wire("0004 0000000000000005 ffffffff 02", b"m", "0000000000000007 00"))

    def test_group_metadata(self) -> None:
        """A group with one member, in the version that Kafka writes and in the flexible one."""
        self.check(GroupMetadataKey(group="g"), 2, wire("0002 0001", b"g"))
        member = GroupMetadataValue.MemberMetadata(
            member_id="m",
            group_instance_id=None,
            client_id="c",
            client_host="/h",
            rebalance_timeout=20000,
            session_timeout=10000,
            subscription=b"s",
            assignment=b"",
        )
        value = GroupMetadataValue(protocol_type="consumer", generation=1, protocol="p", leader="m", current_state_timestamp=7, members=(member,))
        self.check(
            value,
            3,
            wire(
                "0003 0008",
                b"consumer",
                "00000001 0001",
                b"p",
                "0001",
                b"m",
                "0000000000000007",
                "00000001",  # one member
                "0001",
                b"m",
                "ffff 0001",  # null instance, client id
                b"c",
                "0002",
                b"/h",
                "00004e20 00002710",  # rebalance timeout, session timeout
                "00000001",
                b"s",
                "00000000",
            ),
        )
        flexible = encode_versioned(value, 4)
        self.assertEqual(flexible[:3], b"\x00\x04\x09")
        self.assertEqual(decode_versioned(GroupMetadataValue, flexible), value)

    def test_empty_group(self) -> None:
        """Protocol and leader are null when there is none."""
        value = GroupMetadataValue(protocol_type="", generation=0, protocol=None, leader=None)
        self.check(value, 3, wire("0003 0000 00000000 ffff ffff ffffffffffffffff 00000000"))

    def test_transaction_log(self) -> None:
        """Tags carry ids in the flexible version only."""
        self.check(TransactionLogKey(transactional_id="x"), 0, wire("0000 0001", b"x"))
        value = TransactionLogValue(producer_id=1, producer_epoch=2, transaction_timeout_ms=3, transaction_status=4, transaction_partitions=None)
        end = "0000000000000000 0000000000000000"
        self.check(value, 0, wire("0000 0000000000000001 0002 00000003 04 ffffffff", end))
        self.check(value, 1, wire("0001 0000000000000001 0002 00000003 04 00", end, "00"))
        later = TransactionLogValue(producer_id=1, previous_producer_id=9, client_transaction_version=2, transaction_partitions=None)
        self.check(later, 1, wire("0001 0000000000000001 0000 00000000 00 00", end, "02", "00 08 0000000000000009", "02 02 0002"))

    def test_nullable_struct_in_a_tag(self) -> None:
        """Inside a tag a byte of 1, not an int8 sign, precedes a struct that may be null; 0 is null."""
        metadata = ConsumerGroupMemberMetadataValue.ClassicMemberMetadata(session_timeout_ms=5)
        value = ConsumerGroupMemberMetadataValue(
            instance_id=None, rack_id=None, subscribed_topic_regex=None, server_assignor=None, classic_member_metadata=metadata
        )
        start = "0000 00 00 01 01 01 00 ffffffff 00"  # version, instance, rack, client, host, topics, regex, timeout, assignor
        self.check(value, 0, wire(start, "01", "00 07 01 00000005 01 00"))
        null = decode_versioned(ConsumerGroupMemberMetadataValue, wire(start, "01", "00 01 00"))
        self.assertIsNone(null.classic_member_metadata)

    def test_subscription(self) -> None:
        """What a consumer sends when it joins, as each version has it."""
        owned = ConsumerProtocolSubscription.TopicPartition(topic="t", partitions=(0, 2))
        subscription = ConsumerProtocolSubscription(topics=("t",), user_data=None, owned_partitions=(owned,))
        start = wire("00000001 0001", b"t", "ffffffff")
        self.check(ConsumerProtocolSubscription(topics=("t",), user_data=None), 0, wire("0000") + start)
        partitions = wire("00000001 0001", b"t", "00000002 00000000 00000002")
        self.check(subscription, 1, wire("0001") + start + partitions)
        self.check(subscription, 2, wire("0002") + start + partitions + wire("ffffffff"))
        self.check(subscription, 3, wire("0003") + start + partitions + wire("ffffffff ffff"))

    def test_assignment(self) -> None:
        """What the leader sends back."""
        assigned = ConsumerProtocolAssignment.TopicPartition(topic="t", partitions=(1,))
        assignment = ConsumerProtocolAssignment(assigned_partitions=(assigned,), user_data=None)
        self.check(assignment, 0, wire("0000 00000001 0001", b"t", "00000001 00000001 ffffffff"))

    def test_control_records(self) -> None:
        """The key and value of a transaction's marker."""
        self.check(ControlRecordTypeSchema(type=1), 0, wire("0000 0001"))
        self.check(EndTxnMarker(coordinator_epoch=3), 0, wire("0000 00000003"))

    def test_versions(self) -> None:
        """The version can be looked at first; one that is unknown, or none, is refused."""
        self.assertEqual(peek_version(wire("0002 0001", b"g")), 2)
        self.assertRaises(DecodeError, peek_version, b"\x00")
        self.assertRaises(DecodeError, decode_versioned, GroupMetadataKey, wire("0001 0001", b"g"))
        self.assertRaises(DecodeError, decode_versioned, GroupMetadataValue, wire("7fff") + bytes(50))
        self.assertRaises(EncodeError, encode_versioned, GroupMetadataKey(group="g"), 3)
