"""Record batches as they travel and are stored: headers read, checked and patched; what is inside stays as the producer made it.

The layout is Kafka's RecordBatch v2 (KIP-98; "Record Batch" in the Kafka protocol guide)::

    0  base offset        int64      23 last offset delta  int32      51 producer epoch  int16
    8  length             int32      27 base timestamp     int64      53 base sequence   int32
    12 leader epoch       int32      35 max timestamp      int64      57 record count    int32
    16 magic              int8       43 producer id        int64      61 records
    17 CRC-32C of the rest           21 attributes         int16
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from crc32c import crc32c

from chronik.errors import ErrorCode, KafkaError
from chronik.record.compression import Codec, unpacked_bytes_max

HEADER_BYTES: Final = 61
"""Bytes of a batch before its records."""

RECORD_BYTES_MIN: Final = 7
"""The smallest record: seven fields of a byte each, with neither key nor value nor headers."""

LENGTH_OVERHEAD: Final = 12
"""Bytes of a batch that its length field does not count: base offset and length."""

CRC_START: Final = 21
"""Where the bytes begin that the CRC covers."""

MAGIC: Final = 2
"""The only format that is kept; 0 and 1 were message sets."""

CODEC_MASK: Final = 0x07
LOG_APPEND_TIME_FLAG: Final = 0x08
TRANSACTIONAL_FLAG: Final = 0x10
CONTROL_FLAG: Final = 0x20
DELETE_HORIZON_FLAG: Final = 0x40
_KNOWN_ATTRIBUTES: Final = 0x7F
_CODECS: Final[tuple[Codec | None, ...]] = (*Codec, None, None, None)

_HEADER: Final = Struct(">qiibIhiqqqhii")
_HEAD: Final = Struct(">qiib")
_OFFSET_LENGTH_EPOCH: Final = Struct(">qii")
_CRC_TO_MAX_TIMESTAMP: Final = Struct(">Ihiqq")


class BadBatch(KafkaError):
    """Bytes that are no batch, or a batch that must not be kept."""


class BatchHeader(NamedTuple):
    """A batch's header; timestamps are ms."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    count: int  # type: ignore[assignment]  # Kafka's word; nobody counts values in a header

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole batch."""
        return self.length + LENGTH_OVERHEAD

    @property
    def last_offset(self) -> int:
        """Offset of its last record."""
        return self.base_offset + self.last_offset_delta

    @property
    def codec(self) -> Codec:
        """How its records are compressed.

        :raises BadBatch: by none of the known codecs.
        """
        codec = _CODECS[self.attributes & CODEC_MASK]
        if codec is None:
            raise BadBatch(
                ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, f"compression type {self.attributes & CODEC_MASK} is unknown; 0 to 4 are known"
            )
        return codec

    @property
    def is_log_append_time(self) -> bool:
        """Whether the max timestamp is the broker's and holds for all records."""
        return bool(self.attributes & LOG_APPEND_TIME_FLAG)

    @property
    def is_transactional(self) -> bool:
        """Whether its records belong to a transaction."""
        return bool(self.attributes & TRANSACTIONAL_FLAG)

    @property
    def is_control(self) -> bool:
        """Whether it holds a marker instead of records."""
        return bool(self.attributes & CONTROL_FLAG)

    @property
    def last_sequence(self) -> int:
        """Sequence number of its last record; after 2^31 - 1 comes 0."""
        return -1 if self.base_sequence < 0 else (self.base_sequence + self.last_offset_delta) & 0x7FFFFFFF


def parse_header(data: bytes | memoryview, position: int = 0) -> BatchHeader:
    """Read the header at ``position``. Only what tells where the batch ends is checked; see :func:`check_batch` for the rest.

    :raises BadBatch: there are too few bytes, or they are no batch of magic 2.
    """
    if len(data) - position < HEADER_BYTES:
        _explain_short(data, position)
    # Not by the constructor, which takes 13 arguments: one of these is made for every batch there is.
    header = tuple.__new__(BatchHeader, _HEADER.unpack_from(data, position))
    if header.magic != MAGIC:
        raise _wrong_magic(header.magic)
    if header.length < HEADER_BYTES - LENGTH_OVERHEAD:
        raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"a batch of {header.length} bytes is shorter than its own header")
    return header


def _explain_short(data: bytes | memoryview, position: int) -> None:
    """Old message sets may be shorter than a batch's header: say what they are."""
    left = len(data) - position
    if left >= _HEAD.size:
        magic = _HEAD.unpack_from(data, position)[3]
        if magic != MAGIC:
            raise _wrong_magic(magic)
    raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"{left} bytes are too few for a batch: its header alone has {HEADER_BYTES}")


