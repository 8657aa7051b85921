"""The index over entries and roles, and the decisions made by it."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.config import Configuration
from chronik.errors import ConfigurationError
from chronik.security.acl.decisions import Decisions, super_users
from chronik.security.acl.index import AclIndex
from chronik.security.interfaces import (
    ANONYMOUS,
    BROKER,
    SOME,
    AclBinding,
    Action,
    Operation,
    PatternType,
    Principal,
    ResourceType,
    Role,
)
from tests.security.acl.build import ACLS, ALICE, DESCRIBE, HOST, PREFIXED, READ, acl, expected, grant

NAMES = ("orders", "orders2", "o", "ord", "other", "x")
HOSTS = ("10.0.0.1", "10.0.0.77", "10.9.9.9", "::1", "fd00::7", "192.168.0.1", "::ffff:10.0.0.1")
EVERYTHING = [
    Action(operation, kind, name)
    for operation in (Operation.READ, Operation.WRITE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS, Operation.CREATE)
    for kind in (ResourceType.TOPIC, ResourceType.GROUP)
    for name in NAMES
]


def decisions(acls: Iterable[AclBinding] = (), roles: Iterable[Role] = (), **settings: str) -> Decisions:
    """By these entries; underscores in settings are dots."""
    config = Configuration().with_values({name.replace("_", "."): value for name, value in settings.items()})
    return Decisions(AclIndex(dict.fromkeys(acls), roles), config)


class EntryTests(SynchronousTestCase):
    """How entries add up."""

    def check(self, answer: bool, *acls: AclBinding, action: Action = READ, principal: Principal = ALICE, host: str = HOST) -> None:
        """What the entries say together, with and without what is remembered."""
        made = decisions(acls)
        self.assertEqual([[answer], [answer]], [made.decide(principal, host, [action]) for _ in range(2)])

    def test_silence_refuses(self) -> None:
        """Without an entry nothing is allowed."""
        self.check(False)

    def test_deny_wins(self) -> None:
        """In any order, and whichever of the two is more special."""
        self.check(False, acl(), acl(deny=True))
        self.check(False, acl(deny=True, name="*"), acl())
        self.check(False, acl(), acl(deny=True, name="or", **PREFIXED))
        self.check(False, acl(), acl(deny=True, principal="User:*"))

    def test_all_stands_for_each_operation(self) -> None:
        """ALL allows and denies any."""
        self.check(True, acl(Operation.ALL))
        self.check(False, acl(), acl(Operation.ALL, deny=True))

    def test_star_is_every_name(self) -> None:
        """A literal star is every topic, and only a topic."""
        self.check(True, acl(name="*"))
        self.check(False, acl(name="*"), action=Action(Operation.READ, ResourceType.GROUP, "orders"))

    def test_prefix(self) -> None:
        """A prefix covers what begins with it, itself included; a literal name covers no longer one."""
        self.check(True, acl(name="ord", **PREFIXED))
        self.check(True, acl(name="orders", **PREFIXED))
        self.check(False, acl(name="rders", **PREFIXED))
        self.check(False, acl(name="ordersx", **PREFIXED))
        self.check(False, acl(name="ord"))

    def test_every_user(self) -> None:
        """User:* is everybody, also who has no name; another type of principal is another one."""
        self.check(True, acl(principal="User:*"), principal=ANONYMOUS)
        self.check(False, acl(principal="User:*"), principal=Principal("Service", "alice"))

    def test_implied(self) -> None:
        """Read, write, delete and alter let one describe, altering configurations lets one see them; nothing else does."""
        configs = Action(Operation.DESCRIBE_CONFIGS, ResourceType.TOPIC, "orders")
        for operation in Operation:
            implies = operation in (Operation.ALL, Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER, Operation.DESCRIBE)
            self.check(implies, acl(operation), action=DESCRIBE)
            self.check(operation in (Operation.ALL, Operation.ALTER_CONFIGS, Operation.DESCRIBE_CONFIGS), acl(operation), action=configs)

    def test_denying_implies_nothing(self) -> None:
        """A denied read leaves an allowed describe alone."""
        self.check(True, acl(Operation.DESCRIBE), acl(deny=True), action=DESCRIBE)

    def test_hosts(self) -> None:
        """An address, a network of either version, and the two ways to write an IPv4 peer."""
        for host, peer, answer in (
            ("10.0.0.1", "10.0.0.1", True),
            ("10.0.0.1", "10.0.0.2", False),
            ("10.0.0.0/8", "10.200.3.4", True),
            ("10.0.0.0/8", "11.0.0.1", False),
            ("10.0.0.0/8", "::ffff:10.1.2.3", True),
            ("::ffff:10.0.0.1", "10.0.0.1", True),
            ("0.0.0.0/0", "1.2.3.4", True),
            ("0.0.0.0/0", "::1", False),
            ("fd00::/8", "fd12:3456::1", True),
            ("fd00::/8", "fe80::1%eth0", False),
            ("fe80::/10", "fe80::1%eth0", True),
            ("FD00:0::1", "fd00::1", True),
            ("somewhere", "10.0.0.1", False),
            ("10.0.0.0/8", "local", False),
        ):
            self.check(answer, acl(host=host), host=peer)

    def test_broker_may_everything(self) -> None:
        """The broker's own children need no entry, and none stops them."""
        self.check(True, acl(Operation.ALL, deny=True, principal="Broker:*"), principal=BROKER)

    @given(st.lists(ACLS, max_size=8), st.sampled_from(HOSTS))
    def test_as_read_one_by_one(self, acls: list[AclBinding], host: str) -> None:
        """The index says what reading every entry says."""
        self.assertEqual([expected(acls, ALICE, host, action) for action in EVERYTHING], decisions(acls).decide(ALICE, host, EVERYTHING))

    @given(st.lists(ACLS, max_size=8, unique=True), st.lists(ACLS, max_size=8, unique=True))
    def test_changed_entry_by_entry(self, before: list[AclBinding], after: list[AclBinding]) -> None:
        """What was added and removed again leaves no trace, neither in decisions nor in memory."""
        index = AclIndex(before)
        for entry in before:
            if entry not in after:
                index.remove(entry)
        for entry in after:
            if entry not in before:
                index.add(entry)
        made = Decisions(index, Configuration())
        self.assertEqual(decisions(after).decide(ALICE, HOST, EVERYTHING), made.decide(ALICE, HOST, EVERYTHING))
        for entry in after:
            index.remove(entry)
        self.assertEqual({}, dict(index.patterns(ALICE)))
        self.assertFalse(any(index.speaks_of(kind, name) for kind in ResourceType for name in NAMES))


