"""What a store promises that can move logs between its directories; optional, beside :mod:`chronik.storage.interfaces`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chronik.storage.interfaces import ILogStore

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chronik.model import TopicId, TopicPartition
    from chronik.storage.config import LogConfig
    from chronik.storage.interfaces import IPartitionLog


class IMovableLogStore(ILogStore):
    """A store that can move a log from one of its directories to another.

    A *future* log is made in the other directory, filled by its user to be the same, and then takes the place of the one that there was. A log has
    one future log at most.
    """

    def directory_of(topic_partition: TopicPartition, topic_id: TopicId) -> str | None:
        """The log directory of an open log, None where it is not open."""

    def check_directory(directory: str) -> str:
        """The log directory of this path, as it is called everywhere else.

        :raises KafkaError: ``LOG_DIR_NOT_FOUND``, or ``KAFKA_STORAGE_ERROR`` for one that is offline.
        """

    def prefer(topic_partition: TopicPartition, directory: str) -> None:
        """Make the log of this partition there, when it is made.

        :raises KafkaError: as :meth:`check_directory`.
        """

    def futures() -> Sequence[tuple[TopicPartition, TopicId, str]]:
        """The future logs, found at the start or opened since, and the log directory of each."""

    def open_future(topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, directory: str) -> Deferred[IPartitionLog]:
        """Open the future log of an open log, or make it, empty.

        One that was found at the start may have records that the log of the partition never had, or has no more.

        :raises DiskFull: there is no room for it now.
        :raises KafkaError: ``LOG_DIR_NOT_FOUND``; ``REPLICA_NOT_AVAILABLE`` when the log is not open; ``INVALID_TOPIC_EXCEPTION`` when the name is
            too long; ``KAFKA_STORAGE_ERROR`` when the disk refuses, when the directory has a log of this name already, or, for a new one, while any
            directory is offline, for it may have another.
        """

    def drop_future(topic_partition: TopicPartition, topic_id: TopicId) -> Deferred[None]:
        """Remove the future log, if there is one; what is in a directory that is offline stays until that is back.

        :raises KafkaError: ``KAFKA_STORAGE_ERROR``.
        """

    def replace(topic_partition: TopicPartition, topic_id: TopicId) -> Deferred[IPartitionLog | None]:
        """Let the future log take the place of the log, if it has all of it, and remove that one. Nobody may use either meanwhile.

        Once this fires, no crash brings back the old one. Its observers hear nothing. After a crash before that there is the one or the other, with
        all that either had.

        :returns: the log of the partition from now on, which is another object; None, and nothing was changed, when the future log lacks something.
        :raises KafkaError: ``KAFKA_STORAGE_ERROR``. If the log failed, or is not in the store any more, the partition is lost until the next start;
            else it is as it was, and the future log cannot be used.
        """
