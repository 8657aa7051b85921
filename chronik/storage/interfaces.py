"""What the log promises to those above it, and what it needs of the file system below.

Data enters by :meth:`IPartitionLog.append` and leaves by :meth:`IPartitionLog.read`; :meth:`IPartitionLog.watch` tells of what
happens to whole extents. Every position is an offset or a count of bytes; durations and timestamps are milliseconds.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from zope.interface import Attribute, Interface

from chronik.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chronik.model import TopicId, TopicPartition
    from chronik.storage.config import LogConfig


# -- the file system -------------------------------------------------------------------------------------------------


class IFile(Interface):
    """An open file. All calls block; callers decide in which thread they run. Any ``OSError`` passes through."""

    def pwritev(buffers: Sequence[bytes | memoryview], position: int) -> int:
        """Write the buffers one after the other from ``position`` on, all of them; the number of bytes written, which is always their sum."""

    def pread(count: int, position: int) -> bytes:
        """Up to ``count`` bytes from ``position``; fewer at the end of the file."""

    def pread_cached(count: int, position: int) -> bytes | None:
        """Like :meth:`pread`, but None rather than waiting for a disk (``RWF_NOWAIT``)."""

    def fdatasync() -> None:
        """Return once what was written would survive a crash of the machine."""

    def drop_cache() -> None:
        """Let later reads come from the disk: the system may keep in memory what a failed sync did not bring there. Bytes not synced yet may stay."""

    def truncate(size: int) -> None:
        """Cut the file off at ``size`` bytes."""

    def size() -> int:
        """The number of bytes in the file."""

    def fileno() -> int | None:
        """A descriptor for ``sendfile``, or None where there is none."""

    def close() -> None:
        """Release the file; calling again does nothing."""


class ILock(Interface):
    """An exclusive hold on a directory, gone with the process that holds it."""

    def release() -> None:
        """Let others have it; calling again does nothing."""


class IFileSystem(Interface):
    """Names and files. All calls block. Paths are absolute strings."""

    def open(path: str, create: bool = False) -> IFile:
        """Open for reading and writing.

        :raises FileNotFoundError: when it is missing and ``create`` is false.
        """

    def exists(path: str) -> bool:
        """Whether a file or directory has this name."""

    def is_directory(path: str) -> bool:
        """Whether a directory has this name."""

    def size(path: str) -> int:
        """The number of bytes in the file of this name."""

    def list(path: str) -> list[str]:
        """The names in a directory, sorted."""

    def make_directory(path: str) -> None:
        """Create a directory and its missing parents; an existing one is fine."""

    def rename(source: str, target: str) -> None:
        """Give a file or directory another name at once, replacing a file of that name."""

    def unlink(path: str) -> None:
        """Remove a file; a missing one is fine."""

    def remove_tree(path: str) -> None:
        """Remove a directory and all in it; a missing one is fine."""

    def sync_directory(path: str) -> None:
        """Return once the names in the directory would survive a crash."""

    def sync_file_system(path: str) -> None:
        """Return once everything written to the file system that holds ``path`` would survive a crash (``syncfs``)."""

    def write_whole(path: str, data: bytes, private: bool = False) -> None:
        """Replace a small file at once and durably: a temporary file, synced, renamed, its directory synced; if ``private``, for our user alone."""

    def read_whole(path: str) -> bytes:
        """All bytes of a small file."""

    def exposure(path: str) -> str | None:
        """How others than the broker's user may read or change a file, for messages; None when they may not."""

    def free_bytes(path: str) -> int:
        """Bytes an unprivileged writer may still use on the file system that holds ``path``."""

    def total_bytes(path: str) -> int:
        """Size in bytes of the file system that holds ``path``."""

    def lock(path: str) -> ILock:
        """Take the lock file of this name.

        :raises BlockingIOError: when another process holds it.
        """


