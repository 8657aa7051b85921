"""The codecs of record batches, each through a C library, loaded when first used.

Decompression is bounded: what would become larger than the caller allows is refused before it is allocated.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Final


class Codec(enum.IntEnum):
    """How the records of a batch are compressed; the lowest three bits of its attributes."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


class CompressionError(ValueError):
    """Bytes that cannot be decompressed, or only to more than is allowed."""


class TooLarge(CompressionError):
    """Bytes that would become larger than is allowed."""


DECOMPRESSED_BYTES_MAX: Final = 256 << 20
"""What the records of one batch may take in memory: batches of 1 MB compress to a hundredth at times, a bomb to a millionth."""

RATIO_MAX: Final = 1_100
"""Deflate cannot pack more than about 1,032 to 1; what claims more (zstd can) of a batch above :data:`RATIO_FREE_BYTES` is no honest batch."""

RATIO_FREE_BYTES: Final = 16 << 20
"""Up to this size any ratio is fine: a megabyte of equal bytes is a thousandth with every codec."""

_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES: Final = 16
_XERIAL_BLOCK_BYTES: Final = 32 << 10

_LZ4_PIECE_BYTES: Final = 1 << 20
"""The library copies what it has decompressed, and keeps all other threads from working meanwhile: a piece takes it less than a millisecond."""


_FIRST_BYTES: Final = 4 << 10
_FED_BYTES: Final = 1 << 20
"""What a decompressor is given first, and at most, at a time. What lies behind the end of a stream it gives back as a copy: a batch may be a hundred
thousand empty streams, and that many copies of the rest of it would take seconds."""


def unpacked_bytes_max(packed_bytes: int) -> int:
    """What so many bytes of records may take when decompressed."""
    return min(DECOMPRESSED_BYTES_MAX, max(RATIO_FREE_BYTES, packed_bytes * RATIO_MAX))


def compress(codec: Codec, data: bytes, level: int | None = None) -> bytes:
    """Compress a batch's records.

    :param level: the codec's own level; None for its default.
    """
    return _COMPRESSORS[codec](data, level)


def decompress(codec: Codec, data: bytes | memoryview, bytes_max: int) -> bytes:
    """Decompress a batch's records.

    :param bytes_max: the result must not be larger.
    :raises TooLarge: it is.
    :raises CompressionError: ``data`` is not of this codec.
    """
    return _DECOMPRESSORS[codec](bytes(data), bytes_max)


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"the records take more than {bytes_max} bytes when decompressed")


def _keep(data: bytes, level: int | None) -> bytes:
    return data


def _kept(data: bytes, bytes_max: int) -> bytes:
    if len(data) > bytes_max:
        raise _too_large(bytes_max)
    return data


def _gzip(data: bytes, level: int | None) -> bytes:
    """ISA-L's default level is ten times as fast as zlib's and packs a little less; it has no levels like zlib's, so a given one goes to zlib."""
    if level is None:
        from isal import igzip

        packed: bytes = igzip.compress(data, mtime=0)
        return packed
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def _gunzip(data: bytes, bytes_max: int) -> bytes:
    from isal import isal_zlib

    parts = []
    room, at = bytes_max, 0
    while at < len(data):
        unpacker = isal_zlib.decompressobj(31)
        size = _FIRST_BYTES
        while not unpacker.eof:
            if at >= len(data):
                raise CompressionError("the gzip data is cut off")
            fed = data[at : at + size]
            try:
                part = unpacker.decompress(fed, room + 1)
            except isal_zlib.error as error:  # type: ignore[misc]  # its stub calls the class a variable
                raise CompressionError(f"no gzip data: {error}") from error
            if len(part) > room or unpacker.unconsumed_tail:
                raise _too_large(bytes_max)
            parts.append(part)
            room -= len(part)
            at += len(fed)
            size = min(2 * size, _FED_BYTES)
        at -= len(unpacker.unused_data)
    return b"".join(parts)


