"""The index over access control lists and roles. It is changed entry by entry, and what a decision costs does not grow with what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from chronik.security.acl.patterns import WILDCARD, Patterns, Prefixes
from chronik.security.interfaces import AclBinding, PatternType, Principal, ResourceType, Role, RoleGrant

Subject: TypeAlias = dict[ResourceType, Patterns]
"""All that is said about one principal, or by one role."""


class _Names:
    """The names and prefixes of one type that anything is said about, whoever is meant."""

    def __init__(self) -> None:
        self._counts: dict[tuple[PatternType, str], int] = {}
        self._prefixes = Prefixes()

    def change(self, pattern: PatternType, name: str, count: int) -> None:
        """One entry more, or less."""
        place = pattern, name
        before = self._counts.get(place, 0)
        after = before + count
        if after > 0:
            self._counts[place] = after
        else:
            del self._counts[place]
        if pattern is PatternType.PREFIXED and not before:
            self._prefixes.add(name)
        elif pattern is PatternType.PREFIXED and after <= 0:
            self._prefixes.remove(name)

    def __contains__(self, name: object) -> bool:
        counts = self._counts
        if (PatternType.LITERAL, name) in counts or (PatternType.LITERAL, WILDCARD) in counts:
            return True
        return any((PatternType.PREFIXED, prefix) in counts for prefix in self._prefixes.of(str(name)))


class AclIndex:
    """Entries by whom they are about, then by type and name.

    :param acls: what is in it from the start.
    """

    def __init__(self, acls: Iterable[AclBinding] = (), roles: Iterable[Role] = ()) -> None:
        self._principals: dict[str, Subject] = {}
        self._roles: dict[str, tuple[Role, Subject]] = {}
        self._bound: dict[str, set[str]] = {}
        self._grouped: dict[str, set[str]] = {}
        self._names: dict[ResourceType, _Names] = {}
        for acl in acls:
            self.add(acl)
        for role in roles:
            self.set_role(role.name, role)

    def add(self, acl: AclBinding) -> None:
        """One entry more; it is not there yet."""
        subject = self._principals.get(acl.principal)
        if subject is None:
            subject = self._principals[acl.principal] = {}
        self._change(subject, acl, 1)

    def remove(self, acl: AclBinding) -> None:
        """One that is there goes."""
        subject = self._principals[acl.principal]
        self._change(subject, acl, -1)
        if not subject:
            del self._principals[acl.principal]

    def set_role(self, name: str, role: Role | None) -> None:
        """A role is new, different, or gone."""
        before = self._roles.pop(name, None)
        if before is not None:
            old, subject = before
            for grant in old.grants:
                self._change(subject, grant, -1)
            _bind(self._bound, old.principals, name, False)
            _bind(self._grouped, old.groups, name, False)
        if role is not None:
            subject = {}
            for grant in role.grants:
                self._change(subject, grant, 1)
            self._roles[name] = role, subject
            _bind(self._bound, role.principals, name, True)
            _bind(self._grouped, role.groups, name, True)

    def patterns(self, principal: Principal) -> Mapping[ResourceType, Sequence[Patterns]]:
        """What is said about a principal, by type of resource: by name, of everyone, and by each of its roles."""
        found: dict[ResourceType, list[Patterns]] = {}
        for subject in self._subjects(principal):
            for kind, patterns in subject.items():
                found.setdefault(kind, []).append(patterns)
        return found

    def speaks_of(self, resource_type: ResourceType, name: str) -> bool:
        """Whether any entry is about a resource, whomever it means."""
        names = self._names.get(resource_type)
        return names is not None and name in names

    def _subjects(self, principal: Principal) -> Iterable[Subject]:
        own, everyone = str(principal), f"{principal.kind}:{WILDCARD}"
        for known in dict.fromkeys((own, everyone)):
            if known in self._principals:
                yield self._principals[known]
        roles = {*self._bound.get(own, ()), *self._bound.get(everyone, ())}
        for group in principal.groups:
            roles |= self._grouped.get(group, set())
        for name in sorted(roles):
            yield self._roles[name][1]

    def _change(self, subject: Subject, entry: AclBinding | RoleGrant, count: int) -> None:
        kind = entry.resource_type
        patterns = subject.get(kind)
        if patterns is None:
            patterns = subject[kind] = Patterns()
        patterns.change(entry.pattern, entry.name, entry.host, entry.operation, entry.permission, count)
        if not patterns:
            del subject[kind]
        names = self._names.get(kind)
        if names is None:
            names = self._names[kind] = _Names()
        names.change(entry.pattern, entry.name, count)


def _bind(bound: dict[str, set[str]], members: Iterable[str], role: str, there: bool) -> None:
    for member in members:
        if there:
            bound.setdefault(member, set()).add(role)
        else:
            bound[member].discard(role)
            if not bound[member]:
                del bound[member]
