"""Opening a log: what its directory holds, and recovery after a stop that was none.

Runs in a thread. After a clean stop the files are believed; after any other, batches from the recovery point on are read and checked, the log ends before
the first that is damaged, and whatever is derived from the log is made anew.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from twisted.logger import Logger

from chronik.errors import ErrorCode
from chronik.model import TopicId, TopicPartition
from chronik.record.batch import HEADER_BYTES, BadBatch, BatchHeader, check_crc, parse_header
from chronik.storage.checkpoints import (
    EPOCHS,
    PARTITION_METADATA,
    BadCheckpoint,
    decode_epochs,
    encode_epochs,
    encode_partition_metadata,
)
from chronik.storage.epochs import LeaderEpochs
from chronik.storage.files import FileCache
from chronik.storage.indexes import BadIndex, OffsetIndex, TimeIndex
from chronik.storage.interfaces import IFile, IFileSystem
from chronik.storage.producers import BadSnapshot, ProducerStates
from chronik.storage.segment import DELETED, INDEX, LOG, SNAPSHOT, TIME_INDEX, LogSegment, file_name

_log = Logger("chronik.storage.loading")

SCAN_BYTES: Final = 4 << 20
"""How much of a segment recovery reads at a time; a larger batch is read whole."""

BATCH_BYTES_MAX: Final = 1 << 30
"""A length beyond this is no batch's: segments are smaller."""

CORRUPT: Final = ".corrupt"
"""Ending of the files that keep what recovery cut off behind a damaged batch."""


@dataclass(slots=True)
class LoadedLog:
    """A log as found, or a new one.

    :ivar clean: it was closed properly, or is new.
    :ivar new_names: its directory holds names that a crash could lose.
    :ivar notes: what recovery did, for one line of the log; empty when nothing.
    """

    segments: list[LogSegment]
    epochs: LeaderEpochs
    producers: ProducerStates
    start_offset: int
    end_offset: int
    clean: bool
    new_names: bool
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What is known of a log before it is opened.

    :ivar clean: its directory was closed properly.
    :ivar recovery_point: below it everything is on disk.
    :ivar start_offset: from the checkpoint, 0 for none.
    """

    topic_partition: TopicPartition
    topic_id: TopicId
    path: str
    clean: bool
    recovery_point: int
    start_offset: int
    index_interval_bytes: int
    now_ms: int


def create_log(file_system: IFileSystem, files: FileCache, request: LoadRequest) -> LoadedLog:
    """Make a new log's directory.

    :raises OSError: the disk refuses.
    """
    file_system.make_directory(request.path)
    file_system.write_whole(os.path.join(request.path, PARTITION_METADATA), encode_partition_metadata(request.topic_id))
    segment = LogSegment(request.path, 0, files, request.now_ms)
    files.get(segment.path(), create=True)
    file_system.sync_directory(request.path)
    file_system.sync_directory(os.path.dirname(request.path))
    return LoadedLog([segment], LeaderEpochs(), ProducerStates(), 0, 0, clean=True, new_names=False)


def load_log(file_system: IFileSystem, files: FileCache, request: LoadRequest) -> LoadedLog:
    """Open a log that is there, recovering it where it was not closed properly.

    :raises OSError: the disk refuses.
    """
    notes: list[str] = []
    _remove_leftovers(file_system, request.path)
    bases = _segment_bases(file_system, request.path)
    segments = [LogSegment(request.path, base, files, request.now_ms) for base in bases] or [LogSegment(request.path, 0, files, request.now_ms)]
    if not bases:
        files.get(segments[0].path(), create=True)
    epochs = LeaderEpochs(_read_epochs(file_system, request.path, notes))
    end = _load_segments(file_system, segments, request, epochs, notes)
    if epochs.truncate_from_end(end + 1):
        notes.append("forgot epochs past the end")
    start = min(max(request.start_offset, segments[0].base_offset), end)
    producers = ProducerStates()
    restore_producers(file_system, request.path, segments, producers, end)
    if notes or not request.clean:
        file_system.write_whole(os.path.join(request.path, EPOCHS), encode_epochs(epochs.entries()))
    return LoadedLog(segments, epochs, producers, start, end, request.clean, new_names=not request.clean, notes=notes)


def restore_producers(file_system: IFileSystem, path: str, segments: Sequence[LogSegment], producers: ProducerStates, end_offset: int) -> None:
    """Make the producers' state what it was at ``end_offset``: from the newest snapshot not after it, and the batches since."""
    producers.clear()
    offsets = (_base_of(name, SNAPSHOT) for name in file_system.list(path))
    for offset in sorted((o for o in offsets if o is not None and o <= end_offset), reverse=True):
        try:
            producers.restore(file_system.read_whole(os.path.join(path, file_name(offset, SNAPSHOT))), offset)
            break
        except BadSnapshot:
            _log.warn("a producer snapshot of {path} at offset {offset} is damaged; an older one and the log serve", path=path, offset=offset)
            producers.clear()
    begin = producers.map_end_offset
    for segment in segments:
        if segment.end_offset <= begin:
            continue
        for _, header in segment.headers(segment.offsets.position_of(begin)):
            if header.last_offset >= begin and header.producer_id >= 0:
                producers.note(header, header.last_offset)
    producers.map_end_offset = end_offset


