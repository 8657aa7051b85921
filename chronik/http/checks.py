"""What ``/health`` looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from chronik import __version__
from chronik.http.health import Check
from chronik.metadata.image import NO_LEADER
from chronik.metadata.interfaces import IMetadataFeed
from chronik.storage.interfaces import DirectoryState, DirectoryStatus

if TYPE_CHECKING:
    from chronik.network.listeners import KafkaListeners
    from chronik.search.broker_interfaces import SearchStatus
    from chronik.security.tls.server import ServerTls
    from chronik.server.services import Services
    from chronik.server.stall import ReactorStallMeter

LAG_TOLD_RECORDS: Final = 100_000
"""A partition whose index is further behind than this makes search yellow: results miss what is recent."""


def broker_check(services: Services, listeners: KafkaListeners, stalls: ReactorStallMeter, certificates: Sequence[ServerTls] = ()) -> Check:
    """This broker: green while every partition led here is served and every disk does as it should; red while one is not served, or offline.

    A certificate that is about to end makes it yellow.
    """

    def check() -> Mapping[str, Any]:
        served = {(p.topic_id, p.topic_partition.partition) for p in services.partitions.hosted()}
        led = [
            (topic.topic_id, number, topic.name)
            for topic in services.metadata.image.topics.values()
            for number, state in enumerate(topic.partitions)
            if services.broker_id == state.leader
        ]
        missing = [f"{name}-{number}" for topic_id, number, name in led if (topic_id, number) not in served]
        disks = services.logs.status()
        troubled = any(disk.state is not DirectoryState.OK or disk.damaged for disk in disks) or any(tls.near_expiry for tls in certificates)
        return {
            "status": "red" if missing or any(disk.state is DirectoryState.OFFLINE for disk in disks) else "yellow" if troubled else "green",
            "id": services.broker_id,
            "version": __version__,
            "log_dirs": [_disk(disk) for disk in disks],
            "partitions": len(served),
            "partitions_not_served": missing[:100],
            **({"certificates": [_certificate(tls) for tls in certificates]} if certificates else {}),
            "connections": sum(len(factory.connections) for factory in listeners.factories),
            "reactor_stall_longest_seconds": round(stalls.longest_seconds, 4),
        }

    return check


def _certificate(tls: ServerTls) -> Mapping[str, Any]:
    return {"listener": tls.listener, "subject": tls.material.subject, "days_left": round(tls.days_left, 1)}


def _disk(disk: DirectoryStatus) -> Mapping[str, Any]:
    """One log directory; what is unknown, or as it should be, is left out."""
    told: dict[str, Any] = {"path": disk.path, "state": disk.state.value}
    if disk.reason:
        told["reason"] = disk.reason
    if disk.state is not DirectoryState.OFFLINE and disk.usable_bytes >= 0:
        told |= {"usable_bytes": disk.usable_bytes, "total_bytes": disk.total_bytes}
    told["slowest_seconds"] = round(disk.slowest_seconds, 4)
    if disk.damaged:
        told["damaged"] = list(disk.damaged[:100])
    return told


def search_check(status: Callable[[], SearchStatus]) -> Check:
    """Search: green while its process answers and every index is near the end of its log."""

    def check() -> Mapping[str, Any]:
        now = status()
        behind = [p for p in now.partitions if p.lag > LAG_TOLD_RECORDS or p.state not in ("", "loading")]
        return {
            "status": "red" if not now.ready else "yellow" if behind else "green",
            "process": now.pid,
            "restarts": now.restarts,
            "memory_bytes": now.memory_bytes,
            "lag_records": sum(p.lag for p in now.partitions),
            "behind": [{"topic": p.topic, "partition": p.partition, "lag": p.lag, "state": p.state} for p in behind[:100]],
        }

    return check


def cluster_check(feed: IMetadataFeed) -> Check:
    """The cluster: green while it has a controller and all partitions have a leader and all their replicas, yellow while some lack a replica."""

    def check() -> Mapping[str, Any]:
        image = feed.image
        states = [(topic.name, number, state) for topic in image.topics.values() for number, state in enumerate(topic.partitions)]
        leaderless = [f"{name}-{number}" for name, number, state in states if state.leader == NO_LEADER]
        under = [f"{name}-{number}" for name, number, state in states if len(state.isr) < len(state.replicas) - len(state.adding)]
        return {
            "status": "red" if leaderless or image.controller_id < 0 else "yellow" if under else "green",
            "id": image.cluster_id,
            "controller": image.controller_id,
            "brokers": sorted(image.brokers),
            "brokers_fenced": sorted(broker_id for broker_id, broker in image.brokers.items() if broker.fenced),
            "topics": len(image.topics),
            "partitions_without_leader": leaderless[:100],
            "partitions_under_replicated": under[:100],
        }

    return check
