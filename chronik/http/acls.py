"""``/_chronik/acls``: the access control list, as Kafka's own APIs have it."""

from __future__ import annotations

from typing import Any, Final

from chronik.errors import ErrorCode
from chronik.http.bodies import UNAVAILABLE, json_body, wrong
from chronik.http.calls import HttpCalls
from chronik.http.interfaces import HttpAnswer, HttpError, HttpRequest, json_answer
from chronik.http.routing import Route, Routes
from chronik.security.acl.words import ACL_FIELDS, Wrong, entry_words, read_acl, read_filter
from chronik.security.interfaces import AclFilter
from chronik.server.acl_messages import creations, deleted, deletion, described, description

ENTRIES_MAX: Final = 1000
"""Entries that are made by one request: reading so many takes some ten milliseconds."""


class AclEndpoints:
    """Lists, makes and deletes entries.

    :param calls: does what the APIs do.
    """

    def __init__(self, calls: HttpCalls) -> None:
        self._calls = calls

    def register(self, routes: Routes) -> None:
        """Add the endpoint to the table."""
        routes.paths["_chronik/acls"] = Route({"GET": self._list, "POST": self._create, "DELETE": self._delete})

    async def _list(self, request: HttpRequest) -> HttpAnswer:
        response = await self._calls.call(description(_filter(request)), request)
        _check(response)
        return json_answer({"acls": [entry_words(acl) for acl in described(response)]})

    async def _create(self, request: HttpRequest) -> HttpAnswer:
        """All entries are read before any is made."""
        body = json_body(request)
        entries = body.get("acls") if isinstance(body, dict) and body.keys() == {"acls"} else None
        if not isinstance(entries, list) or not 0 < len(entries) <= ENTRIES_MAX:
            raise wrong(f'the body is {{"acls": [...]}}, a list of 1 to {ENTRIES_MAX} objects with {", ".join(ACL_FIELDS)}')
        acls = []
        for number, entry in enumerate(entries, 1):
            try:
                acls.append(read_acl(entry))
            except Wrong as problem:
                raise wrong(f"acl {number}: {problem}") from None
        response = await self._calls.call(creations(acls), request)
        for result in response.results:
            _check(result)
        return json_answer({"acls": [entry_words(acl) for acl in acls]})

    async def _delete(self, request: HttpRequest) -> HttpAnswer:
        wanted = _filter(request)
        if wanted == AclFilter() and "pattern" not in request.params:
            raise wrong(f"say which entries are meant, by {', '.join(ACL_FIELDS)}; pattern=any means all")
        (result,) = (await self._calls.call(deletion([wanted]), request)).filter_results
        _check(result)
        return json_answer({"deleted": [entry_words(acl) for acl in deleted(result)]})


def _filter(request: HttpRequest) -> AclFilter:
    try:
        return read_filter(request.params)
    except Wrong as problem:
        raise wrong(str(problem)) from None


def _check(result: Any) -> None:
    """Raise what an answer, or a part of one, says went wrong."""
    code, message = result.error_code, result.error_message or ""
    if code == ErrorCode.CLUSTER_AUTHORIZATION_FAILED:
        raise HttpError(403, "security_exception", message)
    if code in UNAVAILABLE:
        raise HttpError(503, "unavailable_exception", message)
    if code:
        raise wrong(message)
