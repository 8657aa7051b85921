"""The slow search for damaged segments that nobody has met yet.

A fetch sends bytes from file to socket without looking at them; its reader compares the CRC. Here the CRC is compared where bytes are read anyway
(appending, recovery), and in sealed segments a little every second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from twisted.logger import Logger

from chronik.defer import Pool, deferred
from chronik.errors import ErrorCode
from chronik.record.batch import BadBatch, check_crc
from chronik.storage.batchreader import BatchReader
from chronik.storage.disks import EXHAUSTION
from chronik.storage.segment import INDEX, Damage

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from chronik.clocks import WallClock
    from chronik.defer import IThreadPools
    from chronik.storage.disks import DiskPolicy
    from chronik.storage.log import SegmentLog
    from chronik.storage.segment import LogSegment

SUSPECT_BYTES: Final = 16 << 20
"""How much of a segment is read at a time that somebody could not read."""

SEGMENT_BYTES_MIN: Final = 4096
"""What a segment counts for at least: also a small one has to be opened."""

LOOK_SECONDS: Final = 60.0
"""How often segments are looked for that are due, when there was none; more often where they are due more often."""


class Checked(NamedTuple):
    """How far a segment was checked: the next position and offset, and what was found, if anything."""

    position: int
    offset: int
    damage: Damage | None


def check_some(segment: LogSegment, position: int, offset: int, bytes_max: int) -> Checked:
    """In a thread: compare the batches from a position on with their CRCs, and their offsets with each other.

    :param offset: the one that is expected there, or a later one where the log is compacted.
    :param bytes_max: about how much to read.
    :raises OSError: the disk refuses.
    """
    end = segment.readable_bytes
    stop = position + bytes_max
    with segment.hold() as file:
        reader = BatchReader(file, min(end, file.size()), bytes_max)
        while position < min(end, stop):
            try:
                header = reader.header(position)
                if not offset <= header.base_offset <= header.last_offset < segment.end_offset:
                    raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"offsets {header.base_offset} to {header.last_offset} follow {offset - 1}")
                check_crc(header, reader.batch(position, header))
            except BadBatch as error:
                return Checked(position, offset, Damage(position, offset, error.message))
            position += header.size_bytes
            offset = header.last_offset + 1
    return Checked(position, offset, None)


@dataclass(slots=True)
class _Job:
    """One segment that is being checked."""

    log: SegmentLog
    segment: LogSegment
    cuts: int
    generation: int
    position: int
    offset: int
    suspect: bool

    @classmethod
    def of(cls, log: SegmentLog, segment: LogSegment, suspect: bool) -> _Job:
        """From the segment's beginning on."""
        return cls(log, segment, len(segment.cuts), segment.generation, 0, segment.base_offset, suspect)

    @property
    def is_void(self) -> bool:
        """Whether the segment is not any more what it was."""
        changed = (len(self.segment.cuts), self.segment.generation) != (self.cuts, self.generation)
        return changed or self.log.closed or self.log.failed or self.segment not in self.log.segments