def _wrong_magic(magic: int) -> BadBatch:
    if magic in (0, 1):
        return BadBatch(ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT, f"message format {magic} is not kept (KIP-724): send record batches, magic 2")
    return BadBatch(ErrorCode.CORRUPT_MESSAGE, f"magic {magic} is unknown; record batches have {MAGIC}")


def check_crc(header: BatchHeader, batch: bytes | memoryview) -> None:
    """Compare the CRC with the bytes.

    :param batch: the whole batch, and nothing else.
    :raises BadBatch: they differ: the batch was damaged on its way or on disk.
    """
    found = crc32c(memoryview(batch)[CRC_START:])
    if found != header.crc:
        raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"the batch's CRC is {header.crc:#010x}, its bytes have {found:#010x}")


def check_batch(header: BatchHeader, batch: bytes | memoryview) -> None:
    """Check all that a header and the CRC can tell.

    :param batch: the whole batch, and nothing else.
    :raises BadBatch: it must not be kept.
    """
    check_crc(header, batch)
    attributes = header.attributes
    if header.count <= 0 or header.count != header.last_offset_delta + 1:
        raise BadBatch(
            ErrorCode.INVALID_RECORD,
            f"the batch says {header.count} records and a last offset delta of {header.last_offset_delta}, which must be one less",
        )
    room = len(batch) - HEADER_BYTES
    if header.count * RECORD_BYTES_MIN > room and header.count * RECORD_BYTES_MIN > (unpacked_bytes_max(room) if attributes & CODEC_MASK else 0):
        # Believed, it would take that many offsets from the log.
        raise BadBatch(ErrorCode.INVALID_RECORD, f"the batch says {header.count} records, and its {room} bytes cannot hold so many")
    if attributes & ~_KNOWN_ATTRIBUTES:
        raise BadBatch(ErrorCode.INVALID_RECORD, f"the batch has unknown attributes: {attributes & 0xFFFF:#06x}")
    if _CODECS[attributes & CODEC_MASK] is None:
        header.codec  # noqa: B018  raises


def split_batches(data: bytes | memoryview, batches_max: int | None = None) -> list[tuple[BatchHeader, memoryview]]:
    """The batches that follow one another in a Produce request's records, which must be whole.

    :param batches_max: there may be no more; None for any number.
    :raises BadBatch: something else is there, the last one is cut off, or there are too many.
    """
    view = memoryview(data)
    end = len(view)
    batches: list[tuple[BatchHeader, memoryview]] = []
    position = 0
    if end >= HEADER_BYTES:
        # A single batch, as nearly always.
        header = parse_header(view)
        if header.length + LENGTH_OVERHEAD == end:
            return [(header, view)]
    while position < end:
        if len(batches) == batches_max:
            raise BadBatch(ErrorCode.INVALID_RECORD, f"there are more than {batches_max} batches for one partition: clients send one")
        header = parse_header(view, position)
        next_position = position + header.length + LENGTH_OVERHEAD
        if next_position > end:
            raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"a batch of {header.size_bytes} bytes is cut off after {end - position}")
        batches.append((header, view[position:next_position]))
        position = next_position
    return batches


def whole_batches(data: bytes | memoryview) -> Iterator[tuple[BatchHeader, memoryview]]:
    """The batches of a fetched or read run of bytes, which may be cut off in its last one: that one is left out.

    :raises BadBatch: something else is there.
    """
    view = memoryview(data)
    end = len(view)
    position = 0
    while end - position >= HEADER_BYTES:
        header = parse_header(view, position)
        next_position = position + header.length + LENGTH_OVERHEAD
        if next_position > end:
            return
        yield header, view[position:next_position]
        position = next_position


def offset_and_epoch(header: BatchHeader, base_offset: int, leader_epoch: int) -> bytes:
    """A batch's first 16 bytes with another base offset and leader epoch: all that a broker writes into a producer's batch.

    The CRC does not cover them. What follows them is ``batch[16:]``.
    """
    return _OFFSET_LENGTH_EPOCH.pack(base_offset, header.length, leader_epoch)


def with_log_append_time(header: BatchHeader, batch: bytes | memoryview, now: int) -> bytearray:
    """A copy of a batch that says LogAppendTime and ``now`` (ms), its CRC made anew."""
    stamped = bytearray(batch)
    attributes = header.attributes | LOG_APPEND_TIME_FLAG
    _CRC_TO_MAX_TIMESTAMP.pack_into(stamped, 17, 0, attributes, header.last_offset_delta, header.base_timestamp, now)
    return with_crc(stamped)


def with_crc(batch: bytearray) -> bytearray:
    """The same batch, its CRC made to fit its bytes."""
    batch[17:21] = crc32c(memoryview(batch)[CRC_START:]).to_bytes(4, "big")
    return batch
