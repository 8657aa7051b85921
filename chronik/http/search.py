"""The search endpoints: which topics a request means and may read, then the search processes do the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chronik.http.access import Access
from chronik.http.interfaces import HttpAnswer, HttpError, HttpHandler, HttpRequest, json_answer
from chronik.http.routing import Route, Routes
from chronik.http.topics import choose, read_options
from chronik.metadata.interfaces import IMetadataFeed
from chronik.model import INTERNAL_TOPICS
from chronik.search.broker_interfaces import ISearch
from chronik.security.interfaces import Action, IAuthorizer, Operation, ResourceType


class SearchEndpoints:
    """``_search``, ``_count``, ``_coverage`` and ``_doc``, and whether there is such a topic.

    :param relay: runs searches.
    :param feed: knows which topics there are.
    :param authorizer: decides who may read which.
    """

    def __init__(self, relay: ISearch, feed: IMetadataFeed, authorizer: IAuthorizer) -> None:
        self._relay = relay
        self._feed = feed
        self._access = Access(authorizer)

    def register(self, routes: Routes) -> None:
        """Add the endpoints to the table."""
        for action in ("search", "count"):
            handler = self._over_topics(action)
            routes.endings[f"_{action}"] = Route({"GET": handler, "POST": handler})
        routes.endings["_coverage"] = Route({"GET": self._over_topics("coverage")})
        routes.endings["_doc/*"] = Route({"GET": self._document})
        routes.exists = self._exists

    def _over_topics(self, action: str) -> HttpHandler:
        async def serve(request: HttpRequest) -> HttpAnswer:
            if len(request.path) > 2:
                path = "/".join(request.path)
                raise HttpError(404, "illegal_argument_exception", f"no handler found for /{path}; _{action} is at /{{topics}}/_{action}")
            expression = request.path[0] if len(request.path) == 2 else "_all"
            return await self._searched(request, expression, action, request.params, request.body)

        return serve

    async def _searched(self, request: HttpRequest, expression: str, action: str, params: Mapping[str, str], body: bytes) -> HttpAnswer:
        """The answer of the search processes, over topics that may be read when it comes: it may have waited for records."""
        while True:
            security = self._feed.image.security
            topics = await self._readable(request, expression)
            if action == "doc" and not topics:
                missing = f"no such index [{expression}]: there is no topic of this name that is searched"
                raise HttpError(404, "index_not_found_exception", missing)
            answer = await self._relay.search(action, topics, params, body)
            if security.allows_as(self._feed.image.security) or set(topics) <= set(await self._readable(request, expression)):
                return _relayed(answer)

    async def _exists(self, request: HttpRequest) -> HttpAnswer:
        """What clients of Elasticsearch ask before they search: ``HEAD /orders``."""
        await self._readable(request, request.path[0])
        return json_answer({})

    async def _document(self, request: HttpRequest) -> HttpAnswer:
        if len(request.path) != 3:
            raise HttpError(404, "illegal_argument_exception", "a document is at /{topic}/_doc/{topic}:{partition}:{offset}")
        if "*" in request.path[0] or "," in request.path[0]:
            raise HttpError(400, "illegal_argument_exception", f"a document is of one topic, [{request.path[0]}] may be several")
        return await self._searched(request, request.path[0], "doc", {**request.params, "id": request.path[2]}, b"")

    async def _readable(self, request: HttpRequest, expression: str) -> Sequence[str]:
        """The topics an expression names: all that match a pattern, are searched and may be read, and each one that is named must exist and be
        readable.

        :raises HttpError: 404 for a topic that does not exist, 403 for one that may not be read.
        """
        options = read_options(request.params)
        image = self._feed.image
        chosen = choose(expression, (name for name in image.topics if name not in INTERNAL_TOPICS), options.expand)
        if not chosen.named:
            await self._access.check_any(request, Operation.READ, ResourceType.TOPIC)
        named = await self._allowed(request, chosen.named, Operation.READ)
        for name in chosen.named:
            if name not in named:
                raise HttpError(403, "security_exception", f"{request.principal} may not read topic {name!r}")
        readable = await self._allowed(request, chosen.matched, Operation.READ, Operation.DESCRIBE)
        # From here on nothing depends on topics that may not be read.
        searched = self._relay.searched([*named, *readable])
        for name in tuple(named):
            if options.ignore_unavailable and name not in searched:
                named.remove(name)
            elif name not in image.topics:
                raise HttpError(404, "index_not_found_exception", f"no such index [{name}]: there is no topic of this name")
        # When none of them is searched they go on, to be refused: that is not the same as nothing found.
        topics = [*named, *([name for name in readable if name in searched] or readable)]
        if not topics and not options.allow_no_indices:
            raise HttpError(404, "index_not_found_exception", f"no such index [{expression}]: no topic that is searched matches")
        return topics

    async def _allowed(self, request: HttpRequest, names: Sequence[str], *operations: Operation) -> list[str]:
        """Those of the names on which all operations are allowed."""
        actions = [Action(operation, ResourceType.TOPIC, name) for operation in operations for name in names]
        decisions = iter(await self._access.allowed(request, actions))
        refused = {action.name for action in actions if not next(decisions)}
        return [name for name in names if name not in refused]


def _relayed(answer: Any) -> HttpAnswer:
    return HttpAnswer(answer.status, answer.body, answer.content_type)
