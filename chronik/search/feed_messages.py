"""What the broker and a search process tell each other: values, and the heads of frames they travel as.

A *feed* is a number the broker gives to each partition it has searched (topic id and partition); it is the same for all processes and restarts.
Offsets in :class:`Committed` come from one moment: ``start <= stable <= committed``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chronik.model import TopicId, topic_id_from_text, topic_id_text
from chronik.search.wire import Head

PARTITION: Final = "partition"
FED: Final = "fed"
COMMITTED: Final = "committed"
EXTENT: Final = "extent"
TRUNCATED: Final = "truncated"
DELETED: Final = "deleted"
SEARCH: Final = "search"
READY: Final = "ready"
RESUME: Final = "resume"
PROGRESS: Final = "progress"
ANSWER: Final = "answer"


@dataclass(frozen=True, slots=True)
class Committed:
    """How far one partition may be read.

    :ivar start: first offset there is.
    :ivar stable: one past the last offset that read_committed readers see.
    :ivar committed: one past the last committed offset.
    """

    feed: int
    start: int
    stable: int
    committed: int


@dataclass(frozen=True, slots=True)
class ExtentEvent:
    """Something happened to an extent: ``opened``, ``sealed`` or ``rewritten``; ``end`` is None while it is open."""

    feed: int
    event: str
    base: int
    end: int | None
    generation: int


@dataclass(frozen=True, slots=True)
class PartitionFeed:
    """A partition to be searched.

    :ivar mode: ``text`` or ``json``.
    :ivar directory: where its index may be kept, an absolute path; its own.
    :ivar extents: ``(base, end or None, generation)``, oldest first.
    """

    feed: int
    topic: str
    topic_id: TopicId
    partition: int
    mode: str
    fast: bool
    directory: str
    extents: tuple[tuple[int, int | None, int], ...]
    committed: Committed


@dataclass(frozen=True, slots=True)
class AskedPartition:
    """One partition of a search, as it was when the broker passed the search on."""

    number: int
    committed: Committed


@dataclass(frozen=True, slots=True)
class AskedTopic:
    """One topic of a search.

    :ivar missing: numbers of its other partitions, which cannot be searched here, and why.
    """

    topic: str
    partitions: tuple[AskedPartition, ...]
    missing: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SearchCall:
    """A search to be answered.

    :ivar action: ``search``, ``count``, ``doc`` or ``coverage``.
    :ivar timeout_s: how long it may take.
    """

    call: int
    action: str
    topics: tuple[AskedTopic, ...]
    params: dict[str, str]
    body: bytes
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one partition is searchable.

    :ivar through: one past the last offset that searches see.
    :ivar records: indexed since the process began to.
    :ivar freshness_ms: commit of the newest searchable record to when it became searchable; -1 when unknown.
    :ivar state: empty, or why it does not go on: ``loading``, ``disk full``, or the last error.
    """

    feed: int
    through: int
    records: int
    freshness_ms: int
    state: str


def committed_row(value: Committed) -> list[int]:
    """As it travels inside a head."""
    return [value.feed, value.start, value.stable, value.committed]


def partition_head(value: PartitionFeed) -> Head:
    """A partition is searched from now on, or differently; what was said of it before no longer holds."""
    return {
        "type": PARTITION,
        "feed": value.feed,
        "topic": value.topic,
        "topic_id": topic_id_text(value.topic_id),
        "partition": value.partition,
        "mode": value.mode,
        "fast": value.fast,
        "directory": value.directory,
        "extents": value.extents,
        "committed": committed_row(value.committed),
    }


def read_partition(head: Head) -> PartitionFeed:
    """The reverse of :func:`partition_head`."""
    return PartitionFeed(
        head["feed"],
        head["topic"],
        topic_id_from_text(head["topic_id"]),
        head["partition"],
        head["mode"],
        head["fast"],
        head["directory"],
        tuple((base, end, generation) for base, end, generation in head["extents"]),
        Committed(*head["committed"]),
    )


def fed_head(directories: Sequence[str]) -> Head:
    """All partitions were told; other directories below these roots belong to nobody."""
    return {"type": FED, "roots": list(directories)}


def committed_head(values: Sequence[Committed]) -> Head:
    """Several partitions moved."""
    return {"type": COMMITTED, "partitions": [committed_row(v) for v in values]}


def read_committed(head: Head) -> list[Committed]:
    """The reverse of :func:`committed_head`."""
    return [Committed(*row) for row in head["partitions"]]


def extent_head(value: ExtentEvent) -> Head:
    """An extent changed."""
    return {"type": EXTENT, "feed": value.feed, "event": value.event, "base": value.base, "end": value.end, "generation": value.generation}


def read_extent(head: Head) -> ExtentEvent:
    """The reverse of :func:`extent_head`."""
    return ExtentEvent(head["feed"], head["event"], head["base"], head["end"], head["generation"])


def truncated_head(feed: int, offset: int) -> Head:
    """Offsets from ``offset`` on are not what they were; also the answer to :func:`resume_head`."""
    return {"type": TRUNCATED, "feed": feed, "offset": offset}


def deleted_head(feed: int) -> Head:
    """A partition is not searched any more; its directory goes."""
    return {"type": DELETED, "feed": feed}


def search_head(value: SearchCall) -> Head:
    """A search; its body travels as the frame's."""
    return {
        "type": SEARCH,
        "call": value.call,
        "action": value.action,
        "topics": [[t.topic, [[p.number, *committed_row(p.committed)] for p in t.partitions], t.missing] for t in value.topics],
        "params": value.params,
        "timeout_s": value.timeout_s,
    }


def read_search(head: Head, body: bytes) -> SearchCall:
    """The reverse of :func:`search_head`."""
    topics = tuple(
        AskedTopic(name, tuple(AskedPartition(row[0], Committed(*row[1:])) for row in rows), tuple((number, why) for number, why in missing))
        for name, rows, missing in head["topics"]
    )
    return SearchCall(head["call"], head["action"], topics, head["params"], body, head["timeout_s"])


def ready_head(pid: int) -> Head:
    """The process answers searches."""
    return {"type": READY, "pid": pid}


def resume_head(feed: int, epoch: int, offset: int) -> Head:
    """The index ends with ``offset`` of leader epoch ``epoch``: up to where does the log agree? Answered by :func:`truncated_head`."""
    return {"type": RESUME, "feed": feed, "epoch": epoch, "offset": offset}


def progress_head(values: Sequence[Progress], memory_bytes: int) -> Head:
    """How far partitions are; only those that changed."""
    rows = [[p.feed, p.through, p.records, p.freshness_ms, p.state] for p in values]
    return {"type": PROGRESS, "partitions": rows, "memory_bytes": memory_bytes}


def read_progress(head: Head) -> list[Progress]:
    """The reverse of :func:`progress_head`."""
    return [Progress(*row) for row in head["partitions"]]


def answer_head(call: int, status: int, content_type: str) -> Head:
    """The answer to a search; its body travels as the frame's."""
    return {"type": ANSWER, "call": call, "status": status, "content_type": content_type}


