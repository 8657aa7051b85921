"""The records of consumer groups in ``__consumer_offsets``: Kafka's own keys and values (KIP-848), written and taken into account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol, TypeAlias, TypeVar

from chronik.coordinator.group.consumer.group import ConsumerGroup
from chronik.coordinator.group.consumer.member import LEAVE_EPOCH, NONE_OWNED, Assignment, ClassicClient, ConsumerMember, MemberState, Owned
from chronik.coordinator.group.consumer.patterns import ResolvedPattern
from chronik.coordinator.interfaces import StateRecord
from chronik.model import TopicId
from chronik.protocol.message import Message
from chronik.protocol.messages import (
    ConsumerGroupCurrentMemberAssignmentKey,
    ConsumerGroupCurrentMemberAssignmentValue,
    ConsumerGroupMemberMetadataKey,
    ConsumerGroupMemberMetadataValue,
    ConsumerGroupMetadataKey,
    ConsumerGroupMetadataValue,
    ConsumerGroupPartitionMetadataKey,
    ConsumerGroupRegularExpressionKey,
    ConsumerGroupRegularExpressionValue,
    ConsumerGroupTargetAssignmentMemberKey,
    ConsumerGroupTargetAssignmentMemberValue,
    ConsumerGroupTargetAssignmentMetadataKey,
    ConsumerGroupTargetAssignmentMetadataValue,
)
from chronik.protocol.versioned import decode_versioned, encode_versioned, peek_version

GROUP: Final = 3
PARTITIONS: Final = 4
MEMBER: Final = 5
TARGET: Final = 6
MEMBER_TARGET: Final = 7
CURRENT: Final = 8
PATTERN: Final = 16

KEY_VERSIONS: Final = (GROUP, PARTITIONS, MEMBER, TARGET, MEMBER_TARGET, CURRENT, PATTERN)
"""Those of a key say which kind of record it is. Partition metadata (4) is Kafka 4.0's; since then a hash in the group's record has its place."""

_VALUE_VERSION: Final = 0


def _record(key: Message, key_version: int, value: Message | None, now: int) -> StateRecord:
    return StateRecord(encode_versioned(key, key_version), None if value is None else encode_versioned(value, _VALUE_VERSION), now)


# -- writing ----------------------------------------------------------------------------------------------------------


def group_record(group_id: str, epoch: int, metadata_hash: int, now: int) -> StateRecord:
    """A group is in an epoch."""
    return _record(ConsumerGroupMetadataKey(group_id=group_id), GROUP, ConsumerGroupMetadataValue(epoch=epoch, metadata_hash=metadata_hash), now)


def subscription_record(group_id: str, member: ConsumerMember, now: int) -> StateRecord:
    """What a member says of itself."""
    value = ConsumerGroupMemberMetadataValue(
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        subscribed_topic_names=tuple(sorted(member.topics)),
        subscribed_topic_regex=member.pattern,
        rebalance_timeout_ms=member.rebalance_timeout_ms,
        server_assignor=member.assignor,
        classic_member_metadata=_classic(member.classic),
    )
    return _record(ConsumerGroupMemberMetadataKey(group_id=group_id, member_id=member.member_id), MEMBER, value, now)


def _classic(client: ClassicClient | None) -> ConsumerGroupMemberMetadataValue.ClassicMemberMetadata | None:
    if client is None:
        return None
    return ConsumerGroupMemberMetadataValue.ClassicMemberMetadata(
        session_timeout_ms=client.session_timeout_ms,
        supported_protocols=tuple(
            ConsumerGroupMemberMetadataValue.ClassicProtocol(name=name, metadata=metadata) for name, metadata in client.protocols
        ),
    )


def target_record(group_id: str, epoch: int, timestamp: int, now: int) -> StateRecord:
    """The target assignment is that of an epoch."""
    value = ConsumerGroupTargetAssignmentMetadataValue(assignment_epoch=epoch, assignment_timestamp=timestamp)
    return _record(ConsumerGroupTargetAssignmentMetadataKey(group_id=group_id), TARGET, value, now)


def member_target_record(group_id: str, member_id: str, assignment: Assignment, now: int) -> StateRecord:
    """A member's target assignment."""
    value = ConsumerGroupTargetAssignmentMemberValue(
        topic_partitions=tuple(
            ConsumerGroupTargetAssignmentMemberValue.TopicPartition(topic_id=topic_id, partitions=tuple(sorted(assignment[topic_id])))
            for topic_id in sorted(assignment)
        )
    )
    return _record(ConsumerGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id), MEMBER_TARGET, value, now)


