"""Levels of the log as a resource that is altered (KIP-412). They are the broker's own, count at once, and are forgotten when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chronik.cluster.interfaces import ConfigEdit, ConfigOperation
from chronik.config.values import shown
from chronik.errors import ErrorCode, KafkaError
from chronik.logs import LEVELS, ROOT, LogLevels

EDITS_MAX: Final = 1_000
"""Levels that one request may change: more than there are loggers."""


def check_levels(levels: LogLevels, edits: Iterable[ConfigEdit]) -> None:
    """Whether levels can be changed so.

    :raises KafkaError: ``INVALID_CONFIG`` or ``INVALID_REQUEST``; the words are Kafka's.
    """
    for count, edit in enumerate(edits, 1):
        if count > EDITS_MAX:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"More than {EDITS_MAX} levels in one request.")
        if edit.operation not in (ConfigOperation.SET, ConfigOperation.DELETE):
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"{edit.operation.name} operation is not allowed for the BROKER_LOGGER resource")
        if not levels.known(edit.key):
            raise KafkaError(ErrorCode.INVALID_CONFIG, f"Logger {shown(edit.key)} does not exist!")
        if edit.operation is ConfigOperation.DELETE:
            if edit.key == ROOT:
                raise KafkaError(ErrorCode.INVALID_REQUEST, f"Removing the log level of the {ROOT} logger is not allowed")
        elif edit.value not in LEVELS:
            raise KafkaError(
                ErrorCode.INVALID_CONFIG,
                f"Cannot set the log level of {edit.key} to {shown(edit.value or '')} as it is not a supported log level. "
                f"Valid log levels are {', '.join(LEVELS)}",
            )


def change_levels(levels: LogLevels, edits: Iterable[ConfigEdit]) -> None:
    """Change them, checked before."""
    for edit in edits:
        if edit.operation is ConfigOperation.DELETE:
            levels.unset(edit.key)
        else:
            levels.set(edit.key, edit.value or ROOT)
