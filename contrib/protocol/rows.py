"""What kio's definitions leave out, as rows: schemas of internal topics' records, and defaults that are null.

Facts: the message definitions of Apache Kafka's group-coordinator and transaction-coordinator modules.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Row(NamedTuple):
    """One field over all versions; see :class:`chronik.protocol.schema.Field`."""

    name: str
    type: str
    array: bool
    first: int
    last: int
    nullable_from: int | None
    tag: int | None
    default: Any


class Message(NamedTuple):
    """One message over all versions; see :class:`chronik.protocol.schema.MessageSchema`."""

    name: str
    api_key: int | None
    first: int
    last: int
    flexible_from: int | None
    structs: dict[str, list[Row]]


NULL_DEFAULTS: dict[str, tuple[tuple[str, str], ...]] = {}

MESSAGES: tuple[Message, ...] = ()
