"""Recovery: what a segment's file really holds, and what producers did according to it. Runs in threads."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Final

from twisted.logger import Logger

from chronik.errors import ErrorCode
from chronik.record.batch import BadBatch, BatchHeader, check_crc
from chronik.storage.batchreader import SCAN_BYTES, BatchReader
from chronik.storage.epochs import LeaderEpochs
from chronik.storage.interfaces import IFile, IFileSystem
from chronik.storage.producers import BadSnapshot, ProducerStates
from chronik.storage.segment import SNAPSHOT, Damage, LogSegment, file_name

_log = Logger("chronik.storage.recovery")

CORRUPT: Final = ".corrupt"
"""Ending of the files that keep what recovery cut off behind a damaged batch."""


OFFSET_MAX: Final = 2**63 - 1
"""The largest offset that can be told to a client."""


def base_of(name: str, extension: str) -> int | None:
    """The offset in a file's name, None when it is another kind of file."""
    stem = name.removesuffix(extension)
    if stem == name or len(stem) != 20 or not (stem.isascii() and stem.isdigit()) or int(stem) > OFFSET_MAX:
        return None
    return int(stem)


def restore_producers(file_system: IFileSystem, path: str, segments: Sequence[LogSegment], producers: ProducerStates, end_offset: int) -> None:
    """Make the producers' state what it was at ``end_offset``: from the newest snapshot not after it, and the batches since.

    A snapshot that batches behind it are missing for is of a log that was removed.
    """
    producers.clear()
    first = segments[0].base_offset if segments else end_offset
    offsets = (base_of(name, SNAPSHOT) for name in file_system.list(path))
    for offset in sorted((o for o in offsets if o is not None and first <= o <= end_offset), reverse=True):
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
        for _, header in segment.headers(segment.before(begin), end_offset):
            if header.last_offset >= begin and header.producer_id >= 0:
                producers.note(header, header.last_offset)
    producers.map_end_offset = end_offset


def scan(
    file_system: IFileSystem,
    segment: LogSegment,
    following: int | None,
    index_interval_bytes: int,
    flushed_to: int,
    epochs: LeaderEpochs,
    checked: bool,
    notes: list[str],
) -> bool:
    """Read a segment's batches, from where it is known on, and make its indexes anew; whether it had to be cut.

    :param following: no offset of the segment is as high: base offset of the next. None for a last one that was never compacted: its offsets have
        no gaps. A CRC does not cover them.
    :param flushed_to: below this offset everything was on disk: damage there is not cut away.
    :param checked: compare CRCs too.
    :raises OSError: the disk refuses, or such damage is found in the last segment. An earlier one is good up to there, and the rest is not served.
    """
    with segment.hold() as file:
        if checked:
            file.drop_cache()
        size = file.size()
        reader = BatchReader(file, size)
        expected = segment.end_offset
        problem = ""
        while segment.size < size:
            try:
                header = reader.header(segment.size)
                _check_offsets(header, expected, following)
                if checked:
                    check_crc(header, reader.batch(segment.size, header))
            except BadBatch as error:
                problem = error.message
                break
            epochs.assign(header.leader_epoch, header.base_offset)
            segment.note(header.last_offset, header.base_offset, header.size_bytes, header.max_timestamp, index_interval_bytes)
            expected = header.last_offset + 1
        if problem and expected < flushed_to and following is not None:
            segment.damage = Damage(segment.size, expected, problem)
            segment.size, segment.end_offset = size, following
            return False
        if problem and expected < flushed_to:
            raise OSError(
                errno.EIO,
                f"records that were on disk are damaged at byte {segment.size} ({problem}); nothing was changed. "
                "Restore the file, or move it and those with higher numbers away to go on without them",
                segment.path(),
            )
        if problem:
            _cut_off(file_system, segment, reader, size, problem, notes)
    return bool(problem)


def _check_offsets(header: BatchHeader, expected: int, following: int | None) -> None:
    fits = header.base_offset == expected if following is None else expected <= header.base_offset and header.last_offset < following
    if not fits or header.last_offset_delta < 0:
        raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"offsets {header.base_offset} to {header.last_offset} follow {expected - 1}")


def _cut_off(file_system: IFileSystem, segment: LogSegment, reader: BatchReader, size: int, problem: str, notes: list[str]) -> None:
    """End the segment before a damaged batch. What follows is kept aside when there is a whole batch in it: then this is no simple torn tail."""
    position = segment.size
    note = f"cut {size - position} bytes at {position} of {os.path.basename(segment.path())}: {problem}"
    if reader.batch_follows(position):
        aside = f"{segment.path()}{CORRUPT}"
        _copy(file_system, reader.file, position, size, aside)
        note += f"; whole batches follow the damage: they are kept in {aside}"
        _log.error("{path} is damaged at byte {position}: records behind it are not served", path=segment.path(), position=position)
    reader.file.truncate(position)
    reader.file.fdatasync()
    notes.append(note)


def _copy(file_system: IFileSystem, source: IFile, start: int, end: int, target: str) -> None:
    copy = file_system.open(target, create=True)
    try:
        copy.truncate(0)
        for position in range(start, end, SCAN_BYTES):
            copy.pwritev([source.pread(min(SCAN_BYTES, end - position), position)], position - start)
        copy.fdatasync()
    finally:
        copy.close()


def drop_behind(file_system: IFileSystem, segments: list[LogSegment], number: int, notes: list[str]) -> None:
    """Segments behind a cut one would leave a hole: they are put aside."""
    for segment in segments[number + 1 :]:
        segment.forget_file()
        file_system.rename(segment.path(), segment.path() + CORRUPT)
        notes.append(f"put {os.path.basename(segment.path())} aside, which follows the damage")
    del segments[number + 1 :]
