"""One log directory in use: its lock, its database, who commits to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from chronik.errors import ChronikError
from chronik_storage_sqlite.commits import GroupCommitter
from chronik_storage_sqlite.database import Database, WrongDatabase, path_in
from chronik_storage_sqlite.state import KnownLog, load_known

if TYPE_CHECKING:
    from chronik.defer import IThreadPools, IWorker
    from chronik.storage.backends import StorageContext
    from chronik.storage.interfaces import ILock

LOCK: Final = ".lock"
"""Held by the broker that uses the directory, whatever its log store."""

SEGMENT_STORE_FILE: Final = "meta.properties"
"""There when the segment store has used the directory: this one would begin with empty logs beside its data."""

FREE_PAGES_SHARE: Final = 4
"""Room is given back to the file system once one page in so many is free."""

VACUUM_PAGES: Final = 512
"""How many pages are given back in one transaction."""

MakeDatabase: TypeAlias = Callable[[str], Database]


class Home:
    """A directory.

    :param lock: on it.
    :param broken: called when its disk failed.
    :ivar logs: how many logs it has.
    :ivar failure: what its disk failed with, None while it did not.
    """

    def __init__(
        self, path: str, lock: ILock, database: Database, context: StorageContext, worker: IWorker, broken: Callable[[Home, BaseException], None]
    ) -> None:
        self.path = path
        self.lock = lock
        self.database = database
        self.pools: IThreadPools = context.pools
        self.clock = context.clock
        self.wall_clock = context.wall_clock
        self.worker = worker
        self.committer = GroupCommitter(database, worker, context.clock, lambda reason: broken(self, reason))
        self.logs = 0
        self.failure: str | None = None

    def now_ms(self) -> int:
        """The time of day, which timestamps are compared with."""
        return int(self.wall_clock() * 1000)

    def find(self) -> tuple[list[KnownLog], list[int]]:
        """In a thread: the logs there are, and the ids of those that are being removed."""
        with self.database.reading() as connection:
            return load_known(connection)

    def leave(self) -> None:
        """In a thread, when nothing writes any more."""
        try:
            self.database.close()
        finally:
            self.lock.release()


def take(path: str, context: StorageContext, make_database: MakeDatabase) -> tuple[ILock, Database]:
    """In a thread: make, lock and open a directory.

    :raises ChronikError: it cannot be used.
    """
    files = context.file_system
    try:
        files.make_directory(path)
        lock: ILock = files.lock(os.path.join(path, LOCK))
    except BlockingIOError:
        raise ChronikError(f"log directory {path} is in use by another broker: stop that one, or choose another with log.dirs") from None
    except OSError as error:
        raise ChronikError(f"log directory {path} cannot be used: {error.strerror or error}; choose another with log.dirs") from None
    try:
        return lock, _open(path, context, make_database)
    except BaseException as error:
        lock.release()
        if isinstance(error, sqlite3.Error | OSError | WrongDatabase):
            raise ChronikError(f"log directory {path} cannot be used: {error}") from error
        raise


def _open(path: str, context: StorageContext, make_database: MakeDatabase) -> Database:
    files = context.file_system
    if files.exists(os.path.join(path, SEGMENT_STORE_FILE)):
        raise ChronikError(f"log directory {path} holds logs of log.store=segment: choose another with log.dirs")
    database = make_database(path_in(path))
    database.open()
    try:
        # SQLite syncs what is in its file, not the file's name.
        files.sync_directory(path)
        files.sync_directory(os.path.dirname(path))
        database.write([lambda connection: _identify(connection, path, context)])
    except BaseException:
        database.close()
        raise
    return database


def _identify(connection: sqlite3.Connection, path: str, context: StorageContext) -> None:
    """Note whose it is, or check that."""
    row = connection.execute("SELECT cluster_id, broker_id FROM identity").fetchone()
    if row is None:
        connection.execute("INSERT INTO identity VALUES (?, ?)", (context.cluster_id, context.broker_id))
    elif row[0] != context.cluster_id:
        raise ChronikError(f"log directory {path} belongs to cluster {row[0]}, not to {context.cluster_id}: choose another with log.dirs")
    elif row[1] != context.broker_id:
        raise ChronikError(f"log directory {path} belongs to broker {row[1]}, this one is {context.broker_id} (node.id)")


def give_back_room(connection: sqlite3.Connection) -> bool:
    """An operation that cuts some free pages off the file; whether it should be done again."""
    (free,), (pages,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("freelist_count", "page_count"))
    if free * FREE_PAGES_SHARE < pages or free < VACUUM_PAGES:
        return False
    for _ in range(VACUUM_PAGES):
        # Python's module takes one step of this statement, which frees one page, however many are asked for.
        connection.execute("PRAGMA incremental_vacuum(1)")
    return True
