"""How rules add up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.security.interfaces import ANONYMOUS, Action, Operation, Principal, ResourceType
from chronik.security.rules import PatternType, Rule, allowed

ALICE = Principal("User", "alice")
READ = Action(Operation.READ, ResourceType.TOPIC, "orders")


def rule(operation: Operation = Operation.READ, name: str = "orders", **more: object) -> Rule:
    """A rule for alice on a topic."""
    fields: dict[str, object] = {"principal": "User:alice", "resource_type": ResourceType.TOPIC, **more}
    return Rule(operation=operation, name=name, **fields)  # type: ignore[arg-type]


RULES = st.builds(
    rule,
    operation=st.sampled_from([Operation.ALL, Operation.READ, Operation.WRITE, Operation.DESCRIBE]),
    name=st.sampled_from(["orders", "*", "o", "other"]),
    pattern=st.sampled_from(PatternType),
    allow=st.booleans(),
    principal=st.sampled_from(["User:alice", "User:*", "User:bob"]),
    host=st.sampled_from(["*", "10.0.0.1"]),
)


class RuleTests(SynchronousTestCase):
    """Single rules."""

    def check(self, expected: bool, *rules: Rule, action: Action = READ, principal: Principal = ALICE, host: str = "10.0.0.1") -> None:
        """What the rules say together."""
        self.assertIs(expected, allowed(rules, principal, host, action))

    def test_no_rule_refuses(self) -> None:
        """Silence is a refusal."""
        self.check(False)

    def test_exact(self) -> None:
        """A rule about exactly this allows it."""
        self.check(True, rule())

    def test_deny_wins(self) -> None:
        """In any order."""
        self.check(False, rule(), rule(allow=False))
        self.check(False, rule(allow=False), rule())

    def test_all_stands_for_each_operation(self) -> None:
        """ALL allows and denies any."""
        self.check(True, rule(Operation.ALL))
        self.check(False, rule(), rule(Operation.ALL, allow=False))

    def test_star_is_every_name(self) -> None:
        """A literal star is every topic, and only a topic."""
        self.check(True, rule(name="*"))
        self.check(False, rule(name="*"), action=Action(Operation.READ, ResourceType.GROUP, "orders"))

    def test_prefix(self) -> None:
        """A prefix covers what begins with it, itself included."""
        self.check(True, rule(name="ord", pattern=PatternType.PREFIXED))
        self.check(True, rule(name="orders", pattern=PatternType.PREFIXED))
        self.check(False, rule(name="rders", pattern=PatternType.PREFIXED))

    def test_literal_is_no_prefix(self) -> None:
        """A literal name covers no longer one."""
        self.check(False, rule(name="ord"))

    def test_host(self) -> None:
        """A rule about one address says nothing about another."""
        self.check(True, rule(host="10.0.0.1"))
        self.check(False, rule(host="10.0.0.2"))

    def test_every_user(self) -> None:
        """User:* is everybody, also who has no name."""
        self.check(True, rule(principal="User:*"), principal=ANONYMOUS)
        self.check(False, rule(principal="User:*"), principal=Principal("Broker", "self"))

    def test_implied_describe(self) -> None:
        """Read, write, delete and alter let one describe; creating does not."""
        describe = Action(Operation.DESCRIBE, ResourceType.TOPIC, "orders")
        for operation in (Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER):
            self.check(True, rule(operation), action=describe)
        self.check(False, rule(Operation.CREATE), action=describe)

    def test_implied_describe_configs(self) -> None:
        """Who may alter a configuration may see it; who may read the topic may not."""
        describe = Action(Operation.DESCRIBE_CONFIGS, ResourceType.TOPIC, "orders")
        self.check(True, rule(Operation.ALTER_CONFIGS), action=describe)
        self.check(False, rule(Operation.READ), action=describe)

    def test_denying_implies_nothing(self) -> None:
        """A denied read leaves an allowed describe alone."""
        describe = Action(Operation.DESCRIBE, ResourceType.TOPIC, "orders")
        self.check(True, rule(Operation.DESCRIBE), rule(Operation.READ, allow=False), action=describe)

    @given(st.lists(RULES, max_size=6))
    def test_a_deny_never_helps(self, rules: list[Rule]) -> None:
        """More denials never allow more, more permissions never allow less unless a denial stands against them."""
        before = allowed(rules, ALICE, "10.0.0.1", READ)
        self.assertFalse(allowed([*rules, rule(allow=False)], ALICE, "10.0.0.1", READ))
        permissions = [each for each in rules if each.allow]
        self.assertTrue(not before or allowed(permissions, ALICE, "10.0.0.1", READ))
