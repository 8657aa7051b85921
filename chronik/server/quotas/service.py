"""What clients use, against what they may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import CONSUMER_BYTE_RATE, CONTROLLER_MUTATION_RATE, PRODUCER_BYTE_RATE, REQUEST_PERCENTAGE, QuotaEntity
from chronik.network.rate import SampledRate, TokenBucket
from chronik.server.quotas.limits import Limit, limit_of

if TYPE_CHECKING:
    from chronik.config import Configuration
    from chronik.metadata.interfaces import IMetadataFeed
    from chronik.network.interfaces import Session

MEASURES_MAX: Final = 20_000
"""Measures kept before those that no longer matter are looked for: client ids are whatever clients say."""

SWEEP_MS: Final = 1000.0
"""How often, at most, idle ones are looked for."""

UNLIMITED: Final = 2**31 - 1
"""Bytes of a Fetch that no quota bounds."""


@dataclass(frozen=True, slots=True)
class QuotaWindows:
    """Over what time use is measured: how many windows, of how many ms; those of controller mutations apart."""

    count: int = 11
    size_ms: float = 1000.0
    controller_count: int = 11
    controller_size_ms: float = 1000.0

    @classmethod
    def of(cls, config: Configuration) -> QuotaWindows:
        """As the broker is configured."""
        return cls(
            config.get("quota.window.num"),
            config.get("quota.window.size.seconds") * 1000.0,
            config.get("controller.quota.window.num"),
            config.get("controller.quota.window.size.seconds") * 1000.0,
        )


class MutationQuota:
    """What one request may change of topics, in partitions (KIP-599).

    :param bucket: None without a quota.
    :param strict: whether changes are refused while the quota is exhausted; else they are made, and the client waits afterwards.
    """

    def __init__(self, bucket: TokenBucket | None, limit: float, strict: bool, now_ms: Callable[[], float]) -> None:
        self._bucket = bucket
        self._limit = limit
        self._strict = strict
        self._now_ms = now_ms
        self._throttle_ms = 0
        self._noted_ms = 0.0
        self.exceeded = False

    def charge(self, partitions: int) -> None:
        """Partitions are created or deleted.

        :raises KafkaError: ``THROTTLING_QUOTA_EXCEEDED``: the quota was exhausted before.
        """
        bucket = self._bucket
        if bucket is None:
            return
        now = self._now_ms()
        if self._strict:
            owed = bucket.throttle_ms(self._limit, now)
            if owed:
                self._throttle_ms, self._noted_ms, self.exceeded = owed, now, True
                raise KafkaError(ErrorCode.THROTTLING_QUOTA_EXCEEDED, "The throttling quota has been exceeded.")
            bucket.spend(partitions, self._limit, now)
            return
        bucket.spend(partitions, self._limit, now)
        self._throttle_ms, self._noted_ms = bucket.throttle_ms(self._limit, now), now

    @property
    def throttle_ms(self) -> int:
        """How long the client should wait, from now on."""
        return max(0, round(self._throttle_ms - (self._now_ms() - self._noted_ms)))


class ClientQuotas:
    """The quotas of the image, and what was used of them here.

    :param seconds: the broker's clock.
    """

    def __init__(self, feed: IMetadataFeed, seconds: Callable[[], float], windows: QuotaWindows) -> None:
        self._feed = feed
        self._seconds = seconds
        self._windows = windows
        self._quotas: Mapping[QuotaEntity, Mapping[str, float]] = {}
        self._limits: dict[tuple[str, str, str], Limit | None] = {}
        self._measures: dict[tuple[str, str, str], Any] = {}
        self._swept_ms = 0.0

    @property
    def enabled(self) -> bool:
        """Whether there is any quota at all."""
        return bool(self._feed.image.quotas)

    def produced(self, session: Session, client_id: str | None, count: int) -> int:
        """A Produce request of so many bytes came; for how many ms its client is to be muted."""
        return self._used(PRODUCER_BYTE_RATE, session, client_id, count)

    def fetched(self, session: Session, client_id: str | None, count: int) -> int:
        """So many bytes of records are about to be sent; when their client is to be muted instead, they do not count."""
        throttle_ms = self._used(CONSUMER_BYTE_RATE, session, client_id, count)
        if throttle_ms:
            self._used(CONSUMER_BYTE_RATE, session, client_id, -count)
        return throttle_ms

    def fetch_bytes_max(self, session: Session, client_id: str | None) -> int:
        """More bytes than this would be throttled though nothing else was fetched."""
        limit = self._limit(CONSUMER_BYTE_RATE, session, client_id)
        return UNLIMITED if limit is None else int(limit.value * max(1, self._windows.count - 1) * self._windows.size_ms / 1000)

    def worked(self, session: Session, client_id: str | None, seconds: float) -> int:
        """A request kept the reactor busy for so long; for how many ms its client is to be muted, at most one window."""
        return min(self._used(REQUEST_PERCENTAGE, session, client_id, seconds * 100), round(self._windows.size_ms))

    def mutations(self, session: Session, client_id: str | None, strict: bool) -> MutationQuota:
        """What a request may change of topics."""
        limit = self._limit(CONTROLLER_MUTATION_RATE, session, client_id)
        if limit is None:
            return MutationQuota(None, 0.0, strict, self._now_ms)
        bucket: TokenBucket = self._measure(CONTROLLER_MUTATION_RATE, limit)
        return MutationQuota(bucket, limit.value, strict, self._now_ms)

    def _now_ms(self) -> float:
        return self._seconds() * 1000

    def _used(self, key: str, session: Session, client_id: str | None, value: float) -> int:
        limit = self._limit(key, session, client_id)
        if limit is None:
            return 0
        now = self._now_ms()
        rate: SampledRate = self._measure(key, limit)
        rate.record(value, now)
        return rate.throttle_ms(limit.value, now)

    def _limit(self, key: str, session: Session, client_id: str | None) -> Limit | None:
        quotas = self._feed.image.quotas
        if not quotas or session.internal:
            return None
        if quotas is not self._quotas:
            self._quotas = quotas
            self._limits.clear()
        wanted = (key, session.principal.name, client_id or "")
        try:
            return self._limits[wanted]
        except KeyError:
            if len(self._limits) >= MEASURES_MAX:
                self._limits.clear()
            found = self._limits[wanted] = limit_of(quotas, *wanted)
            return found

    def _measure(self, key: str, limit: Limit) -> Any:
        whose = (key, limit.user, limit.client_id)
        found = self._measures.get(whose)
        if found is None:
            if len(self._measures) >= MEASURES_MAX:
                self._make_room()
            windows = self._windows
            if key == CONTROLLER_MUTATION_RATE:
                found = TokenBucket(windows.controller_count, windows.controller_size_ms)
            else:
                found = SampledRate(windows.count, windows.size_ms)
            self._measures[whose] = found
        return found

    def _make_room(self) -> None:
        """Forget those who do nothing, which takes a look at all and is done now and then, else whoever came first."""
        now = self._now_ms()
        if now - self._swept_ms >= SWEEP_MS:
            self._swept_ms = now
            self._measures = {whose: measure for whose, measure in self._measures.items() if not measure.idle(now)}
        if len(self._measures) >= MEASURES_MAX:
            del self._measures[next(iter(self._measures))]
