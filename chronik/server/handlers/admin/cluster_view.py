"""Brokers and partitions as the client of one session sees them: through the listener it came by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chronik.errors import ErrorCode
from chronik.metadata.image import BrokerImage, Endpoint, MetadataImage, PartitionState, TopicImage
from chronik.network.interfaces import Session
from chronik.server.handlers.leaders import endpoint_for


@dataclass(frozen=True, slots=True)
class PartitionView:
    """One partition; ``error`` when its leader cannot be reached from here."""

    error: ErrorCode
    leader: int
    state: PartitionState
    offline: tuple[int, ...]


class ClusterView:
    """The image, seen by one session."""

    def __init__(self, image: MetadataImage, session: Session) -> None:
        self.image = image
        self._endpoints: dict[int, Endpoint] = {}
        for broker in image.brokers.values():
            endpoint = endpoint_for(image, broker.broker_id, session)
            if endpoint is not None and not broker.fenced:
                self._endpoints[broker.broker_id] = endpoint

    @property
    def controller_id(self) -> int:
        """The controller, -1 when it cannot be reached from here."""
        return self.image.controller_id if self.image.controller_id in self._endpoints else -1

    def brokers(self) -> Iterator[tuple[BrokerImage, Endpoint]]:
        """Those alive and on this listener, by id."""
        for broker_id in sorted(self._endpoints):
            yield self.image.brokers[broker_id], self._endpoints[broker_id]

    def partitions(self, topic: TopicImage) -> Iterator[tuple[int, PartitionView]]:
        """A topic's partitions by number."""
        for number, state in enumerate(topic.partitions):
            offline = tuple(broker_id for broker_id in state.replicas if broker_id not in self._endpoints)
            yield number, PartitionView(self._error(state), self._leader(state), state, offline)

    def _leader(self, state: PartitionState) -> int:
        return state.leader if state.leader in self._endpoints else -1

    def _error(self, state: PartitionState) -> ErrorCode:
        if state.leader in self._endpoints:
            return ErrorCode.NONE
        broker = self.image.brokers.get(state.leader)
        if broker is None or broker.fenced:
            return ErrorCode.LEADER_NOT_AVAILABLE
        return ErrorCode.LISTENER_NOT_FOUND
