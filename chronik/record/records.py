"""The records inside a batch, for those few who look inside: search, coordinators, compaction, the validation of compacted topics.

A record is ``length varint, attributes int8, timestamp delta varlong, offset delta varint, key, value, headers``, lengths zigzag-coded, -1 for null
("Record" in the Kafka protocol guide).
"""

from __future__ import annotations

import enum
from struct import Struct
from typing import Final, NamedTuple

from chronik.record.batch import HEADER_BYTES, BatchHeader, parse_header
from chronik.record.compression import Codec, CompressionError, TooLarge, decompress, unpacked_bytes_max

_CONTROL_KEY: Final = Struct(">hh")
INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)


class BadRecords(ValueError):
    """The inside of a batch cannot be read."""


class TooMuchInside(BadRecords):
    """There is more inside than is allowed."""


class Record(NamedTuple):
    """One record; ``timestamp`` is ms, ``headers`` in the producer's order."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class ControlType(enum.IntEnum):
    """What a control batch says (KIP-98)."""

    ABORT = 0
    COMMIT = 1


def unpacked_records(header: BatchHeader, batch: bytes | memoryview, bytes_max: int | None = None) -> bytes:
    """The bytes of a batch's records, decompressed.

    :param batch: the whole batch.
    :param bytes_max: how many there may be; None for what so many packed ones may hold.
    :raises TooMuchInside: there are more than that.
    :raises BadRecords: they cannot be decompressed.
    """
    packed = memoryview(batch)[HEADER_BYTES : header.size_bytes]
    codec = Codec(header.attributes & 7) if header.attributes & 7 <= Codec.ZSTD else None
    if codec is None:
        raise BadRecords(f"compression type {header.attributes & 7} is unknown")
    if codec is Codec.NONE:
        if bytes_max is not None and len(packed) > bytes_max:
            raise TooMuchInside(f"the records take more than {bytes_max} bytes")
        return bytes(packed)
    try:
        return decompress(codec, packed, unpacked_bytes_max(len(packed)) if bytes_max is None else bytes_max)
    except TooLarge as error:
        raise TooMuchInside(str(error)) from error
    except CompressionError as error:
        raise BadRecords(str(error)) from error


def decode_records(batch: bytes | memoryview) -> list[Record]:
    """All records of a batch.

    :param batch: it begins there; what follows the batch is not looked at.
    :raises BadRecords: they are not what the header says, or cannot be decompressed.
    """
    header = parse_header(batch)
    return _decode(header, unpacked_records(header, batch))


class RecordWalk:
    """Finds records of one batch by their position, without building those before them. Asked in ascending order it passes over each only once.

    :param unpacked: from :func:`unpacked_records`.
    """

    __slots__ = ("_at", "_position", "_unpacked", "header")

    def __init__(self, header: BatchHeader, unpacked: bytes) -> None:
        self.header = header
        self._unpacked = unpacked
        self._position = self._at = 0

    def record(self, position: int) -> Record:
        """The record that ``position`` others precede.

        :raises BadRecords: there is none.
        """
        if position < self._position:
            self._position = self._at = 0
        unpacked, at = self._unpacked, self._at
        try:
            for number in range(self._position, position):
                size, at = read_varint(unpacked, at, 28)
                if size < 0:
                    raise BadRecords(f"record {number} of the batch says it has {size} bytes")
                at += size
            size, start = read_varint(unpacked, at, 28)
        except IndexError:
            raise BadRecords(f"there is no record {position} in the batch") from None
        if size <= 0 or start + size > len(unpacked):
            raise BadRecords(f"there is no record {position} in the batch")
        self._position, self._at = position, at
        single = self.header._replace(count=1)
        return _decode(single, unpacked[at : start + size])[0]


def record_at(header: BatchHeader, unpacked: bytes, position: int) -> Record:
    """One record of a batch; see :meth:`RecordWalk.record`."""
    return RecordWalk(header, unpacked).record(position)


def control_type(record: Record) -> ControlType | None:
    """What a control record says; None for kinds that are unknown here."""
    if record.key is None or len(record.key) < _CONTROL_KEY.size:
        return None
    kind = _CONTROL_KEY.unpack_from(record.key)[1]
    return ControlType(kind) if kind in (0, 1) else None


def read_varint(data: bytes, at: int, shift_max: int) -> tuple[int, int]:
    """A zigzag varint and the position after it; an IndexError at the end of the data."""
    byte = data[at]
    at += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), at
    value = byte & 0x7F
    shift = 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
        if shift > shift_max:
            raise BadRecords("a varint is too long")


def _decode(header: BatchHeader, data: bytes) -> list[Record]:
    """Decode ``header.count`` records that fill ``data``. One loop, single-byte varints inlined: this runs once for every record that is indexed."""
    end = len(data)
    count = header.count
    if not 0 <= count or count * 7 > end:
        raise BadRecords(f"{end} bytes are too few for {count} records")
    base_offset, base_timestamp = header.base_offset, header.base_timestamp
    fixed_timestamp = header.max_timestamp if header.is_log_append_time else None
    records: list[Record] = []
    append = records.append
    at = 0
    last, last_delta = -1, header.last_offset_delta
    try:
        for _ in range(count):
            size, at = read_varint(data, at, 28)
            stop = at + size
            if size < 6 or stop > end:
                raise BadRecords(f"record {len(records)} of the batch says it has {size} bytes")
            delta, at = read_varint(data, at + 1, 63)
            timestamp = base_timestamp + delta if fixed_timestamp is None else fixed_timestamp
            if not INT64_MIN <= timestamp <= INT64_MAX:
                raise BadRecords(f"record {len(records)} of the batch has a timestamp that is no int64")
            delta, at = read_varint(data, at, 28)
            if not last < delta <= last_delta:
                raise BadRecords(f"record {len(records)} of the batch has offset delta {delta} after {last}; the last one is {last_delta}")
            last = delta
            length, at = read_varint(data, at, 28)
            if length >= 0:
                key: bytes | None = data[at : at + length]
                at += length
            else:
                key = None
            length, at = read_varint(data, at, 28)
            if length >= 0:
                value: bytes | None = data[at : at + length]
                at += length
            else:
                value = None
            if at >= stop:
                raise BadRecords(f"record {len(records)} of the batch ends inside its fields")
            byte = data[at]
            if byte == 0:
                at += 1
                headers: tuple[tuple[str, bytes | None], ...] = ()
            else:
                headers, at = _headers(data, at, stop)
            if at != stop:
                raise BadRecords(f"record {len(records)} of the batch does not end where it says")
            append(Record(base_offset + delta, timestamp, key, value, headers))
    except IndexError:
        raise BadRecords(f"record {len(records)} of the batch is cut off") from None
    if at != end:
        raise BadRecords(f"{end - at} bytes follow the last record of the batch")
    return records


def _headers(data: bytes, at: int, stop: int) -> tuple[tuple[tuple[str, bytes | None], ...], int]:
    count, at = read_varint(data, at, 28)
    if count < 0 or count * 2 > stop - at:
        raise BadRecords(f"a record says it has {count} headers")
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        length, at = read_varint(data, at, 28)
        if length < 0 or at + length > stop:
            raise BadRecords("a record has a header without a name")
        name = data[at : at + length].decode("utf-8", "replace")
        at += length
        length, at = read_varint(data, at, 28)
        if length < 0:
            headers.append((name, None))
            continue
        if at + length > stop:
            raise BadRecords("a record's header reaches past its end")
        headers.append((name, data[at : at + length]))
        at += length
    return tuple(headers), at
