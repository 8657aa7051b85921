"""Brokers whose search is broken on purpose. See :mod:`tests.simulation.variants`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from chronik.replica.interfaces import ReadResult
from chronik.search.feed import PartitionWatch, SearchFeed
from chronik.search.feed_messages import Committed, truncated_head
from chronik.search.worker import batches, lookup
from chronik.search.worker.partition import PartitionIndex
from chronik.search.worker.recovery import Recovery
from chronik.search.worker.tail import Tail
from chronik.server.handlers.fetch import reading

SEARCH_CLIENT: Final = "chronik-search"


def index_ahead_of_log() -> None:
    """Search is given records before they are committed, or even durable, and takes nothing back that a crash or another leader took away."""
    before = reading._read

    async def read(context: Any, partition: Any, part: Any, bytes_max: int, isolation: Any, at_least_one_batch: bool) -> Any:
        if context.client_id != SEARCH_CLIENT:
            return await before(context, partition, part, bytes_max, isolation, at_least_one_batch)
        end = partition.written_offset
        records = await partition.log.read(part.offset, bytes_max, end, at_least_one_batch)
        return ReadResult(records, end, end, partition.log.start_offset)

    def now(self: PartitionWatch) -> Committed:
        end = self.partition.written_offset  # type: ignore[attr-defined]
        return Committed(self.number, self.partition.start_offset, end, end)

    reading._read = read
    PartitionWatch.now = now  # type: ignore[method-assign]
    PartitionWatch.truncated = lambda self, log, offset, leader_epoch: None  # type: ignore[method-assign]
    SearchFeed.resume = lambda self, number, epoch, offset: self.tell(truncated_head(number, offset + 1))  # type: ignore[method-assign]


def search_what_is_not_committed_yet() -> None:
    """An addition to the tail counts as searchable before it is."""
    added = PartitionIndex.added_to_tail

    def add(self: PartitionIndex, run: Any) -> None:
        added(self, run)
        self.tail_end = self.tail_next

    PartitionIndex.added_to_tail = add  # type: ignore[method-assign]


def skip_a_record_after_a_start() -> None:
    """The record that comes after what is in the shards is not indexed."""
    before = Recovery._begin

    def begin(self: Recovery, partition: PartitionIndex) -> None:
        before(self, partition)
        if partition.shards:
            partition.tail_next += 1
            partition.writer_next += 1

    Recovery._begin = begin  # type: ignore[method-assign]


def forget_the_tail() -> None:
    """Records that move from the tail to a shard leave the tail when the shard is begun."""
    before = Tail.add

    async def add(self: Tail, partitions: Any, plans: Any) -> Any:
        results = await before(self, partitions, plans)
        for partition in partitions:
            if partition.tail_documents > 10:
                await self.remove(partition, partition.tail_next, True)
        return results

    Tail.add = add  # type: ignore[method-assign]


def show_damaged_records() -> None:
    """Bytes of a damaged batch are indexed and shown."""
    batches.check_crc = lambda header, batch: None  # type: ignore[attr-defined]
    lookup.check_crc = lambda header, batch: None  # type: ignore[attr-defined]


ALL: Final[Sequence[Callable[[], None]]] = (
    search_what_is_not_committed_yet,
    skip_a_record_after_a_start,
    forget_the_tail,
    show_damaged_records,
)
"""Those that a cluster of one shows. :func:`index_ahead_of_log` shows where others lead: there is more that is written and never committed."""
