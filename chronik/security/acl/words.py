"""Entries and roles in words, as files, HTTP and the command line have them: ``{"resource": "topic", "name": "orders", "operation": "read"}``."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

from chronik.security.acl.hosts import EVERYWHERE
from chronik.security.acl.patterns import WILDCARD
from chronik.security.acl.validation import acl_problem, entry_problem
from chronik.security.interfaces import (
    CLUSTER_NAME,
    AclBinding,
    AclFilter,
    Operation,
    PatternType,
    Permission,
    ResourceType,
    Role,
    RoleGrant,
)

GRANT_FIELDS: Final = ("host", "operation", "resource", "name", "pattern", "permission")
ACL_FIELDS: Final = ("principal", *GRANT_FIELDS)
ROLE_FIELDS: Final = ("grants", "principals", "groups")

_E = TypeVar("_E", bound=enum.IntEnum)


def _choices(kind: type[_E], *left_out: str) -> Mapping[str, _E]:
    return {each.name.lower(): each for each in kind if each.name not in ("UNKNOWN", *left_out)}


RESOURCES: Final = _choices(ResourceType, "ANY")
OPERATIONS: Final = _choices(Operation, "ANY")
PATTERNS: Final = _choices(PatternType, "ANY", "MATCH")
PERMISSIONS: Final = _choices(Permission, "ANY")
FILTER_PATTERNS: Final = _choices(PatternType)
"""What each field may be, in words."""

_RESOURCE_WORDS: Final = {each: each.name.lower() for each in ResourceType}
_OPERATION_WORDS: Final = {each: each.name.lower() for each in Operation}
_PATTERN_WORDS: Final = {each: each.name.lower() for each in PatternType}
_PERMISSION_WORDS: Final = {each: each.name.lower() for each in Permission}


class Wrong(ValueError):
    """What is wrong in one entry, role or filter; for its author."""


def entry_words(entry: AclBinding | RoleGrant) -> dict[str, str]:
    """An entry in words."""
    words = {"principal": entry.principal} if isinstance(entry, AclBinding) else {}
    return {
        **words,
        "host": entry.host,
        "operation": _OPERATION_WORDS[entry.operation],
        "resource": _RESOURCE_WORDS[entry.resource_type],
        "name": entry.name,
        "pattern": _PATTERN_WORDS[entry.pattern],
        "permission": _PERMISSION_WORDS[entry.permission],
    }


def read_grant(words: Any) -> RoleGrant:
    """The grant of a role that words say; any host, literal and allow where they do not say.

    :raises Wrong: says what.
    """
    fields = _checked(words, GRANT_FIELDS)
    grant = _grant(fields)
    problem = entry_problem(grant)
    if problem is not None:
        raise Wrong(problem)
    return grant


def read_acl(words: Any) -> AclBinding:
    """The entry of an access control list that words say; see :func:`read_grant`.

    :raises Wrong: says what.
    """
    fields = _checked(words, ACL_FIELDS)
    grant = _grant(fields)
    acl = AclBinding(
        grant.resource_type, grant.pattern, grant.name, _principal(fields.get("principal", "")), grant.host, grant.operation, grant.permission
    )
    problem = acl_problem(acl)
    if problem is not None:
        raise Wrong(problem)
    return acl


def read_filter(words: Mapping[str, str]) -> AclFilter:
    """The filter that words say; what they do not say is open.

    :raises Wrong: says what.
    """
    fields = _checked(words, ACL_FIELDS)
    any_of = AclFilter()
    return AclFilter(
        _choice(fields, "resource", RESOURCES) if "resource" in fields else any_of.resource_type,
        _choice(fields, "pattern", FILTER_PATTERNS) if "pattern" in fields else any_of.pattern,
        fields.get("name"),
        fields.get("principal"),
        fields.get("host"),
        _choice(fields, "operation", OPERATIONS) if "operation" in fields else any_of.operation,
        _choice(fields, "permission", PERMISSIONS) if "permission" in fields else any_of.permission,
    )


def role_words(role: Role) -> dict[str, Any]:
    """A role in words, without its name."""
    return {"grants": [entry_words(grant) for grant in role.grants], "principals": sorted(role.principals), "groups": sorted(role.groups)}


def read_role(name: str, words: Any) -> Role:
    """The role that words say.

    :raises Wrong: says what.
    """
    if not isinstance(words, Mapping):
        raise Wrong(f"a role is an object with {', '.join(ROLE_FIELDS)}")
    unknown = sorted(words.keys() - set(ROLE_FIELDS))
    if unknown:
        raise Wrong(f"a role has no field {unknown[0]}; fields are {', '.join(ROLE_FIELDS)}")
    grants = []
    for number, grant in enumerate(_list(words, "grants"), 1):
        try:
            grants.append(read_grant(grant))
        except Wrong as problem:
            raise Wrong(f"grant {number}: {problem}") from None
    return Role(name, tuple(dict.fromkeys(grants)), frozenset(_texts(words, "principals")), frozenset(_texts(words, "groups")))


def _grant(fields: Mapping[str, str]) -> RoleGrant:
    kind = _choice(fields, "resource", RESOURCES)
    pattern = _choice(fields, "pattern", PATTERNS, "literal")
    name = fields.get("name", CLUSTER_NAME if kind is ResourceType.CLUSTER else "")
    if not name:
        raise Wrong("name is missing; it is the resource's name, * for every one")
    if pattern is PatternType.PREFIXED and name == WILDCARD:
        raise Wrong("prefixed with the name * would match names that begin with a star; leave pattern out")
    operation, permission = _choice(fields, "operation", OPERATIONS), _choice(fields, "permission", PERMISSIONS, "allow")
    return RoleGrant(kind, pattern, name, operation, permission, fields.get("host", EVERYWHERE))


def _checked(words: Any, fields: Collection[str]) -> Mapping[str, str]:
    if not isinstance(words, Mapping):
        raise Wrong(f"this is no object with {', '.join(fields)}")
    for field, value in words.items():
        if field not in fields:
            raise Wrong(f"there is no field {field}; fields are {', '.join(fields)}")
        if not isinstance(value, str):
            raise Wrong(f"{field} must be a text in quotes")
    return words


def _principal(text: str) -> str:
    kind, separator, name = text.partition(":")
    if not (kind and separator and name):
        raise Wrong(f"principal is {text!r}; write User:NAME, User:ANONYMOUS for whoever has no credentials, or User:*")
    return text


def _choice(fields: Mapping[str, str], field: str, choices: Mapping[str, _E], default: str | None = None) -> _E:
    text = fields.get(field, default)
    if text is None:
        raise Wrong(f"{field} is missing; it is one of {', '.join(choices)}")
    found = choices.get(text.lower().replace("-", "_"))
    if found is None:
        raise Wrong(f"{field} is {text!r}; it is one of {', '.join(choices)}")
    return found


def _list(words: Mapping[str, Any], field: str) -> Sequence[Any]:
    value = words.get(field, [])
    if not isinstance(value, list):
        raise Wrong(f"{field} must be a list")
    return value


def _texts(words: Mapping[str, Any], field: str) -> Sequence[str]:
    texts = _list(words, field)
    if not all(isinstance(text, str) for text in texts):
        raise Wrong(f"{field} must be a list of texts")
    return texts
