"""The database: its schema, what the broker asks it, and what its tool changes. Everything here blocks."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from chronik.security.interfaces import ScramCredential

VERSION: Final = 1
"""Of the schema, kept as the database's ``user_version``."""

BUSY_SECONDS: Final = 5.0
"""How long somebody who writes is waited for."""

SCHEMA: Final = """
CREATE TABLE people (login TEXT PRIMARY KEY, active INTEGER NOT NULL DEFAULT 1) STRICT;
CREATE TABLE memberships (
    login TEXT NOT NULL REFERENCES people ON DELETE CASCADE, team TEXT NOT NULL, PRIMARY KEY (login, team)
) STRICT, WITHOUT ROWID;
CREATE TABLE secrets (
    login TEXT NOT NULL REFERENCES people ON DELETE CASCADE, mechanism TEXT NOT NULL,
    salt BLOB NOT NULL, iterations INTEGER NOT NULL, stored_key BLOB NOT NULL, server_key BLOB NOT NULL,
    PRIMARY KEY (login, mechanism)
) STRICT;
"""

_CREDENTIAL: Final = "salt, iterations, stored_key, server_key"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may log in."""

    login: str
    teams: frozenset[str]
    credentials: Mapping[str, ScramCredential]


def problem_with(path: str) -> str | None:
    """Why a file cannot be the users' database; None when it can."""
    try:
        mode = os.stat(path).st_mode
        with closing(_open(path, "ro")) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
    except OSError as error:
        return f"cannot read {path}: {error.strerror}"
    except sqlite3.Error as error:
        return f"{path} is no database of users: {error}"
    if version != VERSION:
        return f"{path} has version {version} of the schema of users, {VERSION} is known; make one with: python -m chronik_auth_sqlite_users"
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        return f"{path} has secrets, and everybody on this machine can use it: chmod 640 {path}"
    return None


class UserDatabase:
    """What is asked. All of it runs in one thread, which has the one connection."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def person(self, login: str) -> Person | None:
        """Somebody by name, None for nobody and for who is not active."""
        connection = self._connect()
        if connection.execute("SELECT 1 FROM people WHERE login = ? AND active", (login,)).fetchone() is None:
            return None
        teams = frozenset(team for (team,) in connection.execute("SELECT team FROM memberships WHERE login = ?", (login,)))
        rows = connection.execute(f"SELECT mechanism, {_CREDENTIAL} FROM secrets WHERE login = ?", (login,))
        return Person(login, teams, {mechanism: ScramCredential(*fields) for mechanism, *fields in rows})

    def credential(self, mechanism: str, login: str) -> ScramCredential | None:
        """What is kept of the password of somebody who is active."""
        question = f"SELECT {_CREDENTIAL} FROM secrets JOIN people USING (login) WHERE active AND login = ? AND mechanism = ?"
        row = self._connect().execute(question, (login, mechanism)).fetchone()
        return None if row is None else ScramCredential(*row)

    def sample(self, mechanism: str, number: int) -> ScramCredential | None:
        """Somebody's credential, chosen by a number."""
        connection = self._connect()
        (count,) = connection.execute("SELECT count(*) FROM secrets WHERE mechanism = ?", (mechanism,)).fetchone()
        if not count:
            return None
        question = f"SELECT {_CREDENTIAL} FROM secrets WHERE mechanism = ? ORDER BY login LIMIT 1 OFFSET ?"
        return ScramCredential(*connection.execute(question, (mechanism, number % count)).fetchone())

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _open(self._path, "ro")
        return self._connection


def put_person(path: str, login: str, teams: Iterable[str], credentials: Mapping[str, ScramCredential]) -> None:
    """Make somebody, or change who is there; the database is made where there is none."""
    if not os.path.exists(path):
        Path(path).touch(mode=0o640)
    with closing(_open(path, "rw")) as connection, connection:
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            connection.executescript(f"{SCHEMA} PRAGMA user_version = {VERSION};")
        connection.execute("INSERT INTO people (login) VALUES (?) ON CONFLICT (login) DO UPDATE SET active = 1", (login,))
        connection.execute("DELETE FROM memberships WHERE login = ?", (login,))
        connection.executemany("INSERT INTO memberships VALUES (?, ?)", [(login, team) for team in sorted(set(teams))])
        rows = [(login, mechanism, each.salt, each.iterations, each.stored_key, each.server_key) for mechanism, each in credentials.items()]
        connection.executemany("INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?, ?, ?)", rows)


def delete_person(path: str, login: str) -> bool:
    """Delete somebody; whether there was anybody."""
    with closing(_open(path, "rw")) as connection, connection:
        return connection.execute("DELETE FROM people WHERE login = ?", (login,)).rowcount > 0


def people(path: str) -> list[tuple[str, bool, str]]:
    """Everybody: name, whether active, and teams."""
    teams = "SELECT group_concat(team, ', ') FROM memberships WHERE memberships.login = people.login"
    question = f"SELECT login, active, ({teams}) FROM people ORDER BY login"
    with closing(_open(path, "ro")) as connection:
        return [(login, bool(active), found or "") for login, active, found in connection.execute(question)]


def _open(path: str, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(os.path.abspath(path))}?mode={mode}", uri=True, timeout=BUSY_SECONDS)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection
