"""``/_chronik/acls``: the access control list."""

from __future__ import annotations

from typing import Any

from chronik.cluster.interfaces import IController
from chronik.errors import KafkaError
from chronik.http.access import Access
from chronik.http.bodies import json_body, wrong
from chronik.http.interfaces import HttpAnswer, HttpRequest, json_answer
from chronik.http.roles import check_kept, refused
from chronik.http.routing import Route, Routes
from chronik.metadata.interfaces import IMetadataFeed
from chronik.security.acl.filters import in_order, matching
from chronik.security.acl.words import ACL_FIELDS, Wrong, entry_words, read_acl, read_filter
from chronik.security.interfaces import AclFilter, IAuthorizer, Operation


class AclEndpoints:
    """Lists, makes and deletes entries."""

    def __init__(self, feed: IMetadataFeed, controller: IController, authorizer: IAuthorizer, access: Access) -> None:
        self._feed = feed
        self._controller = controller
        self._authorizer = authorizer
        self._access = access

    def register(self, routes: Routes) -> None:
        """Add the endpoint to the table."""
        routes.paths["_chronik/acls"] = Route({"GET": self._list, "POST": self._create, "DELETE": self._delete})

    async def _list(self, request: HttpRequest) -> HttpAnswer:
        await self._check(request, Operation.DESCRIBE)
        found = in_order(matching(_filter(request), self._feed.image.security.acls))
        return json_answer({"acls": [entry_words(acl) for acl in found]})

    async def _create(self, request: HttpRequest) -> HttpAnswer:
        """All entries are checked before any is made."""
        await self._check(request, Operation.ALTER)
        body = json_body(request)
        entries = body.get("acls") if isinstance(body, dict) and body.keys() == {"acls"} else None
        if not isinstance(entries, list) or not entries:
            raise wrong(f'the body is {{"acls": [...]}}, a list of objects with {", ".join(ACL_FIELDS)}')
        acls = []
        for number, entry in enumerate(entries, 1):
            try:
                acls.append(read_acl(entry))
            except Wrong as problem:
                raise wrong(f"acl {number}: {problem}") from None
        before = self._feed.image.security.acls
        created = len(frozenset(acls) - before)
        outcomes: Any = await self._controller.create_acls(acls)
        for outcome in outcomes:
            if outcome is not None:
                raise refused(outcome)
        return json_answer({"created": created})

    async def _delete(self, request: HttpRequest) -> HttpAnswer:
        await self._check(request, Operation.ALTER)
        wanted = _filter(request)
        if wanted == AclFilter() and "pattern" not in request.params:
            raise wrong(f"say which entries are meant, by {', '.join(ACL_FIELDS)}; pattern=any means all")
        (outcome,) = await self._controller.delete_acls([wanted])
        if isinstance(outcome, KafkaError):
            raise refused(outcome)
        return json_answer({"deleted": [entry_words(acl) for acl in outcome]})

    async def _check(self, request: HttpRequest, operation: Operation) -> None:
        await self._access.check_cluster(request, operation)
        check_kept(self._authorizer)


def _filter(request: HttpRequest) -> AclFilter:
    try:
        return read_filter(request.params)
    except Wrong as problem:
        raise wrong(str(problem)) from None
