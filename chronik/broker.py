"""The composition root: makes every part of a broker, joins them, starts them in order and stops them in the reverse order.

It is the only module that knows every package.
"""

from __future__ import annotations

import gc
import os
import secrets
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.cluster.controller import Controller
from chronik.cluster.registration import Registration
from chronik.config import Configuration
from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.service import GroupCoordinator
from chronik.coordinator.state import ReplicatedStateLog
from chronik.defer import deferred
from chronik.descriptors import DescriptorShares, take_descriptors
from chronik.errors import ChronikError
from chronik.http.listener import HttpListeners, HttpParts
from chronik.metadata.backends import MetadataContext
from chronik.metadata.feed import MetadataFeed
from chronik.metadata.image import ImageDelta, MetadataImage
from chronik.metadata.interfaces import IImageObserver, IMetadataStore
from chronik.model import OFFSETS_TOPIC
from chronik.network.listeners import KafkaListeners
from chronik.plugin import SELECTORS, find_backend
from chronik.replica.host import HostedPartitions
from chronik.replica.interfaces import ILeadershipObserver, IPartition
from chronik.replica.purgatory import Purgatory
from chronik.replica.settings import DynamicConfiguration, EffectiveSettings
from chronik.search.broker_interfaces import SearchConfig
from chronik.search.service import SearchService
from chronik.security.interfaces import AuthContext, IAuthorizer, ICredentialStore
from chronik.server.dispatch import RequestDispatcher
from chronik.server.fetch_sessions import FetchSessionCache
from chronik.server.metrics import RequestMetrics
from chronik.server.quotas.limits import address_rate
from chronik.server.quotas.service import ClientQuotas, QuotaWindows
from chronik.server.services import Services
from chronik.server.stall import ReactorStallMeter
from chronik.server.table import api_table
from chronik.storage.backends import StorageContext
from chronik.storage.filesystem import RealFileSystem
from chronik.storage.interfaces import ILogStore
from chronik.threads import ReactorThreadPools

DRAIN_SECONDS: Final = 5.0
"""How long a stopping broker lets requests that were begun be answered."""

GC_THRESHOLDS: Final = (50_000, 20, 50)
"""Decoding makes many objects that live long enough to be looked at again and again; by default that costs several times the decoding."""


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


@implementer(IImageObserver)
class _ConnectionSettings:
    """Tells the listeners of configurations that change at run time."""

    def __init__(self, listeners: KafkaListeners, configuration: Callable[[], Configuration]) -> None:
        self._listeners = listeners
        self._configuration = configuration

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """The broker's own may be among what changed."""
        if delta.configs:
            self._listeners.configure(self._configuration())


