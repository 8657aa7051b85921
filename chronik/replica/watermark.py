"""The high watermark of a partition, and those who wait for it to pass an offset."""

from __future__ import annotations

import heapq
import itertools

from twisted.internet.defer import Deferred

from chronik.errors import ErrorCode, KafkaError
from chronik.storage.interfaces import AppendResult


class HighWatermark:
    """One past the last committed offset; it only grows.

    :ivar offset: where it is.
    """

    __slots__ = ("_failure", "_order", "_waiting", "offset")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self._failure: KafkaError | None = None
        self._waiting: list[tuple[int, int, Deferred[AppendResult], AppendResult]] = []
        self._order = itertools.count()

    def advance(self, offset: int) -> bool:
        """Move to ``offset``; whether that is further than before. Whoever waited for it is told before this returns."""
        if offset <= self.offset:
            return False
        self.offset = offset
        waiting = self._waiting
        while waiting and waiting[0][0] <= offset:
            _, _, waiter, result = heapq.heappop(waiting)
            waiter.callback(result)
        return True

    def committed(self, result: AppendResult) -> Deferred[AppendResult]:
        """Fires with ``result`` once all its records are below the high watermark.

        :raises KafkaError: (in the Deferred) the partition stopped before that.
        """
        waiter: Deferred[AppendResult] = Deferred()
        if result.last_offset < self.offset:
            waiter.callback(result)
        elif self._failure is not None:
            waiter.errback(self._failure)
        else:
            heapq.heappush(self._waiting, (result.last_offset + 1, next(self._order), waiter, result))
        return waiter

    def fail(self, error: KafkaError | None = None) -> None:
        """Tell all who wait, now and later, that it will not move any more."""
        self._failure = error or KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "the partition is no longer led here")
        waiting, self._waiting = self._waiting, []
        for _, _, waiter, _ in waiting:
            waiter.errback(self._failure)
