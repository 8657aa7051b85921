"""Measures of use: a rate over sampled windows, and a bucket of tokens (KIP-599). Times are ms of the broker's clock."""

from __future__ import annotations

from typing import Final

THROTTLE_MS_MAX: Final = 2**31 - 1
"""What the protocol can tell of a wait: 24 days. A rate of a byte a second, by which clients are kept out, asks for more."""


class _Sample:
    """What was used in one window.

    :ivar last_ms: when it was used last.
    """

    __slots__ = ("last_ms", "start_ms", "value")

    def __init__(self, now_ms: float) -> None:
        self.reset(now_ms)

    def reset(self, now_ms: float) -> None:
        """Begin anew."""
        self.start_ms = self.last_ms = now_ms
        self.value = 0.0


class SampledRate:
    """Use a second, averaged over so many windows, by Kafka's arithmetic: a rate that was just begun counts as if the windows before it were empty.

    :param windows: how many (``quota.window.num``).
    :param window_ms: how long each is (``quota.window.size.seconds``).
    """

    def __init__(self, windows: int, window_ms: float) -> None:
        self._windows = windows
        self._window_ms = window_ms
        self._samples: list[_Sample] = []
        self._current = 0

    def record(self, value: float, now_ms: float) -> None:
        """So much was used; a negative value takes back."""
        sample = self._sample(now_ms)
        sample.value += value
        sample.last_ms = now_ms

    def throttle_ms(self, limit: float, now_ms: float) -> int:
        """How long nothing may be used for the average to be ``limit`` again; 0 while it is no more."""
        self._purge(now_ms)
        span_ms = self._span_ms(now_ms)
        rate = sum(sample.value for sample in self._samples) / (span_ms / 1000)
        return round(min((rate - limit) / limit * span_ms, THROTTLE_MS_MAX)) if rate > limit else 0

    def idle(self, now_ms: float) -> bool:
        """Whether it is as if it had never been used."""
        return all(now_ms - sample.last_ms >= self._windows * self._window_ms for sample in self._samples)

    def _sample(self, now_ms: float) -> _Sample:
        if not self._samples:
            self._samples.append(_Sample(now_ms))
        sample = self._samples[self._current]
        if now_ms - sample.start_ms < self._window_ms:
            return sample
        # One more than there are windows: the oldest may overlap the time that counts.
        self._current = (self._current + 1) % (self._windows + 1)
        if self._current >= len(self._samples):
            self._samples.append(_Sample(now_ms))
        else:
            self._samples[self._current].reset(now_ms)
        return self._samples[self._current]

    def _purge(self, now_ms: float) -> None:
        for sample in self._samples:
            if now_ms - sample.last_ms >= self._windows * self._window_ms:
                sample.reset(now_ms)

    def _span_ms(self, now_ms: float) -> float:
        elapsed = now_ms - min((sample.start_ms for sample in self._samples), default=now_ms)
        missing = self._windows - 1 - int(elapsed // self._window_ms)
        return max(elapsed + max(missing, 0) * self._window_ms, 1.0)


class TokenBucket:
    """Tokens that are spent and come back at the quota's rate; it holds as many as come in all windows together.

    :param windows: how many (``controller.quota.window.num``).
    :param window_ms: how long each is (``controller.quota.window.size.seconds``).
    """

    def __init__(self, windows: int, window_ms: float) -> None:
        self._seconds = windows * window_ms / 1000
        self._tokens: float | None = None
        self._filled_ms = 0.0

    def spend(self, tokens: float, limit: float, now_ms: float) -> None:
        """Take tokens, more than there are if need be."""
        self._fill(limit, now_ms)
        self._tokens = (self._tokens or 0.0) - tokens

    def throttle_ms(self, limit: float, now_ms: float) -> int:
        """How long it takes until no token is owed."""
        self._fill(limit, now_ms)
        return round(min(-(self._tokens or 0.0) / limit * 1000, THROTTLE_MS_MAX)) if (self._tokens or 0.0) < 0 else 0

    def idle(self, now_ms: float) -> bool:
        """Whether it is as if it had never been used."""
        return self._tokens is None or (self._tokens >= 0 and now_ms - self._filled_ms >= self._seconds * 1000)

    def _fill(self, limit: float, now_ms: float) -> None:
        most = self._seconds * limit
        if self._tokens is None:
            self._tokens = most
        self._tokens = min(most, self._tokens + limit * (now_ms - self._filled_ms) / 1000)
        self._filled_ms = now_ms
