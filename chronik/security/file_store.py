"""The ``auth:file`` backend: users and rules of a static file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from zope.interface import implementer

from chronik.defer import IThreadPools, Pool, deferred
from chronik.errors import ConfigurationError
from chronik.security.interfaces import BROKER, Action, AuthContext, IAuthorizer, ICredentialStore, Principal
from chronik.security.passwords import PasswordHash
from chronik.security.rules import allowed
from chronik.security.rules_file import UsersAndRules, read_users_and_rules

_NOBODY: Final = PasswordHash("scrypt", (1 << 14, 8, 1), bytes(16), bytes(32))
"""Checked in place of an unknown user's: the usual cost, and no password has this hash."""


@implementer(IAuthorizer, ICredentialStore)
class FileSecurity:
    """Decides by a list of rules, and checks passwords in the CPU pool.

    :param content: what the file says.
    :param pools: where hashes are computed.
    """

    def __init__(self, content: UsersAndRules, pools: IThreadPools) -> None:
        self._content = content
        self._pools = pools

    @deferred
    async def authorize(self, principal: Principal, host: str, actions: Sequence[Action]) -> Sequence[bool]:
        """Whether each action is allowed; the broker's own children may do everything."""
        if principal == BROKER:
            return [True] * len(actions)
        own = [rule for rule in self._content.rules if rule.applies_to(principal, host)]
        return [allowed(own, principal, host, action) for action in actions]

    @deferred
    async def verify_password(self, user: str, password: str) -> Principal | None:
        """The user when the password is right. An unknown user costs as much time as a wrong password."""
        known = self._content.users.get(user)
        right: bool = await self._pools.run(Pool.CPU, (known or _NOBODY).verify, password)
        return Principal("User", user) if right and known is not None else None

    @deferred
    async def close(self) -> None:
        """It holds nothing."""


def make(context: AuthContext, options: Mapping[str, str]) -> FileSecurity:
    """The ``auth:file`` backend.

    :param context: ``pools`` are its thread pools.
    :raises ConfigurationError: no file is named, or it is wrong.
    """
    unknown = sorted(options.keys() - {"path"})
    if unknown:
        raise ConfigurationError(f"auth:file has no option {unknown[0]}; its one option is path")
    if not options.get("path"):
        raise ConfigurationError("auth:file needs to know its file: set plugin.auth.file.path")
    return FileSecurity(read_users_and_rules(options["path"]), context.pools)
