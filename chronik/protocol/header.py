"""Request and response headers, by hand: they do not follow the rules of other messages.

The client id stays a legacy string where the header is flexible, the response header of ApiVersions never is, and the first eight
bytes of a request are the same whatever follows.
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError
from typing import Final, NamedTuple

from chronik.protocol.apis import ApiKey, flexible
from chronik.protocol.primitives import DecodeError, skip_tags

_START: Final = Struct(">hhi")
_START_AND_CLIENT: Final = Struct(">hhih")
_CORRELATION_ID: Final = Struct(">i")
_FLEXIBLE_RESPONSE: Final = Struct(">ix")
_HEADER_TAGS_MAX: Final = 64


class RequestHeader(NamedTuple):
    """What precedes the body of a request.

    :ivar api_key: which API.
    :ivar api_version: in which version.
    :ivar correlation_id: what the response repeats.
    :ivar client_id: what the client calls itself; None when it does not.
    :ivar body_start: where in the frame the body begins. Meaningless for an API or version unknown here, whose header may have
        another shape.
    """

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    body_start: int


def parse_request_header(frame: bytes) -> RequestHeader:
    """Read the header at the start of a request, its length prefix taken off.

    An API or version unknown here is answered too: with its key, version and correlation id, the rest as far as it can be read.

    :raises DecodeError: it ends too early, or has lengths that cannot be.
    """
    if len(frame) < _START_AND_CLIENT.size:
        return _short(frame)
    api_key, version, correlation_id, size = _START_AND_CLIENT.unpack_from(frame)
    body = 10
    client_id = None
    is_flexible = flexible(api_key, version)
    if size >= 0:
        body += size
        if body > len(frame):
            if is_flexible is None:
                return RequestHeader(api_key, version, correlation_id, None, 8)
            raise DecodeError("the client id reaches past the end")
        client_id = frame[10:body].decode(errors="replace")
    if is_flexible:
        body = _after_tags(frame, body)
    return RequestHeader(api_key, version, correlation_id, client_id, body)


def _short(frame: bytes) -> RequestHeader:
    """A frame that ends before the client id: only good enough to be answered that its version is unknown."""
    if len(frame) < _START.size:
        raise DecodeError(f"a request of {len(frame)} bytes has no header")
    api_key, version, correlation_id = _START.unpack_from(frame)
    if flexible(api_key, version) is not None:
        raise DecodeError("the request header ends before the client id")
    return RequestHeader(api_key, version, correlation_id, None, 8)


def _after_tags(data: bytes, position: int) -> int:
    try:
        count = data[position]
        position += 1
        if count:
            position, _ = skip_tags(data, position, len(data), count, _HEADER_TAGS_MAX)
    except IndexError as error:
        raise DecodeError("the header ends too early") from error
    return position


def response_header(api_key: int, api_version: int, correlation_id: int) -> bytes:
    """The header of a response, without the frame's length."""
    if api_key != ApiKey.API_VERSIONS and flexible(api_key, api_version):
        return _FLEXIBLE_RESPONSE.pack(correlation_id)
    return _CORRELATION_ID.pack(correlation_id)


def request_header(api_key: int, api_version: int, correlation_id: int, client_id: str | None) -> bytes:
    """The header of a request, without the frame's length."""
    encoded = b"" if client_id is None else client_id.encode()
    size = -1 if client_id is None else len(encoded)
    tags = b"\x00" if flexible(api_key, api_version) else b""
    return _START_AND_CLIENT.pack(api_key, api_version, correlation_id, size) + encoded + tags


def parse_response_header(frame: bytes, api_key: int, api_version: int) -> tuple[int, int]:
    """Read the header at the start of a response, its length prefix taken off.

    :returns: the correlation id, and where the body begins.
    :raises DecodeError: it ends too early.
    """
    try:
        (correlation_id,) = _CORRELATION_ID.unpack_from(frame)
    except StructError as error:
        raise DecodeError(f"a response of {len(frame)} bytes has no header") from error
    if api_key != ApiKey.API_VERSIONS and flexible(api_key, api_version):
        return correlation_id, _after_tags(frame, 4)
    return correlation_id, 4
