"""The plugin passes the contracts of its seam, crashes included, and variants of it that lie do not."""

from __future__ import annotations

import os
import sqlite3
import unittest
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from chronik_storage_sqlite.database import Connect, Database, Operation
from chronik_storage_sqlite.options import SqliteOptions
from chronik_storage_sqlite.store import SqliteLogStore
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from chronik.storage.backends import StorageContext
from chronik.storage.filesystem import RealFileSystem
from chronik.storage.interfaces import IFileSystem
from chronik.testing.log_contract import LogContract, LogStoreContract
from chronik.testing.log_crash_contract import LogCrashContract
from chronik.testing.log_disks import DATA, Disk, MemoryDisk, RealDisk
from chronik.testing.pools import SynchronousThreadPools
from chronik.testing.sqlite_disk import SqliteDisk, Unavailable

OPTIONS = SqliteOptions(page_bytes=1024, wal_bytes=1 << 16)
"""Small enough that a test of some records folds the write-ahead log in."""

MakeDatabase = Callable[[str, SqliteOptions, Connect], Database]


def store_over(file_system: IFileSystem, directory: str, clock: Clock, connect: Connect, make: MakeDatabase = Database) -> SqliteLogStore:
    """A store that does everything within the call."""
    pools, times = SynchronousThreadPools(), (clock, clock.seconds)
    context = StorageContext((directory,), file_system, pools, *times, "cluster", 1, 64, 300_000, 60_000, lambda: 86_400_000)
    return SqliteLogStore(context, lambda path: make(path, OPTIONS, connect))


def store_on_disk(directory: str, clock: Clock) -> SqliteLogStore:
    """A store over a real directory."""
    return store_over(RealFileSystem(), directory, clock, sqlite3.connect)


class OnMemory(SynchronousTestCase):
    """Stores over a disk in memory, SQLite's files and all."""

    make_database: MakeDatabase = Database

    def make_disk(self) -> Disk:
        """A disk in memory."""
        return MemoryDisk(self.store_in_memory)

    def store_in_memory(self, file_system: IFileSystem, clock: Clock) -> SqliteLogStore:
        """A store over it."""
        try:
            disk = SqliteDisk(file_system)
        except Unavailable as problem:
            raise SkipTest(str(problem)) from None
        self.addCleanup(disk.close)
        return store_over(file_system, DATA, clock, disk.connect, type(self).make_database)


class SqliteLogTests(LogContract, OnMemory):
    """The contract of logs."""

    def make_store(self, clock: Clock) -> Any:
        """On the disk of this test."""
        return self.make_disk().make_store(clock)


class SqliteLogStoreTests(LogStoreContract, OnMemory):
    """The contract of stores."""

    def make_store(self, clock: Clock) -> Any:
        """On the disk of this test."""
        if not hasattr(self, "disk"):
            self.disk = self.make_disk()
        return self.disk.make_store(clock)


class SqliteCrashTests(LogCrashContract, OnMemory):
    """What a power cut leaves."""

    make_disk = OnMemory.make_disk


class RealSqliteLogTests(LogContract, SynchronousTestCase):
    """The contract of logs, over real files."""

    def make_store(self, clock: Clock) -> Any:
        """In a directory of its own."""
        return store_on_disk(os.path.abspath(self.mktemp()), clock)


class RealSqliteCrashTests(LogCrashContract, SynchronousTestCase):
    """What a killed process leaves."""

    histories = 5

    def make_disk(self) -> Disk:
        """A directory."""
        return RealDisk(store_on_disk)


# -- variants that lie ------------------------------------------------------------------------------------------------------


class EarlyDatabase(Database):
    """Answers before it commits: each transaction stays open until the next one comes."""

    def _transaction(self, writer: sqlite3.Connection, operations: Sequence[Operation]) -> list[Any]:
        if writer.in_transaction:
            writer.execute("COMMIT")
        writer.execute("BEGIN IMMEDIATE")
        return [operation(writer) for operation in operations]

    def reading(self) -> Any:
        """Read what is not committed, so that nobody notices while all goes well."""
        database = self

        class Reading:
            def __enter__(self) -> Any:
                return database._writer

            def __exit__(self, *_: object) -> None:
                """Keep it."""

        return Reading()

    def close(self) -> None:
        """Commit at last."""
        if self._writer is not None and self._writer.in_transaction:
            self._writer.execute("COMMIT")
        super().close()


class UnsyncedDatabase(Database):
    """Commits without a sync at each commit."""

    synchronous = "NORMAL"


class CarelessDatabase(Database):
    """Commits without any sync."""

    synchronous = "OFF"


def failures_of(case: type[SynchronousTestCase]) -> set[str]:
    """The tests of a class that fail."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    return {test.id().rpartition(".")[2] for test, _ in (*result.failures, *result.errors)}


class HonestyTests(SynchronousTestCase):
    """The contract of crashes tells a store that acknowledges too early."""

    def failing(self, make: MakeDatabase) -> set[str]:
        """The crash tests that a variant fails; it passes all others."""

        class LogTests(LogContract, OnMemory):
            make_database = make

            def make_store(self, clock: Clock) -> Any:
                return self.make_disk().make_store(clock)

        class CrashTests(LogCrashContract, OnMemory):
            make_database = make
            make_disk = OnMemory.make_disk

        self.assertEqual(set(), failures_of(LogTests))
        found = failures_of(CrashTests)
        self.flushLoggedErrors()
        return found

    def test_before_commit(self) -> None:
        """A store that says "flushed" before the commit loses what it said."""
        self.assertLessEqual({"test_crash", "test_appending", "test_random_histories"}, self.failing(EarlyDatabase))

    def test_without_sync(self) -> None:
        """So does one that commits without a sync, where only a power cut tells."""
        for make in (UnsyncedDatabase, CarelessDatabase):
            self.assertLessEqual({"test_crash", "test_appending", "test_random_histories"}, self.failing(make))

    def test_crash_differs_by_seed(self) -> None:
        """The disk really loses something: without syncs, crashes of one moment leave different things."""
        disk = MemoryDisk(lambda files, clock: None)
        databases = SqliteDisk(disk.file_system)
        self.addCleanup(databases.close)
        connection = databases.connect(f"{DATA}/x", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE t (n)")
        for n in range(100):
            connection.execute("INSERT INTO t VALUES (?)", (n,))
        counts = set()
        for seed in range(20):
            other = SqliteDisk(disk.file_system.crashed(Random(seed)))
            self.addCleanup(other.close)
            table = other.connect(f"{DATA}/x").execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            counts.add(table and other.connect(f"{DATA}/x").execute("SELECT count(*) FROM t").fetchone()[0])
        self.assertGreater(len(counts), 2)
        self.assertIn(100, counts)
