"""What requests cost, counted by API in plain integers; rendered only when somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

LATENCY_BUCKETS_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the latency histogram's buckets; one more counts what took longer."""


@dataclass(slots=True)
class ApiMetrics:
    """Totals of one API since the start; ``buckets[i]`` counts requests of at most ``LATENCY_BUCKETS_SECONDS[i]``, and more than the one before."""

    requests: int = 0
    failures: int = 0
    throttled: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BUCKETS_SECONDS) + 1))


class RequestMetrics:
    """Totals by API key.

    :ivar apis: of each API that was called.
    """

    __slots__ = ("apis",)

    def __init__(self) -> None:
        self.apis: dict[int, ApiMetrics] = {}

    def served(self, api_key: int, seconds: float, request_bytes: int, response_bytes: int) -> None:
        """One request was answered, or needed no answer, after so many seconds."""
        totals = self.of(api_key)
        totals.requests += 1
        totals.request_bytes += request_bytes
        totals.response_bytes += response_bytes
        totals.seconds += seconds
        totals.buckets[bisect_left(LATENCY_BUCKETS_SECONDS, seconds)] += 1

    def failed(self, api_key: int) -> None:
        """One request met an error of ours."""
        self.of(api_key).failures += 1

    def throttled(self, api_key: int) -> None:
        """The client of one request was told to wait."""
        self.of(api_key).throttled += 1

    def of(self, api_key: int) -> ApiMetrics:
        """The totals of one API."""
        totals = self.apis.get(api_key)
        if totals is None:
            totals = self.apis[api_key] = ApiMetrics()
        return totals
