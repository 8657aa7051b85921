"""Keys of a broker about what is kept of who did what."""

from __future__ import annotations

from typing import Final

from chronik.config.key import ConfigKey, UpdateMode
from chronik.config.registry import boolean, integer, items, long, string
from chronik.config.validators import NON_EMPTY, at_least, between, one_of, some_of

_CLUSTER: Final = UpdateMode.CLUSTER_WIDE

AUDIT_KEYS: Final[tuple[ConfigKey, ...]] = (
    string(
        "audit.enable",
        "auto",
        "Whether authentications, refusals and administrative changes are recorded; auto does where the broker has an authorizer of its own, "
        "or a listener that asks clients who they are.",
        validator=one_of("auto", "true", "false"),
    ),
    items("audit.destinations", ("file", "topic"), "Where to: a file, the topic __chronik_audit, or both.", validator=some_of("file", "topic")),
    string("audit.file", None, "The file; .audit/audit.log in the first of log.dirs where it is not set.", validator=NON_EMPTY),
    long("audit.file.max.bytes", 16 << 20, "Size at which the file is moved aside and another begun.", validator=at_least(4096)),
    integer("audit.file.max.count", 8, "Files moved aside that are kept.", validator=between(0, 1000)),
    integer("audit.topic.partitions", 1, "Partitions of the topic. A broker writes to one that it leads.", validator=at_least(1)),
    integer("audit.topic.replication.factor", 1, "Replicas of the topic.", validator=at_least(1)),
    long("audit.topic.retention.ms", 30 * 86_400_000, "How long the topic keeps records; -1 for ever.", validator=at_least(-1)),
    long("audit.topic.retention.bytes", 256 << 20, "Size past which a partition of the topic loses its oldest records; -1 for no limit."),
    integer(
        "audit.rate.per.second",
        10,
        "Records of a kind that are kept of one peer in the long run, so that nobody fills the disk; what is left out is counted. Twenty times "
        "as many are kept of all peers together, and a hundred times as many changes.",
        mode=_CLUSTER,
        validator=at_least(1),
    ),
    integer("audit.rate.burst", 100, "And at once.", mode=_CLUSTER, validator=at_least(1)),
    boolean("audit.authentication.success", True, "Whether authentications that succeed are recorded too.", mode=_CLUSTER),
)
"""In the order of the reference page."""
