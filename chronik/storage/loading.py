"""Opening a log: what its directory holds, and recovery after a stop that was none.

Runs in a thread. After a clean stop the files are believed; after any other, batches from the recovery point on are read and checked, the log ends
before the first that is damaged, and whatever is derived from the log is made anew. Damage in what was on disk for certain is no work of a crash: the
log is not opened then, so that nothing acknowledged vanishes unseen.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from chronik.model import TopicId, TopicPartition
from chronik.record.batch import BadBatch
from chronik.storage.checkpoints import (
    EPOCHS,
    OFFSET_GAPS,
    PARTITION_METADATA,
    RECOVERY_POINTS,
    REPLACES,
    START_OFFSETS,
    BadCheckpoint,
    decode_epochs,
    encode_epochs,
    encode_partition_metadata,
    encode_replaces,
)
from chronik.storage.damage import check_some
from chronik.storage.disks import is_full
from chronik.storage.epochs import LeaderEpochs
from chronik.storage.files import FileCache
from chronik.storage.indexes import BadIndex, OffsetIndex, TimeIndex
from chronik.storage.interfaces import IFileSystem
from chronik.storage.producers import ProducerStates
from chronik.storage.progress import resume
from chronik.storage.recovery import OFFSET_MAX, base_of, drop_behind, restore_producers, scan
from chronik.storage.segment import DAMAGED, DELETED, INDEX, LOG, SNAPSHOT, TEMPORARY, TIME_INDEX, Damage, LogSegment, SuspectBatch, file_name
from chronik.storage.sidefiles import write_synced


@dataclass(slots=True)
class LoadedLog:
    """A log as found, or a new one.

    :ivar clean: it was closed properly, or is new.
    :ivar new_names: its directory holds names that a crash could lose.
    :ivar notes: what recovery did, for one line of the log; empty when nothing.
    :ivar epochs_behind: the file of epochs lacks the latest, for there was no room.
    """

    segments: list[LogSegment]
    epochs: LeaderEpochs
    producers: ProducerStates
    start_offset: int
    end_offset: int
    clean: bool
    new_names: bool
    notes: list[str] = field(default_factory=list)
    epochs_behind: bool = False


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What is known of a log before it is opened.

    :ivar clean: its directory was closed properly.
    :ivar recovery_point: below it everything is on disk.
    :ivar start_offset: from the checkpoint, 0 for none.
    :ivar compact: offsets may be missing anywhere but at the end.
    :ivar replaces: log directories that are offline, for a log that is made.
    """

    topic_partition: TopicPartition
    topic_id: TopicId
    path: str
    clean: bool
    recovery_point: int
    start_offset: int
    index_interval_bytes: int
    now_ms: int
    compact: bool = False
    replaces: Sequence[str] = ()


def create_log(file_system: IFileSystem, files: FileCache, request: LoadRequest) -> LoadedLog:
    """Make a new log's directory.

    :raises OSError: the disk refuses, or there is data in a directory of that name.
    """
    file_system.make_directory(request.path)
    for base in _segment_bases(file_system, request.path):
        if file_system.size(os.path.join(request.path, file_name(base, LOG))):
            raise OSError(errno.ENOTEMPTY, "it holds segments but does not say whose: move the directory away", request.path)
    try:
        _remove_old_files(file_system, request.path)
        if request.replaces:
            file_system.write_whole(os.path.join(request.path, REPLACES), encode_replaces(request.replaces))
        file_system.write_whole(os.path.join(request.path, PARTITION_METADATA), encode_partition_metadata(request.topic_id))
        segment = LogSegment(request.path, 0, files, request.now_ms)
        segment.forget_file()
        segment.hold(create=True).let_go()
        file_system.sync_directory(request.path)
        file_system.sync_directory(os.path.dirname(request.path))
    except OSError:
        # The next try may be in another directory.
        with suppress(OSError):
            file_system.remove_tree(request.path)
        raise
    return LoadedLog([segment], LeaderEpochs(), ProducerStates(), 0, 0, clean=True, new_names=False)