class Scrubber:
    """Looks for damage in one directory's sealed segments, a little at a time."""

    _log = Logger()

    def __init__(self, pools: IThreadPools, clock: IReactorTime, wall_clock: WallClock, policy: DiskPolicy) -> None:
        self._pools = pools
        self._clock = clock
        self._wall_clock = wall_clock
        self._policy = policy
        self._suspects: dict[LogSegment, SegmentLog] = {}
        self._due: Iterator[tuple[SegmentLog, LogSegment]] = iter(())
        self._look_at = 0.0
        self._job: _Job | None = None
        self._busy = False

    def suspect(self, log: SegmentLog, segment: LogSegment, why: str) -> None:
        """A segment could not be read as it should: it is checked next."""
        if segment.damage is None and segment not in self._suspects:
            self._suspects[segment] = log
            self._log.error("{partition}: {why}. The segment is checked", partition=log.topic_partition, why=why)

    def step(self, logs: Callable[[], Sequence[SegmentLog]]) -> None:
        """Check some more; called about once a second.

        :param logs: those of the directory.
        """
        if not self._busy:
            self._busy = True
            self._check(logs).addErrback(self._lost)

    @deferred
    async def _check(self, logs: Callable[[], Sequence[SegmentLog]]) -> None:
        """One suspect, or as many segments as there is time for: many may be small."""
        try:
            left = self._policy.scrub_bytes_per_second
            while (job := self._find(logs)) is not None:
                before = job.position
                await self._check_some(job, SUSPECT_BYTES if job.suspect else left)
                left -= max(job.position - before, SEGMENT_BYTES_MIN)
                if job.suspect or left <= 0:
                    return
        finally:
            self._busy = False

    def _find(self, logs: Callable[[], Sequence[SegmentLog]]) -> _Job | None:
        if self._suspects and (self._job is None or not self._job.suspect):
            segment = next((segment for segment, log in self._suspects.items() if _is_written(log, segment)), None)
            if segment is not None:
                self._job = _Job.of(self._suspects.pop(segment), segment, suspect=True)
        self._job = self._job or self._next(logs)
        return self._job

    async def _check_some(self, job: _Job, bytes_max: int) -> None:
        try:
            checked = await self._pools.run(Pool.BACKGROUND, check_some, job.segment, job.position, job.offset, bytes_max)
        except OSError as error:
            if error.errno in EXHAUSTION:
                return  # it is tried again
            # The disk could not even read it.
            checked = Checked(job.position, job.offset, Damage(job.position, job.offset, f"it cannot be read: {error}"))
        if job.is_void:
            self._job = None
        elif checked.damage is not None:
            self._job = None
            job.log.trouble.quarantine(job.segment, checked.damage)
        else:
            job.position, job.offset = checked.position, checked.offset
            if job.position >= job.segment.size:
                if job.suspect:
                    await self._make_index_anew(job)
                self._job = None
                job.segment.checked_ms = int(self._wall_clock() * 1000)

    async def _make_index_anew(self, job: _Job) -> None:
        """Its batches are in order, and yet somebody could not read it: the index led to where none begins, or to another one."""
        log, segment = job.log, job.segment
        index = await self._pools.run(Pool.BACKGROUND, segment.index_anew, log.config.index_interval_bytes)
        data = index.encode()
        if job.is_void or data == segment.offsets.encode():
            return
        segment.offsets = index
        self._log.error("{path} did not fit its segment, and was made anew", path=segment.path(INDEX))
        log.side_files.later(log.directory.file_system.write_whole, segment.path(INDEX), data)

    def _next(self, logs: Callable[[], Sequence[SegmentLog]]) -> _Job | None:
        if not self._policy.scrub_bytes_per_second:
            return None
        job = self._next_due()
        if job is None and self._clock.seconds() >= self._look_at:
            self._look_at = self._clock.seconds() + min(LOOK_SECONDS, self._policy.scrub_interval_ms / 1000)
            self._due = iter([(log, segment) for log in logs() for segment in log.segments if self._is_due(log, segment)])
            job = self._next_due()
        return job

    def _next_due(self) -> _Job | None:
        for log, segment in self._due:
            job = _Job.of(log, segment, suspect=False)
            if not job.is_void and self._is_due(log, segment):
                return job
        return None

    def _is_due(self, log: SegmentLog, segment: LogSegment) -> bool:
        age = int(self._wall_clock() * 1000) - segment.checked_ms
        # A time that is still to come is of a clock that was set back since.
        due = segment.damage is None and not 0 <= age < self._policy.scrub_interval_ms
        return due and segment is not log.segments[-1] and _is_written(log, segment)

    def _lost(self, failure: Failure) -> None:
        self._job = None
        self._log.failure("a segment could not be checked", failure)


def _is_written(log: SegmentLog, segment: LogSegment) -> bool:
    """Whether all of a segment is in the file: appends may wait for a slow disk, also those of a segment behind which there is another one."""
    return log.closed or log.failed or segment.end_offset <= log.written_offset
