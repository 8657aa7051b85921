"""All Kafka listeners of a broker: bound early, so that a busy port is told at once; accepting only when there is somebody to serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from zope.interface import implementer

from chronik.config import Configuration, ListenerAddress
from chronik.config.interfaces import IReconfigurable
from chronik.config.listeners import parse_protocol_map
from chronik.defer import deferred
from chronik.errors import ConfigurationError
from chronik.metadata.image import Endpoint
from chronik.network.admission import Admission, AdmissionLimits
from chronik.network.busypoll import IBusyPoll, NoBusyPoll
from chronik.network.crowd import NO_CROWD, Crowd
from chronik.network.handshakes import Handshakes
from chronik.network.interfaces import Handshake, IAuthenticators, IRequestDispatcher
from chronik.network.limits import ConnectionLimits
from chronik.network.listener import ConnectionFactory, KafkaListener, RequestBudget

ENCRYPTED: Final = frozenset({"SSL", "SASL_SSL"})
"""Security protocols over TLS."""

SASL_PROTOCOLS: Final = frozenset({"SASL_PLAINTEXT", "SASL_SSL"})
"""Security protocols under which peers prove who they are by SASL."""

PRIVATE = "PRIVATE"
"""The listener name of the broker's own children, who come over inherited sockets."""


TlsMaker: TypeAlias = "Callable[[str, Configuration], Any]"
"""Makes the TLS of a listener, by its name and the configuration as it has it."""


