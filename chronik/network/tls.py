"""TLS between a socket and a protocol, on either side of a connection.

Twisted's own would do, but that it begins every handshake at once and says nothing of why one failed, delivers each record by itself, and passes
every answer through a buffer and another turn of the reactor. :mod:`~chronik.network.tlssender` sends past all that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.network.handshakes import Handshakes
from chronik.network.interfaces import ITlsSide, TlsRefusal

RECORD_BYTES: Final = 16 << 10
"""What one record of TLS holds, and one call gives."""

PIECE_BYTES: Final = 32 << 10
"""How much is encrypted or decrypted at a time. Half of it costs a third more calls' time; twice as much is no quicker, and OpenSSL's buffers, which
never shrink, keep the size of the largest piece for as long as the connection lives."""

LINGER_SECONDS: Final = 1.0
"""How long a peer that was refused may still send: closing at once would reset the connection, and it would not see the alert that says why."""

_HANDSHAKE: Final = 0x16
"""The type of record that a handshake begins with."""


@implementer(ISSLTransport, IPushProducer)
class TlsTransport(Protocol):
    """One connection: a protocol to the transport below, a transport to the protocol above.

    At the server, the protocol above is connected at once, so that it can be counted and have its deadline; it is told ``handshakeCompleted``, if it
    has such a method. At the client it is connected once the handshake is done, and never where there is none.

    :param side: whose certificates, and who is trusted.
    :param inner: the protocol above.
    :param handshakes: when the handshake may begin; None for at once.
    :param failed: told why there will be no connection (completes "it …"), and whether that is because the peer has left.
    :param client: whether the handshake begins here.
    :param completed: told when the handshake is done and the protocol above is connected.
    :ivar session: of OpenSSL, None before the handshake.
    :ivar peer: whom the other's certificate stands for, once it is known; None for nobody.
    :ivar on_output: who sends what is encrypted, where that is not the transport below; see :meth:`take_output`.
    """

    TLS = True
    _log = Logger()

    def __init__(
        self,
        side: ITlsSide,
        inner: Any,
        clock: Any,
        handshakes: Handshakes,
        failed: Callable[[str, bool], None],
        client: bool = False,
        completed: Callable[[], None] | None = None,
    ) -> None:
        self._side = side
        self._inner = inner
        self._clock = clock
        self._handshakes = handshakes
        self._failed = failed
        self._client = client
        self._completed = completed
        self._early: list[bytes] = []
        self._early_out: list[bytes] = []
        self._arrived: list[bytes] = []
        self._secured = False
        self._over = False
        self._lost = False
        self._paused = False
        self._delivering = False
        self._pulling = False
        self._closing = False
        self._broken = ""
        self._timer: Any = None
        self.session: SSL.Connection | None = None
        self.peer: Any = None
        self.on_output: Callable[[], None] | None = None

    @property
    def inner(self) -> Any:
        """The protocol above."""
        return self._inner

    # -- from below ---------------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """There is a socket."""
        if self._client:
            self._handshakes.received(self)
        else:
            self._inner.makeConnection(self)

    def dataReceived(self, data: bytes) -> None:
        """What the peer sent, encrypted."""
        if self._over:
            return
        if self._secured:
            self._arrived.append(data)
            self._deliver()
            return
        if not self._early and self.session is None and data[0] != _HANDSHAKE and not self._client:
            self._refuse("speaks no TLS: set its security protocol to SSL or SASL_SSL, or its URL to https")
            return
        self._early.append(data)
        if self.session is None:
            self._below.pauseProducing()  # until it may begin: nothing more is kept
        self._handshakes.received(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The socket is gone."""
        if not self._secured and not self._over:
            self._over = True
            if self.session is not None or self._client:
                self._handshakes.fail()
                self._failed("ended the connection in the middle of the handshake", True)
        self._over = self._lost = True
        self._handshakes.over(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._early.clear()
        self._arrived.clear()
        if self._broken:
            reason = Failure(ConnectionLost(f"the other end {self._broken}"))
        inner, self._inner = self._inner, None
        if inner is not None and (self._secured or not self._client):
            inner.connectionLost(reason)
        if self.session is not None:
            self._handshakes.discard(self.session)
        self.session = None
        self.on_output = None

    # -- the handshake ------------------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Go on with the handshake, with what came."""
        if self._over or self._secured:
            return
        try:
            self._shake_hands()
        except Exception:  # noqa: BLE001  a certificate that a library chokes on ends its own connection
            self._log.failure("a handshake could not be gone on with")
            self._refuse("sent something that failed here")

    def _shake_hands(self) -> None:
        if self.session is None:
            self.session = self._side.connection()
            self._below.pauseProducing() if self._paused else self._below.resumeProducing()
        session = self.session
        for data in self._early:
            session.bio_write(data)
        self._early.clear()
        try:
            session.do_handshake()
        except SSL.WantReadError:
            self._flush()
        except SSL.Error as error:
            self._refuse(self._side.explain(session, error))
        else:
            self._complete(session)

    def _complete(self, session: SSL.Connection) -> None:
        try:
            self.peer = self._side.identify(session)
        except TlsRefusal as problem:
            self._refuse(str(problem))
            return
        self._secured = True
        self._handshakes.done += 1
        self._handshakes.over(self)
        self._flush()
        if self._client:
            self._inner.makeConnection(self)
        for told in (getattr(self._inner, "handshakeCompleted", None), self._completed):
            if told is not None:
                told()
        early, self._early_out = self._early_out, []
        for data in early:
            self.write(data)
        self._deliver()

    def give_up(self, why: str) -> None:
        """There will be no handshake."""
        self._refuse(why)

    def _refuse(self, why: str) -> None:
        """End the connection before it was one. What is wrong with a handshake OpenSSL has put into an alert, which the peer still gets."""
        if self._over:
            return
        self._over = True
        self._handshakes.fail()
        self._failed(why, False)
        self._handshakes.over(self)
        if self.session is not None:
            self._say_goodbye(self.session)
            self._flush()
        self._linger()

    def _say_goodbye(self, session: SSL.Connection) -> None:
        try:
            session.shutdown()
        except SSL.Error:
            pass  # there is no session yet to end

    def _linger(self) -> None:
        """Send what is to be sent, and then read until the peer has seen it; the reading is thrown away."""
        self._below.resumeProducing()
        if hasattr(self._below, "loseWriteConnection"):
            self._below.loseWriteConnection()
            self._timer = self._clock.callLater(LINGER_SECONDS, self._below.abortConnection)
        else:
            self._below.loseConnection()

    # -- what comes ---------------------------------------------------------------------------------------------------

    def _deliver(self) -> None:
        """Give the protocol above what can be decrypted, all that came at once in one piece."""
        session = self.session
        if self._delivering or self._paused or session is None or self._over:
            return
        self._delivering = True
        pieces: list[bytes] = []
        ended = False
        try:
            self._open(session, pieces)
        except SSL.ZeroReturnError:
            ended = True
        except SSL.Error as error:
            self._over = True
            self._broken = self._side.explain(session, error)
            self._log.debug("a TLS connection broke: the other end {why}", why=self._broken)
            ended = True
        if pieces and self._inner is not None:
            self._inner.dataReceived(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        self._delivering = False
        if self._lost:
            return
        self._flush()
        if ended and self._pulling:
            # In the middle of an answer, which nobody reads any more.
            self.abortConnection()
        elif ended:
            self._end()

    def _open(self, session: SSL.Connection, pieces: list[bytes]) -> None:
        """Decrypt all that came."""
        arrived, self._arrived = self._arrived, []
        receive = session.recv
        for data in arrived or (b"",):
            view = memoryview(data)
            for start in range(0, len(view) or 1, PIECE_BYTES):
                if data:
                    session.bio_write(view[start : start + PIECE_BYTES])
                try:
                    while True:
                        pieces.append(receive(RECORD_BYTES))
                except SSL.WantReadError:
                    pass

    # -- what goes ----------------------------------------------------------------------------------------------------

    def seal(self, data: bytes | memoryview) -> bytes:
        """Encrypt, once the handshake is done; what is to be sent, with anything that TLS itself had to say before it.

        :returns: nothing when there is no TLS any more; then the connection is ending.
        """
        try:
            if self.session is not None:
                self.session.send(data)
                return self.take_output()
        except SSL.Error as error:
            self._log.debug("a TLS connection broke: {error}", error=error)
        self.abortConnection()
        return b""

    def take_output(self) -> bytes:
        """What TLS has to send now; nothing for nothing."""
        session = self.session
        if session is None:
            return b""
        pieces: list[bytes] = []
        try:
            while True:
                pieces.append(session.bio_read(PIECE_BYTES + 1024))
                if len(pieces[-1]) < PIECE_BYTES + 1024:
                    break
        except SSL.WantReadError:
            pass
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _flush(self) -> None:
        """Send what TLS itself has to say."""
        if self.on_output is not None:
            self.on_output()
            return
        data = self.take_output()
        if data and not self._lost:
            self._below.write(data)

    def write(self, data: bytes) -> None:
        """Send; kept until the handshake is done."""
        if self._over or self._lost or not data:
            return
        if not self._secured:
            self._early_out.append(data)
            return
        view = memoryview(data)
        for start in range(0, len(view), PIECE_BYTES):
            self._below.write(self.seal(view[start : start + PIECE_BYTES]))

    def writeSequence(self, pieces: Any) -> None:
        """Send several pieces."""
        self.write(b"".join(pieces))

    # -- the end ------------------------------------------------------------------------------------------------------

    def loseConnection(self) -> None:
        """Close once everything is sent, which a producer may still do."""
        if self._closing or self._lost:
            return
        self._closing = True
        if not self._pulling:
            self._end()

    def _end(self) -> None:
        """Say that it is the end, and close."""
        self._over = True
        if self.session is not None and self._secured:
            self._say_goodbye(self.session)
            self._flush()
        self._below.loseConnection()

    def abortConnection(self) -> None:
        """Close now."""
        self._over = True
        if not self._lost:
            self._below.abortConnection()

    # -- the transport's other half -----------------------------------------------------------------------------------

    @property
    def _below(self) -> Any:
        return self.transport

    @property
    def below(self) -> Any:
        """The transport that carries what is encrypted."""
        return self.transport

    @property
    def disconnecting(self) -> bool:
        """Whether it was told to close."""
        return self._closing

    @property
    def bufferSize(self) -> int:
        """What one read takes from the socket."""
        return int(self._below.bufferSize)

    @bufferSize.setter
    def bufferSize(self, size: int) -> None:
        self._below.bufferSize = size

    def pauseProducing(self) -> None:
        """Deliver nothing for now."""
        self._paused = True
        if not self._over:
            self._below.pauseProducing()

    def resumeProducing(self) -> None:
        """Deliver again."""
        self._paused = False
        if self._over or self._lost:
            return
        if self.session is None and self._early:
            return  # it waits for its handshake to begin
        self._below.resumeProducing()
        if self._secured:
            # Not now: whoever resumes may be in the middle of something.
            self._clock.callLater(0, self._deliver)

    def stopProducing(self) -> None:
        """Close."""
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let a producer be told when the transport below takes more: it keeps nothing here."""
        self._pulling = not streaming
        self._below.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Tell it no more."""
        self._below.unregisterProducer()
        if self._pulling:
            self._pulling = False
            if self._closing and not self._over:
                self._end()

    def getPeerCertificate(self) -> Any:
        """The peer's, None where it showed none."""
        return None if self.session is None else self.session.get_peer_certificate(as_cryptography=True)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the socket can."""
        if name.startswith("_") or name == "transport":
            raise AttributeError(name)
        return getattr(self.transport, name)