# -- what is in the directory ---------------------------------------------------------------------------------------------


def _segment_bases(file_system: IFileSystem, path: str) -> list[int]:
    return sorted(base for name in file_system.list(path) if (base := _base_of(name, LOG)) is not None)


def _base_of(name: str, extension: str) -> int | None:
    stem = name.removesuffix(extension)
    return int(stem) if stem != name and len(stem) == 20 and stem.isdigit() else None


def _remove_leftovers(file_system: IFileSystem, path: str) -> None:
    """Files that were on their way out, or half written, when the broker died."""
    for name in file_system.list(path):
        if name.endswith((DELETED, ".tmp")):
            file_system.unlink(os.path.join(path, name))


def _read_epochs(file_system: IFileSystem, path: str, notes: list[str]) -> list[tuple[int, int]]:
    name = os.path.join(path, EPOCHS)
    if not file_system.exists(name):
        return []
    try:
        return decode_epochs(file_system.read_whole(name))
    except BadCheckpoint as error:
        notes.append(f"{EPOCHS} is damaged ({error}) and made anew")
        return []


def _load_segments(file_system: IFileSystem, segments: list[LogSegment], request: LoadRequest, epochs: LeaderEpochs, notes: list[str]) -> int:
    """Fill the segments, dropping those behind the first damage; the log's end offset."""
    rebuild_epochs = not epochs.entries()
    for number, segment in enumerate(segments):
        last = number + 1 == len(segments)
        following = request.recovery_point + 1 if last else segments[number + 1].base_offset
        suspicious = not request.clean and following > request.recovery_point
        whole = _trust(file_system, segment, last) if not suspicious and not rebuild_epochs else False
        if whole:
            continue
        cut = _scan(file_system, segment, request, epochs, checked=suspicious, notes=notes)
        if cut and not last:
            _drop_behind(file_system, segments, number, notes)
            break
    return segments[-1].end_offset


def _trust(file_system: IFileSystem, segment: LogSegment, last: bool) -> bool:
    """Take the index files' word for where batches are; False when they cannot be believed, or say too little."""
    size = segment.open().file.size()
    if size == 0:
        return True
    try:
        offsets = OffsetIndex.decode(segment.base_offset, file_system.read_whole(segment.path(INDEX)), size)
        times = TimeIndex.decode(segment.base_offset, file_system.read_whole(segment.path(TIME_INDEX)))
        segment.size = size
        segment.offsets, segment.times = offsets, times
        return _follow_to_end(segment)
    except (OSError, BadIndex, BadBatch):
        segment.size = 0
        segment.offsets, segment.times = OffsetIndex(segment.base_offset), TimeIndex(segment.base_offset)
        return False


def _follow_to_end(segment: LogSegment) -> bool:
    """Read the headers behind the last index entry, which tell where the segment ends and how late its records are."""
    position = segment.offsets.position_of(2**62)
    first = parse_header(segment.open().file.pread(HEADER_BYTES, 0))
    segment.first_timestamp = first.max_timestamp
    if len(segment.times):
        segment.max_timestamp, segment.max_timestamp_offset = segment.times.last()
    for at, header in segment.headers(position):
        if header.max_timestamp > segment.max_timestamp:
            segment.max_timestamp, segment.max_timestamp_offset = header.max_timestamp, header.last_offset
        segment.end_offset = header.last_offset + 1
        position = at + header.size_bytes
    segment.index_written, segment.time_written = len(segment.offsets), len(segment.times)
    return position == segment.size


