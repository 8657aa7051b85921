"""Writes requests and responses field by field, as Kafka's message definitions lay them out; it shares nothing with the broker's codec."""

from __future__ import annotations

import struct
from typing import Final

NO_TOPIC_ID: Final = bytes(16)


def int8(value: int) -> bytes:
    """One byte; a boolean is 0 or 1."""
    return struct.pack(">b", value)


def int16(value: int) -> bytes:
    """Two bytes; an error code is one of these."""
    return struct.pack(">h", value)


def int32(value: int) -> bytes:
    """Four bytes."""
    return struct.pack(">i", value)


def int64(value: int) -> bytes:
    """Eight bytes."""
    return struct.pack(">q", value)


class Layout:
    """One version of one message.

    :param flexible_from: the version since which lengths are compact and tags follow every structure.
    """

    def __init__(self, version: int, flexible_from: int) -> None:
        self.version = version
        self.flexible = version >= flexible_from

    @property
    def tags(self) -> bytes:
        """What ends a structure: no tagged fields."""
        return b"\x00" if self.flexible else b""

    def since(self, version: int, field: bytes) -> bytes:
        """A field that later versions have."""
        return field if self.version >= version else b""

    def until(self, version: int, field: bytes) -> bytes:
        """A field that earlier versions have, ``version`` the last of them."""
        return field if self.version <= version else b""

    def string(self, text: str | None) -> bytes:
        """A string, or null."""
        raw = None if text is None else text.encode()
        if self.flexible:
            return self._length(raw) + (raw or b"")
        return int16(-1 if raw is None else len(raw)) + (raw or b"")

    def data(self, raw: bytes) -> bytes:
        """Bytes."""
        return (self._length(raw) if self.flexible else int32(len(raw))) + raw

    def array(self, *items: bytes) -> bytes:
        """An array of items already written."""
        return (self._length(items) if self.flexible else int32(len(items))) + b"".join(items)

    def null_array(self) -> bytes:
        """An array that is null, which is not the same as empty."""
        return b"\x00" if self.flexible else int32(-1)

    def _length(self, value: bytes | tuple[bytes, ...] | None) -> bytes:
        """A compact length: one more than it is, 0 for null; one byte is enough for what tests send."""
        length = 0 if value is None else len(value) + 1
        if length > 127:
            raise ValueError("a length of more than one byte")
        return bytes([length])
