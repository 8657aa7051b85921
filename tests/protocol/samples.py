"""Random messages over the table's rows, with every type at its limits, nulls, tags, and strings around one varint byte."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import strategies as st

from chronik.errors import ErrorCode
from chronik.protocol import messages
from chronik.protocol.message import Message, Struct
from chronik.protocol.schema import Field, MessageSchema, message_schema
from chronik.protocol.table import MESSAGES

LIMITS: dict[str, tuple[Any, ...]] = {
    "bool": (False, True),
    "int8": (-128, -1, 0, 1, 127),
    "int16": (-(1 << 15), -1, 0, 300, (1 << 15) - 1),
    "uint16": (0, 9092, (1 << 16) - 1),
    "int32": (-(1 << 31), -1, 0, 70_000, (1 << 31) - 1),
    "int64": (-(1 << 63), -1, 0, 1_700_000_000_000, (1 << 63) - 1),
    "float64": (0.0, -1.5, 1e300),
    "uuid": (bytes(16), bytes(range(16)), b"\xff" * 16),
    "string": ("", "a", "größe", "x" * 126, "y" * 127, "z" * 128, "é" * 200),
    "bytes": (b"", b"\x00", b"b" * 126, b"c" * 127, b"d" * 1500),
    "records": (b"", b"\x00", b"r" * 200, b"s" * 1500),
}
TIMES_MS = (0, 1_700_000_000_000)
ERROR_CODES = tuple(int(code) for code in ErrorCode)
PLAIN_ERROR_CODES = ("topic_config_error_code", "acknowledge_error_code")


def pairs() -> Iterator[tuple[type[Message], int]]:
    """Every message in every version."""
    for name in MESSAGES:
        cls: type[Message] = getattr(messages, name)
        for version in cls.versions:
            yield cls, version


class Sampler:
    """Makes messages of one version.

    :param random: where the choices come from; the same seed makes the same message.
    """

    def __init__(self, random: Random) -> None:
        self._random = random

    def message(self, cls: type[Message], version: int) -> Message:
        """One message with the fields of ``version`` set and all others at their defaults."""
        made = self._struct(message_schema(cls.__name__), cls.__name__, cls, version)
        assert isinstance(made, Message)
        return made

    def _struct(self, schema: MessageSchema, name: str, cls: type[Struct], version: int) -> Struct:
        fields = (*schema.fields(name, version), *schema.tagged(name, version))
        return cls(**{field.name: self._value(schema, field, version) for field in fields})

    def _value(self, schema: MessageSchema, field: Field, version: int) -> Any:
        if field.nullable(version) and self._random.random() < 0.25:
            return None
        if field.tag is not None and self._random.random() < 0.4:
            default = getattr(messages, schema.name)._classes[self._owner(schema, field)]._defaults[field.name]
            if default is not None or field.nullable(version):
                return default
        if field.array:
            return tuple(self._element(schema, field, version) for _ in range(self._random.choice((0, 1, 1, 2, 3))))
        return self._element(schema, field, version)

    def _owner(self, schema: MessageSchema, field: Field) -> str:
        return next(name for name, fields in schema.structs.items() if field in fields)

    def _element(self, schema: MessageSchema, field: Field, version: int) -> Any:
        if field.is_struct:
            return self._struct(schema, field.type, getattr(messages, schema.name)._classes[field.type], version)
        if field.type == "int16" and field.name.endswith("error_code") and field.name not in PLAIN_ERROR_CODES:
            return self._random.choice(ERROR_CODES)
        if field.type == "int64" and field.name.endswith("_ms"):
            return self._random.choice((*TIMES_MS, -1) if field.default == -1 else TIMES_MS)
        return self._random.choice(LIMITS[field.type])


@st.composite
def sampled(draw: st.DrawFn) -> tuple[Message, int]:
    """Any message in any of its versions."""
    name = draw(st.sampled_from(sorted(MESSAGES)))
    cls: type[Message] = getattr(messages, name)
    version = draw(st.sampled_from(cls.versions))
    return Sampler(draw(st.randoms(use_true_random=False))).message(cls, version), version