class SomeTests(SynchronousTestCase):
    """Whether any resource will do (KIP-679)."""

    def check(self, answer: bool, *acls: AclBinding, host: str = HOST) -> None:
        """Whether alice may write to some topic."""
        self.assertEqual([answer], decisions(acls).decide(ALICE, host, [Action(Operation.WRITE, ResourceType.TOPIC, SOME)]))

    def test_some(self) -> None:
        """One that is allowed is enough, by whatever pattern; a denial of others does not matter."""
        write = Operation.WRITE
        self.check(False)
        self.check(True, acl(write))
        self.check(True, acl(Operation.ALL, "*"))
        self.check(True, acl(write, "o", **PREFIXED))
        self.check(False, acl(Operation.READ))
        self.check(False, acl(write, resource_type=ResourceType.GROUP))
        self.check(True, acl(write), acl(write, "other", deny=True))
        self.check(True, acl(write, "*"), acl(write, "o", deny=True, **PREFIXED))

    def test_an_empty_name_is_a_name(self) -> None:
        """Whoever may write somewhere may not write to a resource without a name: group ids may be empty."""
        made = decisions([acl(Operation.WRITE)])
        some, empty = (Action(Operation.WRITE, ResourceType.TOPIC, name) for name in (SOME, ""))
        self.assertEqual([True, False, True], made.decide(ALICE, HOST, [some, empty, some]))

    def test_denied(self) -> None:
        """Denials that cover all that is allowed."""
        write = Operation.WRITE
        self.check(False, acl(write), acl(write, deny=True))
        self.check(False, acl(write), acl(write, "*", deny=True))
        self.check(False, acl(write), acl(write, "ord", deny=True, **PREFIXED))
        self.check(False, acl(write, "ord", **PREFIXED), acl(write, "o", deny=True, **PREFIXED))
        self.check(True, acl(write, "ord", **PREFIXED), acl(write, "orders", deny=True, **PREFIXED))
        self.check(True, acl(write, "ord", **PREFIXED), acl(write, "ord", deny=True))
        self.check(False, acl(write), acl(Operation.ALL, "*", deny=True, principal="User:*"))

    def test_hosts_count(self) -> None:
        """What is allowed or denied elsewhere does not matter."""
        self.check(False, acl(Operation.WRITE, host="10.0.0.2"))
        self.check(True, acl(Operation.WRITE), acl(Operation.WRITE, deny=True, host="10.0.0.2"))

    @given(st.lists(ACLS, max_size=8))
    def test_some_of_what_could_be(self, acls: list[AclBinding]) -> None:
        """It is allowed somewhere exactly if one of the names, and those beyond all names, is."""
        names = [*NAMES, *(f"{name}~" for name in NAMES), "~", "*~"]
        each = [expected(acls, ALICE, HOST, Action(Operation.WRITE, ResourceType.TOPIC, name)) for name in names]
        (some,) = decisions(acls).decide(ALICE, HOST, [Action(Operation.WRITE, ResourceType.TOPIC, SOME)])
        everything_denied = any(entry.name == "*" and entry.pattern is PatternType.LITERAL for entry in acls)
        if any(each) or not everything_denied:
            self.assertEqual(any(each), some)


