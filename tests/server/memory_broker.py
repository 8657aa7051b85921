"""A broker without a network: the real dispatcher, controller, partitions and group coordinator, over a disk and a clock in memory."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.broker import GroupPartitions
from chronik.cluster.controller import Controller
from chronik.cluster.election import rules_of
from chronik.cluster.heartbeats import HeartbeatConfig
from chronik.cluster.registration import Registration
from chronik.cluster.seat import Peers
from chronik.config import Configuration
from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.service import GroupCoordinator
from chronik.metadata.configuration import DynamicConfiguration
from chronik.metadata.feed import MetadataFeed
from chronik.metadata.file import FileMetadataStore
from chronik.metadata.image import Endpoint
from chronik.metadata.memory import MemoryMetadataStore
from chronik.network.interfaces import IBrokerChannels, Session
from chronik.protocol.apis import flexible, response_class
from chronik.protocol.header import parse_response_header, request_header
from chronik.protocol.message import Message
from chronik.replica.fetcher import FetcherConfig, Fetching, ReplicaFetchers
from chronik.replica.followers import Leading
from chronik.replica.host import HostedPartitions, Replication
from chronik.replica.inspection import BatchInspector
from chronik.replica.moves import ReplicaMoves
from chronik.replica.purgatory import Purgatory
from chronik.replica.settings import EffectiveSettings
from chronik.security.interfaces import ANONYMOUS
from chronik.security.tokens.delegation import DelegationTokens
from chronik.server.dispatch import RequestDispatcher
from chronik.server.fetch_sessions import FetchSessionCache
from chronik.server.metrics import RequestMetrics
from chronik.server.quotas.service import ClientQuotas, QuotaWindows
from chronik.server.services import Services
from chronik.server.table import api_table
from chronik.storage.memory import MemoryFileSystem
from chronik.testing.logs import make_clock, make_store
from chronik.testing.pools import SynchronousThreadPools, SynchronousWorker
from tests.metadata.passwords import make_encoder
from tests.server.core import FakeAuthorizer

BROKER_ID: Final = 1
HEARTBEATS: Final = HeartbeatConfig(0.5, 2.0)
LAG_SECONDS: Final = 10.0
FETCHER: Final = FetcherConfig(backoff_seconds=0.2)
CORRELATION_ID: Final = 0x01020304

SETTINGS: Final = {"num.partitions": "1", "offsets.topic.num.partitions": "1"}
"""One partition of each: which is led here is not what these tests are about."""


@dataclass(frozen=True)
class Neighbours:
    """What a broker shares with others.

    :ivar broker_id: its own.
    :ivar channels: to the others.
    """

    broker_id: int
    clock: Clock
    metadata: Any
    channels: IBrokerChannels


class MemoryBroker:
    """Broker 1, which clients reach at 192.168.1.5:9092, or one of several.

    :param settings: over :data:`SETTINGS`.
    :param pools: a synchronous pool if None.
    :param neighbours: None for a broker that is alone.
    :param directories: its log directories.
    :param disk: what an earlier broker left; an empty one if None.
    :param file_metadata: keep metadata in files on its disk, not in memory.
    :param random: gives the ids of topics and of the cluster.
    :param authorizer: one that allows everything until told otherwise if None.
    :param store_options: as the store takes them by keyword.
    :ivar disk: what it writes to.
    :ivar passwords: encrypts secrets; it is started by who wants to set some.
    :ivar authorizer: decides who may do what.
    """

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        pools: Any = None,
        neighbours: Neighbours | None = None,
        disk: MemoryFileSystem | None = None,
        directories: Sequence[str] = ("/data",),
        file_metadata: bool = False,
        random: Callable[[int], bytes] = os.urandom,
        authorizer: FakeAuthorizer | None = None,
        **store_options: Any,
    ) -> None:
        self.clock = neighbours.clock if neighbours is not None else make_clock()
        self.broker_id = neighbours.broker_id if neighbours is not None else BROKER_ID
        self.disk = disk or MemoryFileSystem(Random(1))
        self.config = Configuration().with_values({**SETTINGS, **(settings or {})})
        self.metadata: Any = neighbours.metadata if neighbours is not None else MemoryMetadataStore(self.clock)
        if file_metadata:
            directory = f"{directories[0]}/.metadata"
            self.metadata = FileMetadataStore(self.disk, directory, SynchronousWorker(), self.clock, random=lambda count: bytes(count))
        self.feed = MetadataFeed(self.metadata, self.clock)
        self.passwords = make_encoder(password_encoder_secret="hard to guess")
        self.dynamic = DynamicConfiguration(self.config, self.feed, self.broker_id, self.passwords)
        self._settings = EffectiveSettings(self.dynamic)
        self.displaced = False
        self._sessions = itertools.count(1)
        registration = Registration(self.broker_id, {"PLAINTEXT": Endpoint("", 9092)}, self.config.get("broker.rack"))
        peers = self._peers(neighbours)
        self.controller = Controller(self.metadata, self.feed, registration, self.config, self.passwords, random=random, peers=peers)
        self._store = make_store(self.disk, self.clock, *directories, pools=pools, **store_options)
        self.moves = ReplicaMoves(self._store, self.feed, self.clock)
        replication = self._replication(neighbours)
        threads = pools or SynchronousThreadPools()
        inspector = BatchInspector(self.clock.seconds, lambda: threads.worker("inspection"))
        self.partitions = HostedPartitions(
            self.broker_id, self.feed, self._store, self._settings, self.controller.raise_leader_epochs, inspector, replication, self.moves
        )
        marks = iter(range(1, 1_000_000))
        times, random = (self.clock, self.clock.seconds), lambda count: next(marks).to_bytes(count, "big")
        self.groups = GroupCoordinator(self.feed, *times, GroupConfig.of(self.config), random)
        self.authorizer = authorizer or FakeAuthorizer()
        self.metrics = RequestMetrics()
        self.purgatory = Purgatory(self.clock)
        self.tokens = DelegationTokens(b"secret", self.feed, SynchronousThreadPools(), self.clock.seconds)
        self.services = self._services()
        self.dispatcher = RequestDispatcher(self.services, api_table())
        self.session = Session("PLAINTEXT", "10.0.0.9", 5555, "192.168.1.5", 9092, ANONYMOUS)

    def _peers(self, neighbours: Neighbours | None) -> Peers | None:
        def displaced() -> None:
            self.displaced = True

        if neighbours is None:
            return None
        return Peers(neighbours.channels, self.clock, HEARTBEATS, lambda topic: rules_of(self._settings(topic)), displaced)

    def _replication(self, neighbours: Neighbours | None) -> Replication | None:
        if neighbours is None:
            return None
        leading = Leading(self.broker_id, self.clock, self.controller.in_sync, LAG_SECONDS)
        fetching = Fetching(self.broker_id, lambda: self.controller.broker_epoch, neighbours.channels, self.clock, FETCHER)
        return Replication(leading, ReplicaFetchers(fetching))

    def _services(self) -> Services:
        return Services(
            broker_id=self.broker_id,
            config=self.config,
            configuration=self.dynamic,
            metadata=self.feed,
            controller=self.controller,
            partitions=self.partitions,
            logs=self._store,
            moves=self.moves,
            groups=self.groups,
            authorizer=self.authorizer,
            fetch_bytes_max=1 << 20,
            fetch_sessions=FetchSessionCache(10, lambda high: high - next(self._sessions)),
            quotas=ClientQuotas(self.feed, self.clock.seconds, QuotaWindows()),
            clock=self.clock,
            wall_clock=self.clock.seconds,
            purgatory=self.purgatory,
            metrics=self.metrics,
            tokens=self.tokens,
        )

    def start(self, case: SynchronousTestCase) -> None:
        """Start everything; it is stopped when the test is over."""
        for start in (self.metadata.start, self.feed.start, self.controller.start, self._store.start, self.partitions.start):
            case.successResultOf(start())
        self.groups.start()
        case.addCleanup(self.groups.stop)
        self.tokens.start()
        self.partitions.observe(GroupPartitions(self.groups, self.clock))
        case.successResultOf(self.controller.serve())

    def die(self, random: Random | None = None) -> MemoryFileSystem:
        """Do nothing more, as a process that was killed; what is left on the disk.

        :param random: decides what is lost of what was not synced; None for a machine that goes on without the process.
        """
        self.partitions.stop()
        self.groups.stop()
        self.controller.stop()
        self.feed.stop()
        if random is None:
            self.disk.sync_file_system("/")
        return self.disk.crashed(random or Random(0))

    def send(self, request: Message, version: int, client_id: str | None = "me") -> Deferred[Any]:
        """Send a request; a Deferred of the decoded response, of which no byte is left over."""
        assert request.api_key is not None
        frame = request_header(request.api_key, version, CORRELATION_ID, client_id) + request.encode(version)
        return self._dispatch(frame).addCallback(self._decoded, request.api_key, version)

    def _dispatch(self, frame: bytes) -> Deferred[bytes | None]:
        def joined(pieces: Any) -> bytes | None:
            return None if pieces is None else b"".join(piece if isinstance(piece, bytes) else piece.read(0, piece.size) for piece in pieces)

        return self.dispatcher.dispatch(self.session, frame).pieces.addCallback(joined)

    def _decoded(self, data: bytes | None, api_key: int, version: int) -> Any:
        if data is None:
            return None
        found, start = parse_response_header(data, api_key, version)
        assert found == CORRELATION_ID, f"correlation id {found}"
        response, end = response_class(api_key).decode(data, version, start)
        assert end == len(data), "bytes follow the response"
        return response

    def exchange(self, api_key: int, version: int, body: bytes) -> Deferred[bytes]:
        """Send a request's bytes behind a header; a Deferred of the response's bytes behind theirs."""
        tags = b"\x00" if flexible(api_key, version) else b""
        header = api_key.to_bytes(2, "big") + version.to_bytes(2, "big") + CORRELATION_ID.to_bytes(4, "big") + b"\x00\x02me" + tags

        def behind_header(data: bytes | None) -> bytes:
            expected = CORRELATION_ID.to_bytes(4, "big") + tags
            assert data is not None and data.startswith(expected), "a response has its request's correlation id"
            return data[len(expected) :]

        return self._dispatch(header + body).addCallback(behind_header)
