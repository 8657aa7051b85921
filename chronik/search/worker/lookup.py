"""Reading records back from the log to show them. An index keeps no values: a hit says where its record is.

Batches are kept decompressed in a bounded LRU: hits of one search, and of the next, often come from the same ones. The position of a record in its
batch is part of a hit, so that the records before it are skipped, not decoded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from twisted.internet.defer import gatherResults
from twisted.logger import Logger

from chronik.defer import deferred
from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.record.batch import BadBatch, BatchHeader, check_crc, whole_batches
from chronik.record.records import BadRecords, Record, RecordWalk, unpacked_records
from chronik.search.interfaces import Found
from chronik.search.worker.source import IRecordSource, Want

CACHE_BYTES_MAX: Final = 16 << 20
"""Of decompressed batches; a page of hits rarely needs more."""

READ_BYTES_MAX: Final = 256 << 10
"""Of one read: several small batches at once, since neighbours are often hits too."""

Place: TypeAlias = "tuple[TopicId, int, int]"
"""Topic id, partition, offset."""

Batches: TypeAlias = "dict[int, tuple[BatchHeader, bytes]]"
"""Header and decompressed records by base offset."""


_GONE: Final = (ErrorCode.NONE, ErrorCode.OFFSET_OUT_OF_RANGE, ErrorCode.CORRUPT_MESSAGE)
"""What a log says of records that it does not have any more, or not as they were written."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What came of reading records back.

    :ivar failed: partitions whose log cannot be read now, and why.
    """

    records: dict[Place, Record]
    failed: dict[tuple[TopicId, int], str]


class _LogFailed(Exception):
    """A log cannot be read now."""


class RecordLookup:
    """Finds the records of hits.

    :param source: reads from the broker; not the one that indexing waits at.
    """

    _log = Logger()

    def __init__(self, source: IRecordSource, bytes_max: int = CACHE_BYTES_MAX) -> None:
        self._source = source
        self._bytes_max = bytes_max
        self._cached: OrderedDict[Place, tuple[BatchHeader, bytes]] = OrderedDict()
        self._bytes = 0

    @deferred
    async def read(self, wanted: Iterable[tuple[TopicId, int, Found]]) -> Shown:
        """The records of these hits; those that the log does not have any more are left out."""
        partitions: dict[tuple[TopicId, int], list[Found]] = {}
        for topic_id, partition, found in wanted:
            partitions.setdefault((topic_id, partition), []).append(found)
        shown = Shown({}, {})
        await gatherResults([self._read_into(shown, *which, founds) for which, founds in partitions.items()], consumeErrors=True)
        return shown

    @deferred
    async def _read_into(self, shown: Shown, topic_id: TopicId, partition: int, founds: list[Found]) -> None:
        try:
            await self._read_partition(shown.records, topic_id, partition, founds)
        except _LogFailed as error:
            shown.failed[topic_id, partition] = str(error)

    @deferred
    async def _read_partition(self, records: dict[Place, Record], topic_id: TopicId, partition: int, founds: list[Found]) -> None:
        read: Batches = {}
        walk: RecordWalk | None = None
        for found in sorted(founds, key=lambda f: f.offset):
            key = topic_id, partition, found.batch_offset
            batch = read.get(found.batch_offset) or self._get(key)
            if batch is None:
                read = await self._fetch(topic_id, partition, found.offset)
                batch = read.get(found.batch_offset)
            if batch is not None:
                self._keep(key, batch)
                if walk is None or walk.header is not batch[0]:
                    walk = RecordWalk(*batch)
                try:
                    record = walk.record(found.position)
                except BadRecords as error:
                    self._log.warn("offset {offset} cannot be shown: {error}", offset=found.offset, error=error)
                    continue
                if record.offset == found.offset:
                    records[topic_id, partition, found.offset] = record

    async def _fetch(self, topic_id: TopicId, partition: int, offset: int) -> Batches:
        """The batches from the one that holds ``offset`` on that fit one read.

        :raises _LogFailed: the log cannot be read now.
        """
        batches: Batches = {}
        for fetched in await self._source.fetch([Want(topic_id, partition, offset, READ_BYTES_MAX)], READ_BYTES_MAX):
            if fetched.error not in _GONE:
                raise _LogFailed(f"records cannot be shown: {fetched.error.name}")
            try:
                for header, batch in whole_batches(fetched.records):
                    check_crc(header, batch)
                    batches[header.base_offset] = header, unpacked_records(header, batch)
            except (BadBatch, BadRecords) as error:
                # What follows is read when it is asked for.
                what = "a batch of partition {partition} from offset {offset} on cannot be shown: {error}"
                self._log.warn(what, partition=partition, offset=offset, error=error)
        return batches

    def _get(self, key: Place) -> tuple[BatchHeader, bytes] | None:
        if key in self._cached:
            self._cached.move_to_end(key)
            return self._cached[key]
        return None

    def _keep(self, key: Place, batch: tuple[BatchHeader, bytes]) -> None:
        if key in self._cached:
            return
        self._cached[key] = batch
        self._bytes += len(batch[1])
        while self._bytes > self._bytes_max and len(self._cached) > 1:
            self._bytes -= len(self._cached.popitem(last=False)[1][1])
