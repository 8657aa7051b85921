"""Users for tests of mechanisms, and how often anything is computed for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from chronik.security.interfaces import ICredentialStore, IScramCredentials, Principal, ScramCredential
from chronik.security.logins import FailedLogins, PasswordLogins
from chronik.security.sasl.scram import ScramMechanism
from chronik.security.scram_keys import new_credential

ALICE = Principal("User", "alice")
PASSWORD = "wonderland"

_KEPT = {
    (mechanism, "alice"): new_credential(mechanism, PASSWORD, lambda count: bytes(range(count))) for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
}


@implementer(ICredentialStore, IScramCredentials)
class Users:
    """Knows alice, and whoever a test adds.

    :ivar asked: what was asked for, in order.
    """

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], ScramCredential] = dict(_KEPT)
        self.asked: list[str] = []
        self.held: list[Deferred[None]] | None = None
        self.error: Exception | None = None

    def verify_password(self, user: str, password: str) -> Deferred[Principal | None]:
        """Compare them, at once or when the test says so."""
        self.asked.append(user)
        if self.error is not None:
            raise self.error
        answer = ALICE if (user, password) == ("alice", PASSWORD) else None
        if self.held is None:
            return succeed(answer)
        waiting: Deferred[None] = Deferred()
        self.held.append(waiting)
        return waiting.addCallback(lambda _: answer)

    def scram_credential(self, mechanism: str, user: str) -> Deferred[ScramCredential | None]:
        """What is kept."""
        self.asked.append(user)
        return succeed(self.kept.get((mechanism, user)))

    def scram_sample(self, mechanism: str, number: int) -> Deferred[ScramCredential | None]:
        """One of what is kept."""
        found = [kept for (name, _), kept in sorted(self.kept.items(), key=str) if name == mechanism]
        return succeed(found[number % len(found)] if found else None)

    def scram_principal(self, user: str) -> Deferred[Principal]:
        """The user."""
        return succeed(Principal("User", user))

    def close(self) -> Deferred[None]:
        """Nothing to do."""
        return succeed(None)


def failures(clock: Any = None, per_address: int = 1000, per_user: int = 1000) -> FailedLogins:
    """Limits that do not disturb."""
    return FailedLogins(clock or Clock(), lambda: per_address, lambda: per_user)


def logins(users: Users, clock: Any = None, limits: FailedLogins | None = None) -> PasswordLogins:
    """Logins of these users."""
    clock = clock or Clock()
    return PasswordLogins(users, failures(clock) if limits is None else limits, clock, b"secret")


def scram(
    users: Users, name: str = "SCRAM-SHA-256", random: Callable[[int], bytes] = bytes, limits: FailedLogins | None = None, tokens: Any = None
) -> ScramMechanism:
    """A mechanism of these users."""
    return ScramMechanism(name, users, failures() if limits is None else limits, random, lambda: b"secret", tokens)
