"""``/_security/role``: roles, in the shape of Elasticsearch's roles API; what a role grants is said in Kafka's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from chronik.cluster.interfaces import IController
from chronik.errors import ErrorCode, KafkaError
from chronik.http.access import Access
from chronik.http.bodies import json_body, refused, wrong
from chronik.http.interfaces import HttpAnswer, HttpError, HttpRequest, json_answer
from chronik.http.routing import Route, Routes
from chronik.metadata.interfaces import IMetadataFeed
from chronik.metadata.security_keys import NO_ROLE, role_version
from chronik.security.acl.words import Wrong, read_role, role_words
from chronik.security.interfaces import IAclAuthorizer, IAuthorizer, Operation

_TAG: Final = re.compile(r'"([0-9a-f]{1,64})"', re.ASCII)


def check_kept(authorizer: IAuthorizer) -> None:
    """Refuse where the authorizer goes by other things than the metadata.

    :raises HttpError: 400.
    """
    if not IAclAuthorizer.providedBy(authorizer):
        raise wrong("this broker's authorizer goes by no access control lists and no roles: set authorizer=acl")


class RoleEndpoints:
    """Lists, shows, makes and deletes roles."""

    def __init__(self, feed: IMetadataFeed, controller: IController, authorizer: IAuthorizer, access: Access) -> None:
        self._feed = feed
        self._controller = controller
        self._authorizer = authorizer
        self._access = access

    def register(self, routes: Routes) -> None:
        """Add the endpoints to the table."""
        routes.paths["_security/role"] = Route({"GET": self._list})
        routes.paths["_security/role/*"] = Route({"GET": self._show, "PUT": self._put, "POST": self._put, "DELETE": self._delete})

    async def _list(self, request: HttpRequest) -> HttpAnswer:
        await self._check(request, Operation.DESCRIBE)
        return json_answer({name: role_words(role) for name, role in sorted(self._feed.image.security.roles.items())})

    async def _show(self, request: HttpRequest) -> HttpAnswer:
        await self._check(request, Operation.DESCRIBE)
        roles = self._feed.image.security.roles
        found = {name: role_words(roles[name]) for name in request.path[2].split(",") if name in roles}
        answer = json_answer(found, 200 if found else 404)
        return replace(answer, headers={"ETag": f'"{role_version(roles[next(iter(found))])}"'}) if len(found) == 1 else answer

    async def _put(self, request: HttpRequest) -> HttpAnswer:
        await self._check(request, Operation.ALTER)
        name = request.path[2]
        try:
            role = read_role(name, json_body(request))
        except Wrong as problem:
            raise wrong(str(problem)) from None
        before = self._before(name)
        try:
            await self._controller.put_role(role, _replaces(request))
        except KafkaError as error:
            raise _refused(error) from None
        return replace(json_answer({"role": {"created": not before}}), change=(before, role_words(role)))

    async def _delete(self, request: HttpRequest) -> HttpAnswer:
        await self._check(request, Operation.ALTER)
        before = self._before(request.path[2])
        try:
            await self._controller.delete_role(request.path[2], _replaces(request))
        except KafkaError as error:
            if error.code is ErrorCode.RESOURCE_NOT_FOUND:
                return json_answer({"found": False}, 404)
            raise _refused(error) from None
        return replace(json_answer({"found": True}), change=(before, {}))

    def _before(self, name: str) -> Mapping[str, Any]:
        role = self._feed.image.security.roles.get(name)
        return {} if role is None else role_words(role)

    async def _check(self, request: HttpRequest, operation: Operation) -> None:
        await self._access.check_cluster(request, operation)
        check_kept(self._authorizer)


def _replaces(request: HttpRequest) -> str | None:
    """The version that a change is of, as conditional requests say it (RFC 9110, section 13.1); None for whatever there is.

    :raises HttpError: 400: it is said in a way that is not understood.
    """
    tag, none = request.headers.get("if-match"), request.headers.get("if-none-match")
    if tag is None and none is None:
        return None
    if tag is None and none is not None and none.strip() == "*":
        return NO_ROLE
    found = _TAG.fullmatch(tag.strip()) if tag is not None and none is None else None
    if found is None:
        raise wrong('a change may have one condition: If-Match: "..." with the ETag of the role, or If-None-Match: *')
    return found[1]


def _refused(error: KafkaError) -> HttpError:
    if error.code is ErrorCode.INVALID_UPDATE_VERSION:
        return HttpError(412, "version_conflict_engine_exception", error.message)
    return refused(error)
