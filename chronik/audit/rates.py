"""How many events are kept: so many of a kind for each peer, and so many of all together; the rest is counted."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, NamedTuple

from chronik.security.audit_interfaces import AuditEvent, AuditKind

TRACKED_MAX: Final = 10_000
"""Peers whose events are counted apart; of more, those that were quiet for longest begin anew."""

ALTOGETHER: Final = 20
"""As many times what one peer may cause is kept of all peers together: an attacker may have many addresses."""

CHANGES: Final = 100
"""As many times as many changes are kept: whoever may change things does so in thousands, and every one counts."""

REPORTED_MAX: Final = 100
"""Peers that are named in one report of what was left out; the others are summed up."""

NETWORK_BITS: Final = 64
"""Of an IPv6 address: whoever has one has all that begin so."""


class Peer(NamedTuple):
    """Whose events are counted together; a principal is empty where it is only claimed."""

    kind: AuditKind
    principal: str
    host: str


EVERYBODY: Final = ""


def peer_of(event: AuditEvent) -> Peer:
    """Whom an event counts for."""
    claimed = event.kind is AuditKind.AUTHENTICATION and not event.succeeded
    return Peer(event.kind, "" if claimed else event.principal, network_of(event.host))


def network_of(host: str) -> str:
    """The address; of IPv6 the network it is in."""
    if ":" not in host:
        return host
    try:
        return str(ipaddress.ip_network((host.partition("%")[0], NETWORK_BITS), strict=False))
    except ValueError:
        return host


@dataclass(slots=True)
class _Bucket:
    """Tokens as of a time in seconds, and events that found none since the last report."""

    tokens: float
    at: float
    left_out: int = 0


class AuditRates:
    """Decides what is kept.

    :param per_second: events of a kind that are kept of one peer, in the long run.
    :param burst: and at once.
    """

    def __init__(self, per_second: float, burst: float) -> None:
        self._buckets: OrderedDict[Peer, _Bucket] = OrderedDict()
        self.limit(per_second, burst)
        self._forgotten: dict[AuditKind, int] = {}

    def limit(self, per_second: float, burst: float) -> None:
        """Go by other rates from now on."""
        self._per_second = per_second
        self._burst = burst

    @property
    def waiting(self) -> bool:
        """Whether there is something to report."""
        return bool(self._forgotten) or any(bucket.left_out for bucket in self._buckets.values())

    def take(self, peer: Peer, now: float) -> bool:
        """Whether to keep one event; one that is not is counted."""
        factor = CHANGES if peer.kind is AuditKind.CHANGE else 1
        own = self._bucket(peer, now, factor)
        if own.tokens < 1:
            own.left_out += 1
            return False
        every = self._bucket(Peer(peer.kind, EVERYBODY, EVERYBODY), now, factor * ALTOGETHER)
        own.tokens -= 1
        if every.tokens < 1:
            own.left_out += 1
            return False
        every.tokens -= 1
        return True

    def report(self) -> list[tuple[Peer, int]]:
        """What was left out since the last report, by peer; those beyond :data:`REPORTED_MAX` under an empty one."""
        left_out = [(peer, bucket.left_out) for peer, bucket in self._buckets.items() if bucket.left_out]
        for bucket in self._buckets.values():
            bucket.left_out = 0
        others, self._forgotten = self._forgotten, {}
        left_out.sort(key=lambda each: -each[1])
        for peer, count in left_out[REPORTED_MAX:]:
            others[peer.kind] = others.get(peer.kind, 0) + count
        return left_out[:REPORTED_MAX] + [(Peer(kind, EVERYBODY, EVERYBODY), count) for kind, count in others.items()]

    def _bucket(self, peer: Peer, now: float, factor: int) -> _Bucket:
        most = self._burst * factor
        bucket = self._buckets.get(peer)
        if bucket is None:
            bucket = self._buckets[peer] = _Bucket(most, now)
            self._make_room()
        else:
            bucket.tokens = min(most, bucket.tokens + max(0.0, now - bucket.at) * self._per_second * factor)
            bucket.at = now
            self._buckets.move_to_end(peer)
        return bucket

    def _make_room(self) -> None:
        while len(self._buckets) > TRACKED_MAX:
            peer, bucket = self._buckets.popitem(last=False)
            if bucket.left_out:
                self._forgotten[peer.kind] = self._forgotten.get(peer.kind, 0) + bucket.left_out
