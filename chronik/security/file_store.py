"""The ``auth:file`` backend: users and rules of a static file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from chronik.defer import Pool, deferred
from chronik.errors import ConfigurationError
from chronik.metadata.image import ImageDelta, MetadataImage
from chronik.metadata.interfaces import IImageObserver
from chronik.security.acl.decisions import Decisions
from chronik.security.acl.index import AclIndex
from chronik.security.interfaces import Action, AuthContext, IAuthorizer, ICredentialStore, Principal
from chronik.security.passwords import PasswordHash
from chronik.security.rules_file import UsersAndRules, read_users_and_rules

_NOBODY: Final = PasswordHash("scrypt", (1 << 14, 8, 1), bytes(16), bytes(32))
"""Checked in place of an unknown user's: the usual cost, and no password has this hash."""


@implementer(IAuthorizer, ICredentialStore, IImageObserver)
class FileSecurity:
    """Decides by the file's rules, and checks passwords in the CPU pool.

    :param content: what the file says.
    :param context: ``pools`` are where hashes are computed, ``config`` names super users.
    """

    def __init__(self, content: UsersAndRules, context: AuthContext) -> None:
        self._users = content.users
        self._context = context
        self._decisions = Decisions(AclIndex(dict.fromkeys(content.rules)), context.config())
        context.feed.observe(self)

    def authorize(self, principal: Principal, host: str, actions: Sequence[Action]) -> Deferred[Sequence[bool]]:
        """Decide; see :meth:`IAuthorizer.authorize`."""
        return self._decisions.answer(self._context.reactor, principal, host, actions)

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """The broker's own configuration may be among what changed."""
        if delta.configs:
            self._decisions.configure(self._context.config())

    @deferred
    async def verify_password(self, user: str, password: str) -> Principal | None:
        """The user when the password is right. An unknown user costs as much time as a wrong password."""
        known = self._users.get(user)
        right: bool = await self._context.pools.run(Pool.CPU, (known or _NOBODY).verify, password)
        return Principal("User", user) if right and known is not None else None

    @deferred
    async def close(self) -> None:
        """Follow the metadata no more."""
        self._context.feed.unobserve(self)


def make(context: AuthContext, options: Mapping[str, str]) -> FileSecurity:
    """The ``auth:file`` backend.

    :param context: see :class:`FileSecurity`.
    :raises ConfigurationError: no file is named, or it is wrong.
    """
    unknown = sorted(options.keys() - {"path"})
    if unknown:
        raise ConfigurationError(f"auth:file has no option {unknown[0]}; its one option is path")
    if not options.get("path"):
        raise ConfigurationError("auth:file needs to know its file: set plugin.auth.file.path")
    return FileSecurity(read_users_and_rules(options["path"]), context)
