"""What all message classes have in common; the classes themselves are made from the table on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from struct import error as StructError
from typing import Any, ClassVar, Final, Self, TypeAlias

from chronik.config.secrets import HIDDEN
from chronik.protocol.primitives import DecodeError, EncodeError

Records: TypeAlias = bytes | memoryview | Sized | None
"""Record batches to encode: bytes, or anything else with a length, such as a log slice. Decoded ones are views onto the request."""

Decoder: TypeAlias = Callable[[bytes, int, int, int], tuple[Any, int]]
Encoder: TypeAlias = Callable[[Any, list[Any], list[int]], None]

SECRET_FIELDS: Final = frozenset({"auth_bytes", "salted_password", "hmac"})
"""Fields whose values are secrets: passwords, tokens, and what proves them."""

ELEMENTS_MAX: Final = 50_000
"""How many array elements and tagged fields one request may have: to read so many takes some tens of milliseconds of the reactor. What is done for
each of them comes on top."""


class Struct:
    """A part of a message: the union of its fields over all versions, each left out having its default."""

    __slots__: tuple[str, ...] = ()
    _defaults: ClassVar[Mapping[str, Any]]

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        # Values of configurations may be secrets as well, of keys that nobody knows here.
        secrets = SECRET_FIELDS | ({"value"} if self.__class__.__name__ == "AlterableConfig" else set())
        fields = ", ".join(f"{name}={HIDDEN if name in secrets else repr(getattr(self, name))}" for name in self.__slots__)
        return f"{self.__class__.__qualname__}({fields})"


class Message(Struct):
    """One request, response or record schema.

    :cvar api_key: of a request or response; None for others.
    :cvar versions: those that can be decoded and encoded.
    :cvar flexible_from: the first version with compact lengths and tagged fields; None when none has.
    """

    __slots__ = ()

    api_key: ClassVar[int | None]
    versions: ClassVar[range]
    flexible_from: ClassVar[int | None]
    _classes: ClassVar[Mapping[str, type[Struct]]]
    _decoders: ClassVar[dict[int, Decoder]]
    _encoders: ClassVar[dict[int, Encoder]]

    @classmethod
    def decode(cls, data: bytes, version: int, start: int = 0, end: int | None = None, elements_max: int = ELEMENTS_MAX) -> tuple[Self, int]:
        """Read a message.

        ``records`` fields are memoryviews, which keep all of ``data`` in memory.

        :param start: where in ``data`` it begins.
        :param end: where it must have ended; the end of ``data`` by default. Bytes left before that are not looked at.
        :param elements_max: how many array elements and tagged fields it may have altogether.
        :returns: the message and the position after it.
        :raises DecodeError: the bytes are no such message, or it has no such version.
        """
        decoder = cls._decoders.get(version) or cls._decoder(version)
        try:
            message: tuple[Self, int] = decoder(data, start, len(data) if end is None else min(end, len(data)), elements_max)
        except (StructError, IndexError) as error:
            raise DecodeError(f"{cls.__name__} version {version} ends too early") from error
        except UnicodeDecodeError as error:
            raise DecodeError(f"{cls.__name__} version {version} has a string that is not UTF-8") from error
        return message

    def encode(self, version: int) -> bytes:
        """Write the message; all ``records`` must be bytes, a buffer or None.

        :raises EncodeError: a value does not fit its field, or the message has no such version.
        """
        out = self._encode(version, b"")[0]
        try:
            return b"".join(out)
        except TypeError as error:
            raise EncodeError(f"{self.__class__.__name__} has records that are not bytes") from error

    def encode_pieces(self, version: int, head: bytes = b"") -> list[bytes | Any]:
        """Write the message in pieces, so that nothing large is copied.

        :param head: what stands before it, its header; the beginning of the first piece.
        :returns: bytes; and any ``records`` that are neither bytes nor a buffer as they are, in their place.
        :raises EncodeError: a value does not fit its field, or the message has no such version.
        """
        out, marks = self._encode(version, head)
        if not marks:
            return [b"".join(out)]
        pieces = []
        done = 0
        for mark in marks:
            pieces.append(b"".join(out[done:mark]))
            pieces.append(out[mark])
            done = mark + 1
        if done < len(out):
            pieces.append(b"".join(out[done:]))
        return pieces

    def _encode(self, version: int, head: bytes) -> tuple[list[Any], list[int]]:
        encoder = self._encoders.get(version) or self._encoder(version)
        out: list[Any] = [head]
        marks: list[int] = []
        try:
            encoder(self, out, marks)
        except (EncodeError, StructError, AttributeError, TypeError, ValueError, OverflowError) as error:
            raise EncodeError(f"{self.__class__.__name__} version {version}: {error}") from error
        return out, marks

    @classmethod
    def _decoder(cls, version: int) -> Decoder:
        from chronik.protocol.compile import compile_decoder

        if version not in cls.versions:
            raise DecodeError(f"{cls.__name__} has versions {cls.versions[0]} to {cls.versions[-1]}, not {version}")
        return cls._decoders.setdefault(version, compile_decoder(cls, version))

    @classmethod
    def _encoder(cls, version: int) -> Encoder:
        from chronik.protocol.compile import compile_encoder

        if version not in cls.versions:
            raise EncodeError(f"{cls.__name__} has versions {cls.versions[0]} to {cls.versions[-1]}, not {version}")
        return cls._encoders.setdefault(version, compile_encoder(cls, version))
