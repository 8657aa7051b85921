"""New batches: for coordinators, the command line, tests, and topics that say how their records are compressed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final, NamedTuple

from chronik.record.batch import (
    CONTROL_FLAG,
    HEADER_BYTES,
    LENGTH_OVERHEAD,
    MAGIC,
    TRANSACTIONAL_FLAG,
    BatchHeader,
    with_crc,
)
from chronik.record.compression import Codec, compress

_HEADER: Final = Struct(">qiibIhiqqqhii")


class NewRecord(NamedTuple):
    """What goes into a batch; ``timestamp`` is ms."""

    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Sequence[tuple[str, bytes | None]] = ()


def build_batch(
    records: Iterable[NewRecord],
    codec: Codec = Codec.NONE,
    *,
    level: int | None = None,
    base_offset: int = 0,
    leader_epoch: int = -1,
    producer_id: int = -1,
    producer_epoch: int = -1,
    base_sequence: int = -1,
    transactional: bool = False,
    control: bool = False,
) -> bytes:
    """One batch of these records, in their order, with consecutive offsets.

    :raises ValueError: there are no records.
    """
    listed = list(records)
    if not listed:
        raise ValueError("a batch has at least one record")
    base_timestamp = listed[0].timestamp
    packed = compress(codec, b"".join(_record(index, record, base_timestamp) for index, record in enumerate(listed)), level)
    attributes = int(codec) | (TRANSACTIONAL_FLAG if transactional else 0) | (CONTROL_FLAG if control else 0)
    head = _HEADER.pack(
        base_offset,
        HEADER_BYTES - LENGTH_OVERHEAD + len(packed),
        leader_epoch,
        MAGIC,
        0,
        attributes,
        len(listed) - 1,
        base_timestamp,
        max(record.timestamp for record in listed),
        producer_id,
        producer_epoch,
        base_sequence,
        len(listed),
    )
    return bytes(with_crc(bytearray(head + packed)))


def recompressed(header: BatchHeader, unpacked: bytes, codec: Codec, level: int | None = None) -> bytearray:
    """The batch of ``header`` with its records compressed by another codec; all else stays.

    :param unpacked: its records, decompressed.
    """
    packed = compress(codec, unpacked, level)
    fields = header._replace(length=HEADER_BYTES - LENGTH_OVERHEAD + len(packed), attributes=(header.attributes & ~7) | int(codec), crc=0)
    return with_crc(bytearray(_HEADER.pack(*fields) + packed))


def _record(index: int, record: NewRecord, base_timestamp: int) -> bytes:
    parts = [b"\x00", varint(record.timestamp - base_timestamp), varint(index), _sized(record.key), _sized(record.value), varint(len(record.headers))]
    for name, value in record.headers:
        parts.append(_sized(name.encode()))
        parts.append(_sized(value))
    body = b"".join(parts)
    return varint(len(body)) + body


def _sized(data: bytes | None) -> bytes:
    return b"\x01" if data is None else varint(len(data)) + data


def varint(value: int) -> bytes:
    """A zigzag varint of up to 64 bits."""
    value = (value << 1) ^ (value >> 63)
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
