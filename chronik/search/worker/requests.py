"""What a call asks for besides its query: which parameters there may be, what to wait for, how long it may take."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chronik.search.interfaces import QueryError
from chronik.search.query.search_body import SearchRequest, parse_search_body, with_params

WAIT_DEFAULT_S: Final = 5.0

_HARMLESS: Final = frozenset(
    [
        "allow_no_indices",
        "ccs_minimize_roundtrips",
        "error_trace",
        "expand_wildcards",
        "human",
        "ignore_unavailable",
        "preference",
        "pretty",
        "request_cache",
    ]
)
"""Parameters that clients send and that change nothing in what we answer, or that were served before the call came here."""

_WAITING: Final = frozenset({"wait_for_offset", "wait_timeout", "timeout"})
_QUERY: Final = frozenset({"q", "default_operator", "df"})
_SOURCE: Final = frozenset({"_source", "_source_includes", "_source_excludes"})
_PAGE: Final = frozenset({"size", "from", "sort", "track_total_hits"})

_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)?")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 0.001}
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_OFFSET: Final = re.compile(r"(?:([a-zA-Z0-9._-]+):)?(\d{1,9}):(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Wait:
    """What must be searchable before the search begins.

    :ivar offsets: by topic (None: the only one) and partition; None waits for all that is committed.
    """

    offsets: Mapping[tuple[str | None, int], int] | None
    timeout_s: float


def read_search(params: Mapping[str, str], body: bytes) -> SearchRequest:
    """A request for hits.

    :raises QueryError: something of it is not understood.
    """
    _refuse_unknown(params, _HARMLESS | _WAITING | _QUERY | _SOURCE | _PAGE)
    document = _read_body(body)
    document.pop("timeout", None)
    return with_params(parse_search_body(document), params)


def read_count(params: Mapping[str, str], body: bytes) -> SearchRequest:
    """A request for the number of matches; its body holds a query only.

    :raises QueryError: something of it is not understood.
    """
    _refuse_unknown(params, _HARMLESS | _WAITING | _QUERY)
    document = _read_body(body)
    unknown = sorted(set(document) - {"query"})
    if unknown:
        raise QueryError(f"unknown key [{unknown[0]}] in the body of a count; supported is [query]")
    return with_params(parse_search_body(document), params)


def read_document(params: Mapping[str, str]) -> SearchRequest:
    """A request for one record: what of it is to be shown.

    :raises QueryError: something of it is not understood.
    """
    _refuse_unknown(params, _HARMLESS | _WAITING | _SOURCE | {"id", "realtime", "refresh"})
    return with_params(SearchRequest(), {n: v for n, v in params.items() if n in _SOURCE})


def read_coverage(params: Mapping[str, str]) -> None:
    """A request for coverage takes nothing but what to wait for.

    :raises QueryError: something else is there.
    """
    _refuse_unknown(params, _HARMLESS | _WAITING)


def read_wait(params: Mapping[str, str]) -> Wait | None:
    """``wait_for_offset`` (``end``, ``partition:offset,...`` or ``topic:partition:offset,...``) and ``wait_timeout``.

    :raises QueryError: it is none of these.
    """
    text = params.get("wait_for_offset")
    if text is None:
        return None
    timeout = read_duration("wait_timeout", params["wait_timeout"]) if "wait_timeout" in params else WAIT_DEFAULT_S
    if text == "end":
        return Wait(None, timeout)
    offsets: dict[tuple[str | None, int], int] = {}
    for item in text.split(","):
        found = _OFFSET.fullmatch(item)
        if found is None:
            raise _illegal(f"[wait_for_offset] takes [end] or [partition:offset,...], not [{item}]")
        offsets[found[1], int(found[2])] = int(found[3])
    return Wait(offsets, timeout)


def read_timeout(params: Mapping[str, str], body: bytes) -> float | None:
    """How long the search may take, in seconds; None when it does not say."""
    value = params.get("timeout") or _read_body(body).get("timeout")
    return None if value is None else read_duration("timeout", value)


def read_duration(name: str, text: Any) -> float:
    """Seconds of a duration like ``500ms``, ``5s``, ``1m``; a bare number is milliseconds.

    :raises QueryError: it is no duration.
    """
    found = _DURATION.fullmatch(str(text))
    if found is None:
        raise _illegal(f"failed to parse [{name}]: [{text}] is no duration like 500ms or 5s")
    return float(found[1]) * _SECONDS[found[2]]


def _illegal(reason: str) -> QueryError:
    return QueryError(reason, "illegal_argument_exception")


def _refuse_unknown(params: Mapping[str, str], known: frozenset[str]) -> None:
    unknown = sorted(set(params) - known)
    if unknown:
        raise _illegal(f"request contains unrecognized parameter{'s' * (len(unknown) > 1)}: {', '.join(f'[{n}]' for n in unknown)}")


def _read_body(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        document = json.loads(body)
        if _SURROGATE.search(body):  # indexes hold UTF-8 only
            document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise QueryError(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise QueryError("the body is not a JSON object")
    return document
