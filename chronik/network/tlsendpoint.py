"""An endpoint of Twisted's that connects with TLS."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.errors import ChronikError
from chronik.network.handshakes import Handshakes
from chronik.network.interfaces import ITlsSide
from chronik.network.tls import TlsTransport


class TlsFailed(ChronikError):
    """A peer was connected to, and no TLS came of it; says why."""


@implementer(IStreamClientEndpoint)
class TlsEndpoint:
    """Connects through another endpoint, and answers once the handshake is done.

    :param below: connects the socket.
    :param side: this side of TLS.
    :param clock: an ``IReactorTime``.
    """

    def __init__(self, below: IStreamClientEndpoint, side: ITlsSide, clock: Any) -> None:
        self._below = below
        self._side = side
        self._clock = clock

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect.

        :returns: the protocol above TLS; fails as ``below`` does, or with :class:`TlsFailed`.
        """
        connected: Deferred[IProtocol] = Deferred()
        securing = _Securing(protocolFactory, self._side, self._clock, connected)
        self._below.connect(securing).addErrback(_unless_told(connected))
        return connected


def _unless_told(connected: Deferred[IProtocol]) -> Any:
    def tell(failure: Failure) -> None:
        if not connected.called:
            connected.errback(failure)

    return tell


class _Securing(Factory):
    """Puts one connection under TLS."""

    noisy = False

    def __init__(self, inner: IProtocolFactory, side: ITlsSide, clock: Any, connected: Deferred[IProtocol]) -> None:
        self._inner = inner
        self._side = side
        self._clock = clock
        self._connected = connected

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """The socket is connected."""
        protocol: Any = self._inner.buildProtocol(cast("IAddress", addr))

        def failed(why: str, is_gone: bool) -> None:
            if not self._connected.called:
                self._connected.errback(TlsFailed(f"no TLS connection could be made: the other end {why}"))

        def done() -> None:
            if not self._connected.called:
                self._connected.callback(protocol)

        return TlsTransport(self._side, protocol, self._clock, Handshakes(self._clock), failed, client=True, completed=done)
