"""Partitions as those above see them: leadership, the high watermark, and reading what is committed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chronik.model import IsolationLevel, TopicId
    from chronik.storage.interfaces import AppendResult, ILogSlice, OffsetAndTimestamp


@dataclass(frozen=True, slots=True)
class ReadResult:
    """One partition's part of a fetch.

    :ivar records: to be closed by whoever sends or drops it.
    :ivar high_watermark: one past the last committed offset.
    :ivar last_stable_offset: no open transaction begins below it.
    :ivar log_start_offset: first offset there is.
    """

    records: ILogSlice
    high_watermark: int
    last_stable_offset: int
    log_start_offset: int


class ICommitListener(Interface):
    """Told when more of a partition may be read."""

    def committed(partition: IPartition) -> None:
        """The partition's high watermark, last stable offset, start offset or leader epoch advanced, or it stopped being served here."""


class IPendingAppend(Interface):
    """Told once what became of an append. Not a Deferred: a request may have a thousand of them, and a Deferred costs as much as the append."""

    def acknowledged(result: AppendResult) -> None:
        """It is as safe as its ``acks`` asked for."""

    def refused(reason: BaseException) -> None:
        """It was not appended, or will not become safe; a :class:`~chronik.errors.KafkaError` unless the broker itself failed."""


class IPartition(Interface):
    """One partition that this broker leads."""

    topic_partition = Attribute("""Its name.""")
    topic_id = Attribute("""Its topic's id.""")
    leader_epoch = Attribute("""The epoch it leads under.""")
    start_offset = Attribute("""First offset there is.""")
    end_offset = Attribute("""One past the last appended offset.""")
    high_watermark = Attribute("""One past the last committed offset; never goes back.""")
    last_stable_offset = Attribute("""What read_committed readers see no further than.""")
    log = Attribute("""Its :class:`~chronik.storage.interfaces.IPartitionLog`.""")

    def begin_append(pending: IPendingAppend, data: bytes | memoryview, acks: int, internal: bool = False) -> None:
        """Append batches as leader; validated and ordered before this returns.

        :param pending: told, perhaps before this returns; refused with the errors of :meth:`IPartitionLog.append`,
            ``NOT_LEADER_OR_FOLLOWER`` and ``NOT_ENOUGH_REPLICAS``.
        :param acks: 0 and 1 are acknowledged after the write, -1 once the high watermark has passed the last offset.
        """

    def append(data: bytes | memoryview, acks: int, internal: bool = False) -> Deferred[AppendResult]:
        """The same for who appends to one partition: fires with what :meth:`begin_append` would tell."""

    def read(offset: int, max_bytes: int, isolation: IsolationLevel, at_least_one_batch: bool) -> Deferred[ReadResult]:
        """Committed records from ``offset`` on.

        :raises KafkaError: ``OFFSET_OUT_OF_RANGE``, ``NOT_LEADER_OR_FOLLOWER``, ``KAFKA_STORAGE_ERROR``.
        """

    def check_epoch(current_leader_epoch: int) -> None:
        """Compare the epoch a client believes in; -1 is not compared (KIP-320).

        :raises KafkaError: ``FENCED_LEADER_EPOCH`` or ``UNKNOWN_LEADER_EPOCH``.
        """

    def list_offset(timestamp: int, isolation: IsolationLevel) -> Deferred[OffsetAndTimestamp | None]:
        """ListOffsets: -1 latest, -2 earliest, -3 largest timestamp, -4 earliest local, -5 latest tiered, -6 to be uploaded, else by time.

        :raises KafkaError: it is led here no more, or its disk failed.
        """

    def delete_records(offset: int) -> Deferred[int]:
        """Delete every record below ``offset``, which -1 makes the high watermark.

        :returns: the start offset, once a crash of any replica would not bring back what is below.
        :raises KafkaError: ``POLICY_VIOLATION`` when the topic's records are not to be deleted, ``OFFSET_OUT_OF_RANGE`` above the high watermark,
            ``NOT_LEADER_OR_FOLLOWER``, ``KAFKA_STORAGE_ERROR``.
        """

    def add_listener(listener: ICommitListener) -> None:
        """Tell it of commits from now on."""

    def remove_listener(listener: ICommitListener) -> None:
        """Stop; an unknown one is fine."""


class IPartitions(Interface):
    """The partitions hosted by this broker."""

    def get(topic: str, partition: int) -> IPartition:
        """A partition led here.

        :raises KafkaError: ``UNKNOWN_TOPIC_OR_PARTITION``, ``NOT_LEADER_OR_FOLLOWER``, or ``KAFKA_STORAGE_ERROR``.
        """

    def get_by_id(topic_id: TopicId, partition: int) -> IPartition:
        """A partition led here, by its topic's id.

        :raises KafkaError: ``UNKNOWN_TOPIC_ID``, else as :meth:`get`.
        """

    def hosted() -> Iterable[IPartition]:
        """All of them."""

    def ready(topic_id: TopicId) -> Deferred[None]:
        """Fires once every partition of the topic that the image places here can be used."""


class ILeadershipObserver(Interface):
    """Told which partitions this broker begins and ceases to lead; for those whose state lives in a partition."""

    def partition_led(partition: IPartition) -> None:
        """It is led here from now on, and can be read and appended to."""

    def partition_resigned(partition: IPartition) -> None:
        """It is not any more: deleted, or led elsewhere."""
