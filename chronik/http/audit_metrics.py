"""What is told of the audit trail: whether it keeps what it should."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, Metric

from chronik.security.audit_interfaces import IAuditTrail


def audit_families(trail: IAuditTrail) -> Callable[[], Iterable[Metric]]:
    """Events by kind, records by destination; nothing where nothing is audited."""

    def collect() -> Iterable[Metric]:
        if not trail.enabled:
            return ()
        counts = trail.counted()
        families = []
        for name, text, label, values in (
            ("chronik_audit_events", "Events that were recorded.", "kind", counts.kept),
            ("chronik_audit_left_out", "Events that were not, because there were too many of one peer.", "kind", counts.left_out),
            ("chronik_audit_written", "Records that are written.", "destination", counts.written),
            ("chronik_audit_dropped", "Records that were lost, because there was no room for them to wait.", "destination", counts.dropped),
            ("chronik_audit_failures", "Writes that failed and were tried again.", "destination", counts.failures),
        ):
            family = CounterMetricFamily(name, text, labels=[label])
            for value, count in values.items():
                family.add_metric([value], count)
            families.append(family)
        return families

    return collect
