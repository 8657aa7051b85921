"""Connections from this broker to the others of its cluster."""

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
from chronik.network.interfaces import IBrokerChannels, ISaslClient

CONNECT_SECONDS: Final = 2.0
"""How long a broker may take to accept a connection, and then to tell its versions."""


@implementer(IBrokerChannels)
class BrokerChannels:
    """Opens channels to other brokers.

    :param reactor: connects and keeps time.
    :param broker_id: this broker, for the others' logs.
    :param broker: what the image says of a broker, None for nothing.
    :param listener: name of the listener that brokers use among themselves.
    :param sasl: makes this broker's side of a login; None where that listener asks for none.
    """

    def __init__(
        self,
        reactor: Any,
        broker_id: int,
        broker: Callable[[int], BrokerImage | None],
        listener: str,
        sasl: Callable[[], ISaslClient] | None = None,
    ) -> None:
        self._reactor = reactor
        self._client_id = f"broker-{broker_id}"
        self._broker = broker
        self._listener = listener
        self._sasl = sasl

    @deferred
    async def connect(self, broker_id: int) -> KafkaChannel:
        """A new channel to a broker, that knows the other's versions.

        :raises ChannelError: it is not registered or cannot be reached, or it does not believe who this is.
        """
        endpoint = self._endpoint(broker_id)
        factory = _OneChannel(KafkaChannel(self._reactor, self._client_id))
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


class _OneChannel(ClientFactory):
    """Connects one channel.

    :ivar connected: fires with it.
    """

    noisy = False

    def __init__(self, channel: KafkaChannel) -> None:
        self._channel = channel
        self.connected: Deferred[KafkaChannel] = Deferred()
        channel.made.addCallback(self.connected.callback)

    def buildProtocol(self, addr: IAddress | None) -> KafkaChannel:
        """It is connected."""
        return self._channel

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        """It cannot be."""
        self.connected.errback(ChannelError(f"no connection to {connector.getDestination()}: {reason.getErrorMessage()}"))
