"""Partitions whose log this broker has lost: others are asked to take its place, until they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik.metadata.image import TopicImage
from chronik.metadata.interfaces import IMetadataFeed
from chronik.model import TopicId, TopicPartition

if TYPE_CHECKING:
    from chronik.replica.interfaces import IInSyncChanges


class Departures:
    """Asks for it, one request for a partition at a time.

    :param broker_id: this broker.
    :param enough: how many replicas of a topic must be in sync.
    """

    _log = Logger()

    def __init__(self, broker_id: int, feed: IMetadataFeed, changes: IInSyncChanges, enough: Callable[[TopicImage], int]) -> None:
        self._broker_id = broker_id
        self._feed = feed
        self._changes = changes
        self._enough = enough
        self._asked: dict[tuple[TopicId, int], TopicPartition] = {}

    def leave(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        """Ask, if others count on this broker still."""
        key = topic_id, topic_partition.partition
        topic: TopicImage | None = self._feed.image.topic_by_id(topic_id)
        if topic is None or key in self._asked or not is_shared(topic, topic_partition.partition, self._broker_id):
            return
        self._asked[key] = topic_partition
        leaving: Any = self._changes.leave(topic_id, topic_partition.partition, self._enough(topic))
        leaving.addErrback(self._not_left, topic_partition).addCallback(lambda _: self._asked.pop(key))

    def _not_left(self, failure: Failure, topic_partition: TopicPartition) -> None:
        why = failure.getErrorMessage()
        self._log.error("no other broker takes the place of this one for {partition} yet: {why}", partition=topic_partition, why=why)


def is_shared(topic: TopicImage, number: int, broker_id: int) -> bool:
    """Whether other brokers count on what one of them has of a partition."""
    state = topic.partitions[number] if number < len(topic.partitions) else None
    return state is not None and len(state.replicas) > 1 and broker_id in (*state.isr, *state.elr)
