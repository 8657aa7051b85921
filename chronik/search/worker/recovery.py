"""Opening, cutting, dropping and replacing what a partition has on disk.

Whatever cannot be trusted is dropped from there on and indexed again from the log: an index is never worth more than the log it was made from.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from twisted.logger import Logger

from chronik.search.worker.batches import DAMAGED, Plan, index_into
from chronik.search.worker.limits import IndexLimits
from chronik.search.worker.partition import PartitionIndex, Way
from chronik.search.worker.queue import Task, TaskQueue
from chronik.search.worker.shards import SHARD_TOPIC, Shard
from chronik.search.worker.source import Fetched, Want
from chronik.search.worker.tail import Tail
from chronik.search.worker.threads import Run
from chronik.search.worker.writers import ShardWriters

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

LastRecord: TypeAlias = "tuple[int, int]"
"""Leader epoch and offset of the last record of an index."""


class Recovery:
    """What happens to a partition's shards other than growing. Calls are made one after the other, by the indexer's loop.

    :param run: the writing thread.
    :param consider: told of a partition whose work changed.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        run: Run,
        limits: IndexLimits,
        tail: Tail,
        writers: ShardWriters,
        queue: TaskQueue,
        consider: Callable[[PartitionIndex], None],
    ) -> None:
        self._clock = clock
        self._run = run
        self._limits = limits
        self._tail = tail
        self._writers = writers
        self._queue = queue
        self._consider = consider

    async def load(self, partition: PartitionIndex) -> LastRecord | None:
        """Open the partition's shards.

        :returns: where its index ends: the broker is to say whether its log agrees. None when nothing is indexed and reading has begun.
        """
        if partition.gone:
            return None
        shards = await self._doubted(partition, await self._run(partition.directory.load))
        start = partition.committed.start
        if shards and (shards[0].base > start or shards[-1].end <= start):
            partition.shards = []
            self._writers.drop(partition, shards)
        else:
            partition.shards = shards
        return await self._resume(partition)

    async def _doubted(self, partition: PartitionIndex, shards: list[Shard]) -> list[Shard]:
        """The shards before the first that lacks what was damaged in the log: whoever started the broker anew may have put that right."""
        for number, shard in enumerate(shards):
            covered = await self._run(partition.directory.covered, shard)
            if DAMAGED in covered.skipped:
                what, path = "search index {path}: what was damaged from offset {offset} on is read again", partition.directory.path
                self._log.warn(what, path=path, offset=shard.base)
                self._writers.drop(partition, shards[number:])
                return shards[:number]
        return shards

    async def truncate(self, partition: PartitionIndex, offset: int) -> LastRecord | None:
        """Forget what is indexed from ``offset`` on.

        :returns: where the index of a partition that is being opened ends now, None when reading goes on.
        """
        if partition.gone:
            return None
        if partition.way is Way.LOADING:
            if offset >= partition.shard_end:
                self._begin(partition)
                return None
            await self._cut(partition, offset)
            return await self._resume(partition)
        if offset < partition.shard_end or partition.writer_next > partition.shard_end:
            # With what was added and not committed yet, which would be added once more.
            await self._cut(partition, min(offset, partition.shard_end))
        await self._tail.remove(partition, offset, False)
        partition.leave_tail_from(offset)
        partition.writer_next = partition.shard_end
        partition.hints.clear()
        if partition.way is Way.MOVING:
            partition.way = Way.TAIL
        partition.tail_next = max(partition.tail_next, partition.shard_end)
        self._consider(partition)
        return None

    async def drop_below_start(self, partition: PartitionIndex) -> None:
        """Remove shards and records that the log does not have any more."""
        start = partition.committed.start
        old = [s for s in partition.shards if s.end <= start and not s.writable and not s.retiring]
        if old and not partition.gone:
            partition.shards = [s for s in partition.shards if s not in old]
            partition.move_start(start)
            self._writers.drop(partition, old)
        if not partition.gone and partition.leave_tail_below(start):
            await self._tail.remove(partition, start, True)
        if partition.shards and max(partition.shard_end, partition.writer_next) < start:
            await self.drop_from(partition, 0, f"its log begins at offset {start} now, after all that it holds")
        if partition.way is Way.MOVING and partition.writer_next >= partition.writer_target and not partition.uncommitted:
            # All that was to be moved is gone; what came since may be too much for the tail again.
            partition.way = Way.TAIL
            self._consider(partition)

    async def remove(self, partition: PartitionIndex, then: Task | None) -> None:
        """The partition is gone: remove all it has once no search uses it.

        :param then: to be done after that.
        """
        self._writers.forget(partition)
        self._tail.forget(partition)
        await self._tail.remove(partition, 0, False)
        shards, partition.shards = partition.shards, []

        async def finish() -> None:
            await self._run(partition.directory.remove_all, shards)
            if then is not None:
                await then()

        self._writers.after_searches(finish)

    async def failed(self, partition: PartitionIndex, error: Exception) -> None:
        """Writing a partition's last shard failed: it is dropped and written again after a pause."""
        self._log.failure("writing the search index of {path} failed", path=partition.directory.path)
        partition.state = str(error) or type(error).__name__
        await self.drop_from(partition, len(partition.shards) - 1, partition.state)
        partition.retry_at = self._clock.seconds() + self._limits.retry_s

    async def drop_from(self, partition: PartitionIndex, number: int, reason: str) -> None:
        """Drop the partition's shards from ``number`` on, and index from there anew."""
        if number < 0 or partition.gone:
            return
        dropped = partition.shards[number:]
        partition.shards = partition.shards[:number]
        self._log.warn(
            "search index {path}: {reason}; indexing again from offset {offset}",
            path=partition.directory.path,
            reason=reason,
            offset=dropped[0].base if dropped else partition.shard_end,
        )
        self._writers.forget(partition)
        self._writers.drop(partition, dropped)
        if dropped:
            partition.shard_end = dropped[0].base
        partition.uncommitted, partition.commit_due = 0, False
        await self._tail.remove(partition, 0, False)
        partition.move_start(partition.committed.start)
        self._begin(partition)

    async def audit(self, partition: PartitionIndex, whole: bool = False) -> None:
        """Look for damage done from outside.

        :param whole: read every file: a search has failed.
        """
        if partition.gone:
            return
        found = await self._run(partition.directory.damaged, list(partition.shards), whole)
        if found is not None:
            await self.drop_from(partition, *found)

    async def reindex(self, partition: PartitionIndex, base: int, end: int, fetch: Callable[[Want], Awaitable[Fetched | None]]) -> None:
        """The log's offsets ``base <= offset < end`` were rewritten: index them again.

        Sealed shards go on serving until their replacement is complete; what is not sealed is dropped and read again.
        """
        if partition.gone:
            return
        touched = [s for s in partition.shards if s.base < end and s.end > base]
        unsealed = [s for s in touched if s.retiring or not s.sealed]
        if unsealed:
            await self.drop_from(partition, partition.shards.index(unsealed[0]), "its extent was rewritten")
        elif partition.through > partition.shard_end and end > partition.shard_end:
            await self._tail.remove(partition, 0, False)
            self._begin(partition)
        for old in (s for s in touched if s not in unsealed):
            new = await self._run(partition.directory.create, old.base)
            new.sealed = True
            self._queue.put(partial(self._replace, partition, old, new, old.base, fetch))

    async def _replace(
        self, partition: PartitionIndex, old: Shard, new: Shard, offset: int, fetch: Callable[[Want], Awaitable[Fetched | None]]
    ) -> None:
        """One step of building ``new``; the next one is put at the end of the queue."""
        if partition.gone or old not in partition.shards:
            await self._run(partition.directory.remove, new)
            return
        feed = partition.feed
        offset = max(offset, partition.committed.start)
        if offset < old.end:
            fetched = await fetch(Want(feed.topic_id, feed.partition, offset, self._limits.fetch_bytes_max))
            if fetched is None:
                await self._run(partition.directory.remove, new)
                await self.drop_from(partition, partition.shards.index(old), "it could not be replaced")
                return
            plan = Plan(fetched, offset, SHARD_TOPIC, feed.mode, feed.fast, old.end)
            (result,) = await self._run(index_into, new.store, [plan])
            new.documents += result.documents
            offset = result.next_offset if result.advanced else old.end
        if offset < old.end:
            self._queue.put(lambda: self._replace(partition, old, new, offset, fetch))
            return
        new.end = old.end
        await self._writers.replace(partition, old, new)

    async def _resume(self, partition: PartitionIndex) -> LastRecord | None:
        while partition.shards:
            covered = await self._run(partition.directory.covered, partition.shards[-1])
            if covered.last_offset >= 0:
                partition.shard_end = partition.shards[-1].end
                return covered.last_epoch, covered.last_offset
            self._writers.drop(partition, [partition.shards.pop()])
        partition.shard_end = partition.committed.start
        self._begin(partition)
        return None

    def _begin(self, partition: PartitionIndex) -> None:
        partition.writer_next = partition.shard_end
        partition.restart_tail()
        partition.way = Way.TAIL
        self._consider(partition)

    async def _cut(self, partition: PartitionIndex, offset: int) -> None:
        dropped = [s for s in partition.shards if s.base >= offset or (s.retiring and s.end > offset)]
        partition.shards = [s for s in partition.shards if s not in dropped]
        self._writers.forget(partition)
        self._writers.drop(partition, dropped)
        partition.uncommitted, partition.commit_due = 0, False
        shard = partition.shards[-1] if partition.shards else None
        if shard is not None and (shard.end > offset or shard.writable):
            try:
                await self._writers.cut(partition, shard, offset)
            except Exception as error:  # noqa: BLE001  whatever it is, the log has it all
                await self.drop_from(partition, len(partition.shards) - 1, f"it could not be cut at offset {offset}: {error}")
        ends = [s.end for s in partition.shards]
        partition.shard_end = partition.writer_next = ends[-1] if ends else min(offset, dropped[0].base if dropped else offset)
