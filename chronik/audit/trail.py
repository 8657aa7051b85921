"""The trail: takes events, keeps to rates, and hands records to every outlet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from twisted.logger import Logger
from zope.interface import implementer

from chronik.audit.interfaces import AuditRecord
from chronik.audit.outlet import Outlet
from chronik.audit.rates import AuditRates, peer_of
from chronik.audit.record import audit_record, left_out_record
from chronik.clocks import WallClock
from chronik.defer import deferred
from chronik.security.audit_interfaces import AuditCounts, AuditEvent, AuditKind, IAuditTrail

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

REPORT_S: Final = 10.0
"""Time between two reports of what was left out."""


@implementer(IAuditTrail)
class AuditTrail:
    """Keeps records in outlets, which may be added when they can be written.

    :param clock: times rates and reports.
    :param wall_clock: tells when something happened.
    :param cluster: the cluster's id.
    :param broker: this broker's.
    """

    enabled = True
    _log = Logger()

    def __init__(self, clock: IReactorTime, wall_clock: WallClock, cluster: str, broker: int, rates: AuditRates, successes: bool = True) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._cluster = cluster
        self._broker = broker
        self._rates = rates
        self._outlets: list[Outlet] = []
        self._report: IDelayedCall | None = None
        self._closed = False
        self.successes = successes
        self._kept: dict[AuditKind, int] = dict.fromkeys(AuditKind, 0)
        self._left_out_count: dict[AuditKind, int] = dict.fromkeys(AuditKind, 0)

    def add(self, outlet: Outlet) -> None:
        """Write to this one too from now on."""
        self._outlets.append(outlet)

    def limit(self, per_second: float, burst: float, successes: bool) -> None:
        """Go by other limits.

        :param successes: whether authentications that succeed are kept.
        """
        self._rates.limit(per_second, burst)
        self.successes = successes

    def counted(self) -> AuditCounts:
        """Totals; see :meth:`IAuditTrail.counted`."""
        status = [outlet.status for outlet in self._outlets]
        return AuditCounts(
            {kind.value: count for kind, count in self._kept.items()},
            {kind.value: count for kind, count in self._left_out_count.items()},
            {each.name: each.written for each in status},
            {each.name: each.dropped for each in status},
            {each.name: each.failures for each in status},
        )

    def record(self, event: AuditEvent) -> None:
        """Keep an event; see :meth:`IAuditTrail.record`."""
        if self._closed or (event.kind is AuditKind.AUTHENTICATION and event.succeeded and not self.successes):
            return
        try:
            if not self._rates.take(peer_of(event), self._clock.seconds()):
                self._left_out_count[event.kind] += 1
                self._report_later()
                return
            self._kept[event.kind] += 1
            self._put(audit_record(event, self._wall_clock(), self._cluster, self._broker))
        except Exception:  # noqa: BLE001  whoever did something is answered, whatever becomes of the record
            self._log.failure("an audit record of {action} could not be made", action=event.action)

    @deferred
    async def close(self) -> None:
        """Say what was left out, write everything, and take nothing more. Never fails."""
        self._say()
        self._closed = True
        for outlet in self._outlets:
            await outlet.close()

    def _put(self, record: AuditRecord) -> None:
        for outlet in self._outlets:
            lost = outlet.take_lost()
            if lost:
                outlet.put(self._left_out({}, lost, "there was no more room for them to wait"))
            outlet.put(record)

    def _left_out(self, fields: dict[str, Any], count: int, reason: str) -> AuditRecord:
        return left_out_record(fields, self._wall_clock(), self._cluster, self._broker, count, reason)

    def _report_later(self) -> None:
        if self._report is None:
            self._report = self._clock.callLater(REPORT_S, self._say)

    def _say(self) -> None:
        """Write how many events were left out, of whom."""
        if self._report is not None and self._report.active():
            self._report.cancel()
        self._report = None
        for peer, count in self._rates.report():
            fields = {"kind": peer.kind.value, "principal": peer.principal, "host": peer.host}
            self._put(self._left_out(fields, count, "there were too many of this peer" if peer.host else "there were too many"))
