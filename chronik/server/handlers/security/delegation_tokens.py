"""CreateDelegationToken (38), RenewDelegationToken (39), ExpireDelegationToken (40), DescribeDelegationToken (41): KIP-48, KIP-373."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from chronik.cluster.interfaces import NewToken, TokenChange
from chronik.cluster.tokens import may_renew, not_found
from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import (
    CreateDelegationTokenRequest,
    CreateDelegationTokenResponse,
    DescribeDelegationTokenRequest,
    DescribeDelegationTokenResponse,
    ExpireDelegationTokenRequest,
    ExpireDelegationTokenResponse,
    Message,
    RenewDelegationTokenRequest,
    RenewDelegationTokenResponse,
)
from chronik.security.interfaces import ANONYMOUS, Action, DelegationToken, Operation, Principal, ResourceType
from chronik.security.tokens.delegation import DelegationTokens, parse_principal
from chronik.server.api import Api
from chronik.server.context import RequestContext

if TYPE_CHECKING:
    from chronik.server.services import Services

TOKENS_PER_OWNER_MAX: Final = 10_000
"""So that nobody takes all that there can be."""

RENEWERS_MAX: Final = 100
"""Of one token: each is kept with it."""

NAME_CHARACTERS_MAX: Final = 1024
"""Of a principal."""

_USER: Final = "User"
_NO_TIME: Final = -1


def _check_session(context: RequestContext) -> None:
    """Refuse whoever did not prove who they are, and whoever did so by a token: it must not beget others, nor outlive itself.

    :raises KafkaError: ``DELEGATION_TOKEN_REQUEST_NOT_ALLOWED``.
    """
    session = context.session
    login = session.authentication.login if session.authentication is not None else None
    proved = login is not None if session.authentication is not None else session.encrypted and session.principal != ANONYMOUS
    if not proved or session.internal or session.principal.kind != _USER or (login is not None and login.token_id is not None):
        raise KafkaError(
            ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED,
            "Delegation Token requests are not allowed on PLAINTEXT/1-way SSL channels and on delegation token authenticated channels.",
        )


def _tokens(context: RequestContext) -> DelegationTokens:
    """Those there are.

    :raises KafkaError: ``DELEGATION_TOKEN_AUTH_DISABLED``.
    """
    if context.services.tokens is None:
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED, "Delegation Token feature is not enabled.")
    return context.services.tokens


def _now_ms(context: RequestContext) -> int:
    return int(context.services.wall_clock() * 1000)


# -- create ---------------------------------------------------------------------------------------------------------------


def _owner(request: CreateDelegationTokenRequest) -> Principal | None:
    """Whom somebody else's token is to stand for; None for whoever asks."""
    return Principal(request.owner_principal_type or "", request.owner_principal_name) if request.owner_principal_name else None


async def _create(context: RequestContext, request: CreateDelegationTokenRequest) -> CreateDelegationTokenResponse:
    requester = context.session.principal
    owner = _owner(request) or requester
    try:
        token = await _make(context, request, requester, owner)
        secret = _tokens(context).hmac_of(token.token_id)
    except KafkaError as error:
        return _created(error.code, owner, requester)
    return _created(ErrorCode.NONE, owner, requester, token, secret)


async def _make(context: RequestContext, request: CreateDelegationTokenRequest, requester: Principal, owner: Principal) -> DelegationToken:
    _check_session(context)
    if owner != requester and not context.allowed(Operation.CREATE_TOKENS, ResourceType.USER, str(owner)):
        raise KafkaError(ErrorCode.DELEGATION_TOKEN_AUTHORIZATION_FAILED)
    renewers = [Principal(renewer.principal_type, renewer.principal_name) for renewer in request.renewers]
    if owner.kind != _USER or any(renewer.kind != _USER for renewer in renewers):
        raise KafkaError(ErrorCode.INVALID_PRINCIPAL_TYPE)
    tokens = _tokens(context)
    if len(renewers) > RENEWERS_MAX or not all(_is_name(each.name) for each in (owner, *renewers)):
        raise KafkaError(ErrorCode.INVALID_REQUEST)
    if tokens.count(str(owner)) >= TOKENS_PER_OWNER_MAX:
        raise KafkaError(ErrorCode.POLICY_VIOLATION)
    wanted = NewToken(str(owner), str(requester), tuple(dict.fromkeys(map(str, renewers))), request.max_lifetime_ms)
    made: DelegationToken = await context.services.controller.create_token(wanted, _now_ms(context))
    return made


def _is_name(name: str) -> bool:
    return 0 < len(name) <= NAME_CHARACTERS_MAX and name.isprintable()


def _created(
    code: ErrorCode, owner: Principal, requester: Principal, token: DelegationToken | None = None, secret: bytes = b""
) -> CreateDelegationTokenResponse:
    return CreateDelegationTokenResponse(
        error_code=code,
        principal_type=owner.kind,
        principal_name=owner.name,
        token_requester_principal_type=requester.kind,
        token_requester_principal_name=requester.name,
        issue_timestamp_ms=_NO_TIME if token is None else token.issue_ms,
        expiry_timestamp_ms=_NO_TIME if token is None else token.expiry_ms,
        max_timestamp_ms=_NO_TIME if token is None else token.max_ms,
        token_id="" if token is None else token.token_id,
        hmac=secret,
    )