class DiskFull(KafkaError):
    """There is no room: another try may find some."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.KAFKA_STORAGE_ERROR, message)


class InspectionNeeded(KafkaError):
    """Batches have to be looked into before they may be appended, and what is inside may be large: that is work for a thread.

    Who asked for the append does that and asks again; clients never see it.
    """

    def __init__(self) -> None:
        super().__init__(ErrorCode.UNKNOWN_SERVER_ERROR, "a batch was to be looked into and was not")


# -- one partition's log ---------------------------------------------------------------------------------------------


class AppendResult(NamedTuple):
    """What became of appended batches. A tuple, for it is made for every append.

    :ivar base_offset: offset of the first record.
    :ivar last_offset: offset of the last record; an acknowledgement waits for the high watermark to pass it.
    :ivar log_append_time: the broker's time where the topic says LogAppendTime, else -1.
    :ivar log_start_offset: the log's start at that moment.
    :ivar duplicate: the batch was appended before; the offsets are those it got then.
    """

    base_offset: int
    last_offset: int
    log_append_time: int
    log_start_offset: int
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class OffsetAndTimestamp:
    """An answer to a search by time.

    :ivar offset: offset of the record found.
    :ivar timestamp: its timestamp.
    :ivar leader_epoch: the epoch it was appended under.
    """

    offset: int
    timestamp: int
    leader_epoch: int


@dataclass(frozen=True, slots=True)
class Extent:
    """A run of offsets that the log keeps, seals and removes as one; a segment, in the segment store.

    :ivar base_offset: first offset it may hold.
    :ivar end_offset: one past its last offset, None while it is still appended to.
    :ivar generation: 0, and one more each time its content was rewritten.
    """

    base_offset: int
    end_offset: int | None
    generation: int = 0


class ILogSlice(Interface):
    """A run of whole or cut-off batches, as they are on disk. It holds what it reads from open until :meth:`close`."""

    size = Attribute("""Bytes in the slice; it also answers ``len()``.""")
    base_offset = Attribute("""Base offset of its first batch; undefined when empty.""")

    def __len__() -> int:
        """Bytes in the slice."""

    def read(start: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``start`` bytes into the slice. May block when the pages went cold.

        :raises KafkaError: ``OFFSET_OUT_OF_RANGE`` when the log was truncated below the slice's end meanwhile.
        """

    def file_range() -> tuple[int, int] | None:
        """``(descriptor, position)`` for ``sendfile``, or None when bytes must go through :meth:`read`."""

    def close() -> None:
        """Let go of the file; calling again does nothing."""


class IExtentObserver(Interface):
    """Told of what happens to a log's extents, on the reactor thread, in order, after it happened."""

    def extent_opened(log: IPartitionLog, extent: Extent) -> None:
        """A new extent is appended to from here on."""

    def extent_sealed(log: IPartitionLog, extent: Extent) -> None:
        """Nothing more will be appended to the extent."""

    def extent_rewritten(log: IPartitionLog, extent: Extent) -> None:
        """The extent's content changed (compaction); its generation grew."""

    def truncated(log: IPartitionLog, offset: int, leader_epoch: int) -> None:
        """Offsets from ``offset`` on are gone; what comes there next has at least this leader epoch.

        After :meth:`IPartitionLog.restart_at` the log may already begin above or below ``offset`` when this is heard.
        """

    def start_advanced(log: IPartitionLog, offset: int) -> None:
        """Offsets below ``offset`` are gone. Only after :meth:`IPartitionLog.restart_at` may it be lower than before."""

    def flushed(log: IPartitionLog) -> None:
        """``flushed_offset`` advanced."""

    def failed(log: IPartitionLog, reason: BaseException) -> None:
        """A write or sync failed: the log takes no more appends until the broker starts again."""

    def deleted(log: IPartitionLog) -> None:
        """The log is no more."""


