"""How much the indexer takes: memory, documents, disk; and how often it commits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexLimits:
    """Bounds of one search process. Times are in seconds.

    :ivar fetch_bytes_max: of one step's read: about 50 ms of indexing, so that a trickling partition never waits long for a busy one.
    :ivar follow_partitions_max: partitions in one read.
    :ivar tail_heap_bytes: memory that indexing into the tail may take.
    :ivar tail_documents_max: in the whole tail; over it the biggest partitions are moved to shards.
    :ivar tail_bytes_max: of records, in the whole tail.
    :ivar partition_tail_documents_max: of one partition in the tail before it is moved.
    :ivar partition_tail_bytes_max: the same in bytes of records.
    :ivar hot_lag_min: so many records behind, a partition's records go to its shard directly.
    :ivar hot_rate_min: records a second; while it is this busy it stays so.
    :ivar writer_heap_bytes: memory for one shard being written.
    :ivar writers_max: shards open for writing.
    :ivar shard_documents_max: then the next shard begins.
    :ivar shard_bytes_max: the same in bytes on disk.
    :ivar shard_documents_min: a shard ends with an extent only when it has this many.
    :ivar commit_documents_max: uncommitted documents of a shard.
    :ivar commit_age_s: a shard's uncommitted documents are committed after this long; more when many partitions are hot.
    :ivar commits_per_s_max: of all shards, by age.
    :ivar tail_commit_age_s: the same for the tail; a search that finds something uncommitted does not wait for it.
    :ivar refresh_interval_s: searches make the tail commit at most this often.
    :ivar disk_free_bytes_min: what is always left to the log.
    :ivar retry_s: pause after something failed.
    :ivar audit_interval_s: how often directories are looked at for damage from outside.
    """

    fetch_bytes_max: int = 1 << 20
    follow_partitions_max: int = 256
    tail_heap_bytes: int = 15 << 20
    tail_documents_max: int = 100_000
    tail_bytes_max: int = 48 << 20
    partition_tail_documents_max: int = 20_000
    partition_tail_bytes_max: int = 16 << 20
    hot_lag_min: int = 5_000
    hot_rate_min: float = 1_000.0
    writer_heap_bytes: int = 50 << 20
    writers_max: int = 6
    shard_documents_max: int = 1_000_000
    shard_bytes_max: int = 256 << 20
    shard_documents_min: int = 10_000
    commit_documents_max: int = 30_000
    commit_age_s: float = 0.5
    commits_per_s_max: float = 10.0
    tail_commit_age_s: float = 1.0
    refresh_interval_s: float = 0.1
    disk_free_bytes_min: int = 256 << 20
    retry_s: float = 0.5
    audit_interval_s: float = 2.0
