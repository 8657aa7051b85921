"""The nouns every package shares: topics, partitions, offsets, isolation.

Offsets are int64 counted from 0; timestamps and durations are integer milliseconds; a topic id is 16 raw bytes
(``bytes`` rather than ``uuid.UUID``: it is compared on every request and never computed with).
"""

from __future__ import annotations

import base64
import enum
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NewType

TopicId = NewType("TopicId", bytes)

ZERO_TOPIC_ID: Final = TopicId(bytes(16))
NO_OFFSET: Final = -1
NO_TIMESTAMP: Final = -1
NO_EPOCH: Final = -1
NO_PRODUCER_ID: Final = -1

TOPIC_NAME_BYTES_MAX: Final = 249
_LEGAL_TOPIC_NAME: Final = re.compile(r"[a-zA-Z0-9._-]+")

OFFSETS_TOPIC: Final = "__consumer_offsets"
TRANSACTIONS_TOPIC: Final = "__transaction_state"
METADATA_TOPIC: Final = "__cluster_metadata"
"""What Kafka's controllers call their own log. There is no such topic, and nobody may create one."""

AUDIT_TOPIC: Final = "__chronik_audit"

UNSEARCHED_TOPICS: Final = frozenset({OFFSETS_TOPIC, TRANSACTIONS_TOPIC})
INTERNAL_TOPICS: Final = UNSEARCHED_TOPICS | {AUDIT_TOPIC}


class IsolationLevel(enum.IntEnum):
    """Which records a reader sees (KIP-98)."""

    READ_UNCOMMITTED = 0
    READ_COMMITTED = 1


@dataclass(frozen=True, slots=True, order=True)
class TopicPartition:
    """A partition by its topic's name."""

    topic: str
    partition: int

    def __str__(self) -> str:
        """Kafka's spelling, which is also the name of the partition's directory."""
        return f"{self.topic}-{self.partition}"


def new_topic_id(random: Callable[[int], bytes] = os.urandom) -> TopicId:
    """A fresh random topic id (a version 4 UUID).

    Ids whose text starts with ``-`` are drawn again, as Kafka does: tools would take them for an option.

    :param random: gives that many random bytes.
    """
    while True:
        raw = bytearray(random(16))
        raw[6] = (raw[6] & 0x0F) | 0x40
        raw[8] = (raw[8] & 0x3F) | 0x80
        topic_id = TopicId(bytes(raw))
        if not topic_id_text(topic_id).startswith("-"):
            return topic_id


def topic_id_text(topic_id: bytes) -> str:
    """Kafka's text of an id: unpadded URL-safe base64, 22 characters."""
    return base64.urlsafe_b64encode(topic_id).rstrip(b"=").decode("ascii")


def topic_id_from_text(text: str) -> TopicId:
    """The id of its 22-character text.

    :raises ValueError: when the text is not 16 bytes in unpadded URL-safe base64.
    """
    raw = base64.urlsafe_b64decode(text + "==")
    if len(raw) != 16:
        raise ValueError(f"{text!r} is not a topic id: 16 bytes in base64 were expected, not {len(raw)}")
    return TopicId(raw)


def topic_name_problem(name: str) -> str | None:
    """Why ``name`` cannot name a topic, or None when it can (Kafka's ``Topic.validate``)."""
    if not name:
        return "the empty string is not a topic name"
    if name in (".", ".."):
        return f"a topic cannot be named {name!r}"
    if len(name) > TOPIC_NAME_BYTES_MAX:
        return f"the topic name has {len(name)} characters, at most {TOPIC_NAME_BYTES_MAX} are allowed"
    if not _LEGAL_TOPIC_NAME.fullmatch(name):
        return f"topic name {name!r} has characters other than ASCII letters, digits, '.', '_' and '-'"
    return None
