"""Which committed offsets are forgotten by age. Kafka's rules (KIP-211)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from chronik.coordinator.group.consumer.group import ConsumerGroup
from chronik.coordinator.group.group import Group, GroupState
from chronik.coordinator.group.interfaces import CommittedOffset
from chronik.model import TopicPartition


def expired_offsets(group: Group | ConsumerGroup, retention_ms: int, now: int) -> list[TopicPartition]:
    """Offsets of a group that are past their time at ``now`` (ms).

    Of a stable group of consumers, and of any group of the newer protocol, those of topics that nobody subscribes to any more, counted from their
    commit; of an empty group all of them, counted from when it became empty, or from their commit if that was later; of a group that never had
    members, counted from their commit. Nothing of a group that rebalances, or whose members read what we cannot tell.
    """
    subscribed: AbstractSet[str] | None = set()
    emptied = -1
    if isinstance(group, ConsumerGroup):
        subscribed = group.subscribed_topics()
    elif group.protocol_type is not None:
        if group.state is GroupState.EMPTY:
            emptied = group.state_timestamp
        else:
            subscribed = group.subscribed_topics() if group.state is GroupState.STABLE else None
    if subscribed is None:
        return []
    return [
        place
        for place, committed in group.offsets.items()
        if place.topic not in subscribed and _is_expired(committed, max(committed.commit_timestamp, emptied), retention_ms, now)
    ]


def _is_expired(committed: CommittedOffset, since: int, retention_ms: int, now: int) -> bool:
    if committed.expire_timestamp >= 0:
        return now >= committed.expire_timestamp
    return now - since >= retention_ms
