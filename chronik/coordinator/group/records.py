"""The records of ``__consumer_offsets``: Kafka's own keys and values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chronik.coordinator.group.group import Group, GroupState, Member
from chronik.coordinator.group.interfaces import CommittedOffset, Joining
from chronik.coordinator.interfaces import StateRecord
from chronik.model import TopicPartition
from chronik.protocol.messages import GroupMetadataKey, GroupMetadataValue, OffsetCommitKey, OffsetCommitValue
from chronik.protocol.versioned import decode_versioned, encode_versioned

OFFSET_KEY_VERSION: Final = 1
OFFSET_KEY_VERSIONS: Final = (0, 1)
OFFSET_VALUE_VERSION: Final = 3
EXPIRING_OFFSET_VALUE_VERSION: Final = 1
"""The one version that has a place for an expiry of its own."""

GROUP_KEY_VERSION: Final = 2
GROUP_VALUE_VERSION: Final = 3


def offset_record(group_id: str, place: TopicPartition, committed: CommittedOffset | None, now: int) -> StateRecord:
    """One committed offset, or with None that it is forgotten."""
    key = encode_versioned(OffsetCommitKey(group=group_id, topic=place.topic, partition=place.partition), OFFSET_KEY_VERSION)
    if committed is None:
        return StateRecord(key, None, now)
    value = OffsetCommitValue(
        offset=committed.offset,
        leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
        commit_timestamp=committed.commit_timestamp,
        expire_timestamp=committed.expire_timestamp,
    )
    version = OFFSET_VALUE_VERSION if committed.expire_timestamp < 0 else EXPIRING_OFFSET_VALUE_VERSION
    return StateRecord(key, encode_versioned(value, version), now)


def read_offset_key(key: bytes) -> tuple[str, TopicPartition]:
    """Whose offset it is, and of which partition.

    :raises DecodeError: it is no such key; so do the others.
    """
    read = decode_versioned(OffsetCommitKey, key)
    return read.group, TopicPartition(read.topic, read.partition)


def read_offset_value(value: bytes) -> CommittedOffset:
    """A committed offset."""
    read = decode_versioned(OffsetCommitValue, value)
    return CommittedOffset(read.offset, read.leader_epoch, read.metadata, read.commit_timestamp, read.expire_timestamp)


def group_key(group_id: str) -> bytes:
    """The key of a group."""
    return encode_versioned(GroupMetadataKey(group=group_id), GROUP_KEY_VERSION)


def group_record(group: Group, assignments: Mapping[str, bytes], now: int) -> StateRecord:
    """A group with its members, and these assignments of theirs."""
    members = tuple(
        GroupMetadataValue.MemberMetadata(
            member_id=member.member_id,
            group_instance_id=member.instance_id,
            client_id=member.client_id,
            client_host=member.client_host,
            rebalance_timeout=member.rebalance_timeout_ms,
            session_timeout=member.session_timeout_ms,
            subscription=member.metadata(group.protocol_name),
            assignment=assignments.get(member.member_id, b""),
        )
        for member in group.members.values()
    )
    value = GroupMetadataValue(
        protocol_type=group.protocol_type or "",
        generation=group.generation,
        protocol=group.protocol_name,
        leader=group.leader_id,
        current_state_timestamp=group.state_timestamp,
        members=members,
    )
    return StateRecord(group_key(group.group_id), encode_versioned(value, GROUP_VALUE_VERSION), now)


def new_group_record(group_id: str, now: int) -> StateRecord:
    """A group that is about to have its first member, as Kafka writes it: there is one, and nothing else is known of it."""
    value = GroupMetadataValue(protocol_type="", generation=0, protocol=None, leader=None, current_state_timestamp=now, members=())
    return StateRecord(group_key(group_id), encode_versioned(value, GROUP_VALUE_VERSION), now)


def forgotten_group(group_id: str, now: int) -> StateRecord:
    """A group is no more."""
    return StateRecord(group_key(group_id), None, now)


def read_group_key(key: bytes) -> str:
    """Which group it is."""
    return decode_versioned(GroupMetadataKey, key).group


def read_group_value(group_id: str, value: bytes) -> Group:
    """A group, stable if it has members."""
    read = decode_versioned(GroupMetadataValue, value)
    group = Group(group_id, read.current_state_timestamp)
    for row in read.members:
        protocols = ((read.protocol or "", row.subscription),)
        rebalance_timeout_ms = row.rebalance_timeout if row.rebalance_timeout >= 0 else row.session_timeout
        joining = Joining(
            group_id,
            row.member_id,
            row.group_instance_id,
            row.client_id,
            row.client_host,
            row.session_timeout,
            rebalance_timeout_ms,
            read.protocol_type,
            protocols,
        )
        member = Member(row.member_id, joining)
        member.assignment = row.assignment
        group.add(member, read.protocol_type)
    group.state = GroupState.STABLE if group.members else GroupState.EMPTY
    group.generation = read.generation
    group.protocol_type = read.protocol_type or None
    group.protocol_name = read.protocol
    group.leader_id = read.leader if read.leader in group.members else next(iter(group.members), None)
    return group
