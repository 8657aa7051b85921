"""The HTTP listener on twisted.web: guards, authentication, routing, and errors in one shape."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request as WebRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from chronik.http.authentication import authenticate
from chronik.http.guard import check_content_type, check_host, check_origin
from chronik.http.interfaces import HttpAnswer, HttpError, HttpRequest
from chronik.http.routing import Routes
from chronik.security.interfaces import ANONYMOUS, ICredentialStore

CONTENT_BYTES_MAX: Final = 4 << 20
"""A request's body: the largest query bodies that tools send are some hundred kilobytes."""

IDLE_SECONDS: Final = 60
"""How long a connection may say nothing."""

_ALWAYS: Final = {
    "X-Elastic-Product": "Elasticsearch",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
"""Headers of every answer; Elasticsearch's clients refuse to talk to what does not send the first."""


class _BoundedRequest(Request):
    """A request whose body is refused before it is read when it says that it is too long."""

    def gotLength(self, length: int | None) -> None:
        """The headers are in; ``length`` is None for a chunked body, which :meth:`handleContentChunk` bounds."""
        if length is not None and length > CONTENT_BYTES_MAX:
            self._refuse_body()
            length = 0
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        """A piece of the body arrived."""
        if self.content is not None and self.content.tell() + len(data) > CONTENT_BYTES_MAX:
            self._refuse_body()
            return
        super().handleContentChunk(data)

    def _refuse_body(self) -> None:
        channel = self.channel
        if channel is not None and channel.transport is not None:
            channel.transport.write(b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            channel.loseConnection()


class _Root(Resource):
    """Every path; :class:`Routes` decides what serves it."""

    isLeaf = True
    _log = Logger()

    def __init__(self, routes: Routes, allowed_hosts: Collection[str], credentials: ICredentialStore | None) -> None:
        super().__init__()
        self._routes = routes
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self._credentials = credentials

    def render(self, request: Request) -> Any:
        """Answer later."""
        serving = Deferred.fromCoroutine(self._answer(request))
        request.notifyFinish().addErrback(lambda _: serving.cancel())
        serving.addCallback(self._write, request)
        serving.addErrback(self._unsent)
        return NOT_DONE_YET

    def _unsent(self, failure: Failure) -> None:
        """The client went away, which cancels what it asked for; anything else is ours."""
        if failure.check(CancelledError) is None:
            self._log.failure("an HTTP answer could not be sent", failure)

    async def _answer(self, request: Request) -> HttpAnswer:
        try:
            return await self._routes.serve(await self._understand(request))
        except HttpError as error:
            return error.answer()
        except Exception:
            self._log.failure("{method} {path} failed here", method=request.method.decode("latin-1"), path=request.path.decode("latin-1"))
            return HttpError(500, "exception", "the broker failed; its log says how").answer()

    async def _understand(self, request: Request) -> HttpRequest:
        headers = {name.decode("latin-1").lower(): values[-1].decode("latin-1") for name, values in request.requestHeaders.getAllRawHeaders()}
        method = request.method.decode("latin-1").upper()
        body = request.content.read() if request.content is not None else b""
        check_host(headers, self._allowed_hosts)
        check_origin(headers)
        check_content_type(method, headers, body)
        url = urlsplit(request.uri.decode("latin-1"))
        try:
            path = tuple(unquote(segment, errors="strict") for segment in url.path.split("/") if segment)
            params = dict(parse_qsl(url.query, keep_blank_values=True, errors="strict"))
        except ValueError:
            raise HttpError(400, "illegal_argument_exception", "the URL is not UTF-8 under its percent signs") from None
        peer = request.getClientAddress()
        host = getattr(peer, "host", "local")
        principal = await authenticate(headers, self._credentials) if "authorization" in headers else ANONYMOUS
        return HttpRequest(method, path, params, headers, body, principal, host)

    def _write(self, answer: HttpAnswer, request: Request) -> None:
        request.setResponseCode(answer.status)
        request.setHeader("Content-Type", answer.content_type)
        for name, value in {**_ALWAYS, **answer.headers}.items():
            request.setHeader(name, value)
        request.setHeader("Content-Length", str(len(answer.body)))
        if request.method != b"HEAD":
            request.write(answer.body)
        request.finish()


def make_site(routes: Routes, allowed_hosts: Collection[str], credentials: ICredentialStore | None, clock: IReactorTime) -> Site:
    """The factory of the HTTP listener's connections.

    :param allowed_hosts: names under which this broker may be called, beside addresses and localhost.
    """
    site = Site(_Root(routes, allowed_hosts, credentials), requestFactory=_BoundedRequest, timeout=IDLE_SECONDS, reactor=clock)
    site.displayTracebacks = False
    site.log = _no_access_log
    return site


def _no_access_log(request: WebRequest) -> None:
    """One line a request would cost more than most requests."""
