"""The client's side of a connection: requests pipelined, responses matched, versions negotiated.

Used by the command line, by search processes over a private socket, and between brokers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from chronik.defer import deferred
from chronik.errors import ErrorCode
from chronik.network.interfaces import ISaslClient
from chronik.network.limits import READ_BYTES_MAX
from chronik.protocol.apis import ApiKey, api_name, decodable_versions, response_class
from chronik.protocol.header import parse_response_header, request_header
from chronik.protocol.messages import (
    ApiVersionsRequest,
    ApiVersionsResponse,
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)
from chronik.protocol.primitives import DecodeError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from chronik.protocol.message import Message

RESPONSE_BYTES_MAX: Final = 256 << 20
"""No response is larger: a Fetch answers at most 55 MiB by default, and one batch more."""

RESPONSE_ELEMENTS_MAX: Final = 2_000_000
"""Array elements of one response: Metadata of a large cluster."""

REQUEST_SECONDS: Final = 30.0
"""How long a response may take, unless the caller says otherwise."""

_SIZE: Final = Struct(">i")


class ChannelError(Exception):
    """The peer cannot be talked to: it is gone, does not answer, or answers what cannot be read."""


class AuthenticationError(ChannelError):
    """The broker does not believe who this is, or is not who it should be itself."""


RENEWAL_SHARE: Final = 0.85
"""How much of a session's time goes by before it is renewed; Kafka's clients take between this and 0.95."""

_SASL: Final = frozenset({ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE})


class _Waiting:
    """A request whose response has not come."""

    __slots__ = ("api_key", "correlation_id", "response", "timer", "version")

    def __init__(self, correlation_id: int, api_key: int, version: int) -> None:
        self.correlation_id = correlation_id
        self.api_key = api_key
        self.version = version
        self.response: Deferred[Any] = Deferred()
        self.timer: IDelayedCall | None = None


class KafkaChannel(Protocol):
    """A connection to a broker.

    :param clock: times requests.
    :param client_id: what this client calls itself.
    """

    def __init__(self, clock: IReactorTime, client_id: str = "chronik") -> None:
        self._clock = clock
        self._client_id = client_id
        self._waiting: deque[_Waiting] = deque()
        self._next_id = 0
        self._chunks: list[bytes] = []
        self._held = 0
        self._needed = _SIZE.size
        self._versions: dict[int, tuple[int, int]] = {}
        self._failure: ChannelError | None = None
        self._renewal: IDelayedCall | None = None
        self._held_back: list[Callable[[], object]] | None = None
        self.made: Deferred[KafkaChannel] = Deferred()

    # -- requests -----------------------------------------------------------------------------------------------------

    @deferred
    async def negotiate(self, seconds: float = REQUEST_SECONDS) -> None:
        """Ask which versions the broker serves; without it the highest version known here is used.

        :param seconds: how long an answer may take.
        :raises ChannelError: it does not answer what a broker answers.
        """
        request = ApiVersionsRequest(client_software_name="chronik", client_software_version="0.1")
        response: ApiVersionsResponse = await self.request(request, 3, seconds)
        if response.error_code == ErrorCode.UNSUPPORTED_VERSION:
            response = await self.request(ApiVersionsRequest(), 0, seconds)
        if response.error_code != ErrorCode.NONE:
            raise ChannelError(f"the broker refuses to tell its versions: error {response.error_code}")
        self._versions = {api.api_key: (api.min_version, api.max_version) for api in response.api_keys}

    @deferred
    async def authenticate(self, client: Callable[[], ISaslClient], seconds: float = REQUEST_SECONDS) -> None:
        """Prove who this is, now and again before the session ends (KIP-368); requests made meanwhile wait.

        :param client: makes this side of an exchange.
        :param seconds: how long each answer may take.
        :raises AuthenticationError: one of both sides is not believed.
        :raises ChannelError: the broker does not answer.
        """
        self._held_back = []
        await self._authenticate(client, seconds)

    async def _authenticate(self, client: Callable[[], ISaslClient], seconds: float) -> None:
        side = client()
        try:
            # What takes time to find out on a renewal is found out before requests have to wait: a token may have to be asked for.
            first = await self._first_of(side)
            self._held_back = self._held_back or []
            lifetime_ms = await self._exchange(side, first, seconds)
        except ChannelError as error:
            self._give_up(error)
            raise
        finally:
            held, self._held_back = self._held_back, None
            for send in held or ():
                send()
        if lifetime_ms > 0 and self._failure is None:
            self._renewal = self._clock.callLater(lifetime_ms / 1000 * RENEWAL_SHARE, self._renew, client, seconds)

    def _renew(self, client: Callable[[], ISaslClient], seconds: float) -> None:
        self._renewal = None
        # Whoever waits for an answer is told by its failure.
        Deferred.fromCoroutine(self._authenticate(client, seconds)).addErrback(lambda _: None)

    async def _first_of(self, client: ISaslClient) -> bytes | None:
        try:
            return await client.respond(None)
        except ValueError as error:
            raise AuthenticationError(f"authentication by {client.mechanism} failed: {error}") from None

    async def _exchange(self, client: ISaslClient, message: bytes | None, seconds: float) -> int:
        """One exchange, from its first message on; for how many ms the session holds, 0 for ever."""
        handshake: SaslHandshakeResponse = await self.request(SaslHandshakeRequest(mechanism=client.mechanism), 1, seconds)
        if handshake.error_code == ErrorCode.UNSUPPORTED_SASL_MECHANISM:
            raise AuthenticationError(f"the broker does not offer {client.mechanism}; it offers {', '.join(handshake.mechanisms)}")
        if handshake.error_code != ErrorCode.NONE:
            raise AuthenticationError(f"the broker does not authenticate by SASL here: error {handshake.error_code}")
        lifetime_ms = 0
        try:
            while message is not None:
                response: SaslAuthenticateResponse = await self.request(SaslAuthenticateRequest(auth_bytes=message), None, seconds)
                if response.error_code != ErrorCode.NONE:
                    raise AuthenticationError(response.error_message or f"authentication failed: error {response.error_code}")
                lifetime_ms = response.session_lifetime_ms
                message = await client.respond(response.auth_bytes)
        except ValueError as error:
            raise AuthenticationError(f"authentication by {client.mechanism} failed: {error}") from None
        return lifetime_ms

    def version_of(self, api_key: int) -> int:
        """The highest version of an API that both sides know.

        :raises ChannelError: there is none.
        """
        ours = decodable_versions(api_key)
        if not self._versions:
            return ours[-1]
        theirs = self._versions.get(api_key)
        if theirs is None or theirs[1] < ours[0] or theirs[0] > ours[-1]:
            raise ChannelError(f"the broker does not serve {api_name(api_key)} in a version known here")
        return min(theirs[1], ours[-1])

    def request(self, message: Message, version: int | None = None, seconds: float = REQUEST_SECONDS, answered: bool = True) -> Deferred[Any]:
        """Send a request.

        :param version: None for the highest common one.
        :param seconds: how long the response may take; then the connection is given up, for what comes later cannot be told apart.
        :param answered: False for Produce with acks=0: fires at once.
        :returns: its response; fails with :class:`ChannelError`.
        """
        assert message.api_key is not None
        if self._failure is not None:
            return fail(self._failure)
        if self._held_back is not None and message.api_key not in _SASL:
            later: Deferred[Any] = Deferred()
            self._held_back.append(lambda: self.request(message, version, seconds, answered).chainDeferred(later))
            return later
        try:
            chosen = self.version_of(message.api_key) if version is None else version
        except ChannelError as error:
            return fail(error)
        self._next_id = (self._next_id + 1) & 0x7FFFFFFF
        waiting = _Waiting(self._next_id, message.api_key, chosen)
        header = request_header(message.api_key, chosen, self._next_id, self._client_id)
        body = message.encode(chosen)
        assert self.transport is not None
        self.transport.writeSequence([_SIZE.pack(len(header) + len(body)), header, body])
        if not answered:
            waiting.response.callback(None)
            return waiting.response
        waiting.timer = self._clock.callLater(seconds, self._timed_out, waiting)
        self._waiting.append(waiting)
        return waiting.response

    def close(self) -> None:
        """End the connection; requests without a response fail."""
        if self.transport is not None:
            self.transport.loseConnection()

    # -- the connection -----------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """The connection can be used."""
        transport: Any = self.transport
        if hasattr(transport, "bufferSize"):
            transport.bufferSize = READ_BYTES_MAX
        self.made.callback(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The peer is gone."""
        why = "the broker closed the connection" if isinstance(reason.value, ConnectionDone) else f"the connection broke: {reason.getErrorMessage()}"
        self._fail(ChannelError(why))

    def dataReceived(self, data: bytes) -> None:
        """Bytes of responses."""
        self._chunks.append(data)
        self._held += len(data)
        if self._held < self._needed:
            return
        data = b"".join(self._chunks)
        position, end = 0, len(data)
        self._needed = _SIZE.size
        while end - position >= _SIZE.size:
            size = _SIZE.unpack_from(data, position)[0]
            if not 4 <= size <= RESPONSE_BYTES_MAX:
                self._give_up(ChannelError(f"the peer sent a response of {size} bytes: it is no Kafka broker"))
                return
            if position + _SIZE.size + size > end:
                self._needed = _SIZE.size + size
                break
            position += _SIZE.size
            self._respond(data[position : position + size])
            position += size
        rest = data[position:]
        self._chunks = [rest] if rest else []
        self._held = len(rest)

    def _respond(self, frame: bytes) -> None:
        if not self._waiting:
            self._give_up(ChannelError("the peer sent a response that nobody asked for"))
            return
        waiting = self._waiting.popleft()
        if waiting.timer is not None and waiting.timer.active():
            waiting.timer.cancel()
        try:
            correlation_id, start = parse_response_header(frame, waiting.api_key, waiting.version)
            if correlation_id != waiting.correlation_id:
                raise DecodeError(f"correlation id {correlation_id} came where {waiting.correlation_id} was expected")
            response = _decode(frame, start, waiting)
        except DecodeError as error:
            problem = ChannelError(f"the response to {api_name(waiting.api_key)} cannot be read: {error}")
            self._give_up(problem)
            waiting.response.errback(problem)
            return
        waiting.response.callback(response)

    def _timed_out(self, waiting: _Waiting) -> None:
        self._give_up(ChannelError(f"no response to {api_name(waiting.api_key)} came in time"))

    def _give_up(self, error: ChannelError) -> None:
        self._fail(error)
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection() if hasattr(transport, "abortConnection") else transport.loseConnection()

    def _fail(self, error: ChannelError) -> None:
        if self._renewal is not None and self._renewal.active():
            self._renewal.cancel()
        self._renewal = None
        if self._failure is None:
            self._failure = error
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            if each.timer is not None and each.timer.active():
                each.timer.cancel()
            each.response.errback(self._failure)


def _decode(frame: bytes, start: int, waiting: _Waiting) -> Message:
    """The response's body. ApiVersions of an unknown version is answered in version 0, which every broker can."""
    cls = response_class(waiting.api_key)
    if waiting.api_key == ApiKey.API_VERSIONS and frame[start : start + 2] == ErrorCode.UNSUPPORTED_VERSION.to_bytes(2, "big"):
        return cls.decode(frame, 0, start)[0]
    return cls.decode(frame, waiting.version, start, elements_max=RESPONSE_ELEMENTS_MAX)[0]
