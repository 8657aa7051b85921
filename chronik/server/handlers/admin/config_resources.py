"""Resources that have a configuration, and which permission protects each (KIP-133)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from chronik.cluster.interfaces import ConfigResourceType
from chronik.errors import ErrorCode, KafkaError
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.context import RequestContext

if TYPE_CHECKING:
    from chronik.server.services import Services

_FAILURES: Final = {
    ResourceType.TOPIC: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ResourceType.GROUP: ErrorCode.GROUP_AUTHORIZATION_FAILED,
    ResourceType.CLUSTER: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
}


def check_own_broker(services: Services, name: str) -> None:
    """Refuse another broker's configuration: only the broker itself knows what it was started with.

    :raises KafkaError: ``INVALID_REQUEST``.
    """
    if name != str(services.broker_id):
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unexpected broker id, expected {services.broker_id}, but received {name}: ask that broker.")


def check_own_logger(services: Services, name: str) -> None:
    """Refuse another broker's log levels: each has its own, and they are kept nowhere else.

    :raises KafkaError: ``INVALID_REQUEST``; the words are Kafka's.
    """
    if name != str(services.broker_id):
        wrong = f"Unexpected broker id, expected {services.broker_id} but received {name}" if name else "Broker id must not be empty"
        raise KafkaError(ErrorCode.INVALID_REQUEST, wrong)


def resource_kind(code: int) -> ConfigResourceType:
    """The kind of a resource.

    :raises KafkaError: ``INVALID_REQUEST``, for a code that means nothing.
    """
    try:
        return ConfigResourceType(code)
    except ValueError:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unknown resource type {code}") from None


def _protected(kind: ConfigResourceType, name: str) -> tuple[ResourceType, str]:
    if kind is ConfigResourceType.TOPIC:
        return ResourceType.TOPIC, name
    if kind is ConfigResourceType.GROUP:
        return ResourceType.GROUP, name
    return ResourceType.CLUSTER, CLUSTER_NAME


def protected_as(operation: Operation, code: int, name: str) -> Iterable[Action]:
    """What to ask the authorizer before a resource's configuration is described or altered."""
    try:
        return (Action(operation, *_protected(resource_kind(code), name)),)
    except KafkaError:
        return ()


def authorization_failure(context: RequestContext, operation: Operation, kind: ConfigResourceType, name: str) -> KafkaError | None:
    """The refusal of an operation on a resource's configuration, None when it is allowed."""
    resource_type, protected_name = _protected(kind, name)
    if context.allowed(operation, resource_type, protected_name):
        return None
    return KafkaError(
        _FAILURES[resource_type], f"{context.session.principal} has no {operation.name} permission on {resource_type.name} {protected_name}."
    )
