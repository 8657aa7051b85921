"""The HTTP listener on twisted.web: guards, authentication, routing, and errors in one shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request as WebRequest
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import implementer

from chronik.http.access import OPEN_PATHS
from chronik.http.auditing import HttpAudit
from chronik.http.authentication import HttpAuthentication
from chronik.http.guard import check_content_type, check_host, check_origin
from chronik.http.interfaces import JSON_TYPE, HttpAnswer, HttpError, HttpRequest
from chronik.http.pretty import pieces
from chronik.http.routing import Routes
from chronik.network.opening import host_of
from chronik.security.audit_interfaces import NO_AUDIT, IAuditTrail
from chronik.security.interfaces import ANONYMOUS, Principal

CONTENT_BYTES_MAX: Final = 4 << 20
"""A request's body: the largest query bodies that tools send are some hundred kilobytes."""

DISCARDED_BYTES_MAX: Final = 64 << 20
"""How much of a body that was refused is read before the connection is closed under its sender."""

PARAMETERS_MAX: Final = 100
"""Parameters of one URL."""

IDLE_SECONDS: Final = 60
"""How long a connection may say nothing."""

REQUEST_SECONDS: Final = 60
"""From a request's first line to its last byte: whoever sends a header a second would else be waited for until there are too many of them."""

ANSWER_SECONDS: Final = 75
"""How long a client may take to read an answer that the system has no more room for."""

TURN_SECONDS: Final = 0.002
"""How long one turn of the reactor begins requests: a client may send thousands at once, and they are answered without a wait."""

