"""What generated codec functions call: the rare paths of lengths, tags and blobs, and the errors they end in."""

from __future__ import annotations

import functools
from collections.abc import Callable
from struct import Struct
from typing import Any, Final, NoReturn

STRING_BYTES_MAX: Final = 32767
"""How long a string may be in UTF-8; Kafka's own limit, compact strings included."""

BLOB_PIECE_BYTES: Final = 1024
"""Bytes values longer than this stay a piece of their own when encoding; copying shorter ones costs less than another piece."""

_VARINT_MAX: Final = (1 << 31) - 1


class DecodeError(Exception):
    """Bytes that are not the message they should be; says which field and why."""


class EncodeError(Exception):
    """A message that cannot be written in the asked version; says why."""


def read_uvarint(data: bytes, position: int, first: int) -> tuple[int, int]:
    """The rest of an unsigned varint.

    :param position: of the byte after the first.
    :param first: the first byte, which is above 127.
    :returns: its value and the position after it.
    :raises DecodeError: it is longer than five bytes or more than 31 bits.
    """
    value = first & 0x7F
    for shift in (7, 14, 21, 28):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 128:
            if value > _VARINT_MAX:
                break
            return value, position
    raise DecodeError("a varint of more than 31 bits")


def read_tag(data: bytes, position: int, end: int) -> tuple[int, int, int]:
    """A tag and the size of its value.

    :returns: the tag, the position of its value, and the position after that.
    :raises DecodeError: it reaches past ``end``.
    """
    tag = data[position]
    position += 1
    if tag > 127:
        tag, position = read_uvarint(data, position, tag)
    size = data[position]
    position += 1
    if size > 127:
        size, position = read_uvarint(data, position, size)
    if size > end - position:
        raise DecodeError(f"tagged field {tag} reaches past the end")
    return tag, position, position + size


def skip_tags(data: bytes, position: int, end: int, count: int, budget: int) -> tuple[int, int]:
    """Pass over tagged fields that nobody here knows.

    :param position: after the first byte of their count.
    :param count: the first byte of their count, not 0.
    :returns: the position after them, and what is left of the budget.
    :raises DecodeError: they reach past ``end``, or are more than the budget.
    """
    if count > 127:
        count, position = read_uvarint(data, position, count)
    budget -= count
    if budget < 0:
        too_many("tagged fields")
    for _ in range(count):
        _, _, position = read_tag(data, position, end)
    return position, budget


def null(field: str) -> NoReturn:
    """A field that may not be null is."""
    raise DecodeError(f"{field} is null")


def past_end(field: str) -> NoReturn:
    """A length or count says that a field goes on past the end."""
    raise DecodeError(f"{field} reaches past the end")


def too_many(field: str) -> NoReturn:
    """The budget of elements is used up."""
    raise DecodeError(f"{field} have more elements than one message may have")


def wrong_size(field: str) -> NoReturn:
    """A tagged field's value does not end where its size says."""
    raise DecodeError(f"{field} does not end where its size says")


def too_long(field: str) -> NoReturn:
    """A string is longer than any string may be."""
    raise DecodeError(f"{field} is longer than {STRING_BYTES_MAX} bytes")


@functools.lru_cache(maxsize=512)
def _array_struct(letter: str, count: int) -> Struct:
    return Struct(f">{count}{letter}")


ARRAY_COUNT_TABLED: Final = 64
"""Arrays of fewer numbers go through a table of ready ``Struct`` methods."""


class ArrayCodec:
    """Packs and unpacks arrays of one fixed type.

    :ivar unpackers: ``unpack_from`` by count, for short arrays.
    :ivar packers: ``pack`` by count, for short arrays.
    """

    def __init__(self, letter: str) -> None:
        structs = [Struct(f">{count}{letter}") for count in range(ARRAY_COUNT_TABLED)]
        self._letter = letter
        self.unpackers: tuple[Callable[[bytes, int], tuple[Any, ...]], ...] = tuple(struct.unpack_from for struct in structs)
        self.packers: tuple[Callable[..., bytes], ...] = tuple(struct.pack for struct in structs)

    def unpack(self, data: bytes, position: int, count: int) -> tuple[Any, ...]:
        """Any number of them."""
        return _array_struct(self._letter, count).unpack_from(data, position)

    def pack(self, values: tuple[Any, ...]) -> bytes:
        """Any number of them."""
        return _array_struct(self._letter, len(values)).pack(*values)


@functools.cache
def array_codec(letter: str) -> ArrayCodec:
    """The codec of arrays of the fixed type that :mod:`struct` calls ``letter``."""
    return ArrayCodec(letter)


@functools.cache
def fixed_struct(form: str) -> Struct:
    """The ``Struct`` of a run of fixed fields, big-endian and unpadded."""
    return Struct(">" + form)


def uvarint(value: int) -> bytes:
    """An unsigned varint.

    :raises EncodeError: it is negative or more than 31 bits.
    """
    if not 0 <= value <= _VARINT_MAX:
        raise EncodeError(f"a length or count of {value}")
    out = bytearray()
    while value > 127:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def string_length(encoded_plus_one: int) -> bytes:
    """The varint before a compact string of at least 127 bytes.

    :raises EncodeError: it is longer than any string may be.
    """
    if encoded_plus_one > STRING_BYTES_MAX + 1:
        raise EncodeError(f"a string of {encoded_plus_one - 1} bytes; {STRING_BYTES_MAX} is the most")
    return uvarint(encoded_plus_one)


def plain_bytes(value: Any) -> bytes:
    """A bytes value that is not ``bytes``, as ``bytes``.

    :raises EncodeError: it is no buffer.
    """
    if isinstance(value, (memoryview, bytearray)):
        return bytes(value)
    raise EncodeError(f"bytes expected, not {value!r}")


def plain_records(value: Any) -> Any:
    """Records that are not ``bytes``: buffers as ``bytes``, whatever else has a length as it is."""
    return bytes(value) if isinstance(value, (memoryview, bytearray)) else value


def wrong_id(value: bytes) -> NoReturn:
    """An id that is not 16 bytes, which :mod:`struct` would pad or cut."""
    raise EncodeError(f"an id of 16 bytes expected, not {value!r}")
