"""The backend: a credential store that asks the database."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from chronik.defer import IThreadPools, IWorker, Pool, deferred
from chronik.errors import ConfigurationError
from chronik.security.interfaces import AuthContext, ICredentialStore, IScramCredentials, Principal, ScramCredential
from chronik.security.scram_keys import ITERATIONS, SALT_BYTES, SCRAM_HASHES, proves
from chronik_auth_sqlite_users.database import UserDatabase, problem_with

NOBODY: Final = ScramCredential(bytes(SALT_BYTES), ITERATIONS, bytes(32), bytes(32))
"""What an unknown user's password is compared with while there is nobody at all."""

_FIRST: Final = next(iter(SCRAM_HASHES))


@implementer(ICredentialStore, IScramCredentials)
class SqliteUsers:
    """Asks the database in a thread of its own, and computes passwords in the pool for that: neither ever on the reactor's thread.

    :param database: asked in ``worker`` alone.
    """

    def __init__(self, database: UserDatabase, worker: IWorker, pools: IThreadPools) -> None:
        self._database = database
        self._worker = worker
        self._pools = pools

    @deferred
    async def verify_password(self, user: str, password: str) -> Principal | None:
        """The user when the password is right. For an unknown one the same is computed with somebody else's credential."""
        person = await self._worker.run(self._database.person, user)
        known = next(((name, person.credentials[name]) for name in SCRAM_HASHES if name in person.credentials), None) if person else None
        sample = await self._worker.run(self._database.sample, _FIRST, int.from_bytes(os.urandom(4), "big"))
        mechanism, credential = known or (_FIRST, sample or NOBODY)
        right: bool = await self._pools.run(Pool.CPU, proves, credential, mechanism, password)
        return Principal("User", person.login, person.teams) if person is not None and known is not None and right else None

    def scram_credential(self, mechanism: str, user: str) -> Deferred[ScramCredential | None]:
        """What is kept of a user's password."""
        found: Deferred[ScramCredential | None] = self._worker.run(self._database.credential, mechanism, user)
        return found

    def scram_sample(self, mechanism: str, number: int) -> Deferred[ScramCredential | None]:
        """Somebody's credential."""
        found: Deferred[ScramCredential | None] = self._worker.run(self._database.sample, mechanism, number)
        return found

    @deferred
    async def scram_principal(self, user: str) -> Principal:
        """The user, with groups."""
        person = await self._worker.run(self._database.person, user)
        return Principal("User", user, frozenset() if person is None else person.teams)

    @deferred
    async def close(self) -> None:
        """Close the database, then end its thread."""
        await self._worker.run(self._database.close)
        await self._worker.close()


def make(context: AuthContext, options: Mapping[str, str]) -> SqliteUsers:
    """What the drop-in names: makes the backend of its options.

    :raises ConfigurationError: an option is missing or unknown, or the file cannot be used.
    """
    for name in options.keys() - {"path"}:
        raise ConfigurationError(f"auth:sqlite-users has no option {name}; its one option is path")
    path = options.get("path")
    if not path:
        raise ConfigurationError("auth:sqlite-users needs a database: set plugin.auth.sqlite-users.path")
    problem = problem_with(path)
    if problem is not None:
        raise ConfigurationError(f"plugin.auth.sqlite-users.path: {problem}")
    return SqliteUsers(UserDatabase(path), context.pools.worker("sqlite-users"), context.pools)
