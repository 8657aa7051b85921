"""Who keeps a partition, changed by hand (reassignments, KIP-455), and the plan that carries a change of one partition out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from chronik.cluster.assignment import check_assignment
from chronik.cluster.election import changed, led_by
from chronik.cluster.writer import KeyView, Plan, Writer
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import NO_LEADER, BrokerImage, PartitionState
from chronik.metadata.interfaces import Put
from chronik.model import TopicId


def reassigned(state: PartitionState, brokers: Sequence[BrokerImage], target: tuple[int, ...] | None, same_factor: bool) -> PartitionState:
    """A partition that is on its way to being kept by ``target``; the same when that is so already.

    Those who are to keep it are replicas from now on, and those who are not remain until all the others are in sync: see :func:`completed`.

    :param target: None to break off a reassignment.
    :param same_factor: whether there must be as many replicas as before.
    :raises KafkaError: ``NO_REASSIGNMENT_IN_PROGRESS``, ``INVALID_REPLICA_ASSIGNMENT``, ``INVALID_REPLICATION_FACTOR``.
    """
    before = tuple(broker_id for broker_id in state.replicas if broker_id not in state.adding)
    if target is None:
        return _broken_off(state, before)
    if same_factor and len(target) != len(before):
        raise KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, f"The replication factor would change from {len(before)} to {len(target)}.")
    check_assignment(brokers, target, None)
    # Also those whom an earlier reassignment is only adding: one of them may be the last that has everything.
    adding = tuple(broker_id for broker_id in target if broker_id not in state.replicas)
    removing = tuple(broker_id for broker_id in state.replicas if broker_id not in target)
    return changed(state, _kept_by(replace(state, adding=adding, removing=removing), (*target, *removing)))


def _broken_off(state: PartitionState, before: tuple[int, ...]) -> PartitionState:
    if not state.adding and not state.removing:
        raise KafkaError(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress.")
    if not set(state.isr) & set(before):
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT, f"None of the brokers {list(before)}, which kept it before, is in sync: it cannot go back."
        )
    return changed(state, _kept_by(replace(state, adding=(), removing=()), before))


def completed(state: PartitionState) -> PartitionState:
    """A partition whose reassignment is done, if all who are to keep it are in sync; else the same."""
    target = tuple(broker_id for broker_id in state.replicas if broker_id not in state.removing)
    if not (state.adding or state.removing) or not set(target) <= set(state.isr):
        return state
    return changed(state, _kept_by(replace(state, adding=(), removing=()), target))


def _kept_by(state: PartitionState, replicas: tuple[int, ...]) -> PartitionState:
    """With other replicas; who is none any more is neither in sync nor leader.

    When one goes there is a new leader epoch even if the leader stays: should that one be a replica again before it has heard that it was
    none, it still fetches from the log that it is about to delete, and must not come into sync by that.
    """
    isr = tuple(broker_id for broker_id in replicas if broker_id in state.isr)
    elr = tuple(broker_id for broker_id in replicas if broker_id in state.elr)
    after = replace(state, replicas=replicas, isr=isr, elr=elr)
    if state.leader not in (*isr, NO_LEADER):
        return led_by(after, isr[0])
    return after if set(state.replicas) <= set(replicas) else led_by(after, state.leader)


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
