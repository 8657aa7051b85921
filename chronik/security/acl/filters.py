"""Which entries a filter means (KIP-290)."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from operator import attrgetter
from typing import Final

from chronik.security.acl.patterns import WILDCARD
from chronik.security.interfaces import AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType

_ORDER: Final = attrgetter("resource_type", "name", "pattern", "principal", "host", "operation", "permission")


def in_order(acls: Iterable[AclBinding]) -> list[AclBinding]:
    """Entries by resource, then by whom they are about."""
    return sorted(acls, key=_ORDER)


def filter_problem(wanted: AclFilter) -> str | None:
    """What is wrong with a filter, None if nothing is."""
    if wanted.resource_type is ResourceType.UNKNOWN or wanted.pattern is PatternType.UNKNOWN:
        return "Unknown patternFilter."
    if wanted.operation is Operation.UNKNOWN or wanted.permission is Permission.UNKNOWN:
        return "Unknown entryFilter."
    return None


def exact(wanted: AclFilter) -> AclBinding | None:
    """The one entry that a filter without anything open means; None for other filters."""
    if wanted.pattern not in (PatternType.LITERAL, PatternType.PREFIXED) or wanted.name is None or wanted.principal is None or wanted.host is None:
        return None
    if wanted.resource_type is ResourceType.ANY or wanted.operation is Operation.ANY or wanted.permission is Permission.ANY:
        return None
    return AclBinding(wanted.resource_type, wanted.pattern, wanted.name, wanted.principal, wanted.host, wanted.operation, wanted.permission)


def matching(wanted: AclFilter, acls: AbstractSet[AclBinding]) -> Iterable[AclBinding]:
    """The entries that a filter means. It looks at each, unless the filter leaves nothing open."""
    one = exact(wanted)
    if one is not None:
        return (one,) if one in acls else ()
    return (acl for acl in acls if matches(wanted, acl))


def matches(wanted: AclFilter, acl: AclBinding) -> bool:
    """Whether a filter means an entry."""
    if wanted.resource_type is not ResourceType.ANY and wanted.resource_type is not acl.resource_type:
        return False
    if wanted.principal is not None and wanted.principal != acl.principal:
        return False
    if wanted.host is not None and wanted.host != acl.host:
        return False
    if wanted.operation is not Operation.ANY and wanted.operation is not acl.operation:
        return False
    if wanted.permission is not Permission.ANY and wanted.permission is not acl.permission:
        return False
    return _matches_name(wanted, acl)


def _matches_name(wanted: AclFilter, acl: AclBinding) -> bool:
    if wanted.pattern not in (PatternType.ANY, PatternType.MATCH, acl.pattern):
        return False
    if wanted.name is None or wanted.name == acl.name:
        return True
    if wanted.pattern is not PatternType.MATCH:
        return False
    return wanted.name.startswith(acl.name) if acl.pattern is PatternType.PREFIXED else acl.name == WILDCARD
