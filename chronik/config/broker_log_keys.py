"""Broker keys of the log. Most give a topic key its default: see the synonyms in :mod:`chronik.config.topic_keys`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from chronik.config.key import ConfigKey, Effect, Importance, UpdateMode
from chronik.config.registry import boolean, integer, items, long
from chronik.config.topic_keys import TOPIC_KEYS
from chronik.config.validators import NON_EMPTY, at_least, between
from chronik.config.values import LONG_MAX

_HIGH: Final = Importance.HIGH
_CLUSTER: Final = UpdateMode.CLUSTER_WIDE

_UNSET_BY_DEFAULT: Final = {"log.retention.ms", "log.roll.ms", "log.roll.jitter.ms", "log.flush.interval.ms"}
"""Kafka leaves these unset so that the coarser unit below counts."""


def _defaults_of_topics() -> Iterator[ConfigKey]:
    """The broker key of the same type and rule for each topic key that has one."""
    for key in TOPIC_KEYS.values():
        if key.synonyms:
            name = key.synonyms[0].name
            default = None if name in _UNSET_BY_DEFAULT else key.default
            doc = key.doc if name == key.name else f"What topics have that do not set {key.name}. {key.doc}"
            yield ConfigKey(name, key.type, default, doc, importance=_HIGH, mode=_CLUSTER, effect=key.effect, validator=key.validator)


def _coarser(name: str, default: int | None, finer: str, low: int | None = None) -> ConfigKey:
    more: dict[str, Any] = {} if low is None else {"validator": at_least(low)}
    return integer(name, default, f"Counts where {finer} is not set.", importance=_HIGH, **more)


LOG_KEYS: Final = (
    items(
        "log.dirs",
        ("./chronik-data",),
        "Directories that hold the log; partitions are spread over them.",
        importance=_HIGH,
        validator=NON_EMPTY,
    ),
    *_defaults_of_topics(),
    _coarser("log.retention.minutes", None, "log.retention.ms"),
    _coarser("log.retention.hours", 168, "log.retention.minutes"),
    _coarser("log.roll.hours", 168, "log.roll.ms", 1),
    _coarser("log.roll.jitter.hours", 0, "log.roll.jitter.ms", 0),
    long("log.flush.scheduler.interval.ms", LONG_MAX, "Counts where log.flush.interval.ms is not set.", importance=_HIGH),
    integer(
        "log.flush.offset.checkpoint.interval.ms",
        60_000,
        "Time between two notes of how far the log is flushed; recovery begins there.",
        importance=_HIGH,
        validator=at_least(0),
    ),
    integer(
        "log.flush.start.offset.checkpoint.interval.ms",
        60_000,
        "Time between two notes of where the log starts. Kept: it is noted together with how far the log is flushed.",
        importance=_HIGH,
        effect=Effect.STORED,
        validator=at_least(0),
    ),
    long("log.retention.check.interval.ms", 300_000, "Time between two searches for data past retention.", validator=at_least(1)),
    integer(
        "producer.id.expiration.ms", 86_400_000, "Silence after which an idempotent producer is forgotten.", mode=_CLUSTER, validator=at_least(1)
    ),
    integer(
        "producer.id.expiration.check.interval.ms", 600_000, "Time between two searches for producers to be forgotten.", validator=at_least(1)
    ),
    integer(
        "num.recovery.threads.per.data.dir",
        2,
        "How many logs of a directory are opened, and recovered, at a time when the broker starts; a change counts from the next start on.",
        importance=_HIGH,
        mode=_CLUSTER,
        validator=between(1, 64),
    ),
    integer(
        "log.dir.slow.ms",
        2_000,
        "Time after which a write or sync that has not returned makes its log directory slow; two such within a minute do too. The state is told by "
        "health and metrics.",
        validator=at_least(1),
    ),
    integer(
        "log.dir.offline.ms",
        120_000,
        "Time after which a write or sync that has not returned takes its log directory offline; -1 waits for ever.",
        validator=at_least(-1),
    ),
    integer(
        "log.scrub.bytes.per.second",
        1 << 20,
        "Bytes a second of each log directory's closed segments that are compared with their CRCs, to find damage before a reader does; 0 for none.",
        validator=between(0, 1 << 30),
    ),
    long(
        "log.scrub.interval.ms",
        7 * 86_400_000,
        "How long a segment is left alone after its CRCs were compared.",
        validator=at_least(0),
    ),
    boolean("log.cleaner.enable", True, "Kept for when the log compacts.", effect=Effect.STORED),
)
"""Every broker key of the log."""