def current_record(group_id: str, member: ConsumerMember, now: int) -> StateRecord:
    """What a member holds."""
    value = ConsumerGroupCurrentMemberAssignmentValue(
        member_epoch=member.epoch,
        previous_member_epoch=member.previous_epoch,
        state=member.state,
        assigned_partitions=_owned(member.assigned),
        partitions_pending_revocation=_owned(member.revoking),
    )
    return _record(ConsumerGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member.member_id), CURRENT, value, now)


def _owned(owned: Owned) -> tuple[ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions, ...]:
    return tuple(
        ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions(
            topic_id=topic_id, partitions=tuple(owned[topic_id]), assignment_epochs=tuple(owned[topic_id].values())
        )
        for topic_id in sorted(owned)
    )


def pattern_record(group_id: str, pattern: str, resolved: ResolvedPattern | None, now: int) -> StateRecord:
    """What an expression stands for; with None that nobody subscribes to it any more."""
    value = None
    if resolved is not None:
        value = ConsumerGroupRegularExpressionValue(topics=tuple(sorted(resolved.topics)), version=resolved.version, timestamp=resolved.timestamp)
    return _record(ConsumerGroupRegularExpressionKey(group_id=group_id, regular_expression=pattern), PATTERN, value, now)


def removed_member(group_id: str, member_id: str, now: int) -> list[StateRecord]:
    """A member is no more."""
    return [
        _record(ConsumerGroupCurrentMemberAssignmentKey(group_id=group_id, member_id=member_id), CURRENT, None, now),
        _record(ConsumerGroupTargetAssignmentMemberKey(group_id=group_id, member_id=member_id), MEMBER_TARGET, None, now),
        _record(ConsumerGroupMemberMetadataKey(group_id=group_id, member_id=member_id), MEMBER, None, now),
    ]


def removed_group(group: ConsumerGroup, now: int) -> list[StateRecord]:
    """A group and all its members are no more."""
    group_id = group.group_id
    records = [record for member_id in group.members for record in removed_member(group_id, member_id, now)]
    records.extend(pattern_record(group_id, pattern, None, now) for pattern in group.patterns)
    records.append(_record(ConsumerGroupTargetAssignmentMetadataKey(group_id=group_id), TARGET, None, now))
    records.append(_record(ConsumerGroupPartitionMetadataKey(group_id=group_id), PARTITIONS, None, now))
    records.append(_record(ConsumerGroupMetadataKey(group_id=group_id), GROUP, None, now))
    return records


def whole_group(group: ConsumerGroup, now: int) -> list[StateRecord]:
    """A group as it is, in full."""
    group_id = group.group_id
    records = [subscription_record(group_id, member, now) for member in group.members.values()]
    records.append(group_record(group_id, group.epoch, group.metadata_hash, now))
    records.extend(member_target_record(group_id, member_id, group.target_of(member_id), now) for member_id in group.members)
    records.append(target_record(group_id, group.assignment_epoch, group.assignment_timestamp, now))
    records.extend(current_record(group_id, member, now) for member in group.members.values())
    return records


# -- reading ----------------------------------------------------------------------------------------------------------


class Groups(Protocol):
    """Where records take effect."""

    def consumer_group(self, group_id: str, create: bool) -> ConsumerGroup | None:
        """The consumer group of this id; with ``create`` a new one where there is none, or one of another kind."""

    def remove_consumer_group(self, group_id: str) -> None:
        """It is no more; offsets committed meanwhile stay."""


GroupKey: TypeAlias = (
    ConsumerGroupMemberMetadataKey
    | ConsumerGroupTargetAssignmentMetadataKey
    | ConsumerGroupTargetAssignmentMemberKey
    | ConsumerGroupCurrentMemberAssignmentKey
    | ConsumerGroupRegularExpressionKey
)
"""Keys of what a group consists of."""

Reader: TypeAlias = Callable[[StateRecord, Groups], None]
K = TypeVar("K", bound=GroupKey)
V = TypeVar("V", bound=Message)


def apply_consumer_record(record: StateRecord, groups: Groups) -> None:
    """Take a record into account, be it read from the log or on its way there: the one way in which consumer groups change.

    :raises DecodeError: it is none of them.
    """
    _READERS[peek_version(record.key)](record, groups)


def _value(cls: type[V], record: StateRecord) -> V | None:
    """What a record says; None for a tombstone. It is read before anything changes."""
    return None if record.value is None else decode_versioned(cls, record.value)


def _part(key_class: type[K], value_class: type[V], apply: Callable[[ConsumerGroup, K, V | None], None]) -> Reader:
    """A reader of records of a part of a group. They make a group where there is none; tombstones do not."""

    def read(record: StateRecord, groups: Groups) -> None:
        key = decode_versioned(key_class, record.key)
        value = _value(value_class, record)
        group = groups.consumer_group(key.group_id, create=value is not None)
        if group is not None:
            apply(group, key, value)

    return read


