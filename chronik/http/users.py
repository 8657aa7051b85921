"""``/_security/user``: users whose passwords the cluster's metadata proves, in the shape of Elasticsearch's users API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from chronik.cluster.interfaces import ScramChange
from chronik.defer import IThreadPools, Pool
from chronik.errors import KafkaError
from chronik.http.access import Access
from chronik.http.bodies import json_body, refused, wrong
from chronik.http.interfaces import HttpAnswer, HttpRequest, json_answer
from chronik.http.routing import Route, Routes
from chronik.security.interfaces import Operation, ScramCredential
from chronik.security.sasl.saslprep import saslprep
from chronik.security.scram_keys import ITERATIONS, ITERATIONS_MAX, ITERATIONS_MIN, SCRAM_HASHES, new_credential

if TYPE_CHECKING:
    from chronik.server.services import Services

_FIELDS: Final = frozenset({"password", "iterations", "mechanisms"})


class UserEndpoints:
    """Lists, shows, makes and deletes users.

    :param pools: where passwords are computed with.
    :param random: gives that many random bytes.
    """

    def __init__(self, services: Services, pools: IThreadPools, random: Callable[[int], bytes]) -> None:
        self._services = services
        self._access = Access(services.authorizer)
        self._pools = pools
        self._random = random

    def register(self, routes: Routes) -> None:
        """Add the endpoints to the table."""
        routes.paths["_security/user"] = Route({"GET": self._list})
        routes.paths["_security/user/*"] = Route({"GET": self._show, "PUT": self._put, "POST": self._put, "DELETE": self._delete})

    async def _list(self, request: HttpRequest) -> HttpAnswer:
        await self._access.check_cluster(request, Operation.DESCRIBE)
        return json_answer({user: _shown(user, found) for user, found in sorted(self._users().items())})

    async def _show(self, request: HttpRequest) -> HttpAnswer:
        await self._access.check_cluster(request, Operation.DESCRIBE)
        users, asked = self._users(), request.path[2].split(",")
        found = {user: _shown(user, users[user]) for user in asked if user in users}
        return json_answer(found, 200 if found else 404)

    async def _put(self, request: HttpRequest) -> HttpAnswer:
        await self._access.check_cluster(request, Operation.ALTER)
        user, (password, iterations, mechanisms) = _prepared(request.path[2], "name"), _wanted(json_body(request))
        before = _iterations(self._users().get(user, {}))
        changes = []
        for mechanism in mechanisms:
            credential = await self._pools.run(Pool.CPU, new_credential, mechanism, password, self._random, iterations)
            changes.append(ScramChange(user, mechanism, credential))
        await self._alter(user, changes)
        after = {**before, **{mechanism: {"iterations": iterations} for mechanism in mechanisms}}
        return replace(json_answer({"created": not before}), change=(before, after))

    async def _delete(self, request: HttpRequest) -> HttpAnswer:
        await self._access.check_cluster(request, Operation.ALTER)
        user = request.path[2]
        found = self._users().get(user)
        if found is None:
            return json_answer({"found": False}, 404)
        await self._alter(user, [ScramChange(user, mechanism, None) for mechanism in found])
        return replace(json_answer({"found": True}), change=(_iterations(found), {}))

    async def _alter(self, user: str, changes: Sequence[ScramChange]) -> None:
        try:
            outcome = (await self._services.controller.alter_scram(changes))[user]
        except KafkaError as error:
            outcome = error
        if outcome is not None:
            raise refused(outcome)

    def _users(self) -> Mapping[str, Mapping[str, ScramCredential]]:
        users: dict[str, dict[str, ScramCredential]] = {}
        for (mechanism, user), credential in self._services.metadata.image.security.scram.items():
            users.setdefault(user, {})[mechanism] = credential
        return users


def _shown(user: str, found: Mapping[str, ScramCredential]) -> dict[str, Any]:
    """A user as Elasticsearch shows one; of credentials only what tells nothing."""
    metadata = {"mechanisms": _iterations(found)}
    return {"username": user, "roles": [], "full_name": None, "email": None, "metadata": metadata, "enabled": True}


def _iterations(found: Mapping[str, ScramCredential]) -> dict[str, dict[str, int]]:
    return {mechanism: {"iterations": credential.iterations} for mechanism, credential in sorted(found.items())}


def _wanted(fields: Any) -> tuple[str, int, Sequence[str]]:
    """Password, iterations and mechanisms of a request's body.

    :raises HttpError: 400: it cannot be understood; says what, and nothing of the password.
    """
    if not isinstance(fields, dict):
        raise wrong("the body is no JSON object")
    unknown = sorted(fields.keys() - _FIELDS)
    if unknown:
        raise wrong(f"[{unknown[0]}] is no field of a user here; there are {', '.join(sorted(_FIELDS))}")
    password, iterations, mechanisms = fields.get("password"), fields.get("iterations", ITERATIONS), fields.get("mechanisms", list(SCRAM_HASHES))
    if not isinstance(password, str) or not password:
        raise wrong("[password] is missing, or is no text")
    if type(iterations) is not int or not ITERATIONS_MIN <= iterations <= ITERATIONS_MAX:
        raise wrong(f"[iterations] must be a number between {ITERATIONS_MIN} and {ITERATIONS_MAX}")
    if not isinstance(mechanisms, list) or not mechanisms or not all(isinstance(each, str) and each in SCRAM_HASHES for each in mechanisms):
        raise wrong(f"[mechanisms] must be some of {', '.join(SCRAM_HASHES)}")
    return _prepared(password, "password"), iterations, list(dict.fromkeys(mechanisms))


def _prepared(text: str, what: str) -> str:
    try:
        return saslprep(text)
    except ValueError as error:
        raise wrong(f"the {what} cannot be used: {error}") from None
