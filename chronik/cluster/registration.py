"""How a broker enters the cluster: the cluster's id, the controller's key, its own registration, and blocks of ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chronik.cluster.features import FeatureUpdate, updated
from chronik.cluster.writer import FencedWriter, KeyView, Plan
from chronik.errors import ChronikError, ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import BrokerImage, Endpoint, MetadataImage
from chronik.metadata.interfaces import Delete, Put
from chronik.metadata.keys import ControllerValue

PRODUCER_ID_BLOCK: Final = 1_000
"""Ids in a block, as in Kafka: a durable write for every thousand producers."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a broker tells of itself.

    :ivar endpoints: by listener name; see :class:`~chronik.metadata.image.Endpoint`.
    """

    broker_id: int
    endpoints: Mapping[str, Endpoint]
    rack: str | None = None


class Membership:
    """The writes of a broker about itself."""

    def __init__(self, writer: FencedWriter) -> None:
        self._writer = writer

    async def found_cluster(self, new_cluster_id: str, expected: str | None) -> str:
        """The cluster's id; an empty store becomes the cluster ``new_cluster_id``.

        :param expected: the id that this broker's data belongs to, None for no data yet.
        :raises ChronikError: the store belongs to another cluster.
        """

        def plan(view: KeyView) -> Plan:
            if view.get(keys.CLUSTER) is not None:
                return Plan()
            return Plan([view.unchanged(keys.CLUSTER)], [Put(keys.CLUSTER, keys.encode_cluster(expected or new_cluster_id))])

        await self._writer.write(plan)
        found = keys.decode_cluster(self._writer.view.value(keys.CLUSTER) or b"")
        if expected is not None and found != expected:
            raise ChronikError(
                f"this broker's data belongs to cluster {expected}, the metadata store to cluster {found}: "
                "give the broker the directories and the store of one cluster"
            )
        return found

    async def claim(self, broker_id: int) -> None:
        """Become the controller; whoever was it before can write no more."""

        def plan(view: KeyView) -> Plan:
            before = view.value(keys.CONTROLLER)
            epoch = keys.decode_controller(before).epoch + 1 if before is not None else 1
            return Plan([view.unchanged(keys.CONTROLLER)], [Put(keys.CONTROLLER, keys.encode_controller(ControllerValue(broker_id, epoch)))])

        self._writer.hold(await self._writer.write(plan))

    async def register(self, registration: Registration) -> BrokerImage:
        """Tell how this broker is reached, under an epoch higher than any of its earlier lives."""
        key = keys.broker_key(registration.broker_id)
        broker = BrokerImage(registration.broker_id, 0, registration.endpoints, registration.rack)

        def plan(view: KeyView) -> Plan:
            before = view.value(key)
            epoch = keys.decode_broker(registration.broker_id, before).epoch + 1 if before is not None else 1
            return Plan([view.unchanged(key)], [Put(key, keys.encode_broker(replace(broker, epoch=epoch)))])

        await self._writer.write(plan)
        return keys.decode_broker(registration.broker_id, self._writer.view.value(key) or b"")

    async def allocate_producer_ids(self) -> range:
        """The next block of producer ids; one whose answer was lost is left unused."""
        taken = range(0)

        def plan(view: KeyView) -> Plan:
            nonlocal taken
            before = view.value(keys.PRODUCER_IDS)
            start = keys.decode_next_id(before) if before is not None else 0
            taken = range(start, start + PRODUCER_ID_BLOCK)
            return Plan([view.unchanged(keys.PRODUCER_IDS)], [Put(keys.PRODUCER_IDS, keys.encode_next_id(taken.stop))])

        await self._writer.write(plan)
        return taken

    async def update_features(self, updates: Sequence[FeatureUpdate], validate_only: bool) -> None:
        """Agree on other levels of features; see :meth:`~chronik.cluster.interfaces.IController.update_features`."""

        def plan(view: KeyView) -> Plan:
            value = view.value(keys.FEATURES)
            before = keys.decode_features(value) if value is not None else {}
            after = updated(before, updates)
            return Plan() if after == before else Plan([view.unchanged(keys.FEATURES)], [Put(keys.FEATURES, keys.encode_features(after))])

        if validate_only:
            plan(self._writer.view)
        else:
            await self._writer.write(plan)

    async def unregister(self, broker_id: int, image: MetadataImage) -> None:
        """Forget a broker; see :meth:`~chronik.cluster.interfaces.IController.unregister_broker`."""
        broker = image.brokers.get(broker_id)
        if broker is None:
            raise KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, f"Broker ID {broker_id} is not currently registered.")
        if not broker.fenced:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Broker {broker_id} is alive and would register again: stop it first.")
        held = next((name for name, topic in image.topics.items() for state in topic.partitions if broker_id in state.isr), None)
        if held is not None:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Broker {broker_id} is still in sync for topic {held}: reassign its partitions first.")
        key = keys.broker_key(broker_id)
        await self._writer.write(lambda view: Plan([view.unchanged(key)], [Delete(key)]) if view.get(key) is not None else Plan())
