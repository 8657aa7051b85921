"""CreateDelegationToken, RenewDelegationToken, ExpireDelegationToken, DescribeDelegationToken (KIP-48, KIP-373)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from twisted.internet.defer import fail
from zope.interface import implementer

from chronik.errors import ErrorCode, KafkaError
from chronik.network.interfaces import IAuthentication
from chronik.protocol.messages import (
    CreateDelegationTokenRequest,
    DescribeDelegationTokenRequest,
    ExpireDelegationTokenRequest,
    RenewDelegationTokenRequest,
)
from chronik.security.interfaces import ANONYMOUS, BROKER, Action, Login, Operation, Principal, ResourceType
from chronik.security.tokens.delegation import DelegationTokens
from chronik.server.handlers.security import delegation_tokens
from chronik.server.services import Services
from tests.security.fakes import NowPools
from tests.server.admin.fixture import AdminCase

CREATE, RENEW, EXPIRE, DESCRIBE = delegation_tokens.APIS
ALICE, BOB, CAROL = (Principal("User", name) for name in ("alice", "bob", "carol"))
DAY, WEEK = 86_400_000, 604_800_000
NOW = 1_800_000_000
_Renewer = CreateDelegationTokenRequest.CreatableRenewers
_Owner = DescribeDelegationTokenRequest.DescribeDelegationTokenOwner


@implementer(IAuthentication)
@dataclass
class Proved:
    """A connection on which somebody logged in."""

    login: Login | None
    pending: bool = False
    since: float = 0.0
    bare: bool = False
    bare_bytes_max: int = 0

    def admit(self, api_key: int) -> None:
        """Everything."""


def creation(*renewers: str, owner: str | None = None, kind: str = "User", lifetime_ms: int = -1) -> CreateDelegationTokenRequest:
    """A request for a token of one's own, or of somebody else's."""
    return CreateDelegationTokenRequest(
        owner_principal_type=None if owner is None else kind,
        owner_principal_name=owner,
        renewers=tuple(_Renewer(principal_type="User", principal_name=name) for name in renewers),
        max_lifetime_ms=lifetime_ms,
    )


class TokenApiCase(AdminCase):
    """Tests as somebody who logged in by SASL."""

    def setUp(self) -> None:
        """Alice is there, and there is a secret key."""
        super().setUp()
        self.clock.advance(NOW)
        self.tokens: DelegationTokens | None = DelegationTokens(b"secret", self.feed, NowPools(), self.clock.seconds)
        self.tokens.start()
        self.addCleanup(self.tokens.stop)
        self.denied = lambda action: True
        self.be(ALICE)

    def be(self, principal: Principal, **more: Any) -> None:
        """From now on requests come from somebody else."""
        self.session.principal = principal
        self.session.authentication = Proved(Login(principal, **more))

    def services(self) -> Services:
        """With tokens."""
        return replace(super().services(), tokens=self.tokens)

    def created(self, *renewers: str, **more: Any) -> Any:
        """A new token."""
        answer = self.ask(CREATE, 3, creation(*renewers, **more))
        self.assertEqual(ErrorCode.NONE, answer.error_code)
        return answer

    def seen(self, *owners: str) -> list[str]:
        """The ids of the tokens that are described, of these owners or of all."""
        named = tuple(_Owner(principal_type="User", principal_name=owner) for owner in owners) if owners else None
        answer = self.ask(DESCRIBE, 3, DescribeDelegationTokenRequest(owners=named))
        self.assertEqual(ErrorCode.NONE, answer.error_code)
        return sorted(token.token_id for token in answer.tokens)


class CreateTests(TokenApiCase):
    """New ones."""

    def test_own(self) -> None:
        """In every version; the secret is that of the id, and the token of whoever asked."""
        assert self.tokens is not None
        for version in self.every_version(CREATE):
            answer = self.ask(CREATE, version, creation("bob"))
            self.assertEqual(ErrorCode.NONE, answer.error_code)
            self.assertEqual(("User", "alice"), (answer.principal_type, answer.principal_name))
            self.assertEqual(self.tokens.hmac_of(answer.token_id), answer.hmac)
            times = (answer.issue_timestamp_ms, answer.expiry_timestamp_ms, answer.max_timestamp_ms)
            self.assertEqual((NOW * 1000, NOW * 1000 + DAY, NOW * 1000 + WEEK), times)
            self.assertEqual(("User:bob",), self.image.security.tokens[answer.token_id].renewers)

    def test_of_somebody_else(self) -> None:
        """Needs CREATE_TOKENS on that user (KIP-373); the answer tells both."""
        refused = self.ask(CREATE, 3, creation(owner="bob"))
        self.assertEqual(ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED, refused.error_code)
        self.assertEqual(
            ("bob", "alice", -1, "", b""),
            (refused.principal_name, refused.token_requester_principal_name, refused.max_timestamp_ms, refused.token_id, refused.hmac),
        )
        self.denied = lambda action: action != Action(Operation.CREATE_TOKENS, ResourceType.USER, "User:bob")
        answer = self.created(owner="bob")
        self.assertEqual(("bob", "alice"), (answer.principal_name, answer.token_requester_principal_name))
        token = self.image.security.tokens[answer.token_id]
        self.assertEqual(("User:bob", "User:alice"), (token.owner, token.requester))
        self.created(owner="alice")
        self.assertEqual(ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED, self.ask(CREATE, 3, creation(owner="carol")).error_code)

    def test_principals(self) -> None:
        """Only users own and renew; least of all may anybody become a broker."""
        self.denied = lambda action: False
        for request in (
            creation(owner="self", kind="Broker"),
            creation(owner="x", kind=""),
            CreateDelegationTokenRequest(owner_principal_name=None, renewers=(_Renewer(principal_type="Group", principal_name="g"),)),
        ):
            self.assertEqual(ErrorCode.INVALID_PRINCIPAL_TYPE, self.ask(CREATE, 3, request).error_code)
        for name in ("a\nb", "x" * 2000):
            self.assertEqual(ErrorCode.INVALID_REQUEST, self.ask(CREATE, 3, creation(owner=name)).error_code)
            self.assertEqual(ErrorCode.INVALID_REQUEST, self.ask(CREATE, 3, creation(name)).error_code)
        self.assertEqual(ErrorCode.INVALID_REQUEST, self.ask(CREATE, 3, creation(*map(str, range(101)))).error_code)
        self.assertEqual({}, dict(self.image.security.tokens))

    def test_limit(self) -> None:
        """Nobody owns more than there may be of one owner."""
        self.patch(delegation_tokens, "TOKENS_PER_OWNER_MAX", 2)
        self.created()
        self.created()
        self.assertEqual(ErrorCode.POLICY_VIOLATION, self.ask(CREATE, 3, creation()).error_code)
        self.be(BOB)
        self.created()

    def test_controller_elsewhere(self) -> None:
        """Clients are told to ask the controller."""
        self.patch(self.controller, "create_token", lambda *args: fail(KafkaError(ErrorCode.NOT_CONTROLLER, "")))
        self.assertEqual(ErrorCode.NOT_CONTROLLER, self.ask(CREATE, 3, creation()).error_code)

    def test_failure(self) -> None:
        """What nobody foresaw is answered in the shape of this API."""
        self.patch(self.controller, "create_token", lambda *args: fail(RuntimeError("what?")))
        for version in self.every_version(CREATE):
            answer = self.ask(CREATE, version, creation(owner="alice") if version == 3 else creation())
            self.assertEqual((ErrorCode.UNKNOWN_SERVER_ERROR, -1, b""), (answer.error_code, answer.issue_timestamp_ms, answer.hmac))
        self.flushLoggedErrors(RuntimeError)


class WhoMayAskTests(TokenApiCase):
    """On which connections."""

    def codes(self) -> set[int]:
        """What each API answers."""
        secret = b"x"
        return {
            self.ask(CREATE, 3, creation()).error_code,
            self.ask(RENEW, 2, RenewDelegationTokenRequest(hmac=secret)).error_code,
            self.ask(EXPIRE, 2, ExpireDelegationTokenRequest(hmac=secret)).error_code,
            self.ask(DESCRIBE, 3, DescribeDelegationTokenRequest(owners=None)).error_code,
        }

    def test_not_allowed(self) -> None:
        """Not without proof, nor by a token, nor as the broker itself, even if everything else is allowed."""
        self.denied = lambda action: False
        self.be(ALICE, token_id="t")
        self.assertEqual({ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED}, self.codes())
        self.session.authentication = Proved(None)
        self.assertEqual({ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED}, self.codes())
        self.session.authentication = None
        for principal, encrypted in ((ALICE, False), (ANONYMOUS, False), (ANONYMOUS, True), (BROKER, True)):
            self.session.principal, self.session.encrypted = principal, encrypted
            self.assertEqual({ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED}, self.codes())
        self.session.principal, self.session.internal = ALICE, True
        self.assertEqual({ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED}, self.codes())
        self.assertEqual({}, dict(self.image.security.tokens))

    def test_allowed(self) -> None:
        """By SASL, and by a certificate."""
        self.created()
        self.session.authentication, self.session.encrypted = None, True
        self.created()

    def test_disabled(self) -> None:
        """Without a secret key there are none; who may not ask learns nothing of that."""
        self.tokens = None
        self.assertEqual({ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED}, self.codes())
        self.be(ALICE, token_id="t")
        self.assertEqual({ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED}, self.codes())


class ChangeTests(TokenApiCase):
    """Other ends."""

    def test_renew(self) -> None:
        """By the secret, in every version, by whoever may."""
        secret = self.created("bob").hmac
        self.clock.advance(10)
        for version in self.every_version(RENEW):
            for principal in (ALICE, BOB):
                self.be(principal)
                answer = self.ask(RENEW, version, RenewDelegationTokenRequest(hmac=secret, renew_period_ms=-1))
                self.assertEqual((ErrorCode.NONE, (NOW + 10) * 1000 + DAY), (answer.error_code, answer.expiry_timestamp_ms))

    def test_expire(self) -> None:
        """Later, or at once."""
        for version in self.every_version(EXPIRE):
            token = self.created("bob")
            answer = self.ask(EXPIRE, version, ExpireDelegationTokenRequest(hmac=token.hmac, expiry_time_period_ms=5_000))
            self.assertEqual((ErrorCode.NONE, NOW * 1000 + 5_000), (answer.error_code, answer.expiry_timestamp_ms))
            answer = self.ask(EXPIRE, version, ExpireDelegationTokenRequest(hmac=token.hmac, expiry_time_period_ms=-1))
            self.assertEqual((ErrorCode.NONE, NOW * 1000), (answer.error_code, answer.expiry_timestamp_ms))
            self.assertNotIn(token.token_id, self.image.security.tokens)

    def test_refused(self) -> None:
        """Somebody else's, one that has ended, and no token's secret."""
        secret = self.created("bob").hmac
        self.be(CAROL)
        self.denied = lambda action: False
        for api, make in ((RENEW, RenewDelegationTokenRequest), (EXPIRE, ExpireDelegationTokenRequest)):
            for version in self.every_version(api):
                answer = self.ask(api, version, make(hmac=secret))
                self.assertEqual((ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH, -1), (answer.error_code, answer.expiry_timestamp_ms))
                for wrong in (b"", secret[1:], bytes(64)):
                    self.assertEqual(ErrorCode.DELEGATION_TOKEN_NOT_FOUND, self.ask(api, version, make(hmac=wrong)).error_code)
        self.be(ALICE)
        self.clock.advance(DAY / 1000 + 1)
        self.assertEqual(ErrorCode.DELEGATION_TOKEN_EXPIRED, self.ask(RENEW, 2, RenewDelegationTokenRequest(hmac=secret)).error_code)


class DescribeTests(TokenApiCase):
    """Who sees which."""

    def setUp(self) -> None:
        """Alice has one that bob renews, bob one, and alice asked for one of carol's."""
        super().setUp()
        self.of_alice = self.created("bob")
        self.be(BOB)
        self.of_bob = self.created()
        self.be(ALICE)
        self.denied = lambda action: False
        self.of_carol = self.created(owner="carol")
        self.denied = lambda action: True

    def ids(self, *tokens: Any) -> list[str]:
        """Their ids, sorted."""
        return sorted(token.token_id for token in tokens)

    def test_own(self) -> None:
        """One's own, those one renews, and those one asked for."""
        self.assertEqual(self.ids(self.of_alice, self.of_carol), self.seen())
        self.be(BOB)
        self.assertEqual(self.ids(self.of_alice, self.of_bob), self.seen())
        self.be(CAROL)
        self.assertEqual(self.ids(self.of_carol), self.seen())
        self.be(Principal("User", "dave"))
        self.assertEqual([], self.seen())

    def test_owners(self) -> None:
        """Only of those that are named, by owner, requester or renewer; none of nobody."""
        self.assertEqual(self.ids(self.of_carol), self.seen("carol"))
        self.assertEqual(self.ids(self.of_alice), self.seen("bob"))
        self.assertEqual(self.ids(self.of_alice, self.of_carol), self.seen("bob", "carol", "dave"))
        self.assertEqual([], self.seen("dave"))
        self.assertEqual((), self.ask(DESCRIBE, 1, DescribeDelegationTokenRequest(owners=())).tokens)

    def test_permissions(self) -> None:
        """DESCRIBE on a token shows it, DESCRIBE_TOKENS on a user shows that user's."""
        self.be(Principal("User", "dave"))
        self.denied = lambda action: action != Action(Operation.DESCRIBE, ResourceType.DELEGATION_TOKEN, self.of_bob.token_id)
        self.assertEqual(self.ids(self.of_bob), self.seen())
        self.assertEqual([], self.seen("alice"))
        self.denied = lambda action: action != Action(Operation.DESCRIBE_TOKENS, ResourceType.USER, "User:alice")
        self.assertEqual(self.ids(self.of_alice), self.seen())
        self.denied = lambda action: False
        self.assertEqual(self.ids(self.of_alice, self.of_bob, self.of_carol), self.seen())

    def test_whole(self) -> None:
        """Everything of one, in every version."""
        self.be(BOB)
        for version in self.every_version(DESCRIBE):
            answer = self.ask(DESCRIBE, version, DescribeDelegationTokenRequest(owners=(_Owner(principal_type="User", principal_name="alice"),)))
            (token,) = answer.tokens
            self.assertEqual(
                ("User", "alice", self.of_alice.token_id, self.of_alice.hmac),
                (token.principal_type, token.principal_name, token.token_id, token.hmac),
            )
            self.assertEqual((NOW * 1000, NOW * 1000 + DAY, NOW * 1000 + WEEK), (token.issue_timestamp, token.expiry_timestamp, token.max_timestamp))
            self.assertEqual([("User", "bob")], [(each.principal_type, each.principal_name) for each in token.renewers])
            self.assertEqual("alice" if version == 3 else "", token.token_requester_principal_name)
