"""The configuration of a group: Kafka 4.3's keys, all of which belong to its newer group protocols.

Classic consumer groups take their timeouts from the consumer itself. The keys of consumer groups (KIP-848) are effective, within limits that are
the broker's; the others are checked and kept, so that tools that set them work.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from chronik.config.key import ConfigKey, Scope, Synonym
from chronik.config.registry import boolean, integer, registry, stored, string
from chronik.config.validators import Validator, at_least, one_of
from chronik.errors import ConfigurationError

if TYPE_CHECKING:
    from chronik.config.configuration import Configuration

_stored = partial(stored, "Kept for when this group protocol is served; classic groups do not use it.")


def _effective(name: str, default: int, doc: str, low: int) -> ConfigKey:
    return integer(name, default, doc, validator=at_least(low), synonyms=(Synonym(f"group.{name}"),))


_CONSUMER = (
    _effective("consumer.session.timeout.ms", 45_000, "Silence after which a member is out.", 1),
    _effective("consumer.heartbeat.interval.ms", 5_000, "How often members send heartbeats.", 1),
    _effective("consumer.assignment.interval.ms", 1_000, "Least time between two assignments.", 0),
)


def _common(kind: str) -> tuple[ConfigKey, ...]:
    return (
        _stored(integer, f"{kind}.session.timeout.ms", 45_000, "Silence after which a member counts as gone.", at_least(1)),
        _stored(integer, f"{kind}.heartbeat.interval.ms", 5_000, "Time between two heartbeats of a member.", at_least(1)),
        _stored(integer, f"{kind}.assignment.interval.ms", 1_000, "Time between two assignments.", at_least(0)),
    )


_RESETS: Final = Validator(
    "latest, earliest or by_duration:PnDTnHnMn.nS",
    lambda value: value in ("latest", "earliest") or value.startswith("by_duration:P"),
)

_SHARE = (
    _stored(string, "share.auto.offset.reset", "latest", "Where a share group begins.", _RESETS),
    _stored(string, "share.isolation.level", "read_uncommitted", "Which records are seen.", one_of("read_committed", "read_uncommitted")),
    _stored(integer, "share.delivery.count.limit", 5, "Attempts to deliver a record.", at_least(2)),
    _stored(integer, "share.partition.max.record.locks", 2_000, "Records of a partition that may be locked at once.", at_least(100)),
    _stored(integer, "share.record.lock.duration.ms", 30_000, "How long a record stays locked for its reader.", at_least(1_000)),
    _stored(boolean, "share.renew.acknowledge.enable", True, "Whether a reader may renew its locks."),
)

_STREAMS = (
    _stored(integer, "streams.initial.rebalance.delay.ms", 3_000, "Wait for more members before the first assignment.", at_least(0)),
    _stored(integer, "streams.num.standby.replicas", 0, "Standby copies of each task.", at_least(0)),
)

GROUP_KEYS: Final[Mapping[str, ConfigKey]] = registry(
    Scope.GROUP,
    {
        "Consumer groups": _CONSUMER,
        "Share groups": (*_common("share"), *_SHARE),
        "Streams groups": (*_common("streams"), *_STREAMS),
    },
)
"""Every key of a group, by name."""


def check_group_values(values: Mapping[str, str], config: Configuration) -> None:
    """Whether a group may be configured so, beside the rules of each key.

    :param values: what would be set on it.
    :param config: the broker's.
    :raises ConfigurationError: a value is not within the broker's limits, or sessions end before the next heartbeat. The words are Kafka's.
    """
    for key in _CONSUMER:
        kind, _, rest = key.name.partition(".")
        low, high = f"group.{kind}.min.{rest}", f"group.{kind}.max.{rest}"
        if key.name in values:
            if int(values[key.name]) < config.get(low):
                raise ConfigurationError(f"{key.name} must be greater than or equal to {low}")
            if int(values[key.name]) > config.get(high):
                raise ConfigurationError(f"{key.name} must be less than or equal to {high}")
    session, heartbeat = (int(values.get(f"consumer.{name}", config.get(f"group.consumer.{name}"))) for name in _ORDERED)
    if session <= heartbeat:
        raise ConfigurationError("consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms")


_ORDERED: Final = ("session.timeout.ms", "heartbeat.interval.ms")


def check_group_limits(config: Configuration) -> None:
    """Whether the broker's own values are within its limits, and these in order.

    :raises ConfigurationError: they are not.
    """
    for key in _CONSUMER:
        kind, _, rest = key.name.partition(".")
        low, high, own = f"group.{kind}.min.{rest}", f"group.{kind}.max.{rest}", f"group.{key.name}"
        if config.get(high) < config.get(low):
            raise ConfigurationError(f"{high} must be greater than or equal to {low}")
        if not config.get(low) <= config.get(own) <= config.get(high):
            raise ConfigurationError(f"{own}={config.get(own)} must be between {low}={config.get(low)} and {high}={config.get(high)}")
    session, heartbeat = (f"group.consumer.{name}" for name in _ORDERED)
    if config.get(session) <= config.get(heartbeat):
        raise ConfigurationError(f"{heartbeat} must be less than {session}")
