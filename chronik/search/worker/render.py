"""Records as JSON: the ``_source`` of a hit, and which parts of it were asked for.

A value that is JSON is passed on as the text it is, so that big integers and unusual numbers come out as they were produced.
"""

from __future__ import annotations

import base64
import fnmatch
import json
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from chronik.record.records import Record
from chronik.search.query.search_body import SourceFilter

DEPTH_MAX: Final = 100
"""JSON nested deeper is passed on as a string: readers would not accept it."""


class _Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


def source_text(topic: str, partition: int, record: Record, chosen: SourceFilter) -> str:
    """The JSON text of ``_source``."""
    head = {"topic": topic, "partition": partition, "offset": record.offset, "timestamp": record.timestamp, "key": _text(record.key)}
    if not chosen.includes and not chosen.excludes:
        headers = _dumps(_headers(record.headers))
        return f'{_dumps(head)[:-1]},"value":{_value_text(record.value)},"headers":{headers}}}'
    document = {**head, "value": _parsed(record.value), "headers": _headers(record.headers)}
    return _write(_filtered(document, chosen, ""))


def _text(data: bytes | None) -> Any:
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"$base64": base64.b64encode(data).decode()}


def _headers(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, Any]:
    shown: dict[str, list[Any]] = {}
    for name, value in headers:
        shown.setdefault(name, []).append(_text(value))
    return {name: values[0] if len(values) == 1 else values for name, values in shown.items()}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _json(data: bytes) -> Any:
    """The value, numbers as :class:`_Number`; ValueError when it is not JSON that readers accept."""
    try:
        value = json.loads(data.decode(), parse_int=_Number, parse_float=_Number, parse_constant=_refuse)
        _check_depth(value, DEPTH_MAX)
        return value
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _check_depth(value: Any, left: int) -> None:
    if not isinstance(value, dict | list):
        return
    if not left:
        raise ValueError("nested too deep")
    for child in value.values() if isinstance(value, dict) else value:
        _check_depth(child, left - 1)


def _value_text(value: bytes | None) -> str:
    if value is None:
        return "null"
    try:
        _json(value)
        return value.decode().strip()
    except ValueError:
        return _dumps(_text(value))


def _parsed(value: bytes | None) -> Any:
    try:
        return None if value is None else _json(value)
    except ValueError:
        return _text(value)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _write(value: Any) -> str:
    """JSON text of plain values and :class:`_Number`."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_dumps(name)}:{_write(child)}" for name, child in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_write(child) for child in value) + "]"
    return _dumps(value)


def _filtered(value: Any, chosen: SourceFilter, path: str) -> Any:
    """The parts of a document below ``path`` that are chosen; objects that lose everything are left out of their parent."""
    kept = {}
    for name, child in value.items():
        child_path = f"{path}.{name}" if path else name
        if any(_covers(p, child_path) for p in chosen.excludes):
            continue
        if not chosen.includes or any(_covers(p, child_path) for p in chosen.includes):
            narrower = SourceFilter(excludes=chosen.excludes)
            kept[name] = _filtered(child, narrower, child_path) if isinstance(child, dict) else child
        elif isinstance(child, dict) and any(_leads_to(p, child_path) for p in chosen.includes):
            inner = _filtered(child, chosen, child_path)
            if inner:
                kept[name] = inner
        elif isinstance(child, list) and any(_leads_to(p, child_path) for p in chosen.includes):
            items = [inner for item in child if isinstance(item, dict) and (inner := _filtered(item, chosen, child_path))]
            if items:
                kept[name] = items
    return kept


def _covers(pattern: str, path: str) -> bool:
    """Whether the pattern names the path or something above it."""
    parts = path.split(".")
    return any(fnmatch.fnmatchcase(".".join(parts[:n]), pattern) for n in range(1, len(parts) + 1))


def _leads_to(pattern: str, path: str) -> bool:
    """Whether something below the path may be named by the pattern."""
    depth = path.count(".") + 1
    parts = pattern.split(".")
    return "*" in pattern or (len(parts) > depth and ".".join(parts[:depth]) == path)
