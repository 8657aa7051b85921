"""JSON that others wrote and sign or rely on: read in one way only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def read_object(data: bytes) -> dict[str, Any]:
    """The object that a text in UTF-8 is.

    :raises ValueError: it is none; or a name stands in it twice, of which readers would pick different ones; or a number is none.
    """
    try:
        value = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("it is no object")  # noqa: TRY004  a text that cannot be read
    return value


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands in it twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
