"""The shared tail: one index in memory for the newest records of all partitions that trickle.

Nothing of it outlives the process: it is filled again from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from chronik.search.interfaces import ISearchBackend, ISearchStore
from chronik.search.worker.batches import Indexed, Plan, index_into
from chronik.search.worker.limits import IndexLimits
from chronik.search.worker.partition import PartitionIndex, TailRun
from chronik.search.worker.pins import Pins
from chronik.search.worker.threads import Run

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime


class Tail:
    """Adds to the tail's index and commits it. Calls are made one after the other, by the indexer's loop.

    :param run: the writing thread.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, backend: ISearchBackend, run: Run, limits: IndexLimits, pins: Pins) -> None:
        self._clock = clock
        self._backend = backend
        self._run = run
        self._limits = limits
        self._pins = pins
        self._dirty: dict[PartitionIndex, None] = {}
        self._changed = False
        self._dirty_since = 0.0
        self._committed_at = -limits.refresh_interval_s
        self._refreshes: list[Deferred[None]] = []
        self.store: ISearchStore | None = None

    async def open(self) -> ISearchStore:
        """The index, made when it is first needed."""
        if self.store is None:
            self.store = await self._run(self._backend.open, None, True, self._limits.tail_heap_bytes)
        return self.store

    async def add(self, partitions: Sequence[PartitionIndex], plans: Sequence[Plan]) -> Sequence[Indexed]:
        """Index what was fetched for these partitions."""
        store = await self.open()
        results = await self._run(index_into, store, plans)
        for partition, result in zip(partitions, results, strict=True):
            partition.added_to_tail(TailRun(result.next_offset, result.documents, result.size_bytes))
            self._touch(partition)
        return results

    async def commit(self) -> Iterable[PartitionIndex]:
        """Make everything added searchable; the partitions it is of."""
        dirty, self._dirty = self._dirty, {}
        ends = [(p, p.tail_next) for p in dirty]
        refreshes, self._refreshes = self._refreshes, []
        try:
            if self.store is not None and self._changed:
                self._changed = False
                await self._run(self.store.commit)
            for partition, end in ends:
                partition.tail_end = max(partition.tail_end, min(end, partition.tail_next))
        finally:
            self._committed_at = self._clock.seconds()
            for waiting in refreshes:
                waiting.callback(None)
        return dirty

    async def remove(self, partition: PartitionIndex, start: int, below: bool) -> None:
        """Let go of a partition's records below ``start``, or from there on; memory is given back with the next commit."""
        if self.store is None:
            return
        function = self.store.remove_below if below else self.store.remove_from
        await self._run(function, partition.topic_number, partition.feed.partition, start)
        self._touch(partition)

    async def renew(self) -> None:
        """Begin again with an empty index; the old one is closed when no search uses it."""
        old, self.store = self.store, None
        self._dirty.clear()
        if old is not None:
            self._pins.clear().addCallback(lambda _: self._run(old.close)).addErrback(self._close_failed)

    def forget(self, partition: PartitionIndex) -> None:
        """The partition is gone."""
        self._dirty.pop(partition, None)

    def refresh(self, partitions: Iterable[PartitionIndex]) -> Deferred[None]:
        """Fires when what was added of these partitions is searchable; at once when that was tried a moment ago."""
        if not any(p in self._dirty and p.tail_next > p.tail_end for p in partitions):
            return succeed(None)
        if self._clock.seconds() < self._committed_at + self._limits.refresh_interval_s:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._refreshes.append(waiting)
        return waiting

    def due_at(self) -> float | None:
        """When the next commit should be; None when there is nothing to commit."""
        if self._refreshes or any(p.waited_for() for p in self._dirty if p.waiters):
            return 0.0
        return self._dirty_since + self._limits.tail_commit_age_s if self._dirty else None

    def _touch(self, partition: PartitionIndex) -> None:
        if not self._dirty:
            self._dirty_since = self._clock.seconds()
        self._dirty[partition] = None
        self._changed = True

    def _close_failed(self, failure: object) -> None:
        self._log.warn("closing a search tail failed: {failure}", failure=failure)
