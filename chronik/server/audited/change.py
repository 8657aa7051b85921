"""One change of one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from chronik.errors import ErrorCode

if TYPE_CHECKING:
    from chronik.metadata.image import MetadataImage


@dataclass(frozen=True, slots=True)
class Changed:
    """What was changed, or was to be changed.

    :ivar resource: the thing, as ``TOPIC:orders``.
    :ivar code: what the client was answered about it.
    :ivar reason: and in what words.
    :ivar before: what was there, by name.
    :ivar after: what is there now.
    :ivar details: what was asked for, where that is not the same as what is there.
    """

    resource: str
    code: int = ErrorCode.NONE
    reason: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


Audited: TypeAlias = Callable[["MetadataImage", "MetadataImage", Any, Any], Iterable[Changed]]
"""``(metadata before, metadata after, request, response)``: what the request changed. It is called for requests that are not only validated."""


def told(outcome: Any) -> tuple[int, str]:
    """Code and words of a part of an answer; those of no error where there is no such part."""
    if outcome is None:
        return ErrorCode.NONE, ""
    return outcome.error_code, getattr(outcome, "error_message", None) or ""
