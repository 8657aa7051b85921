"""Entries for tests, and what they mean, worked out one by one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from hypothesis import strategies as st

from chronik.security.acl.hosts import peer_host
from chronik.security.interfaces import AclBinding, Action, Operation, PatternType, Permission, Principal, ResourceType, RoleGrant

ALICE = Principal("User", "alice")
READ = Action(Operation.READ, ResourceType.TOPIC, "orders")
DESCRIBE = Action(Operation.DESCRIBE, ResourceType.TOPIC, "orders")
HOST = "10.0.0.1"


def acl(operation: Operation = Operation.READ, name: str = "orders", deny: bool = False, **more: object) -> AclBinding:
    """An entry for alice on a topic."""
    fields: dict[str, object] = {
        "resource_type": ResourceType.TOPIC,
        "pattern": PatternType.LITERAL,
        "principal": "User:alice",
        "host": "*",
        "permission": Permission.DENY if deny else Permission.ALLOW,
        **more,
    }
    return AclBinding(operation=operation, name=name, **fields)  # type: ignore[arg-type]


def grant(operation: Operation = Operation.READ, name: str = "orders", deny: bool = False, **more: object) -> RoleGrant:
    """The same of a role."""
    entry = acl(operation, name, deny, **more)
    return RoleGrant(entry.resource_type, entry.pattern, entry.name, entry.operation, entry.permission, entry.host)


PREFIXED = {"pattern": PatternType.PREFIXED}

ACLS = st.builds(
    acl,
    operation=st.sampled_from([Operation.ALL, Operation.READ, Operation.WRITE, Operation.DESCRIBE, Operation.ALTER_CONFIGS]),
    name=st.sampled_from(["orders", "*", "o", "ord", "other", "orders2"]),
    deny=st.booleans(),
    pattern=st.sampled_from([PatternType.LITERAL, PatternType.PREFIXED]),
    principal=st.sampled_from(["User:alice", "User:*", "User:bob"]),
    host=st.sampled_from(["*", "10.0.0.1", "10.0.0.0/24", "10.0.0.0/8", "::1", "fd00::/8", "::ffff:10.0.0.1"]),
    resource_type=st.sampled_from([ResourceType.TOPIC, ResourceType.GROUP]),
)
"""Entries that often have to do with each other."""

IMPLIES = {
    Operation.READ: Operation.DESCRIBE,
    Operation.WRITE: Operation.DESCRIBE,
    Operation.DELETE: Operation.DESCRIBE,
    Operation.ALTER: Operation.DESCRIBE,
    Operation.ALTER_CONFIGS: Operation.DESCRIBE_CONFIGS,
}


def _about(entry: AclBinding, principal: Principal, host: str, kind: ResourceType) -> bool:
    if entry.resource_type is not kind or entry.principal not in (str(principal), f"{principal.kind}:*"):
        return False
    return entry.host == "*" or ipaddress.ip_address(peer_host(host).text) in ipaddress.ip_network(peer_host(entry.host).text)


def _covers(entry: AclBinding, name: str) -> bool:
    if entry.pattern is PatternType.PREFIXED:
        return name.startswith(entry.name)
    return entry.name in ("*", name)


def _speaks(entry: AclBinding, operation: Operation) -> bool:
    if entry.operation in (Operation.ALL, operation):
        return True
    return entry.permission is Permission.ALLOW and IMPLIES.get(entry.operation) is operation


def expected(acls: Iterable[AclBinding], principal: Principal, host: str, action: Action) -> bool:
    """What entries say together, by reading each (KIP-11, KIP-290)."""
    found = [
        entry
        for entry in acls
        if _about(entry, principal, host, action.resource_type) and _covers(entry, action.name) and _speaks(entry, action.operation)
    ]
    return bool(found) and all(entry.permission is Permission.ALLOW for entry in found)
