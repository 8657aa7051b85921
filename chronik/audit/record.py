"""From an event to a line of JSON. Whatever somebody else chose is cut to a length: names, addresses, values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from chronik.audit.interfaces import AuditRecord
from chronik.security.audit_interfaces import AuditEvent

TEXT_CHARACTERS_MAX: Final = 500
"""Of one text. Longer ones end in an ellipsis."""

ENTRIES_MAX: Final = 100
"""Entries of one mapping or list; more are left out, and counted under ``…``."""

LINE_BYTES_MAX: Final = 64 << 10
"""Of one record. One that is larger loses its values, which :data:`ENTRIES_MAX` texts in three mappings could exceed."""

_MORE: Final = "…"


def audit_record(event: AuditEvent, time: float, cluster: str, broker: int) -> AuditRecord:
    """The record of an event.

    :param time: when it happened, in seconds since 1970.
    """
    fields: dict[str, Any] = {
        "time": datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "cluster": cluster,
        "broker": broker,
        "kind": event.kind.value,
        "action": event.action,
        "outcome": "success" if event.succeeded else "failure",
        "principal": event.principal,
        "host": event.host,
        "listener": event.listener,
    }
    for name, value in (
        ("resource", event.resource),
        ("reason", event.reason),
        ("before", event.before),
        ("after", event.after),
        ("details", event.details),
    ):
        if value:
            fields[name] = value
    return _record(fields, time, event.principal)


def left_out_record(fields: Mapping[str, Any], time: float, cluster: str, broker: int, count: int, reason: str) -> AuditRecord:
    """The record that says how many others there are not.

    :param fields: what these have in common: ``kind``, ``principal``, ``host``.
    """
    stamp = datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    common = {"time": stamp, "cluster": cluster, "broker": broker, **fields, "left_out": count, "reason": reason}
    return _record(common, time, str(fields.get("principal", "")))


def _record(fields: dict[str, Any], time: float, principal: str) -> AuditRecord:
    bounded = _bounded(fields)
    line = _json(bounded)
    if len(line) > LINE_BYTES_MAX:
        line = _json({name: value for name, value in bounded.items() if not isinstance(value, dict | list)} | {"cut": True})
    return AuditRecord(int(time * 1000), _text(principal), line)


def _json(value: Any) -> bytes:
    # Lone surrogates cannot be encoded; strings that clients send are UTF-8, but names of files need not be.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        kept = {_text(str(name)): _bounded(each) for name, each in list(value.items())[:ENTRIES_MAX]}
        return kept | {_MORE: len(value) - ENTRIES_MAX} if len(value) > ENTRIES_MAX else kept
    if isinstance(value, tuple | list | set | frozenset):
        items = list(value)
        return [_bounded(each) for each in items[:ENTRIES_MAX]] + ([f"{_MORE} {len(items) - ENTRIES_MAX} more"] if len(items) > ENTRIES_MAX else [])
    if value is None or isinstance(value, bool | int | float):
        return value
    return _text(str(value))


def _text(text: str) -> str:
    return text if len(text) <= TEXT_CHARACTERS_MAX else text[: TEXT_CHARACTERS_MAX - 1] + _MORE
