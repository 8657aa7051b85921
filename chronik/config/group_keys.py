"""The configuration of a group: Kafka 4.3's keys, all of which belong to its newer group protocols.

Classic consumer groups take their timeouts from the consumer itself. The keys of consumer groups (KIP-848) are effective, within limits that are
the broker's; the others are checked and kept, so that tools that set them work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from chronik.config.key import ConfigKey, Scope, Synonym
from chronik.config.registry import boolean, integer, registry, stored, string
from chronik.config.validators import Validator, at_least, one_of
from chronik.errors import ConfigurationError

if TYPE_CHECKING:
    from chronik.config.configuration import Configuration

_stored = partial(stored, "Kept for when this group protocol is served; classic groups do not use it.")
_SESSION: Final = "session.timeout.ms"
_HEARTBEAT: Final = "heartbeat.interval.ms"


def _of_broker(key: ConfigKey) -> ConfigKey:
    """A key whose default is a key of the broker."""
    return replace(key, synonyms=(Synonym(f"group.{key.name}"),))


def _common(kind: str, make: Callable[..., ConfigKey]) -> tuple[ConfigKey, ...]:
    return (
        make(f"{kind}.{_SESSION}", 45_000, "Silence after which a member is out.", validator=at_least(1)),
        make(f"{kind}.{_HEARTBEAT}", 5_000, "How often members send heartbeats.", validator=at_least(1)),
        make(f"{kind}.assignment.interval.ms", 1_000, "Least time between two assignments.", validator=at_least(0)),
    )


_CONSUMER = tuple(map(_of_broker, _common("consumer", integer)))

_RESETS: Final = Validator(
    "latest, earliest or by_duration:PnDTnHnMn.nS",
    lambda value: value in ("latest", "earliest") or value.startswith("by_duration:P"),
)

_LIMITED_SHARE = (
    *_common("share", partial(_stored, integer)),
    _stored(integer, "share.delivery.count.limit", 5, "Attempts to deliver a record.", at_least(2)),
    _stored(integer, "share.partition.max.record.locks", 2_000, "Records of a partition that may be locked at once.", at_least(100)),
    _stored(integer, "share.record.lock.duration.ms", 30_000, "How long a record stays locked for its reader.", at_least(1_000)),
)

_SHARE = (
    *map(_of_broker, _LIMITED_SHARE),
    _stored(string, "share.auto.offset.reset", "latest", "Where a share group begins.", _RESETS),
    _stored(string, "share.isolation.level", "read_uncommitted", "Which records are seen.", one_of("read_committed", "read_uncommitted")),
    _stored(boolean, "share.renew.acknowledge.enable", True, "Whether a reader may renew its locks."),
)

_STREAMS = tuple(
    map(
        _of_broker,
        (
            *_common("streams", partial(_stored, integer)),
            _stored(integer, "streams.initial.rebalance.delay.ms", 3_000, "Wait for more members before the first assignment.", at_least(0)),
            _stored(integer, "streams.num.standby.replicas", 0, "Standby copies of each task.", at_least(0)),
        ),
    )
)

GROUP_KEYS: Final[Mapping[str, ConfigKey]] = registry(
    Scope.GROUP,
    {
        "Consumer groups": _CONSUMER,
        "Share groups": _SHARE,
        "Streams groups": _STREAMS,
    },
)
"""Every key of a group, by name."""


def _limits(name: str) -> tuple[str, str]:
    kind, _, rest = name.partition(".")
    return f"group.{kind}.min.{rest}", f"group.{kind}.max.{rest}"


_LIMITS: Final[Mapping[str, tuple[str | None, str]]] = {
    **{key.name: _limits(key.name) for key in (*_CONSUMER, *_LIMITED_SHARE, *_common("streams", integer))},
    "streams.num.standby.replicas": (None, "group.streams.max.standby.replicas"),
}
"""The broker's keys that say how little and how much may be set on a group."""

_KINDS: Final = ("consumer", "share", "streams")


def check_group_values(values: Mapping[str, str], config: Configuration) -> None:
    """Whether a group may be configured so, beside the rules of each key.

    :param values: what would be set on it.
    :param config: the broker's.
    :raises ConfigurationError: a value is not within the broker's limits, or sessions end before the next heartbeat. The words are Kafka's.
    """
    for name, (low, high) in _LIMITS.items():
        if name not in values:
            continue
        if low is not None and int(values[name]) < config.get(low):
            raise ConfigurationError(f"{name} must be greater than or equal to {low}")
        if int(values[name]) > config.get(high):
            raise ConfigurationError(f"{name} must be less than or equal to {high}")
    for kind in _KINDS:
        session, heartbeat = (int(values.get(f"{kind}.{name}", config.get(f"group.{kind}.{name}"))) for name in (_SESSION, _HEARTBEAT))
        if session <= heartbeat:
            raise ConfigurationError(f"{kind}.{_SESSION} must be greater than {kind}.{_HEARTBEAT}")


def check_group_limits(config: Configuration) -> None:
    """Whether the broker's own values are within its limits, and these in order.

    :raises ConfigurationError: they are not.
    """
    for name, (low, high) in _LIMITS.items():
        own = f"group.{name}"
        if low is not None and config.get(high) < config.get(low):
            raise ConfigurationError(f"{high} must be greater than or equal to {low}")
        if low is not None and not config.get(low) <= config.get(own) <= config.get(high):
            raise ConfigurationError(f"{own}={config.get(own)} must be between {low}={config.get(low)} and {high}={config.get(high)}")
        if config.get(own) > config.get(high):
            raise ConfigurationError(f"{own}={config.get(own)} must not be more than {high}={config.get(high)}")
    for kind in _KINDS:
        session, heartbeat = f"group.{kind}.{_SESSION}", f"group.{kind}.{_HEARTBEAT}"
        if config.get(session) <= config.get(heartbeat):
            raise ConfigurationError(f"{heartbeat} must be less than {session}")
