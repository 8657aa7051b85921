"""``/health`` and its parts: what works, what does not, and why, as JSON; 503 where something that is needed does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chronik.http.interfaces import HttpAnswer, HttpHandler, HttpRequest, json_answer
from chronik.http.routing import Route, Routes

Check = Callable[[], Mapping[str, Any]]
"""One part's state: ``status`` (``green``, ``yellow``: works with less than it should, ``red``: does not work) and whatever explains it."""

_RANK = {"green": 0, "yellow": 1, "red": 2}


class HealthEndpoints:
    """The tree of health, and the two questions of whoever runs the broker: does it live, is it ready.

    :param parts: checks by name; each is at ``/health/<name>``.
    :param ready: name of the part that must work for the broker to be of use.
    """

    def __init__(self, parts: Mapping[str, Check], ready: str = "broker") -> None:
        self._parts = dict(parts)
        self._ready = ready

    def register(self, routes: Routes) -> None:
        """Add the endpoints to the table."""
        routes.paths["health"] = Route({"GET": self._whole})
        routes.paths["health/livez"] = Route({"GET": self._lives})
        routes.paths["health/readyz"] = Route({"GET": self._is_ready})
        for name, check in self._parts.items():
            routes.paths[f"health/{name}"] = Route({"GET": _part(check)})

    async def _lives(self, request: HttpRequest) -> HttpAnswer:
        """It does, or nobody would answer."""
        return _answer({"status": "green"})

    async def _is_ready(self, request: HttpRequest) -> HttpAnswer:
        """Whether to send it requests, and not why: everybody may ask."""
        check = self._parts.get(self._ready)
        return _answer({"status": "green" if check is None else check()["status"]})

    async def _whole(self, request: HttpRequest) -> HttpAnswer:
        parts = {name: dict(check()) for name, check in self._parts.items()}
        worst = max((part["status"] for part in parts.values()), key=lambda status: _RANK[status], default="green")
        return _answer({"status": worst, **parts})


def _part(check: Check) -> HttpHandler:
    async def serve(request: HttpRequest) -> HttpAnswer:
        return _answer(dict(check()))

    return serve


def _answer(state: Mapping[str, Any]) -> HttpAnswer:
    return json_answer(state, 503 if state["status"] == "red" else 200)
