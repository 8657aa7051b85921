"""How a broker enters the cluster and leaves it: the cluster's id, the controller's key, its own registration, and blocks of ids.

Any broker writes these, whoever the controller is, each only if it is still as it was seen. Whoever takes the place of a silent controller
writes into that one's registration as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, ParamSpec, TypeAlias, TypeVar

from chronik.cluster.election import Rules, led_by, without_replica
from chronik.cluster.features import FeatureUpdate, updated
from chronik.cluster.writer import OPERATIONS_PER_PLAN_MAX, KeyView, Plan, Writer
from chronik.errors import ChronikError, ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import BrokerImage, Endpoint, PartitionState, TopicImage
from chronik.metadata.interfaces import Compare, Delete, Put
from chronik.metadata.keys import ControllerValue
from chronik.model import TopicId

P = ParamSpec("P")
T = TypeVar("T")

PRODUCER_ID_BLOCK: Final = 1_000
"""Ids in a block, as in Kafka: a durable write for every thousand producers."""

PARTITIONS_PER_PLAN: Final = (OPERATIONS_PER_PLAN_MAX - 1) // 2
"""Partitions whose states one commit changes: each is a compare and a put, and there may be one other compare."""

PartitionChange: TypeAlias = Callable[[str, PartitionState], PartitionState]
"""Makes a partition's next state, given its key and the state before."""

NOBODY: Final = -1
"""As the controller's broker: whoever was it has left."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a broker tells of itself.

    :ivar endpoints: by listener name; see :class:`~chronik.metadata.image.Endpoint`.
    """

    broker_id: int
    endpoints: Mapping[str, Endpoint]
    rack: str | None = None