def load_log(file_system: IFileSystem, files: FileCache, request: LoadRequest) -> LoadedLog:
    """Open a log that is there, recovering it where it was not closed properly.

    :raises OSError: the disk refuses, or what was on disk for certain is damaged.
    """
    notes: list[str] = []
    _remove_leftovers(file_system, request.path)
    bases = _segment_bases(file_system, request.path)
    segments = [LogSegment(request.path, base, files, request.now_ms) for base in bases or [request.start_offset]]
    if not bases:
        if request.start_offset < request.recovery_point:
            raise _missing(segments[0], request.start_offset, request.recovery_point, f"; {RECOVERY_POINTS} says that they were there")
        segments[0].hold(create=True).let_go()
    known_epochs = _read_epochs(file_system, request.path, notes)
    epochs = LeaderEpochs(known_epochs)
    end = _load_segments(file_system, segments, request, epochs, notes)
    if end < request.recovery_point:
        raise _missing(segments[-1], end, request.recovery_point, f"; {RECOVERY_POINTS} says that they were there")
    if epochs.truncate_from_end(end + 1):
        notes.append("forgot epochs past the end")
    start = min(max(request.start_offset, segments[0].base_offset), end)
    if start > request.start_offset:
        # Where a log begins is noted when it is closed; before a crash, retention may have removed more.
        why = "says that they were there" if request.clean else "was written before; retention removes records so"
        notes.append(f"records {request.start_offset} to {start - 1} are not there any more; {START_OFFSETS} {why}")
    if _remove_old_snapshots(file_system, request.path, segments, end) or notes:
        # What is gone must not be back, after another crash, behind the records that come in its place.
        file_system.sync_directory(request.path)
    producers = ProducerStates()
    _restore_producers(file_system, request.path, segments, producers, end)
    behind = epochs.entries() != known_epochs and not _write_epochs(file_system, request.path, epochs.entries(), known_epochs)
    new_names = not (request.clean and bases)
    return LoadedLog(segments, epochs, producers, start, end, request.clean, new_names, notes, behind)


# -- what is in the directory ---------------------------------------------------------------------------------------------


def _segment_bases(file_system: IFileSystem, path: str) -> list[int]:
    return sorted(base for name in file_system.list(path) if (base := base_of(name, LOG)) is not None)


def _remove_leftovers(file_system: IFileSystem, path: str) -> None:
    """Files that were on their way out, or half written, when the broker died."""
    for name in file_system.list(path):
        if name.endswith((DELETED, TEMPORARY)):
            file_system.unlink(os.path.join(path, name))


def _remove_old_files(file_system: IFileSystem, path: str) -> None:
    """What an earlier try to create a log left, or a crash."""
    for name in file_system.list(path):
        inside = os.path.join(path, name)
        if not file_system.is_directory(inside):
            file_system.unlink(inside)


def _remove_old_snapshots(file_system: IFileSystem, path: str, segments: list[LogSegment], end: int) -> bool:
    """Keep the producers' states at the segments' beginnings and the latest; those past the end are of another history: whether there were any."""
    offsets = [offset for name in file_system.list(path) if (offset := base_of(name, SNAPSHOT)) is not None]
    keep = {segment.base_offset for segment in segments} | {max((offset for offset in offsets if offset <= end), default=end)}
    for offset in offsets:
        if offset > end or offset not in keep:
            file_system.unlink(os.path.join(path, file_name(offset, SNAPSHOT)))
    return any(offset > end for offset in offsets)


def _read_epochs(file_system: IFileSystem, path: str, notes: list[str]) -> list[tuple[int, int]]:
    name = os.path.join(path, EPOCHS)
    if not file_system.exists(name):
        return []
    try:
        return decode_epochs(file_system.read_whole(name))
    except BadCheckpoint as error:
        notes.append(f"{EPOCHS} is damaged ({error}) and made anew")
        return []


def _write_epochs(file_system: IFileSystem, path: str, epochs: list[tuple[int, int]], known: list[tuple[int, int]]) -> bool:
    """Write the file of epochs, if there is room; whether there was. What it lacks is found in the batches; what it has too much would be believed.

    :raises OSError: the disk refuses.
    """
    try:
        file_system.write_whole(os.path.join(path, EPOCHS), encode_epochs(epochs))
    except OSError as error:
        if not is_full(error) or epochs[: len(known)] != known:
            raise
        return False
    return True


def _load_segments(file_system: IFileSystem, segments: list[LogSegment], request: LoadRequest, epochs: LeaderEpochs, notes: list[str]) -> int:
    """Fill the segments, dropping those behind the first damage; the log's end offset."""
    rebuild_epochs = not epochs.entries()
    behind_last = OFFSET_MAX if file_system.exists(os.path.join(request.path, OFFSET_GAPS)) else None
    for number, segment in enumerate(segments):
        last = number + 1 == len(segments)
        suspicious = (not request.clean and (last or segments[number + 1].base_offset > request.recovery_point)) or file_system.exists(
            segment.path(DAMAGED)
        )
        following = None if last else segments[number + 1].base_offset
        if not suspicious and not rebuild_epochs and _trust(file_system, segment, following, request.clean):
            if following is not None and not request.compact:
                _is_hole(segment, following, 2**63)
            continue
        flushed_to = 2**63 if request.clean else request.recovery_point
        if not request.clean and not rebuild_epochs and not file_system.exists(segment.path(DAMAGED)):
            resume(file_system, segment, request.recovery_point)
        before = behind_last if last else following
        cut = scan(file_system, segment, before, request.index_interval_bytes, flushed_to, epochs, suspicious, notes)
        if suspicious:
            segment.checked_ms = request.now_ms
        if following is None:
            continue
        certain = request.recovery_point if suspicious and not request.clean else 2**63
        if cut or ((suspicious or not request.compact) and _is_hole(segment, following, certain)):
            drop_behind(file_system, segments, number, notes)
            break
        segment.seal()
        if segment.damage is None:
            _write_indexes(file_system, segment)
            file_system.unlink(segment.path(DAMAGED))
    return segments[-1].end_offset


