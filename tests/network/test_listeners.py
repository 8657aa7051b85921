"""Listeners by name: protocols, endpoints, what cannot be, and what is warned of."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from chronik.config import Configuration
from chronik.errors import ConfigurationError
from chronik.metadata.image import Endpoint
from chronik.network.listeners import KafkaListeners, inter_broker_listener
from chronik.security.tls.server import ServerTls
from tests.network.fakes import ToldDispatcher
from tests.security.tls.authority import settings

MAP = "CLIENT:SSL,INTERNAL:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL"


class _Port:
    """A port that was bound."""

    def __init__(self, host: str, port: int) -> None:
        self._address = IPv4Address("TCP", host, port)

    def getHost(self) -> IPv4Address:
        """Where."""
        return self._address

    def stopReading(self) -> None:
        """Nobody comes anyway."""

    def startReading(self) -> None:
        """Nobody comes."""


class _Reactor(MemoryReactorClock):
    """Binds nothing."""

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """A port."""
        return _Port(interface, port)


def config(**values: str) -> Configuration:
    """A configuration with certificates; underscores stand for dots."""
    return Configuration().with_values({"listener.security.protocol.map": MAP, **settings(**values)})


def listeners(configuration: Configuration, reactor: Any = None) -> KafkaListeners:
    """Listeners on a reactor in memory."""
    return KafkaListeners(configuration, reactor or _Reactor(), 100, lambda name, own: ServerTls(name, own, lambda: 0.0))


class EndpointTests(SynchronousTestCase):
    """Where clients of each listener go."""

    def endpoints(self, **values: str) -> Any:
        """Endpoints of bound listeners, by name."""
        opened = listeners(config(**values))
        opened.bind()
        return opened.endpoints()

    def test_protocols(self) -> None:
        """Each endpoint has its listener's protocol."""
        self.assertEqual(
            {"CLIENT": Endpoint("127.0.0.1", 9093, "SSL"), "INTERNAL": Endpoint("::1", 9092, "PLAINTEXT")},
            self.endpoints(listeners="CLIENT://127.0.0.1:9093,INTERNAL://[::1]:9092"),
        )

    def test_advertised(self) -> None:
        """What is advertised wins; a listener that is not tells the address it was reached on."""
        found = self.endpoints(listeners="CLIENT://:9093,INTERNAL://:9092", advertised_listeners="CLIENT://broker.example:443")
        self.assertEqual({"CLIENT": Endpoint("broker.example", 443, "SSL"), "INTERNAL": Endpoint("", 9092, "PLAINTEXT")}, found)

    def test_configuration_of_a_listener(self) -> None:
        """Keys of one listener count for it alone."""
        values = {"listener.name.client.ssl.client.auth": "required", "listeners": "CLIENT://127.0.0.1:9093,SSL://127.0.0.1:9094"}
        opened = listeners(config().with_values(values))
        self.assertEqual({"CLIENT": True, "SSL": False}, {name: tls.authenticates for name, tls in opened.tls.items()})

    def test_connections_are_put_under_tls(self) -> None:
        """Only those of listeners that have it."""
        opened = listeners(config(listeners="CLIENT://127.0.0.1:9093,INTERNAL://127.0.0.1:9092"))
        opened.bind()
        opened.serve(ToldDispatcher())
        found = {factory.name: (factory.tls is not None, factory.protocol_name) for factory in opened.factories}
        self.assertEqual({"CLIENT": (True, "SSL"), "INTERNAL": (False, "PLAINTEXT"), "PRIVATE": (False, "PLAINTEXT")}, found)


class RefusalTests(SynchronousTestCase):
    """What cannot be."""

    def test_refused(self) -> None:
        """One sentence that names what is wrong."""
        for values, said in (
            ({"listeners": "MINE://127.0.0.1:9092"}, "MINE://127.0.0.1:9092 is in no entry of listener.security.protocol.map"),
            ({"listeners": "SSL://:1,SSL://:2"}, "two of the name SSL"),
            ({"listeners": "SSL://127.0.0.1:1,CLIENT://127.0.0.1:1"}, "SSL and CLIENT have one address, 127.0.0.1:1"),
            ({"advertised_listeners": "CLIENT://x:1"}, "advertised.listeners names CLIENT, which listeners does not open"),
            ({"advertised_listeners": "PLAINTEXT://x:1,PLAINTEXT://y:1"}, "names a listener twice"),
        ):
            with self.assertRaises(ConfigurationError) as caught:
                listeners(config(**values))
            self.assertIn(said, str(caught.exception))

    def test_two_free_ports(self) -> None:
        """Two listeners that let the system choose have no address yet."""
        listeners(config(listeners="SSL://127.0.0.1:0,CLIENT://127.0.0.1:0"))

    def test_inter_broker(self) -> None:
        """The listener of brokers by name, by protocol, or the first; never by both, nor one that there is not."""
        both = "CLIENT://:9093,SSL://:9094"
        self.assertEqual("CLIENT", inter_broker_listener(config(listeners=both)))
        self.assertEqual("SSL", inter_broker_listener(config(listeners=both, inter_broker_listener_name="ssl")))
        self.assertEqual("SSL", inter_broker_listener(config(listeners=both, security_inter_broker_protocol="SSL")))
        for values, said in (
            ({"inter_broker_listener_name": "SSL", "security_inter_broker_protocol": "SSL"}, "both set"),
            ({"inter_broker_listener_name": "OTHER"}, "OTHER, which listeners does not open"),
            ({"security_inter_broker_protocol": "PLAINTEXT"}, "no listener of that name"),
        ):
            with self.assertRaisesRegex(ConfigurationError, said):
                inter_broker_listener(config(listeners=both, **values))


class WarningTests(SynchronousTestCase):
    """Binding where others reach the broker."""

    def warned(self, **values: str) -> int:
        """How many listeners were warned of."""
        events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        listeners(config(**values)).bind()
        return len([event for event in events if event["log_level"] is LogLevel.warn])

    def test_who_is_warned(self) -> None:
        """Whoever lets everybody in from everywhere: not on loopback, not with required certificates."""
        self.assertEqual(0, self.warned(listeners="PLAINTEXT://127.0.0.1:1,SSL://[::1]:2"))
        self.assertEqual(2, self.warned(listeners="PLAINTEXT://:1,SSL://0.0.0.0:2"))
        self.assertEqual(1, self.warned(listeners="SSL://192.0.2.1:2", ssl_client_auth="requested"))
        self.assertEqual(0, self.warned(listeners="SSL://0.0.0.0:2", ssl_client_auth="required"))
