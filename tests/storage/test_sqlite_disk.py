"""SQLite on a file system in memory: what tests of such stores rest on."""

from __future__ import annotations

import errno
import sqlite3
from random import Random
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.sqlite_disk import SqliteDisk, Unavailable

PATH = "/data/a database.sqlite"


class SqliteDiskTests(SynchronousTestCase):
    """Databases on a disk in memory."""

    def setUp(self) -> None:
        """Make the disk."""
        self.files = MemoryFileSystem(Random(0))
        self.files.make_directory("/data")
        self.files.sync_file_system("/")

    def connect(self, files: MemoryFileSystem | None = None) -> sqlite3.Connection:
        """A connection of its own to the database."""
        try:
            disk = SqliteDisk(files or self.files)
        except Unavailable as problem:
            raise SkipTest(str(problem)) from None
        self.addCleanup(disk.close)
        return disk.connect(PATH, isolation_level=None, timeout=0)

    def filled(self, mode: str, synchronous: str) -> sqlite3.Connection:
        """A connection that wrote a hundred rows."""
        connection = self.connect()
        connection.execute("PRAGMA page_size = 512")
        self.assertEqual((mode,), connection.execute(f"PRAGMA journal_mode = {mode}").fetchone())
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("CREATE TABLE t (n, filler)")
        for n in range(100):
            connection.execute("INSERT INTO t VALUES (?, ?)", (n, bytes(50)))
        return connection

    def counts_after_crashes(self) -> list[int]:
        """How many rows crashes of this moment leave; -1 where the database is damaged."""
        found = []
        for seed in range(20):
            connection = self.connect(self.files.crashed(Random(seed)))
            try:
                (count,) = connection.execute("SELECT count(*) FROM t").fetchone()
                self.assertEqual(("ok",), connection.execute("PRAGMA integrity_check").fetchone())
                found.append(count)
            except (sqlite3.DatabaseError, self.failureException):
                found.append(-1)
        return found

    def test_committed(self) -> None:
        """What SQLite syncs at a commit is there after every crash, in each of its ways to commit."""
        for mode, synchronous in (("wal", "FULL"), ("delete", "EXTRA"), ("truncate", "FULL"), ("persist", "FULL")):
            self.setUp()
            self.filled(mode, synchronous)
            self.assertEqual([100] * 20, self.counts_after_crashes(), mode)

    def test_documented_gap(self) -> None:
        """With FULL a journal's removal is not synced, so the last transaction may be undone, as SQLite's documentation of EXTRA says."""
        self.filled("delete", "FULL")
        self.assertEqual({99, 100}, set(self.counts_after_crashes()))

    def test_uncommitted(self) -> None:
        """A transaction that is open when the machine stops was never begun."""
        connection = self.filled("wal", "FULL")
        connection.execute("PRAGMA cache_size = 2")
        connection.execute("BEGIN")
        for n in range(1000):
            connection.execute("INSERT INTO t VALUES (?, ?)", (n, bytes(50)))
        self.assertGreater(self.files.size(PATH + "-wal"), 50_000)
        self.assertEqual([100] * 20, self.counts_after_crashes())

    def test_unsynced(self) -> None:
        """What is not synced is lost, or torn, in more than one way."""
        self.filled("wal", "OFF")
        found = set(self.counts_after_crashes())
        self.assertGreater(len(found), 2)
        self.assertIn(-1, found)

    def test_errors(self) -> None:
        """What the disk says reaches who asked: full is full, anything else an I/O error."""
        connection = self.filled("wal", "FULL")
        for operation, number, code in (
            ("write", errno.ENOSPC, sqlite3.SQLITE_FULL),
            ("write", errno.EIO, sqlite3.SQLITE_IOERR),
            ("sync", errno.EIO, sqlite3.SQLITE_IOERR),
        ):
            self.files.fail(operation, PATH + "-wal", number)
            error: Any = self.assertRaises(sqlite3.OperationalError, connection.execute, "INSERT INTO t VALUES (0, 0)")
            self.assertEqual(code, error.sqlite_errorcode & 0xFF)
        connection.execute("INSERT INTO t VALUES (0, 0)")
        self.assertEqual((101,), connection.execute("SELECT count(*) FROM t").fetchone())

    def test_locks(self) -> None:
        """Connections exclude each other as on any disk: one writes, others read what was before."""
        for mode in ("wal", "delete"):
            self.setUp()
            writer, other = self.filled(mode, "FULL"), self.connect()
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("DELETE FROM t")
            self.assertEqual((100,), other.execute("SELECT count(*) FROM t").fetchone())
            self.assertRaises(sqlite3.OperationalError, other.execute, "INSERT INTO t VALUES (0, 0)")
            writer.execute("COMMIT")
            other.execute("INSERT INTO t VALUES (0, 0)")
            self.assertEqual((1,), writer.execute("SELECT count(*) FROM t").fetchone())

    def test_several_disks(self) -> None:
        """The same path on two disks is two databases."""
        self.filled("wal", "FULL")
        other = MemoryFileSystem()
        other.make_directory("/data")
        self.assertEqual((0,), self.connect(other).execute("SELECT count(*) FROM sqlite_schema").fetchone())
