"""What the HTTP listener needs of the layers below, and how one answer looks."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:

    from chronik.security.interfaces import Principal

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, after authentication.

    :ivar path: decoded path segments without empty ones.
    :ivar params: query parameters; the last one of a repeated name counts.
    :ivar headers: lower-case names.
    :ivar body: whole, at most ``http.max.content.length`` bytes.
    """

    method: str
    path: tuple[str, ...]
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    principal: Principal
    peer_host: str


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer.

    :ivar change: for the audit trail, of what was administered: what there was, and what there is now, without secrets; empty for nothing.
    """

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    change: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {})


HttpHandler: TypeAlias = Callable[[HttpRequest], Awaitable[HttpAnswer]]


class HttpError(Exception):
    """A request that is answered with an error, in Elasticsearch's shape.

    :ivar kind: Elasticsearch's exception type.
    """

    def __init__(self, status: int, kind: str, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.kind = kind
        self.reason = reason
        self.headers = dict(headers or {})

    def answer(self) -> HttpAnswer:
        """The answer that says so."""
        cause = {"type": self.kind, "reason": self.reason}
        return json_answer({"error": {"root_cause": [cause], **cause}, "status": self.status}, self.status, self.headers)


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """An answer whose body is ``value`` as JSON."""
    return HttpAnswer(status, json.dumps(value, ensure_ascii=False).encode() + b"\n", JSON_TYPE, headers or {})

