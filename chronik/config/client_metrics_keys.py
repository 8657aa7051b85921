"""The configuration of client metrics subscriptions (KIP-714): what clients are asked to tell. Nobody asks them yet; it is checked and kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Final

from chronik.config.key import ConfigKey, Scope
from chronik.config.registry import integer, items, registry, stored
from chronik.config.validators import Validator, between

_stored = partial(stored, "Kept for when metrics of clients are collected.")

_MATCHED: Final = frozenset(
    {"client_instance_id", "client_id", "client_software_name", "client_software_version", "client_source_address", "client_source_port"}
)
"""What of a client can be matched."""


def _are_patterns(value: tuple[str, ...]) -> bool:
    for item in value:
        name, equals, pattern = item.partition("=")
        if name.strip() not in _MATCHED or not equals or "=" in pattern:
            return False
        try:
            re.compile(pattern.strip())
        except re.error:
            return False
    return True


CLIENT_METRICS_KEYS: Final[Mapping[str, ConfigKey]] = registry(
    Scope.CLIENT_METRICS,
    {
        "Client metrics": (
            _stored(items, "metrics", (), "Beginnings of the names of metrics that clients are to tell."),
            _stored(integer, "interval.ms", 300_000, "Time between two reports of a client.", between(100, 3_600_000)),
            _stored(
                items, "match", (), "Which clients, as name=pattern.", Validator("a list of name=pattern, as client_id=a.*", _are_patterns)
            ),
        )
    },
)
"""Every key of a client metrics subscription, by name."""
