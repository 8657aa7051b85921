"""The authorizer of a broker that only trusted programs reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from chronik.defer import deferred
from chronik.errors import ConfigurationError
from chronik.security.interfaces import Action, IAuthorizer, Principal


@implementer(IAuthorizer)
class AllowAll:
    """Everybody may do everything."""

    def authorize(self, principal: Principal, host: str, actions: Sequence[Action]) -> Deferred[Sequence[bool]]:
        """Yes to all."""
        return succeed([True] * len(actions))

    @deferred
    async def close(self) -> None:
        """It holds nothing."""


def make(context: Any, options: Mapping[str, str]) -> AllowAll:
    """The ``auth:allow-all`` backend.

    :raises ConfigurationError: it was given options.
    """
    if options:
        raise ConfigurationError(f"auth:allow-all has no options, but plugin.auth.allow-all.{min(options)} is set")
    return AllowAll()
