"""``chronik search``: asks the broker over HTTP and prints the hits."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, Final
from urllib.parse import quote, urlencode

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.web.client import URI, Agent, ResponseFailed, readBody
from twisted.web.error import SchemeNotSupported
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from chronik.cli.formats import time_text
from chronik.cli.security import ClientSecurity, client_security, reason
from chronik.errors import ChronikError
from chronik.network.tlsendpoint import TlsFailed

CONNECT_SECONDS: Final = 5.0

_RAW: Final = "surrogateescape"
"""Arguments that are not text in this locale are passed on as the bytes they are."""


async def perform(reactor: Any, options: argparse.Namespace) -> None:
    """Search, and print."""
    security = client_security(options, https=options.http.startswith("https:"))
    answer = await _get(reactor, url_of(options), security)
    if options.count:
        print(answer["count"])
    else:
        hits = answer["hits"]
        for hit in hits["hits"]:
            print(json.dumps(hit, ensure_ascii=False) if options.json else line_of(hit["_source"]))
        print(total_line(hits), file=sys.stderr)
    for warning in warnings_of(answer):
        print(f"chronik: {warning}", file=sys.stderr)


def url_of(options: argparse.Namespace) -> str:
    """What is asked for."""
    action = "_count" if options.count else "_search"
    params: dict[str, Any] = {"q": options.query}
    if not options.count:
        params |= {"size": options.size, "from": options.start}
        if options.sort:
            params["sort"] = options.sort
    if options.wait:
        params |= {"wait_for_offset": "end", "wait_timeout": f"{options.wait}s"}
    return f"{options.http.rstrip('/')}/{quote(options.topics, safe=',*', errors=_RAW)}/{action}?{urlencode(params, errors=_RAW)}"


@implementer(IAgentEndpointFactory)
class SecuredEndpoints:
    """Where requests go, by the security that was asked for."""

    def __init__(self, reactor: Any, security: ClientSecurity) -> None:
        self._reactor = reactor
        self._security = security

    def endpointForURI(self, uri: URI) -> Any:
        """The endpoint of a URL."""
        if uri.scheme not in (b"http", b"https"):
            raise SchemeNotSupported(f"it begins with {uri.scheme.decode()}:")
        host = uri.host.decode()
        endpoint = HostnameEndpoint(self._reactor, host, uri.port, timeout=CONNECT_SECONDS)
        return self._security.secured(endpoint, host, self._reactor) if uri.scheme == b"https" else endpoint


async def login_headers(reactor: Any, security: ClientSecurity) -> Headers:
    """The headers that say who asks.

    :raises ChronikError: that cannot be said now.
    """
    said = await security.authorization(reactor)
    return Headers() if said is None else Headers({"Authorization": [said]})


async def _get(reactor: Any, url: str, security: ClientSecurity) -> dict[str, Any]:
    try:
        agent = Agent.usingEndpointFactory(reactor, SecuredEndpoints(reactor, security))
        response = await agent.request(b"GET", url.encode(), await login_headers(reactor, security))
        body = await readBody(response)
    except TlsFailed as error:
        raise ChronikError(f"{'/'.join(url.split('/')[:3])}: {error}") from error
    except (ConnectError, DNSLookupError, ResponseFailed) as error:
        raise unreachable("/".join(url.split("/")[:3]), error) from error
    except (SchemeNotSupported, ValueError) as error:
        raise ChronikError(f"--http must be a URL like http://127.0.0.1:6092: {error}") from error
    return answer_of(response.code, body)


def unreachable(base: str, error: Exception) -> ChronikError:
    """Nobody answered at this URL, or not in HTTP."""
    if not isinstance(error, ResponseFailed):
        return ChronikError(f"no broker answers at {base} ({reason(error)}); start one with: twist chronik")
    hint = "" if base.startswith("https:") else "; a listener with TLS needs https://"
    return ChronikError(f"what listens at {base} does not answer in HTTP{hint}")


def answer_of(status: int, body: bytes) -> dict[str, Any]:
    """The answer's JSON.

    :raises ChronikError: the broker refused, with its reason.
    """
    try:
        document = json.loads(body)
    except ValueError:
        raise ChronikError(f"the answer has status {status} and is no JSON: is this the HTTP listener of a broker?") from None
    if status != 200:
        error = document.get("error", document) if isinstance(document, dict) else document
        reason = error.get("reason", error) if isinstance(error, dict) else error
        raise ChronikError(str(reason))
    return dict(document)


def line_of(source: dict[str, Any]) -> str:
    """``time topic-partition@offset key value``."""
    place = f"{source['topic']}-{source['partition']}@{source['offset']}"
    return f"{time_text(source['timestamp'])} {place} {_text(source['key'])} {_text(source['value'])}"


def _text(value: Any) -> str:
    """On one line, and without what a terminal would obey."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def total_line(hits: dict[str, Any]) -> str:
    """How many there are of which these are some."""
    total = hits.get("total")
    if total is None:
        return f"{len(hits['hits'])} shown"
    at_least = "at least " if total["relation"] == "gte" else ""
    return f"{len(hits['hits'])} of {at_least}{total['value']} hits"


def warnings_of(answer: dict[str, Any]) -> list[str]:
    """Why the answer may be incomplete."""
    found = []
    if answer.get("timed_out"):
        found.append("the search timed out: not all records were looked at")
    failed = answer.get("_shards", {}).get("failed", 0)
    if failed:
        found.append(f"{failed} partitions could not be searched")
    return found
