"""Which segments retention removes. Kafka's rules: whole segments, the oldest first, nothing that is not committed."""

from __future__ import annotations

from collections.abc import Sequence

from chronik.storage.config import LogConfig
from chronik.storage.segment import LogSegment


def expired_segments(segments: Sequence[LogSegment], config: LogConfig, high_watermark: int, size_bytes: int, now: int) -> Sequence[LogSegment]:
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


def _latest_ms(segment: LogSegment) -> int:
    return segment.max_timestamp if segment.max_timestamp >= 0 else segment.created_ms
