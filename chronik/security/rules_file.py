"""Reading the TOML file of users and rules. Every complaint names the file, the table and the field."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chronik.errors import ConfigurationError
from chronik.security.acl.hosts import EVERYWHERE
from chronik.security.acl.patterns import WILDCARD
from chronik.security.acl.validation import acl_problem
from chronik.security.interfaces import CLUSTER_NAME, AclBinding, Operation, PatternType, Permission, ResourceType
from chronik.security.passwords import PasswordHash, parse_hash

_FIELDS: Final = ("principal", "host", "operation", "resource", "name", "pattern", "permission")
_OPERATIONS: Final = {each.name.lower(): each for each in Operation if each not in (Operation.UNKNOWN, Operation.ANY)}
_RESOURCES: Final = {each.name.lower(): each for each in ResourceType if each not in (ResourceType.UNKNOWN, ResourceType.ANY)}
_PATTERNS: Final = {"literal": PatternType.LITERAL, "prefixed": PatternType.PREFIXED}
_PERMISSIONS: Final = {"allow": Permission.ALLOW, "deny": Permission.DENY}


@dataclass(frozen=True, slots=True)
class UsersAndRules:
    """What the file says."""

    users: Mapping[str, PasswordHash]
    rules: tuple[AclBinding, ...]


class _Wrong(Exception):
    """What is wrong in one table."""


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
        _check_fields(table)
        resource_type = _choice(table, "resource", _RESOURCES)
        pattern = _choice(table, "pattern", _PATTERNS, "literal")
        name = table.get("name", CLUSTER_NAME if resource_type is ResourceType.CLUSTER else None)
        if not name:
            raise _Wrong("name is missing; it is the resource's name, * for every one")
        if pattern is PatternType.PREFIXED and name == WILDCARD:
            raise _Wrong('pattern = "prefixed" with name = "*" would match names that begin with a star; leave pattern out')
        rule = AclBinding(
            resource_type,
            pattern,
            name,
            _principal(table),
            table.get("host", EVERYWHERE),
            _choice(table, "operation", _OPERATIONS),
            _choice(table, "permission", _PERMISSIONS, "allow"),
        )
        problem = acl_problem(rule)
        if problem is not None:
            raise _Wrong(problem)
        return rule
    except _Wrong as problem:
        raise ConfigurationError(f"{path}: [[rules]] number {number}: {problem}") from None


def _check_fields(table: Mapping[str, Any]) -> None:
    for field, value in table.items():
        if field not in _FIELDS:
            raise _Wrong(f"there is no field {field}; fields are {', '.join(_FIELDS)}")
        if not isinstance(value, str):
            raise _Wrong(f"{field} must be a text in quotes")


def _principal(table: Mapping[str, Any]) -> str:
    principal: str = table.get("principal", "")
    kind, separator, name = principal.partition(":")
    if not (kind and separator and name):
        raise _Wrong(f"principal is {principal!r}; write User:NAME, User:ANONYMOUS for whoever has no credentials, or User:*")
    return principal


def _choice(table: Mapping[str, Any], field: str, choices: Mapping[str, Any], default: str | None = None) -> Any:
    text = table.get(field, default)
    if text is None:
        raise _Wrong(f"{field} is missing; it is one of {', '.join(choices)}")
    found = choices.get(text.lower().replace("-", "_"))
    if found is None:
        raise _Wrong(f"{field} is {text!r}; it is one of {', '.join(choices)}")
    return found
