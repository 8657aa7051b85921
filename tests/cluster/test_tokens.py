"""Delegation tokens as the controller keeps them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from chronik.cluster.interfaces import NewToken, TokenChange
from chronik.cluster.tokens import REMOVED_AT_ONCE, TokenExpiry
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.memory import Fault
from chronik.metadata.security_keys import TOKENS, token_key
from chronik.security.interfaces import DelegationToken
from tests.cluster.fixture import ControllerCase

DAY, WEEK = 86_400_000, 604_800_000
NOW = 1_800_000_000_000
ALICE, BOB, CAROL = "User:alice", "User:bob", "User:carol"


class TokenCase(ControllerCase):
    """Tests with a controller and tokens of alice's, which bob may renew."""

    def create(self, lifetime_ms: int = -1, now: int = NOW) -> DelegationToken:
        """A new one."""
        token: DelegationToken = self.successResultOf(self.controller.create_token(NewToken(ALICE, CAROL, (BOB,), lifetime_ms), now))
        return token

    def token(self, token_id: str) -> DelegationToken:
        """As the image has it."""
        return self.image.security.tokens[token_id]

    def renew(self, token_id: str, principal: str = ALICE, period_ms: int = -1, now: int = NOW) -> Any:
        """When it ends now, or the error."""
        return self._ends(self.controller.renew_token(TokenChange(token_id, principal, period_ms), now))

    def expire(self, token_id: str, principal: str = ALICE, period_ms: int = -1, now: int = NOW) -> Any:
        """When it ends now, or the error."""
        return self._ends(self.controller.expire_token(TokenChange(token_id, principal, period_ms), now))

    def _ends(self, deferred: Deferred[int]) -> Any:
        return self.successResultOf(deferred.addErrback(lambda failure: failure.value.code if failure.check(KafkaError) else failure))


class CreateTests(TokenCase):
    """New ones."""

    def test_kept(self) -> None:
        """What is answered is what the image has, of whom and until when; ids differ; nothing in the store is a secret."""
        first, second = self.create(), self.create()
        self.assertEqual(first, self.token(first.token_id))
        self.assertNotEqual(first.token_id, second.token_id)
        self.assertEqual((22, ALICE, CAROL, (BOB,)), (len(first.token_id), first.owner, first.requester, first.renewers))
        self.assertEqual((NOW, NOW + DAY, NOW + WEEK), (first.issue_ms, first.expiry_ms, first.max_ms))
        entries = self.successResultOf(self.store.snapshot()).entries
        self.assertEqual([token_key(each) for each in sorted((first.token_id, second.token_id))], self.stored(TOKENS))
        self.assertNotIn(b"hmac", entries[token_key(first.token_id)].value)

    def test_lifetimes(self) -> None:
        """A shorter one than configured may be asked for, and no longer one; the first end is never after the last."""
        for asked, ends, last in (
            (-1, DAY, WEEK),
            (0, DAY, WEEK),
            (WEEK * 2, DAY, WEEK),
            (DAY * 2, DAY, DAY * 2),
            (1000, 1000, 1000),
            (2**63 - 1, DAY, WEEK),
        ):
            token = self.create(asked)
            self.assertEqual((NOW + ends, NOW + last), (token.expiry_ms, token.max_ms), asked)

    def test_lost_answer(self) -> None:
        """A commit whose answer is lost makes one token, not two."""
        for fault in (Fault.UNKNOWN_MADE, Fault.UNKNOWN_NOT_MADE, Fault.CONFLICT):
            self.store.faults.append(fault)
            token = self.create()
            self.assertEqual([token_key(token.token_id)], self.stored(TOKENS), fault)
            self.expire(token.token_id)

    def test_not_the_controller(self) -> None:
        """Another broker is asked then."""
        self.controller._seat.resign()
        failure = self.failureResultOf(self.controller.create_token(NewToken(ALICE, ALICE), NOW), KafkaError)
        self.assertEqual(ErrorCode.NOT_CONTROLLER, failure.value.code)


