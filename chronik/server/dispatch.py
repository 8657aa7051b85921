"""From a frame to an answer: find the API, decode, authorize, run the handler, encode. The one place where errors become codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from chronik.defer import begun
from chronik.errors import ErrorCode, KafkaError
from chronik.network.interfaces import Answer, IRequestDispatcher, Pieces, ProtocolViolation, Session
from chronik.protocol.apis import ApiKey, request_class
from chronik.protocol.error_versions import error_for_version
from chronik.protocol.header import RequestHeader, parse_request_header, response_header
from chronik.protocol.primitives import DecodeError
from chronik.security.interfaces import Action
from chronik.server.api import Api
from chronik.server.auditing import RequestAudit
from chronik.server.context import RequestContext, Throttle
from chronik.server.handlers.api_versions import unsupported_version

if TYPE_CHECKING:
    from chronik.protocol.message import Message
    from chronik.server.services import Services


def _told(api: Api, version: int, error: KafkaError) -> KafkaError:
    """The error as this version of the API knows it."""
    code = error_for_version(api.key, version, error.code)
    return error if code is error.code else KafkaError(code, error.message)


class _Start(Throttle):
    """Whether a request has begun: its appends are queued and the next request of its connection may begin. It also takes what throttles it.

    :ivar busy_seconds: how long that kept the reactor; negative until it has come to its first wait.
    """

    __slots__ = ("begun", "busy_seconds", "waiter")

    def __init__(self) -> None:
        super().__init__()
        self.begun = False
        self.busy_seconds = -1.0
        self.waiter: Deferred[None] | None = None

    def begin(self) -> None:
        """It has; tell who waits."""
        self.begun = True
        if self.waiter is not None:
            self.waiter.callback(None)


@implementer(IRequestDispatcher)
class RequestDispatcher:
    """Serves requests by the API table.

    :param services: what handlers use.
    :param apis: the table's rows.
    """

    _log = Logger()

    def __init__(self, services: Services, apis: Iterable[Api]) -> None:
        self._services = services
        self._apis: Mapping[int, Api] = {api.key: api for api in apis}
        self._metrics = services.metrics
        self._quotas = services.quotas
        self._audit = RequestAudit(services.audit)
        self._seconds = services.clock.seconds

    def frame_bytes_max(self, session: Session, api_key: int, api_version: int) -> int:
        """How large a request of this API may be; see :meth:`IRequestDispatcher.frame_bytes_max`."""
        api = self._apis.get(api_key)
        if api is None:
            raise ProtocolViolation(f"a request with API key {api_key}, which is not served here")
        if session.authentication is not None:
            return min(api.frame_bytes_max, int(session.authentication.frame_bytes_max(api_key)))
        return api.frame_bytes_max

    def dispatch(self, session: Session, frame: bytes) -> Answer:
        """Serve one request; see :meth:`IRequestDispatcher.dispatch`."""
        authentication = session.authentication
        if authentication is not None and authentication.bare:
            return self._bare(session, frame)
        try:
            header = parse_request_header(frame)
        except DecodeError as error:
            raise ProtocolViolation(f"a request header that cannot be read: {error}") from None
        api = self._apis.get(header.api_key)
        if api is None:
            raise ProtocolViolation(f"a request with API key {header.api_key}, which is not served here")
        if authentication is not None:
            authentication.admit(header.api_key)
        start, began = _Start(), self._seconds()
        pieces = begun(self._serve(api, session, header, frame, start, began))
        start.busy_seconds = self._seconds() - began
        if start.begun:
            return Answer(None, pieces)
        start.waiter = Deferred()
        return Answer(start.waiter, pieces)

    def _bare(self, session: Session, message: bytes) -> Answer:
        """A message of a mechanism without a Kafka header; the answer has none either, and a failure has no answer."""

        async def pieces() -> Pieces | None:
            try:
                answer, _ = await session.authentication.authenticate(message)
            except KafkaError:
                return None
            return [answer]

        return Answer(None, begun(pieces()))

    def disconnected(self, session: Session) -> None:
        """The connection is gone; see :meth:`IRequestDispatcher.disconnected`."""
        session.closed = True
        for waiter in tuple(session.waiting):
            waiter.wake()

    async def _serve(self, api: Api, session: Session, header: RequestHeader, frame: bytes, start: _Start, began: float) -> Pieces | None:
        version = header.api_version
        if header.api_key == ApiKey.PRODUCE and self._quotas.enabled:
            # Known before it begins, and waited for before the next one does: clients send many without waiting for answers.
            throttle_ms = self._quotas.produced(session, header.client_id, len(frame))
            start.add(throttle_ms, mute=False)
            self._mute(session, throttle_ms)
        try:
            if not api.versions[0] <= version <= api.versions[1]:
                response: Message | None = unsupported_version(self._apis.values(), api, version)
                version = 0
            else:
                handle = self._audited if self._audit.enabled and not session.internal else self._handle
                response = await handle(api, session, header, self._decode(api, header, frame), start)
        finally:
            if not start.begun:
                start.begin()
        if self._quotas.enabled:
            self._throttle(session, header, start, began, response)
        if response is None:
            self._metrics.served(api.key, self._seconds() - began, len(frame), 0)
            return None
        pieces = response.encode_pieces(version, response_header(api.key, version, header.correlation_id))
        self._metrics.served(api.key, self._seconds() - began, len(frame), sum(map(len, pieces)))
        return pieces

    def _throttle(self, session: Session, header: RequestHeader, start: _Start, began: float, response: Message | None) -> None:
        """Tell a client that used too much how long to wait, and mute its connection for so long (KIP-219)."""
        busy = start.busy_seconds if start.busy_seconds >= 0 else self._seconds() - began
        start.add(self._quotas.worked(session, header.client_id, busy))
        if start.ms:
            self._metrics.throttled(header.api_key)
            if response is not None and hasattr(response, "throttle_time_ms"):
                response.throttle_time_ms = start.ms
        self._mute(session, start.mute_ms)

    def _mute(self, session: Session, ms: int) -> None:
        if ms:
            session.muted_until = max(session.muted_until, self._seconds() + ms / 1000)

    def _decode(self, api: Api, header: RequestHeader, frame: bytes) -> Message:
        try:
            return request_class(api.key).decode(frame, header.api_version, header.body_start)[0]
        except DecodeError as error:
            raise ProtocolViolation(f"a {api.name} request (version {header.api_version}) that cannot be read: {error}") from None

    async def _audited(self, api: Api, session: Session, header: RequestHeader, request: Any, start: _Start) -> Message | None:
        """Answer, and tell the audit trail what was refused or changed."""
        before = self._services.metadata.image
        decisions: dict[Action, bool] = {}
        try:
            response = await self._handle(api, session, header, request, start, decisions)
        except ProtocolViolation:  # a Produce that wants no answer is refused by closing its connection
            if not all(decisions.values()):
                self._audit.refused(api, session, header.client_id, decisions, None)
            raise
        self._audit.answered(api, session, header.client_id, decisions, before, self._services.metadata.image, request, response)
        return response

    async def _handle(
        self, api: Api, session: Session, header: RequestHeader, request: Any, start: _Start, told: dict[Action, bool] | None = None
    ) -> Message | None:
        """What the handler answers, or the refusal of the whole request.

        :param told: takes what the authorizer says, now and later.
        """
        try:
            decisions = await self._decisions(api, session, request)
            if told is not None:
                told.update(decisions)
                decisions = told
            context = RequestContext(self._services, session, api.key, header.api_version, header.client_id, decisions, start)
            if start.waiter is None:
                # Nobody waits yet: dispatch looks once the handler has come to its first wait.
                start.begun = True
                return await api.handler(context, request)
            handling = Deferred.fromCoroutine(api.handler(context, request))
            start.begin()
            return await handling
        except KafkaError as error:
            return api.refusal(request, header.api_version, _told(api, header.api_version, error))
        except ProtocolViolation:
            raise
        except Exception:  # noqa: BLE001  the one place where what nobody foresaw becomes an answer
            self._log.failure(
                "a {api} request (version {version}) of {principal} at {host} failed here",
                api=api.name,
                version=header.api_version,
                principal=session.principal,
                host=session.peer_host,
            )
            self._metrics.failed(api.key)
            return api.refusal(request, header.api_version, KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "the broker failed; its log says how"))

    async def _decisions(self, api: Api, session: Session, request: Any) -> dict[Action, bool]:
        actions = tuple(dict.fromkeys(api.rule(self._services, request)))
        if not actions:
            return {}
        if session.internal:
            return dict.fromkeys(actions, True)
        asked = self._services.authorizer.authorize(session.principal, session.peer_host, actions)
        allowed = getattr(asked, "result", None)
        if type(allowed) is not list:
            # Most authorizers know at once.
            allowed = await asked
        return dict(zip(actions, allowed, strict=True))
