"""What ``/metrics`` tells of authentication."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, Metric

from chronik.http.metrics import Families
from chronik.security.sasl.server import SaslServers


def login_families(sasl: SaslServers) -> Families:
    """Authentications by SASL, and connections that were ended because their session was over."""

    def collect() -> Iterable[Metric]:
        ended = CounterMetricFamily("chronik_authentications", "Authentications by SASL that ended.", labels=["listener", "mechanism", "outcome"])
        expired = CounterMetricFamily(
            "chronik_expired_connections", "Connections ended for a request after the end of their session.", labels=["listener"]
        )
        for labels, count in sorted(sasl.counts.items()):
            ended.add_metric(labels, count)
        for listener, count in sorted(sasl.expired.items()):
            expired.add_metric([listener], count)
        return ended, expired

    return collect
