"""Builders of documents for tests of search stores and of what uses them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from chronik.search.interfaces import Bounds, Document

EVERYTHING = (Bounds(1, 0, 0, 1 << 62),)
"""All of the partition that :func:`document` builds for."""


def document(offset: int, value: Any = None, **fields: Any) -> Document:
    """A document of topic 1, partition 0.

    :param value: bytes and None as they are, anything else as JSON.
    :param fields: other fields of the document; ``key`` may be text.
    """
    raw = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    if isinstance(fields.get("key"), str):
        fields["key"] = fields["key"].encode()
    given = {"topic": 1, "partition": 0, "leader_epoch": 0, "batch_offset": offset, "position": 0, "timestamp": 1_000_000 + offset, "key": None}
    return Document(offset=offset, value=raw, **{**given, **fields})


def documents(*values: Any) -> Sequence[Document]:
    """Documents of these values, at offsets from 0."""
    return [document(offset, value) for offset, value in enumerate(values)]
