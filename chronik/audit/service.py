"""The audit of one broker, as it is configured: made early, so that there is somewhere to tell things, and written once that is possible."""

from __future__ import annotations

import os
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from zope.interface import implementer

from chronik.audit.file import AuditFile
from chronik.audit.outlet import Outlet
from chronik.audit.rates import AuditRates
from chronik.audit.topic import AuditTopic, TopicPlan
from chronik.audit.trail import AuditTrail
from chronik.clocks import WallClock
from chronik.config import Configuration
from chronik.config.interfaces import IReconfigurable
from chronik.config.listeners import parse_protocol_map
from chronik.security.audit_interfaces import NO_AUDIT, IAuditTrail

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.cluster.interfaces import IController
    from chronik.defer import IThreadPools
    from chronik.metadata.interfaces import IMetadataFeed
    from chronik.network.interfaces import IBrokerChannels
    from chronik.replica.interfaces import IPartitions

FILE: Final = os.path.join(".audit", "audit.log")
"""Where the file is below the first log directory."""

OPEN_TO_ALL: Final = "allow-all"
"""The authorizer that refuses nothing."""

SEGMENT_BYTES: Final = 16 << 20
"""Of the topic: retention takes whole segments."""


def wanted(config: Configuration) -> bool:
    """Whether anything is audited (``audit.enable``)."""
    chosen: str = config.get("audit.enable")
    if chosen != "auto":
        return chosen == "true"
    protocols = parse_protocol_map(config.get("listener.security.protocol.map"))
    known = any(protocols.get(listener.name, listener.name) != "PLAINTEXT" for listener in config.listeners())
    return known or bool(config.get("authorizer") != OPEN_TO_ALL) or config.get("credential.store") is not None


def audit_trail(config: Configuration, clock: IReactorTime, wall_clock: WallClock, cluster: str) -> AuditTrail | None:
    """A trail without outlets, None where nothing is audited."""
    if not wanted(config):
        return None
    rates = AuditRates(config.get("audit.rate.per.second"), config.get("audit.rate.burst"))
    return AuditTrail(clock, wall_clock, cluster, config.get("node.id"), rates, config.get("audit.authentication.success"))


def told(trail: AuditTrail | None) -> IAuditTrail:
    """Whom to tell, trail or none."""
    return trail if trail is not None else NO_AUDIT


def add_file(trail: AuditTrail, config: Configuration, pools: IThreadPools, clock: IReactorTime) -> None:
    """Write to the file, where that is wanted."""
    if "file" in config.get("audit.destinations"):
        path = config.get("audit.file") or os.path.join(config.get("log.dirs")[0], FILE)
        bytes_max, count_max = config.get("audit.file.max.bytes"), config.get("audit.file.max.count")
        trail.add(Outlet(AuditFile(os.path.abspath(path), bytes_max, count_max, pools.worker("audit")), clock))


def add_topic(
    trail: AuditTrail,
    config: Configuration,
    feed: IMetadataFeed,
    partitions: IPartitions,
    controller: IController,
    clock: IReactorTime,
    channels: IBrokerChannels,
) -> None:
    """Write to the topic, where that is wanted. It is created when there is something to write."""
    if "topic" in config.get("audit.destinations"):
        writer = AuditTopic(config.get("node.id"), feed, partitions, controller, _plan(config), channels)
        trail.add(Outlet(writer, clock))


def _plan(config: Configuration) -> TopicPlan:
    configs: dict[str, Any] = {
        "cleanup.policy": "delete",
        "retention.ms": config.get("audit.topic.retention.ms"),
        "retention.bytes": config.get("audit.topic.retention.bytes"),
        "segment.bytes": SEGMENT_BYTES,
        "search.mode": "json",
        "compression.type": "producer",
    }
    texts = {name: str(value) for name, value in configs.items()}
    return TopicPlan(config.get("audit.topic.partitions"), config.get("audit.topic.replication.factor"), texts)


@implementer(IReconfigurable)
class AuditSettings:
    """Lets a trail go by what is set at run time."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    def check_configuration(self, config: Configuration) -> None:
        """Any rates will do."""

    def configuration_changed(self, config: Configuration, changed: AbstractSet[str]) -> None:
        """See :meth:`IReconfigurable.configuration_changed`."""
        self._trail.limit(config.get("audit.rate.per.second"), config.get("audit.rate.burst"), config.get("audit.authentication.success"))
