"""Changes of single partitions: who keeps one (reassignments, KIP-455), and the plan that carries a change of one out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from chronik.cluster.assignment import check_assignment
from chronik.cluster.writer import KeyView, Plan, Writer
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import BrokerImage, PartitionState
from chronik.metadata.interfaces import Put
from chronik.model import TopicId


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

    def __init__(self, writer: Writer) -> None:
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
