"""``python -m chronik_auth_sqlite_users DATABASE add|delete|list``: who may log in."""

from __future__ import annotations

import argparse
import getpass
import sqlite3
import sys
from collections.abc import Sequence

from chronik.security.sasl.saslprep import saslprep
from chronik.security.scram_keys import SCRAM_HASHES, new_credential
from chronik_auth_sqlite_users.database import delete_person, people, put_person


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m chronik_auth_sqlite_users")
    parser.add_argument("database")
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="add a user, or give one another password and other groups")
    add.add_argument("name")
    add.add_argument("--group", action="append", default=[], help="may be repeated")
    actions.add_parser("delete", help="delete a user").add_argument("name")
    actions.add_parser("list", help="print everybody")
    options = parser.parse_args(arguments)
    try:
        return {"add": _add, "delete": _delete, "list": _list}[options.action](options)
    except (OSError, sqlite3.Error, ValueError) as error:
        print(f"{options.database}: {error}", file=sys.stderr)
        return 1


def _add(options: argparse.Namespace) -> int:
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not password:
        raise ValueError("the password is empty")
    credentials = {mechanism: new_credential(mechanism, saslprep(password)) for mechanism in SCRAM_HASHES}
    put_person(options.database, saslprep(options.name), options.group, credentials)
    return 0


def _delete(options: argparse.Namespace) -> int:
    if delete_person(options.database, saslprep(options.name)):
        return 0
    raise ValueError(f"there is no {options.name}")


def _list(options: argparse.Namespace) -> int:
    for login, active, teams in people(options.database):
        print("\t".join((login, "active" if active else "not active", teams)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
