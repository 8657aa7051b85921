"""What every HTTP request must pass before it is served: a web page must not reach a broker on its visitor's loopback.

A page can send requests anywhere, but it cannot choose the Host of a request to an address, nor hide its Origin, nor set a JSON content type
without asking first; and this listener never answers that question (no CORS).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from typing import Final

from chronik.http.interfaces import HttpError

JSON_TYPES: Final = frozenset(
    {"application/json", "application/x-ndjson", "application/vnd.elasticsearch+json", "application/vnd.elasticsearch+x-ndjson"}
)
"""Media types of request bodies; the last two are what Elasticsearch's own clients send."""


def host_of(value: str) -> str:
    """The name or address of a Host header or of an origin's authority, without port and brackets, lower-cased."""
    value = value.strip().lower()
    if value.startswith("["):
        return value[1 : value.find("]")] if "]" in value else value
    return value.rsplit(":", 1)[0] if value.count(":") == 1 else value


def check_host(headers: Mapping[str, str], allowed: Collection[str]) -> None:
    """Refuse a Host that is neither an address, nor ``localhost``, nor allowed by name: a name that somebody else's DNS points here.

    :raises HttpError: 421.
    """
    host = host_of(headers.get("host", ""))
    if host in allowed or host == "localhost" or host.endswith(".localhost"):
        return
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise HttpError(
            421, "security_exception", f"host {host!r} is not one of this broker's names; add it to http.allowed.hosts if it is"
        ) from None


def check_origin(headers: Mapping[str, str]) -> None:
    """Refuse what another site's page sends.

    :raises HttpError: 403.
    """
    origin = headers.get("origin")
    if origin is None:
        return
    scheme, separator, authority = origin.partition("://")
    if not separator or scheme not in ("http", "https") or authority.lower() != headers.get("host", "").lower():
        raise HttpError(403, "security_exception", f"requests of pages from {origin} are refused; only this broker's own console may call it")


def check_content_type(method: str, headers: Mapping[str, str], body: bytes) -> None:
    """Refuse a body whose type a page could have sent without asking. Without a body only POST could be such a request.

    :raises HttpError: 406, as Elasticsearch answers.
    """
    media_type = headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if media_type in JSON_TYPES or (not body and (method != "POST" or not media_type)):
        return
    raise HttpError(406, "media_type_header_exception", f"Content-Type {media_type or 'none'!r} is not supported: send the body as application/json")
