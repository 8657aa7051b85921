"""Brokers that let in who should not be, or let do what may not be done. See :mod:`tests.simulation.variants`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from chronik.security.acl.decisions import Decisions
from chronik.security.logins import PasswordLogins
from chronik.security.sasl.gate import SaslAuthentication
from chronik.server.handlers.fetch import reading


def keep_what_was_allowed() -> None:
    """What was allowed once stays allowed, whatever becomes of the entries and roles that it came of."""

    before = Decisions.decide

    def decide(self: Any, principal: Any, host: str, actions: Sequence[Any]) -> list[bool]:
        allowed = self.__dict__.setdefault("allowed", set())
        named = [(str(principal), action) for action in actions]
        answers = [answer or each in allowed for each, answer in zip(named, before(self, principal, host, actions), strict=True)]
        allowed.update(each for each, answer in zip(named, answers, strict=True) if answer)
        return answers

    Decisions.decide = decide  # type: ignore[method-assign]


def let_anyone_replicate() -> None:
    """Whoever calls itself a replica is one, and is given everything."""
    before = reading._find

    def find(context: Any, name: str, part: Any, replica: Any) -> Any:
        if replica is None or not name:
            return before(context, name, part, replica)
        partition = context.services.partitions.get(name, part.number)
        partition.check_epoch(part.leader_epoch)
        return partition

    reading._find = find


def forget_the_end_of_sessions() -> None:
    """Who does not prove anew who it is stays who it was."""
    before = SaslAuthentication._complete

    def complete(self: SaslAuthentication, login: Any) -> int:
        lifetime_ms = before(self, login)
        self._expires_at = None
        return lifetime_ms

    SaslAuthentication._complete = complete  # type: ignore[method-assign]


def remember_passwords() -> None:
    """A password that was right is right for a while, though it was changed."""
    PasswordLogins.forget = lambda self: None  # type: ignore[method-assign]


def serve_before_the_proof() -> None:
    """Requests are served though nobody knows yet whose they are."""
    SaslAuthentication.frame_bytes_max = lambda self, api_key: 1 << 31  # type: ignore[method-assign,assignment]


ALL: Final[Sequence[Callable[[], None]]] = (
    keep_what_was_allowed,
    let_anyone_replicate,
    forget_the_end_of_sessions,
    remember_passwords,
    serve_before_the_proof,
)
"""Every one."""
