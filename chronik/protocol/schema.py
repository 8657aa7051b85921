"""What the message table is made of: a row a field, the rows of a struct, the structs of a message.

A field's wire type, array-ness, tag and default never change between the versions of a message, and it is present in one
unbroken range of them. So one row describes it for good, and a struct at a version is its rows that are present there, in order.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

FIXED: Final = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "int64": "q",
    "float64": "d",
    "uuid": "16s",
}
"""Types of a fixed size, as :mod:`struct` spells them."""

SIZE: Final = {"bool": 1, "int8": 1, "int16": 2, "uint16": 2, "int32": 4, "int64": 8, "float64": 8, "uuid": 16}
"""How many bytes each fixed type takes."""

Scalar: TypeAlias = bool | int | float | str | bytes | None
Default: TypeAlias = Scalar | tuple[()]


class Field(NamedTuple):
    """One field of a struct.

    :ivar name: Kafka's name in snake_case.
    :ivar type: a key of :data:`FIXED`, ``string``, ``bytes``, ``records``, or the name of a struct of the same message.
    :ivar array: whether it is an array of that type.
    :ivar first: the first version that has it.
    :ivar last: the last version that has it.
    :ivar nullable_from: the first version in which it may be null; None when it never may.
    :ivar tag: its number among tagged fields; None for an ordinary field.
    :ivar default: its value where a version or a sender leaves it out. A struct that is not nullable has None here: its default
        is that struct with all defaults.
    """

    name: str
    type: str
    array: bool
    first: int
    last: int
    nullable_from: int | None
    tag: int | None
    default: Default

    @property
    def is_struct(self) -> bool:
        """Whether the type names a struct of the message."""
        return self.type[0].isupper()

    def nullable(self, version: int) -> bool:
        """Whether it may be null in ``version``."""
        return self.nullable_from is not None and version >= self.nullable_from

    def present(self, version: int) -> bool:
        """Whether ``version`` has it."""
        return self.first <= version <= self.last


@dataclass(frozen=True, slots=True)
class MessageSchema:
    """One message over all its versions.

    :ivar name: Kafka's name, which is also the name of its outermost struct.
    :ivar api_key: of a request or response; None for a record of an internal topic and the like.
    :ivar versions: those that can be encoded and decoded.
    :ivar flexible_from: the first with compact lengths and tagged fields; None when none has.
    :ivar structs: the rows of its structs by name, its own among them.
    """

    name: str
    api_key: int | None
    versions: range
    flexible_from: int | None
    structs: Mapping[str, tuple[Field, ...]]

    def flexible(self, version: int) -> bool:
        """Whether ``version`` has compact lengths and tagged fields."""
        return self.flexible_from is not None and version >= self.flexible_from

    def fields(self, struct: str, version: int) -> tuple[Field, ...]:
        """The ordinary fields of a struct at a version, in the order of the wire."""
        return tuple(field for field in self.structs[struct] if field.tag is None and field.present(version))

    def tagged(self, struct: str, version: int) -> tuple[Field, ...]:
        """The tagged fields of a struct at a version, by tag."""
        found = (field for field in self.structs[struct] if field.tag is not None and field.present(version))
        return tuple(sorted(found, key=lambda field: field.tag or 0))

    def size_min(self, struct: str, version: int) -> int:
        """How many bytes the smallest struct takes; what an array's count is checked against."""
        size = sum(self._field_size_min(field, version) for field in self.fields(struct, version))
        return size + 1 if self.flexible(version) else size

    def _field_size_min(self, field: Field, version: int) -> int:
        if field.array or field.type in ("bytes", "records"):
            return 1 if self.flexible(version) else 4
        if field.type == "string":
            return 1 if self.flexible(version) else 2
        if field.is_struct:
            return 1 if field.nullable(version) else self.size_min(field.type, version)
        return SIZE[field.type]

    def element_size_min(self, field: Field, version: int) -> int:
        """How many bytes one element of an array field takes at least."""
        return max(self._field_size_min(field._replace(array=False, nullable_from=None), version), 1)


@functools.cache
def message_schema(name: str) -> MessageSchema:
    """The schema of the message called ``name``.

    :raises KeyError: there is no such message.
    """
    from chronik.protocol.table import MESSAGES

    api_key, first, last, flexible_from, structs = MESSAGES[name]
    rows = {struct: tuple(Field(*row) for row in fields) for struct, fields in structs.items()}
    return MessageSchema(name, api_key, range(first, last + 1), flexible_from, rows)
