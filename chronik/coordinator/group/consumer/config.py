"""What consumer groups go by: the broker's keys, and what is set on a group."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chronik.config.broker_group_keys import ASSIGNOR_NAMES
from chronik.config.group_keys import check_group_limits

if TYPE_CHECKING:
    from chronik.config import Configuration
    from chronik.metadata.image import MetadataImage


class MigrationPolicy(enum.Enum):
    """Which way groups with members may change from one protocol to the other."""

    DISABLED = "disabled"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    BIDIRECTIONAL = "bidirectional"

    @property
    def upgrades(self) -> bool:
        """Whether a classic group becomes a consumer group when a member of the newer protocol joins."""
        return self in (MigrationPolicy.UPGRADE, MigrationPolicy.BIDIRECTIONAL)

    @property
    def downgrades(self) -> bool:
        """Whether a consumer group becomes a classic one when its last member of the newer protocol leaves."""
        return self in (MigrationPolicy.DOWNGRADE, MigrationPolicy.BIDIRECTIONAL)


@dataclass(frozen=True, slots=True)
class ConsumerConfig:
    """Settings; the pairs are ``(least, most)`` of what may be set on a group. All times are ms.

    :ivar enabled: whether the newer protocol is served.
    :ivar assignors: by name; the first is the default.
    """

    enabled: bool = True
    session_timeout_ms: int = 45_000
    session_timeout_range_ms: tuple[int, int] = (45_000, 60_000)
    heartbeat_interval_ms: int = 5_000
    heartbeat_interval_range_ms: tuple[int, int] = (5_000, 15_000)
    assignment_interval_ms: int = 1_000
    assignment_interval_range_ms: tuple[int, int] = (0, 15_000)
    pattern_refresh_interval_ms: int = 600_000
    size_max: int = 2**31 - 1
    assignors: tuple[str, ...] = ("uniform", "range")
    migration: MigrationPolicy = MigrationPolicy.BIDIRECTIONAL

    @classmethod
    def of(cls, config: Configuration) -> ConsumerConfig:
        """The settings of a broker.

        :raises ConfigurationError: they contradict each other.
        """
        check_group_limits(config)

        def limits(name: str) -> tuple[int, int]:
            return config.get(f"group.consumer.min.{name}"), config.get(f"group.consumer.max.{name}")

        return cls(
            enabled="consumer" in config.get("group.coordinator.rebalance.protocols"),
            session_timeout_ms=config.get("group.consumer.session.timeout.ms"),
            session_timeout_range_ms=limits("session.timeout.ms"),
            heartbeat_interval_ms=config.get("group.consumer.heartbeat.interval.ms"),
            heartbeat_interval_range_ms=limits("heartbeat.interval.ms"),
            assignment_interval_ms=config.get("group.consumer.assignment.interval.ms"),
            assignment_interval_range_ms=limits("assignment.interval.ms"),
            pattern_refresh_interval_ms=config.get("group.consumer.regex.refresh.interval.ms"),
            size_max=config.get("group.consumer.max.size"),
            assignors=tuple(dict.fromkeys(ASSIGNOR_NAMES[name] for name in config.get("group.consumer.assignors"))),
            migration=MigrationPolicy(config.get("group.consumer.migration.policy").lower()),
        )


class GroupSettings:
    """What each group goes by now: its own configuration within the broker's limits, else the broker's.

    :param image: the metadata, which has the groups' configuration.
    :param broker: the broker's configuration as of now, of which the interval between assignments may change at run time; None where nothing does.
    """

    def __init__(self, config: ConsumerConfig, image: Callable[[], MetadataImage], broker: Callable[[], Configuration] | None = None) -> None:
        self.config = config
        self._image = image
        self._broker = broker

    def session_timeout_ms(self, group_id: str) -> int:
        """Silence after which a member is out."""
        return self._own(group_id, "consumer.session.timeout.ms", self.config.session_timeout_ms, self.config.session_timeout_range_ms)

    def heartbeat_interval_ms(self, group_id: str) -> int:
        """How often members are told to send heartbeats."""
        return self._own(group_id, "consumer.heartbeat.interval.ms", self.config.heartbeat_interval_ms, self.config.heartbeat_interval_range_ms)

    def assignment_interval_ms(self, group_id: str) -> int:
        """The least time between two target assignments."""
        default = self.config.assignment_interval_ms if self._broker is None else self._broker().get("group.consumer.assignment.interval.ms")
        return self._own(group_id, "consumer.assignment.interval.ms", default, self.config.assignment_interval_range_ms)

    def _own(self, group_id: str, name: str, default: int, limits: tuple[int, int]) -> int:
        configs: Mapping[str, str] = self._image().configs.get(f"group/{group_id}", {})
        text = configs.get(name)
        # What was set under other limits of the broker is brought within those it has now.
        return default if text is None else min(max(int(text), limits[0]), limits[1])
