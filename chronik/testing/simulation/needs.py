"""What each client of a simulation must be allowed, and no more; as Kafka's table of operations has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from chronik.security.interfaces import CLUSTER_NAME, Operation, ResourceType
from chronik.testing.simulation.cast import CLASSIC, EVENTS, GROWING, MODERN, NOMAD, READERS, SIMPLE, TOPICS, TRIMMED, WRITERS


class Need(NamedTuple):
    """One operation on one resource."""

    operation: Operation
    resource_type: ResourceType
    name: str


def _on_topic(name: str, *operations: Operation) -> list[Need]:
    return [Need(operation, ResourceType.TOPIC, name) for operation in operations]


def _on_group(name: str, *operations: Operation) -> list[Need]:
    return [Need(operation, ResourceType.GROUP, name) for operation in operations]


def _on_cluster(*operations: Operation) -> list[Need]:
    return [Need(operation, ResourceType.CLUSTER, CLUSTER_NAME) for operation in operations]


NEEDS: Final = {
    "seeker": [need for topic in TOPICS for need in _on_topic(topic, Operation.DESCRIBE)],
    "inspector": [need for topic in TOPICS for need in _on_topic(topic, Operation.READ)],
    "librarian": _on_topic(GROWING, Operation.ALTER, Operation.ALTER_CONFIGS),
    "trimmer": _on_topic(TRIMMED, Operation.READ, Operation.DELETE),
    "nomad": _on_topic(NOMAD, Operation.CREATE, Operation.READ, Operation.WRITE, Operation.DELETE),
    "mover": _on_cluster(Operation.ALTER),
    "steward": _on_topic(TRIMMED, Operation.ALTER_CONFIGS),
    "porter": _on_cluster(Operation.ALTER, Operation.DESCRIBE),
    "clerk": [*_on_topic(EVENTS, Operation.READ), *_on_group(SIMPLE, Operation.READ, Operation.DELETE)],
    "onlooker": [*_on_topic(EVENTS, Operation.DESCRIBE), *_on_group(SIMPLE, Operation.DESCRIBE)],
    "pedant": _on_topic(EVENTS, Operation.WRITE),
    "registrar": _on_cluster(Operation.IDEMPOTENT_WRITE),
    "curious": _on_topic(TRIMMED, Operation.READ),
}
"""By the client's name; of those that are not here see :func:`needs_of`."""


def needs_of(name: str) -> Sequence[Need]:
    """What a client must be allowed, by its name."""
    kind, number = name[:1], name[1:]
    if name in NEEDS or not number.isdigit():
        return NEEDS.get(name, ())
    if kind in "ip":
        return _on_topic(WRITERS[int(number)][0], Operation.WRITE)
    if kind == "c":
        return _on_topic(READERS[int(number)], Operation.READ)
    group = CLASSIC if kind == "m" else MODERN
    return [*_on_topic(EVENTS, Operation.READ), *_on_group(group, Operation.READ)]
