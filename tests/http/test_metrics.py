"""Tests of a scrape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from chronik.coordinator.group.interfaces import GroupOffset, GroupSummary
from chronik.http.metrics import MetricsEndpoint, group_families, process_families
from chronik.http.routing import Routes
from chronik.model import TopicPartition
from tests.http.harness import Client


def _two() -> Iterable[Metric]:
    return GaugeMetricFamily("first", "One.", 1), GaugeMetricFamily("second", "Two.", 2)


class _Led:
    topic_partition = TopicPartition("t", 0)
    high_watermark = 10


class _Partitions:
    def hosted(self) -> Sequence[_Led]:
        return (_Led(),)


class _Groups:
    def summaries(self) -> Sequence[GroupSummary]:
        return (GroupSummary("g", "Stable", "consumer", 2, "classic"),)

    def committed(self) -> Sequence[GroupOffset]:
        return (GroupOffset("g", "t", 0, 4), GroupOffset("g", "elsewhere", 0, 4))


class MetricsTests(SynchronousTestCase):
    """Formats, and what is counted."""

    def scrape(self, accept: str) -> str:
        """A scrape of two families."""
        routes = Routes()
        client = Client(routes)
        MetricsEndpoint([_two], client.clock).register(routes)
        client.ask("GET", "/metrics", accept=accept)
        self.assertEqual(b"", client.transport.value(), "nothing before the reactor had its turns")
        client.clock.pump([0, 0, 0])
        return client.answer().body.decode()

    def test_text(self) -> None:
        """Plain text for whom says nothing."""
        text = self.scrape("*/*")
        self.assertIn("first 1.0\n", text)
        self.assertIn("second 2.0\n", text)
        self.assertNotIn("# EOF", text)

    def test_openmetrics(self) -> None:
        """OpenMetrics ends once, after all families."""
        text = self.scrape("application/openmetrics-text; version=1.0.0")
        self.assertEqual(["first", "second"], [family.name for family in text_string_to_metric_families(text)])
        self.assertEqual(1, text.count("# EOF"))

    def test_groups(self) -> None:
        """Lag is told of what is led here only."""
        families = {family.name: family for family in group_families(_Groups(), _Partitions())()}  # type: ignore[arg-type]
        self.assertEqual([2], [sample.value for sample in families["kafka_consumergroup_members"].samples])
        self.assertEqual([4, 4], [sample.value for sample in families["kafka_consumergroup_current_offset"].samples])
        (lag,) = families["kafka_consumergroup_lag"].samples
        self.assertEqual(({"consumergroup": "g", "topic": "t", "partition": "0"}, 6), (lag.labels, lag.value))

    def test_process(self) -> None:
        """The release and the process are told."""
        names = {family.name for family in process_families()()}
        self.assertLessEqual({"chronik_build_info", "process_cpu_seconds", "process_resident_memory_bytes", "process_open_fds"}, names)
