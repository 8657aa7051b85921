"""The plugin passes the contract of its seam."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from chronik_auth_htpasswd.security import HtpasswdSecurity, Permission, make, parse_rules
from chronik_auth_htpasswd.users import parse_users, user_line
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.defer import IThreadPools, Pool
from chronik.errors import ConfigurationError
from chronik.testing.auth import auth_context
from chronik.testing.auth_contract import ALTER_CLUSTER, CredentialStoreContract, RestrictingAuthorizerContract


@implementer(IThreadPools)
class NowPools:
    """Does the work at once."""

    def run(self, pool: Pool, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Do it."""
        return maybeDeferred(function, *args)

    def worker(self, name: str) -> Any:
        """Nobody asks."""
        raise AssertionError(name)

    def close(self) -> Deferred[None]:
        """Nobody asks."""
        raise AssertionError


USERS = "# people\n" + user_line("alice", "wonderland", b"s" * 16) + "\n" + user_line("bob", "bücher & so", b"t" * 16) + "\n"


class HtpasswdTests(RestrictingAuthorizerContract, CredentialStoreContract, SynchronousTestCase):
    """The contract, on files."""

    rules = "alice read topic orders  # the contract's rule\n"

    def options(self, users: str = USERS) -> dict[str, str]:
        """Options that name files with the contract's content."""
        paths = {"users": Path(self.mktemp()), "rules": Path(self.mktemp())}
        paths["users"].write_text(users, encoding="utf-8")
        paths["rules"].write_text(self.rules, encoding="utf-8")
        return {name: str(path) for name, path in paths.items()}

    def make_authorizer(self) -> HtpasswdSecurity:
        """As the drop-in makes it."""
        return make(auth_context(NowPools()), self.options())

    make_credential_store = make_authorizer

    def test_star(self) -> None:
        """A star is every user, operation, resource and name."""
        self.rules = "* * * *\n"
        self.assertEqual([True], self.authorize(self.successResultOf(self.make_authorizer().verify_password("bob", "bücher & so")), ALTER_CLUSTER))

    def test_options(self) -> None:
        """A missing or unknown option is named, so is a file that is not there."""
        for options, word in (
            ({}, "plugin.auth.htpasswd.users"),
            ({**self.options(), "x": "1"}, "option x"),
            ({**self.options(), "users": "/nowhere/users"}, "/nowhere/users"),
            (self.options("alice:wonderland\n"), "line 1"),
        ):
            message = str(self.assertRaises(ConfigurationError, make, auth_context(NowPools()), options))
            self.assertIn(word, message)
            self.assertNotIn("wonderland", message)

    def test_broken_lines(self) -> None:
        """Lines are refused by number."""
        for text in ("alice read topic\n", "alice reed topic x\n", "alice read tobic x\n"):
            self.assertIn("line 1", str(self.assertRaises(ValueError, parse_rules, text)))
        for text in ("\nalice\n", "\n:{PBKDF2}1$AAAA$AAAA\n", "\nalice:{PBKDF2}0$AAAA$AAAA\n", "\nalice:{PBKDF2}1$?$AAAA\n"):
            self.assertIn("line 2", str(self.assertRaises(ValueError, parse_users, text)))

    def test_rules_keep_order_and_comments_out(self) -> None:
        """Comments and blank lines say nothing."""
        self.assertEqual((Permission("a", "read", "topic", "t"),), parse_rules("# x\n\na read topic t # y\n"))
