"""Partitions as those above see them: leadership, the high watermark, and reading what is committed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

from chronik.model import NO_OFFSET

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
    :ivar written_offset: one past the last offset that was written when a follower's part was read; -1 for a consumer's.
    """

    records: ILogSlice
    high_watermark: int
    last_stable_offset: int
    log_start_offset: int
    written_offset: int = NO_OFFSET


@dataclass(frozen=True, slots=True)
class FollowerFetch:
    """What a follower says when it fetches.

    :ivar broker_id: who it is.
    :ivar broker_epoch: the epoch it is registered under, -1 where it does not say (KIP-903).
    :ivar offset: it has everything below, safe from a crash unless the topic trusts the page cache; and it wants what comes next.
    :ivar last_epoch: the leader epoch of the last batch it has, -1 for none (KIP-595).
    :ivar start_offset: where its own log begins, even after a crash.
    :ivar max_bytes: of records it takes.
    :ivar at_least_one_batch: the first one even when it is larger.
    """

    broker_id: int
    broker_epoch: int
    offset: int
    last_epoch: int
    start_offset: int
    max_bytes: int
    at_least_one_batch: bool = True


@dataclass(frozen=True, slots=True)
class Diverged:
    """The reader's last epoch ended before its offset (KIP-595): what it has was truncated since.

    :ivar epoch: the largest epoch here that is no larger than the reader's.
    :ivar end_offset: where that ended.
    """

    epoch: int
    end_offset: int
    high_watermark: int
    start_offset: int


class IInSyncChanges(Interface):
    """Where leaders change who is in sync; provided over the metadata store."""

    def change(topic_id: TopicId, partition: int, leader_epoch: int, add: Mapping[int, int], remove: Collection[int], enough: int) -> Deferred[None]:
        """Let replicas be in sync, or not any more, if this broker leads under that epoch still.

        :param add: broker epochs by the ids of those who caught up: who was registered anew since did not.
        :param enough: how many must be in sync for anything to be committed; who leaves them with fewer stays eligible to lead (KIP-966).
        :returns: fires once the own image shows it.
        :raises KafkaError: ``NOT_LEADER_OR_FOLLOWER``, ``INELIGIBLE_REPLICA``: it is refused, and whatever is in the store by then the own image
            shows. With any other it may still have been made.
        """

    def leave(topic_id: TopicId, partition: int, enough: int) -> Deferred[None]:
        """This broker has lost its log of a partition: let it be neither leader nor in sync, if another one that is alive can take its place.

        :returns: fires once the own image shows it.
        :raises KafkaError: it cannot be written now.
        """


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
    written_offset = Attribute("""One past the last offset whose append is written, which is as far as followers read.""")
    high_watermark = Attribute("""One past the last committed offset; never goes back.""")
    last_stable_offset = Attribute("""What read_committed readers see no further than.""")
    log = Attribute("""Its :class:`~chronik.storage.interfaces.IPartitionLog`.""")
    refusal = Attribute("""The ``KafkaError`` that everything is answered with since it is led here no more, or its disk failed; None before.""")

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

        :raises KafkaError: ``OFFSET_OUT_OF_RANGE``, ``NOT_LEADER_OR_FOLLOWER``, ``KAFKA_STORAGE_ERROR``, or ``OFFSET_NOT_AVAILABLE`` from a new
            leader that does not know yet how much is committed (KIP-207).
        """

    def read_as_follower(fetch: FollowerFetch) -> Deferred[ReadResult | Diverged]:
        """What comes next in the log, committed or not; and note how far the follower has come.

        :raises KafkaError: ``OFFSET_OUT_OF_RANGE``, ``NOT_LEADER_OR_FOLLOWER``, ``KAFKA_STORAGE_ERROR``, or ``UNKNOWN_TOPIC_OR_PARTITION`` for a
            broker that is none of its replicas.
        """

    def end_offset_for_epoch(leader_epoch: int) -> tuple[int, int]:
        """KIP-101: ``(epoch, end offset)`` of the largest epoch no larger than the one asked for; ``(-1, -1)`` when unknown."""

    def divergence(last_epoch: int, offset: int) -> Diverged | None:
        """Whether a reader has something else below ``offset`` than this log, its last batch being of ``last_epoch``; -1 is not compared.

        :raises KafkaError: ``OFFSET_OUT_OF_RANGE``, for an epoch that is unknown here.
        """

    def add_append_listener(listener: ICommitListener) -> None:
        """Tell it also of what is appended and not committed yet, as followers need to hear; only partitions that have followers do."""

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

        :returns: the lowest start offset of all replicas that may lead, once none of them has anything below ``offset`` any more, even after a crash.
        :raises KafkaError: ``POLICY_VIOLATION`` when the topic's records are not to be deleted, ``OFFSET_OUT_OF_RANGE`` above the high watermark,
            ``NOT_LEADER_OR_FOLLOWER``, ``KAFKA_STORAGE_ERROR``.
        """

    def add_listener(listener: ICommitListener) -> None:
        """Tell it of commits from now on."""

    def remove_listener(listener: ICommitListener) -> None:
        """Stop telling it anything; an unknown one is fine."""


class IPartitions(Interface):
    """The partitions that this broker leads, among those that it keeps."""

    def get(topic: str, partition: int) -> IPartition:
        """A partition led here.

        :raises KafkaError: ``UNKNOWN_TOPIC_OR_PARTITION``, ``NOT_LEADER_OR_FOLLOWER``, or ``KAFKA_STORAGE_ERROR``.
        """

    def get_by_id(topic_id: TopicId, partition: int) -> IPartition:
        """A partition led here, by its topic's id.

        :raises KafkaError: ``UNKNOWN_TOPIC_ID``, else as :meth:`get`.
        """

    def hosted() -> Iterable[IPartition]:
        """All that are led here now."""

    def ready(topic_id: TopicId) -> Deferred[None]:
        """Fires once every partition of the topic that the image places here can be used."""


class IReplicaMoves(Interface):
    """Moves of partitions between the log directories of this broker."""

    def move(topic: str, partition: int, directory: str) -> Deferred[None]:
        """Move a partition to a log directory; it is used meanwhile. A move to elsewhere ends; one to where it is already changes nothing else.

        The log of a partition that is not here is made there once it is placed here.

        :returns: fires once the move has begun. DescribeLogDirs tells how far it is.
        :raises KafkaError: ``LOG_DIR_NOT_FOUND``; ``KAFKA_STORAGE_ERROR``, also while any directory is offline; ``UNKNOWN_TOPIC_OR_PARTITION``;
            ``REPLICA_NOT_AVAILABLE`` for one that is not here; ``INVALID_TOPIC_EXCEPTION`` for too long a name; ``INVALID_REQUEST`` from a log store
            that cannot move logs.
        """


class ILeadershipObserver(Interface):
    """Told which partitions this broker begins and ceases to lead; for those whose state lives in a partition."""

    def partition_led(partition: IPartition) -> None:
        """It is led here from now on, and can be read and appended to."""

    def partition_resigned(partition: IPartition) -> None:
        """It is not any more: deleted, or led elsewhere."""
