"""Delegation tokens (KIP-48, KIP-373) as the controller makes, renews, ends and removes them. Secrets are not here: they are made of ids."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik.clocks import WallClock
from chronik.cluster.interfaces import IController, NewToken, TokenChange
from chronik.cluster.writer import OPERATIONS_PER_PLAN_MAX, KeyView, Plan, Writer
from chronik.config import Configuration
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.interfaces import Delete, IMetadataFeed, Put
from chronik.metadata.security_keys import decode_token, encode_token, token_key
from chronik.model import new_topic_id, topic_id_text
from chronik.security.interfaces import DelegationToken

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

TOKENS_MAX: Final = 100_000
"""Of all owners. Each is some 200 bytes of metadata on every broker, and twice that in its memory."""

REMOVED_AT_ONCE: Final = OPERATIONS_PER_PLAN_MAX // 2
"""Expired tokens that one commit removes: as many as it may compare and delete."""


class TokenPlans:
    """Carries changes of tokens out.

    :param random: gives that many random bytes.
    """

    def __init__(self, writer: Writer, feed: IMetadataFeed, config: Configuration, random: Callable[[int], bytes] = os.urandom) -> None:
        self._writer = writer
        self._feed = feed
        self._max_ms: int = config.get("delegation.token.max.lifetime.ms")
        self._expiry_ms: int = config.get("delegation.token.expiry.time.ms")
        self._random = random

    async def create(self, wanted: NewToken, now_ms: int) -> DelegationToken:
        """A new one.

        :raises KafkaError: ``POLICY_VIOLATION`` when there are too many, or the writer's.
        """
        if len(self._feed.image.security.tokens) >= TOKENS_MAX:
            raise KafkaError(ErrorCode.POLICY_VIOLATION, f"There are {TOKENS_MAX} delegation tokens, which is the most there can be.")
        lifetime = min(self._max_ms, wanted.max_lifetime_ms) if wanted.max_lifetime_ms > 0 else self._max_ms
        token = DelegationToken(
            topic_id_text(new_topic_id(self._random)),
            wanted.owner,
            wanted.requester,
            wanted.renewers,
            issue_ms=now_ms,
            expiry_ms=now_ms + min(lifetime, self._expiry_ms),
            max_ms=now_ms + lifetime,
        )
        key, value = token_key(token.token_id), encode_token(token)

        def plan(view: KeyView) -> Plan:
            # An answer that was lost leaves the token there: ids are never drawn twice.
            return Plan() if view.value(key) == value else Plan([view.unchanged(key)], [Put(key, value)])

        await self._writer.write(plan)
        return token

    async def renew(self, change: TokenChange, now_ms: int) -> int:
        """Let one end later.

        :returns: when it ends now.
        :raises KafkaError: ``DELEGATION_TOKEN_NOT_FOUND``, ``DELEGATION_TOKEN_EXPIRED``, ``DELEGATION_TOKEN_OWNER_MISMATCH``, or the writer's.
        """
        period = min(self._expiry_ms, change.period_ms) if change.period_ms > 0 else self._expiry_ms

        def after(token: DelegationToken) -> DelegationToken:
            _check_lives(token, now_ms)
            _check_whose(token, change.principal)
            return replace(token, expiry_ms=min(token.max_ms, now_ms + period))

        return await self._change(change.token_id, after, now_ms)

    async def expire(self, change: TokenChange, now_ms: int) -> int:
        """Let one end earlier, or at once where the period is negative; it is removed then.

        :returns: when it ends now.
        :raises KafkaError: as :meth:`renew`.
        """

        def after(token: DelegationToken) -> DelegationToken | None:
            _check_whose(token, change.principal)
            if change.period_ms < 0:
                return None
            _check_lives(token, now_ms)
            return replace(token, expiry_ms=min(token.max_ms, now_ms + change.period_ms))

        return await self._change(change.token_id, after, now_ms)

    async def remove_expired(self, now_ms: int) -> int:
        """Remove those that have ended.

        :returns: how many.
        """
        ended = [token.token_id for token in self._feed.image.security.tokens.values() if has_ended(token, now_ms)]
        for start in range(0, len(ended), REMOVED_AT_ONCE):
            await self._writer.write(lambda view, some=ended[start : start + REMOVED_AT_ONCE]: _removal(view, some, now_ms))  # type: ignore[misc]
        return len(ended)

    async def _change(self, token_id: str, after: Callable[[DelegationToken], DelegationToken | None], now_ms: int) -> int:
        key = token_key(token_id)
        ends: list[int] = []

        def plan(view: KeyView) -> Plan:
            value = view.value(key)
            if value is None and ends:
                return Plan()  # the commit whose answer was lost has removed it
            if value is None:
                raise not_found()
            token = after(decode_token(token_id, value))
            ends[:] = [now_ms if token is None else token.expiry_ms]
            return Plan([view.unchanged(key)], [Delete(key) if token is None else Put(key, encode_token(token))])

        await self._writer.write(plan)
        return ends[0]


def has_ended(token: DelegationToken, now_ms: int) -> bool:
    """Whether it is of no use any more."""
    return token.expiry_ms < now_ms or token.max_ms < now_ms


def may_renew(token: DelegationToken, principal: str) -> bool:
    """Whether somebody, as ``Type:name``, may renew and end a token, and see it without asking: its owner, who asked for it, and its renewers."""
    return principal in (token.owner, token.requester) or principal in token.renewers


def not_found() -> KafkaError:
    """What is said of a token that does not exist."""
    return KafkaError(ErrorCode.DELEGATION_TOKEN_NOT_FOUND, "Delegation Token is not found on server.")


def _check_whose(token: DelegationToken, principal: str) -> None:
    if not may_renew(token, principal):
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH, "Specified Principal is not valid Owner/Renewer.")


def _check_lives(token: DelegationToken, now_ms: int) -> None:
    if has_ended(token, now_ms):
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_EXPIRED, "Delegation Token is expired.")


def _removal(view: KeyView, token_ids: list[str], now_ms: int) -> Plan:
    """Remove those of them that have not been renewed meanwhile."""
    found = [(token_id, view.value(token_key(token_id))) for token_id in token_ids]
    ended = [token_key(token_id) for token_id, value in found if value is not None and has_ended(decode_token(token_id, value), now_ms)]
    return Plan([view.unchanged(key) for key in ended], [Delete(key) for key in ended])


class TokenExpiry:
    """Has the controller remove expired tokens, now and then.

    :param controller: of this broker; nothing is done while another one is the controller.
    :param wall_clock: tells which have ended.
    """

    _log = Logger()

    def __init__(self, controller: IController, clock: IReactorTime, wall_clock: WallClock, interval_seconds: float) -> None:
        self._controller = controller
        self._wall_clock = wall_clock
        self._interval_seconds = interval_seconds
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def start(self) -> None:
        """From now on."""
        self._loop.start(self._interval_seconds, now=False)

    def stop(self) -> None:
        """No more."""
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> Deferred[None] | None:
        if not self._controller.active:
            return None
        return self._controller.remove_expired_tokens(int(self._wall_clock() * 1000)).addCallbacks(self._removed, self._not_removed)

    def _removed(self, count: int) -> None:
        if count:
            self._log.info("{count} delegation tokens have ended and were removed", count=count)

    def _not_removed(self, failure: Failure) -> None:
        """The next look tries again; they are refused all the same."""
        self._log.warn("delegation tokens that have ended could not be removed: {why}", why=failure.getErrorMessage())
