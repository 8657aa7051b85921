"""Which segments retention removes. Kafka's rules: whole segments, the oldest first, nothing that is not committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from chronik.storage.config import LogConfig


class Removable(Protocol):
    """A run of a log that is removed as one: a segment, or another store's extent.

    :ivar end_offset: one past its last offset.
    :ivar size: bytes of its batches.
    :ivar max_timestamp: the largest of its records, ms, -1 for none; ``created_ms`` stands in for it.
    """

    end_offset: int
    size: int
    max_timestamp: int
    created_ms: int


S = TypeVar("S", bound=Removable)


def expired_segments(segments: Sequence[S], config: LogConfig, high_watermark: int, size_bytes: int, now: int) -> Sequence[S]:
    """The oldest segments, as many as may go at time ``now`` (ms) by ``retention.ms`` or ``retention.bytes``.

    A segment is too old when its latest record is. An empty last segment is never removed.

    :param size_bytes: of the whole log.
    """
    removable = 0
    excess = size_bytes - config.retention_bytes if config.retention_bytes >= 0 else -1
    for segment in segments:
        committed = segment.end_offset <= high_watermark and segment.size > 0
        too_old = config.retention_ms >= 0 and now - _latest_ms(segment) > config.retention_ms
        too_much = excess >= segment.size
        if not committed or not (too_old or too_much):
            break
        excess -= segment.size
        removable += 1
    return segments[:removable]


def _latest_ms(segment: Removable) -> int:
    return segment.max_timestamp if segment.max_timestamp >= 0 else segment.created_ms
