"""What ``/metrics`` tells of the log directories and their disks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric

from chronik.http.metrics import Families, cumulative
from chronik.storage.disks import SYNC_BUCKETS_SECONDS
from chronik.storage.interfaces import DirectoryState

if TYPE_CHECKING:
    from chronik.storage.interfaces import ILogStore


def disk_families(logs: ILogStore) -> Families:
    """The state of each log directory, its space, and how long its syncs take."""

    def collect() -> Iterable[Metric]:
        disks = logs.status()
        state = GaugeMetricFamily("chronik_log_dir_state", "1 for the state that the log directory is in.", labels=["dir", "state"])
        total = GaugeMetricFamily("chronik_log_dir_total_bytes", "Size of the file system of the log directory.", labels=["dir"])
        usable = GaugeMetricFamily("chronik_log_dir_usable_bytes", "Free space of the log directory.", labels=["dir"])
        slowest = GaugeMetricFamily("chronik_log_dir_slowest_seconds", "Longest write or sync of the last minute, or under way.", labels=["dir"])
        syncs = HistogramMetricFamily("chronik_log_dir_sync_seconds", "How long syncs of the log directory took.", labels=["dir"])
        damaged = GaugeMetricFamily("chronik_log_dir_damaged_segments", "Segments with damaged records, which are not served.", labels=["dir"])
        for disk in disks:
            for each in DirectoryState:
                state.add_metric([disk.path, each.value], int(disk.state is each))
            if disk.total_bytes >= 0:
                total.add_metric([disk.path], disk.total_bytes)
                usable.add_metric([disk.path], disk.usable_bytes)
            slowest.add_metric([disk.path], disk.slowest_seconds)
            damaged.add_metric([disk.path], len(disk.damaged))
            if disk.syncs:
                syncs.add_metric([disk.path], cumulative(SYNC_BUCKETS_SECONDS, disk.syncs), disk.sync_seconds)
        return state, total, usable, slowest, syncs, damaged

    return collect
