"""What the authorizer says of a request's actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chronik.network.interfaces import Session
    from chronik.security.interfaces import Action
    from chronik.server.services import Services


async def decisions_of(services: Services, session: Session, asked: Iterable[Action]) -> Mapping[Action, bool]:
    """Whether the peer may do each of these; a peer of the broker's own may do everything."""
    actions = tuple(dict.fromkeys(asked))
    if not actions:
        return {}
    if session.internal:
        return dict.fromkeys(actions, True)
    deciding = services.authorizer.authorize(session.principal, session.peer_host, actions)
    allowed = getattr(deciding, "result", None)
    if type(allowed) is not list:
        # Most authorizers know at once.
        allowed = await deciding
    return dict(zip(actions, allowed, strict=True))