def _is_hole(segment: LogSegment, following: int, certain: int) -> bool:
    """Whether a segment lost its last records while the next one kept its first: a crash may write files in any order.

    Records that are missing and were on disk for certain are no crash's work: the segment is damaged where they should be.

    :param following: base offset of the next segment.
    :param certain: below this offset everything was on disk.
    """
    if segment.end_offset >= following:
        return False
    if segment.end_offset >= certain:
        return True
    missing = f"records {segment.end_offset} to {following - 1}, which were on disk, are missing at its end"
    # They may also be there, in a batch that is damaged and says that it ends earlier.
    damage = check_some(segment, 0, segment.base_offset, segment.size).damage
    segment.damage = damage or Damage(segment.size, segment.end_offset, missing)
    segment.end_offset = following
    return False


def _missing(segment: LogSegment, first: int, end: int, why: str) -> OSError:
    return OSError(
        errno.EIO,
        f"records {first} to {end - 1}, which were on disk, are missing at its end{why}. Nothing was changed. Restore the file; or delete the "
        "topic to go on without its records",
        segment.path(),
    )


def _restore_producers(file_system: IFileSystem, path: str, segments: list[LogSegment], producers: ProducerStates, end: int) -> None:
    """Find out the producers' states; damage that is met on the way is not served."""
    while True:
        try:
            return restore_producers(file_system, path, segments, producers, end)
        except SuspectBatch as error:
            segment = error.segment
            found = check_some(segment, 0, segment.base_offset, segment.size).damage
            if found is None or segment is segments[-1]:
                raise OSError(errno.EIO, error.message, segment.path()) from error
            segment.damage = found


def _write_indexes(file_system: IFileSystem, segment: LogSegment) -> None:
    """Spare the next start the scan, where there is room for that."""
    try:
        for path, data in segment.index_files():
            write_synced(file_system, path, data)
    except OSError as error:
        if not is_full(error):
            raise


def _trust(file_system: IFileSystem, segment: LogSegment, following: int | None, clean: bool) -> bool:
    """Take the index files' word for where batches are; False when they cannot be believed, say too little, or what the next segment has, too."""
    with segment.hold() as file:
        size = file.size()
    if size == 0:
        return True
    try:
        offsets = OffsetIndex.decode(segment.base_offset, file_system.read_whole(segment.path(INDEX)), size)
        times = TimeIndex.decode(segment.base_offset, file_system.read_whole(segment.path(TIME_INDEX)))
        segment.size = size
        segment.offsets, segment.times = offsets, times
        if _follow_to_end(segment, clean) and (following is None or segment.end_offset <= following):
            return True
    except (OSError, BadIndex, BadBatch):
        pass
    segment.size = 0
    segment.end_offset = segment.base_offset
    segment.max_timestamp = segment.max_timestamp_offset = segment.first_timestamp = -1
    segment.offsets, segment.times = OffsetIndex(segment.base_offset), TimeIndex(segment.base_offset)
    return False


def _follow_to_end(segment: LogSegment, clean: bool) -> bool:
    """Read the headers behind the last index entry, which tell where the segment ends and how late its records are.

    :param clean: the time index is complete; else it may be shorter than the offset index, and batches behind its last entry are looked at too.
    """
    position = segment.offsets.position_of(2**62)
    segment.first_timestamp = segment.header_at(0).max_timestamp
    if len(segment.times):
        segment.max_timestamp, segment.max_timestamp_offset = segment.times.last()
    if not clean:
        position = segment.offsets.position_of(segment.max_timestamp_offset)
    for at, header in segment.headers(position, 2**63):
        if header.max_timestamp > segment.max_timestamp:
            segment.max_timestamp, segment.max_timestamp_offset = header.max_timestamp, header.last_offset
        segment.end_offset = header.last_offset + 1
        position = at + header.size_bytes
    return position == segment.size