class RoleTests(SynchronousTestCase):
    """Roles."""

    READER = Role("reader", (grant(),), frozenset({"User:alice"}), frozenset({"analysts"}))

    def test_bound_to_principals(self) -> None:
        """Who has a role may what it grants; others may not."""
        made = decisions(roles=[self.READER])
        self.assertEqual([True, True], made.decide(ALICE, HOST, [READ, DESCRIBE]))
        self.assertEqual([False], made.decide(Principal("User", "bob"), HOST, [READ]))

    def test_bound_to_groups(self) -> None:
        """Who belongs to the group has it; two principals of one name differ by their groups."""
        made = decisions(roles=[self.READER])
        bob = Principal("User", "bob")
        analyst = Principal("User", "bob", frozenset({"analysts", "others"}))
        self.assertEqual([[False], [True], [False]], [made.decide(who, HOST, [READ]) for who in (bob, analyst, bob)])

    def test_bound_to_everyone(self) -> None:
        """User:* has a role like any other."""
        role = Role("all", (grant(),), frozenset({"User:*"}))
        self.assertEqual([True], decisions(roles=[role]).decide(ANONYMOUS, HOST, [READ]))

    def test_denials_of_roles_win(self) -> None:
        """Over entries and over other roles; entries deny what roles allow."""
        no = Role("no", (grant(deny=True),), frozenset({"User:alice"}))
        self.assertEqual([False], decisions([acl()], [no]).decide(ALICE, HOST, [READ]))
        self.assertEqual([False], decisions(roles=[self.READER, no]).decide(ALICE, HOST, [READ]))
        self.assertEqual([False], decisions([acl(deny=True)], [self.READER]).decide(ALICE, HOST, [READ]))

    def test_replaced_and_removed(self) -> None:
        """A role that is different counts as it is now, one that is gone not at all, and leaves nothing behind."""
        index = AclIndex(roles=[self.READER])
        index.set_role("reader", Role("reader", (grant(name="other"), grant(name="other")), frozenset({"User:bob"})))
        made = Decisions(index, Configuration())
        other = Action(Operation.READ, ResourceType.TOPIC, "other")
        self.assertEqual([False, False], made.decide(ALICE, HOST, [READ, other]))
        self.assertEqual([False, True], made.decide(Principal("User", "bob"), HOST, [READ, other]))
        index.set_role("reader", None)
        self.assertEqual({}, dict(index.patterns(Principal("User", "bob"))))
        self.assertFalse(index.speaks_of(ResourceType.TOPIC, "other"))