@implementer(IReconfigurable)
class KafkaListeners:
    """Opens what ``listeners`` says.

    :param reactor: binds and keeps time.
    :param connections_max: at once, on all listeners together, whatever ``max.connections`` allows: the system has no more.
    :param tls: makes the TLS of a listener, by its name and its own configuration.
    :param busy_poll: keeps the reactor awake for whoever asks again at once; see :mod:`~chronik.network.busypoll`.
    :param crowd: where those are who are not known yet; see :mod:`~chronik.network.crowd`.
    :ivar tls: of each listener that has it, by name.
    :raises ConfigurationError: some of it cannot be.
    """

    _log = Logger()

    def __init__(
        self,
        config: Configuration,
        reactor: Any,
        connections_max: int,
        tls: TlsMaker | None = None,
        busy_poll: IBusyPoll | None = None,
        crowd: Crowd = NO_CROWD,
    ) -> None:
        self._reactor = reactor
        self._crowd = crowd
        self._busy_poll = busy_poll or NoBusyPoll()
        self._connections_max = connections_max
        self._addresses = config.listeners()
        self._advertised = _advertised(config, self._addresses)
        self._protocols = security_protocols(config)
        self.handshakes = Handshakes(reactor, crowd=crowd)
        self.tls = {name: _need(tls)(name, config.for_listener(name)) for name, protocol in self._protocols.items() if protocol in ENCRYPTED}
        limits = ConnectionLimits(
            idle_seconds=config.get("connections.max.idle.ms") / 1000,
            backlog=config.get("socket.listen.backlog.size"),
            send_buffer_bytes=config.get("socket.send.buffer.bytes"),
            receive_buffer_bytes=config.get("socket.receive.buffer.bytes"),
        )
        budget = RequestBudget()
        self._admission = Admission(reactor, admission_limits(config, connections_max))
        frame_bytes_max: int = config.get("socket.request.max.bytes")
        self._factories = {address.name: self._factory(address.name, limits, frame_bytes_max, budget) for address in self._addresses}
        self._private = ConnectionFactory(PRIVATE, reactor, limits, frame_bytes_max, budget)
        self._listeners: list[KafkaListener] = []
        self._adopting = KafkaListener(reactor, self._private, "", 0)

    def _factory(self, name: str, limits: ConnectionLimits, frame_bytes_max: int, budget: RequestBudget) -> ConnectionFactory:
        tls, protocol = self.tls.get(name), self._protocols[name]
        factory = ConnectionFactory(name, self._reactor, limits, frame_bytes_max, budget, self._admission, tls, self.handshakes, protocol)
        factory.busy_poll, factory.crowd = self._busy_poll, self._crowd
        return factory

    def configure(self, config: Configuration) -> None:
        """Go by another configuration, as far as it can change at run time: how many may connect."""
        self._admission.limit(admission_limits(config, self._connections_max))

    def check_configuration(self, config: Configuration) -> None:
        """Any number of connections will do."""

    def configuration_changed(self, config: Configuration, changed: AbstractSet[str]) -> None:
        """How many may connect may be among what changed; see :meth:`IReconfigurable.configuration_changed`."""
        self.configure(config)

    def limit_addresses(self, rate: Callable[[str], float | None]) -> None:
        """Ask ``rate`` for the most connections a second from an address."""
        self._admission.address_rate = rate

    def bind(self) -> None:
        """Bind every address, and accept nobody yet.

        :raises ChronikError: an address cannot be had.
        """
        for address in self._addresses:
            listener = KafkaListener(self._reactor, self._factories[address.name], address.host, address.port)
            listener.bind()
            self._listeners.append(listener)
            if not address.loopback and not self._authenticates(address.name):
                self._log.warn(
                    "{listener} can be reached from other machines, and everybody may do everything there is no rule against: "
                    "this listener asks nobody who they are. Let it be SSL with ssl.client.auth=required, or SASL; or bind 127.0.0.1, or keep others "
                    "out by a firewall",
                    listener=str(address),
                )

    def _authenticates(self, name: str) -> bool:
        """Whether a listener knows everybody who uses it."""
        protocol, tls = self._protocols[name], self.tls.get(name)
        return protocol in SASL_PROTOCOLS or (tls is not None and tls.authenticates)

    def tell_handshakes(self, shaken: Callable[[Handshake], None]) -> None:
        """From now on tell of TLS handshakes that show who a peer is, and of those that fail."""
        for factory in self._factories.values():
            factory.shaken = shaken

    def serve(self, dispatcher: IRequestDispatcher, authenticators: IAuthenticators | None = None) -> None:
        """Accept, and serve by ``dispatcher``.

        :param authenticators: how peers prove who they are on listeners of SASL protocols; on others nobody is asked.
        """
        for factory in (*self._factories.values(), self._private):
            factory.dispatcher = dispatcher
        for name in self.sasl_listeners:
            self._factories[name].authenticators = authenticators
        for listener in self._listeners:
            listener.accept()

    @property
    def sasl_listeners(self) -> Sequence[str]:
        """Names of the listeners on which peers prove who they are by SASL."""
        return [name for name in self._factories if self._protocols[name] in SASL_PROTOCOLS]

    def adopt(self, descriptor: int) -> None:
        """Serve one of the broker's own children over a connected socket, of which a copy is taken."""
        self._adopting.adopt(descriptor)

    @property
    def factories(self) -> Sequence[ConnectionFactory]:
        """Of each listener and of the children, for metrics."""
        return (*self._factories.values(), self._private)

    def endpoints(self) -> Mapping[str, Endpoint]:
        """What clients of each listener are told; no host where each is told the address it used."""
        return {address.name: self._endpoint(address, listener) for address, listener in zip(self._addresses, self._listeners, strict=True)}

    def _endpoint(self, address: ListenerAddress, listener: KafkaListener) -> Endpoint:
        advertised, protocol = self._advertised.get(address.name), self._protocols[address.name]
        if advertised is not None:
            return Endpoint(advertised.host, advertised.port or listener.port, protocol)
        return Endpoint("" if address.wildcard else address.host, listener.port, protocol)

    def bound(self) -> Sequence[str]:
        """Where clients connect to, as ``host:port``."""
        return [_authority(address.host or "0.0.0.0", listener.port) for address, listener in zip(self._addresses, self._listeners, strict=True)]

    @deferred
    async def close(self, seconds: float) -> None:
        """Take no more connections, let requests that were begun be answered for at most so long, then close all."""
        self._admission.close()
        self.handshakes.close()
        await DeferredList([listener.close(seconds) for listener in (*self._listeners, self._adopting)], consumeErrors=True)

    @deferred
    async def stop_accepting(self) -> None:
        """Take no more connections."""
        stopping: list[Deferred[None]] = [listener.stop_accepting() for listener in self._listeners]
        await DeferredList(stopping, consumeErrors=True)


