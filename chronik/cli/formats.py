"""How a consumed record is printed."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from chronik.record.records import Record

Format = Callable[[int, Record], bytes]
"""Partition and record to a line."""

_PLACE: Final = re.compile(r"%([tpoTkvh%])|\\([tn\\])")
_ESCAPES: Final = {"t": b"\t", "n": b"\n", "\\": b"\\"}


def time_text(timestamp: int) -> str:
    """ISO 8601 in UTC of ms; the number itself where no calendar reaches."""
    try:
        return datetime.fromtimestamp(timestamp / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(timestamp)


def text_or_base64(data: bytes | None) -> Any:
    """Text where it is UTF-8, else ``{"$base64": ...}``, as search answers it."""
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"$base64": base64.b64encode(data).decode()}


def format_of(name: str, topic: str) -> Format:
    """The format of ``--format``."""
    if name == "value":
        return lambda partition, record: (record.value or b"") + b"\n"
    if name == "json":
        return lambda partition, record: _json(topic, partition, record)
    return _template(name, topic)


def _json(topic: str, partition: int, record: Record) -> bytes:
    """Values stay text: a consumer must get back what was produced, byte for byte."""
    document = {
        "topic": topic,
        "partition": partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": text_or_base64(record.key),
        "value": text_or_base64(record.value),
        "headers": [[name, text_or_base64(value)] for name, value in record.headers],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _template(text: str, topic: str) -> Format:
    fields: dict[str, Format] = {
        "t": lambda partition, record: topic.encode(),
        "p": lambda partition, record: b"%d" % partition,
        "o": lambda partition, record: b"%d" % record.offset,
        "T": lambda partition, record: time_text(record.timestamp).encode(),
        "k": lambda partition, record: record.key or b"",
        "v": lambda partition, record: record.value or b"",
        "h": lambda partition, record: b",".join(name.encode() + b"=" + (value or b"") for name, value in record.headers),
        "%": lambda partition, record: b"%",
    }
    parts: list[bytes | Format] = []
    end = 0
    for found in _PLACE.finditer(text):
        parts.append(text[end : found.start()].encode())
        parts.append(fields[found[1]] if found[1] else _ESCAPES[found[2]])
        end = found.end()
    parts.append(text[end:].encode() + b"\n")
    return lambda partition, record: b"".join(part if isinstance(part, bytes) else part(partition, record) for part in parts)
