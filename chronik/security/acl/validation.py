"""What an entry of an access control list, or a role, may say. Messages follow Kafka's where its own tools show them."""

from __future__ import annotations

from typing import Final

from chronik.security.acl.hosts import host_problem
from chronik.security.acl.patterns import WILDCARD
from chronik.security.interfaces import CLUSTER_NAME, AclBinding, Operation, PatternType, Permission, ResourceType, Role, RoleGrant

NAME_CHARACTERS_MAX: Final = 1024
"""Of a resource, a principal, a role or a group: longer than any distinguished name in use, and a key of the store."""

GRANTS_MAX: Final = 1000
"""Grants of a role: a role is one value of the store, which takes 1.5 MiB."""

MEMBERS_MAX: Final = 1000
"""Principals of a role, and groups: the same. Whoever has more of them binds a group."""

_NO_TYPES: Final = (ResourceType.UNKNOWN, ResourceType.ANY)
_NO_OPERATIONS: Final = (Operation.UNKNOWN, Operation.ANY)


def entry_problem(entry: AclBinding | RoleGrant) -> str | None:
    """What is wrong with an entry, without whom it is about; None if nothing is."""
    if entry.resource_type in _NO_TYPES:
        return f"Invalid resourceType {entry.resource_type.name}"
    if entry.pattern not in (PatternType.LITERAL, PatternType.PREFIXED):
        return f"Invalid patternType {entry.pattern.name}"
    if entry.operation in _NO_OPERATIONS:
        return f"Invalid operation {entry.operation.name}"
    if entry.permission not in (Permission.ALLOW, Permission.DENY):
        return f"Invalid permissionType {entry.permission.name}"
    return _name_problem(entry) or host_problem(entry.host)


def _name_problem(entry: AclBinding | RoleGrant) -> str | None:
    if not entry.name:
        return "Resource name should not be empty"
    if len(entry.name) > NAME_CHARACTERS_MAX:
        return f"Resource name is longer than {NAME_CHARACTERS_MAX} characters"
    if entry.resource_type is ResourceType.CLUSTER and entry.name != CLUSTER_NAME:
        return f"The only valid name for the CLUSTER resource is {CLUSTER_NAME}"
    if entry.pattern is PatternType.PREFIXED and entry.name == WILDCARD:
        return "A prefixed * would only match names that begin with a star; use a literal * for every resource"
    return None


def acl_problem(acl: AclBinding) -> str | None:
    """What is wrong with an entry, None if nothing is."""
    return entry_problem(acl) or principal_problem(acl.principal)


def principal_problem(principal: str) -> str | None:
    """What is wrong with a principal, None if nothing is."""
    kind, separator, name = principal.partition(":")
    if not separator:
        return f"Could not parse principal from `{principal[:100]}` (no colon is present separating the principal type from the principal name)"
    if not kind or not name:
        return f"Could not parse principal from `{principal[:100]}` (type or name is empty)"
    if len(principal) > NAME_CHARACTERS_MAX:
        return f"The principal is longer than {NAME_CHARACTERS_MAX} characters"
    return None


def role_problem(role: Role) -> str | None:
    """What is wrong with a role, None if nothing is."""
    if not role.name or len(role.name) > NAME_CHARACTERS_MAX or not role.name.isprintable():
        return f"A role's name has 1 to {NAME_CHARACTERS_MAX} printable characters"
    counts = {"grants": (role.grants, GRANTS_MAX), "principals": (role.principals, MEMBERS_MAX), "groups": (role.groups, MEMBERS_MAX)}
    for what, (members, most) in counts.items():
        if len(members) > most:
            return f"Role {role.name} has {len(members)} {what}, {most} are allowed"
    for number, grant in enumerate(role.grants, 1):
        problem = entry_problem(grant)
        if problem is not None:
            return f"Grant {number} of role {role.name}: {problem}"
    for principal in sorted(role.principals):
        problem = principal_problem(principal)
        if problem is not None:
            return f"Role {role.name}: {problem}"
    bad = next((group for group in role.groups if not group or len(group) > NAME_CHARACTERS_MAX), None)
    return None if bad is None else f"Role {role.name}: a group's name has 1 to {NAME_CHARACTERS_MAX} characters"
