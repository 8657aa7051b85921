"""The broker's keys for groups of Kafka's newer protocols: what a group has that sets nothing, and within which limits it may be set.

Share groups and streams groups are not served. What is set on one is checked and kept all the same, so its limits count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from chronik.config.key import ConfigKey, Effect, UpdateMode
from chronik.config.registry import integer, items, string
from chronik.config.validators import at_least, some_of, word_of
from chronik.config.values import INT_MAX

ASSIGNOR_NAMES: Final[Mapping[str, str]] = {
    "uniform": "uniform",
    "range": "range",
    "org.apache.kafka.coordinator.group.assignor.UniformAssignor": "uniform",
    "org.apache.kafka.coordinator.group.assignor.RangeAssignor": "range",
}
"""What may be written for the assignors there are: their names, and those of Kafka's classes, which older files have."""


def _limited(kind: str, name: str, default: int, limits: tuple[int, int], doc: str, least: int = 1, **more: Any) -> Iterator[ConfigKey]:
    """A default, and between what a group may set it."""
    yield integer(f"group.{kind}.{name}", default, doc, validator=at_least(least), **more)
    yield integer(f"group.{kind}.min.{name}", limits[0], f"Least {kind}.{name} of a group.", validator=at_least(least))
    yield integer(f"group.{kind}.max.{name}", limits[1], f"Largest {kind}.{name} of a group.", validator=at_least(least))


def _common(kind: str, members: str, told: Callable[[str], str], **more: Any) -> Iterator[ConfigKey]:
    """What groups of all kinds have.

    :param told: makes the documentation of a default.
    """
    yield from _limited(kind, "session.timeout.ms", 45_000, (45_000, 60_000), told(f"Silence after which {members} is out."), **more)
    yield from _limited(kind, "heartbeat.interval.ms", 5_000, (5_000, 15_000), told(f"How often {members} sends heartbeats."), **more)
    doc = told(f"Least time between two assignments of a {kind} group.")
    yield from _limited(kind, "assignment.interval.ms", 1_000, (0, 15_000), doc, 0, mode=UpdateMode.CLUSTER_WIDE, **more)


CONSUMER_GROUP_KEYS: Final = (
    *_common("consumer", "a member of the consumer protocol", str),
    integer("group.consumer.max.size", INT_MAX, "Most members of a group of the consumer protocol.", validator=at_least(1)),
    items(
        "group.consumer.assignors",
        ("uniform", "range"),
        "Assignors that members may ask for. The first is that of members who ask for none.",
        validator=some_of(*ASSIGNOR_NAMES),
    ),
    string(
        "group.consumer.migration.policy",
        "bidirectional",
        "Whether a group with members may change from the classic protocol to the consumer protocol (upgrade), back (downgrade), both or neither.",
        validator=word_of("bidirectional", "downgrade", "upgrade", "disabled"),
    ),
    integer(
        "group.consumer.regex.refresh.interval.ms",
        600_000,
        "How often regular expressions of subscriptions are compared with all topics. With new ones they are within seconds.",
        validator=at_least(10_000),
    ),
)


def _kept(doc: str) -> str:
    return f"{doc} Told of groups that set nothing; kept for when this group protocol is served."


_STORED: Final = Effect.STORED

SHARE_GROUP_KEYS: Final = (
    *_common("share", "a member of a share group", _kept, effect=_STORED),
    *_limited("share", "delivery.count.limit", 5, (2, 10), _kept("Attempts to deliver a record."), 2, effect=_STORED),
    *_limited(
        "share", "partition.max.record.locks", 2_000, (100, 4_000), _kept("Records of a partition that may be locked at once."), 100, effect=_STORED
    ),
    *_limited(
        "share", "record.lock.duration.ms", 30_000, (15_000, 60_000), _kept("How long a record stays locked for its reader."), 1_000, effect=_STORED
    ),
)

STREAMS_GROUP_KEYS: Final = (
    *_common("streams", "a member of a streams group", _kept, effect=_STORED),
    integer("group.streams.num.standby.replicas", 0, _kept("Standby copies of each task."), effect=_STORED, validator=at_least(0)),
    integer("group.streams.max.standby.replicas", 2, "Largest streams.num.standby.replicas of a group.", validator=at_least(0)),
    integer(
        "group.streams.initial.rebalance.delay.ms",
        3_000,
        _kept("Wait for more members before the first assignment."),
        effect=_STORED,
        validator=at_least(0),
    ),
)
