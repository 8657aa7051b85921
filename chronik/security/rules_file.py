"""Reading the TOML file of users and rules. Every complaint names the file, the table and the field."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chronik.errors import ConfigurationError
from chronik.security.acl.words import Wrong, read_acl
from chronik.security.interfaces import AclBinding
from chronik.security.passwords import PasswordHash, parse_hash


@dataclass(frozen=True, slots=True)
class UsersAndRules:
    """What the file says."""

    users: Mapping[str, PasswordHash]
    rules: tuple[AclBinding, ...]


def read_users_and_rules(path: str) -> UsersAndRules:
    """Read the file.

    :raises ConfigurationError: it cannot be read, or something in it cannot be; says where.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as problem:
        raise ConfigurationError(f"cannot read the users and rules in {path}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text") from None
    return parse_users_and_rules(text, path)


def parse_users_and_rules(text: str, path: str) -> UsersAndRules:
    """What a file's text says.

    :param path: for messages.
    :raises ConfigurationError: something in it cannot be; says where.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError(f"{path}: {problem}") from None
    unknown = sorted(tables.keys() - {"users", "rules"})
    if unknown:
        raise ConfigurationError(f"{path}: there is no {unknown[0]} here, only [users] and [[rules]]")
    users = tables.get("users", {})
    if not isinstance(users, dict):
        raise ConfigurationError(f"{path}: users must be one table, [users], with a line USER = HASH for each")
    rules = tables.get("rules", [])
    if not isinstance(rules, list):
        raise ConfigurationError(f"{path}: each rule is a table of its own under [[rules]], with two brackets")
    hashes = {user: _user(path, user, value) for user, value in users.items()}
    return UsersAndRules(hashes, tuple(_rule(path, number, table) for number, table in enumerate(rules, 1)))


def _user(path: str, user: str, value: Any) -> PasswordHash:
    if not isinstance(value, str):
        raise ConfigurationError(f"{path}: [users] {user} must be a password hash in quotes")
    try:
        return parse_hash(value)
    except ValueError as problem:
        raise ConfigurationError(f"{path}: [users] {user} is no password hash: {problem}") from None


def _rule(path: str, number: int, table: Mapping[str, Any]) -> AclBinding:
    try:
        return read_acl(table)
    except Wrong as problem:
        raise ConfigurationError(f"{path}: [[rules]] number {number}: {problem}") from None
