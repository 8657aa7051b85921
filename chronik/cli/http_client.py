"""How commands administer a broker over HTTP."""

from __future__ import annotations

import argparse
import json
from io import BytesIO
from typing import Any, NamedTuple

from twisted.internet.error import ConnectError, DNSLookupError
from twisted.web.client import Agent, FileBodyProducer, ResponseFailed, readBody
from twisted.web.error import SchemeNotSupported

from chronik.cli.search import SecuredEndpoints, answer_of, login_headers, unreachable
from chronik.cli.security import client_security
from chronik.errors import ChronikError
from chronik.network.tlsendpoint import TlsFailed


class HttpResponse(NamedTuple):
    """An answer.

    :ivar status: 200, 404, or 412 where a condition did not hold.
    :ivar document: its JSON.
    :ivar tag: its ETag; empty where it has none.
    """

    status: int
    document: dict[str, Any]
    tag: str = ""


async def ask(
    reactor: Any, options: argparse.Namespace, method: str, path: str, body: Any = None, condition: tuple[str, str] | None = None
) -> HttpResponse:
    """One request.

    :param options: ``http`` is the broker's URL.
    :param condition: a header that says when it is to be done.
    :raises ChronikError: no broker answers, or it refuses; says why.
    """
    base = options.http.rstrip("/")
    security = client_security(options, https=base.startswith("https:"))
    headers = await login_headers(reactor, security)
    headers.addRawHeader("Content-Type", "application/json")
    if condition is not None:
        headers.addRawHeader(*condition)
    producer = FileBodyProducer(BytesIO(json.dumps(body).encode())) if body is not None else None
    try:
        agent = Agent.usingEndpointFactory(reactor, SecuredEndpoints(reactor, security))
        response = await agent.request(method.encode(), f"{base}/{path}".encode(), headers, producer)
        data = await readBody(response)
    except TlsFailed as error:
        raise ChronikError(f"{base}: {error}") from error
    except (ConnectError, DNSLookupError, ResponseFailed) as error:
        raise unreachable(base, error) from error
    except (SchemeNotSupported, ValueError) as error:
        raise ChronikError(f"--http must be a URL like http://127.0.0.1:6092: {error}") from error
    if response.code == 412 or (response.code == 404 and not _is_error(data)):
        return HttpResponse(response.code, dict(json.loads(data)))
    tags = response.headers.getRawHeaders("ETag") or [""]
    return HttpResponse(response.code, answer_of(response.code, data), tags[0])


def _is_error(data: bytes) -> bool:
    """Whether an answer says that something failed, and not merely that there is nothing."""
    try:
        document = json.loads(data)
    except ValueError:
        return True
    return not isinstance(document, dict) or "error" in document
