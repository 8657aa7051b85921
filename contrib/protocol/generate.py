"""Write ``chronik/protocol/table.py`` and ``chronik/protocol/messages.pyi`` from kio's message definitions and our own rows.

Run it after changing kio's pinned version or :mod:`rows`; with ``--check``, which a test runs, it only compares.
The broker itself never imports kio.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import sys
import types
import typing
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kio.schema.index import schema_name_map
from kio.static.constants import EntityType

sys.path.insert(0, str(Path(__file__).parent))

from rows import MESSAGES, NULL_DEFAULTS, Message, Row
from stub import stub

TARGET = Path(__file__).parents[2] / "chronik" / "protocol"

IMPLICIT: dict[str, Any] = {
    "bool": False,
    "int8": 0,
    "int16": 0,
    "uint16": 0,
    "int32": 0,
    "int64": 0,
    "float64": 0.0,
    "uuid": bytes(16),
    "string": "",
    "bytes": b"",
    "records": None,
}
"""Kafka's defaults where a definition names none."""

TYPES = {
    "error_code": ("int16", ""),
    "timedelta_i32": ("int32", "_ms"),
    "timedelta_i64": ("int64", "_ms"),
    "datetime_i64": ("int64", "_ms"),
}
"""kio's types that are plain numbers on the wire, and what Kafka's name has at its end."""


def definitions() -> Iterator[tuple[str, dict[int, type]]]:
    """Each message's name and its kio class in each version; headers excepted."""
    for versions in schema_name_map.values():
        for kind in (EntityType.request, EntityType.response, EntityType.data):
            classes = {version: _load(paths[kind]) for version, paths in sorted(versions.items()) if kind in paths}
            if classes:
                yield next(iter(classes.values())).__name__, classes


def _load(path: str) -> type:
    module, _, name = path.partition(":")
    return typing.cast(type, getattr(importlib.import_module(module), name))


def _element(annotation: Any) -> tuple[Any, bool, bool]:
    """The type without its wrappers; whether it is an array; whether None is allowed."""
    arguments = typing.get_args(annotation)
    nullable = type(None) in arguments
    if nullable and isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        (annotation,) = (argument for argument in arguments if argument is not type(None))
    if typing.get_origin(annotation) is tuple:
        return typing.get_args(annotation)[0], True, nullable
    return annotation, False, nullable


def _plain(value: Any, wire_type: str) -> Any:
    """A default of kio as the plain value it has on the wire."""
    if isinstance(value, datetime.timedelta):
        return round(value.total_seconds() * 1000)
    if isinstance(value, uuid.UUID):
        return value.bytes
    if value is None and wire_type == "uuid":
        return bytes(16)
    if value is None and wire_type == "int64":
        return -1
    if isinstance(value, bool):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _row(field: dataclasses.Field[Any], annotation: Any) -> Row:
    """A field as one version of kio has it; its versions are filled in by :func:`_merge`."""
    element, array, nullable = _element(annotation)
    kafka_type = field.metadata.get("kafka_type")
    if kafka_type is None:
        wire_type, suffix = typing.cast(type, element).__name__, ""
    else:
        wire_type, suffix = TYPES.get(kafka_type, (kafka_type, ""))
    if wire_type in ("uuid", "int64") and not array:
        nullable = False
    default: Any = IMPLICIT.get(wire_type)
    if array:
        default = ()
    if field.default is not dataclasses.MISSING:
        default = field.default if array else _plain(field.default, wire_type)
        if dataclasses.is_dataclass(default):
            if default != element():
                raise ValueError(f"the default of {field.name} is not that of {wire_type}")
            default = None
    return Row(field.name.rstrip("_") + suffix, wire_type, array, 0, 0, 0 if nullable else None, field.metadata.get("tag"), default)


def _structs(cls: type, found: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The rows of a class and of all it is made of, inner structs first."""
    hints = typing.get_type_hints(cls)
    rows = []
    for field in dataclasses.fields(cls):
        element = _element(hints[field.name])[0]
        if dataclasses.is_dataclass(element) and typing.cast(type, element).__name__ not in found:
            _structs(typing.cast(type, element), found)
        rows.append(_row(field, hints[field.name]))
    found[cls.__name__] = rows
    return found


def _merge(union: list[Row], rows: list[Row], version: int) -> None:
    """Take one version's rows of a struct into the union of those of all versions before it."""
    at = 0
    for row in rows:
        known = next((index for index, other in enumerate(union) if other.name == row.name), None)
        if known is None:
            nullable = None if row.nullable_from is None else version
            union.insert(at, row._replace(first=version, last=version, nullable_from=nullable))
            at += 1
            continue
        old = union[known]
        same = (old.type, old.array, old.tag, old.default) == (row.type, row.array, row.tag, row.default)
        if not same or old.last != version - 1 or known < at:
            raise ValueError(f"{row} does not continue {old}")
        nullable = version if old.nullable_from is None and row.nullable_from is not None else old.nullable_from
        union[known] = old._replace(last=version, nullable_from=nullable)
        at = known + 1


def message(name: str, classes: dict[int, type]) -> Message:
    """One message over all versions."""
    structs: dict[str, list[Row]] = {}
    for version, cls in classes.items():
        for struct, rows in _structs(cls, {}).items():
            _merge(structs.setdefault(struct, []), rows, version)
    structs[name] = structs.pop(name)
    for struct, field in NULL_DEFAULTS.get(name, ()):
        index = next(index for index, row in enumerate(structs[struct]) if row.name == field)
        if structs[struct][index].nullable_from is None:
            raise ValueError(f"{name}.{field} can not be null")
        structs[struct][index] = structs[struct][index]._replace(default=None)
    versions = list(classes)
    flexible = [version for version, cls in classes.items() if vars(cls)["__flexible__"]]
    api_key = vars(classes[versions[0]]).get("__api_key__")
    return Message(name, api_key, versions[0], versions[-1], flexible[0] if flexible else None, structs)


def messages() -> list[Message]:
    """All messages by name."""
    found = [message(name, classes) for name, classes in definitions()]
    return sorted((*found, *MESSAGES), key=lambda message: message.name)


def table(found: list[Message]) -> str:
    """The source of the table module."""
    lines = [
        '"""Kafka\'s messages as rows; written by ``contrib/protocol/generate.py``, not by hand.',
        "",
        "``name: (API key, first version, last version, first flexible version, {struct: rows})``, a row being a",
        ":class:`chronik.protocol.schema.Field`.",
        '"""',
        "",
        "# fmt: off",
        "from __future__ import annotations",
        "",
        "from typing import Any, Final",
        "",
        "MESSAGES: Final[dict[str, tuple[int | None, int, int, int | None, dict[str, tuple[tuple[Any, ...], ...]]]]] = {",
    ]
    for entry in found:
        lines.append(f'    "{entry.name}": ({entry.api_key}, {entry.first}, {entry.last}, {entry.flexible_from}, {{')
        for struct, rows in entry.structs.items():
            lines.append(f'        "{struct}": (')
            lines.extend(f"            {tuple(row)!r}," for row in rows)
            lines.append("        ),")
        lines.append("    }),")
    return "\n".join((*lines, "}", ""))


def main() -> int:
    """Write both modules; with ``--check`` only say which would change."""
    found = messages()
    stale = [(name, text) for name, text in (("table.py", table(found)), ("messages.pyi", stub(found))) if (TARGET / name).read_text() != text]
    for name, text in stale:
        print(f"{name} differs from what is generated")
        if "--check" not in sys.argv:
            (TARGET / name).write_text(text)
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
