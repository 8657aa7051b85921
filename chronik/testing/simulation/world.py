"""What faults are made to: a cluster, its network and its clients, and what may be going on there when a fault comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from chronik.model import TopicId
from chronik.testing.simulation.brokers import SimulatedBroker
from chronik.testing.simulation.flips import Flip
from chronik.testing.simulation.ledger import Ledger
from chronik.testing.simulation.network import Host, Network
from chronik.testing.simulation.timeline import Timeline

if TYPE_CHECKING:
    from chronik.testing.simulation.access import Access


class World(Protocol):
    """What faults are made to."""

    @property
    def timeline(self) -> Timeline:
        """Its time."""

    @property
    def network(self) -> Network:
        """Its network."""

    @property
    def brokers(self) -> list[SimulatedBroker]:
        """All of them."""

    @property
    def clients(self) -> list[Host]:
        """Where clients are."""

    @property
    def ledger(self) -> Ledger:
        """What clients note."""

    @property
    def access(self) -> Access | None:
        """Who may do what; None where everybody may do everything."""

    @property
    def kept(self) -> frozenset[TopicId]:
        """Topics that are there to the end."""

    @property
    def kept_down(self) -> set[int]:
        """Brokers that nobody starts again, for now."""

    async def inspect(self, flip: Flip) -> None:
        """Read where a bit was flipped."""

    def controller(self) -> int:
        """Who is the controller, by broker id; -1 for nobody."""

    def leaders(self) -> list[int]:
        """Who leads, once for each partition."""

    def spares(self, broker_id: int) -> bool:
        """Whether others, who serve and count as alive, have all that is committed of what a broker has."""


_CHANGES: Final = ("CreateTopics", "DeleteTopics", "CreatePartitions", "IncrementalAlterConfigs", "DeleteRecords", "InitProducerId")
_JOINS: Final = ("JoinGroup", "SyncGroup", "ConsumerGroupHeartbeat", "LeaveGroup")

STATES: Final[Mapping[str, Callable[[World, SimulatedBroker], bool]]] = {
    "starting": lambda world, broker: broker.phase == "starting",
    "stopping": lambda world, broker: broker.phase == "stopping",
    "flushing": lambda world, broker: broker.phase == "serving" and broker.flushing,
    "producing": lambda world, broker: broker.phase == "serving" and world.ledger.under_way["Produce"] > 0,
    "fetching": lambda world, broker: broker.phase == "serving" and world.ledger.under_way["Fetch"] > 0,
    "committing": lambda world, broker: broker.phase == "serving" and world.ledger.under_way["OffsetCommit"] > 0,
    "joining": lambda world, broker: broker.phase == "serving" and any(world.ledger.under_way[kind] for kind in _JOINS),
    "searching": lambda world, broker: broker.phase == "serving" and world.ledger.under_way["Search"] > 0,
    "administering": lambda world, broker: broker.phase == "serving" and any(world.ledger.under_way[kind] for kind in _CHANGES),
}
"""What may be going on when a fault comes; several at a time."""

ANOTHER: Final = "another fault"
"""One state more: another fault lasts."""
