"""Users and rules of a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.defer import Pool
from chronik.errors import ConfigurationError
from chronik.security.acl.words import entry_words
from chronik.security.file_store import FileSecurity, make
from chronik.security.interfaces import BROKER, AclBinding, Operation, PatternType, Permission, ResourceType
from chronik.security.passwords import hash_password
from chronik.security.rules_file import parse_users_and_rules, read_users_and_rules
from chronik.testing.acl_contract import AclAuthorizerContract
from chronik.testing.auth import auth_context
from chronik.testing.auth_contract import ALTER_CLUSTER, CredentialStoreContract
from tests.security.fakes import NowPools

USERS = f'[users]\nalice = "{hash_password("wonderland")}"\nbob = "{hash_password("bücher & so")}"\n'


class FileSecurityTests(AclAuthorizerContract, CredentialStoreContract, SynchronousTestCase):
    """The ``file`` backend."""

    def setUp(self) -> None:
        """Pools that remember."""
        super().setUp()
        self.pools = NowPools()

    def make_authorizer_of(self, acls: Sequence[AclBinding]) -> FileSecurity:
        """With the contract's users, and a rule for each entry."""
        rules = ("".join(f"{field} = {json.dumps(word)}\n" for field, word in entry_words(acl).items()) for acl in acls)
        path = Path(self.mktemp())
        path.write_text(USERS + "".join(f"[[rules]]\n{rule}" for rule in rules), encoding="utf-8")
        return make(auth_context(self.pools), {"path": str(path)})

    def make_credential_store(self) -> FileSecurity:
        """The same."""
        return self.make_authorizer_of([])

    def test_hashes_are_computed_off_the_reactor(self) -> None:
        """Known and unknown users cost one computation in the CPU pool each."""
        self.verify("alice", "x")
        self.verify("nobody", "x")
        self.assertEqual([Pool.CPU, Pool.CPU], self.pools.used)

    def test_broker_may_everything(self) -> None:
        """The broker's own children need no rules."""
        self.assertEqual([True], self.authorize(BROKER, ALTER_CLUSTER))

    def test_path_is_required(self) -> None:
        """Without a file it says which key to set."""
        error = self.assertRaises(ConfigurationError, make, auth_context(self.pools), {})
        self.assertIn("plugin.auth.file.path", str(error))

    def test_unknown_option(self) -> None:
        """A misspelt option is named."""
        error = self.assertRaises(ConfigurationError, make, auth_context(self.pools), {"paht": "x"})
        self.assertIn("paht", str(error))


class RulesFileTests(SynchronousTestCase):
    """Reading the file."""

    def refused(self, text: str) -> str:
        """The complaint about a text; it always names the file."""
        message = str(self.assertRaises(ConfigurationError, parse_users_and_rules, text, "auth.toml"))
        self.assertTrue(message.startswith("auth.toml: "), message)
        self.assertEqual(1, len(message.splitlines()), message)
        return message

    def rule(self, **fields: Any) -> str:
        """The text of one rule."""
        every = {"principal": "User:alice", "operation": "read", "resource": "topic", "name": "orders", **fields}
        return "[[rules]]\n" + "".join(f'{name} = "{value}"\n' for name, value in every.items() if value is not None)

    def test_all_fields(self) -> None:
        """Every field arrives in the rule."""
        text = self.rule(host="10.0.0.1", pattern="prefixed", permission="deny", operation="Alter-Configs")
        pattern, operation = PatternType.PREFIXED, Operation.ALTER_CONFIGS
        expected = AclBinding(ResourceType.TOPIC, pattern, "orders", "User:alice", "10.0.0.1", operation, Permission.DENY)
        self.assertEqual((expected,), parse_users_and_rules(text, "auth.toml").rules)

    def test_defaults(self) -> None:
        """Any host, literal, allow; and the cluster has one name."""
        (found,) = parse_users_and_rules(self.rule(resource="cluster", name=None), "auth.toml").rules
        kind, literal = ResourceType.CLUSTER, PatternType.LITERAL
        self.assertEqual(AclBinding(kind, literal, "kafka-cluster", "User:alice", "*", Operation.READ, Permission.ALLOW), found)

    def test_empty_file(self) -> None:
        """Nobody, and nothing is allowed."""
        found = parse_users_and_rules("", "auth.toml")
        self.assertEqual(({}, ()), (found.users, found.rules))

    def test_wrong_fields(self) -> None:
        """Each complaint names the rule's number and the field, and says what it takes."""
        for fields, word in (
            ({"principal": "alice"}, "principal"),
            ({"principal": None}, "principal"),
            ({"operation": "reed"}, "operation"),
            ({"operation": None}, "operation is missing"),
            ({"operation": "any"}, "operation"),
            ({"resource": "table"}, "resource"),
            ({"name": None}, "name is missing"),
            ({"name": ""}, "name is missing"),
            ({"pattern": "regex"}, "pattern"),
            ({"pattern": "prefixed", "name": "*"}, "prefixed"),
            ({"permission": "maybe"}, "permission"),
            ({"host": "10.0.0.1/8"}, "write 10.0.0.0/8"),
            ({"resource": "cluster"}, "kafka-cluster"),
            ({"prinzipal": "x"}, "prinzipal"),
        ):
            message = self.refused(self.rule() + self.rule(**fields))
            self.assertIn("number 2", message)
            self.assertIn(word, message)

    def test_wrong_shapes(self) -> None:
        """TOML that is something else is explained."""
        self.assertIn("table declaration", self.refused("[users"))
        self.assertIn("groups", self.refused("[groups]\n"))
        self.assertIn("[users]", self.refused("users = 1\n"))
        self.assertIn("two brackets", self.refused('[rules]\nprincipal = "x"\n'))
        self.assertIn("host must be a text", self.refused(self.rule() + "host = 5\n"))

    def test_wrong_hash(self) -> None:
        """A password in the clear is refused and not repeated."""
        message = self.refused('[users]\nalice = "hunter2"\n')
        self.assertIn("alice", message)
        self.assertNotIn("hunter2", message)
        self.assertIn("in quotes", self.refused("[users]\nalice = 5\n"))

    def test_missing_file(self) -> None:
        """A file that is not there is named with the system's reason."""
        path = self.mktemp()
        message = str(self.assertRaises(ConfigurationError, read_users_and_rules, path))
        self.assertIn(path, message)
        self.assertIn("No such file", message)

    def test_not_text(self) -> None:
        """Bytes that are no text are refused in words."""
        path = Path(self.mktemp())
        path.write_bytes(b"\xff\xfe\x00")
        self.assertIn("UTF-8", str(self.assertRaises(ConfigurationError, read_users_and_rules, str(path))))