class SettingsTests(SynchronousTestCase):
    """What the configuration says."""

    def test_super_users(self) -> None:
        """They may everything, whatever is denied; names may hold commas."""
        made = decisions([acl(deny=True)], super_users="User:root; User:CN=alice,OU=x ;")
        self.assertEqual([True], made.decide(Principal("User", "root"), HOST, [READ]))
        self.assertEqual([True], made.decide(Principal("User", "CN=alice,OU=x"), HOST, [READ]))
        self.assertEqual([False], made.decide(ALICE, HOST, [READ]))
        self.assertEqual(frozenset(), super_users(""))
        self.assertRaises(ConfigurationError, super_users, "root")
        self.assertRaises(ConfigurationError, Configuration().with_values, {"super.users": "User:a,b;root"})

    def test_open_where_nothing_is_said(self) -> None:
        """Everyone may everything to what no entry is about; an entry about somebody else closes it."""
        made = decisions([acl(principal="User:bob"), acl(name="logs", principal="User:bob", **PREFIXED)], allow_everyone_if_no_acl_found="true")
        asked = [Action(Operation.WRITE, ResourceType.TOPIC, name) for name in ("orders", "order", "logs-1", "log")]
        self.assertEqual([False, True, False, True], made.decide(ALICE, HOST, asked))
        closed = decisions([acl(name="*", principal="User:bob")], allow_everyone_if_no_acl_found="true")
        self.assertEqual([False, False, False, False], closed.decide(ALICE, HOST, asked))


class CacheTests(SynchronousTestCase):
    """What is remembered."""

    def test_bounded(self) -> None:
        """However many ask for however much, no more is remembered than allowed, and the answers are the same."""
        made = decisions([acl()], authorizer_cache_max_entries="50")
        for number in range(200):
            self.assertEqual([True, False], made.decide(ALICE, f"10.0.{number}.1", [READ, READ._replace(name=f"t{number}")]))
            made.decide(Principal("User", f"u{number}"), HOST, [READ])
            self.assertLessEqual(made.remembered, 50)
        self.assertGreater(made.remembered, 0)

    def test_more_than_allowed_at_once(self) -> None:
        """One request for more than fits is answered whole."""
        made = decisions([acl()], authorizer_cache_max_entries="5")
        self.assertEqual([True] * 20, made.decide(ALICE, HOST, [READ] * 20))
        names = [READ._replace(name=f"t{number}") for number in range(20)]
        self.assertEqual([False] * 20, made.decide(ALICE, HOST, names))
        self.assertLessEqual(made.remembered, 5)

    def test_changed_at_run_time(self) -> None:
        """A smaller bound forgets at once; 0 remembers nothing."""
        made = decisions([acl()])
        made.decide(ALICE, HOST, EVERYTHING)
        made.configure(Configuration().with_values({"authorizer.cache.max.entries": "0"}))
        self.assertEqual(0, made.remembered)
        self.assertEqual([True], made.decide(ALICE, HOST, [READ]))
        self.assertEqual(0, made.remembered)

    def test_forgotten_for_whom_it_changed(self) -> None:
        """Only those are forgotten whom a change is about; everybody, where it is about everybody."""
        index = AclIndex()
        made = Decisions(index, Configuration())
        bob = Principal("User", "bob")
        made.decide(ALICE, HOST, [READ])
        made.decide(bob, HOST, [READ])
        index.add(acl())
        made.forget(["User:alice"])
        self.assertEqual(2, made.remembered)
        self.assertEqual([[True], [False]], [made.decide(ALICE, HOST, [READ]), made.decide(bob, HOST, [READ])])
        index.add(acl(principal="User:*"))
        made.forget(["User:*"])
        self.assertEqual(0, made.remembered)
        self.assertEqual([True], made.decide(bob, HOST, [READ]))
