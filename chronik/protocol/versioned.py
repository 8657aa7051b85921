"""Records of internal topics and the like: a message behind its own version, an int16."""

from __future__ import annotations

from struct import Struct
from typing import Final, TypeVar

from chronik.protocol.message import Message
from chronik.protocol.primitives import DecodeError

M = TypeVar("M", bound=Message)

_VERSION: Final = Struct(">h")


def peek_version(data: bytes) -> int:
    """The version that ``data`` begins with; in ``__consumer_offsets`` and the like it says which kind of key this is.

    :raises DecodeError: there is none.
    """
    if len(data) < _VERSION.size:
        raise DecodeError(f"{len(data)} bytes have no version")
    version: int = _VERSION.unpack_from(data)[0]
    return version


def decode_versioned(cls: type[M], data: bytes) -> M:
    """Read a message and the version before it.

    :raises DecodeError: the bytes are no such message, or one of a version unknown here.
    """
    return cls.decode(data, peek_version(data), _VERSION.size)[0]


def encode_versioned(message: Message, version: int) -> bytes:
    """Write a message with its version before it.

    :raises EncodeError: a value does not fit its field, or the message has no such version.
    """
    return _VERSION.pack(version) + message.encode(version)
