"""From fetched batches to what is indexed. Runs in the writing thread.

Every offset is accounted for: a record becomes a document; what yields none (control batches, aborted transactions, batches that cannot be
decoded or are damaged, offsets removed by compaction) becomes a marker with its range and reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chronik.record.batch import BadBatch, BatchHeader, check_crc, whole_batches
from chronik.record.records import decode_records
from chronik.search.interfaces import Document, ISearchStore, Marker
from chronik.search.worker.source import Fetched

DAMAGED: Final = "damaged"
"""Why records of which the log has only other bytes than were written are not found."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to index of a partition.

    :ivar offset: the first offset to be indexed; the fetched batches may begin before it.
    :ivar topic: number of the topic in the store.
    :ivar limit: offsets from here on are left out; None for none.
    """

    fetched: Fetched
    offset: int
    topic: int
    mode: str
    fast: bool
    limit: int | None


@dataclass(frozen=True, slots=True)
class Indexed:
    """What came of a plan.

    :ivar next_offset: one past the last offset accounted for.
    :ivar documents: records and markers.
    :ivar size_bytes: of keys and values.
    :ivar advanced: anything was accounted for.
    """

    next_offset: int
    documents: int
    records: int
    size_bytes: int
    advanced: bool


def index_into(store: ISearchStore, plans: Sequence[Plan]) -> list[Indexed]:
    """Add what was fetched to a store."""
    everything: list[Document | Marker] = []
    results = []
    for plan in plans:
        made = list(documents(plan))
        end = plan.offset
        if made:
            last = made[-1]
            end = (last.last_offset if isinstance(last, Marker) else last.offset) + 1
        records = [d for d in made if isinstance(d, Document)]
        size = sum(len(d.key or b"") + len(d.value or b"") for d in records)
        results.append(Indexed(end, len(made), len(records), size, bool(made)))
        everything += made
    if everything:
        store.add(everything)
    return results


def documents(plan: Plan) -> Iterator[Document | Marker]:
    """The documents and markers of a plan, without a gap from its offset on."""
    want = plan.fetched.want
    limit = plan.limit if plan.limit is not None else 1 << 63
    position = plan.offset
    aborted = _Aborted(plan.fetched.aborted)
    damaged: BatchHeader | None = None
    for header, batch in whole_batches(plan.fetched.records):
        if not _is_sound(header, batch):
            # Nothing of it can be trusted, not even how far it goes: where the next one begins tells.
            damaged = header
            continue
        reason = aborted.reason(header)
        if header.last_offset < position:
            continue
        if position >= limit:
            return
        if header.base_offset > position:
            why = "compacted" if damaged is None else DAMAGED
            yield Marker(plan.topic, want.partition, position, min(header.base_offset, limit) - 1, header.leader_epoch, why)
            position = header.base_offset
        damaged = None
        end = min(header.last_offset + 1, limit)
        if reason is None:
            yield from _records(plan, header, batch, position, end)
        elif end > position:
            yield Marker(plan.topic, want.partition, position, end - 1, header.leader_epoch, reason)
        position = end
    end = min(max(plan.fetched.damaged_to, _end_of(damaged, position, plan.fetched.stable) if damaged is not None else 0), limit)
    if end > position:
        yield Marker(plan.topic, want.partition, position, end - 1, 0, DAMAGED)


def _is_sound(header: BatchHeader, batch: memoryview) -> bool:
    try:
        check_crc(header, batch)
    except BadBatch:
        return False
    return True


def _end_of(damaged: BatchHeader, position: int, stable: int) -> int:
    """One past what is given up of a batch behind which nothing was read: what it says itself, where that can be, else one record."""
    can_be = damaged.base_offset <= position <= damaged.last_offset < stable
    return damaged.last_offset + 1 if can_be else position + 1


def _records(plan: Plan, header: BatchHeader, batch: memoryview, start: int, end: int) -> Iterator[Document | Marker]:
    """Offsets ``start <= offset < end`` of one batch."""
    partition, epoch, base = plan.fetched.want.partition, header.leader_epoch, header.base_offset
    try:
        decoded = decode_records(batch)
    except Exception:  # noqa: BLE001  whatever is wrong inside one batch
        yield Marker(plan.topic, partition, start, end - 1, epoch, "undecodable")
        return
    for position, record in enumerate(decoded):
        offset = record.offset
        if offset < start:
            continue
        if offset >= end:
            break
        if offset > start:
            yield Marker(plan.topic, partition, start, offset - 1, epoch, "compacted")
        _, timestamp, key, value, headers = record
        yield Document(plan.topic, partition, offset, epoch, base, position, timestamp, key, value, headers, plan.mode, plan.fast)
        start = offset + 1
    if start < end:
        yield Marker(plan.topic, partition, start, end - 1, epoch, "compacted")


class _Aborted:
    """Tells which batches belong to aborted transactions, as Kafka's consumers do (KIP-98): a producer's transaction ends with its marker."""

    def __init__(self, transactions: Sequence[tuple[int, int]]) -> None:
        self._to_come = sorted(transactions, key=lambda t: t[1], reverse=True)
        self._producers: set[int] = set()

    def reason(self, header: BatchHeader) -> str | None:
        """Why a batch has no records to be found, None when it has. To be asked of every batch, in order."""
        while self._to_come and self._to_come[-1][1] <= header.last_offset:
            self._producers.add(self._to_come.pop()[0])
        if header.is_control:
            self._producers.discard(header.producer_id)
            return "control"
        return "aborted" if header.is_transactional and header.producer_id in self._producers else None
