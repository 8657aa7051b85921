"""Answers in Elasticsearch's shape."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

JSON: Final = "application/json"

LONE_SURROGATES: Final = "backslashreplace"
"""How to encode what UTF-8 cannot hold but JSON can: as the escape it was read from."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and body of an answer, JSON in UTF-8."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class ShardFailure:
    """A partition that could not be searched, or not whole."""

    topic: str
    partition: int
    kind: str
    reason: str


def error_reply(status: int, kind: str, reason: str) -> Reply:
    """An error: its cause twice, as Elasticsearch tells it, and the status."""
    cause = {"type": kind, "reason": reason}
    return reply(status, {"error": {"root_cause": [cause], **cause}, "status": status})


def reply(status: int, body: Mapping[str, Any]) -> Reply:
    """A JSON object."""
    return Reply(status, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", LONE_SURROGATES))


def shards_section(total: int, failures: Sequence[ShardFailure]) -> dict[str, Any]:
    """``_shards``: a shard is a partition."""
    section: dict[str, Any] = {"total": total, "successful": total - len(failures), "skipped": 0, "failed": len(failures)}
    if failures:
        section["failures"] = [
            {"shard": f.partition, "index": f.topic, "node": None, "reason": {"type": f.kind, "reason": f.reason}} for f in failures
        ]
    return section


def hit_text(topic: str, hit_id: str, score: float | None, source: str | None, sort: Sequence[Any] | None) -> str:
    """One hit; ``source`` is JSON text, None leaves it out."""
    text = json.dumps({"_index": topic, "_id": hit_id, "_score": score}, ensure_ascii=False, separators=(",", ":"))[:-1]
    if source is not None:
        text += f',"_source":{source}'
    if sort is not None:
        text += f',"sort":{json.dumps(sort, ensure_ascii=False)}'
    return text + "}"


def search_reply(
    head: Mapping[str, Any], total: Mapping[str, Any] | None, max_score: float | None, hits: Sequence[str], tail: Mapping[str, Any]
) -> Reply:
    """The answer to a search.

    :param head: members before ``hits``.
    :param total: None when it was not asked for.
    :param hits: JSON texts.
    :param tail: members after ``hits``.
    """
    section = {} if total is None else {"total": total}
    inner = json.dumps({**section, "max_score": max_score}, separators=(",", ":"))[:-1] + ',"hits":[' + ",".join(hits) + "]}"
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1] + f',"hits":{inner}'
    rest = json.dumps(tail, ensure_ascii=False, separators=(",", ":"))[1:-1]
    return Reply(200, (text + ("," + rest if rest else "") + "}").encode("utf-8", LONE_SURROGATES))
