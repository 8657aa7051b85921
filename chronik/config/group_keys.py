"""The configuration of a group: Kafka 4.3's keys, all of which belong to its newer group protocols.

Classic consumer groups take their timeouts from the consumer itself. The keys are checked and kept, so that tools that set them work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from chronik.config.key import ConfigKey, Effect, Scope
from chronik.config.registry import boolean, integer, registry, string
from chronik.config.validators import Validator, at_least, one_of

_KEPT: Final = "Kept for when this group protocol is served; classic groups do not use it."


def _stored(make: Callable[..., ConfigKey], name: str, default: Any, doc: str, validator: Validator | None = None) -> ConfigKey:
    return make(name, default, f"{doc} {_KEPT}", effect=Effect.STORED, validator=validator)


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
        "Consumer groups": _common("consumer"),
        "Share groups": (*_common("share"), *_SHARE),
        "Streams groups": (*_common("streams"), *_STREAMS),
    },
)
"""Every key of a group, by name."""
