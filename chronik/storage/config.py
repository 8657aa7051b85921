"""What a log goes by: Kafka's topic configuration in the units of this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chronik.record.compression import Codec

LONG_MAX: Final = 2**63 - 1

_CODECS: Final = {"uncompressed": Codec.NONE, "gzip": Codec.GZIP, "snappy": Codec.SNAPPY, "lz4": Codec.LZ4, "zstd": Codec.ZSTD}


@dataclass(frozen=True, slots=True)
class LogConfig:
    """One topic's settings; ``_ms`` are milliseconds, ``_bytes`` bytes, -1 no limit. The names are Kafka's.

    :ivar codec: what batches are compressed with on disk; None keeps the producer's.
    :ivar codec_level: its level; None for the codec's default.
    :ivar validate_records: look at every record of every batch (``record.validation=full``).
    :ivar write_caching: the page cache counts as safe.
    """

    segment_bytes: int = 1 << 30
    segment_ms: int = 7 * 86_400_000
    segment_jitter_ms: int = 0
    segment_index_bytes: int = 10 << 20
    index_interval_bytes: int = 4096
    retention_ms: int = 7 * 86_400_000
    retention_bytes: int = -1
    file_delete_delay_ms: int = 60_000
    max_message_bytes: int = 1_048_588
    compact: bool = False
    delete: bool = True
    log_append_time: bool = False
    timestamp_before_max_ms: int = LONG_MAX
    timestamp_after_max_ms: int = 3_600_000
    codec: Codec | None = None
    codec_level: int | None = None
    validate_records: bool = False
    write_caching: bool = False
    flush_messages: int = LONG_MAX
    flush_ms: int = LONG_MAX

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> LogConfig:
        """The settings of a topic.

        :param values: typed effective values by Kafka's topic keys; what is missing has its default.
        """
        policy = values.get("cleanup.policy", ("delete",))
        compression = values.get("compression.type", "producer")
        codec = _CODECS.get(compression)
        fields: dict[str, Any] = {
            name: values[key]
            for name, key in (
                ("segment_bytes", "segment.bytes"),
                ("segment_ms", "segment.ms"),
                ("segment_jitter_ms", "segment.jitter.ms"),
                ("segment_index_bytes", "segment.index.bytes"),
                ("index_interval_bytes", "index.interval.bytes"),
                ("retention_ms", "retention.ms"),
                ("retention_bytes", "retention.bytes"),
                ("file_delete_delay_ms", "file.delete.delay.ms"),
                ("max_message_bytes", "max.message.bytes"),
                ("timestamp_before_max_ms", "message.timestamp.before.max.ms"),
                ("timestamp_after_max_ms", "message.timestamp.after.max.ms"),
                ("write_caching", "write.caching"),
                ("flush_messages", "flush.messages"),
                ("flush_ms", "flush.ms"),
            )
            if values.get(key) is not None
        }
        if values.get("internal.segment.bytes") is not None:
            fields["segment_bytes"] = values["internal.segment.bytes"]
        return cls(
            **fields,
            compact="compact" in policy,
            delete="delete" in policy,
            log_append_time=values.get("message.timestamp.type") == "LogAppendTime",
            codec=codec,
            codec_level=_level(compression, values),
            validate_records=values.get("record.validation") == "full",
        )


def _level(compression: str, values: Mapping[str, Any]) -> int | None:
    level = values.get(f"compression.{compression}.level")
    return None if level is None or (compression == "gzip" and level == -1) else int(level)
