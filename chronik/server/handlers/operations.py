"""What a client may do to a resource, as the bit field that Describe answers carry (KIP-430)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.context import RequestContext

NOT_ASKED: Final = -(2**31)
"""In place of a bit field that was not asked for."""

OPERATIONS: Final[Mapping[ResourceType, tuple[Operation, ...]]] = {
    ResourceType.TOPIC: (
        Operation.READ,
        Operation.WRITE,
        Operation.CREATE,
        Operation.DELETE,
        Operation.ALTER,
        Operation.DESCRIBE,
        Operation.DESCRIBE_CONFIGS,
        Operation.ALTER_CONFIGS,
    ),
    ResourceType.GROUP: (Operation.READ, Operation.DELETE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS, Operation.ALTER_CONFIGS),
    ResourceType.CLUSTER: (
        Operation.CREATE,
        Operation.ALTER,
        Operation.DESCRIBE,
        Operation.CLUSTER_ACTION,
        Operation.DESCRIBE_CONFIGS,
        Operation.ALTER_CONFIGS,
        Operation.IDEMPOTENT_WRITE,
    ),
}
"""The operations that mean something for each type of resource."""


def actions_on(resource_type: ResourceType, name: str) -> Iterable[Action]:
    """Everything to ask the authorizer for :func:`allowed_operations`."""
    return (Action(operation, resource_type, name) for operation in OPERATIONS[resource_type])


def allowed_operations(context: RequestContext, resource_type: ResourceType, name: str) -> int:
    """The bit field: bit ``n`` is set when the operation of code ``n`` is allowed."""
    return sum(1 << operation for operation in OPERATIONS[resource_type] if context.allowed(operation, resource_type, name))


def cluster_operations(context: RequestContext) -> int:
    """The bit field of the cluster; 0 for whoever may not describe it."""
    if not context.allowed_cluster(Operation.DESCRIBE):
        return 0
    return allowed_operations(context, ResourceType.CLUSTER, CLUSTER_NAME)
