"""Connections from this broker to the others of its cluster, and whatever else is connected to with TLS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IConnector
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.defer import deferred
from chronik.metadata.image import BrokerImage, Endpoint
from chronik.network.channel import ChannelError, KafkaChannel
from chronik.network.handshakes import Handshakes
from chronik.network.interfaces import IBrokerChannels, ISaslClient, ITlsSide
from chronik.network.tls import TlsTransport

CONNECT_SECONDS: Final = 2.0
"""How long a broker may take to accept a connection, and then to tell its versions."""


@implementer(IBrokerChannels)
class BrokerChannels:
    """Opens channels to other brokers.

    :param reactor: connects and keeps time.
    :param broker_id: this broker, for the others' logs.
    :param broker: what the image says of a broker, None for nothing.
    :param listener: name of the listener that brokers use among themselves.
    :param tls: this side of TLS with a host; None where that listener has none.
    :param sasl: makes this broker's side of a login; None where that listener asks for none.
    """

    def __init__(
        self,
        reactor: Any,
        broker_id: int,
        broker: Callable[[int], BrokerImage | None],
        listener: str,
        tls: Callable[[str], ITlsSide] | None = None,
        sasl: Callable[[], ISaslClient] | None = None,
    ) -> None:
        self._reactor = reactor
        self._client_id = f"broker-{broker_id}"
        self._broker = broker
        self._listener = listener
        self._tls = tls
        self._handshakes = Handshakes(reactor, seconds=CONNECT_SECONDS)
        self._sasl = sasl

    @deferred
    async def connect(self, broker_id: int) -> KafkaChannel:
        """A new channel to a broker, that knows the other's versions.

        :raises ChannelError: it is not registered or cannot be reached, or it does not believe who this is.
        """
        endpoint = self._endpoint(broker_id)
        side = None if self._tls is None else self._tls(endpoint.host)
        factory = _OneChannel(Dialing(KafkaChannel(self._reactor, self._client_id), side, self._reactor, self._handshakes))
        self._reactor.connectTCP(endpoint.host, endpoint.port, factory, timeout=CONNECT_SECONDS)
        channel = await factory.connected
        try:
            await channel.negotiate(CONNECT_SECONDS)
            if self._sasl is not None:
                await channel.authenticate(self._sasl, CONNECT_SECONDS)
        except ChannelError:
            channel.close()
            raise
        return channel

    def _endpoint(self, broker_id: int) -> Endpoint:
        broker = self._broker(broker_id)
        if broker is None:
            raise ChannelError(f"broker {broker_id} is not registered")
        endpoint = broker.endpoints.get(self._listener)
        if endpoint is None or not endpoint.host:
            raise ChannelError(f"broker {broker_id} does not say how its listener {self._listener} is reached: set advertised.listeners there")
        return endpoint


class KeptChannel:
    """A channel to one other broker at a time, kept from one request to the next."""

    def __init__(self, channels: IBrokerChannels) -> None:
        self._channels = channels
        self._kept: tuple[int, KafkaChannel] | None = None

    @property
    def broker_id(self) -> int | None:
        """The broker at its other end, None for none."""
        return None if self._kept is None else self._kept[0]

    async def to(self, broker_id: int) -> KafkaChannel:
        """The channel to a broker: the one that is kept, or a new one.

        :raises ChannelError: the broker cannot be reached.
        """
        if self._kept is None or self._kept[0] != broker_id:
            self.hang_up()
            self._kept = broker_id, await self._channels.connect(broker_id)
        return self._kept[1]

    def hang_up(self) -> None:
        """Keep none."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept[1].close()


class Dialing:
    """A channel on its way.

    :param side: this side of TLS, None for none.
    :ivar protocol: what is to be connected to the socket.
    :ivar connected: fires with the channel once it can be used; fails with :class:`ChannelError` when TLS comes to nothing.
    """

    def __init__(self, channel: KafkaChannel, side: ITlsSide | None, clock: Any, handshakes: Handshakes) -> None:
        self.connected: Deferred[KafkaChannel] = Deferred()
        channel.made.addCallback(self.connected.callback)
        self.protocol: Any = channel
        if side is not None:
            self.protocol = TlsTransport(side, channel, clock, handshakes, self._failed, client=True)

    def _failed(self, why: str, is_gone: bool) -> None:
        self.connected.errback(ChannelError(f"no TLS connection could be made: the broker {why}"))


class _OneChannel(ClientFactory):
    """Connects one channel.

    :ivar connected: fires with it.
    """

    noisy = False

    def __init__(self, dialing: Dialing) -> None:
        self._dialing = dialing
        self.connected = dialing.connected

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """It is connected."""
        return self._dialing.protocol

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """It cannot be."""
        self.connected.errback(ChannelError(f"no connection to {connector.getDestination()}: {reason.getErrorMessage()}"))
