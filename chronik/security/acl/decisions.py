"""Decisions by the index, remembered until what they depend on changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from chronik.config import Configuration
from chronik.errors import ConfigurationError
from chronik.security.acl.hosts import PeerHost, peer_host
from chronik.security.acl.index import AclIndex
from chronik.security.acl.patterns import Patterns, allows, allows_some
from chronik.security.interfaces import BROKER, SOME, Action, Principal, ResourceType

CACHE_KEY: Final = "authorizer.cache.max.entries"

ACTIONS_OF_A_TURN: Final = 2000
"""Actions that are decided in one turn of the reactor: some ten milliseconds, where none of them is remembered."""

_Peer: TypeAlias = tuple[frozenset[str], str]
"""What tells peers of one principal apart: groups and host."""


class _Standing:
    """What one principal at one host may do."""

    __slots__ = ("decided", "host", "patterns")

    def __init__(self, patterns: Mapping[ResourceType, Sequence[Patterns]], host: PeerHost) -> None:
        self.patterns = patterns
        self.host = host
        self.decided: dict[Action, bool] = {}


class Decisions:
    """Who may do what.

    :param index: what is allowed and denied.
    :param config: names super users, says what goes where nothing is said, and bounds what is remembered.
    """

    def __init__(self, index: AclIndex, config: Configuration) -> None:
        self._index = index
        self._super_users = super_users(config.get("super.users"))
        self._open = bool(config.get("allow.everyone.if.no.acl.found"))
        self._entries_max: int = config.get(CACHE_KEY)
        self._standings: dict[str, dict[_Peer, _Standing]] = {}
        self._entries = 0

    @property
    def remembered(self) -> int:
        """How many decisions are."""
        return self._entries

    def configure(self, config: Configuration) -> None:
        """Take what may change at run time."""
        self._entries_max = config.get(CACHE_KEY)
        self._bound()

    def decide(self, principal: Principal, host: str, actions: Sequence[Action]) -> list[bool]:
        """Whether each action is allowed."""
        name = str(principal)
        if principal == BROKER or name in self._super_users:
            return [True] * len(actions)
        standing = self._standing(principal, name, host)
        known = standing.decided
        answers = []
        for action in actions:
            answer = known.get(action)
            if answer is None:
                answer = known[action] = self._decided(standing, action)
                self._entries += 1
            answers.append(answer)
        if self._entries > self._entries_max:
            self._bound()
        return answers

    def answer(self, reactor: IReactorTime, principal: Principal, host: str, actions: Sequence[Action]) -> Deferred[Sequence[bool]]:
        """The same, later where there is so much to decide that nobody should wait for it at a stretch."""
        if len(actions) <= ACTIONS_OF_A_TURN:
            return succeed(self.decide(principal, host, actions))
        return Deferred.fromCoroutine(self._in_turns(reactor, principal, host, actions))

    async def _in_turns(self, reactor: IReactorTime, principal: Principal, host: str, actions: Sequence[Action]) -> Sequence[bool]:
        answers: list[bool] = []
        for start in range(0, len(actions), ACTIONS_OF_A_TURN):
            if start:
                await deferLater(reactor, 0)
            answers += self.decide(principal, host, actions[start : start + ACTIONS_OF_A_TURN])
        return answers

    def forget(self, principals: Collection[str] | None = None) -> None:
        """What these principals may do has changed; None: what everybody may."""
        if principals is None or self._open or any(name.endswith(":*") for name in principals):
            self._standings = {}
            self._entries = 0
            return
        for name in principals:
            for standing in self._standings.pop(name, {}).values():
                self._entries -= len(standing.decided) + 1

    def _standing(self, principal: Principal, name: str, host: str) -> _Standing:
        peers = self._standings.get(name)
        if peers is None:
            peers = self._standings[name] = {}
        peer = frozenset(principal.groups), host
        standing = peers.get(peer)
        if standing is None:
            standing = peers[peer] = _Standing(self._index.patterns(principal), peer_host(host))
            self._entries += 1
        return standing

    def _decided(self, standing: _Standing, action: Action) -> bool:
        operation, kind, name = action
        patterns = standing.patterns.get(kind, ())
        if name is SOME:
            # Where nothing at all is said of a type, everything of it is open, if that is how it is.
            return allows_some(patterns, standing.host, 1 << operation) or (self._open and not self._index.speaks_of(kind, name))
        said = allows(patterns, standing.host, 1 << operation, name)
        return said if said is not None else self._open and not self._index.speaks_of(kind, name)

    def _bound(self) -> None:
        """Forget the principals that are known longest until there is room."""
        while self._entries > self._entries_max and self._standings:
            self.forget([next(iter(self._standings))])


def super_users(text: str) -> frozenset[str]:
    """The principals of ``super.users``: ``User:a;User:b``, semicolons between them since names may hold commas.

    :raises ConfigurationError: one of them is no principal.
    """
    names = frozenset(name for part in text.split(";") if (name := part.strip()))
    for name in sorted(names):
        kind, separator, rest = name.partition(":")
        if not (kind and separator and rest):
            raise ConfigurationError(f"super.users: {name!r} is no principal; write User:NAME, with semicolons between several")
    return names