class ChangeTests(TokenCase):
    """Other ends."""

    def test_renew(self) -> None:
        """From now on by what is asked or configured, never beyond the last end; whoever may."""
        token_id = self.create().token_id
        for principal in (ALICE, BOB, CAROL):
            self.assertEqual(NOW + 5 + DAY, self.renew(token_id, principal, now=NOW + 5))
        self.assertEqual(NOW + 1000, self.renew(token_id, BOB, 1000))
        self.assertEqual(NOW + DAY, self.renew(token_id, BOB, 10 * DAY))
        for day in (1, 2, 3, 4, 5, 6):
            self.assertEqual(min(NOW + (day + 1) * DAY, NOW + WEEK), self.renew(token_id, now=NOW + day * DAY))
        self.assertEqual(NOW + WEEK, self.renew(token_id, now=NOW + WEEK - 1000))
        self.assertEqual(NOW + WEEK, self.token(token_id).expiry_ms)

    def test_refused(self) -> None:
        """Somebody else, a token that has ended, and one that does not exist."""
        token_id = self.create().token_id
        for change in (self.renew, self.expire):
            self.assertEqual(ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH, change(token_id, "User:mallory"))
            self.assertEqual(ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH, change(token_id, "Group:alice"))
            self.assertEqual(ErrorCode.DELEGATION_TOKEN_NOT_FOUND, change("nothing"))
        self.assertEqual(ErrorCode.DELEGATION_TOKEN_EXPIRED, self.renew(token_id, now=NOW + DAY + 1))
        self.assertEqual(ErrorCode.DELEGATION_TOKEN_EXPIRED, self.expire(token_id, period_ms=1, now=NOW + DAY + 1))
        self.assertEqual(NOW + DAY, self.token(token_id).expiry_ms)

    def test_expire(self) -> None:
        """Later, or at once and gone, also when it had ended."""
        token_id = self.create().token_id
        self.assertEqual(NOW + 1000, self.expire(token_id, BOB, 1000))
        self.assertEqual(NOW + 1000, self.token(token_id).expiry_ms)
        self.assertEqual(NOW + WEEK, self.expire(token_id, period_ms=2**62))
        self.assertEqual(NOW + 7, self.expire(token_id, now=NOW + 7))
        self.assertEqual(([], {}), (self.stored(TOKENS), dict(self.image.security.tokens)))
        ended = self.create().token_id
        self.assertEqual(NOW + WEEK + 1, self.expire(ended, now=NOW + WEEK + 1))

    def test_lost_answers(self) -> None:
        """A change whose answer is lost is made once, and answered as made; so is a removal."""
        for fault in (Fault.UNKNOWN_MADE, Fault.UNKNOWN_NOT_MADE, Fault.CONFLICT):
            token_id = self.create().token_id
            self.store.faults.append(fault)
            self.assertEqual(NOW + 5, self.renew(token_id, period_ms=5), fault)
            self.store.faults.append(fault)
            self.assertEqual(NOW, self.expire(token_id), fault)
            self.assertEqual([], self.stored(TOKENS))


class ExpiryTests(TokenCase):
    """Those that have ended are removed."""

    def test_removed(self) -> None:
        """All that have ended, however many, and no others."""
        for _ in range(2 * REMOVED_AT_ONCE + 1):
            self.create(1000)
        lives = self.create(2000).token_id
        self.assertEqual(0, self.successResultOf(self.controller.remove_expired_tokens(NOW + 1000)))
        self.assertEqual(2 * REMOVED_AT_ONCE + 1, self.successResultOf(self.controller.remove_expired_tokens(NOW + 1001)))
        self.assertEqual([token_key(lives)], self.stored(TOKENS))

    def test_now_and_then(self) -> None:
        """By the clock, and only while this broker is the controller; a store that fails is asked again."""
        self.clock.advance(NOW / 1000)
        expiry = TokenExpiry(self.controller, self.clock, self.clock.seconds, 60.0)
        expiry.start()
        self.addCleanup(expiry.stop)
        self.create(1000)
        self.clock.advance(59)
        self.assertEqual(1, len(self.stored(TOKENS)))
        self.clock.advance(1)
        self.assertEqual([], self.stored(TOKENS))
        self.create(1000, NOW + 60_000)
        self.store.read_only = True
        self.clock.advance(60)
        self.assertEqual(1, len(self.stored(TOKENS)))
        self.store.read_only = False
        self.clock.advance(60)
        self.assertEqual([], self.stored(TOKENS))
        self.create(1000, NOW + 180_000)
        self.controller._seat.resign()
        self.clock.advance(600)
        self.assertEqual(1, len(self.stored(TOKENS)))