class Membership:
    """Writes about brokers, and about the partitions that come with their coming and going: each broker's of its own, and the controller's."""

    def __init__(self, writer: Writer) -> None:
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
        found = _read(keys.CLUSTER, keys.decode_cluster, self._writer.view.value(keys.CLUSTER) or b"")
        if expected is not None and found != expected:
            raise ChronikError(
                f"this broker's data belongs to cluster {expected}, the metadata store to cluster {found}: "
                "give the broker the directories and the store of one cluster"
            )
        return found

    def controller(self) -> ControllerValue:
        """Who is the controller, as the store says; see :data:`NOBODY`."""
        value = self._writer.view.value(keys.CONTROLLER)
        return _read(keys.CONTROLLER, keys.decode_controller, value) if value is not None else ControllerValue(NOBODY, 0)

    def brokers(self) -> Mapping[int, BrokerImage]:
        """Who is registered, as the store says."""
        return registered(self._writer.view)

    async def claim(self, broker_id: int, before: ControllerValue, silent: bool = False) -> int | None:
        """Become the controller instead of ``before``; whoever was it can write no more.

        :param silent: whoever was it does not count as alive any more, from the same revision on.
        :returns: the revision of the controller's key, None when somebody else was faster.
        """
        ours = ControllerValue(broker_id, before.epoch + 1)

        def plan(view: KeyView) -> Plan:
            if self.controller() != before:
                return Plan()
            claim = Plan([view.unchanged(keys.CONTROLLER)], [Put(keys.CONTROLLER, keys.encode_controller(ours))])
            gone = _with_fenced(view, before.broker_id, True) if silent and before.broker_id != broker_id else Plan()
            return Plan([*claim.compares, *gone.compares], [*claim.operations, *gone.operations])

        await self._writer.write(plan)
        entry = self._writer.view.get(keys.CONTROLLER)
        return entry.revision if entry is not None and self.controller() == ours else None

    async def abdicate(self, broker_id: int) -> None:
        """Be the controller no more, so that another one need not wait."""

        def plan(view: KeyView) -> Plan:
            now = self.controller()
            if now.broker_id != broker_id:
                return Plan()
            return Plan([view.unchanged(keys.CONTROLLER)], [Put(keys.CONTROLLER, keys.encode_controller(ControllerValue(NOBODY, now.epoch)))])

        await self._writer.write(plan)

    async def register(self, registration: Registration, fenced: bool) -> BrokerImage:
        """Tell how this broker is reached, under an epoch higher than any of its earlier lives.

        :param fenced: it does not serve yet.
        """
        key = keys.broker_key(registration.broker_id)
        broker = BrokerImage(registration.broker_id, 0, registration.endpoints, registration.rack, fenced)
        made: BrokerImage | None = None

        def plan(view: KeyView) -> Plan:
            nonlocal made
            before = view.value(key)
            known = _read(key, keys.decode_broker, registration.broker_id, before) if before is not None else None
            if known is not None and known == made:
                return Plan()
            # Revisions grow by at least one with each registration, so an epoch is never used again, though the broker was forgotten meanwhile.
            made = replace(broker, epoch=known.epoch + 1 if known is not None else view.current + 1)
            return Plan([view.unchanged(key)], [Put(key, keys.encode_broker(made))])

        await self._writer.write(plan)
        return keys.decode_broker(registration.broker_id, self._writer.view.value(key) or b"")

    async def set_fenced(self, broker_id: int, epoch: int, fenced: bool) -> None:
        """Let a broker count as alive or not, if it is still registered under this epoch."""
        await self._writer.write(lambda view: _with_fenced(view, broker_id, fenced, epoch))

    async def change_partitions(self, names: Sequence[str], after: Callable[[KeyView], PartitionChange]) -> None:
        """Give partitions another state each, in as few commits as possible; those that are no more are passed over.

        :param names: their keys.
        :param after: gives, for what the store holds when a commit is planned, what makes each state from the one before.
        """
        for start in range(0, len(names), PARTITIONS_PER_PLAN):
            piece = names[start : start + PARTITIONS_PER_PLAN]
            made: dict[str, bytes] = {}

            def plan(view: KeyView, piece: Sequence[str] = piece, made: dict[str, bytes] = made) -> Plan:
                compares: list[Compare] = []
                puts: list[Put] = []
                change = after(view)
                for name in piece:
                    value = view.value(name)
                    if value is None or value == made.get(name):
                        continue
                    made[name] = keys.encode_partition(change(name, keys.decode_partition(value)))
                    if made[name] != value:
                        compares.append(view.unchanged(name))
                        puts.append(Put(name, made[name]))
                return Plan(compares, puts)

            await self._writer.write(plan)

    async def raise_leader_epochs(
        self, broker_id: int, partitions: Sequence[tuple[TopicId, int]], untrusted: Collection[tuple[TopicId, int]], rules: Callable[[TopicId], Rules]
    ) -> None:
        """Begin a new epoch of partitions that this broker leads, or leave them to others; see
        :meth:`~chronik.cluster.interfaces.IController.raise_leader_epochs`.
        """
        raised = {keys.partition_key(*partition) for partition in partitions}
        doubtful = {keys.partition_key(*partition): partition[0] for partition in untrusted}

        def after(view: KeyView) -> PartitionChange:
            alive = [other for other, broker in registered(view).items() if not broker.fenced]

            def changed_state(name: str, state: PartitionState) -> PartitionState:
                if name in doubtful:
                    left = without_replica(state, broker_id, alive, rules(doubtful[name]))
                    if left != state:
                        return left
                if name not in raised or state.leader != broker_id:
                    return state
                return replace(led_by(state, broker_id), partition_epoch=state.partition_epoch + 1)

            return changed_state

        await self.change_partitions(sorted(raised | doubtful.keys()), after)

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

    async def unregister(self, broker_id: int, topics: Mapping[str, TopicImage]) -> None:
        """Forget a broker; see :meth:`~chronik.cluster.interfaces.IController.unregister_broker`."""
        key = keys.broker_key(broker_id)
        broker = self.brokers().get(broker_id)
        if broker is None:
            raise KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, f"Broker ID {broker_id} is not currently registered.")
        if not broker.fenced:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Broker {broker_id} is alive and would register again: stop it first.")
        held = next((name for name, topic in topics.items() for state in topic.partitions if broker_id in state.isr), None)
        if held is not None:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Broker {broker_id} is still in sync for topic {held}: reassign its partitions first.")
        await self._writer.write(lambda view: Plan([view.unchanged(key)], [Delete(key)]) if view.get(key) is not None else Plan())


def _with_fenced(view: KeyView, broker_id: int, fenced: bool, epoch: int | None = None) -> Plan:
    """Let a broker count as alive or not.

    :param epoch: nothing is to be done where it is registered under another one; None for any.
    """
    key = keys.broker_key(broker_id)
    value = view.value(key)
    broker = keys.decode_broker(broker_id, value) if value is not None else None
    if broker is None or broker.fenced == fenced or epoch not in (None, broker.epoch):
        return Plan()
    return Plan([view.unchanged(key)], [Put(key, keys.encode_broker(replace(broker, fenced=fenced)))])


def registered(view: KeyView) -> Mapping[int, BrokerImage]:
    """Every broker that is registered, by id."""
    return dict(_read(key, _broker, key, entry.value) for key, entry in view.under(keys.BROKERS).items())


def _broker(key: str, value: bytes) -> tuple[int, BrokerImage]:
    broker_id = int(key.removeprefix(keys.BROKERS))
    return broker_id, keys.decode_broker(broker_id, value)


def _read(key: str, decode: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Decode a value without which no broker can enter the cluster.

    :raises ChronikError: it is damaged.
    """
    try:
        return decode(*args, **kwargs)
    except ValueError as error:
        raise ChronikError(f"the metadata have a {key!r} that cannot be read: {error}. Restore the metadata from a copy") from error
