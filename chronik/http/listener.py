"""The HTTP listeners: bound early, served once there is something to serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory
from twisted.web.server import Site

from chronik.clocks import WallClock
from chronik.config import Configuration, ListenerAddress
from chronik.defer import deferred
from chronik.errors import ChronikError
from chronik.http.access import Access
from chronik.http.acls import AclEndpoints
from chronik.http.api import ApiEndpoints
from chronik.http.audit_metrics import audit_families
from chronik.http.authentication import HttpAuthentication
from chronik.http.calls import HttpCalls
from chronik.http.checks import broker_check, cluster_check, search_check
from chronik.http.configs import ConfigEndpoints
from chronik.http.disk_metrics import disk_families
from chronik.http.health import HealthEndpoints
from chronik.http.login_metrics import login_families
from chronik.http.metrics import (
    MetricsEndpoint,
    connection_families,
    fetch_session_families,
    group_families,
    partition_families,
    process_families,
    request_families,
    search_families,
    stall_families,
    tls_families,
)
from chronik.http.roles import RoleEndpoints
from chronik.http.root import RootEndpoints
from chronik.http.routing import Routes
from chronik.http.search import SearchEndpoints
from chronik.http.site import make_site
from chronik.http.users import UserEndpoints
from chronik.logs import LogRation
from chronik.network.crowd import NO_CROWD, Crowd
from chronik.network.handshakes import Handshakes
from chronik.network.listeners import KafkaListeners
from chronik.network.opening import host_of
from chronik.network.tls import TlsTransport
from chronik.security.sasl.server import SaslServers
from chronik.security.tls.server import ServerTls
from chronik.server.calls import ApiCalls
from chronik.server.table import api_table

if TYPE_CHECKING:
    from chronik.search.service import SearchService
    from chronik.server.services import Services
    from chronik.server.stall import ReactorStallMeter


HTTPS: Final = "HTTPS"
"""The name of listeners under TLS."""


@dataclass(frozen=True, slots=True)
class HttpParts:
    """What HTTP tells of and hands requests to.

    :ivar authentication: finds out who sends a request to a listener, by the listener's name.
    """

    services: Services
    listeners: KafkaListeners
    search: SearchService
    stalls: ReactorStallMeter
    authentication: Callable[[str], HttpAuthentication]
    sasl: SaslServers
    users: UserEndpoints


class HttpListeners:
    """Opens what ``http.listeners`` says.

    :param reactor: binds and keeps time.
    :param connections_max: at once, on all listeners together.
    :param handshakes: when TLS handshakes begin.
    :param crowd: where connections are; see :mod:`~chronik.network.crowd`. All stay there, for no request of HTTP is as urgent as
        Kafka's; those that were given something are trusted.
    :ivar tls: of the listeners of HTTPS, None where there are none.
    :raises ConfigurationError: their certificate cannot be used.
    """

    _log = Logger()

    def __init__(
        self,
        config: Configuration,
        reactor: Any,
        wall_clock: WallClock,
        connections_max: int,
        handshakes: Handshakes | None = None,
        crowd: Crowd = NO_CROWD,
    ) -> None:
        self._reactor = reactor
        self._crowd = crowd
        self._ration = LogRation(reactor.seconds, self._left_out)
        self._addresses = config.http_listeners()
        self._handshakes = handshakes or Handshakes(reactor)
        encrypted = any(address.name == HTTPS for address in self._addresses)
        self.tls = ServerTls(HTTPS, config.for_listener(HTTPS), wall_clock) if encrypted else None
        self._allowed_hosts = frozenset({*config.get("http.allowed.hosts"), *(address.host for address in self._addresses if address.host)})
        self._connections_max = max(1, connections_max // max(1, len(self._addresses)))
        self._ports: list[Any] = []
        self._factories: list[_Later] = []

    def bind(self) -> None:
        """Bind every address, and accept nobody yet.

        :raises ChronikError: an address cannot be had.
        """
        for address in self._addresses:
            secured = self._secured if address.name == HTTPS else None
            factory = _Later(self._connections_max, self._ration, secured)
            try:
                port = self._reactor.listenTCP(address.port, factory, interface=address.host)
            except (CannotListenError, OSError) as error:
                cause = getattr(error, "socketError", error)
                raise ChronikError(
                    f"cannot listen on {address.host or '*'}:{address.port} ({address.name}): {cause}; "
                    "stop what uses the port, or choose another in http.listeners"
                ) from None
            port.stopReading()
            self._crowd.take_in(port)
            self._ports.append(port)
            self._factories.append(factory)
            self._warn(address)

    def _warn(self, address: ListenerAddress) -> None:
        """Say so where everybody is let in from everywhere."""
        authenticates = address.name == HTTPS and self.tls is not None and self.tls.authenticates
        if not address.loopback and not authenticates:
            self._log.warn(
                "{listener} can be reached from other machines, and asks nobody for a certificate: whoever sends no credentials may do whatever "
                "User:ANONYMOUS may",
                listener=str(address),
            )

    def _secured(self, protocol: Any, address: Any) -> Any:
        """A protocol under TLS."""
        assert self.tls is not None
        host, port = host_of(address), getattr(address, "port", 0)

        def failed(why: str, is_gone: bool) -> None:
            if self._ration.take():
                log = self._log.info if is_gone else self._log.warn
                log("closing the HTTPS connection of {host}:{port}: it {why}", host=host, port=port, why=why)

        return TlsTransport(self.tls, protocol, self._reactor, self._handshakes, failed)

    def _left_out(self, count: int) -> None:
        self._log.warn("{count} more HTTP connections were ended or refused within a second", count=count)

    def serve(self, parts: HttpParts) -> None:
        """Accept, and serve everything there is."""
        routes = _routes(parts, [*parts.listeners.tls.values(), *([self.tls] if self.tls else [])], self._reactor)
        for address, factory, port in zip(self._addresses, self._factories, self._ports, strict=True):
            authentication = parts.authentication(address.name)
            factory.serve(make_site(routes, self._allowed_hosts, authentication, self._reactor, parts.services.audit, self._served))
            port.startReading()

    def _served(self, transport: Any) -> None:
        """A client of one of the factories, which wrap its transport."""
        self._crowd.trust(transport.transport)

    @property
    def urls(self) -> Sequence[str]:
        """Where a browser finds it."""
        return [f"{address.name.lower()}://{place}/" for address, place in zip(self._addresses, self.bound(), strict=True)]

    def bound(self) -> Sequence[str]:
        """Where it is reached, as ``host:port``."""
        return [
            f"{f'[{address.host}]' if ':' in address.host else address.host or '0.0.0.0'}:{port.getHost().port}"
            for address, port in zip(self._addresses, self._ports, strict=True)
        ]

    @deferred
    async def stop_accepting(self) -> None:
        """Take no more connections."""
        ports, self._ports = self._ports, []
        await DeferredList([maybeDeferred(port.stopListening) for port in ports], consumeErrors=True)

    @deferred
    async def close(self) -> None:
        """Take no more connections, and end those there are."""
        await self.stop_accepting()
        for factory in self._factories:
            factory.end()


class _Later(WrappingFactory):
    """Gives a site's connections, once there is a site, and knows those that are open.

    :param connections_max: at once; more are sent away.
    :param ration: lines of the log about those.
    :param secured: puts a connection under TLS, None for none.
    """

    noisy = False
    wrappedFactory: Site
    _log = Logger()

    def __init__(self, connections_max: int, ration: LogRation, secured: Callable[[Any, Any], Any] | None = None) -> None:
        super().__init__(Factory())  # type: ignore[no-untyped-call]
        self._ration = ration
        self._connections_max = connections_max
        self._secured = secured

    def serve(self, site: Site) -> None:
        """From now on."""
        self.wrappedFactory = site
        site.doStart()

    def buildProtocol(self, addr: Any) -> Any:
        """A connection came; None sends it away."""
        if len(self.protocols) >= self._connections_max:
            if self._ration.take():
                self._log.warn("refusing an HTTP connection of {host}: there are too many", host=host_of(addr))
            return None
        protocol = super().buildProtocol(addr)
        return protocol if self._secured is None else self._secured(protocol, addr)

    def end(self) -> None:
        """End all connections."""
        for protocol in tuple(self.protocols):
            protocol.loseConnection()


def _routes(parts: HttpParts, certificates: Sequence[ServerTls], clock: IReactorTime) -> Routes:
    services, search = parts.services, parts.search
    routes = Routes()
    access = Access(services.authorizer, services.config.get("http.anonymous.paths"))
    RootEndpoints(f"broker-{services.broker_id}", services.metadata, access).register(routes)
    SearchEndpoints(search, services.metadata, services.authorizer).register(routes)
    ApiEndpoints(services.metadata, services.partitions, services.groups, access).register(routes)
    RoleEndpoints(services.metadata, services.controller, services.authorizer, access).register(routes)
    parts.users.register(routes)
    calls = HttpCalls(ApiCalls(services, api_table()))
    AclEndpoints(calls).register(routes)
    ConfigEndpoints(calls).register(routes)
    HealthEndpoints(_checks(parts, certificates)).register(routes)
    MetricsEndpoint(
        [
            request_families(services.metrics),
            fetch_session_families(services.fetch_sessions),
            connection_families(parts.listeners.factories),
            tls_families(certificates, parts.listeners.handshakes),
            partition_families(services.metadata, services.partitions),
            disk_families(services.logs),
            search_families(search.status),
            stall_families(parts.stalls),
            login_families(parts.sasl),
            audit_families(parts.services.audit),
            group_families(services.groups, services.partitions),
            process_families(),
        ],
        clock,
    ).register(routes)
    access.guard(routes)
    return routes


def _checks(parts: HttpParts, certificates: Sequence[ServerTls]) -> Mapping[str, Any]:
    return {
        "broker": broker_check(parts.services, parts.listeners, parts.stalls, certificates),
        "search": search_check(parts.search.status),
        "cluster": cluster_check(parts.services.metadata),
    }
