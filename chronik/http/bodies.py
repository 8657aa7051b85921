"""Bodies of requests that administer."""

from __future__ import annotations

import json
from typing import Any

from chronik.http.interfaces import HttpError, HttpRequest


def wrong(reason: str) -> HttpError:
    """The refusal of what cannot be understood, or cannot be."""
    return HttpError(400, "illegal_argument_exception", reason)


def json_body(request: HttpRequest) -> Any:
    """The body, understood.

    :raises HttpError: 400: it is no JSON.
    """
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise wrong("the body is no JSON") from None
