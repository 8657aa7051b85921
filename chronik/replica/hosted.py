"""One partition that a broker keeps, and what its topic's configuration says to this layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chronik.errors import KafkaError
    from chronik.model import TopicId, TopicPartition
    from chronik.replica.follower import Follower
    from chronik.replica.partition import Partition
    from chronik.storage.interfaces import IPartitionLog


class TopicSettings(Protocol):
    """What a topic's effective configuration says to this layer."""

    @property
    def log_config(self) -> Any:
        """The :class:`~chronik.storage.config.LogConfig`."""

    @property
    def min_insync_replicas(self) -> int:
        """``min.insync.replicas``."""


@dataclass(slots=True, eq=False)
class Hosted:
    """One partition placed here, led (``partition``) or followed (``follower``), or neither while nobody leads it.

    :ivar existing: it was when the broker started.
    :ivar trying: it could not be opened, and is tried again.
    :ivar log: None until it is open, and again once its disk failed; ``error`` says why.
    :ivar busy: what came from an earlier leader is still being done to its log.
    :ivar moving: another log is about to take the place of its log: it is neither led nor followed.
    :ivar high_watermark: what was known to be committed when it was led or followed last.
    :ivar waiting: told when it is open, or why it is not.
    """

    topic_partition: TopicPartition
    topic_id: TopicId
    existing: bool = False
    trying: bool = False
    log: IPartitionLog | None = None
    partition: Partition | None = None
    follower: Follower | None = None
    busy: bool = False
    moving: bool = False
    error: KafkaError | None = None
    high_watermark: int = 0
    waiting: list[Deferred[None]] = field(default_factory=list)
