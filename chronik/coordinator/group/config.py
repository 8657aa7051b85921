"""What the group coordinator goes by; the names are Kafka's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chronik.coordinator.group.consumer.config import ConsumerConfig

if TYPE_CHECKING:
    from chronik.config import Configuration


@dataclass(frozen=True, slots=True)
class GroupConfig:
    """Settings; ``_ms`` are milliseconds, ``_bytes`` bytes.

    :ivar partitions: of the topic that holds the groups, where it has to be created.
    :ivar consumer: of groups of the newer protocol.
    """

    initial_rebalance_delay_ms: int = 0
    session_timeout_min_ms: int = 6_000
    session_timeout_max_ms: int = 1_800_000
    size_max: int = 2**31 - 1
    metadata_bytes_max: int = 4096
    retention_ms: int = 7 * 86_400_000
    retention_check_ms: int = 600_000
    partitions: int = 50
    replication_factor: int = 1
    segment_bytes: int = 100 << 20
    consumer: ConsumerConfig = field(default_factory=ConsumerConfig)

    @classmethod
    def of(cls, config: Configuration) -> GroupConfig:
        """The settings of a broker."""
        return cls(
            initial_rebalance_delay_ms=config.get("group.initial.rebalance.delay.ms"),
            session_timeout_min_ms=config.get("group.min.session.timeout.ms"),
            session_timeout_max_ms=config.get("group.max.session.timeout.ms"),
            size_max=config.get("group.max.size"),
            metadata_bytes_max=config.get("offset.metadata.max.bytes"),
            retention_ms=config.get("offsets.retention.minutes") * 60_000,
            retention_check_ms=config.get("offsets.retention.check.interval.ms"),
            partitions=config.get("offsets.topic.num.partitions"),
            replication_factor=config.get("offsets.topic.replication.factor"),
            segment_bytes=config.get("offsets.topic.segment.bytes"),
            consumer=ConsumerConfig.of(config),
        )
