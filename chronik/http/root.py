"""``/``: the console for a browser, the banner that Elasticsearch's clients and tools look for otherwise; and the console's files."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from chronik import __version__
from chronik.http.access import Access
from chronik.http.interfaces import HttpAnswer, HttpError, HttpRequest, json_answer
from chronik.http.routing import Route, Routes
from chronik.metadata.interfaces import IMetadataFeed

ELASTICSEARCH_VERSION: Final = "8.17.0"
"""The release whose search API ours follows; tools read it to decide what they may ask."""

_TYPES: Final = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}

_CONSOLE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Frame-Options": "DENY",
}


class RootEndpoints:
    """The root and the console's static files.

    :param node_name: what this broker calls itself.
    :param feed: knows the cluster's id.
    :param access: decides who is told it.
    """

    def __init__(self, node_name: str, feed: IMetadataFeed, access: Access) -> None:
        self._access = access
        self._node_name = node_name
        self._feed = feed

    def register(self, routes: Routes) -> None:
        """Add the endpoints to the table."""
        routes.paths[""] = Route({"GET": self._root})
        routes.paths["console/**"] = Route({"GET": self._file})

    async def _root(self, request: HttpRequest) -> HttpAnswer:
        if "text/html" in request.headers.get("accept", ""):
            return _console_file("index.html")
        if not self._access.is_open(request.path):
            await self._access.check_known(request)
        cluster_id = self._feed.image.cluster_id
        return json_answer(
            {
                "name": self._node_name,
                "cluster_name": "chronik",
                "cluster_uuid": cluster_id,
                "version": {
                    "number": ELASTICSEARCH_VERSION,
                    "build_flavor": "default",
                    "lucene_version": "9.12.0",
                    "minimum_wire_compatibility_version": "7.17.0",
                    "minimum_index_compatibility_version": "7.0.0",
                },
                "chronik_version": __version__,
                "tagline": "You Know, for Search",
            }
        )

    async def _file(self, request: HttpRequest) -> HttpAnswer:
        if len(request.path) != 2:
            raise HttpError(404, "resource_not_found_exception", "the console has no such file")
        return _console_file(request.path[1])


def _console_file(name: str) -> HttpAnswer:
    extension = name.rpartition(".")[2]
    found = files("chronik.http").joinpath("console", name) if "/" not in name and extension in _TYPES else None
    if found is None or not found.is_file():
        raise HttpError(404, "resource_not_found_exception", f"the console has no file {name!r}")
    return HttpAnswer(200, found.read_bytes(), _TYPES[extension], _CONSOLE_HEADERS)