class BrokerService(Service):
    """A broker: one per process.

    :param config: what it goes by.
    :param reactor: everything it needs of Twisted: TCP, time, threads, processes.
    :param failed: called with the exit status when the broker cannot go on.
    """

    name = "chronik"
    _log = Logger()

    def __init__(self, config: Configuration, reactor: Any, failed: Callable[[int], None]) -> None:
        self._config = config
        self._reactor = reactor
        self._failed = failed
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
        if failure.check(ChronikError) is None:
            self._log.failure("the broker could not start", failure)
        print(f"chronik: {failure.getErrorMessage()}", file=sys.__stderr__, flush=True)
        self._failed(1)

    @deferred
    async def _start(self) -> None:
        """Each step needs those before it; what ends a step is noted as soon as it was begun, and done in reverse."""
        config, reactor = self._config, self._reactor
        broker_id: int = config.get("node.id")
        descriptors = take_descriptors()
        listeners = KafkaListeners(config, reactor, descriptors.connections)
        http = HttpListeners(config, reactor, descriptors.http_connections)
        self._endings += [http.stop_accepting, listeners.stop_accepting]
        listeners.bind()
        http.bind()

        pools = ReactorThreadPools(reactor)
        self._endings.append(pools.close)
        directories = [os.path.abspath(directory) for directory in config.get("log.dirs")]
        metadata: IMetadataStore = self._backend("metadata", MetadataContext(directories[0], RealFileSystem(), pools, reactor))
        await metadata.start()
        self._endings.append(metadata.close)
        feed = MetadataFeed(metadata, reactor)
        await feed.start()
        self._endings.append(feed.stop)
        controller = Controller(metadata, feed, Registration(broker_id, listeners.endpoints(), config.get("broker.rack")), config)
        await controller.start()
        self._endings.append(controller.stop)

        dynamic = DynamicConfiguration(config, feed, broker_id)
        store: ILogStore = self._backend("storage", self._storage_context(directories, pools, feed.image.cluster_id, descriptors, dynamic))
        self._endings.append(store.close)
        await store.start()
        partitions = HostedPartitions(broker_id, feed, store, EffectiveSettings(dynamic), controller.raise_leader_epochs)
        await partitions.start()
        self._endings.append(partitions.stop)
        groups = GroupCoordinator(feed, reactor, GroupConfig.of(config), os.urandom, dynamic)
        groups.start()
        self._endings.append(groups.stop)
        partitions.observe(GroupPartitions(groups, reactor))

        authorizer: IAuthorizer = self._backend("auth", AuthContext(pools))
        self._endings.append(authorizer.close)
        purgatory = Purgatory(reactor)
        self._endings.append(purgatory.close)
        metrics, stalls = RequestMetrics(), ReactorStallMeter(reactor, time.thread_time)
        services = Services(
            broker_id=broker_id,
            config=config,
            metadata=feed,
            controller=controller,
            partitions=partitions,
            logs=store,
            groups=groups,
            authorizer=authorizer,
            fetch_bytes_max=config.get("fetch.max.bytes"),
            fetch_sessions=FetchSessionCache(config.get("max.incremental.fetch.session.cache.slots"), lambda high: 1 + secrets.randbelow(high)),
            quotas=ClientQuotas(feed, reactor.seconds, QuotaWindows.of(config)),
            clock=reactor,
            purgatory=purgatory,
            metrics=metrics,
        )
        self._tune()
        listeners.configure(dynamic())
        listeners.limit_addresses(lambda host: address_rate(feed.image.quotas, host))
        feed.observe(_ConnectionSettings(listeners, dynamic))
        listeners.serve(RequestDispatcher(services, api_table()))
        self._endings.append(lambda: listeners.close(DRAIN_SECONDS))
        search = SearchService(reactor, listeners.adopt, partitions, feed, store.directories(), self._search_config())
        search.startService()
        self._endings.append(search.stopService)
        credentials = authorizer if ICredentialStore.providedBy(authorizer) else None
        http.serve(HttpParts(services, listeners, search, stalls, credentials))
        self._endings.append(http.close)
        stalls.start()
        self._endings.append(stalls.stop)
        self._greet(listeners, http, directories)

    def _backend(self, seam: str, context: Any) -> Any:
        name = self._config.get(SELECTORS[seam])
        return find_backend(seam, name).make(context, self._config.plugin_options(seam, name))

    def _storage_context(
        self,
        directories: list[str],
        pools: ReactorThreadPools,
        cluster_id: str,
        descriptors: DescriptorShares,
        dynamic: DynamicConfiguration,
    ) -> StorageContext:
        config = self._config
        return StorageContext(
            directories=directories,
            file_system=RealFileSystem(),
            pools=pools,
            clock=self._reactor,
            cluster_id=cluster_id,
            broker_id=config.get("node.id"),
            files_max=descriptors.files,
            retention_check_ms=config.get("log.retention.check.interval.ms"),
            checkpoint_ms=config.get("log.flush.offset.checkpoint.interval.ms"),
            producer_expiration_ms=lambda: dynamic().get("producer.id.expiration.ms"),
            producer_check_ms=config.get("producer.id.expiration.check.interval.ms"),
        )

    def _search_config(self) -> SearchConfig:
        config = self._config
        backend = config.get(SELECTORS["index"])
        defaults = config.topic_defaults()
        mode = "off" if backend == "none" else str(defaults["search.mode"])
        return SearchConfig(mode, bool(defaults["search.fast"]), backend, config.plugin_options("index", backend))

    def _tune(self) -> None:
        """What was made so far lives as long as the broker: the garbage collector need not look at it again. Before anybody is served, for it takes
        as long as many requests.
        """
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)

    def _greet(self, listeners: KafkaListeners, http: HttpListeners, directories: list[str]) -> None:
        """The first lines on the terminal: what listens where, and what to try next."""
        kafka, web = ", ".join(listeners.bound()), ", ".join(http.bound())
        first = web.split(", ")[0] if web else ""
        lines = [
            f"Chronik is ready.  Kafka on {kafka}" + (f", HTTP on {web}" if web else "") + f", data in {', '.join(directories)}",
            "Try:  echo '{\"level\":\"error\",\"message\":\"disk full\"}' | chronik produce logs",
            "      chronik search logs level:error" + (f"      or open http://{first}/ in a browser" if first else ""),
        ]
        print("\n".join(lines), file=sys.__stdout__, flush=True)

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
