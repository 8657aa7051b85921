"""The ``auth:acl`` backend: access control lists and roles of the metadata, as Kafka's own authorizer (KIP-11, KIP-290, KIP-801)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from chronik.defer import deferred
from chronik.errors import ConfigurationError
from chronik.metadata.image import ImageDelta, MetadataImage
from chronik.metadata.interfaces import IImageObserver
from chronik.security.acl.decisions import Decisions
from chronik.security.acl.index import AclIndex
from chronik.security.interfaces import Action, AuthContext, IAclAuthorizer, Principal


@implementer(IAclAuthorizer, IImageObserver)
class AclAuthorizer:
    """Follows the metadata; what changes there counts from the next request on, on every connection.

    :param context: ``feed`` has the lists and roles, ``config`` the rest.
    """

    _log = Logger()

    def __init__(self, context: AuthContext) -> None:
        self._feed = context.feed
        self._config = context.config
        self._reactor = context.reactor
        security = context.feed.image.security
        self._index = AclIndex(security.acls, security.roles.values())
        self._decisions = Decisions(self._index, context.config())
        context.feed.observe(self)
        if not (security.acls or security.roles or context.config().get("super.users")):
            self._log.warn("nobody may do anything yet: there is no access control entry, no role, and super.users names nobody")

    @property
    def remembered(self) -> int:
        """How many decisions are."""
        return self._decisions.remembered

    def authorize(self, principal: Principal, host: str, actions: Sequence[Action]) -> Deferred[Sequence[bool]]:
        """Decide; see :meth:`IAuthorizer.authorize`."""
        return self._decisions.answer(self._reactor, principal, host, actions)

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """Take in what is different."""
        security = delta.security
        for acl in security.acls_removed:
            self._index.remove(acl)
        for acl in security.acls_added:
            self._index.add(acl)
        for name in security.roles:
            self._index.set_role(name, image.security.roles.get(name))
        if security.roles:
            self._decisions.forget()
        elif security.acls_added or security.acls_removed:
            self._decisions.forget({acl.principal for acls in (security.acls_added, security.acls_removed) for acl in acls})
        if delta.configs:
            self._decisions.configure(self._config())

    @deferred
    async def close(self) -> None:
        """Follow the metadata no more."""
        self._feed.unobserve(self)


def make(context: AuthContext, options: Mapping[str, str]) -> AclAuthorizer:
    """The ``auth:acl`` backend.

    :raises ConfigurationError: it was given options, or ``super.users`` names what is no principal.
    """
    if options:
        raise ConfigurationError(f"auth:acl has no options, but plugin.auth.acl.{min(options)} is set")
    return AclAuthorizer(context)
