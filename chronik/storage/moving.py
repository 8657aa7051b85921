"""Moving a log to another directory while it is written (KIP-113): a copy catches up with it, and then takes its place.

The copy grows in a directory whose name ends with ``-future``. When little is missing, appends are refused for a moment, the rest is copied and
synced, and a file called ``moved`` is put, durably, into the old directory. That decides: before it the copy is nothing, after it the old log is. A
start that finds the file finishes the move.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from twisted.logger import Logger

from chronik.defer import Pool
from chronik.storage.checkpoints import EPOCHS, PARTITION_METADATA, encode_epochs, encode_partition_metadata
from chronik.storage.segment import LOG, SNAPSHOT, file_name
from chronik.storage.sidefiles import write_synced

if TYPE_CHECKING:
    from chronik.storage.directory import LogDirectory
    from chronik.storage.log import SegmentLog
    from chronik.storage.segment import LogSegment

FUTURE_SUFFIX: Final = "-future"
"""Ending of the directory of a copy that is not complete, after a random part, as in Kafka."""

MOVED: Final = "moved"
"""A file that says of a log that its copy elsewhere is the log now."""

FREEZE_BYTES: Final = 1 << 20
"""How little must be missing before appends are refused: some milliseconds' worth of copying."""

COPY_BYTES: Final = 1 << 20
"""How much is read and written at a time."""


ROUND_BYTES: Final = 32 << 20
"""How much is copied before other background work has its turn."""


class Undecided(OSError):
    """Nobody can say which of two copies a start would take for the log: it must not be appended to."""


class _Piece(NamedTuple):
    """Bytes of one segment to copy."""

    segment: LogSegment
    start: int
    end: int


