"""Bodies of requests that administer, and how they are refused."""

from __future__ import annotations

import json
from typing import Any, Final

from chronik.errors import ErrorCode, KafkaError
from chronik.http.interfaces import HttpError, HttpRequest

UNAVAILABLE: Final = frozenset({ErrorCode.NOT_CONTROLLER, ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.REQUEST_TIMED_OUT})
"""Errors of a change that may succeed later."""


def wrong(reason: str) -> HttpError:
    """The refusal of what cannot be understood, or cannot be."""
    return HttpError(400, "illegal_argument_exception", reason)


def refused(error: KafkaError) -> HttpError:
    """An error of the controller as HTTP has it."""
    if error.code in UNAVAILABLE:
        return HttpError(503, "unavailable_exception", error.message or error.code.name)
    return wrong(error.message or error.code.name)


def read_json(body: bytes) -> Any:
    """What a body says.

    :raises ValueError: it is no JSON in UTF-8, or has what can be neither kept nor told: halves of characters, and numbers that are none.
    """
    text = body.decode("utf-8-sig")
    try:
        value = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def json_body(request: HttpRequest) -> Any:
    """The body, understood.

    :raises HttpError: 400: it is no JSON.
    """
    try:
        return read_json(request.body)
    except ValueError:
        raise wrong("the body is no JSON") from None
