"""The indexer: one loop that reads what was committed and adds it to the tail or to shards.

The broker's feed changes what there is to do; the loop does one thing at a time, each about 50 ms or less, so that nothing waits long: tasks of the
feed first, then commits that are due, then in turn a read for the tail and a read for a shard.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger

from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.search.feed_messages import Committed, ExtentEvent, PartitionFeed, Progress, resume_head
from chronik.search.interfaces import ISearchBackend, ISearchStore, StoreDamaged
from chronik.search.wire import Head
from chronik.search.worker.batches import Indexed, Plan
from chronik.search.worker.limits import IndexLimits
from chronik.search.worker.partition import PartitionIndex, Way
from chronik.search.worker.pins import Pins
from chronik.search.worker.queue import Task, TaskQueue
from chronik.search.worker.recovery import Recovery
from chronik.search.worker.shards import ShardDirectory, remove_unknown
from chronik.search.worker.source import Fetched, IRecordSource, Want
from chronik.search.worker.tail import Tail
from chronik.search.worker.threads import Run
from chronik.search.worker.writers import ShardWriters

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime


class Indexer:
    """Keeps every fed partition searchable.

    :param run: the writing thread.
    :param announce: sends a head to the broker.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        source: IRecordSource,
        run: Run,
        backend: ISearchBackend,
        limits: IndexLimits,
        announce: Callable[[Head], None],
    ) -> None:
        self._clock = clock
        self._source = source
        self._run = run
        self._backend = backend
        self._limits = limits
        self._announce = announce
        self._queue = TaskQueue(clock)
        self.pins = Pins()
        self.tail = Tail(clock, backend, run, limits, self.pins)
        self._writers = ShardWriters(clock, run, limits, self.pins, self._queue)
        self._recovery = Recovery(clock, run, limits, self.tail, self._writers, self._queue, self._consider)
        self.partitions: dict[int, PartitionIndex] = {}
        self._topic_numbers: dict[TopicId, int] = {}
        self._follows: dict[PartitionIndex, None] = {}
        self._builds: dict[PartitionIndex, None] = {}
        self._moved: dict[PartitionIndex, None] = {}
        self._build_turn = False
        self._running = False
        self._ended: Deferred[None] = succeed(None)
        self._audit_at = 0.0

    # -- the feed ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin the loop."""
        self._running = True
        self._audit_at = self._clock.seconds() + self._limits.audit_interval_s
        self._ended = Deferred.fromCoroutine(self._work())

    def stop(self) -> Deferred[None]:
        """End the loop; fires when its last step is done. What was not committed is read again at the next start."""
        self._running = False
        self._queue.wake()
        return self._ended

    def add_partition(self, feed: PartitionFeed) -> None:
        """Index this partition from now on, or under changed settings."""
        settings = f"{feed.mode} fast={feed.fast}"
        old = self.partitions.get(feed.feed)
        if old is not None and (old.feed.mode, old.feed.fast) == (feed.mode, feed.fast):
            old.extents = {base: (end, generation) for base, end, generation in feed.extents}
            self.committed([feed.committed])
            return
        number = self._topic_numbers.setdefault(feed.topic_id, len(self._topic_numbers) + 1)
        directory = ShardDirectory(feed.directory, self._backend, self._limits.writer_heap_bytes, feed.partition, settings)
        extents = {base: (end, generation) for base, end, generation in feed.extents}
        partition = PartitionIndex(feed, number, directory, feed.committed, extents)
        partition.rate_since, partition.rate_from = self._clock.seconds(), feed.committed.stable
        if old is None:
            self._queue.put(lambda: self._load(partition))
        else:
            self._forget(old, lambda: self._load(partition))
        self.partitions[feed.feed] = partition

    def fed(self, roots: Sequence[str], ready: Callable[[], None]) -> None:
        """Every partition was told: what others left below the roots is removed; ``ready`` is called after the partitions told so far were opened."""

        async def finish() -> None:
            known = frozenset(p.feed.directory for p in self.partitions.values())
            for path in await self._run(remove_unknown, roots, known):
                self._log.info("removed the search index {path}, which no partition uses", path=path)
            ready()

        self._queue.put(finish)

    def committed(self, values: Iterable[Committed]) -> None:
        """Partitions can be read further."""
        now = self._clock.seconds()
        for value in values:
            partition = self.partitions.get(value.feed)
            if partition is not None:
                start = partition.committed.start
                self._cool(partition, now)
                partition.hinted(value, now)
                if value.start > start:
                    self._queue.put(partial(self._recovery.drop_below_start, partition))
                self._consider(partition)
        self._queue.wake()

    def _cool(self, partition: PartitionIndex, now: float) -> None:
        """A hot partition that was idle goes back to the tail, where few records cost least."""
        idle = partition.way is Way.HOT and not partition.uncommitted and partition.writer_next >= partition.committed.stable
        if idle and partition.measure_rate(now) < self._limits.hot_rate_min:
            partition.way = Way.TAIL
            partition.tail_next = max(partition.tail_next, partition.shard_end)

    def extent(self, event: ExtentEvent) -> None:
        """An extent of a log changed."""
        partition = self.partitions.get(event.feed)
        if partition is None:
            return
        partition.extents[event.base] = (event.end, event.generation)
        if event.event == "rewritten" and event.end is not None:
            self._queue.put(lambda: self._recovery.reindex(partition, event.base, event.end or 0, self._rewrite))

    def truncated(self, feed: int, offset: int) -> None:
        """A log was cut, or the broker says up to where an index agrees with it."""
        partition = self.partitions.get(feed)
        if partition is not None:
            self._queue.put(lambda: self._truncate(partition, offset))

    def deleted(self, feed: int) -> None:
        """A partition is not searched any more."""
        partition = self.partitions.pop(feed, None)
        if partition is not None:
            self._forget(partition, None)

    def _forget(self, partition: PartitionIndex, then: Task | None) -> None:
        partition.gone = True
        self._consider(partition)
        self._moved.pop(partition, None)
        waiters, partition.waiters = partition.waiters, []
        for _, waiter in waiters:
            waiter.callback(None)
        self._queue.put(lambda: self._recovery.remove(partition, then))

    # -- for searches --------------------------------------------------------------------------------------------------

    def refresh(self, partitions: Iterable[PartitionIndex]) -> Deferred[list[None]]:
        """Fires when what was added of these partitions is searchable, or at once when that was tried a moment ago."""
        asked = list(partitions)
        before = self._clock.seconds() - self._limits.refresh_interval_s
        hot = [p for p in asked if p.uncommitted and p.uncommitted_since <= before]
        refreshed = gatherResults([self.tail.refresh(asked), *(self.wait_for(p, p.writer_next) for p in hot)], consumeErrors=True)
        self._queue.wake()
        return refreshed

    def wait_for(self, partition: PartitionIndex, offset: int) -> Deferred[None]:
        """Fires when offsets below ``offset`` are searchable, or the partition is gone; may be cancelled."""
        if partition.gone or offset <= partition.through:
            return succeed(None)

        def forget(waiter: Deferred[None]) -> None:
            partition.waiters = [entry for entry in partition.waiters if entry[1] is not waiter]

        waiting: Deferred[None] = Deferred(forget)
        partition.waiters.append((offset, waiting))
        self._queue.wake()
        return waiting

    def broken(self, partition: PartitionIndex | None, store: ISearchStore, error: Exception) -> None:
        """A search in a store failed: one of a partition's shards, or the tail when None.

        That may be the query's fault: a shard is dropped only when its files are found damaged, the tail when it says that it is.
        """
        if partition is not None:
            self._queue.put(lambda: self._recovery.audit(partition, True))
        elif isinstance(error, StoreDamaged) and store is self.tail.store:
            self._queue.put(lambda: self._renew_tail(str(error)))

    def progress(self) -> list[Progress]:
        """Partitions that moved since it was asked last."""
        moved, self._moved = self._moved, {}
        return [Progress(p.feed.feed, p.through, p.records, p.freshness_ms, p.view().state) for p in moved]

    # -- the loop ------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while self._running:
            step = self._next_step()
            try:
                await (step() if step is not None else self._queue.sleep(self._next_time()))
            except Exception:  # noqa: BLE001  logged, then tried again
                self._log.failure("a step of indexing failed")
                await deferLater(self._clock, self._limits.retry_s)

    def _next_step(self) -> Callable[[], Awaitable[object]] | None:
        now = self._clock.seconds()
        task = self._queue.take()
        if task is not None:
            return task
        tail_due = self.tail.due_at()
        if tail_due is not None and tail_due <= now:
            return self._commit_tail
        due = self._writers.due(now)
        if due is not None:
            return lambda: self._commit(due)
        return self._next_read(now) or (self._audit if now >= self._audit_at else None)

    def _next_read(self, now: float) -> Callable[[], Awaitable[object]] | None:
        follows = [p for p in self._follows if p.retry_at <= now][: self._limits.follow_partitions_max]
        builds = next((p for p in self._builds if p.retry_at <= now), None)
        self._build_turn = builds is not None and (self._build_turn or not follows)
        if self._build_turn and builds is not None:
            self._build_turn = False
            return lambda: self._build(builds)
        self._build_turn = True
        return (lambda: self._follow(follows)) if follows else None

    def _next_time(self) -> float:
        times = [self._audit_at, self.tail.due_at(), self._writers.due_at()]
        times += [p.retry_at for p in (*self._follows, *self._builds)]
        return min(t for t in times if t is not None)

    def _consider(self, partition: PartitionIndex) -> None:
        """What there is to read of a partition, now that something of it changed."""
        stable = partition.committed.stable
        if partition.way in (Way.TAIL, Way.MOVING) and stable - partition.tail_next > self._limits.hot_lag_min:
            if partition.way is Way.TAIL:
                partition.writer_next = partition.shard_end
            partition.way = Way.HOT
        follows = not partition.gone and partition.way in (Way.TAIL, Way.MOVING) and partition.tail_next < stable
        target = {Way.MOVING: partition.writer_target, Way.HOT: stable}.get(partition.way, 0)
        builds = not partition.gone and partition.writer_next < target
        for ready, wanted in ((self._follows, follows), (self._builds, builds)):
            if wanted:
                ready.setdefault(partition, None)
            else:
                ready.pop(partition, None)

    async def _follow(self, partitions: list[PartitionIndex]) -> None:
        wants = [Want(p.feed.topic_id, p.feed.partition, p.tail_next, self._limits.fetch_bytes_max) for p in partitions]
        found = await self._fetch(partitions, wants)
        if not found:
            return
        plans = [Plan(f, p.tail_next, p.topic_number, p.feed.mode, p.feed.fast, None) for p, f in found]
        try:
            results = await self.tail.add([p for p, _ in found], plans)
        except Exception as error:
            await self._renew_tail(str(error))
            raise
        for (partition, _), result in zip(found, results, strict=True):
            self._told(partition, result)
        self._bound_tail()

    def _bound_tail(self) -> None:
        """Move to shards what is too much for the tail."""
        limits = self._limits
        live = [p for p in self.partitions.values() if p.way is Way.TAIL and p.tail_documents]
        documents, size = sum(p.tail_documents for p in live), sum(p.tail_bytes for p in live)
        for partition in sorted(live, key=lambda p: -p.tail_bytes):
            big = partition.tail_documents > limits.partition_tail_documents_max or partition.tail_bytes > limits.partition_tail_bytes_max
            if not big and documents <= limits.tail_documents_max and size <= limits.tail_bytes_max:
                break
            documents -= partition.tail_documents
            size -= partition.tail_bytes
            partition.way, partition.writer_target, partition.writer_next = Way.MOVING, partition.tail_next, partition.shard_end
            self._consider(partition)

    async def _build(self, partition: PartitionIndex) -> None:
        want = Want(partition.feed.topic_id, partition.feed.partition, partition.writer_next, self._limits.fetch_bytes_max)
        for _, fetched in await self._fetch([partition], [want]):
            try:
                result = await self._writers.add(partition, fetched)
            except Exception as error:  # noqa: BLE001  logged, then tried again
                await self._recovery.failed(partition, error)
                return
            if result is not None:
                self._told(partition, result)

    async def _commit(self, partition: PartitionIndex) -> None:
        try:
            await self._writers.commit(partition)
            if not await self._writers.has_room(partition):
                await self._writers.retire(partition)
        except Exception as error:  # noqa: BLE001  logged, then tried again
            await self._recovery.failed(partition, error)
            return
        now = self._clock.seconds()
        hot = partition.measure_rate(now) >= self._limits.hot_rate_min
        if partition.way is Way.MOVING and partition.shard_end >= partition.writer_target:
            partition.way = Way.HOT if hot else Way.TAIL
        elif partition.way is Way.HOT and not hot and partition.writer_next >= partition.committed.stable:
            partition.way = Way.TAIL
        partition.tail_next = max(partition.tail_next, partition.shard_end)
        if partition.leave_tail_below(partition.shard_end):
            self._empty_tail(partition, partition.shard_end)
        self._advanced(partition)

    async def _commit_tail(self) -> None:
        try:
            for partition in await self.tail.commit():
                self._advanced(partition)
        except Exception as error:  # noqa: BLE001  logged, then tried again
            await self._renew_tail(str(error))

    async def _renew_tail(self, reason: str) -> None:
        self._log.warn("the search tail is filled again from the log: {reason}", reason=reason)
        await self.tail.renew()
        for partition in self.partitions.values():
            if partition.way is not Way.LOADING:
                partition.restart_tail()
                self._consider(partition)

    async def _load(self, partition: PartitionIndex) -> None:
        last = await self._recovery.load(partition)
        if last is not None:
            self._announce(resume_head(partition.feed.feed, *last))
        self._moved[partition] = None

    async def _truncate(self, partition: PartitionIndex, offset: int) -> None:
        last = await self._recovery.truncate(partition, offset)
        if last is not None:
            self._announce(resume_head(partition.feed.feed, *last))
        self._advanced(partition)

    async def _rewrite(self, want: Want) -> Fetched | None:
        for fetched in await self._source.fetch([want], self._limits.fetch_bytes_max):
            return fetched if fetched.error is ErrorCode.NONE else None
        return None

    async def _audit(self) -> None:
        self._audit_at = self._clock.seconds() + self._limits.audit_interval_s
        for partition in list(self.partitions.values()):
            if partition.shards and partition.way is not Way.LOADING:
                await self._recovery.audit(partition)

    async def _fetch(self, partitions: Sequence[PartitionIndex], wants: Sequence[Want]) -> list[tuple[PartitionIndex, Fetched]]:
        """Fetch, put away what failed, and give what has records; those asked go to the end of the line."""
        by_want = dict(zip(((w.topic_id, w.partition) for w in wants), partitions, strict=True))
        for partition in partitions:
            for ready in (self._follows, self._builds):
                if partition in ready:
                    ready[partition] = ready.pop(partition)
        found = []
        answers = await self._source.fetch(wants, 2 * self._limits.fetch_bytes_max)
        for fetched in answers:
            partition = by_want[fetched.want.topic_id, fetched.want.partition]
            if fetched.error is ErrorCode.NONE and len(fetched.records):
                found.append((partition, fetched))
            elif fetched.error is ErrorCode.CORRUPT_MESSAGE and partition.next_extent(fetched.want.offset):
                found.append((partition, self._damaged(partition, fetched)))
            elif fetched.error is not ErrorCode.NONE or len(answers) == 1:
                self._put_off(partition, fetched)
        return found

    def _damaged(self, partition: PartitionIndex, fetched: Fetched) -> Fetched:
        """The log does not serve the rest of an extent: search goes on with the next one."""
        offset, end = fetched.want.offset, partition.next_extent(fetched.want.offset)
        what = "{topic}-{partition} is damaged: offsets {first} to {last} cannot be found"
        self._log.error(what, topic=partition.feed.topic, partition=partition.feed.partition, first=offset, last=end - 1)
        return replace(fetched, error=ErrorCode.NONE, damaged_to=end)

    def _put_off(self, partition: PartitionIndex, fetched: Fetched) -> None:
        if fetched.error is ErrorCode.OFFSET_OUT_OF_RANGE and fetched.start > fetched.want.offset:
            partition.committed = Committed(partition.committed.feed, fetched.start, partition.committed.stable, partition.committed.committed)
            partition.move_start(fetched.start)
            self._queue.put(partial(self._recovery.drop_below_start, partition))
        elif fetched.error is not ErrorCode.NONE:
            partition.state = fetched.error.name
        partition.retry_at = self._clock.seconds() + self._limits.retry_s
        self._moved[partition] = None
        self._consider(partition)

    def _told(self, partition: PartitionIndex, result: Indexed) -> None:
        if not result.advanced:
            partition.retry_at = self._clock.seconds() + self._limits.retry_s
        elif partition.state:
            partition.state = ""
        self._consider(partition)

    def _advanced(self, partition: PartitionIndex) -> None:
        partition.advanced(self._clock.seconds())
        self._moved[partition] = None
        self._consider(partition)

    def _empty_tail(self, partition: PartitionIndex, offset: int) -> None:
        async def remove() -> None:
            if not partition.gone:
                await self.tail.remove(partition, offset, True)

        self.pins.clear().addCallback(lambda _: self._queue.put(remove))
