"""Who may connect: how many at once, from one address, and how many a second.

As in Kafka, a connection from an address that has too many is closed at once. What comes too often, or while there are too many altogether, is
accepted and not read from: it waits for its turn, those that came first going first. One from an address over its own rate waits and is closed then.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from chronik.network.rate import SampledRate

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from chronik.network.connection import KafkaConnection

UNLIMITED: Final = 2**31 - 1
"""As a number of connections: as many as there are."""

ADDRESSES_MAX: Final = 20_000
"""Addresses whose rate is remembered before those that no longer matter are forgotten."""


SWEEP_MS: Final = 1000.0
"""How often, at most, that is looked for."""


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """How many connections.

    :ivar connections_max: at once, on all listeners (``max.connections``).
    :ivar per_address_max: at once, from one address (``max.connections.per.ip``).
    :ivar overrides: the same for some addresses (``max.connections.per.ip.overrides``).
    :ivar per_second_max: on all listeners (``max.connection.creation.rate``).
    :ivar windows: over how many windows rates are averaged (``quota.window.num``).
    :ivar window_ms: and how long those are (``quota.window.size.seconds``).
    """

    connections_max: int = UNLIMITED
    per_address_max: int = UNLIMITED
    overrides: Mapping[str, int] = field(default_factory=dict)
    per_second_max: int = UNLIMITED
    windows: int = 11
    window_ms: float = 1000.0


class Admission:
    """Counts the connections of all listeners, and lets them in.

    :ivar limits: as of now; see :meth:`limit`.
    :ivar address_rate: the most connections a second from an address, None for no limit.
    """

    def __init__(self, clock: IReactorTime, limits: AdmissionLimits | None = None) -> None:
        self._clock = clock
        self.limits = limits or AdmissionLimits()
        self.address_rate: Callable[[str], float | None] = _no_rate
        self._by_address: Counter[str] = Counter()
        self._admitted = 0
        self._waiting: deque[KafkaConnection] = deque()
        self._barred: set[KafkaConnection] = set()
        self._rate = self._new_rate()
        self._address_rates: dict[str, SampledRate] = {}
        self._swept_ms = 0.0
        self._not_before = 0.0
        self._closed = False
        self._timer: IDelayedCall | None = None
        self._ports: list[Callable[[bool], None]] = []

    def limit(self, limits: AdmissionLimits) -> None:
        """Go by other limits from now on; those who wait may come in."""
        self.limits = limits
        self._admit_next()

    def on_crowd(self, accept: Callable[[bool], None]) -> None:
        """Tell a listener when it should accept no more for now, and when again."""
        self._ports.append(accept)

    def full(self, host: str) -> bool:
        """Whether an address has as many connections as it may."""
        limits = self.limits
        return self._by_address[host] >= limits.overrides.get(host, limits.per_address_max)

    def enter(self, connection: KafkaConnection, host: str) -> None:
        """A connection was accepted: it is let in, or waits."""
        self._by_address[host] += 1
        now_ms = self._clock.seconds() * 1000
        wait_ms = self._address_wait_ms(host, now_ms)
        if wait_ms:
            self._barred.add(connection)
            if self._admitted + len(self._waiting) + len(self._barred) > self.limits.connections_max:
                connection.abort()
            else:
                connection.bar(now_ms / 1000 + wait_ms / 1000)
            return
        self._rate.record(1, now_ms)
        wait_ms = self._bounded(self._rate, self.limits.per_second_max, now_ms)
        self._not_before = max(self._not_before, (now_ms + wait_ms) / 1000)
        if wait_ms or self._waiting or self._admitted >= self.limits.connections_max:
            connection.bar(None)
            self._waiting.append(connection)
            self._tell(accept=False)
            self._admit_next()
        else:
            self._admitted += 1

    def leave(self, connection: KafkaConnection, host: str) -> None:
        """A connection ended, whether it was let in or not."""
        self._by_address[host] -= 1
        if not self._by_address[host]:
            del self._by_address[host]
        if connection in self._barred:
            self._barred.discard(connection)
        elif connection in self._waiting:
            self._waiting.remove(connection)
        else:
            self._admitted -= 1
        self._admit_next()

    def close(self) -> None:
        """Let nobody in any more."""
        self._closed = True
        self._schedule()

    def _admit_next(self) -> None:
        if self._closed:
            return
        while self._waiting and self._admitted < self.limits.connections_max and self._clock.seconds() >= self._not_before:
            self._admitted += 1
            self._waiting.popleft().admit()
        self._schedule()
        if not self._waiting:
            self._tell(accept=True)

    def _schedule(self) -> None:
        """Come back when the rate allows the next one; when somebody must go first, :meth:`leave` does."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        left = self._not_before - self._clock.seconds()
        if self._waiting and left > 0 and not self._closed:
            self._timer = self._clock.callLater(left, self._admit_next)

    def _tell(self, accept: bool) -> None:
        for port in self._ports:
            port(accept)

    def _address_wait_ms(self, host: str, now_ms: float) -> int:
        limit = self.address_rate(host)
        if limit is None:
            return 0
        rate = self._address_rates.get(host)
        if rate is None:
            if len(self._address_rates) >= ADDRESSES_MAX:
                self._make_room(now_ms)
            rate = self._address_rates[host] = self._new_rate()
        rate.record(1, now_ms)
        wait_ms = self._bounded(rate, limit, now_ms)
        if wait_ms:
            rate.record(-1, now_ms)
        return wait_ms

    def _make_room(self, now_ms: float) -> None:
        """Forget addresses that are silent, which takes a look at all and is done now and then, else the one that came first."""
        if now_ms - self._swept_ms >= SWEEP_MS:
            self._swept_ms = now_ms
            self._address_rates = {known: rate for known, rate in self._address_rates.items() if not rate.idle(now_ms)}
        if len(self._address_rates) >= ADDRESSES_MAX:
            del self._address_rates[next(iter(self._address_rates))]

    def _bounded(self, rate: SampledRate, limit: float, now_ms: float) -> int:
        return min(rate.throttle_ms(limit, now_ms), round(self.limits.window_ms)) if limit < UNLIMITED else 0

    def _new_rate(self) -> SampledRate:
        return SampledRate(self.limits.windows, self.limits.window_ms)


def _no_rate(host: str) -> float | None:
    return None
