"""The topics of a simulated cluster, and who writes to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chronik.model import OFFSETS_TOPIC

EVENTS: Final = "events"
GROWING: Final = "growing"
TRIMMED: Final = "trimmed"
TOPICS: Final[Mapping[str, int]] = {EVENTS: 4, GROWING: 2, TRIMMED: 2}
"""How many partitions each has in the beginning."""

LOOKED_INTO: Final[Mapping[str, Mapping[str, str]]] = {EVENTS: {"compression.type": "zstd"}, TRIMMED: {"record.validation": "full"}}
"""What makes brokers look into batches, where the seed wants that: in a thread, where they may be large inside."""

NOMAD: Final = "nomad"
"""A topic that is deleted and created again and again."""

ELECTED: Final[Mapping[str, int]] = {TRIMMED: 2, EVENTS: 4, OFFSETS_TOPIC: 3}
"""Topics of which other leaders are asked for."""

WRITERS: Final = (
    (EVENTS, -1, True),
    (EVENTS, -1, True),
    (EVENTS, -1, False),
    (GROWING, -1, True),
    (TRIMMED, -1, True),
    (TRIMMED, 1, False),
    (EVENTS, 0, False),
)
"""Producers: what they write to, their ``acks``, and whether they are idempotent."""

READERS: Final = (EVENTS, EVENTS, GROWING, TRIMMED)
"""Consumers by assignment: what they read."""

CLASSIC: Final = "classic"
MODERN: Final = "modern"
SIMPLE: Final = "simple"
"""Groups: of either protocol, and without members."""