_ALWAYS: Final = {
    "X-Elastic-Product": "Elasticsearch",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
"""Headers of every answer; Elasticsearch's clients refuse to talk to what does not send the first."""

_COMPATIBLE: Final = re.compile(r"application/vnd\.elasticsearch\+json\s*;\s*compatible-with=([789])\b")


@implementer(IPushProducer)
class _BoundedRequest(Request):
    """A request whose body is never kept beyond :data:`CONTENT_BYTES_MAX`.

    The refusal is sent at once. The rest of the body is then read and thrown away, up to a limit: closing a socket with unread bytes resets it,
    and the client would see that instead of the answer.

    What came behind it begins when its answer is taken: a client that asks much and reads nothing has one answer here, not all of them.
    """

    _received = 0
    _full = False
    _answered = False
    _refused = False
    _ended = False
    _deadline: IDelayedCall | None = None

    def __init__(self, channel: Any, *args: Any, **kw: Any) -> None:
        super().__init__(channel, *args, **kw)  # type: ignore[no-untyped-call]
        self._deadline = channel.callLater(REQUEST_SECONDS, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if self.channel is not None:
            self.channel.forceAbortClient()

    def _in_time(self) -> None:
        """It is whole, or will not be."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def connectionLost(self, reason: Failure) -> None:
        """The client is gone."""
        self._in_time()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def gotLength(self, length: int | None) -> None:
        """The headers are in; ``length`` is None for a chunked body, which :meth:`handleContentChunk` bounds."""
        too_long = length is not None and length > CONTENT_BYTES_MAX
        super().gotLength(0 if too_long else length)  # type: ignore[no-untyped-call]
        if too_long:
            self._refuse_body()

    def handleContentChunk(self, data: bytes) -> None:
        """A piece of the body arrived."""
        self._received += len(data)
        if not self._refused and self._received > CONTENT_BYTES_MAX:
            self._refuse_body()
        if not self._refused:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]
        elif self._received > DISCARDED_BYTES_MAX:
            self._end()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The body is whole."""
        self._in_time()
        if not self._refused:
            super().requestReceived(command, path, version)  # type: ignore[no-untyped-call]
        else:
            self._end()

    def answer(self, body: bytes) -> None:
        """Send this, and be over once there is no more of it here than a socket's buffer may have."""
        self.registerProducer(self, True)  # type: ignore[no-untyped-call]
        self.write(body)  # type: ignore[no-untyped-call]
        self._answered = True
        if self._full and self.channel is not None:
            self._deadline = self.channel.callLater(ANSWER_SECONDS, self._too_slow)
        else:
            self._over()

    def _over(self) -> None:
        self._in_time()
        self.unregisterProducer()  # type: ignore[no-untyped-call]
        self.finish()  # type: ignore[no-untyped-call]

    def pauseProducing(self) -> None:
        """The client does not read as fast as it is written to: it is not read from either, which the channel leaves out while it has a request."""
        self._full = True
        transport: Any = None if self.channel is None else self.channel.transport
        if transport is not None and not transport.disconnecting:
            transport.pauseProducing()

    def resumeProducing(self) -> None:
        """It has read what there was."""
        self._full = False
        if self._answered:
            self._over()

    def stopProducing(self) -> None:
        """It is gone."""

    def _end(self) -> None:
        if self.channel is not None and not self._ended:
            self._ended = True
            self.channel.loseConnection()

    def _refuse_body(self) -> None:
        self._refused = True
        self.requestHeaders.removeHeader(b"Expect")  # or the channel would ask for the body all the same
        answer = HttpError(413, "content_too_long_exception", f"the body is longer than {CONTENT_BYTES_MAX} bytes").answer()
        headers = Headers()
        for name, value in {**_headers(answer, ""), "Connection": "close"}.items():
            headers.addRawHeader(name, value)
        if self.channel is not None:
            self.channel.writeHeaders(b"HTTP/1.1", b"413", b"Request Entity Too Large", headers)
            self.channel.write(answer.body)


def _headers(answer: HttpAnswer, accept: str) -> dict[str, str]:
    """Headers of an answer. JSON goes by Elasticsearch's own name to whom asks for it so, in the version asked for."""
    content_type = answer.content_type
    asked = _COMPATIBLE.search(accept) if content_type == JSON_TYPE else None
    if asked:
        content_type = f"application/vnd.elasticsearch+json;compatible-with={asked[1]}"
    return {"Content-Type": content_type, **_ALWAYS, **answer.headers, "Content-Length": str(len(answer.body))}


def _is_gone(request: Any) -> bool:
    """Whether the client hung up; twisted's annotations do not know of it."""
    return request.channel is None


class _Turns:
    """Says when it is time to let others have the reactor."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._ends: float | None = None

    async def mine(self) -> None:
        """Wait for a turn in which there is time."""
        while self._is_used_up():
            await deferLater(self._clock, 0)

    def _is_used_up(self) -> bool:
        now = self._clock.seconds()
        if self._ends is None:
            self._ends = now + TURN_SECONDS
            self._clock.callLater(0, self._next)
        return now >= self._ends

    def _next(self) -> None:
        self._ends = None


class _Root(Resource):
    """Every path; :class:`Routes` decides what serves it."""

    isLeaf = True
    _log = Logger()

    def __init__(
        self,
        routes: Routes,
        allowed_hosts: Collection[str],
        authentication: HttpAuthentication,
        audit: HttpAudit,
        served: Callable[[Any], None],
        clock: IReactorTime,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._clock = clock
        self._turns = _Turns(clock)
        self._served = served
        self._routes = routes
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self._authentication = authentication
        self._audit = audit

    def render(self, request: _BoundedRequest) -> Any:
        """Answer later."""
        serving = Deferred.fromCoroutine(self._answer(request))
        request.notifyFinish().addErrback(lambda _: serving.cancel())
        serving.addCallback(self._write, request)
        serving.addErrback(self._unsent, request)
        return NOT_DONE_YET

    def _unsent(self, failure: Failure, request: Request) -> None:
        """The client went away, which cancels what it asked for; anything else is ours."""
        if failure.check(CancelledError) is not None and _is_gone(request):
            return
        self._log.failure("an HTTP answer could not be sent", failure)
        if not _is_gone(request):
            request.loseConnection()

    async def _answer(self, request: Request) -> HttpAnswer:
        try:
            await self._turns.mine()
            understood = await self._understand(request)
            answer = await self._serve(understood)
            if self._audit.enabled:
                self._audit.served(understood, answer)
            if answer.status < 400 and "/".join(understood.path) not in OPEN_PATHS and not _is_gone(request):
                self._served(request.channel.transport)
            return await self._pretty(answer) if understood.params.get("pretty", "false") in ("", "true") else answer
        except HttpError as error:
            return error.answer()
        except Exception as error:
            if isinstance(error, CancelledError) and _is_gone(request):
                raise
            self._log.failure("{method} {path} failed here", method=request.method.decode("latin-1"), path=request.path.decode("latin-1"))
            return HttpError(500, "exception", "the broker failed; its log says how").answer()

    async def _pretty(self, answer: HttpAnswer) -> HttpAnswer:
        """JSON with line breaks; others have the reactor in between where it is long."""
        if answer.content_type != JSON_TYPE:
            return answer
        body = bytearray()
        for piece in pieces(answer.body):
            if body:
                await deferLater(self._clock, 0)
            body += piece
        return replace(answer, body=bytes(body))

    async def _serve(self, request: HttpRequest) -> HttpAnswer:
        params = {name: value for name, value in request.params.items() if name != "pretty"}
        try:
            return await self._routes.serve(replace(request, params=params))
        except HttpError as error:
            return self._authentication.asked_to_authenticate(error, request.principal).answer()

    async def _understand(self, request: Request) -> HttpRequest:
        headers = {name.decode("latin-1").lower(): values[-1].decode("latin-1") for name, values in request.requestHeaders.getAllRawHeaders()}
        method = request.method.decode("latin-1").upper()
        body = request.content.read() if request.content is not None else b""
        check_host(headers, self._allowed_hosts)
        check_origin(headers)
        check_content_type(method, headers, body)
        path, params = _split_url(request.uri)
        host = host_of(request.getClientAddress())
        try:
            principal = await self._authentication.principal(headers, host) if "authorization" in headers else _peer(request)
        except HttpError as error:
            if self._audit.enabled:
                self._audit.refused_login(headers, method, "/" + "/".join(path), host, error)
            raise
        return HttpRequest(method, path, params, headers, body, principal, host)

    def _write(self, answer: HttpAnswer, request: _BoundedRequest) -> None:
        if _is_gone(request):
            return
        request.setResponseCode(answer.status)
        accept = request.getHeader("accept") or ""
        for name, value in _headers(answer, accept).items():
            request.setHeader(name, value)  # type: ignore[no-untyped-call]
        if request.method != b"HEAD":
            request.answer(answer.body)
        else:
            request.finish()  # type: ignore[no-untyped-call]


def _peer(request: Request) -> Principal:
    """Whom the certificate stands for that the client showed; nobody without one."""
    shown: Principal | None = getattr(getattr(request.channel, "transport", None), "peer", None)
    return shown or ANONYMOUS


def _split_url(uri: bytes) -> tuple[tuple[str, ...], dict[str, str]]:
    """Path segments and parameters of a request's target.

    :raises HttpError: 400: it is not UTF-8 under its percent signs, or has too many parameters.
    """
    try:
        path, _, query = uri.decode().partition("?")
        segments = tuple(unquote(segment, errors="strict") for segment in path.split("/") if segment)
        return segments, dict(parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX))
    except ValueError:
        raise HttpError(400, "illegal_argument_exception", f"the URL is not UTF-8 or has more than {PARAMETERS_MAX} parameters") from None


def make_site(
    routes: Routes,
    allowed_hosts: Collection[str],
    authentication: HttpAuthentication,
    clock: IReactorTime,
    audit: IAuditTrail = NO_AUDIT,
    served: Callable[[Any], None] = lambda transport: None,
) -> Site:
    """The factory of the HTTP listener's connections.

    :param allowed_hosts: names under which this broker may be called, beside addresses and localhost.
    :param audit: told who did what.
    :param served: told the transport of whoever was given something that is not for everybody.
    """
    root = _Root(routes, allowed_hosts, authentication, HttpAudit(audit, clock), served, clock)
    site = Site(root, requestFactory=_BoundedRequest, timeout=IDLE_SECONDS, reactor=clock)
    site.displayTracebacks = False
    site.log = _no_access_log  # type: ignore[method-assign]
    return site


def _no_access_log(request: WebRequest) -> None:
    """One line a request would cost more than most requests."""
