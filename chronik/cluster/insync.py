"""Who is in sync, changed by the leaders of partitions themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from twisted.internet.defer import Deferred
from zope.interface import implementer

from chronik.cluster.election import Rules, changed, ids, with_isr, without_replica
from chronik.cluster.registration import registered
from chronik.cluster.writer import KeyView, Plan, Writer
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import PartitionState
from chronik.metadata.interfaces import Compare, Put
from chronik.model import TopicId
from chronik.replica.interfaces import IInSyncChanges


@implementer(IInSyncChanges)
class InSyncChanges:
    """Writes what a leader asks for into the metadata store, if it leads still.

    :param broker_id: this broker.
    """

    def __init__(self, writer: Writer, broker_id: int) -> None:
        self._writer = writer
        self._broker_id = broker_id

    def change(
        self, topic_id: TopicId, partition: int, leader_epoch: int, add: Mapping[int, int], remove: Collection[int], enough: int
    ) -> Deferred[None]:
        """Change one partition; see :meth:`IInSyncChanges.change`."""
        return Deferred.fromCoroutine(self._change(topic_id, partition, leader_epoch, add, remove, enough))

    async def _change(
        self, topic_id: TopicId, partition: int, leader_epoch: int, add: Mapping[int, int], remove: Collection[int], enough: int
    ) -> None:
        key = keys.partition_key(topic_id, partition)
        made: bytes | None = None

        def plan(view: KeyView) -> Plan:
            nonlocal made
            value = view.value(key)
            if value is not None and value == made:
                return Plan()
            state = self._led(value, leader_epoch)
            compares = [_eligible(view, broker_id, epoch) for broker_id, epoch in add.items()]
            members = {broker_id for broker_id in (*state.isr, *add) if broker_id not in remove}
            after = changed(state, with_isr(state, members, enough))
            if after == state:
                return Plan()
            made = keys.encode_partition(after)
            return Plan([view.unchanged(key), *compares], [Put(key, made)])

        try:
            await self._writer.write(plan)
        except KafkaError:
            # An earlier try may have been made, and its answer lost: who hears of the refusal must have seen what became of that.
            await self._writer.catch_up()
            raise

    def leave(self, topic_id: TopicId, partition: int, enough: int) -> Deferred[None]:
        """Take this broker out; see :meth:`IInSyncChanges.leave`."""
        return Deferred.fromCoroutine(self._leave(keys.partition_key(topic_id, partition), enough))

    async def _leave(self, key: str, enough: int) -> None:
        def plan(view: KeyView) -> Plan:
            value = view.value(key)
            if value is None:
                return Plan()
            state = keys.decode_partition(value)
            after = without_replica(state, self._broker_id, ids(registered(view)), Rules(enough))
            return Plan() if after == state else Plan([view.unchanged(key)], [Put(key, keys.encode_partition(after))])

        await self._writer.write(plan)

    def _led(self, value: bytes | None, leader_epoch: int) -> PartitionState:
        state = keys.decode_partition(value) if value is not None else None
        if state is None or state.leader != self._broker_id or state.leader_epoch != leader_epoch:
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "the partition is led by another broker, or in another epoch")
        return state


def _eligible(view: KeyView, broker_id: int, epoch: int) -> Compare:
    """Holds while a broker is alive and the one that caught up (KIP-841, KIP-903)."""
    key = keys.broker_key(broker_id)
    value = view.value(key)
    broker = keys.decode_broker(broker_id, value) if value is not None else None
    if broker is None or broker.fenced or broker.epoch != epoch:
        raise KafkaError(ErrorCode.INELIGIBLE_REPLICA, f"broker {broker_id} is not alive, or was registered anew since it caught up")
    return view.unchanged(key)
