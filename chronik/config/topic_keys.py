"""The configuration of a topic: every key Kafka 4.3 has, and ours.

Ranges and defaults: Kafka's topic configuration page, release 4.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chronik.config.key import ConfigKey, Effect, Scope, Synonym
from chronik.config.registry import boolean, double, integer, items, long, registry, string
from chronik.config.validators import GZIP_LEVEL, THROTTLED_REPLICAS, any_of, at_least, between, one_of, only
from chronik.config.values import LONG_MAX

COMPRESSION_TYPES: Final = ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")
SEARCH_MODES: Final = ("off", "text", "json")
RECORD_VALIDATIONS: Final = ("header", "full")
SEGMENT_BYTES_MIN: Final = 1 << 20

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
_STORED: Final = Effect.STORED


def _from(*names: str) -> tuple[Synonym, ...]:
    factors = {"minutes": _MINUTE_MS, "hours": _HOUR_MS}
    return tuple(Synonym(name, factors.get(name.rsplit(".", 1)[-1], 1)) for name in names)


_RETENTION = (
    items(
        "cleanup.policy",
        ("delete",),
        "What happens to old data: delete removes whole segments past retention, compact keeps the last record of each key. "
        "Compaction is not done yet: a compacted topic keeps everything.",
        validator=any_of("compact", "delete"),
        synonyms=_from("log.cleanup.policy"),
    ),
    long(
        "retention.ms",
        7 * _DAY_MS,
        "How long records are kept at least; -1 for ever.",
        validator=at_least(-1),
        synonyms=_from("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
    ),
    long("retention.bytes", -1, "Size past which a partition's oldest segments go; -1 for no limit.", synonyms=_from("log.retention.bytes")),
    long(
        "delete.retention.ms",
        _DAY_MS,
        "How long compaction leaves tombstones in place. Kept for when the log compacts.",
        effect=_STORED,
        validator=at_least(0),
        synonyms=_from("log.cleaner.delete.retention.ms"),
    ),
    long(
        "min.compaction.lag.ms",
        0,
        "Age a record must reach before compaction may remove it. Kept for when the log compacts.",
        effect=_STORED,
        validator=at_least(0),
        synonyms=_from("log.cleaner.min.compaction.lag.ms"),
    ),
    long(
        "max.compaction.lag.ms",
        LONG_MAX,
        "Age at which a record must be looked at by compaction. Kept for when the log compacts.",
        effect=_STORED,
        validator=at_least(1),
        synonyms=_from("log.cleaner.max.compaction.lag.ms"),
    ),
    double(
        "min.cleanable.dirty.ratio",
        0.5,
        "Share of not yet compacted bytes at which compaction starts. Kept for when the log compacts.",
        effect=_STORED,
        validator=between(0, 1),
        synonyms=_from("log.cleaner.min.cleanable.ratio"),
    ),
)

_SEGMENTS = (
    integer(
        "segment.bytes",
        1 << 30,
        "Size at which a segment is closed and a new one begun.",
        validator=at_least(SEGMENT_BYTES_MIN),
        synonyms=_from("log.segment.bytes"),
    ),
    integer(
        "internal.segment.bytes",
        None,
        "Counts instead of segment.bytes where it is set, without its minimum; Kafka's own tests make small segments by it.",
        validator=at_least(1),
    ),
    long(
        "segment.ms",
        7 * _DAY_MS,
        "Age at which a segment is closed even if it is small.",
        validator=at_least(1),
        synonyms=_from("log.roll.ms", "log.roll.hours"),
    ),
    long(
        "segment.jitter.ms",
        0,
        "Most that is taken off segment.ms at random, so that segments do not all close at once.",
        validator=at_least(0),
        synonyms=_from("log.roll.jitter.ms", "log.roll.jitter.hours"),
    ),
    integer(
        "segment.index.bytes",
        10 << 20,
        "Largest offset index of a segment; a segment whose index is full is closed.",
        validator=at_least(4),
        synonyms=_from("log.index.size.max.bytes"),
    ),
    integer(
        "index.interval.bytes",
        4096,
        "Bytes of log between two entries of the offset index.",
        validator=at_least(0),
        synonyms=_from("log.index.interval.bytes"),
    ),
    long(
        "file.delete.delay.ms",
        60_000,
        "How long files stay on disk after they were removed from the log.",
        validator=at_least(0),
        synonyms=_from("log.segment.delete.delay.ms"),
    ),
    boolean("preallocate", False, "Kept, but segment files always grow as they are written.", effect=_STORED, synonyms=_from("log.preallocate")),
)

_DURABILITY = (
    boolean(
        "write.caching",
        False,
        "Whether records count as safe once they are in the page cache. False waits for the disk, whatever acks says.",
        synonyms=_from("write.caching"),
    ),
    long(
        "flush.messages",
        LONG_MAX,
        "Records after which a flush is forced where write.caching is true.",
        validator=at_least(1),
        synonyms=_from("log.flush.interval.messages"),
    ),
    long(
        "flush.ms",
        LONG_MAX,
        "Time after which a flush is forced where write.caching is true.",
        validator=at_least(0),
        synonyms=_from("log.flush.interval.ms", "log.flush.scheduler.interval.ms"),
    ),
    integer(
        "min.insync.replicas",
        1,
        "Replicas that must be in sync for a write with acks=all.",
        validator=at_least(1),
        synonyms=_from("min.insync.replicas"),
    ),
    boolean(
        "unclean.leader.election.enable",
        False,
        "Whether a replica that is not in sync may lead as a last resort: what it lacks is lost.",
        synonyms=_from("unclean.leader.election.enable"),
    ),
)

_RECORDS = (
    integer(
        "max.message.bytes",
        1_048_588,
        "Largest record batch, compressed.",
        validator=at_least(0),
        synonyms=_from("message.max.bytes"),
    ),
    string(
        "compression.type",
        "producer",
        "What batches are compressed with on disk; producer keeps them as they came.",
        validator=one_of(*COMPRESSION_TYPES),
        synonyms=_from("compression.type"),
    ),
    integer("compression.gzip.level", -1, "Level of gzip.", validator=GZIP_LEVEL, synonyms=_from("compression.gzip.level")),
    integer("compression.lz4.level", 9, "Level of lz4.", validator=between(1, 17), synonyms=_from("compression.lz4.level")),
    integer("compression.zstd.level", 3, "Level of zstd.", validator=between(-131_072, 22), synonyms=_from("compression.zstd.level")),
    string(
        "message.timestamp.type",
        "CreateTime",
        "Whether a record keeps the producer's time or gets the broker's.",
        validator=one_of("CreateTime", "LogAppendTime"),
        synonyms=_from("log.message.timestamp.type"),
    ),
    long(
        "message.timestamp.before.max.ms",
        LONG_MAX,
        "How far behind the broker's clock a producer's timestamp may be.",
        validator=at_least(0),
        synonyms=_from("log.message.timestamp.before.max.ms"),
    ),
    long(
        "message.timestamp.after.max.ms",
        3_600_000,
        "How far ahead of the broker's clock a producer's timestamp may be.",
        validator=at_least(0),
        synonyms=_from("log.message.timestamp.after.max.ms"),
    ),
    string(
        "record.validation",
        "header",
        "How much of a batch is checked before it is taken: its header always, every record with full.",
        validator=one_of(*RECORD_VALIDATIONS),
        synonyms=_from("record.validation"),
    ),
)

_SEARCH = (
    string(
        "search.mode",
        "json",
        "What can be searched: off for nothing, text for the words of the value, json for its fields too.",
        validator=one_of(*SEARCH_MODES),
        synonyms=_from("search.mode"),
    ),
    boolean(
        "search.fast",
        True,
        "Whether JSON fields get columns, which ranges and sorting need.",
        synonyms=_from("search.fast"),
    ),
)

_NO_TIERS: Final = "Kept for when cold segments can move to another store."

_TIERS = (
    boolean(
        "remote.storage.enable",
        False,
        "Whether cold segments move to another store, which this broker does not do yet.",
        validator=only(False, "there is no tiered storage here yet"),
    ),
    boolean("remote.log.copy.disable", False, f"Whether nothing more is copied to the other store. {_NO_TIERS}", effect=_STORED),
    boolean("remote.log.delete.on.disable", False, f"Whether the other store is emptied when tiering is switched off. {_NO_TIERS}", effect=_STORED),
    long(
        "local.retention.ms",
        -2,
        f"How long a segment stays here once it is in the other store; -2 as long as retention.ms. {_NO_TIERS}",
        effect=_STORED,
        validator=at_least(-2),
        synonyms=_from("log.local.retention.ms"),
    ),
    long(
        "local.retention.bytes",
        -2,
        f"Bytes of a partition that stay here once they are in the other store; -2 as many as retention.bytes. {_NO_TIERS}",
        effect=_STORED,
        validator=at_least(-2),
        synonyms=_from("log.local.retention.bytes"),
    ),
)

_REPLICATION = tuple(
    items(
        f"{side}.replication.throttled.replicas",
        (),
        f"Replicas whose replication is slowed down at the {side}. Kept for clusters of several brokers.",
        effect=_STORED,
        validator=THROTTLED_REPLICAS,
    )
    for side in ("leader", "follower")
)

_REMOVED = tuple(
    string(name, None, "it was removed in Kafka 4.0; leave it out", effect=Effect.REFUSED)
    for name in ("message.format.version", "message.downconversion.enable", "message.timestamp.difference.max.ms")
)

TOPIC_KEYS: Final[Mapping[str, ConfigKey]] = registry(
    Scope.TOPIC,
    {
        "Retention": _RETENTION,
        "Segments": _SEGMENTS,
        "Durability": _DURABILITY,
        "Records": _RECORDS,
        "Search": _SEARCH,
        "Replication": _REPLICATION,
        "Tiered storage": _TIERS,
        "Removed": _REMOVED,
    },
)
"""Every key of a topic, by name."""
