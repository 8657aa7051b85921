"""Everything a handler may use, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chronik.logs import LogLevels
from chronik.security.audit_interfaces import NO_AUDIT, IAuditTrail

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.clocks import WallClock
    from chronik.cluster.interfaces import IController
    from chronik.config import Configuration
    from chronik.config.interfaces import IConfigurations
    from chronik.coordinator.group.interfaces import IGroupCoordinator
    from chronik.metadata.interfaces import IMetadataFeed
    from chronik.replica.interfaces import IPartitions, IReplicaMoves
    from chronik.replica.purgatory import Purgatory
    from chronik.security.interfaces import IAuthorizer
    from chronik.security.tokens.delegation import DelegationTokens
    from chronik.server.fetch_sessions import FetchSessionCache
    from chronik.server.metrics import RequestMetrics
    from chronik.server.quotas.service import ClientQuotas
    from chronik.storage.interfaces import ILogStore


@dataclass(frozen=True, slots=True)
class Services:
    """What the layers below offer to handlers; made once by the composition root.

    :ivar broker_id: this broker's id.
    :ivar config: the static configuration.
    :ivar configuration: as of now, with what is set in the metadata.
    :ivar metadata: the current image.
    :ivar controller: where metadata is changed.
    :ivar partitions: those led here.
    :ivar logs: the log directories.
    :ivar moves: of partitions between them.
    :ivar groups: the group coordinator.
    :ivar authorizer: who decides.
    :ivar fetch_bytes_max: most bytes of records in one Fetch answer (``fetch.max.bytes``).
    :ivar fetch_sessions: what consumers fetch, so that they need not say it again.
    :ivar quotas: what clients may use.
    :ivar clock: the reactor's, for all that lasts.
    :ivar wall_clock: the time of day, for all that is a timestamp; see :mod:`chronik.clocks`.
    :ivar purgatory: where requests wait, with a deadline.
    :ivar metrics: what requests are counted in.
    :ivar log_levels: what is logged here.
    :ivar audit: told who did what.
    :ivar tokens: delegation tokens; None where there is nothing to make them with.
    """

    broker_id: int
    config: Configuration
    configuration: IConfigurations
    metadata: IMetadataFeed
    controller: IController
    partitions: IPartitions
    logs: ILogStore
    moves: IReplicaMoves
    groups: IGroupCoordinator
    authorizer: IAuthorizer
    fetch_bytes_max: int
    fetch_sessions: FetchSessionCache
    quotas: ClientQuotas
    clock: IReactorTime
    wall_clock: WallClock
    purgatory: Purgatory
    metrics: RequestMetrics
    log_levels: LogLevels = field(default_factory=LogLevels)
    audit: IAuditTrail = NO_AUDIT
    tokens: DelegationTokens | None = None