# -- recovery -------------------------------------------------------------------------------------------------------------


def _scan(file_system: IFileSystem, segment: LogSegment, request: LoadRequest, epochs: LeaderEpochs, checked: bool, notes: list[str]) -> bool:
    """Read a segment's batches and make its indexes anew; whether it had to be cut.

    :param checked: compare CRCs too.
    """
    file = segment.open().file
    size = file.size()
    position = 0
    expected = segment.base_offset
    problem = ""
    reader = _Reader(file, size)
    while position < size:
        try:
            header = reader.header(position)
            if header.base_offset < expected:
                raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"offset {header.base_offset} follows {expected - 1}")
            if checked:
                check_crc(header, reader.batch(position, header))
        except BadBatch as error:
            problem = error.message
            break
        epochs.assign(header.leader_epoch, header.base_offset)
        segment.note(header.last_offset, header.base_offset, header.size_bytes, header.max_timestamp, request.index_interval_bytes)
        expected = header.last_offset + 1
        position += header.size_bytes
    if problem:
        _cut_off(file_system, segment, reader, position, size, problem, notes)
    return bool(problem)


def _cut_off(file_system: IFileSystem, segment: LogSegment, reader: _Reader, position: int, size: int, problem: str, notes: list[str]) -> None:
    """End the segment before a damaged batch. What follows is kept aside when there is a whole batch in it: then this is no torn tail."""
    note = f"cut {size - position} bytes at {position} of {os.path.basename(segment.path())}: {problem}"
    if reader.batch_follows(position):
        aside = f"{segment.path()}{CORRUPT}"
        _copy(file_system, reader.file, position, size, aside)
        note += f"; whole batches follow the damage, which a crash alone does not do: they are kept in {aside}"
        _log.error("{path} is damaged at byte {position}: records behind it are not served", path=segment.path(), position=position)
    reader.file.truncate(position)
    reader.file.fdatasync()
    notes.append(note)


def _copy(file_system: IFileSystem, source: IFile, start: int, end: int, target: str) -> None:
    copy = file_system.open(target, create=True)
    try:
        for position in range(start, end, SCAN_BYTES):
            copy.pwritev([source.pread(min(SCAN_BYTES, end - position), position)], position - start)
        copy.fdatasync()
    finally:
        copy.close()


def _drop_behind(file_system: IFileSystem, segments: list[LogSegment], number: int, notes: list[str]) -> None:
    """Segments behind a cut one would leave a hole: they are put aside."""
    for segment in segments[number + 1 :]:
        file_system.rename(segment.path(), segment.path() + CORRUPT)
        notes.append(f"put {os.path.basename(segment.path())} aside, which follows the damage")
    del segments[number + 1 :]


class _Reader:
    """Reads batches of a file one after the other, in large pieces."""

    def __init__(self, file: IFile, size: int) -> None:
        self.file = file
        self._size = size
        self._piece = b""
        self._start = 0

    def header(self, position: int) -> BatchHeader:
        """The header at a position.

        :raises BadBatch: there is none, or its batch reaches past the file's end.
        """
        self._read(position, HEADER_BYTES)
        header = parse_header(self._piece, position - self._start)
        if header.size_bytes > BATCH_BYTES_MAX or position + header.size_bytes > self._size:
            raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"a batch of {header.size_bytes} bytes is cut off after {self._size - position}")
        return header

    def batch(self, position: int, header: BatchHeader) -> memoryview:
        """The bytes of the batch there."""
        self._read(position, header.size_bytes)
        at = position - self._start
        return memoryview(self._piece)[at : at + header.size_bytes]

    def batch_follows(self, position: int) -> bool:
        """Whether the batch after the damaged one at ``position`` is whole, as far as that one tells where it ends."""
        try:
            damaged = self.header(position)
            after = position + damaged.size_bytes
            header = self.header(after)
            check_crc(header, self.batch(after, header))
        except BadBatch:
            return False
        return True

    def _read(self, position: int, count: int) -> None:
        if not self._start <= position <= position + count <= self._start + len(self._piece):
            self._start = position
            self._piece = self.file.pread(min(max(SCAN_BYTES, count), self._size - position), position)
