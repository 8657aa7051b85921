"""Which handler serves a path. The *last* segments decide, so that no topic name hides an endpoint or is hidden by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chronik.http.interfaces import HttpAnswer, HttpError, HttpHandler, HttpRequest


@dataclass(frozen=True, slots=True)
class Route:
    """How one endpoint is served, by method. HEAD is GET without the body."""

    handlers: Mapping[str, HttpHandler]

    def handler(self, method: str, path: str) -> HttpHandler:
        """The handler of a method.

        :raises HttpError: 405.
        """
        found = self.handlers.get("GET" if method == "HEAD" else method)
        if found is None:
            allowed = ", ".join(sorted(self.handlers))
            raise HttpError(405, "illegal_argument_exception", f"{method} is not allowed for {path}: {allowed}", {"Allow": allowed})
        return found


@dataclass(slots=True)
class Routes:
    """The table of endpoints.

    :ivar endings: by last segment (``_search``), or by the last but one and a ``*`` (``_doc/*``).
    :ivar paths: by whole path (``health/broker``), by two segments and ``/*`` for any third one, or by a first segment and ``/**``.
    :ivar exists: answers HEAD of a path of one segment that is none of these: whether there are such topics.
    """

    endings: dict[str, Route] = field(default_factory=dict)
    paths: dict[str, Route] = field(default_factory=dict)
    exists: HttpHandler | None = None

    def find(self, path: tuple[str, ...]) -> Route:
        """The endpoint of a path.

        :raises HttpError: 404 when there is none.
        """
        if path and path[-1] in self.endings:
            return self.endings[path[-1]]
        if len(path) >= 2 and f"{path[-2]}/*" in self.endings:
            return self.endings[f"{path[-2]}/*"]
        whole = "/".join(path)
        if whole in self.paths:
            return self.paths[whole]
        if len(path) == 3 and f"{path[0]}/{path[1]}/*" in self.paths:
            return self.paths[f"{path[0]}/{path[1]}/*"]
        if path and f"{path[0]}/**" in self.paths:
            return self.paths[f"{path[0]}/**"]
        raise HttpError(404, "illegal_argument_exception", f"no handler found for /{whole}; search is at /{{topics}}/_search, health at /health")

    async def serve(self, request: HttpRequest) -> HttpAnswer:
        """Find the handler of a request and run it."""
        if self.exists is not None and request.method == "HEAD" and self._names_topics(request.path):
            return await self.exists(request)
        handler = self.find(request.path).handler(request.method, "/" + "/".join(request.path))
        return await handler(request)

    def _names_topics(self, path: tuple[str, ...]) -> bool:
        return len(path) == 1 and path[0] not in self.endings and path[0] not in self.paths
