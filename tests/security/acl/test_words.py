"""Entries in words, in keys of the store, and in hosts: there and back."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.metadata.security_keys import ACLS, acl_key, acl_of, decode_role, encode_role, role_key, role_name
from chronik.metadata.values import MalformedValue
from chronik.security.acl.filters import exact, matches, matching
from chronik.security.acl.hosts import entry_host, host_problem, peer_host
from chronik.security.acl.validation import acl_problem, role_problem
from chronik.security.acl.words import Wrong, entry_words, read_acl, read_filter, read_role, role_words
from chronik.security.interfaces import AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType, Role, RoleGrant
from tests.security.acl.build import ACLS as RELATED

NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
OPERATIONS = st.sampled_from([each for each in Operation if each.name not in ("UNKNOWN", "ANY")])
TYPES = st.sampled_from([ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID, ResourceType.DELEGATION_TOKEN, ResourceType.USER])
PATTERNS = st.sampled_from([PatternType.LITERAL, PatternType.PREFIXED])
PERMISSIONS = st.sampled_from([Permission.ALLOW, Permission.DENY])
HOSTS = st.one_of(st.just("*"), st.ip_addresses().map(str), st.sampled_from(["10.0.0.0/8", "fd00::/8", "host.example"]))
ENTRIES = st.builds(AclBinding, TYPES, PATTERNS, NAMES, NAMES.map("User:{}".format), HOSTS, OPERATIONS, PERMISSIONS).filter(
    lambda acl: acl_problem(acl) is None
)
GRANTS = ENTRIES.map(lambda acl: RoleGrant(acl.resource_type, acl.pattern, acl.name, acl.operation, acl.permission, acl.host))


class WordTests(SynchronousTestCase):
    """Words and keys."""

    @given(ENTRIES)
    def test_entries_in_words(self, acl: AclBinding) -> None:
        """What is written is read as it was."""
        self.assertEqual(acl, read_acl(entry_words(acl)))

    @given(ENTRIES)
    def test_entries_in_keys(self, acl: AclBinding) -> None:
        """Whatever characters names have, slashes and percent signs among them; the seven parts stay seven."""
        key = acl_key(acl)
        self.assertTrue(key.startswith(ACLS) and key.isascii() and key.count("/") == 7)
        self.assertEqual(acl, acl_of(key.removeprefix(ACLS)))

    @given(NAMES, st.lists(GRANTS, max_size=4, unique=True), st.sets(NAMES.map("User:{}".format), max_size=3), st.sets(NAMES, max_size=3))
    def test_roles(self, name: str, grants: list[RoleGrant], principals: set[str], groups: set[str]) -> None:
        """The same of roles, in words and in the store."""
        role = Role(name, tuple(grants), frozenset(principals), frozenset(groups))
        self.assertEqual(role, read_role(name, role_words(role)))
        self.assertEqual(role, decode_role(role_name(role_key(name).removeprefix("roles/")), encode_role(role)))
        self.assertEqual(name.isprintable(), role_problem(role) is None)

    @given(st.text(max_size=40))
    def test_keys_that_are_none(self, rest: str) -> None:
        """A key that somebody else wrote is read, or refused in words."""
        try:
            acl_of(rest)
        except MalformedValue:
            return

    def test_words_that_are_none(self) -> None:
        """Each complaint names the field."""
        for words, word in (
            ({"resource": "tobic"}, "resource"),
            ({"operation": "reed"}, "operation"),
            ({"pattern": "prefix"}, "pattern"),
            ({"principle": "x"}, "principle"),
            ({"name": 5}, "name"),
        ):
            self.assertIn(word, str(self.assertRaises(Wrong, read_filter, words)))


class FilterTests(SynchronousTestCase):
    """Which entries filters mean."""

    @given(st.sets(RELATED, max_size=8), RELATED)
    def test_a_filter_that_leaves_nothing_open(self, acls: set[AclBinding], acl: AclBinding) -> None:
        """Means the one entry, found without walking; and it matches as it does by walking."""
        wanted = AclFilter(acl.resource_type, acl.pattern, acl.name, acl.principal, acl.host, acl.operation, acl.permission)
        self.assertEqual(acl, exact(wanted))
        self.assertEqual({each for each in acls if matches(wanted, each)}, set(matching(wanted, frozenset(acls))))

    @given(st.sets(RELATED, max_size=8))
    def test_an_open_filter(self, acls: set[AclBinding]) -> None:
        """Means everything."""
        self.assertEqual(acls, set(matching(AclFilter(), frozenset(acls))))


class HostTests(SynchronousTestCase):
    """Hosts of entries and of peers."""

    @given(st.ip_addresses())
    def test_addresses(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        """However an address is written, it is compared in one form."""
        self.assertIsNone(host_problem(str(address)))
        texts = {str(address), address.exploded, address.exploded.upper()}
        self.assertEqual(1, len({peer_host(text) for text in texts}))
        self.assertEqual({entry_host(text) for text in texts}, {peer_host(str(address)).text})

    @given(st.text(max_size=30))
    def test_anything(self, text: str) -> None:
        """Any text is a host or is refused in words; what is taken matches the peer of that text, and a network matches what is in it."""
        problem = host_problem(text)
        self.assertNotEqual("", problem)
        if problem is None and "/" not in text and text != "*":
            self.assertEqual(entry_host(text), peer_host(text).text)
