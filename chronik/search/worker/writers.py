"""Writing shards: which of a partition's records go there next, when to commit, when a shard is full, how one is replaced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from twisted.logger import Logger

from chronik.search.interfaces import ISearchStore
from chronik.search.worker.batches import Indexed, Plan, index_into
from chronik.search.worker.limits import IndexLimits
from chronik.search.worker.partition import PartitionIndex, Way
from chronik.search.worker.pins import Pins
from chronik.search.worker.queue import TaskQueue
from chronik.search.worker.shards import SHARD_TOPIC, Shard
from chronik.search.worker.source import Fetched
from chronik.search.worker.threads import Run

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

DISK_FULL = "disk full"


class ShardWriters:
    """Adds to partitions' last shards and commits them. Calls are made one after the other, by the indexer's loop.

    :param run: the writing thread.
    :param later: puts work in the loop's queue.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, run: Run, limits: IndexLimits, pins: Pins, later: TaskQueue) -> None:
        self._clock = clock
        self._run = run
        self._limits = limits
        self._pins = pins
        self._later = later
        self._open: dict[PartitionIndex, None] = {}

    async def add(self, partition: PartitionIndex, fetched: Fetched) -> Indexed | None:
        """Index what was fetched from ``writer_next`` on into the partition's last shard; None when it cannot be written to now."""
        if not await self._ready(partition):
            return None
        shard = partition.shards[-1]
        limit = self._limit(partition, shard)
        plan = Plan(fetched, partition.writer_next, SHARD_TOPIC, partition.feed.mode, partition.feed.fast, limit)
        (result,) = await self._run(index_into, shard.store, [plan])
        if not partition.uncommitted:
            partition.uncommitted_since = self._clock.seconds()
        partition.uncommitted += max(1, result.documents) if result.next_offset > partition.writer_next else 0
        shard.documents += result.documents
        partition.records += result.records if partition.way is Way.HOT else 0
        partition.writer_next = result.next_offset
        partition.commit_due = result.next_offset == limit or shard.documents >= self._limits.shard_documents_max
        return result

    def due_at(self) -> float | None:
        """When the next commit should be; None when there is nothing to commit."""
        times = [self._due_at(p) for p in self._open if p.uncommitted]
        return min(times, default=None)

    def due(self, now: float) -> PartitionIndex | None:
        """A partition to be committed now."""
        return next((p for p in self._open if p.uncommitted and self._due_at(p) <= now), None)

    async def commit(self, partition: PartitionIndex) -> None:
        """Make what was added to the partition's shard durable and searchable, and end the shard if it is full."""
        shard, end = partition.shards[-1], partition.writer_next
        before, shard.end = shard.end, end
        try:
            partition.shard_bytes = await self._run(partition.directory.commit, shard, list(partition.shards))
        except BaseException:
            shard.end = before
            raise
        partition.uncommitted, partition.commit_due = 0, False
        partition.shard_end = end
        if self._full(partition, shard):
            shard.sealed = True
            await self.retire(partition)

    async def retire(self, partition: PartitionIndex) -> None:
        """Stop writing to the partition's last shard: searches go on with a store that only reads, the writing one is closed after those that run."""
        self._open.pop(partition, None)
        shard = partition.shards[-1] if partition.shards else None
        if shard is None or not shard.writable:
            return
        reader = await self._run(partition.directory.open_store, shard, False)
        written, shard.store = shard.store, reader
        shard.writable, shard.retiring = False, True
        self.after_searches(lambda: self._finish(partition, shard, written))

    def forget(self, partition: PartitionIndex) -> None:
        """Its shards were dropped, or the partition is gone."""
        self._open.pop(partition, None)

    def drop(self, partition: PartitionIndex, shards: Sequence[Shard]) -> None:
        """Remove these shards' files once no search uses them; they must not be among the partition's any more."""

        async def remove() -> None:
            for shard in shards:
                await self._run(partition.directory.remove, shard)
            if not partition.gone:
                await self._run(partition.directory.save, list(partition.shards))

        self.after_searches(remove)

    async def replace(self, partition: PartitionIndex, old: Shard, new: Shard) -> None:
        """Let a shard that was built anew take the place of an old one."""
        partition.shards[partition.shards.index(old)] = new
        await self._run(partition.directory.commit, new, list(partition.shards))
        reader = await self._run(partition.directory.open_store, new, False)
        written, new.store = new.store, reader
        new.writable, new.retiring = False, True
        self.after_searches(lambda: self._finish(partition, new, written))
        self.drop(partition, [old])

    async def cut(self, partition: PartitionIndex, shard: Shard, offset: int) -> None:
        """Remove what the partition's last shard holds from ``offset`` on."""
        if not shard.writable:
            writer = await self._run(partition.directory.open_store, shard, True)
            reader, shard.store, shard.writable, shard.sealed = shard.store, writer, True, False
            self.after_searches(lambda: self._run(reader.close))
        await self._run(shard.store.remove_from, SHARD_TOPIC, partition.feed.partition, offset)
        shard.end = min(shard.end, offset)
        await self._run(partition.directory.commit, shard, list(partition.shards))
        shard.documents = shard.end - shard.base
        await self.retire(partition)

    def after_searches(self, task: Callable[[], Awaitable[None]]) -> None:
        """Do this, in the loop, once every search that runs now has ended."""
        self._pins.clear().addCallback(lambda _: self._later.put(task))

    async def has_room(self, partition: PartitionIndex) -> bool:
        """Whether the disk has more than what is left to the log."""
        free = await self._run(partition.directory.free_bytes)
        if free < self._limits.disk_free_bytes_min:
            self._log.warn("search stops writing to {path}: {free} bytes are left on its disk", path=partition.directory.path, free=free)
            partition.state = DISK_FULL
            partition.retry_at = self._clock.seconds() + 10 * self._limits.retry_s
            return False
        if partition.state == DISK_FULL:
            partition.state = ""
        return True

    async def _ready(self, partition: PartitionIndex) -> bool:
        shard = partition.shards[-1] if partition.shards else None
        if shard is not None and shard.writable:
            self._open[partition] = self._open.pop(partition, None)
            return True
        if not await self.has_room(partition):
            return False
        if shard is None or shard.sealed:
            shard = await self._run(partition.directory.create, partition.shard_end)
            partition.shards.append(shard)
        elif shard.retiring:
            partition.retry_at = self._clock.seconds() + self._limits.retry_s
            return False
        else:
            writer = await self._run(partition.directory.open_store, shard, True)
            reader, shard.store, shard.writable = shard.store, writer, True
            self.after_searches(lambda: self._run(reader.close))
        partition.writer_next = partition.shard_end
        self._open[partition] = None
        await self._evict(partition)
        return True

    async def _evict(self, newest: PartitionIndex) -> None:
        while len(self._open) > self._limits.writers_max:
            partition = next(p for p in self._open if p is not newest)
            if partition.uncommitted:
                await self.commit(partition)
            await self.retire(partition)

    async def _finish(self, partition: PartitionIndex, shard: Shard, written: ISearchStore) -> None:
        if shard in partition.shards and not partition.gone:
            await self._run(partition.directory.finish_writing, shard, written, list(partition.shards))
        else:
            await self._run(written.close)

    def _limit(self, partition: PartitionIndex, shard: Shard) -> int | None:
        limits = [partition.writer_target] if partition.way is Way.MOVING else []
        cut = partition.cut() if shard.documents >= self._limits.shard_documents_min else None
        return min([*limits, *([] if cut is None else [cut])], default=None)

    def _full(self, partition: PartitionIndex, shard: Shard) -> bool:
        if shard.documents >= self._limits.shard_documents_max or partition.shard_bytes >= self._limits.shard_bytes_max:
            return True
        ends = {end for end, _ in partition.extents.values()}
        return shard.documents >= self._limits.shard_documents_min and partition.shard_end in ends

    def _due_at(self, partition: PartitionIndex) -> float:
        if partition.commit_due or partition.uncommitted >= self._limits.commit_documents_max or partition.waited_for():
            return 0.0
        return partition.uncommitted_since + max(self._limits.commit_age_s, len(self._open) / self._limits.commits_per_s_max)
