"""Rules that allow or deny, and how they add up. Kafka's: KIP-11, prefixed patterns from KIP-290.

What no rule allows is refused; a rule that denies wins over any that allows. Some operations imply others when they are allowed, never when
they are denied.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chronik.security.interfaces import Action, Operation, Principal, ResourceType

ANY: Final = "*"
"""As a principal's name, a host or a resource's name: every one."""


class PatternType(enum.Enum):
    """How a rule's resource name is compared."""

    LITERAL = "literal"
    PREFIXED = "prefixed"


_READS: Final = frozenset({Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER})

IMPLIED_BY: Final[Mapping[Operation, frozenset[Operation]]] = {
    Operation.DESCRIBE: _READS,
    Operation.DESCRIBE_CONFIGS: frozenset({Operation.ALTER_CONFIGS}),
}
"""Being allowed any of these operations allows the first one too."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    :ivar principal: ``Type:name``; the name may be ``*``.
    :ivar host: the peer's address, or ``*``.
    :ivar operation: :attr:`Operation.ALL` stands for each one.
    :ivar name: of the resource, or what it begins with; a literal ``*`` is every one.
    """

    principal: str
    operation: Operation
    resource_type: ResourceType
    name: str
    host: str = ANY
    pattern: PatternType = PatternType.LITERAL
    allow: bool = True

    def applies_to(self, principal: Principal, host: str) -> bool:
        """Whether it is about this peer."""
        return self.host in (ANY, host) and self.principal in (str(principal), f"{principal.kind}:{ANY}")

    def covers(self, action: Action) -> bool:
        """Whether it is about this resource."""
        if self.resource_type is not action.resource_type:
            return False
        if self.pattern is PatternType.PREFIXED:
            return action.name.startswith(self.name)
        return self.name in (ANY, action.name)

    def _allows(self, operation: Operation) -> bool:
        return self.operation in (Operation.ALL, operation) or self.operation in IMPLIED_BY.get(operation, ())

    def _denies(self, operation: Operation) -> bool:
        return self.operation in (Operation.ALL, operation)

    def decides(self, operation: Operation) -> bool:
        """Whether it says anything about this operation."""
        return self._allows(operation) if self.allow else self._denies(operation)


def allowed(rules: Iterable[Rule], principal: Principal, host: str, action: Action) -> bool:
    """Whether the rules together allow an action."""
    matching = [rule for rule in rules if rule.applies_to(principal, host) and rule.covers(action) and rule.decides(action.operation)]
    return bool(matching) and all(rule.allow for rule in matching)