class LogMove:
    """One log on its way.

    :param target: where to.
    :param future_path: the copy's directory.
    :param freeze_bytes: how little must be missing before appends are refused.
    :param round_bytes: how much is copied at a time.
    :ivar cancelled: it is to go elsewhere, or stay.
    :ivar end_offset: how far the copy is.
    :ivar size_bytes: of the copy.
    """

    _log = Logger()

    def __init__(
        self, log: SegmentLog, target: LogDirectory, future_path: str, freeze_bytes: int = FREEZE_BYTES, round_bytes: int = ROUND_BYTES
    ) -> None:
        self.log = log
        self.target = target
        self.future_path = future_path
        self.final_path = os.path.join(target.path, str(log.topic_partition))
        self._freeze_bytes = freeze_bytes
        self._round_bytes = round_bytes
        self.cancelled = False
        self._begun = False
        self._copied: dict[int, int] = {}
        self._rewinds = log.rewinds
        self.end_offset = log.start_offset

    @property
    def size_bytes(self) -> int:
        """Bytes copied so far."""
        return sum(self._copied.values())

    @property
    def ended(self) -> bool:
        """Whether to stop."""
        return self.cancelled or self.log.closed or self.log.failed

    async def catch_up(self, stopping: Callable[[], bool]) -> bool:
        """Copy until little is missing; False when it ended before.

        :param stopping: whether the broker is.
        :raises OSError: a disk refuses.
        """
        log = self.log
        pools = log.directory.pools
        while not self.ended and not stopping():
            if not self._begun or log.rewinds != self._rewinds:
                self._begun, self._rewinds, self._copied = True, log.rewinds, {}
                await pools.run(Pool.BACKGROUND, self._begin)
            if not self._all_written:
                await log.directory.writer.after_writes()
            pieces = self._missing()
            if self._all_written and sum(piece.end - piece.start for piece in pieces) <= self._freeze_bytes:
                return True
            await pools.run(Pool.BACKGROUND, self._copy, _some(pieces, self._round_bytes))
            whole = [each.end_offset for each in log.segments if self._copied.get(each.base_offset) == each.size]
            self.end_offset = max(whole, default=self.end_offset)
        return False

    async def complete(self) -> bool:
        """Copy the rest while nobody appends, and let the copy be the log; False when the log's end moved back meanwhile.

        :raises OSError: a disk refuses; the log is where it was.
        """
        log, pools = self.log, self.log.directory.pools
        log.rewinding += 1
        try:
            await log.directory.writer.after_writes()
            await log.side_files.run(_nothing)
            if log.rewinding > 1 or log.rewinds != self._rewinds or not self._all_written or self.ended:
                return False
            pieces = self._missing()
            side = [(os.path.join(self.future_path, os.path.basename(path)), data) for path, data in log.side_data()]
            bases = [segment.base_offset for segment in log.segments]
            try:
                await pools.run(Pool.BACKGROUND, self._finish, pieces, bases, side)
            except Undecided as error:
                raise log.fail(error) from error
            log.moved(self.target, self.final_path)
            return True
        finally:
            log.rewinding -= 1

    async def abandon(self) -> None:
        """Remove the copy."""
        await self.log.directory.pools.run(Pool.BACKGROUND, self.target.file_system.remove_tree, self.future_path)

    @property
    def _all_written(self) -> bool:
        """Whether no write is under way: what a thread writes now must not be read yet."""
        return self.log.end_offset == self.log.written_offset

    def _missing(self) -> list[_Piece]:
        """What to copy."""
        segments = self.log.segments if self._all_written else self.log.segments[:-1]
        pieces = [_Piece(segment, self._copied.get(segment.base_offset, 0), segment.size) for segment in segments]
        return [piece for piece in pieces if piece.start < piece.end or piece.segment.base_offset not in self._copied]

    # -- in a thread --------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        file_system = self.target.file_system
        file_system.remove_tree(self.future_path)
        file_system.make_directory(self.future_path)
        file_system.write_whole(os.path.join(self.future_path, PARTITION_METADATA), encode_partition_metadata(self.log.topic_id))

    def _copy(self, pieces: Sequence[_Piece]) -> None:
        for segment, start, end in pieces:
            try:
                shared = segment.hold()
            except FileNotFoundError:
                # Retention was quicker.
                continue
            copy = self.target.file_system.open(self._copy_of(segment.base_offset), create=True)
            try:
                with shared as file:
                    for position in range(start, end, COPY_BYTES):
                        copy.pwritev([file.pread(min(COPY_BYTES, end - position), position)], position)
                copy.fdatasync()
            finally:
                copy.close()
            self._copied[segment.base_offset] = end

    def _finish(self, pieces: Sequence[_Piece], bases: Sequence[int], side: Sequence[tuple[str, bytes]]) -> None:
        """Make the copy whole and durable, then decide for it."""
        log, file_system = self.log, self.target.file_system
        self._copy(pieces)
        for base in self._copied.keys() - set(bases):
            file_system.unlink(self._copy_of(base))
        for path, data in side:
            write_synced(file_system, path, data)
        file_system.sync_directory(self.future_path)
        file_system.sync_directory(self.target.path)
        self.target.checkpoints.write({log.topic_partition: log.end_offset}, {log.topic_partition: log.start_offset}, self.target.checkpoints.changes)
        marker = os.path.join(log.path, MOVED)
        try:
            file_system.write_whole(marker, b"")
            file_system.rename(self.future_path, self.final_path)
            file_system.sync_directory(self.target.path)
        except OSError as error:
            self._take_back(marker, error)
            raise

    def _take_back(self, marker: str, error: OSError) -> None:
        """The copy cannot take its place: nothing may say that it has.

        :raises Undecided: that cannot be done either.
        """
        file_system = self.target.file_system
        try:
            if file_system.exists(self.final_path):
                file_system.rename(self.final_path, self.future_path)
                file_system.sync_directory(self.target.path)
            file_system.unlink(marker)
            file_system.sync_directory(os.path.dirname(marker))
        except OSError as worse:
            raise Undecided(worse.errno, f"a move could neither be finished ({error}) nor taken back", marker) from worse

    def _copy_of(self, base: int) -> str:
        return os.path.join(self.future_path, file_name(base, LOG))


def _some(pieces: Sequence[_Piece], room: int) -> list[_Piece]:
    """As much as one round copies."""
    some = []
    for piece in pieces:
        end = min(piece.end, piece.start + room)
        some.append(piece._replace(end=end))
        room -= end - piece.start
        if room <= 0:
            break
    return some


def side_data(log: SegmentLog, epochs: Sequence[tuple[int, int]]) -> list[tuple[str, bytes]]:
    """What is beside a log's segments, as ``(path, bytes)``: indexes of those that are sealed, epochs, and the producers at its end."""
    files = [file for segment in log.segments[:-1] for file in segment.index_files()]
    files.append((os.path.join(log.path, EPOCHS), encode_epochs(epochs)))
    files.append((os.path.join(log.path, file_name(log.end_offset, SNAPSHOT)), log.producers.snapshot()))
    return files


def _nothing() -> None:
    """Takes its place in the queue."""
