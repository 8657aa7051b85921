"""The server's side of one connection: bytes to requests, in order; answers to bytes, in order."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik.network.busypoll import answers_soon, asks_again
from chronik.network.frames import SIZE, FrameCutter, framed
from chronik.network.interfaces import Answer, Handshake, Pieces, ProtocolViolation, Session
from chronik.network.limits import (
    BYTES_IN_FLIGHT_MAX,
    FETCH,
    HEAVY_BYTES,
    KNOWN_REQUESTS,
    READ_BYTES_MAX,
    READ_BYTES_MIN,
    READ_BYTES_OF_STRANGERS,
    REQUESTS_IN_FLIGHT_MAX,
    TURN_SECONDS,
)
from chronik.network.opening import Pending, session_of, set_socket
from chronik.network.sender import Sender, close_pieces
from chronik.network.socketsender import sender_for
from chronik.network.standing import Standing

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from chronik.network.listener import ConnectionFactory


class KafkaConnection(Protocol):
    """One connection of a client, or of one of the broker's own children.

    :param factory: what all connections of a listener share.
    :ivar deadline: when it is closed unless something happens before; looked at once a second by the factory.
    """

    _log = Logger()

    def __init__(self, factory: ConnectionFactory, internal: bool) -> None:
        self.factory = factory
        self._internal = internal
        self._dispatcher = factory.dispatcher
        self._seconds = factory.clock.seconds
        self._limits = factory.limits
        self._frames = FrameCutter(factory.frame_bytes_max, self._api_bytes_max)
        self._held = 0
        self._answers: deque[Pending] = deque()
        self._bytes_in_flight = 0
        self._starting = False
        self._looping = False
        self._turn: IDelayedCall | None = None
        self._paused = False
        self._ending = False
        self._lost = False
        self._sender: Sender | None = None
        self._requests = 0
        self._answered_at = -1.0
        self._asks_again = False
        self._asked_at = 0.0
        self._answer_took = inf
        self._read_bytes = 0
        self._muted: IDelayedCall | None = None
        self._barred = False
        self._standing = Standing(factory, internal)
        self.deadline = 0.0
        self.session: Session | None = None

    # -- the connection's life ----------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Begin to listen to the peer."""
        transport: Any = self.transport
        self._read_bytes = READ_BYTES_OF_STRANGERS if hasattr(transport, "bufferSize") else 0
        if self._read_bytes:
            transport.bufferSize = READ_BYTES_OF_STRANGERS
        self.session = session_of(transport, self.factory.name, self._internal)
        if not self._internal:
            set_socket(transport, self._limits)
            self.session.authentication = self.factory.begin_authentication(self.session)
        self._sender = sender_for(transport, self._answered, self._progressed)
        self.deadline = self._seconds() + self._limits.first_request_seconds
        self.factory.opened(self)

    def handshakeCompleted(self) -> None:
        """TLS is there: whoever showed a certificate is known, unless this listener wants more (SASL)."""
        transport: Any = self.transport
        if self.session is not None and transport.peer is not None and self.factory.protocol_name == "SSL":
            self.session.principal = transport.peer
            self.factory.shaken(Handshake(self.session.listener, self.session.peer_host, transport.peer))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The peer is gone, or was sent away."""
        self._lost = True
        for timer in (self._turn, self._muted):
            if timer is not None:
                timer.cancel()
        self._turn = self._muted = None
        self._standing.gone(self.transport)
        # What is not part of a circle any more is freed at once: thousands may go together, and looking for circles takes long then.
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.close()
        for pending in self._answers:
            if pending.pieces is not None:
                close_pieces(pending.pieces)
        self._answers.clear()
        self._frames.close()
        self._hold_unfinished()
        self.factory.bytes_held(-self._bytes_in_flight)
        self._bytes_in_flight = 0
        if self.session is not None:
            self._dispatcher.disconnected(self.session)
        self.factory.closed(self)

    def end(self) -> None:
        """Begin nothing more; close once what was begun is answered."""
        self._ending = True
        self._frames.clear()
        self._pause()
        self._end_if_answered()

    def bar(self, until: float | None) -> None:
        """Read nothing before :meth:`admit`.

        :param until: close it at that time instead, in seconds of the clock.
        """
        self._barred = True
        self.deadline = inf if until is None else until
        self._pause()

    def admit(self) -> None:
        """Its turn has come."""
        self._barred = False
        self.deadline = self._seconds() + self._limits.first_request_seconds
        if self.session is not None and self.session.authentication is not None:
            self.session.authentication.since = self._seconds()
        self._start_requests()

    def abort(self) -> None:
        """Close now."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection() if hasattr(transport, "abortConnection") else transport.loseConnection()

    def overdue(self, now: float) -> str | None:
        """Why it should be closed now, or None. The broker's own children may be silent as long as they live."""
        if self._authenticating and not self._barred and now >= self.session.authentication.since + self._limits.authentication_seconds:  # type: ignore[union-attr]
            return "did not prove who it is in time"
        if now < self.deadline or self._internal:
            return None
        if self._barred:
            return "comes from an address that connects too often"
        if self._sender is not None and self._sender.busy:
            return "takes no more of its answer"
        if self._answers or self._muted is not None:
            self.deadline = now + self._limits.idle_seconds
            return None
        if self._held:
            return "sends a request too slowly"
        return "sent no request" if not self._requests else "was idle"

    def rest(self, now: float) -> None:
        """Nothing has to be ended: whoever has not asked for a while is a stranger again, and who has not sent much for as long is like others."""
        busy = self._paused or self._answers or self._held or self._sender is None or self._sender.busy
        self._standing.rest(self.transport, now, inf if busy else self._answered_at)

    def _violated(self, problem: str) -> None:
        assert self.session is not None
        self.factory.tell_refused(self.session, "protocol", f"it sent {problem}")
        self._frames.clear()
        self._hold_unfinished()
        self._lost = True
        self.abort()

    def _end_if_answered(self) -> None:
        """Close after the last byte of the last answer; the transport waits for the sender."""
        if self._ending and not self._answers and not self._lost and self._sender is not None:
            self._sender.finish()

    # -- bytes to frames ----------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the peer; whole requests among them are begun."""
        if self._lost or self._ending:
            return
        self.factory.bytes_in += len(data)
        self._hold(len(data))
        frames = self._frames
        begun = frames.unfinished_bytes > 0
        frames.add(data)
        if begun:
            self._hold_unfinished()
            if self._held < frames.needed or self._lost:
                self._size_reads(len(data))
                if self._waits_for_others():
                    self._pause()
                return
        self._cut(len(data))
        if not (self._paused or self._lost or self._sender is None or self._sender.busy):
            self._standing.was_read(self.transport)

    def _cut(self, received: int) -> None:
        """Cut what came into frames, and begin what may begin."""
        frames = self._frames
        try:
            self._cut_one() if self._authenticating else frames.cut()
        except ProtocolViolation as problem:
            self._violated(str(problem))
            return
        self._hold_unfinished()
        self._size_reads(received)
        self._start_requests()
        if self._held and not self._lost and not frames.uncut:
            self.deadline = self._seconds() + self._limits.frame_seconds + frames.needed / self._limits.frame_bytes_per_second

    @property
    def _authenticating(self) -> bool:
        """Whether the peer is to prove who it is before anything else."""
        session = self.session
        return session is not None and session.authentication is not None and session.authentication.pending

    def _cut_one(self) -> None:
        """Cut one frame, once the one before it is answered: only then is it known what the next one is."""
        assert self.session is not None
        authentication = self.session.authentication
        if self._answers or self._frames.whole:
            self._frames.uncut = True
        else:
            self._frames.cut(1, authentication.bare_bytes_max if authentication.bare else -1)

    def _api_bytes_max(self, api_key: int, version: int) -> int:
        assert self.session is not None
        return self._dispatcher.frame_bytes_max(self.session, api_key, version)

    def _size_reads(self, received: int) -> None:
        """Let the next read be large where much is coming."""
        much = received >= READ_BYTES_MIN or self._frames.needed - self._held >= READ_BYTES_MIN
        size = READ_BYTES_MAX if much else READ_BYTES_OF_STRANGERS if self._standing.stranger else READ_BYTES_MIN
        if size != self._read_bytes and self._read_bytes:
            self._read_bytes = size
            self.transport.bufferSize = size  # type: ignore[union-attr]

    # -- frames to requests -------------------------------------------------------------------------------------------

    def _start_requests(self) -> None:
        """Begin what may begin: in order, each once the one before has done what must happen in order.

        An answer that is there at once comes back here while the loop still runs, and leaves the rest to it.
        """
        if self._looping or self._ending:
            return
        self._looping = True
        frames, until, late = self._frames.whole, self._seconds() + TURN_SECONDS, False
        while frames and not late and self._may_start():
            while frames and not late and self._may_start():
                self._start(frames.popleft())
                late = self._seconds() >= until
            # What is ready leaves together, and makes room for more.
            self._push()
        self._looping = False
        if self.session is not None and self.session.ending:
            return
        if frames and late:
            self._go_on_later()
        uncut = self._frames.uncut
        if uncut and not frames and not (self._answers and self._authenticating):
            self._go_on_later()
        # A request that is still coming may be larger than what may wait: it must not stop its own rest.
        held = uncut or self._quiet or self._full() or self._bytes_in_flight - self._held > BYTES_IN_FLIGHT_MAX
        if frames or held or self._waits_for_others():
            self._pause()
        else:
            self._resume()

    def _may_start(self) -> bool:
        return not (self._starting or self._lost or self._quiet or len(self._answers) >= REQUESTS_IN_FLIGHT_MAX or self._full())

    def _go_on_later(self) -> None:
        """Let others have the reactor first."""
        if self._turn is None and not self._lost:
            self._turn = self.factory.clock.callLater(0, self._go_on)

    def _go_on(self) -> None:
        self._turn = None
        if self._ending:
            return
        if self._frames.uncut and not self._frames.whole:
            self._cut(0)
        else:
            self._start_requests()

    def _waits_for_others(self) -> bool:
        """Whether all connections together hold too much. The broker's own children do not wait for what its clients do."""
        return self.factory.over_budget and not self._internal

    @property
    def _quiet(self) -> bool:
        """Whether nothing may be read or begun for now."""
        return self._barred or self._muted is not None

    def _full(self) -> bool:
        return self._sender is not None and self._sender.full

    def _start(self, frame: bytes) -> None:
        assert self.session is not None
        pending = Pending(SIZE.size + len(frame))
        self._answers.append(pending)
        self._requests += 1
        now = self._seconds()
        much = pending.size >= HEAVY_BYTES and not frame.startswith(FETCH)
        if self._standing.asked(self.transport, much, now, self._requests >= KNOWN_REQUESTS and not self._authenticating):
            self._size_reads(0)
        self._asked_at = now
        self._asks_again = asks_again(now - self._answered_at, pending.size)
        self.deadline = now + self._limits.idle_seconds
        try:
            answer: Answer = self._dispatcher.dispatch(self.session, frame)
        except ProtocolViolation as problem:
            self._violated(str(problem))
            return
        except Exception:  # noqa: BLE001  whatever fails in there ends this connection and no other
            self._log.failure("a request of {host} could not be served", host=self.session.peer_host)
            self._violated("a request that failed here")
            return
        if self.session.muted_until:
            self._mute(self.session)
        made = getattr(answer.pieces, "result", None)
        if type(made) is list:
            # There already, as nearly always without fsync.
            self._ready(made, pending)
        else:
            answer.pieces.addCallbacks(self._ready, self._failed, callbackArgs=(pending,))
            if self._asks_again and not pending.done and answers_soon(self._answer_took):
                self.factory.busy_poll.for_answer()
        if answer.started is not None and not answer.started.called:
            self._starting = True
            answer.started.addBoth(self._started)

    def _started(self, result: object) -> None:
        self._starting = False
        if not self._lost:
            self._start_requests()

    def _ready(self, pieces: Pieces | None, pending: Pending) -> None:
        if self._lost:
            close_pieces(pieces or ())
            return
        pending.done = True
        pending.pieces = pieces
        answers, sender = self._answers, self._sender
        assert sender is not None
        while answers and answers[0].done:
            first = answers.popleft()
            pieces = first.pieces
            if pieces is not None:
                size, pieces = framed(pieces)
                self.factory.bytes_out += size
            sender.send(pieces or (), first.size)
        if self.session is not None and self.session.ending and not self._ending:
            self.end()
            return
        if self.session is not None and self.session.muted_until:
            self._mute(self.session)
        if self._looping:
            return
        if answers:
            # Others are about to be ready as well.
            sender.push_soon()
        else:
            self._push()
        if self._ending:
            self._end_if_answered()
        elif self._frames.whole:
            self._go_on_later()  # now, what begins here might make answers of others ready, and what begins there more, ever deeper in the stack
        elif self._paused:
            self._start_requests()

    def _push(self) -> None:
        """Let the peer have what is ready."""
        sender = self._sender
        assert sender is not None
        sender.push()
        now = self._answered_at = self._seconds()
        if sender.busy:
            self.deadline = now + self._limits.stalled_seconds
        elif self._asks_again and not self._answers:
            self._answer_took = now - self._asked_at
            self.factory.busy_poll.for_request()

    def _failed(self, failure: Failure) -> None:
        if self._lost:
            return
        if not isinstance(failure.value, ProtocolViolation):
            self._log.failure("an answer could not be made", failure)
            self._violated("a request whose answer failed here")
        else:
            self._violated(str(failure.value))

    def _mute(self, session: Session) -> None:
        """Read and begin nothing until the client's time is over; what was begun is answered."""
        left = session.muted_until - self._seconds()
        if left > 0 and self._muted is None and not self._ending:
            self._muted = self.factory.clock.callLater(left, self._unmute, session)
            self._pause()

    def _unmute(self, session: Session) -> None:
        self._muted = None
        self._mute(session)
        if self._muted is None:
            session.muted_until = 0.0
            self._start_requests()

    # -- bounds -------------------------------------------------------------------------------------------------------

    def _hold(self, size: int) -> None:
        self._bytes_in_flight += size
        self.factory.bytes_held(size)

    def _hold_unfinished(self) -> None:
        """Tell how many bytes are here of a request whose end is not."""
        size = self._frames.unfinished_bytes
        if size != self._held:
            before, self._held = self._held, size
            self.factory.unfinished_held(self, before)

    @property
    def unfinished_bytes(self) -> int:
        """What is here of a request whose end is not."""
        return self._held

    def give_up_unfinished(self) -> None:
        """Others need the room that an unfinished request takes: close, and give it back at once."""
        if self._lost or self.session is None:
            return
        size = self._held
        why = f"its unfinished request of {size} bytes is among the largest of those that together take more memory than requests may"
        self.factory.tell_refused(self.session, "memory", why)
        self._frames.clear()
        self._lost = True
        self._hold_unfinished()
        self._hold(-size)
        self.abort()

    @property
    def paused_descriptor(self) -> int:
        """Of the socket while it is not read from, and nobody would notice that the peer is gone; else -1."""
        fileno = getattr(self.transport, "fileno", None)
        return int(fileno()) if self._paused and fileno is not None else -1

    def has_more(self, unread: int) -> bool:
        """Whether whole requests of a peer that hung up wait for nothing but their time: they are served as if it had not.

        :param unread: bytes that are in the socket still.
        """
        return (self._turn is not None or self._muted is not None) and (unread > 0 or bool(self._frames.whole))

    def _answered(self, size: int) -> None:
        """The answer to a request of so many bytes is on its way."""
        self._bytes_in_flight -= size
        self.factory.bytes_held(-size)
        self.deadline = self._seconds() + self._limits.idle_seconds

    def _progressed(self) -> None:
        """The peer took some of an answer."""
        busy = self._sender is not None and self._sender.busy
        self.deadline = self._seconds() + (self._limits.stalled_seconds if busy else self._limits.idle_seconds)
        if self._paused and not self._lost:
            self._start_requests()

    def _pause(self) -> None:
        transport: Any = self.transport
        if self._waits_for_others():
            self.factory.wait_for_budget(self)
        if not self._paused and transport is not None:
            self._paused = True
            transport.pauseProducing()

    def _resume(self) -> None:
        transport: Any = self.transport
        if self._paused and transport is not None and not self._lost:
            self._paused = False
            transport.resumeProducing()

    def budget_freed(self) -> None:
        """Others' requests were answered: there is room again for everyone."""
        if self._paused and not self._lost:
            # Not now: whoever freed it may be in the middle of sending.
            self._go_on_later()
