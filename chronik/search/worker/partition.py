"""What a search process knows of one partition: how far it is searchable, and by which indexes.

Offsets of a partition are covered from its start by shards up to :attr:`PartitionIndex.shard_end`, and from there by the shared tail. Records of
a trickling partition go to the tail first. They are *moved* when there are many of them: a shard is written from the log while the tail goes on
serving, then the tail lets them go. A partition that is far behind or busy is *hot*: its records go to its shard directly.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from twisted.internet.defer import Deferred

from chronik.search.feed_messages import Committed, PartitionFeed
from chronik.search.interfaces import Bounds, ISearchStore
from chronik.search.worker.shards import SHARD_TOPIC, Shard, ShardDirectory

HINTS_MAX: Final = 256
"""More than a partition collects in five seconds without becoming searchable."""


class Way(enum.Enum):
    """Where new records of a partition go."""

    LOADING = "loading"
    TAIL = "tail"
    MOVING = "moving"
    HOT = "hot"


@dataclass(frozen=True, slots=True)
class Part:
    """One index of a partition, and what of it a search may see."""

    store: ISearchStore
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class View:
    """A partition as one search sees it.

    :ivar through: one past the last offset searched.
    :ivar state: why it may lag, empty when nothing hinders it.
    """

    feed: int
    topic: str
    topic_number: int
    partition: int
    through: int
    state: str
    parts: Sequence[Part]


@dataclass(slots=True)
class TailRun:
    """What one addition to the tail brought: up to which offset, how many documents, how many bytes of records."""

    end: int
    documents: int
    size_bytes: int


@dataclass(slots=True, eq=False)
class PartitionIndex:
    """The state of one partition; changed on the reactor thread only.

    :ivar topic_number: what the tail calls its topic.
    :ivar writer_next: offset after the last one given to the shard being written.
    :ivar writer_target: where moving ends.
    :ivar uncommitted: documents given to the shard since its last commit.
    :ivar commit_due: the shard should end here, or moving does.
    :ivar tail_next: offset after the last one given to the tail.
    :ivar tail_end: one past the last offset of the tail that searches see.
    :ivar retry_at: nothing is read before this time, in seconds.
    :ivar hints: ``(one past the last stable offset, when that was told)`` of what is not searchable yet; at most :data:`HINTS_MAX`.
    """

    feed: PartitionFeed
    topic_number: int
    directory: ShardDirectory
    committed: Committed
    extents: dict[int, tuple[int | None, int]]
    way: Way = Way.LOADING
    shards: list[Shard] = field(default_factory=list)
    shard_end: int = 0
    writer_next: int = 0
    writer_target: int = 0
    uncommitted: int = 0
    uncommitted_since: float = 0.0
    commit_due: bool = False
    shard_bytes: int = 0
    tail_next: int = 0
    tail_end: int = 0
    tail_runs: deque[TailRun] = field(default_factory=deque)
    tail_documents: int = 0
    tail_bytes: int = 0
    records: int = 0
    freshness_ms: int = -1
    hints: deque[tuple[int, float]] = field(default_factory=deque)
    retry_at: float = 0.0
    state: str = ""
    gone: bool = False
    waiters: list[tuple[int, Deferred[None]]] = field(default_factory=list)
    rate_since: float = 0.0
    rate_from: int = 0
    rate: float = 0.0

    @property
    def through(self) -> int:
        """One past the last offset that searches see: nothing until the broker said that its log agrees with the index."""
        return 0 if self.way is Way.LOADING else max(self.shard_end, self.tail_end)

    @property
    def next_offset(self) -> int:
        """One past the last offset given to any index."""
        return max(self.writer_next, self.tail_next)

    def view(self) -> View:
        """As a search that begins now sees it."""
        number = self.feed.partition
        start = self.committed.start
        parts = [
            Part(shard.store, Bounds(SHARD_TOPIC, number, max(start, shard.base), min(shard.end, self.shard_end)))
            for shard in (self.shards if self.way is not Way.LOADING else ())
            if min(shard.end, self.shard_end) > max(start, shard.base)
        ]
        return View(self.feed.feed, self.feed.topic, self.topic_number, number, self.through, self.state or self._way_state(), parts)

    def next_extent(self, offset: int) -> int:
        """Where the extent after the one of ``offset`` begins, 0 when there is none."""
        return min((base for base in self.extents if base > offset), default=0)

    def tail_bounds(self) -> Bounds | None:
        """What of the tail is this partition's, None for nothing."""
        start = max(self.committed.start, self.shard_end)
        return Bounds(self.topic_number, self.feed.partition, start, self.tail_end) if self.tail_end > start else None

    def _way_state(self) -> str:
        return "loading" if self.way is Way.LOADING else ""

    def added_to_tail(self, run: TailRun) -> None:
        """The tail took records of this partition."""
        self.tail_next = run.end
        self.records += run.documents
        if run.documents:
            self.tail_runs.append(run)
            self.tail_documents += run.documents
            self.tail_bytes += run.size_bytes

    def leave_tail_below(self, offset: int) -> bool:
        """Forget what the tail holds below ``offset``; whether there was any."""
        before = len(self.tail_runs)
        while self.tail_runs and self.tail_runs[0].end <= offset:
            run = self.tail_runs.popleft()
            self.tail_documents -= run.documents
            self.tail_bytes -= run.size_bytes
        return len(self.tail_runs) < before

    def leave_tail_from(self, offset: int) -> None:
        """The tail lost what it held from ``offset`` on."""
        while self.tail_runs and self.tail_runs[-1].end > offset:
            run = self.tail_runs.pop()
            self.tail_documents -= run.documents
            self.tail_bytes -= run.size_bytes
        self.tail_next = min(self.tail_next, offset)
        self.tail_end = min(self.tail_end, offset)

    def restart_tail(self) -> None:
        """The tail holds nothing of this partition any more: it begins again where the shards end."""
        self.tail_runs.clear()
        self.tail_documents = self.tail_bytes = 0
        self.tail_next = self.tail_end = max(self.shard_end, self.committed.start)

    def move_start(self, offset: int) -> None:
        """Offsets below are gone; what is not indexed yet begins no lower."""
        if not self.shards:
            self.shard_end = max(self.shard_end, offset)
            self.writer_next = max(self.writer_next, offset)
        self.tail_next = max(self.tail_next, offset)

    def cut(self) -> int | None:
        """Where the shard being written should end: the end of the first sealed extent in it, None when it has none."""
        base = self.shards[-1].base if self.shards else self.shard_end
        ends = [end for end, _ in self.extents.values() if end is not None and end > max(base, self.writer_next)]
        return min(ends, default=None)

    def hinted(self, committed: Committed, now: float) -> None:
        """The broker said how far the partition may be read."""
        if committed.stable > self.committed.stable and len(self.hints) < HINTS_MAX:
            self.hints.append((committed.stable, now))
        self.committed = committed
        self.move_start(committed.start)

    def measure_rate(self, now: float) -> float:
        """Records a second that were committed lately."""
        elapsed = now - self.rate_since
        if elapsed >= 1.0:
            self.rate = (self.committed.stable - self.rate_from) / elapsed
            self.rate_since, self.rate_from = now, self.committed.stable
        return self.rate

    def advanced(self, now: float) -> None:
        """What searches see has grown: tell those who wait for it."""
        while self.hints and self.hints[0][0] <= self.through:
            self.freshness_ms = int((now - self.hints.popleft()[1]) * 1000)
        through = self.through
        reached = [w for offset, w in self.waiters if offset <= through]
        self.waiters = [(offset, w) for offset, w in self.waiters if offset > through]
        for waiter in reached:
            waiter.callback(None)

    def waited_for(self) -> bool:
        """Whether a search waits for something that is indexed but not yet searchable."""
        return any(offset <= self.next_offset for offset, _ in self.waiters)
