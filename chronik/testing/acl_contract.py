"""What every authorizer must do that goes by lists of entries, and by roles: mixins of tests for whoever writes one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from chronik.security.interfaces import (
    BROKER,
    SOME,
    AclBinding,
    Action,
    Operation,
    PatternType,
    Permission,
    Principal,
    ResourceType,
    Role,
    RoleGrant,
)
from chronik.testing.auth_contract import ALICE, ALTER_CLUSTER, BOB, DESCRIBE_ORDERS, READ_ORDERS, RestrictingAuthorizerContract

LITERAL: Final = PatternType.LITERAL
PREFIXED: Final = PatternType.PREFIXED
TOPIC: Final = ResourceType.TOPIC


def entry(
    operation: Operation,
    name: str = "orders",
    pattern: PatternType = LITERAL,
    principal: str = "User:alice",
    host: str = "*",
    permission: Permission = Permission.ALLOW,
    resource_type: ResourceType = TOPIC,
) -> AclBinding:
    """An entry, about alice and a topic where nothing else is said."""
    return AclBinding(resource_type, pattern, name, principal, host, operation, permission)


READ: Final = entry(Operation.READ)


class AclAuthorizerContract(RestrictingAuthorizerContract):
    """The contract of authorizers that go by entries (KIP-11, KIP-290)."""

    def make_authorizer_of(self, acls: Sequence[AclBinding]) -> Any:
        """An authorizer that goes by these entries and nothing else."""
        raise NotImplementedError

    def make_authorizer(self) -> Any:
        """By the one entry of :class:`RestrictingAuthorizerContract`."""
        return self.make_authorizer_of([READ])

    def check(self, allowed: bool, acls: Sequence[AclBinding], action: Action = READ_ORDERS, who: Principal = ALICE, host: str = "10.0.0.1") -> None:
        """What an authorizer by these entries says."""
        answer = self.wait(self.make_authorizer_of(acls).authorize(who, host, [action]))
        self.assertEqual([allowed], list(answer), (acls, action, who, host))

    def test_denials_win(self) -> None:
        """Over whatever allows, in any order, by name, by prefix, by wildcard, by everyone and by all operations."""
        deny = Permission.DENY
        for denial in (
            entry(Operation.READ, permission=deny),
            entry(Operation.READ, "ord", PREFIXED, permission=deny),
            entry(Operation.READ, "*", permission=deny),
            entry(Operation.READ, principal="User:*", permission=deny),
            entry(Operation.ALL, permission=deny),
            entry(Operation.READ, host="10.0.0.0/8", permission=deny),
        ):
            self.check(False, [READ, denial])
            self.check(False, [denial, READ])

    def test_denials_of_something_else_do_not_matter(self) -> None:
        """Another operation, resource, person or host."""
        deny = Permission.DENY
        for denial in (
            entry(Operation.WRITE, permission=deny),
            entry(Operation.READ, "orders2", permission=deny),
            entry(Operation.READ, principal="User:bob", permission=deny),
            entry(Operation.READ, host="10.0.0.2", permission=deny),
            entry(Operation.READ, resource_type=ResourceType.GROUP, permission=deny),
        ):
            self.check(True, [READ, denial])

    def test_denying_implies_nothing(self) -> None:
        """Who may not read may still describe, where that is allowed by itself."""
        self.check(True, [entry(Operation.DESCRIBE), entry(Operation.READ, permission=Permission.DENY)], DESCRIBE_ORDERS)

    def test_implied_operations(self) -> None:
        """READ, WRITE, DELETE and ALTER let one DESCRIBE, ALTER_CONFIGS lets one DESCRIBE_CONFIGS; CREATE lets one neither."""
        configs = Action(Operation.DESCRIBE_CONFIGS, TOPIC, "orders")
        for operation in (Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER):
            self.check(True, [entry(operation)], DESCRIBE_ORDERS)
            self.check(False, [entry(operation)], configs)
        self.check(True, [entry(Operation.ALTER_CONFIGS)], configs)
        self.check(False, [entry(Operation.ALTER_CONFIGS)], DESCRIBE_ORDERS)
        self.check(False, [entry(Operation.CREATE)], DESCRIBE_ORDERS)

    def test_patterns(self) -> None:
        """A prefix, a wildcard, and a star that is a prefix of nothing."""
        self.check(True, [entry(Operation.READ, "ord", PREFIXED)])
        self.check(True, [entry(Operation.READ, "*")])
        self.check(False, [entry(Operation.READ, "ordersx", PREFIXED)])
        self.check(False, [entry(Operation.READ, "ord")])

    def test_hosts(self) -> None:
        """Addresses and networks of both versions; an IPv4 peer on an IPv6 socket is the IPv4 peer."""
        for host, peer, allowed in (
            ("10.0.0.1", "10.0.0.1", True),
            ("10.0.0.1", "10.0.0.2", False),
            ("10.0.0.0/8", "10.9.8.7", True),
            ("10.0.0.0/8", "11.0.0.1", False),
            ("10.0.0.0/8", "::ffff:10.9.8.7", True),
            ("fd00::/8", "fd01::1", True),
            ("fd00::/8", "fe80::1", False),
            ("0.0.0.0/0", "::1", False),
        ):
            self.check(allowed, [entry(Operation.READ, host=host)], host=peer)

    def test_everyone(self) -> None:
        """``User:*`` is every user, and nobody of another type."""
        self.check(True, [entry(Operation.READ, principal="User:*")], who=BOB)
        self.check(False, [entry(Operation.READ, principal="User:*")], who=Principal("Service", "bob"))

    def test_some_under_denials(self) -> None:
        """A denial counts against what it covers whole, and no further (KIP-679)."""
        some, deny = Action(Operation.READ, TOPIC, SOME), Permission.DENY
        prefixed = entry(Operation.READ, "ord", PREFIXED)
        self.check(True, [prefixed], some)
        self.check(True, [prefixed, entry(Operation.READ, permission=deny)], some)
        self.check(False, [READ, entry(Operation.READ, permission=deny)], some)
        self.check(False, [prefixed, entry(Operation.READ, "o", PREFIXED, permission=deny)], some)
        self.check(False, [prefixed, entry(Operation.READ, "*", permission=deny)], some)
        self.check(True, [entry(Operation.READ, "*"), entry(Operation.READ, "o", PREFIXED, permission=deny)], some)

    def test_the_broker_is_not_asked_about(self) -> None:
        """Its own children may do everything, whatever is denied."""
        self.check(True, [entry(Operation.ALL, "*", principal="Broker:*", permission=Permission.DENY)], ALTER_CLUSTER, BROKER)


class RoleAuthorizerContract(AclAuthorizerContract):
    """The contract of authorizers that go by roles as well."""

    def make_authorizer_of(self, acls: Sequence[AclBinding], roles: Sequence[Role] = ()) -> Any:
        """An authorizer that goes by these entries and roles and nothing else."""
        raise NotImplementedError

    def check_role(self, allowed: bool, role: Role, who: Principal, *acls: AclBinding) -> None:
        """What an authorizer by a role, and by entries beside it, says."""
        answer = self.wait(self.make_authorizer_of(acls, [role]).authorize(who, "10.0.0.1", [READ_ORDERS]))
        self.assertEqual([allowed], list(answer), (role, who))

    def test_roles_of_principals(self) -> None:
        """Who has the role may what it grants."""
        role = Role("r", (RoleGrant(TOPIC, PREFIXED, "ord", Operation.READ),), frozenset({"User:bob"}))
        self.check_role(True, role, BOB)
        self.check_role(False, role, ALICE)

    def test_roles_of_groups(self) -> None:
        """Who belongs to the group may, as long as he does."""
        role = Role("r", (RoleGrant(TOPIC, LITERAL, "orders", Operation.READ),), groups=frozenset({"analysts"}))
        self.check_role(True, role, Principal("User", "bob", frozenset({"analysts", "x"})))
        self.check_role(False, role, Principal("User", "bob", frozenset({"x"})))
        self.check_role(False, role, Principal("User", "analysts"))

    def test_denials_of_roles(self) -> None:
        """Win over entries, and entries' over roles."""
        denying = Role("r", (RoleGrant(TOPIC, LITERAL, "*", Operation.ALL, Permission.DENY, "10.0.0.0/8"),), frozenset({"User:alice"}))
        self.check_role(False, denying, ALICE, READ)
        allowing = Role("r", (RoleGrant(TOPIC, LITERAL, "*", Operation.ALL),), frozenset({"User:alice"}))
        self.check_role(True, allowing, ALICE)
        self.check_role(False, allowing, ALICE, entry(Operation.READ, permission=Permission.DENY))
