"""The stub of ``chronik.protocol.messages``: the classes that are made at run time, as a type checker sees them."""

from __future__ import annotations

import textwrap

from rows import Message, Row

PYTHON_TYPES = {
    "bool": "bool",
    "float64": "float",
    "string": "str",
    "bytes": "bytes",
    "uuid": "bytes",
}

HEAD = '''"""Kafka's messages; written by ``contrib/protocol/generate.py``, not by hand."""

# fmt: off
# ruff: noqa: F821
from typing import Final

from chronik.protocol.message import Message as Message
from chronik.protocol.message import Records as Records
from chronik.protocol.message import Struct as Struct

'''


def _annotation(message: Message, row: Row, *, given: bool) -> str:
    """A field's type: what may be given for it to encode, or what it has when decoded."""
    if row.type == "records" and given:
        return "Records"
    if row.type[0].isupper():
        python = f"{message.name}.{row.type}"
    elif row.type == "records":
        python = "bytes | memoryview"
    else:
        python = PYTHON_TYPES.get(row.type, "int")
    if row.array:
        python = f"tuple[{python}, ...]"
    return python if row.nullable_from is None else f"{python} | None"


def _class(message: Message, struct: str, indent: str) -> list[str]:
    rows = message.structs[struct]
    outer = struct == message.name
    lines = [f"{indent}class {struct}({'Message' if outer else 'Struct'}):"]
    if outer:
        for inner in message.structs:
            if inner != struct:
                lines.extend(_class(message, inner, indent + "    "))
    else:
        for inner in dict.fromkeys(row.type for row in rows if row.type[0].isupper()):
            lines.append(f"{indent}    {inner} = {message.name}.{inner}")
    annotations = [f"{row.name}: {_annotation(message, row, given=True)}" for row in rows]
    lines.extend(f"{indent}    {row.name}: Final[{_annotation(message, row, given=False)}]" for row in rows)
    if annotations:
        arguments = "".join(f", {annotation} = ..." for annotation in annotations)
        lines.append(f"{indent}    def __init__(")
        inner_indent = indent + " " * 8
        lines.extend(textwrap.wrap(f"self, *{arguments}", 150, initial_indent=inner_indent, subsequent_indent=inner_indent))
        lines.append(f"{indent}    ) -> None: ...")
    else:
        lines.append(f"{indent}    def __init__(self) -> None: ...")
    return lines


def stub(messages: list[Message]) -> str:
    """The source of the stub."""
    lines: list[str] = []
    for message in messages:
        lines.extend((*_class(message, message.name, ""), ""))
    return HEAD + "\n".join(lines)
