"""``/metrics``: what the broker counts, in Prometheus' text format.

Nothing is kept here. Counters are plain integers where the work is done; a scrape reads them. Names of topics, partitions and consumer groups are
those that kafka_exporter made common, so that existing dashboards work; our own begin with ``chronik_``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import CollectorRegistry
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from chronik import __version__
from chronik.coordinator.group.interfaces import IGroupCoordinator
from chronik.http.interfaces import HttpAnswer, HttpRequest
from chronik.http.routing import Route, Routes
from chronik.metadata.image import NO_LEADER
from chronik.metadata.interfaces import IMetadataFeed
from chronik.model import TopicPartition
from chronik.network.handshakes import Handshakes
from chronik.network.listener import ConnectionFactory
from chronik.protocol.apis import api_name
from chronik.replica.interfaces import IPartitions
from chronik.search.broker_interfaces import SearchStatus
from chronik.security.tls.server import ServerTls
from chronik.server.fetch_sessions import FetchSessionCache
from chronik.server.metrics import LATENCY_BUCKETS_SECONDS, RequestMetrics
from chronik.server.stall import STALL_BUCKETS_SECONDS, ReactorStallMeter

Families = Callable[[], Iterable[Metric]]
"""A part of a scrape."""

_END = b"# EOF\n"


class MetricsEndpoint:
    """Serves a scrape of all its parts.

    :param parts: each gives its metric families as they are now.
    :param clock: lets the reactor do other work between two families: with thousands of partitions a scrape takes longer than anyone should wait.
    """

    def __init__(self, parts: Sequence[Families], clock: IReactorTime) -> None:
        self._parts = tuple(parts)
        self._clock = clock

    def register(self, routes: Routes) -> None:
        """Add the endpoint to the table."""
        routes.paths["metrics"] = Route({"GET": self._scrape})

    async def _scrape(self, request: HttpRequest) -> HttpAnswer:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        pieces = []
        for part in self._parts:
            for family in part():
                pieces.append(encode(_One(family)).removesuffix(_END))
                await deferLater(self._clock, 0)
        end = _END if content_type.startswith("application/openmetrics-text") else b""
        return HttpAnswer(200, b"".join(pieces) + end, content_type)


class _One(CollectorRegistry):
    """A registry of one family, which is as much as is encoded at a time."""

    def __init__(self, family: Metric) -> None:
        super().__init__(auto_describe=False)
        self._family = family

    def collect(self) -> Iterable[Metric]:
        """The family (prometheus_client's interface)."""
        return (self._family,)


def process_families() -> Families:
    """The release, and what the process takes: processor time, memory, open files."""
    process = ProcessCollector(registry=None)

    def collect() -> Iterable[Metric]:
        build = GaugeMetricFamily("chronik_build_info", "1, with the release that runs.", labels=["version"])
        build.add_metric([__version__], 1)
        return build, *process.collect()

    return collect


def group_families(groups: IGroupCoordinator, partitions: IPartitions) -> Families:
    """Consumer groups under kafka_exporter's names. Lag is told where the partition is led here."""

    def collect() -> Iterable[Metric]:
        labels = ["consumergroup", "topic", "partition"]
        members = GaugeMetricFamily("kafka_consumergroup_members", "Members of the group.", labels=["consumergroup"])
        current = GaugeMetricFamily("kafka_consumergroup_current_offset", "Offset that the group committed.", labels=labels)
        lag = GaugeMetricFamily("kafka_consumergroup_lag", "Committed records that the group has yet to consume.", labels=labels)
        for group in groups.summaries():
            members.add_metric([group.group_id], group.members)
        ends = {partition.topic_partition: partition.high_watermark for partition in partitions.hosted()}
        for committed in groups.committed():
            place = [committed.group_id, committed.topic, str(committed.partition)]
            current.add_metric(place, committed.offset)
            end = ends.get(TopicPartition(committed.topic, committed.partition))
            if end is not None:
                lag.add_metric(place, max(0, end - committed.offset))
        return members, current, lag

    return collect


def cumulative(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """A histogram's buckets as Prometheus counts them.

    :param counts: one for each bound, and one for what is beyond the last.
    """
    total, buckets = 0, []
    for bound, count in zip((*map(str, bounds), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets


def request_families(metrics: RequestMetrics) -> Families:
    """Requests by API: how many, how large, how long."""

    def collect() -> Iterable[Metric]:
        failures = CounterMetricFamily("chronik_request_failures", "Requests that met an error of the broker's own.", labels=["api"])
        throttled = CounterMetricFamily("chronik_requests_throttled", "Requests whose client was told to wait.", labels=["api"])
        received = CounterMetricFamily("chronik_request_bytes", "Bytes of requests.", labels=["api"])
        sent = CounterMetricFamily("chronik_response_bytes", "Bytes of responses.", labels=["api"])
        seconds = HistogramMetricFamily("chronik_request_seconds", "Time from a request's arrival to its answer.", labels=["api"])
        for key, totals in sorted(metrics.apis.items()):
            labels = [api_name(key)]
            failures.add_metric(labels, totals.failures)
            throttled.add_metric(labels, totals.throttled)
            received.add_metric(labels, totals.request_bytes)
            sent.add_metric(labels, totals.response_bytes)
            seconds.add_metric(labels, cumulative(LATENCY_BUCKETS_SECONDS, totals.buckets), totals.seconds)
        return failures, throttled, received, sent, seconds

    return collect


def stall_families(meter: ReactorStallMeter) -> Families:
    """How late the reactor's own timer came."""

    def collect() -> Iterable[Metric]:
        stalls = HistogramMetricFamily("chronik_reactor_stall_seconds", "How long the reactor was kept from its work, looked at 40 times a second.")
        stalls.add_metric([], cumulative(STALL_BUCKETS_SECONDS, meter.buckets), meter.seconds)
        longest = GaugeMetricFamily("chronik_reactor_stall_longest_seconds", "The longest stall since the start.", meter.longest_seconds)
        busy = GaugeMetricFamily(
            "chronik_reactor_stall_longest_busy_seconds",
            "The most of one stall that the reactor's thread spent computing; the rest is a disk that blocked or a machine that was busy.",
            meter.longest_busy_seconds,
        )
        return stalls, longest, busy

    return collect


def partition_families(feed: IMetadataFeed, partitions: IPartitions) -> Families:
    """Brokers, topics, and the partitions led here, under kafka_exporter's names."""

    def collect() -> Iterable[Metric]:
        image = feed.image
        labels = ["topic", "partition"]
        brokers = GaugeMetricFamily("kafka_brokers", "Brokers in the cluster.", len(image.brokers))
        counts = GaugeMetricFamily("kafka_topic_partitions", "Partitions of the topic.", labels=["topic"])
        leaders = GaugeMetricFamily("kafka_topic_partition_leader", "Broker that leads the partition.", labels=labels)
        in_sync = GaugeMetricFamily("kafka_topic_partition_in_sync_replica", "In-sync replicas of the partition.", labels=labels)
        replicas = GaugeMetricFamily("kafka_topic_partition_replicas", "Replicas of the partition.", labels=labels)
        under = GaugeMetricFamily("kafka_topic_partition_under_replicated_partition", "1 when a replica is not in sync.", labels=labels)
        for topic in image.topics.values():
            counts.add_metric([topic.name], len(topic.partitions))
            for number, state in enumerate(topic.partitions):
                place = [topic.name, str(number)]
                if state.leader != NO_LEADER:
                    leaders.add_metric(place, state.leader)
                in_sync.add_metric(place, len(state.isr))
                replicas.add_metric(place, len(state.replicas))
                under.add_metric(place, int(len(state.isr) < len(state.replicas)))
        return brokers, counts, leaders, in_sync, replicas, under, *_offset_families(partitions)

    return collect


def _offset_families(partitions: IPartitions) -> Iterable[Metric]:
    labels = ["topic", "partition"]
    current = GaugeMetricFamily("kafka_topic_partition_current_offset", "One past the last committed offset.", labels=labels)
    oldest = GaugeMetricFamily("kafka_topic_partition_oldest_offset", "First offset there is.", labels=labels)
    unflushed = GaugeMetricFamily("chronik_log_unflushed_records", "Appended records that a crash would lose.", labels=labels)
    size = GaugeMetricFamily("chronik_log_size_bytes", "Bytes of the partition's log.", labels=labels)
    for partition in partitions.hosted():
        place = [partition.topic_partition.topic, str(partition.topic_partition.partition)]
        current.add_metric(place, partition.high_watermark)
        oldest.add_metric(place, partition.start_offset)
        unflushed.add_metric(place, partition.end_offset - partition.log.flushed_offset)
        size.add_metric(place, partition.log.size_bytes)
    return current, oldest, unflushed, size


def connection_families(factories: Sequence[ConnectionFactory]) -> Families:
    """Connections of each listener: how many, refused for what, how many bytes."""

    def collect() -> Iterable[Metric]:
        labels = ["listener"]
        live = GaugeMetricFamily("chronik_connections", "Open connections.", labels=labels)
        accepted = CounterMetricFamily("chronik_connections_accepted", "Connections accepted.", labels=labels)
        refused = CounterMetricFamily("chronik_connections_refused", "Connections closed by the broker, by reason.", labels=["listener", "reason"])
        received = CounterMetricFamily("chronik_network_received_bytes", "Bytes received.", labels=labels)
        sent = CounterMetricFamily("chronik_network_sent_bytes", "Bytes sent.", labels=labels)
        for factory in factories:
            live.add_metric([factory.name], len(factory.connections))
            accepted.add_metric([factory.name], factory.accepted)
            received.add_metric([factory.name], factory.bytes_in)
            sent.add_metric([factory.name], factory.bytes_out)
            for reason, count in sorted(factory.refused.items()):
                refused.add_metric([factory.name, reason], count)
        return live, accepted, refused, received, sent

    return collect


def tls_families(users: Sequence[ServerTls], handshakes: Handshakes) -> Families:
    """Certificates of listeners and how long they are good for; handshakes, and how they ended."""

    def collect() -> Iterable[Metric]:
        left = GaugeMetricFamily("chronik_tls_certificate_days_left", "Days until a listener's certificate ends.", labels=["listener"])
        ended = CounterMetricFamily("chronik_tls_handshakes", "TLS handshakes, by how they ended.", labels=["result"])
        under_way = GaugeMetricFamily("chronik_tls_handshakes_under_way", "TLS handshakes that have begun.", handshakes.under_way)
        waiting = GaugeMetricFamily("chronik_tls_handshakes_waiting", "TLS handshakes that wait to begin.", handshakes.waiting)
        for tls in users:
            left.add_metric([tls.listener], tls.days_left)
        for result, count in (("done", handshakes.done), ("failed", handshakes.failed)):
            ended.add_metric([result], count)
        return left, ended, under_way, waiting

    return collect


def fetch_session_families(sessions: FetchSessionCache) -> Families:
    """Consumers whose partitions are remembered between Fetches (KIP-227)."""

    def collect() -> Iterable[Metric]:
        live = GaugeMetricFamily("chronik_fetch_sessions", "Fetch sessions.", len(sessions))
        cached = GaugeMetricFamily("chronik_fetch_session_partitions", "Partitions of all fetch sessions.", sessions.partitions)
        evicted = CounterMetricFamily("chronik_fetch_session_evictions", "Fetch sessions that made room for others.", sessions.evictions)
        return live, cached, evicted

    return collect


def search_families(status: Callable[[], SearchStatus]) -> Families:
    """How far search is behind the log, and how fresh it is."""

    def collect() -> Iterable[Metric]:
        now = status()
        labels = ["topic", "partition"]
        through = GaugeMetricFamily("chronik_search_indexed_offset", "One past the last searchable offset.", labels=labels)
        lag = GaugeMetricFamily("chronik_search_lag_records", "Committed records that are not searchable yet.", labels=labels)
        freshness = GaugeMetricFamily("chronik_search_freshness_seconds", "From commit to searchable, of the newest such record.", labels=labels)
        for partition in now.partitions:
            place = [partition.topic, str(partition.partition)]
            through.add_metric(place, partition.through)
            lag.add_metric(place, partition.lag)
            if partition.freshness_ms >= 0:
                freshness.add_metric(place, partition.freshness_ms / 1000)
        ready = GaugeMetricFamily("chronik_search_ready", "1 while the search process answers.", int(now.ready))
        restarts = CounterMetricFamily("chronik_search_restarts", "How often the search process was started again.", now.restarts)
        memory = GaugeMetricFamily("chronik_search_memory_bytes", "Resident memory of the search process.", now.memory_bytes)
        return through, lag, freshness, ready, restarts, memory

    return collect
