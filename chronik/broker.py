"""The composition root: makes every part of a broker, joins them, starts them in order and stops them in the reverse order.

It is the only module that knows every package.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.audit.logins import LoginAudit
from chronik.audit.service import AuditSettings, add_file, add_topic, audit_trail, told
from chronik.audit.trail import AuditTrail
from chronik.cluster.controller import Controller
from chronik.cluster.election import rules_of
from chronik.cluster.heartbeats import HeartbeatConfig
from chronik.cluster.reencryption import encrypt_anew
from chronik.cluster.registration import Registration
from chronik.cluster.seat import Peers
from chronik.cluster.tokens import TokenExpiry
from chronik.config import Configuration
from chronik.config.secret_settings import PERMISSIONS_KEY
from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.service import GroupCoordinator
from chronik.coordinator.state import ReplicatedStateLog
from chronik.defer import Pool, deferred
from chronik.errors import ChronikError, ConfigurationError, KafkaError
from chronik.greeting import first_steps
from chronik.http.authentication import HttpAuthentication
from chronik.http.bearer import BearerTokens
from chronik.http.listener import HttpListeners, HttpParts
from chronik.http.users import UserEndpoints
from chronik.machine import Machine
from chronik.metadata.backends import MetadataContext
from chronik.metadata.configuration import DynamicConfiguration
from chronik.metadata.feed import MetadataFeed
from chronik.metadata.interfaces import IMetadataStore, MetadataError
from chronik.metadata.password_encoder import PasswordEncoder, own_secret
from chronik.model import OFFSETS_TOPIC
from chronik.network.listeners import KafkaListeners, inter_broker_listener, security_protocols
from chronik.network.peers import BrokerChannels
from chronik.plugin import SELECTORS
from chronik.replica.fetcher import FetcherConfig, Fetching, ReplicaFetchers
from chronik.replica.followers import Leading
from chronik.replica.host import HostedPartitions, Replication
from chronik.replica.inspection import BatchInspector
from chronik.replica.interfaces import ILeadershipObserver, IPartition
from chronik.replica.moves import ReplicaMoves
from chronik.replica.purgatory import Purgatory
from chronik.replica.settings import EffectiveSettings
from chronik.search.broker_interfaces import SearchConfig
from chronik.search.service import SearchService
from chronik.security.audit_interfaces import IAuditTrail
from chronik.security.bootstrap_users import read_bootstrap_users
from chronik.security.interfaces import AuthContext, IAuthorizer, ICredentialStore
from chronik.security.sasl.inter_broker import inter_broker_client
from chronik.security.sasl.mechanisms import SaslParts
from chronik.security.sasl.server import SaslServers
from chronik.security.tls.client import ClientTls
from chronik.security.tls.reloading import TlsReloader
from chronik.security.tls.server import ServerTls
from chronik.security.tokens.delegation import DelegationTokens
from chronik.security.tokens.logins import TokenLogins
from chronik.security.tokens.validators import ConfiguredValidators
from chronik.server.dispatch import RequestDispatcher
from chronik.server.fetch_sessions import FetchSessionCache
from chronik.server.metrics import RequestMetrics
from chronik.server.quotas.limits import address_rate
from chronik.server.quotas.service import ClientQuotas, QuotaWindows
from chronik.server.services import Services
from chronik.server.stall import ReactorStallMeter
from chronik.server.table import api_table
from chronik.storage.backends import StorageContext
from chronik.storage.disks import DiskPolicy
from chronik.storage.interfaces import DirectoryState, ILogStore

DEFAULT_CREDENTIALS: Final = "metadata"
"""What knows users where nothing else is configured to."""

DRAIN_SECONDS: Final = 5.0
"""How long a stopping broker lets requests that were begun be answered."""


@implementer(ILeadershipObserver)
class GroupPartitions:
    """Loads groups when their partition is led here, and unloads them when it is not."""

    def __init__(self, groups: GroupCoordinator, clock: Any) -> None:
        self._groups = groups
        self._clock = clock

    def partition_led(self, partition: IPartition) -> None:
        """Load the groups whose state it holds."""
        if partition.topic_partition.topic == OFFSETS_TOPIC:
            self._groups.load(ReplicatedStateLog(partition, self._clock))

    def partition_resigned(self, partition: IPartition) -> None:
        """Forget them."""
        if partition.topic_partition.topic == OFFSETS_TOPIC:
            self._groups.unload(partition.topic_partition.partition)


@implementer(ILeadershipObserver)
class SearchedPartitions:
    """Lets search follow a partition that is led anew."""

    def __init__(self, search: SearchService) -> None:
        self._search = search

    def partition_led(self, partition: IPartition) -> None:
        """Its log may be another one."""
        self._search.partition_led(partition.topic_id, partition)

    def partition_resigned(self, partition: IPartition) -> None:
        """What is indexed is found on."""




def _log_directories(config: Configuration) -> list[str]:
    found = [os.path.abspath(directory) for directory in config.get("log.dirs")]
    for directory in found:
        if found.count(directory) > 1:
            raise ConfigurationError(f"log.dirs names {directory} twice")
    return found


def offline_directories(store: ILogStore) -> frozenset[str]:
    """Log directories that cannot be used now."""
    return frozenset(status.path for status in store.status() if status.state is DirectoryState.OFFLINE)


@dataclass(frozen=True, slots=True)
class _Cluster:
    """What a broker in a cluster has: the metadata, what it makes of the configuration, the others, and its seat among them."""

    feed: MetadataFeed
    dynamic: DynamicConfiguration
    settings: EffectiveSettings
    channels: BrokerChannels
    controller: Controller


class BrokerService(Service):
    """A broker: one per process.

    :param config: what it goes by.
    :param machine: what it runs on.
    :param failed: called with the exit status when the broker cannot go on.
    :ivar search: answers searches; None before it is there.
    """

    name = "chronik"
    _log = Logger()

    def __init__(self, config: Configuration, machine: Machine, failed: Callable[[int], None]) -> None:
        self._config = config
        self._machine = machine
        self._failed = failed
        self.search: SearchService | None = None
        self._starting: Deferred[None] = succeed(None)
        self._endings: list[Callable[[], Deferred[Any] | None]] = []

    # -- beginning ----------------------------------------------------------------------------------------------------

    def startService(self) -> None:
        """Begin to start; what goes wrong ends the process with one line that says so."""
        super().startService()  # type: ignore[no-untyped-call]
        for problem in self._config.warnings:
            self._log.warn("{problem}", problem=problem)
        self._starting = self._start()
        self._starting.addErrback(self._give_up)

    def _give_up(self, failure: Failure) -> None:
        if failure.check(CancelledError) is not None:  # told to stop while it was starting
            return
        if failure.check(ChronikError, KafkaError, MetadataError) is None:
            self._log.failure("the broker could not start", failure)
        self._machine.complain(f"chronik: {failure.getErrorMessage()}")
        self._failed(1)

    @deferred
    async def _start(self) -> None:
        """Each step needs those before it; what ends a step is noted as soon as it was begun, and done in reverse."""
        config, machine = self._config, self._machine
        reactor = machine.reactor
        listeners = KafkaListeners(
            config, reactor, machine.descriptors.connections, partial(ServerTls, now=machine.wall_clock), machine.busy_poll, machine.crowd
        )
        http = HttpListeners(config, reactor, machine.wall_clock, machine.descriptors.http_connections, listeners.handshakes, machine.crowd)
        self._endings += [http.stop_accepting, listeners.stop_accepting]
        listeners.bind()
        http.bind()
        self._endings.append(machine.pools.close)
        directories = _log_directories(config)
        brokers_tls = self._brokers_tls(listeners)
        cluster = await self._enter_cluster(directories, listeners, brokers_tls)
        audit = audit_trail(config, reactor, machine.wall_clock, cluster.feed.image.cluster_id)
        store, partitions, moves = await self._open_logs(directories, cluster)
        if audit is not None:
            self._keep_audit(audit, cluster, partitions)
        groups = GroupCoordinator(cluster.feed, reactor, machine.wall_clock, GroupConfig.of(config), machine.random, cluster.dynamic)
        groups.start()
        self._endings.append(groups.stop)
        partitions.observe(GroupPartitions(groups, reactor))
        auth = AuthContext(machine.pools, reactor, machine.wall_clock, cluster.dynamic, cluster.feed, machine.random)
        authorizer: IAuthorizer = self._backend("authorizer", auth)
        self._endings.append(authorizer.close)
        if not IAuthorizer.providedBy(authorizer):
            raise ConfigurationError(f"authorizer={config.get('authorizer')} does not say who may do what: choose a backend that does")
        credentials = self._credentials(authorizer, auth)
        validators = self._token_validators(auth, authorizer, credentials)
        tokens = self._delegation_tokens(cluster)
        sasl = SaslParts.of(auth, credentials, machine.random, machine.crowd.pause, tokens, validators)
        cluster.feed.observe(sasl.logins)
        purgatory = Purgatory(reactor)
        self._endings.append(purgatory.close)
        stalls = ReactorStallMeter(reactor, machine.cpu_seconds)
        services = self._services(cluster, partitions, store, moves, groups, authorizer, purgatory, told(audit), tokens)
        machine.settle()
        listeners.configure(cluster.dynamic())
        listeners.limit_addresses(lambda host: address_rate(cluster.feed.image.quotas, host))
        cluster.dynamic.observe(listeners)
        self._reload_certificates([*listeners.tls.values(), http.tls, brokers_tls], cluster)
        servers = SaslServers(listeners.sasl_listeners, sasl)
        if audit is not None:
            logins = LoginAudit(audit)
            servers.observers.append(logins.ended)
            listeners.tell_handshakes(logins.shaken)
        listeners.serve(RequestDispatcher(services, api_table()), servers)
        self._endings.append(lambda: listeners.close(DRAIN_SECONDS))
        search = self.search = self._search(listeners, partitions, cluster.feed, store)
        users = UserEndpoints(services, machine.pools, machine.random)
        http.serve(HttpParts(services, listeners, search, stalls, partial(self._http_authentication, sasl), servers, users))
        self._endings.append(http.close)
        stalls.start()
        self._endings.append(stalls.stop)
        await cluster.controller.serve()
        self._endings.append(cluster.controller.retire)
        await self._make_first_users(cluster)
        self._greet(listeners, http, directories)

    def _brokers_tls(self, listeners: KafkaListeners) -> ClientTls | None:
        """The TLS of connections to other brokers, None where their listener has none."""
        listener = inter_broker_listener(self._config)
        return ClientTls(f"connections to other brokers ({listener})", self._config.for_listener(listener)) if listener in listeners.tls else None

    def _reload_certificates(self, users: Sequence[ServerTls | ClientTls | None], cluster: _Cluster) -> None:
        """Let certificates be replaced while the broker runs."""
        machine = self._machine
        reloader = TlsReloader([each for each in users if each is not None], cluster.dynamic, machine.pools, machine.reactor, machine.wall_clock)
        reloader.start()
        self._endings.append(reloader.stop)
        cluster.dynamic.observe(reloader)

    async def _make_first_users(self, cluster: _Cluster) -> None:
        """Give a cluster without users those of a file; its controller does so."""
        path: str | None = self._config.get("users.bootstrap.file")
        if not path or not cluster.controller.active or cluster.feed.image.security.scram:
            return
        users = await self._machine.pools.run(Pool.CPU, read_bootstrap_users, path, self._machine.random, self._config.get(PERMISSIONS_KEY))
        if await cluster.controller.bootstrap_users(users):
            self._log.info("made {count} users of {path}", count=len({user for _, user in users}), path=path)

    async def _enter_cluster(self, directories: Sequence[str], listeners: KafkaListeners, tls: ClientTls | None) -> _Cluster:
        """Follow the metadata, and be one of the brokers in it."""
        config, machine = self._config, self._machine
        broker_id: int = config.get("node.id")
        metadata: IMetadataStore = self._backend(
            "metadata.store",
            MetadataContext(directories[0], machine.file_system, machine.pools, machine.reactor, machine.random, directories[1:]),
        )
        await metadata.start()
        self._endings.append(metadata.close)
        feed = MetadataFeed(metadata, machine.reactor)
        self._endings.append(feed.stop)
        await feed.start()
        passwords = PasswordEncoder(config, own_secret(config, directories[0], machine.file_system, machine.random), machine.pools, machine.random)
        await passwords.start()
        dynamic = DynamicConfiguration(config, feed, broker_id, passwords)
        settings = EffectiveSettings(dynamic)
        listener = inter_broker_listener(config)
        secured = None if tls is None else tls.to
        sasl = inter_broker_client(config, listener, machine.pools, machine.random, machine.reactor)
        channels = BrokerChannels(machine.reactor, broker_id, lambda other: feed.image.brokers.get(other), listener, secured, sasl)
        heartbeats = HeartbeatConfig(config.get("broker.heartbeat.interval.ms") / 1000, config.get("broker.session.timeout.ms") / 1000)
        peers = Peers(channels, machine.reactor, heartbeats, lambda topic: rules_of(settings(topic)), lambda: self._failed(1))
        registration = Registration(broker_id, listeners.endpoints(), config.get("broker.rack"))
        controller = Controller(metadata, feed, registration, config, passwords, random=machine.random, peers=peers)
        self._endings.append(controller.stop)
        await controller.start()
        await encrypt_anew(passwords, feed.image, broker_id, controller)
        return _Cluster(feed, dynamic, settings, channels, controller)

    async def _open_logs(self, directories: Sequence[str], cluster: _Cluster) -> tuple[ILogStore, HostedPartitions, ReplicaMoves]:
        """Lead and follow what the metadata places here."""
        config, machine = self._config, self._machine
        broker_id: int = config.get("node.id")
        store: ILogStore = self._backend("log.store", self._storage_context(directories, cluster))
        self._endings.append(store.close)
        await store.start()
        controller = cluster.controller
        leading = Leading(broker_id, machine.reactor, controller.in_sync, config.get("replica.lag.time.max.ms") / 1000)
        fetching = Fetching(broker_id, lambda: controller.broker_epoch, cluster.channels, machine.reactor, FetcherConfig.of(config))
        replication = Replication(leading, ReplicaFetchers(fetching))
        moves = ReplicaMoves(store, cluster.feed, machine.reactor)
        inspector = BatchInspector(machine.wall_clock, lambda: machine.pools.worker("inspection"))
        partitions = HostedPartitions(
            broker_id, cluster.feed, store, cluster.settings, controller.raise_leader_epochs, inspector, replication, moves
        )
        self._endings.append(partitions.stop)
        await partitions.start()
        return store, partitions, moves

    def _keep_audit(self, audit: AuditTrail, cluster: _Cluster, partitions: HostedPartitions) -> None:
        """Write what is audited, until all that can be audited has ended."""
        config, machine = self._config, self._machine
        add_file(audit, config, machine.pools, machine.reactor)
        add_topic(audit, config, cluster.feed, partitions, cluster.controller, machine.reactor, cluster.channels)
        cluster.dynamic.observe(AuditSettings(audit))
        self._endings.append(audit.close)

    def _search(self, listeners: KafkaListeners, partitions: HostedPartitions, feed: MetadataFeed, store: ILogStore) -> SearchService:
        """Begin to index and search."""
        offline = partial(offline_directories, store)
        search = SearchService(self._machine.reactor, listeners.adopt, partitions, feed, store.directories(), self._search_config(), offline)
        search.startService()
        self._endings.append(search.stopService)
        partitions.observe(SearchedPartitions(search))
        return search

    def _backend(self, key: str, context: Any, default: str = "") -> Any:
        """The backend that a key names, or the one to be had where it names none."""
        seam, name = SELECTORS[key], self._config.get(key) or default
        return self._machine.backend(seam, name).make(context, self._config.plugin_options(seam, name))

    def _credentials(self, authorizer: IAuthorizer, auth: AuthContext) -> ICredentialStore:
        """Who knows users and passwords. One backend that is named for both is made once."""
        chosen = self._config.get("credential.store")
        if chosen == self._config.get("authorizer") or (chosen is None and ICredentialStore.providedBy(authorizer)):
            store: Any = authorizer
        else:
            store = self._backend("credential.store", auth, DEFAULT_CREDENTIALS)
            self._endings.append(store.close)
        if ICredentialStore.providedBy(store):
            known: ICredentialStore = store
            return known
        raise ConfigurationError(f"credential.store={chosen} knows no users: choose a backend that does, or set none")

    def _token_validators(self, auth: AuthContext, authorizer: Any, credentials: Any) -> ConfiguredValidators:
        """Who knows bearer tokens on each listener."""
        others = {self._config.get("credential.store"): credentials, self._config.get("authorizer"): authorizer}
        validators = ConfiguredValidators(auth, partial(self._machine.backend, SELECTORS["token.validator"]), others)
        self._endings.append(validators.close)
        return validators

    def _http_authentication(self, sasl: SaslParts, listener: str) -> HttpAuthentication:
        """Who sends requests to a listener of HTTP."""
        tokens = TokenLogins(sasl.validators(self._config.for_listener(listener)), sasl.failures)
        return HttpAuthentication(sasl.logins, BearerTokens(tokens, self._machine.reactor, self._machine.wall_clock))

    def _delegation_tokens(self, cluster: _Cluster) -> DelegationTokens | None:
        """Those of the cluster, if this broker has what makes them; and their end."""
        secret: str | None = self._config.get("delegation.token.secret.key")
        if secret is None:
            return None
        machine = self._machine
        tokens = DelegationTokens(secret.encode(), cluster.feed, machine.pools, machine.wall_clock)
        interval_seconds = self._config.get("delegation.token.expiry.check.interval.ms") / 1000
        expiry = TokenExpiry(cluster.controller, machine.reactor, machine.wall_clock, interval_seconds)
        tokens.start()
        expiry.start()
        self._endings += [tokens.stop, expiry.stop]
        return tokens

    def _services(
        self,
        cluster: _Cluster,
        partitions: HostedPartitions,
        logs: ILogStore,
        moves: ReplicaMoves,
        groups: GroupCoordinator,
        authorizer: IAuthorizer,
        purgatory: Purgatory,
        audit: IAuditTrail,
        tokens: DelegationTokens | None,
    ) -> Services:
        """What handlers of requests use."""
        config, machine = self._config, self._machine
        sessions: int = config.get("max.incremental.fetch.session.cache.slots")
        return Services(
            broker_id=config.get("node.id"),
            config=config,
            configuration=cluster.dynamic,
            metadata=cluster.feed,
            controller=cluster.controller,
            partitions=partitions,
            logs=logs,
            moves=moves,
            groups=groups,
            authorizer=authorizer,
            fetch_bytes_max=config.get("fetch.max.bytes"),
            fetch_sessions=FetchSessionCache(sessions, lambda high: 1 + machine.random_below(high)),
            quotas=ClientQuotas(cluster.feed, machine.reactor.seconds, QuotaWindows.of(config)),
            clock=machine.reactor,
            wall_clock=machine.wall_clock,
            purgatory=purgatory,
            metrics=RequestMetrics(),
            log_levels=machine.log_levels,
            audit=audit,
            tokens=tokens,
        )

    def _storage_context(self, directories: Sequence[str], cluster: _Cluster) -> StorageContext:
        config, machine = self._config, self._machine
        return StorageContext(
            directories=directories,
            file_system=machine.file_system,
            pools=machine.pools,
            clock=machine.reactor,
            wall_clock=machine.wall_clock,
            cluster_id=cluster.feed.image.cluster_id,
            broker_id=config.get("node.id"),
            files_max=machine.descriptors.files,
            retention_check_ms=config.get("log.retention.check.interval.ms"),
            checkpoint_ms=config.get("log.flush.offset.checkpoint.interval.ms"),
            producer_expiration_ms=lambda: cluster.dynamic().get("producer.id.expiration.ms"),
            producer_check_ms=config.get("producer.id.expiration.check.interval.ms"),
            openers=cluster.dynamic().get("num.recovery.threads.per.data.dir"),
            policy=DiskPolicy(
                slow_ms=config.get("log.dir.slow.ms"),
                offline_ms=config.get("log.dir.offline.ms"),
                scrub_bytes_per_second=config.get("log.scrub.bytes.per.second"),
                scrub_interval_ms=config.get("log.scrub.interval.ms"),
            ),
            all_offline=self._all_offline,
            random=machine.random,
        )

    def _all_offline(self, why: str) -> None:
        """No log directory is left: there is nothing more to do here."""
        self._machine.complain(f"chronik: no log directory is left: {why}")
        self._failed(1)

    def _search_config(self) -> SearchConfig:
        config = self._config
        backend = config.get("search.backend")
        defaults = config.topic_defaults()
        mode = "off" if backend == "none" else str(defaults["search.mode"])
        limits = {"disk_free_bytes_min": config.get("search.disk.reserve.bytes")}
        options, broker_id = config.plugin_options("index", backend), config.get("node.id")
        return SearchConfig(mode, bool(defaults["search.fast"]), backend, options, limits, broker_id=broker_id)

    def _greet(self, listeners: KafkaListeners, http: HttpListeners, directories: Sequence[str]) -> None:
        """The first lines on the terminal: what listens where, and what to try next."""
        kafka, web = ", ".join(listeners.bound()), ", ".join(http.bound())
        lines = [f"Chronik is ready.  Kafka on {kafka}" + (f", HTTP on {web}" if web else "") + f", data in {', '.join(directories)}"]
        protocol = security_protocols(self._config)[self._config.listeners()[0].name]
        lines += first_steps(protocol, listeners.bound()[0], next(iter(http.urls), ""))
        self._machine.say("\n".join(lines))

    # -- end ----------------------------------------------------------------------------------------------------------

    @deferred
    async def stopService(self) -> None:
        """Undo what was begun, the last first; a step that fails does not keep the others from ending."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._starting.cancel()
        while self._endings:
            ending = self._endings.pop()
            try:
                waiting = ending()
                if waiting is not None:
                    await waiting
            except Exception:  # noqa: BLE001  the other parts must still stop
                self._log.failure("a part of the broker did not stop as it should")
