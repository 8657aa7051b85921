"""The high watermark of a partition, and those who wait for it to pass an offset."""

from __future__ import annotations

import heapq
import itertools

from chronik.errors import ErrorCode, KafkaError
from chronik.replica.interfaces import IPendingAppend
from chronik.storage.interfaces import AppendResult


class HighWatermark:
    """One past the last committed offset; it only grows.

    :ivar offset: where it is.
    """

    __slots__ = ("_failure", "_order", "_waiting", "offset")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self._failure: KafkaError | None = None
        self._waiting: list[tuple[int, int, IPendingAppend, AppendResult]] = []
        self._order = itertools.count()

    def advance(self, offset: int) -> bool:
        """Move to ``offset``; whether that is further than before. Whoever waited for it is told before this returns."""
        if offset <= self.offset:
            return False
        self.offset = offset
        waiting = self._waiting
        while waiting and waiting[0][0] <= offset:
            _, _, pending, result = heapq.heappop(waiting)
            pending.acknowledged(result)
        return True

    def acknowledge(self, pending: IPendingAppend, result: AppendResult) -> None:
        """Acknowledge an append once all its records are below the high watermark; refuse it when the partition stops before that."""
        if result.last_offset < self.offset:
            pending.acknowledged(result)
        elif self._failure is not None:
            pending.refused(self._failure)
        else:
            heapq.heappush(self._waiting, (result.last_offset + 1, next(self._order), pending, result))

    def fail(self, error: KafkaError | None = None) -> None:
        """Tell all who wait, now and later, that it will not move any more."""
        self._failure = error or KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "the partition is no longer led here")
        waiting, self._waiting = self._waiting, []
        for _, _, pending, _ in waiting:
            pending.refused(self._failure)