def _apply_group(record: StateRecord, groups: Groups) -> None:
    group_id = decode_versioned(ConsumerGroupMetadataKey, record.key).group_id
    value = _value(ConsumerGroupMetadataValue, record)
    if value is None:
        groups.remove_consumer_group(group_id)
        return
    group = groups.consumer_group(group_id, create=True)
    assert group is not None
    group.epoch, group.metadata_hash = value.epoch, value.metadata_hash


def _apply_partitions(record: StateRecord, groups: Groups) -> None:
    """Kafka 4.0's snapshot of the topics: the hash that is missing beside it makes the group look at them anew."""
    decode_versioned(ConsumerGroupPartitionMetadataKey, record.key)


def _apply_subscription(group: ConsumerGroup, key: ConsumerGroupMemberMetadataKey, value: ConsumerGroupMemberMetadataValue | None) -> None:
    if value is None:
        group.remove_member(key.member_id)
        return
    classic = value.classic_member_metadata
    group.put_member(
        replace(
            group.members.get(key.member_id, ConsumerMember(key.member_id)),
            instance_id=value.instance_id,
            rack_id=value.rack_id,
            client_id=value.client_id,
            client_host=value.client_host,
            topics=frozenset(value.subscribed_topic_names),
            pattern=value.subscribed_topic_regex or "",
            rebalance_timeout_ms=value.rebalance_timeout_ms,
            assignor=value.server_assignor,
            classic=None if classic is None else _read_classic(classic),
        )
    )


def _read_classic(value: ConsumerGroupMemberMetadataValue.ClassicMemberMetadata) -> ClassicClient:
    protocols = tuple((protocol.name, bytes(protocol.metadata)) for protocol in value.supported_protocols)
    return ClassicClient(value.session_timeout_ms, protocols)


def _apply_target(
    group: ConsumerGroup, _key: ConsumerGroupTargetAssignmentMetadataKey, value: ConsumerGroupTargetAssignmentMetadataValue | None
) -> None:
    group.assignment_epoch = LEAVE_EPOCH if value is None else value.assignment_epoch
    group.assignment_timestamp = 0 if value is None else value.assignment_timestamp


def _apply_member_target(
    group: ConsumerGroup, key: ConsumerGroupTargetAssignmentMemberKey, value: ConsumerGroupTargetAssignmentMemberValue | None
) -> None:
    if value is None:
        group.target.pop(key.member_id, None)
    else:
        group.target[key.member_id] = {TopicId(topic.topic_id): frozenset(topic.partitions) for topic in value.topic_partitions}


def _apply_current(
    group: ConsumerGroup, key: ConsumerGroupCurrentMemberAssignmentKey, value: ConsumerGroupCurrentMemberAssignmentValue | None
) -> None:
    if value is None:
        member = group.members.get(key.member_id)
        if member is not None:
            group.put_member(replace(member, epoch=LEAVE_EPOCH, previous_epoch=LEAVE_EPOCH, assigned=NONE_OWNED, revoking=NONE_OWNED))
        return
    group.put_member(
        replace(
            group.members.get(key.member_id, ConsumerMember(key.member_id)),
            epoch=value.member_epoch,
            previous_epoch=value.previous_member_epoch,
            state=MemberState(value.state) if value.state in _STATES else MemberState.UNKNOWN,
            assigned=_read_owned(value.assigned_partitions, value.member_epoch),
            revoking=_read_owned(value.partitions_pending_revocation, value.member_epoch),
        )
    )


_STATES: Final = frozenset(MemberState)


def _read_owned(topics: Sequence[ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions], epoch: int) -> Owned:
    """Partitions with their epochs; those that Kafka before 4.3 wrote have none of their own."""
    return {
        TopicId(topic.topic_id): dict(zip(topic.partitions, topic.assignment_epochs, strict=True))
        if topic.assignment_epochs is not None and len(topic.assignment_epochs) == len(topic.partitions)
        else dict.fromkeys(topic.partitions, epoch)
        for topic in topics
    }


def _apply_pattern(group: ConsumerGroup, key: ConsumerGroupRegularExpressionKey, value: ConsumerGroupRegularExpressionValue | None) -> None:
    resolved = None if value is None else ResolvedPattern(frozenset(value.topics), value.version, value.timestamp)
    group.put_pattern(key.regular_expression, resolved)


_READERS: Final[Mapping[int, Reader]] = {
    GROUP: _apply_group,
    PARTITIONS: _apply_partitions,
    MEMBER: _part(ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue, _apply_subscription),
    TARGET: _part(ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue, _apply_target),
    MEMBER_TARGET: _part(ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue, _apply_member_target),
    CURRENT: _part(ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue, _apply_current),
    PATTERN: _part(ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue, _apply_pattern),
}
