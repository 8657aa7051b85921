"""The backend: two interfaces on two files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from zope.interface import implementer

from chronik.defer import IThreadPools, Pool, deferred
from chronik.errors import ConfigurationError
from chronik.security.interfaces import BROKER, SOME, Action, AuthContext, IAuthorizer, ICredentialStore, Operation, Principal, ResourceType
from chronik_auth_htpasswd.users import NOBODY, Secret, parse_users

T = TypeVar("T")

EVERY: Final = "*"


@dataclass(frozen=True, slots=True)
class Permission:
    """One line of the rules file; ``*`` stands for every user, operation, resource or name."""

    user: str
    operation: str
    resource: str
    name: str

    def allows(self, user: str, action: Action) -> bool:
        """Whether the line allows this. Reading and writing let one see that the thing exists, too; any name will do for SOME."""
        asked = {action.operation.name.lower()}
        if action.operation is Operation.DESCRIBE:
            asked |= {"read", "write"}
        return (
            self.user in (EVERY, user)
            and (self.operation == EVERY or self.operation in asked)
            and self.resource in (EVERY, action.resource_type.name.lower())
            and (self.name in (EVERY, action.name) or action.name is SOME)
        )


def parse_rules(text: str) -> tuple[Permission, ...]:
    """The permissions of a file's text.

    :raises ValueError: a line cannot be understood; says which and why.
    """
    operations = {each.name.lower() for each in Operation} | {EVERY}
    resources = {each.name.lower() for each in ResourceType} | {EVERY}
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 4:
            raise ValueError(f"line {number} is not USER OPERATION RESOURCE NAME")
        if words[1] not in operations or words[2] not in resources:
            raise ValueError(f"line {number} has an operation or a resource that Kafka does not know")
        found.append(Permission(*words))
    return tuple(found)


@implementer(IAuthorizer, ICredentialStore)
class HtpasswdSecurity:
    """Decides by the rules file and checks passwords by the users file.

    :param pools: where hashes are computed: never on the reactor's thread.
    """

    def __init__(self, users: Mapping[str, Secret], rules: Sequence[Permission], pools: IThreadPools) -> None:
        self._users = users
        self._rules = rules
        self._pools = pools

    @deferred
    async def authorize(self, principal: Principal, host: str, actions: Sequence[Action]) -> Sequence[bool]:
        """Whether each action is allowed by some line."""
        rules = self._rules if principal.kind == "User" else ()
        return [principal == BROKER or any(rule.allows(principal.name, action) for rule in rules) for action in actions]

    @deferred
    async def verify_password(self, user: str, password: str) -> Principal | None:
        """The user when the password is right, else None."""
        known = self._users.get(user)
        right: bool = await self._pools.run(Pool.CPU, (known or NOBODY).matches, password)
        return Principal("User", user) if known is not None and right else None

    @deferred
    async def close(self) -> None:
        """It holds nothing."""


def make(context: AuthContext, options: Mapping[str, str]) -> HtpasswdSecurity:
    """What the drop-in names: makes the backend of its options.

    :raises ConfigurationError: an option is missing or unknown, or a file cannot be used.
    """
    for name in options.keys() - {"users", "rules"}:
        raise ConfigurationError(f"auth:htpasswd has no option {name}; its options are users and rules")
    return HtpasswdSecurity(_read(options, "users", parse_users), _read(options, "rules", parse_rules), context.pools)


def _read(options: Mapping[str, str], name: str, parse: Callable[[str], T]) -> T:
    path = options.get(name)
    if not path:
        raise ConfigurationError(f"auth:htpasswd needs a file: set plugin.auth.htpasswd.{name}")
    try:
        return parse(Path(path).read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigurationError(f"cannot read {path} (plugin.auth.htpasswd.{name}): {problem.strerror}") from None
    except ValueError as problem:
        raise ConfigurationError(f"{path}: {problem}") from None
