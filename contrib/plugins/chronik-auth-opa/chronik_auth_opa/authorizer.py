"""The backend: asks the service, remembers what it said, and refuses while it says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.web.client import Agent, HTTPConnectionPool
from zope.interface import implementer

from chronik.defer import deferred
from chronik.errors import ConfigurationError
from chronik.security.acl.decisions import super_users
from chronik.security.interfaces import BROKER, SOME, Action, AuthContext, IAuthorizer, Principal
from chronik_auth_opa.cache import DecisionCache
from chronik_auth_opa.client import QUERIES_MAX, PolicyClient, PolicyFailure

ACTIONS_MAX: Final = 1000
"""Actions of one question: a request for more topics asks several times."""

COMPLAINT_SECONDS: Final = 10.0
"""How often at most the log says that the service does not answer."""

_DEFAULTS: Final = {"timeout.ms": 1000, "cache.ttl.ms": 5000, "cache.max.entries": 10_000}


@implementer(IAuthorizer)
class OpaAuthorizer:
    """Decides as the service does.

    :param config: names super users.
    :param pool: of connections, closed at the end; None for none.
    """

    _log = Logger()

    def __init__(self, client: PolicyClient, cache: DecisionCache, context: AuthContext, pool: Any = None) -> None:
        self._client = client
        self._cache = cache
        self._clock = context.reactor
        self._super_users = super_users(context.config().get("super.users"))
        self._pool = pool
        self._asking: dict[Any, list[Deferred[Sequence[bool]]]] = {}
        self._complained = -COMPLAINT_SECONDS

    @deferred
    async def authorize(self, principal: Principal, host: str, actions: Sequence[Action]) -> Sequence[bool]:
        """Whether each action is allowed. The service is asked once for all that is not remembered, and not at all if everything is."""
        if principal == BROKER or str(principal) in self._super_users:
            return [True] * len(actions)
        who = principal.kind, principal.name, frozenset(principal.groups), host
        answers: dict[Action, bool | None] = {action: self._cache.get((who, action)) for action in actions}
        unknown = [action for action, answer in answers.items() if answer is None]
        for start in range(0, len(unknown), ACTIONS_MAX):
            piece = tuple(unknown[start : start + ACTIONS_MAX])
            decisions = await self._shared((who, piece), principal, host, piece)
            answers.update(zip(piece, decisions, strict=True))
        return [bool(answers[action]) for action in actions]

    def _shared(self, key: Any, principal: Principal, host: str, actions: Sequence[Action]) -> Deferred[Sequence[bool]]:
        """What the service says. Whoever asks the same meanwhile waits for that answer; that one of them goes away is nothing to the others."""
        answer: Deferred[Sequence[bool]] = Deferred()
        if key in self._asking:
            self._asking[key].append(answer)
            return answer
        self._asking[key] = [answer]

        def tell(result: Any) -> None:
            for each in self._asking.pop(key):
                each.callback(result)

        Deferred.fromCoroutine(self._ask(key[0], principal, host, actions)).addBoth(tell)
        return answer

    async def _ask(self, who: Any, principal: Principal, host: str, actions: Sequence[Action]) -> Sequence[bool]:
        """Ask, and remember. What was refused for want of an answer is not remembered."""
        try:
            decisions: Sequence[bool] = await self._client.decide(question(principal, host, actions), len(actions))
        except PolicyFailure as problem:
            self._complain(problem)
            return [False] * len(actions)
        for action, decision in zip(actions, decisions, strict=True):
            self._cache.put((who, action), decision)
        return decisions

    def _complain(self, problem: PolicyFailure) -> None:
        now = self._clock.seconds()
        if now - self._complained >= COMPLAINT_SECONDS:
            self._complained = now
            self._log.error("the policy service gives no decision, so requests are refused: {problem}", problem=str(problem))

    def close(self) -> Deferred[None]:
        """End the connections to the service."""
        return succeed(None) if self._pool is None else self._pool.closeCachedConnections()


def question(principal: Principal, host: str, actions: Sequence[Action]) -> dict[str, Any]:
    """What policies see as ``input``: who, from where, and a list of what. ``any`` asks whether some resource of the type will do."""
    return {
        "principal": {"type": principal.kind, "name": principal.name, "groups": sorted(principal.groups)},
        "host": host,
        "actions": [
            {
                "operation": action.operation.name.lower(),
                "resource": {"type": action.resource_type.name.lower(), "name": str(action.name)},
                "any": action.name is SOME,
            }
            for action in actions
        ],
    }


def make(context: AuthContext, options: Mapping[str, str]) -> OpaAuthorizer:
    """What the drop-in names: makes the backend of its options.

    :raises ConfigurationError: an option is missing, unknown or wrong.
    """
    pool = HTTPConnectionPool(context.reactor)
    pool.maxPersistentPerHost = QUERIES_MAX
    return make_with(Agent(context.reactor, pool=pool), context, options, pool)


def make_with(agent: Any, context: AuthContext, options: Mapping[str, str], pool: Any = None) -> OpaAuthorizer:
    """The same, over any agent."""
    for name in options.keys() - {"url", "token.file", *_DEFAULTS}:
        raise ConfigurationError(f"auth:opa has no option {name}; its options are url, token.file, {', '.join(_DEFAULTS)}")
    numbers = {name: _number(options, name, default) for name, default in _DEFAULTS.items()}
    if not numbers["timeout.ms"]:
        raise ConfigurationError("plugin.auth.opa.timeout.ms must be at least 1")
    client = PolicyClient(agent, _url(options), context.reactor, numbers["timeout.ms"] / 1000, _token(options))
    cache = DecisionCache(numbers["cache.max.entries"], numbers["cache.ttl.ms"] / 1000, context.reactor.seconds)
    return OpaAuthorizer(client, cache, context, pool)


def _url(options: Mapping[str, str]) -> str:
    url = options.get("url", "")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
        raise ConfigurationError("auth:opa needs the URL of a rule: set plugin.auth.opa.url, as in http://127.0.0.1:8181/v1/data/chronik/allow")
    return url


def _number(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ConfigurationError(f"plugin.auth.opa.{name} is {text[:20]!r}; it must be a number from 0 on")
    return int(text)


def _token(options: Mapping[str, str]) -> str:
    path = options.get("token.file")
    if not path:
        return ""
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"cannot read {path} (plugin.auth.opa.token.file): {getattr(problem, 'strerror', None) or 'not ASCII'}") from None
    if not token.isprintable():
        raise ConfigurationError(f"{path} (plugin.auth.opa.token.file) is no token of one line")
    return token
