"""What kio's definitions leave out, as rows: schemas of internal topics' records, and defaults that are null.

Facts: the message definitions of Apache Kafka's group-coordinator and transaction-coordinator modules, release 4.3.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Row(NamedTuple):
    """One field over all versions; see :class:`chronik.protocol.schema.Field`."""

    name: str
    type: str
    array: bool
    first: int
    last: int
    nullable_from: int | None
    tag: int | None
    default: Any


class Message(NamedTuple):
    """One message over all versions; see :class:`chronik.protocol.schema.MessageSchema`."""

    name: str
    api_key: int | None
    first: int
    last: int
    flexible_from: int | None
    structs: dict[str, list[Row]]


NULL_DEFAULTS: dict[str, tuple[tuple[str, str], ...]] = {
    "ListPartitionReassignmentsRequest": (("ListPartitionReassignmentsRequest", "topics"),),
    "ConsumerGroupHeartbeatRequest": (("ConsumerGroupHeartbeatRequest", "topic_partitions"),),
    "StreamsGroupHeartbeatRequest": tuple(
        ("StreamsGroupHeartbeatRequest", name)
        for name in ("active_tasks", "standby_tasks", "warmup_tasks", "client_tags", "task_offsets", "task_end_offsets")
    ),
    "StreamsGroupHeartbeatResponse": tuple(
        ("StreamsGroupHeartbeatResponse", name) for name in ("status", "active_tasks", "standby_tasks", "warmup_tasks", "partitions_by_user_endpoint")
    ),
    "StreamsGroupDescribeResponse": (("Topology", "subtopologies"),),
}
"""Nullable arrays of structs whose default is null, by message: (struct, field). kio says empty."""

_NO_ID = bytes(16)


def _plain(name: str, wire_type: str, first: int, last: int, default: Any, **more: Any) -> Row:
    return Row(name, wire_type, False, first, last, more.get("nullable_from"), more.get("tag"), default)


def _array(name: str, wire_type: str, last: int = 0, *, nullable_from: int | None = None) -> Row:
    return Row(name, wire_type, True, 0, last, nullable_from, None, ())


def _key(name: str, version: int, *fields: str) -> Message:
    """A key of one version whose fields are all strings."""
    return Message(name, None, version, version, None, {name: [_plain(field, "string", version, version, "") for field in fields]})


def _value(name: str, last: int, flexible_from: int, rows: list[Row], **structs: list[Row]) -> Message:
    return Message(name, None, 0, last, flexible_from, {**structs, name: rows})


_OFFSET_COMMIT_KEY = Message(
    "OffsetCommitKey",
    None,
    0,
    1,
    None,
    {
        "OffsetCommitKey": [
            _plain("group", "string", 0, 1, ""),
            _plain("topic", "string", 0, 1, ""),
            _plain("partition", "int32", 0, 1, 0),
        ]
    },
)

_OFFSET_COMMIT_VALUE = _value(
    "OffsetCommitValue",
    4,
    4,
    [
        _plain("offset", "int64", 0, 4, 0),
        _plain("leader_epoch", "int32", 3, 4, -1),
        _plain("metadata", "string", 0, 4, ""),
        _plain("commit_timestamp", "int64", 0, 4, 0),
        _plain("expire_timestamp", "int64", 1, 1, -1),
        _plain("topic_id", "uuid", 4, 4, _NO_ID, tag=0),
    ],
)

_GROUP_METADATA_VALUE = _value(
    "GroupMetadataValue",
    4,
    4,
    [
        _plain("protocol_type", "string", 0, 4, ""),
        _plain("generation", "int32", 0, 4, 0),
        _plain("protocol", "string", 0, 4, "", nullable_from=0),
        _plain("leader", "string", 0, 4, "", nullable_from=0),
        _plain("current_state_timestamp", "int64", 2, 4, -1),
        _array("members", "MemberMetadata", 4),
    ],
    MemberMetadata=[
        _plain("member_id", "string", 0, 4, ""),
        _plain("group_instance_id", "string", 3, 4, None, nullable_from=3),
        _plain("client_id", "string", 0, 4, ""),
        _plain("client_host", "string", 0, 4, ""),
        _plain("rebalance_timeout", "int32", 1, 4, -1),
        _plain("session_timeout", "int32", 0, 4, 0),
        _plain("subscription", "bytes", 0, 4, b""),
        _plain("assignment", "bytes", 0, 4, b""),
    ],
)

_TRANSACTION_LOG_VALUE = _value(
    "TransactionLogValue",
    1,
    1,
    [
        _plain("producer_id", "int64", 0, 1, 0),
        _plain("previous_producer_id", "int64", 1, 1, -1, tag=0),
        _plain("next_producer_id", "int64", 1, 1, -1, tag=1),
        _plain("producer_epoch", "int16", 0, 1, 0),
        _plain("transaction_timeout_ms", "int32", 0, 1, 0),
        _plain("transaction_status", "int8", 0, 1, 0),
        _array("transaction_partitions", "PartitionsSchema", 1, nullable_from=0),
        _plain("transaction_last_update_timestamp_ms", "int64", 0, 1, 0),
        _plain("transaction_start_timestamp_ms", "int64", 0, 1, 0),
        _plain("client_transaction_version", "int16", 1, 1, 0, tag=2),
    ],
    PartitionsSchema=[_plain("topic", "string", 0, 1, ""), _array("partition_ids", "int32", 1)],
)

_CONSUMER_GROUP_VALUES = (
    _value(
        "ConsumerGroupMetadataValue",
        0,
        0,
        [
            _plain("epoch", "int32", 0, 0, 0),
            _plain("metadata_hash", "int64", 0, 0, 0, tag=0),
        ],
    ),
    _value(
        "ConsumerGroupPartitionMetadataValue",
        0,
        0,
        [_array("topics", "TopicMetadata")],
        PartitionMetadata=[_plain("partition", "int32", 0, 0, 0), _array("racks", "string")],
        TopicMetadata=[
            _plain("topic_id", "uuid", 0, 0, _NO_ID),
            _plain("topic_name", "string", 0, 0, ""),
            _plain("num_partitions", "int32", 0, 0, 0),
            _array("partition_metadata", "PartitionMetadata"),
        ],
    ),
    _value(
        "ConsumerGroupMemberMetadataValue",
        0,
        0,
        [
            _plain("instance_id", "string", 0, 0, "", nullable_from=0),
            _plain("rack_id", "string", 0, 0, "", nullable_from=0),
            _plain("client_id", "string", 0, 0, ""),
            _plain("client_host", "string", 0, 0, ""),
            _array("subscribed_topic_names", "string"),
            _plain("subscribed_topic_regex", "string", 0, 0, "", nullable_from=0),
            _plain("rebalance_timeout_ms", "int32", 0, 0, -1),
            _plain("server_assignor", "string", 0, 0, "", nullable_from=0),
            _plain("classic_member_metadata", "ClassicMemberMetadata", 0, 0, None, nullable_from=0, tag=0),
        ],
        ClassicProtocol=[_plain("name", "string", 0, 0, ""), _plain("metadata", "bytes", 0, 0, b"")],
        ClassicMemberMetadata=[_plain("session_timeout_ms", "int32", 0, 0, 0), _array("supported_protocols", "ClassicProtocol")],
    ),
    _value(
        "ConsumerGroupTargetAssignmentMetadataValue",
        0,
        0,
        [_plain("assignment_epoch", "int32", 0, 0, 0), _plain("assignment_timestamp", "int64", 0, 0, 0, tag=0)],
    ),
    _value(
        "ConsumerGroupTargetAssignmentMemberValue",
        0,
        0,
        [_array("topic_partitions", "TopicPartition")],
        TopicPartition=[_plain("topic_id", "uuid", 0, 0, _NO_ID), _array("partitions", "int32")],
    ),
    _value(
        "ConsumerGroupCurrentMemberAssignmentValue",
        0,
        0,
        [
            _plain("member_epoch", "int32", 0, 0, 0),
            _plain("previous_member_epoch", "int32", 0, 0, 0),
            _plain("state", "int8", 0, 0, 0),
            _array("assigned_partitions", "TopicPartitions"),
            _array("partitions_pending_revocation", "TopicPartitions"),
        ],
        TopicPartitions=[
            _plain("topic_id", "uuid", 0, 0, _NO_ID),
            _array("partitions", "int32"),
            Row("assignment_epochs", "int32", True, 0, 0, 0, 0, None),
        ],
    ),
    _value(
        "ConsumerGroupRegularExpressionValue",
        0,
        0,
        [
            _array("topics", "string"),
            _plain("version", "int64", 0, 0, 0),
            _plain("timestamp", "int64", 0, 0, 0),
        ],
    ),
)

MESSAGES: tuple[Message, ...] = (
    _OFFSET_COMMIT_KEY,
    _OFFSET_COMMIT_VALUE,
    _key("GroupMetadataKey", 2, "group"),
    _GROUP_METADATA_VALUE,
    _key("TransactionLogKey", 0, "transactional_id"),
    _TRANSACTION_LOG_VALUE,
    _key("ConsumerGroupMetadataKey", 3, "group_id"),
    _key("ConsumerGroupPartitionMetadataKey", 4, "group_id"),
    _key("ConsumerGroupMemberMetadataKey", 5, "group_id", "member_id"),
    _key("ConsumerGroupTargetAssignmentMetadataKey", 6, "group_id"),
    _key("ConsumerGroupTargetAssignmentMemberKey", 7, "group_id", "member_id"),
    _key("ConsumerGroupCurrentMemberAssignmentKey", 8, "group_id", "member_id"),
    _key("ConsumerGroupRegularExpressionKey", 16, "group_id", "regular_expression"),
    *_CONSUMER_GROUP_VALUES,
)
"""Record schemas; on the wire an int16 with the version precedes each."""
