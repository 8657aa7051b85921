"""A look at every record of a batch that keeps nothing of it: for who must know that all are well-formed, and needs only their times, offsets and
whether they have keys.

It takes a third of the time of decoding them, and no memory: what a batch claims to hold may be a million times as large as the batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from chronik.record.batch import BatchHeader, parse_header
from chronik.record.records import INT64_MAX, INT64_MIN, BadRecords, TooMuchInside, read_varint, unpacked_records

Glance: TypeAlias = tuple[int, int, bool]
"""Offset delta and timestamp (ms) of a record, and whether it has a key."""

PARTS_BETWEEN_PAUSES: Final = 128
"""Records and headers that are passed over before whoever else wants the interpreter is let: some 0.1 ms."""

PAUSE_SECONDS: Final = 50e-6
"""How long a thread that looks lets others compute, every 0.1 ms or so. Python would let them after 5 ms, each time they have waited for anything."""


def go_on() -> None:
    """Make no pause."""


def let_others() -> None:
    """The pause of a thread."""
    time.sleep(PAUSE_SECONDS)


class RecordGlances:
    """Passes over the records of a batch, as strict as :func:`~chronik.record.records.decode_records`.

    :param unpacked: the batch's records, from :func:`~chronik.record.records.unpacked_records`.
    :param pause: called now and then, for who walks in a thread: while Python computes no other thread does.
    :param parts_max: how many records and headers there may be; None for any number.
    """

    def __init__(self, header: BatchHeader, unpacked: bytes, pause: Callable[[], None] = go_on, parts_max: int | None = None) -> None:
        self._header = header
        self._unpacked = unpacked
        self._pause = pause
        self._left = parts_max if parts_max is not None else INT64_MAX
        self._parts_max = parts_max

    def __iter__(self) -> Iterator[Glance]:
        """Of each record, in their order.

        :raises TooMuchInside: there are more parts than allowed.
        :raises BadRecords: they are not what the header says.
        """
        header, data = self._header, self._unpacked
        end, count = len(data), header.count
        if not 0 <= count or count * 7 > end:
            raise BadRecords(f"{end} bytes are too few for {count} records")
        self._spend(count)
        fixed = header.max_timestamp if header.is_log_append_time else None
        base_timestamp, last_delta = header.base_timestamp, header.last_offset_delta
        varint, pause = read_varint, self._pause
        number, at, last = 0, 0, -1
        try:
            for number in range(count):
                if not number % PARTS_BETWEEN_PAUSES and number:
                    pause()
                size, at = varint(data, at, 28)
                stop = at + size
                if size < 6 or stop > end:
                    raise BadRecords(f"record {number} of the batch says it has {size} bytes")
                delta, at = varint(data, at + 1, 63)
                timestamp = base_timestamp + delta if fixed is None else fixed
                if not INT64_MIN <= timestamp <= INT64_MAX:
                    raise BadRecords(f"record {number} of the batch has a timestamp that is no int64")
                delta, at = varint(data, at, 28)
                if not last < delta <= last_delta:
                    raise BadRecords(f"record {number} of the batch has offset delta {delta} after {last}; the last one is {last_delta}")
                last = delta
                key_bytes, at = varint(data, at, 28)
                if key_bytes > 0:
                    at += key_bytes
                length, at = varint(data, at, 28)
                if length > 0:
                    at += length
                if at >= stop:
                    raise BadRecords(f"record {number} of the batch ends inside its fields")
                at = at + 1 if data[at] == 0 else self._behind_headers(at, stop)
                if at != stop:
                    raise BadRecords(f"record {number} of the batch does not end where it says")
                yield delta, timestamp, key_bytes >= 0
        except IndexError:
            raise BadRecords(f"record {number} of the batch is cut off") from None
        if at != end:
            raise BadRecords(f"{end - at} bytes follow the last record of the batch")

    def _spend(self, parts: int) -> None:
        self._left -= parts
        if self._left < 0:
            raise TooMuchInside(f"the batch has more than {self._parts_max} records and headers")

    def _behind_headers(self, at: int, stop: int) -> int:
        """The position behind a record's headers."""
        data = self._unpacked
        count, at = read_varint(data, at, 28)
        if count < 0 or count * 2 > stop - at:
            raise BadRecords(f"a record says it has {count} headers")
        self._spend(count)
        for number in range(count):
            if not number % PARTS_BETWEEN_PAUSES and number:
                self._pause()
            length, at = read_varint(data, at, 28)
            if length < 0 or at + length > stop:
                raise BadRecords("a record has a header without a name")
            length, at = read_varint(data, at + length, 28)
            if length >= 0:
                at += length
                if at > stop:
                    raise BadRecords("a record's header reaches past its end")
        return at


def record_times(batch: bytes) -> Iterator[tuple[int, int]]:
    """Offset and timestamp (ms) of each record of a batch, in their order, for who looks in a thread.

    :raises BadRecords: from here on they cannot be read.
    """
    header = parse_header(batch)
    base_offset = header.base_offset
    for delta, timestamp, _ in RecordGlances(header, unpacked_records(header, batch), let_others):
        yield base_offset + delta, timestamp