class IPartitionLog(Interface):
    """The records of one partition replica, in offset order.

    Attributes change only on the reactor thread, before the observers hear of it.
    """

    topic_partition = Attribute("""Its :class:`~chronik.model.TopicPartition`.""")
    topic_id = Attribute("""Its topic's id.""")
    config = Attribute("""Its current :class:`~chronik.storage.config.LogConfig`.""")
    start_offset = Attribute("""First offset a reader may ask for.""")
    local_start_offset = Attribute("""First offset kept on local disks; above ``start_offset`` once colder data is in a tier.""")
    end_offset = Attribute("""One past the last appended offset (LEO).""")
    flushed_offset = Attribute("""One past the last offset that survives a crash.""")
    first_unstable_offset = Attribute("""First offset of the oldest open transaction, or None.""")
    latest_epoch = Attribute("""Leader epoch of the last batch, -1 when there is none.""")
    size_bytes = Attribute("""Bytes of all batches kept.""")
    clean = Attribute("""False when it was opened after an unclean stop: the leader epoch must be raised before the first append.""")

    def append(data: bytes | memoryview, leader_epoch: int, internal: bool = False, inspected: bool = False) -> Deferred[AppendResult]:
        """Append the batches of one produce request to this partition.

        Validation, offsets and producer state change before this returns, in the order of calls; ``end_offset`` has advanced then.
        The Deferred fires when the write to the page cache is done. Durability is told by ``flushed_offset``.
        The bytes may be kept until the Deferred fires, not longer.

        :param data: one or more concatenated record batches, as a client sent them.
        :param leader_epoch: written into each batch; at least ``latest_epoch``.
        :param internal: the broker's own batches (coordinators): size limits do not apply.
        :param inspected: they are what :func:`~chronik.storage.validation.inspect` gave for this log's configuration as it is now: nobody need look
            inside.
        :raises InspectionNeeded: nothing was appended; the batches must be looked into first, which may take long: see ``inspected``.
        :raises KafkaError: nothing was appended. ``CORRUPT_MESSAGE``, ``INVALID_RECORD`` (magic 0 and 1 too), ``MESSAGE_TOO_LARGE``,
            ``RECORD_LIST_TOO_LARGE``, ``UNSUPPORTED_COMPRESSION_TYPE``, ``INVALID_TIMESTAMP``, ``OUT_OF_ORDER_SEQUENCE_NUMBER``,
            ``INVALID_PRODUCER_EPOCH``, ``KAFKA_STORAGE_ERROR``.
            A :class:`~chronik.storage.inspection.RecordRefused` also says which records and why.
        """

    def replicate(data: bytes | memoryview) -> Deferred[int]:
        """Append batches as this partition's leader sent them, byte for byte: their base offsets and leader epochs are in them.

        As with :meth:`append`, all but the write is done before this returns, in the order of calls, and the bytes may be kept until the Deferred
        fires. Producers and leader epochs are noted as the batches have them; what producers may send was the leader's to decide, and so were the
        topic's limits. ``segment.bytes`` is kept by spreading the batches over several extents.

        :param data: concatenated record batches. The last one may be cut off, as in a fetch: then it is left out.
        :returns: fires with the end offset after these batches, when the write to the page cache is done; with ``end_offset`` as it is when
            there is no whole batch.
        :raises KafkaError: nothing was appended. ``CORRUPT_MESSAGE`` when the size, magic or CRC of a batch is wrong, when one begins below
            ``end_offset`` or below the end of the one before (it may begin above: compaction leaves gaps), or when one has a lower leader
            epoch than the one before or ``latest_epoch``. ``KAFKA_STORAGE_ERROR``.
        """

    def read(offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> Deferred[ILogSlice]:
        """Batches from the one that holds ``offset`` on, or from the first behind it where compaction left a gap.

        Cold data is brought to memory first, off the reactor.

        :param max_bytes: the slice is no longer, unless ``at_least_one_batch``; so its last batch may be cut off, but not its first.
        :param limit_offset: batches at and above it are left out.
        :param at_least_one_batch: the first batch is given even when it is larger than ``max_bytes``; else there is nothing to read then.
        :returns: an empty slice when there is nothing to read below the limit. The caller closes it.
        :raises KafkaError: ``OFFSET_OUT_OF_RANGE`` below ``start_offset`` or above ``end_offset``.
        """

    def offset_for_timestamp(timestamp: int) -> Deferred[OffsetAndTimestamp | None]:
        """The first record whose timestamp is at least ``timestamp``, None when all are earlier."""

    def offset_of_max_timestamp() -> Deferred[OffsetAndTimestamp | None]:
        """The first record that has the largest timestamp of the log (KIP-734), None when the log is empty."""

    def end_offset_for_epoch(leader_epoch: int) -> tuple[int, int]:
        """KIP-101: ``(epoch, end offset)`` of the largest epoch no larger than the one asked for; ``(-1, -1)`` when unknown."""

    def epoch_for_offset(offset: int) -> int:
        """The leader epoch under which ``offset`` was or would be appended, -1 when unknown."""

    def active_producers() -> Sequence[ProducerSummary]:
        """What the log remembers of idempotent producers (KIP-664)."""

    def advance_start(offset: int) -> Deferred[None]:
        """Forget everything below ``offset``; never moves back, nor past the end. Fires once a crash would not bring it back.

        :raises KafkaError: ``KAFKA_STORAGE_ERROR``.
        """

    def truncate(offset: int) -> Deferred[None]:
        """Remove everything from ``offset`` on, durably once it fires; readers' slices above it become void. Appends are refused meanwhile.

        A batch that holds ``offset`` goes whole, and the log ends where the last one that is left ends, so ``end_offset`` may be lower than
        ``offset``. Leader epochs that begin at or above the new end are forgotten, durably too, also those that :meth:`raise_epoch` noted, and
        also when ``offset`` is at or above the end and no record goes. Producers are what the records that are left say.

        :raises KafkaError: ``KAFKA_STORAGE_ERROR``; the log takes no more appends.
        """

    def restart_at(offset: int) -> Deferred[None]:
        """Forget everything and begin anew at ``offset``, which may be anywhere: what a follower does whose leader's log begins above its end.

        The log is empty at its old start at once, and readers' slices become void; appends are refused until this fires. Then
        ``start_offset``, ``end_offset`` and ``flushed_offset`` are ``offset``, there are no epochs and no producers, and no crash brings
        anything back. A crash before that leaves some of the old log, without gaps from its start on, or the new one. Observers hear
        ``truncated`` (to the old start), ``start_advanced`` and ``extent_opened``, in this order, when all is done.

        :raises KafkaError: ``KAFKA_STORAGE_ERROR``; the log takes no more appends.
        """

    def raise_epoch(leader_epoch: int) -> Deferred[None]:
        """Note durably that offsets from ``end_offset`` on belong to at least this epoch; fires once that is on disk."""

    def set_high_watermark(offset: int) -> None:
        """How far the log is committed: retention and segment deletion never pass it."""

    def configure(config: LogConfig) -> None:
        """Use another configuration from now on."""

    def apply_retention(now: int) -> Deferred[int]:
        """Roll an overdue active segment and remove what retention allows at time ``now``.

        :returns: how many extents were removed.
        """

    def flush() -> Deferred[int]:
        """Make everything appended so far durable; fires with the ``flushed_offset`` reached."""

    def extents() -> Sequence[Extent]:
        """The extents kept, oldest first; the last one is open."""

    def watch(observer: IExtentObserver) -> None:
        """Tell ``observer`` of everything from now on; when this call is over also that the log had failed before, if it had."""

    def unwatch(observer: IExtentObserver) -> None:
        """Stop telling it; an unknown one is fine."""

    def close() -> Deferred[None]:
        """Flush, write what makes the next start quick, release files. No call is allowed after it."""


@dataclass(frozen=True, slots=True)
class ProducerSummary:
    """The log's memory of one producer (DescribeProducers, KIP-664); times in ms, -1 for none."""

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_timestamp: int
    coordinator_epoch: int
    current_transaction_start_offset: int


@dataclass(frozen=True, slots=True)
class LogUsage:
    """What one log takes.

    :ivar offset_lag: how far it is behind what is committed, or, for one that is being moved here, behind the log it will replace.
    :ivar is_future: it is being moved here, and takes the place of the one elsewhere once it has caught up.
    """

    topic_partition: TopicPartition
    size_bytes: int
    offset_lag: int = 0
    is_future: bool = False


@dataclass(frozen=True, slots=True)
class DirectoryUsage:
    """One log directory: the space on its file system, and the logs in it.

    :ivar error: why the disk could not be asked; then nothing else is known.
    """

    path: str
    total_bytes: int = -1
    usable_bytes: int = -1
    logs: Sequence[LogUsage] = ()
    error: KafkaError | None = None


class DirectoryState(enum.Enum):
    """How a log directory does.

    ``SLOW``: it does its work, later than it should. ``FULL``: it refuses appends and is read from. ``OFFLINE``: nothing in it is used until the
    broker starts again.
    """

    OK = "ok"
    SLOW = "slow"
    FULL = "full"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class DirectoryStatus:
    """How one log directory does.

    :ivar reason: why it is not as it should be; empty while it is.
    :ivar total_bytes: as last asked, -1 when unknown; ``usable_bytes`` too.
    :ivar slowest_seconds: the longest write or sync of the last minute, or under way.
    :ivar syncs: how many syncs took how long, by :data:`chronik.storage.disks.SYNC_BUCKETS_SECONDS` and one bucket for longer ones.
    :ivar damaged: files with records that are damaged, and where.
    """

    path: str
    state: DirectoryState = DirectoryState.OK
    reason: str = ""
    total_bytes: int = -1
    usable_bytes: int = -1
    slowest_seconds: float = 0.0
    syncs: Sequence[int] = ()
    sync_seconds: float = 0.0
    damaged: Sequence[str] = ()


class ILogStore(Interface):
    """All logs of a broker, over its log directories."""

    def start() -> Deferred[None]:
        """Lock the directories and find the logs in them; recovery of each happens when it is opened.

        A directory whose disk refuses is offline; the others are used all the same.

        :raises ChronikError: a directory must not be used: it is locked, or another cluster's; or none can be.
        """

    def open(topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, existing: bool = False) -> Deferred[IPartitionLog]:
        """Open the log of this topic id, recovering it, or create it where there is most room. Opening an open one answers the same object.

        :param existing: it was placed here before this start: it may be in a directory that is offline, and is not made anew then.
        :raises DiskFull: there is no room for it now.
        :raises KafkaError: ``INCONSISTENT_TOPIC_ID`` when the directory belongs to another topic of the same name,
            ``KAFKA_STORAGE_ERROR`` when the disk refuses.
        """

    def known() -> Sequence[tuple[TopicPartition, TopicId]]:
        """What was found at the start or opened since."""

    def delete(topic_partition: TopicPartition, topic_id: TopicId) -> Deferred[None]:
        """Remove a log, open or not: it is renamed away at once, its files go after ``file.delete.delay.ms``."""

    def set_aside(topic_partition: TopicPartition, topic_id: TopicId) -> Deferred[None]:
        """Put a log out of the way that was found at the start and of whose topic nobody knows. Records that it holds are kept where an operator
        can find them: that the topic was deleted is likely, that the metadata lost it is possible.
        """

    def directories() -> Sequence[str]:
        """The log directories, those that are offline too."""

    def status() -> Sequence[DirectoryStatus]:
        """How each directory does, without a look at the disk."""

    def usage() -> Deferred[Sequence[DirectoryUsage]]:
        """How full each directory is, and of what."""

    def close() -> Deferred[None]:
        """Close every log and mark the stop as clean."""
