"""The image: what the cluster looks like at one revision, immutable, read by everyone.

:mod:`chronik.metadata.feed` builds each image from the one before and a store's revision.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

from chronik.model import NO_EPOCH, TopicId
from chronik.security.interfaces import SecurityDelta, SecurityImage

K = TypeVar("K")
V = TypeVar("V")

NO_LEADER = -1

QuotaEntity: TypeAlias = "tuple[tuple[str, str | None], ...]"
"""Whom a quota is set on: kinds and names, in the order user, client id, address; None for those that have none of their own."""

USER: Final = "user"
CLIENT_ID: Final = "client-id"
IP: Final = "ip"
"""Kinds of parts of a quota's entity, by Kafka's names."""

PRODUCER_BYTE_RATE: Final = "producer_byte_rate"
CONSUMER_BYTE_RATE: Final = "consumer_byte_rate"
REQUEST_PERCENTAGE: Final = "request_percentage"
CONTROLLER_MUTATION_RATE: Final = "controller_mutation_rate"
CONNECTION_CREATION_RATE: Final = "connection_creation_rate"
"""What quotas limit, by Kafka's names: bytes, percent of a thread, partitions and connections a second."""


def _empty() -> Mapping[K, V]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PartitionState:
    """Who keeps one partition.

    :ivar leader: broker id, or :data:`NO_LEADER`.
    :ivar leader_epoch: grows with each change of leader and each unclean start of it.
    :ivar isr: replicas that are in sync with the leader, in the order of ``replicas``.
    :ivar partition_epoch: grows with every change of this state (KIP-497).
    :ivar elr: replicas that are not in sync any more, and yet have all that is committed: nothing was since too few are in sync (KIP-966).
    :ivar adding: those of ``replicas`` that are there because of a reassignment under way (KIP-455).
    :ivar removing: those of ``replicas`` that go when it is done.
    """

    leader: int
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    partition_epoch: int = 0
    elr: tuple[int, ...] = ()
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicImage:
    """One topic; ``partitions[n]`` is partition ``n``. ``configs`` holds what was set on the topic itself."""

    name: str
    topic_id: TopicId
    partitions: tuple[PartitionState, ...]
    configs: Mapping[str, str] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a broker's listener is reached; an empty host means: at the address that the asker reached it on."""

    host: str
    port: int
    protocol: str = "PLAINTEXT"


@dataclass(frozen=True, slots=True)
class BrokerImage:
    """One registered broker. ``endpoints`` is by listener name."""

    broker_id: int
    epoch: int
    endpoints: Mapping[str, Endpoint]
    rack: str | None = None
    fenced: bool = False


@dataclass(frozen=True, slots=True)
class MetadataImage:
    """The cluster at ``revision``.

    :ivar controller_id: the broker that holds the controller key, -1 for none.
    :ivar configs: dynamic configuration: by resource (``broker/``: the cluster-wide default, ``broker/1``, ``group/g``), then by key.
    :ivar quotas: limits by whom they are set on.
    :ivar features: levels of features that were chosen; see :mod:`chronik.cluster.features`.
    :ivar deleted: ids of topics that were deleted, the latest thousand of them.
    :ivar security: access control lists, roles, credentials and tokens.
    """

    revision: int = 0
    cluster_id: str = ""
    controller_id: int = -1
    controller_epoch: int = NO_EPOCH
    brokers: Mapping[int, BrokerImage] = field(default_factory=_empty)
    topics: Mapping[str, TopicImage] = field(default_factory=_empty)
    names: Mapping[TopicId, str] = field(default_factory=_empty)
    configs: Mapping[str, Mapping[str, str]] = field(default_factory=_empty)
    features: Mapping[str, int] = field(default_factory=_empty)
    quotas: Mapping[QuotaEntity, Mapping[str, float]] = field(default_factory=_empty)
    deleted: AbstractSet[TopicId] = frozenset()
    security: SecurityImage = field(default_factory=SecurityImage)

    def topic_by_id(self, topic_id: bytes) -> TopicImage | None:
        """The topic of this id, or None."""
        name = self.names.get(TopicId(topic_id))
        return None if name is None else self.topics.get(name)


@dataclass(frozen=True, slots=True)
class ImageDelta:
    """What is different between two images.

    :ivar deleted: topics that are gone, as they were. A topic deleted and created again under its name is in both ``deleted`` and ``changed``.
    :ivar changed: names of topics that are new or different.
    :ivar configs: resources whose dynamic configuration is different.
    :ivar brokers: whether brokers or the controller are different.
    :ivar security: what is different in access control lists, roles, credentials and tokens.
    """

    deleted: tuple[TopicImage, ...] = ()
    changed: AbstractSet[str] = frozenset()
    configs: AbstractSet[str] = frozenset()
    brokers: bool = False
    security: SecurityDelta = field(default_factory=SecurityDelta)