def _create_rule(services: Services, request: CreateDelegationTokenRequest) -> Iterable[Action]:
    owner = _owner(request)
    return () if owner is None else (Action(Operation.CREATE_TOKENS, ResourceType.USER, str(owner)),)


def _create_refusal(request: CreateDelegationTokenRequest, version: int, error: KafkaError) -> Message:
    nobody = Principal("", "")
    return _created(error.code, _owner(request) or nobody, nobody)


# -- renew and expire -----------------------------------------------------------------------------------------------------


def _change(context: RequestContext, secret: bytes, period_ms: int) -> TokenChange:
    """What is to be done to the token of a secret.

    :raises KafkaError: as Kafka's, in its order.
    """
    _check_session(context)
    token = _tokens(context).find(secret)
    if token is None:
        raise not_found()
    return TokenChange(token.token_id, str(context.session.principal), period_ms)


async def _renew(context: RequestContext, request: RenewDelegationTokenRequest) -> RenewDelegationTokenResponse:
    change = _change(context, request.hmac, request.renew_period_ms)
    ends: int = await context.services.controller.renew_token(change, _now_ms(context))
    return RenewDelegationTokenResponse(expiry_timestamp_ms=ends)


def _renew_refusal(request: Any, version: int, error: KafkaError) -> Message:
    return RenewDelegationTokenResponse(error_code=error.code, expiry_timestamp_ms=_NO_TIME)


async def _expire(context: RequestContext, request: ExpireDelegationTokenRequest) -> ExpireDelegationTokenResponse:
    change = _change(context, request.hmac, request.expiry_time_period_ms)
    ends: int = await context.services.controller.expire_token(change, _now_ms(context))
    return ExpireDelegationTokenResponse(expiry_timestamp_ms=ends)


def _expire_refusal(request: Any, version: int, error: KafkaError) -> Message:
    return ExpireDelegationTokenResponse(error_code=error.code, expiry_timestamp_ms=_NO_TIME)


# -- describe -------------------------------------------------------------------------------------------------------------

_Described = DescribeDelegationTokenResponse.DescribedDelegationToken
_Renewer = DescribeDelegationTokenResponse.DescribedDelegationTokenRenewer


def _asked_for(services: Services, request: DescribeDelegationTokenRequest) -> Sequence[DelegationToken]:
    """The tokens of the owners that the request names, of everybody where it names none; it may also name who renews them."""
    if services.tokens is None:
        return ()
    tokens = services.metadata.image.security.tokens.values()
    if request.owners is None:
        return tuple(tokens)
    owners = {f"{owner.principal_type}:{owner.principal_name}" for owner in request.owners}
    return tuple(token for token in tokens if not owners.isdisjoint((token.owner, token.requester, *token.renewers)))


async def _describe(context: RequestContext, request: DescribeDelegationTokenRequest) -> DescribeDelegationTokenResponse:
    _check_session(context)
    tokens = _tokens(context)
    found = [token for token in _asked_for(context.services, request) if _may_see(context, token)]
    return DescribeDelegationTokenResponse(tokens=tuple(_described(token, tokens.hmac_of(token.token_id)) for token in found))


def _may_see(context: RequestContext, token: DelegationToken) -> bool:
    return (
        may_renew(token, str(context.session.principal))
        or context.allowed(Operation.DESCRIBE, ResourceType.DELEGATION_TOKEN, token.token_id)
        or context.allowed(Operation.DESCRIBE_TOKENS, ResourceType.USER, token.owner)
    )


def _described(token: DelegationToken, secret: bytes) -> _Described:
    owner, requester = parse_principal(token.owner), parse_principal(token.requester)
    return _Described(
        principal_type=owner.kind,
        principal_name=owner.name,
        token_requester_principal_type=requester.kind,
        token_requester_principal_name=requester.name,
        issue_timestamp=token.issue_ms,
        expiry_timestamp=token.expiry_ms,
        max_timestamp=token.max_ms,
        token_id=token.token_id,
        hmac=secret,
        renewers=tuple(_Renewer(principal_type=each.kind, principal_name=each.name) for each in map(parse_principal, token.renewers)),
    )


def _describe_rule(services: Services, request: DescribeDelegationTokenRequest) -> Iterable[Action]:
    for token in _asked_for(services, request):
        yield Action(Operation.DESCRIBE, ResourceType.DELEGATION_TOKEN, token.token_id)
        yield Action(Operation.DESCRIBE_TOKENS, ResourceType.USER, token.owner)


def _describe_refusal(request: Any, version: int, error: KafkaError) -> Message:
    return DescribeDelegationTokenResponse(error_code=error.code)


_BYTES_MAX: Final = 64 << 10
"""A request names some principals."""

APIS = (
    Api(ApiKey.CREATE_DELEGATION_TOKEN, "CreateDelegationToken", (1, 3), _create, _create_refusal, _create_rule, frame_bytes_max=_BYTES_MAX),
    Api(ApiKey.RENEW_DELEGATION_TOKEN, "RenewDelegationToken", (1, 2), _renew, _renew_refusal, frame_bytes_max=_BYTES_MAX),
    Api(ApiKey.EXPIRE_DELEGATION_TOKEN, "ExpireDelegationToken", (1, 2), _expire, _expire_refusal, frame_bytes_max=_BYTES_MAX),
    Api(
        ApiKey.DESCRIBE_DELEGATION_TOKEN, "DescribeDelegationToken", (1, 3), _describe, _describe_refusal, _describe_rule, frame_bytes_max=_BYTES_MAX
    ),
)
