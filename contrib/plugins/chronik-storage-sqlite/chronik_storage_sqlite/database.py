"""One directory's database: its tables, the connection that writes, and those that read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from chronik_storage_sqlite.options import SqliteOptions

DATABASE: Final = "chronik-log.sqlite3"
"""Name of the file in a log directory; SQLite keeps ``-wal`` and ``-shm`` beside it."""

APPLICATION_ID: Final = 0x43684C67
"""``PRAGMA application_id``: whose file it is."""

SCHEMA_VERSION: Final = 1
"""``PRAGMA user_version``."""

BUSY_SECONDS: Final = 5.0
"""How long to wait for another program that looks into the database."""

TABLES: Final = (
    "CREATE TABLE identity (cluster_id TEXT NOT NULL, broker_id INTEGER NOT NULL)",
    # A log that is being removed has no name any more; one that was set aside has it in "stray".
    # AUTOINCREMENT: an id is never used again while something still reads by it.
    ("CREATE TABLE logs (id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT, partition INTEGER, topic_id BLOB NOT NULL, "
    "start_offset INTEGER NOT NULL DEFAULT 0, clean INTEGER NOT NULL DEFAULT 0, stray TEXT, UNIQUE (topic, partition))"),
    ("CREATE TABLE batches (id INTEGER PRIMARY KEY, log_id INTEGER NOT NULL, base_offset INTEGER NOT NULL, last_offset INTEGER NOT NULL, "
    "leader_epoch INTEGER NOT NULL, base_timestamp INTEGER NOT NULL, max_timestamp INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL)"),
    # Rows keep the order in which they came, the index that of offsets. It answers all but the bytes.
    "CREATE INDEX batch_places ON batches (log_id, base_offset, last_offset, max_timestamp, size)",
    ("CREATE TABLE extents (log_id INTEGER NOT NULL, base_offset INTEGER NOT NULL, end_offset INTEGER, size INTEGER NOT NULL DEFAULT 0, "
    "first_timestamp INTEGER NOT NULL DEFAULT -1, max_timestamp INTEGER NOT NULL DEFAULT -1, created_ms INTEGER NOT NULL, "
    "PRIMARY KEY (log_id, base_offset)) WITHOUT ROWID"),
    ("CREATE TABLE leader_epochs (log_id INTEGER NOT NULL, epoch INTEGER NOT NULL, start_offset INTEGER NOT NULL, "
    "PRIMARY KEY (log_id, epoch)) WITHOUT ROWID"),
    ("CREATE TABLE producer_batches (log_id INTEGER NOT NULL, producer_id INTEGER NOT NULL, last_offset INTEGER NOT NULL, "
    "producer_epoch INTEGER NOT NULL, base_sequence INTEGER NOT NULL, offset_delta INTEGER NOT NULL, timestamp INTEGER NOT NULL, "
    "PRIMARY KEY (log_id, producer_id, last_offset)) WITHOUT ROWID"),
)

Operation: TypeAlias = Callable[[sqlite3.Connection], Any]
"""A part of a transaction; its result is told once that is committed."""

Connect: TypeAlias = Callable[..., sqlite3.Connection]
"""``sqlite3.connect``, or another way to a database of that path."""


class WrongDatabase(Exception):
    """A file that is no database of this store."""


class Database:
    """The database of one log directory.

    :meth:`write` is called by one thread at a time, always for the same connection; :meth:`reading` by any, each with a connection of its own.

    :param path: of the file.
    """

    def __init__(self, path: str, options: SqliteOptions, connect: Connect = sqlite3.connect) -> None:
        self.path = path
        self._options = options
        self._connect = connect
        self._writer: sqlite3.Connection | None = None
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    # -- beginning and end --------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open it, recovering what SQLite has to recover, or make it.

        :raises WrongDatabase: the file is another program's, or of a later version.
        :raises sqlite3.Error: the disk refuses, or the file is damaged.
        """
        writer = self._connection()
        try:
            self._prepare(writer)
        except BaseException:
            writer.close()
            raise
        self._writer = writer

    def _connection(self) -> sqlite3.Connection:
        # Connections are handed from thread to thread, never used by two at once.
        connection = self._connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA cache_size = -{self._options.cache_bytes >> 10}")
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    def _prepare(self, writer: sqlite3.Connection) -> None:
        (application,), (version,) = (writer.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version"))
        new = not writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if not new and (application, version) != (APPLICATION_ID, SCHEMA_VERSION):
            raise WrongDatabase(f"{self.path} is no log database of version {SCHEMA_VERSION}: move it away, or choose another directory")
        if new:
            writer.execute(f"PRAGMA page_size = {self._options.page_bytes}")
            writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
        (mode,) = writer.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise WrongDatabase(f"{self.path} cannot have a write-ahead log, its journal mode stays {mode}: choose a directory on a local disk")
        # Every commit is synced before it counts. What is deleted need not be overwritten.
        writer.execute(f"PRAGMA synchronous = {self.synchronous}")
        writer.execute("PRAGMA secure_delete = OFF")
        (page_bytes,) = writer.execute("PRAGMA page_size").fetchone()
        writer.execute(f"PRAGMA wal_autocheckpoint = {max(1, self._options.wal_bytes // page_bytes)}")
        writer.execute(f"PRAGMA journal_size_limit = {self._options.wal_bytes}")
        if new:
            self._transaction(writer, [_create])

    synchronous: str = "FULL"
    """``PRAGMA synchronous``."""

    def close(self) -> None:
        """Fold the write-ahead log in and close everything; calling again does nothing."""
        self._closed = True
        writer, self._writer = self._writer, None
        for connection in self._idle:
            connection.close()
        if writer is not None:
            writer.close()

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, operations: Sequence[Operation]) -> list[Any]:
        """Do the operations in one transaction, on disk when this returns; their results.

        :raises sqlite3.Error: nothing of them was done.
        """
        writer = self._writer
        if writer is None:
            raise sqlite3.ProgrammingError("the database was closed")
        return self._transaction(writer, operations)

    def _transaction(self, writer: sqlite3.Connection, operations: Sequence[Operation]) -> list[Any]:
        writer.execute("BEGIN IMMEDIATE")
        try:
            results = [operation(writer) for operation in operations]
            writer.execute("COMMIT")
        except BaseException:
            if writer.in_transaction:  # SQLite may have taken it back by itself
                writer.execute("ROLLBACK")
            raise
        return results

    # -- reading ------------------------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for one look at what is committed. There are as many as were ever in use at once."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connection()
        try:
            yield connection
        finally:
            self._idle.append(connection)
            if self._closed:
                self._idle.pop().close()


def _create(writer: sqlite3.Connection) -> None:
    for statement in TABLES:
        writer.execute(statement)
    writer.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    writer.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def path_in(directory: str) -> str:
    """Of a log directory's database."""
    return os.path.join(directory, DATABASE)
