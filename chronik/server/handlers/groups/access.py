"""Rules and refusals that group APIs share."""

from __future__ import annotations

from chronik.errors import ErrorCode, KafkaError
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.context import RequestContext


def on_group(operation: Operation, group_id: str) -> Action:
    """An operation on a group."""
    return Action(operation, ResourceType.GROUP, group_id)


def check_group(context: RequestContext, operation: Operation, group_id: str) -> None:
    """Refuse who may not do this to the group.

    :raises KafkaError: ``GROUP_AUTHORIZATION_FAILED``.
    """
    if not context.allowed(operation, ResourceType.GROUP, group_id):
        raise KafkaError(ErrorCode.GROUP_AUTHORIZATION_FAILED, f"{context.session.principal} may not {operation.name.lower()} group {group_id}")