def _snappy(data: bytes, level: int | None) -> bytes:
    """In the framing of Java's snappy streams, which every client reads."""
    import cramjam

    pieces = [_XERIAL_MAGIC, b"\x00\x00\x00\x01\x00\x00\x00\x01"]
    for start in range(0, len(data), _XERIAL_BLOCK_BYTES):
        block = bytes(cramjam.snappy.compress_raw(data[start : start + _XERIAL_BLOCK_BYTES]))
        pieces.append(len(block).to_bytes(4, "big"))
        pieces.append(block)
    return b"".join(pieces)


def _unsnappy(data: bytes, bytes_max: int) -> bytes:
    if not data.startswith(_XERIAL_MAGIC):
        return _unsnappy_block(data, bytes_max)
    parts = []
    room = bytes_max
    position = _XERIAL_HEADER_BYTES
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big", signed=True)
        block = data[position + 4 : position + 4 + size] if size >= 0 else b""
        if size < 0 or len(block) != size:
            raise CompressionError("the snappy data is cut off")
        part = _unsnappy_block(block, bytes_max, bytes_max - room)
        parts.append(part)
        room -= len(part)
        position += 4 + size
    return b"".join(parts)


def _unsnappy_block(data: bytes, bytes_max: int, before: int = 0) -> bytes:
    import cramjam

    try:
        size = cramjam.snappy.decompress_raw_len(data)
        if before + size > bytes_max:
            raise _too_large(bytes_max)
        return bytes(cramjam.snappy.decompress_raw(data))
    except cramjam.DecompressionError as error:
        raise CompressionError(f"no snappy data: {error}") from error


def _lz4(data: bytes, level: int | None) -> bytes:
    import lz4.frame

    packed: bytes = lz4.frame.compress(data, compression_level=0 if level is None else level, block_linked=False)
    return packed


def _unlz4(data: bytes, bytes_max: int) -> bytes:
    import lz4.frame

    out = BytesIO()
    room, at = bytes_max, 0
    while at < len(data):
        unpacker = lz4.frame.LZ4FrameDecompressor()
        size = _FIRST_BYTES
        while not unpacker.eof:
            fed = data[at : at + size] if unpacker.needs_input else b""
            at += len(fed)
            size = min(2 * size, _FED_BYTES)
            try:
                part = unpacker.decompress(fed, max_length=min(room + 1, _LZ4_PIECE_BYTES))
            except RuntimeError as error:
                raise CompressionError(f"no lz4 frame: {error}") from error
            room -= len(part)
            if room < 0:
                raise _too_large(bytes_max)
            if unpacker.needs_input and not unpacker.eof and at >= len(data):
                raise CompressionError("the lz4 frame is cut off")
            out.write(part)
        at -= len(unpacker.unused_data or b"")
    return out.getvalue()


def _zstd(data: bytes, level: int | None) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=3 if level is None else level).compress(data)


def _unzstd(data: bytes, bytes_max: int) -> bytes:
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_across_frames=True)
    try:
        unpacked = reader.read(bytes_max + 1)
    except zstandard.ZstdError as error:
        raise CompressionError(f"no zstd data: {error}") from error
    if len(unpacked) > bytes_max:
        raise _too_large(bytes_max)
    return unpacked


_COMPRESSORS: Final[dict[Codec, Callable[[bytes, int | None], bytes]]] = {
    Codec.NONE: _keep,
    Codec.GZIP: _gzip,
    Codec.SNAPPY: _snappy,
    Codec.LZ4: _lz4,
    Codec.ZSTD: _zstd,
}

_DECOMPRESSORS: Final[dict[Codec, Callable[[bytes, int], bytes]]] = {
    Codec.NONE: _kept,
    Codec.GZIP: _gunzip,
    Codec.SNAPPY: _unsnappy,
    Codec.LZ4: _unlz4,
    Codec.ZSTD: _unzstd,
}
