"""Who leads a partition and who keeps it, changed by hand: elections (KIP-460) and reassignments (KIP-455)."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from chronik.cluster.assignment import check_assignment
from chronik.cluster.writer import FencedWriter, KeyView, Plan
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import NO_LEADER, BrokerImage, PartitionState
from chronik.metadata.interfaces import Put
from chronik.model import TopicId


class ElectionType(enum.IntEnum):
    """What is to be elected; codes of the Kafka protocol."""

    PREFERRED = 0
    UNCLEAN = 1


def elected(state: PartitionState, brokers: Mapping[int, BrokerImage], kind: ElectionType) -> PartitionState:
    """A partition after an election.

    :raises KafkaError: ``ELECTION_NOT_NEEDED``, or nobody can be elected: ``PREFERRED_LEADER_NOT_AVAILABLE``, ``ELIGIBLE_LEADERS_NOT_AVAILABLE``.
    """
    alive = [broker_id for broker_id in state.replicas if broker_id in brokers and not brokers[broker_id].fenced]
    in_sync = [broker_id for broker_id in alive if broker_id in state.isr]
    preferred = state.replicas[0]
    needed = state.leader != preferred if kind is ElectionType.PREFERRED else state.leader == NO_LEADER
    if not needed:
        raise KafkaError(ErrorCode.ELECTION_NOT_NEEDED, "The leader that is asked for leads already.")
    if kind is ElectionType.PREFERRED:
        if preferred not in in_sync:
            raise KafkaError(ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE, f"Broker {preferred}, which is preferred, is not alive and in sync.")
        return _led_by(state, preferred, state.isr)
    if not alive:
        raise KafkaError(ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE, f"None of the replicas {list(state.replicas)} is alive.")
    return _led_by(state, in_sync[0], state.isr) if in_sync else _led_by(state, alive[0], (alive[0],))


def _led_by(state: PartitionState, leader: int, isr: tuple[int, ...]) -> PartitionState:
    return replace(state, leader=leader, isr=isr, leader_epoch=state.leader_epoch + 1, partition_epoch=state.partition_epoch + 1)


def reassigned(state: PartitionState, brokers: Sequence[BrokerImage], target: tuple[int, ...] | None, same_factor: bool) -> PartitionState:
    """A partition kept by ``target``; the same when that is so already.

    :param target: None to break off a reassignment.
    :param same_factor: whether there must be as many replicas as before.
    :raises KafkaError: ``NO_REASSIGNMENT_IN_PROGRESS``, ``INVALID_REPLICA_ASSIGNMENT``, ``INVALID_REPLICATION_FACTOR``.
    """
    if target is None:
        raise KafkaError(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress.")
    if same_factor and len(target) != len(state.replicas):
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR, f"The replication factor would change from {len(state.replicas)} to {len(target)}."
        )
    check_assignment(brokers, target, None)
    if set(target) != set(state.replicas):
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            f"Replicas cannot be moved between brokers yet: the partition is kept by {list(state.replicas)}, {list(target)} is asked for.",
        )
    return state if target == state.replicas else replace(state, replicas=target, partition_epoch=state.partition_epoch + 1)


class PartitionPlans:
    """Carries changes of single partitions out."""

    def __init__(self, writer: FencedWriter) -> None:
        self._writer = writer

    async def change(self, topic_id: TopicId, number: int, changed: Callable[[PartitionState], PartitionState]) -> None:
        """Make a partition's state what ``changed`` makes of it.

        :raises KafkaError: what ``changed`` raises, ``UNKNOWN_TOPIC_OR_PARTITION``, or the writer's.
        """
        key = keys.partition_key(topic_id, number)
        made: bytes | None = None

        def plan(view: KeyView) -> Plan:
            nonlocal made
            before = view.value(key)
            if before is None:
                raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "The partition was deleted meanwhile.")
            if before == made:
                return Plan()
            state = keys.decode_partition(before)
            after = changed(state)
            made = keys.encode_partition(after)
            return Plan() if after == state else Plan([view.unchanged(key)], [Put(key, made)])

        await self._writer.write(plan)
