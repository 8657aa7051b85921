"""Where a client should go instead: leader hints in answers that refuse (KIP-951)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chronik.errors import ErrorCode
from chronik.metadata.image import Endpoint, MetadataImage
from chronik.network.interfaces import Session

_MOVED: Final = frozenset({ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH})


def endpoint_for(image: MetadataImage, broker_id: int, session: Session) -> Endpoint | None:
    """Where the session's client reaches a broker, on the listener it came through. A host left open is the one it reached us on."""
    broker = image.brokers.get(broker_id)
    endpoint = None if broker is None else broker.endpoints.get(session.listener)
    if endpoint is None or endpoint.host:
        return endpoint
    return Endpoint(session.local_host, endpoint.port, endpoint.protocol)


@dataclass(frozen=True, slots=True)
class Node:
    """A broker that hints name."""

    node_id: int
    host: str
    port: int
    rack: str | None


class LeaderHints:
    """Collects the leaders that one answer names.

    :ivar nodes: the brokers named so far, for the answer's ``node_endpoints``.
    """

    __slots__ = ("_image", "_session", "nodes")

    def __init__(self, image: MetadataImage, session: Session) -> None:
        self._image = image
        self._session = session
        self.nodes: dict[int, Node] = {}

    def after(self, code: ErrorCode, topic: str, partition: int) -> tuple[int, int]:
        """``(broker id, leader epoch)`` to tell beside ``code``; ``(-1, -1)`` unless the partition moved to a leader that is known."""
        if code not in _MOVED:
            return -1, -1
        found = self._image.topics.get(topic)
        if found is None or not 0 <= partition < len(found.partitions):
            return -1, -1
        state = found.partitions[partition]
        endpoint = endpoint_for(self._image, state.leader, self._session)
        if endpoint is None:
            return -1, -1
        self.nodes[state.leader] = Node(state.leader, endpoint.host, endpoint.port, self._image.brokers[state.leader].rack)
        return state.leader, state.leader_epoch