def security_protocols(config: Configuration) -> Mapping[str, str]:
    """The security protocol of each listener, by name.

    :raises ConfigurationError: a listener has none, has one that is not served, or there are two of one name or port.
    """
    known = parse_protocol_map(config.get("listener.security.protocol.map"))
    chosen: dict[str, str] = {}
    places: dict[tuple[str, int], str] = {}
    for address in config.listeners():
        protocol = known.get(address.name)
        if protocol is None:
            raise ConfigurationError(
                f"listener {address} is in no entry of listener.security.protocol.map: add {address.name}:PLAINTEXT there, or another protocol"
            )
        if address.name in chosen:
            raise ConfigurationError(
                f"listeners has two of the name {address.name}: give one another name, and an entry in listener.security.protocol.map"
            )
        other = places.setdefault((address.host, address.port), address.name)
        if other != address.name and address.port:
            raise ConfigurationError(f"listeners {other} and {address.name} have one address, {address.host or '*'}:{address.port}")
        chosen[address.name] = protocol
    return chosen


def inter_broker_listener(config: Configuration) -> str:
    """The listener that brokers use among themselves.

    :raises ConfigurationError: it is named twice over, or is none of the listeners.
    """
    name, protocol = config.get("inter.broker.listener.name"), config.get("security.inter.broker.protocol")
    protocols = security_protocols(config)
    if name is not None and protocol is not None:
        raise ConfigurationError("inter.broker.listener.name and security.inter.broker.protocol are both set: set one")
    if protocol is not None:
        found = next((listener for listener, spoken in protocols.items() if listener == protocol == spoken), None)
        if found is None:
            raise ConfigurationError(
                f"security.inter.broker.protocol is {protocol}, and no listener of that name speaks it: set inter.broker.listener.name"
            )
        return found
    if name is None:
        return config.listeners()[0].name
    if name.upper() not in protocols:
        raise ConfigurationError(f"inter.broker.listener.name is {name}, which listeners does not open")
    return str(name.upper())


def _advertised(config: Configuration, addresses: Sequence[ListenerAddress]) -> Mapping[str, ListenerAddress]:
    listed = config.advertised_listeners()
    advertised = {address.name: address for address in listed}
    unknown = sorted(advertised.keys() - {address.name for address in addresses})
    if unknown:
        raise ConfigurationError(f"advertised.listeners names {', '.join(unknown)}, which listeners does not open")
    if len(advertised) < len(listed):
        raise ConfigurationError("advertised.listeners names a listener twice")
    return advertised


def _need(tls: TlsMaker | None) -> TlsMaker:
    if tls is None:
        raise ConfigurationError("this broker was made without TLS")
    return tls


def admission_limits(config: Configuration, connections_max: int) -> AdmissionLimits:
    """Who may connect, by the configuration.

    :param connections_max: there may be no more, whatever it says.
    """
    overrides = (text.rpartition(":") for text in config.get("max.connections.per.ip.overrides"))
    return AdmissionLimits(
        connections_max=min(config.get("max.connections"), connections_max),
        per_address_max=config.get("max.connections.per.ip"),
        overrides={host.strip("[]"): int(count) for host, _, count in overrides},
        per_second_max=config.get("max.connection.creation.rate"),
        windows=config.get("quota.window.num"),
        window_ms=config.get("quota.window.size.seconds") * 1000.0,
    )


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
