"""SaslHandshake (17) and SaslAuthenticate (36): how a connection tells who its peer is (KIP-43, KIP-152, KIP-368)."""

from __future__ import annotations

from typing import Any

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse
from chronik.security.sasl.gate import UnsupportedMechanism
from chronik.server.api import Api
from chronik.server.context import RequestContext

MESSAGE_BYTES_MAX = (100 << 20) + (64 << 10)
"""What ``sasl.server.max.receive.size`` may be at most, and a header; what it is holds on connections that have to authenticate."""


async def _handshake(context: RequestContext, request: SaslHandshakeRequest) -> SaslHandshakeResponse:
    authentication = context.session.authentication
    if authentication is None:
        raise KafkaError(ErrorCode.ILLEGAL_SASL_STATE, "this listener does not authenticate by SASL")
    return SaslHandshakeResponse(mechanisms=authentication.handshake(request.mechanism, context.api_version))


async def _authenticate(context: RequestContext, request: SaslAuthenticateRequest) -> SaslAuthenticateResponse:
    authentication = context.session.authentication
    if authentication is None:
        raise KafkaError(ErrorCode.ILLEGAL_SASL_STATE, "SaslAuthenticate request received after successful authentication")
    answer, lifetime_ms = await authentication.authenticate(request.auth_bytes)
    return SaslAuthenticateResponse(error_message=None, auth_bytes=answer, session_lifetime_ms=lifetime_ms)


def _handshake_refusal(request: Any, version: int, error: KafkaError) -> Message:
    return SaslHandshakeResponse(error_code=error.code, mechanisms=error.mechanisms if isinstance(error, UnsupportedMechanism) else ())


def _authenticate_refusal(request: Any, version: int, error: KafkaError) -> Message:
    return SaslAuthenticateResponse(error_code=error.code, error_message=error.message or None)


APIS = (
    Api(ApiKey.SASL_HANDSHAKE, "SaslHandshake", (0, 1), _handshake, _handshake_refusal, frame_bytes_max=64 << 10),
    Api(ApiKey.SASL_AUTHENTICATE, "SaslAuthenticate", (0, 2), _authenticate, _authenticate_refusal, frame_bytes_max=MESSAGE_BYTES_MAX),
)
