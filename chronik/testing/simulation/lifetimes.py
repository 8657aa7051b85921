"""How long records have to be there: what readers are told of the beginning of a partition is held against the clocks of the brokers."""

from __future__ import annotations

from collections.abc import Callable

from chronik.model import TopicId


class Lifetimes:
    """Of topics whose records are kept for so long only (``retention.ms``), the times of the records that somebody read.

    A record goes with its segment, once the latest of that is too old; so none may go before its own time is over.

    :param latest_ms: the latest time of day that any broker's clock has shown so far, ms.
    :param finding: told what must not be.
    """

    def __init__(self, latest_ms: Callable[[], float], finding: Callable[[str], None]) -> None:
        self._latest_ms = latest_ms
        self._finding = finding
        self._kept_ms: dict[TopicId, int] = {}
        self._times: dict[tuple[TopicId, int, int], int] = {}
        self._asked: dict[tuple[TopicId, int], int] = {}

    def limit(self, topic_id: TopicId, kept_ms: int) -> None:
        """Records of a topic are kept for so long."""
        self._kept_ms[topic_id] = kept_ms

    def asked(self, topic_id: TopicId, partition: int, offset: int) -> None:
        """Somebody is about to ask for the records below an offset to be removed."""
        self._asked[topic_id, partition] = max(offset, self._asked.get((topic_id, partition), 0))

    def read(self, topic_id: TopicId, partition: int, offset: int, timestamp: int) -> None:
        """Somebody was given a record of that time, ms."""
        if topic_id in self._kept_ms:
            self._times[topic_id, partition, offset] = timestamp

    def begins(self, who: str, topic_id: TopicId, partition: int, offset: int) -> None:
        """Somebody is told that a partition begins at an offset."""
        timestamp = self._times.get((topic_id, partition, offset - 1))
        if timestamp is None or offset <= self._asked.get((topic_id, partition), 0):
            return
        left = timestamp + self._kept_ms[topic_id] - self._latest_ms()
        if left > 0:
            what = f"partition {partition} begins at {offset}: the record before is gone, {left:.0f} ms before its time"
            self._finding(f"{who} was told that {what}")
