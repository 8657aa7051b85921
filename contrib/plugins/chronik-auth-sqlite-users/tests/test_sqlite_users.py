"""The plugin passes the contract of its seam."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import sys
from pathlib import Path
from typing import Any

from chronik_auth_sqlite_users.__main__ import main
from chronik_auth_sqlite_users.database import put_person
from chronik_auth_sqlite_users.store import SqliteUsers, make
from twisted.trial.unittest import SynchronousTestCase

from chronik.defer import Pool
from chronik.errors import ConfigurationError
from chronik.security.scram_keys import SCRAM_HASHES, new_credential
from chronik.testing.auth import auth_context
from chronik.testing.auth_contract import ScramCredentialsContract
from chronik.testing.pools import HeldThreadPools, SynchronousThreadPools

USERS = {"alice": "wonderland", "bob": "bücher & so"}
KEPT = {user: {mechanism: new_credential(mechanism, password) for mechanism in SCRAM_HASHES} for user, password in USERS.items()}


class SqliteUsersTests(ScramCredentialsContract, SynchronousTestCase):
    """The contract, on a database."""

    def database(self) -> str:
        """One with the contract's users."""
        path = self.mktemp()
        put_person(path, "alice", ["analysts", "admins"], KEPT["alice"])
        put_person(path, "bob", [], KEPT["bob"])
        return path

    def store(self, path: str, pools: Any = None) -> SqliteUsers:
        """As the drop-in makes it."""
        store = make(auth_context(pools or SynchronousThreadPools()), {"path": path})
        self.addCleanup(store.close)
        return store

    def make_credential_store(self) -> SqliteUsers:
        """The contract's."""
        return self.store(self.database())

    def test_groups(self) -> None:
        """Who logs in belongs to the groups of the database."""
        found = self.verify("alice", "wonderland")
        assert found is not None
        self.assertEqual({"analysts", "admins"}, set(found.groups))

    def test_changes_count_at_once(self) -> None:
        """Who is changed, made inactive, or deleted is so at the next login; the store has the database open all the while."""
        path = self.database()
        store = self.store(path)
        self.assertIsNotNone(self.wait(store.verify_password("alice", "wonderland")))
        put_person(path, "alice", [], {mechanism: new_credential(mechanism, "other") for mechanism in SCRAM_HASHES})
        self.assertIsNone(self.wait(store.verify_password("alice", "wonderland")))
        self.assertEqual(set(), set(self.wait(store.verify_password("alice", "other")).groups))
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE people SET active = 0 WHERE login = 'alice'")
        self.assertIsNone(self.wait(store.verify_password("alice", "other")))
        self.assertIsNone(self.wait(store.scram_credential("SCRAM-SHA-256", "alice")))
        self.assertEqual(0, main([path, "delete", "bob"]))
        self.assertIsNone(self.wait(store.verify_password("bob", USERS["bob"])))

    def test_nothing_on_the_reactor(self) -> None:
        """The database is asked in a thread of its own, passwords are computed in the pool for that, the same for known and unknown users."""
        path = self.database()
        for user in ("alice", "nobody"):
            pools = HeldThreadPools("sqlite-users", Pool.CPU.value)
            store = make(auth_context(pools), {"path": path})
            done = store.verify_password(user, "wrong")
            work = []
            while pools.waiting:
                work += pools.waiting
                pools.go()
            self.assertIsNone(self.successResultOf(done))
            self.assertEqual(["sqlite-users", "sqlite-users", Pool.CPU.value], work)
            closing = store.close()
            pools.go_on()
            self.successResultOf(closing)

    def test_options(self) -> None:
        """A missing or unknown option, or a file that cannot be used, is named."""
        text, other, readable = Path(self.mktemp()), self.mktemp(), self.database()
        text.write_text("no database, and long enough to look like none" * 10)
        sqlite3.connect(other).execute("CREATE TABLE x (y)").connection.close()
        Path(readable).chmod(0o644)
        for options, word in (
            ({}, "plugin.auth.sqlite-users.path"),
            ({"path": "x", "user": "y"}, "option user"),
            ({"path": "/nowhere/users"}, "/nowhere/users"),
            ({"path": str(text)}, "no database of users"),
            ({"path": other}, "version 0"),
            ({"path": readable}, "chmod 640"),
        ):
            self.assertIn(word, str(self.assertRaises(ConfigurationError, make, auth_context(), options)))


class ToolTests(SynchronousTestCase):
    """``python -m chronik_auth_sqlite_users``."""

    def run_tool(self, *arguments: str, password: str = "") -> tuple[int, str]:
        """Its status, and what it says."""
        said = io.StringIO()
        self.patch(sys, "stdin", io.StringIO(password))
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = main(arguments)
        return status, said.getvalue()

    def test_users(self) -> None:
        """Users are added, listed and deleted; the file is not for others."""
        path = self.mktemp()
        self.assertEqual((0, ""), self.run_tool(path, "add", "alice", "--group", "b", "--group", "a", password="wonderland\n"))
        self.assertEqual(0, Path(path).stat().st_mode & 0o007)
        self.assertEqual((0, "alice\tactive\ta, b\n"), self.run_tool(path, "list"))
        store = make(auth_context(), {"path": path})
        self.assertIsNotNone(self.successResultOf(store.verify_password("alice", "wonderland")))
        self.successResultOf(store.close())
        self.assertEqual((0, ""), self.run_tool(path, "delete", "alice"))
        self.assertEqual((0, ""), self.run_tool(path, "list"))

    def test_refused(self) -> None:
        """What cannot be is said in one line."""
        path = self.mktemp()
        for arguments in ((path, "add", "alice"), (path, "delete", "alice"), ("/nowhere/x", "list")):
            status, said = self.run_tool(*arguments)
            self.assertEqual((1, 1), (status, len(said.splitlines())))
