"""What of one log is on disk, and who waits for it."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail, succeed

from chronik.storage.flush import FlushFiles

if TYPE_CHECKING:
    from chronik.errors import KafkaError
    from chronik.storage.files import SharedFile
    from chronik.storage.log import SegmentLog
    from chronik.storage.segment import LogSegment


class LogFlusher:
    """One log's part in the flushes of its directory; a :class:`~chronik.storage.flush.Flushable`.

    :param flushed_offset: everything below is on disk.
    :param new_names: its directory has names that a crash could lose.
    """

    def __init__(self, log: SegmentLog, flushed_offset: int, new_names: bool) -> None:
        self._of = log
        self.flushed_offset = flushed_offset
        self._new_names = new_names
        self._flushing_names = False
        self._cut: dict[LogSegment, None] = {}
        self._flushing_cut: dict[LogSegment, None] = {}
        self._reach = flushed_offset
        self._waiters: list[tuple[int, Deferred[int]]] = []
        self._due: float | None = None

    def __repr__(self) -> str:
        """For logs."""
        return repr(self._of)

    # -- what the scheduler asks --------------------------------------------------------------------------------------

    def flush_begins(self) -> int | None:
        """What it holds now; see :class:`~chronik.storage.flush.Flushable`."""
        log = self._of
        if log.failed or log.closed or (self.flushed_offset >= log.written_offset and not self._new_names):
            return None
        self._flushing_names, self._new_names = self._new_names, False
        self._flushing_cut, self._cut = self._cut, {}
        self._reach = log.written_offset
        return self._reach

    def flush_files(self) -> FlushFiles:
        """What to sync for it; see :class:`~chronik.storage.flush.Flushable`."""
        log = self._of
        first = max(0, bisect_right(log.bases, self.flushed_offset) - 1)
        files: list[SharedFile] = []
        try:
            files.extend(segment.hold() for segment in self._flushing_cut if segment in log.segments[:first])
            files.extend(segment.hold() for segment in log.segments[first:] if segment.size)
        except OSError:
            for shared in files:
                shared.let_go()
            raise
        return FlushFiles(files, (log.path,) if self._flushing_names else ())

    def flush_ended(self, end_offset: int) -> None:
        """It is durable, but for what was taken back meanwhile: what came in its place was not part of the flush."""
        log = self._of
        if log.failed or log.closed:
            return
        self.flushed_offset = max(self.flushed_offset, min(end_offset, self._reach))
        for observer in log.observers:
            observer.flushed(log)
        if self._waiters:
            self._answer()

    def flush_put_off(self) -> None:
        """Nothing was synced: what was to be synced is to be still."""
        self._new_names |= self._flushing_names
        self._cut = {**self._flushing_cut, **self._cut}

    def flush_failed(self, reason: BaseException) -> None:
        """The disk refused. What was written counts as clean for the system from here on, so that no later sync would bring it to disk: none is
        tried, and what was not durable before never counts as durable.
        """
        if not self._of.closed:
            self._of.trouble.fail(reason, synced=True)

    def _answer(self) -> None:
        ready = [waiter for offset, waiter in self._waiters if offset <= self.flushed_offset]
        if ready:
            self._waiters = [entry for entry in self._waiters if entry[0] > self.flushed_offset]
            for waiter in ready:
                waiter.callback(self.flushed_offset)

    # -- what the log tells -------------------------------------------------------------------------------------------

    def written(self) -> None:
        """More is in the page cache, or the configuration changed: flush, unless that counts as safe."""
        log = self._of
        behind = log.written_offset - self.flushed_offset
        if behind > 0 and (not log.config.write_caching or behind >= log.config.flush_messages or self._waiters):
            log.directory.flusher.flush(self)

    def names_changed(self) -> None:
        """The next flush must make names durable too."""
        self._new_names = True

    def was_cut(self, segment: LogSegment) -> None:
        """What a failed write left in a segment was cut off. That must be on disk before anything behind it is: a crash would bring it back,
        and what follows it could not be told from what follows damage.
        """
        self._cut[segment] = None

    def rewound_to(self, offset: int) -> None:
        """The log ends at an earlier offset."""
        self.flushed_offset = min(self.flushed_offset, offset)
        self._reach = min(self._reach, offset)
        self._waiters = [(min(wanted, offset), waiter) for wanted, waiter in self._waiters]
        self._answer()
        self.written()

    def begun_at(self, offset: int) -> None:
        """The log is empty and begins anew; its name is on disk."""
        self.flushed_offset = offset
        self._reach = min(self._reach, offset)
        self._waiters = [(offset, waiter) for _, waiter in self._waiters]
        self._answer()

    def flush(self) -> Deferred[int]:
        """Make everything appended so far durable; see :meth:`IPartitionLog.flush`."""
        log = self._of
        try:
            log.check_failure()
        except Exception:  # noqa: BLE001  it is the answer
            return fail()
        if log.end_offset <= self.flushed_offset:
            return succeed(self.flushed_offset)
        waiter: Deferred[int] = Deferred()
        self._waiters.append((log.end_offset, waiter))
        log.directory.flusher.flush(self)
        return waiter

    def flush_if_due(self) -> None:
        """``flush.ms``, where the page cache counts as safe; called now and then."""
        log = self._of
        if not log.config.write_caching or self.flushed_offset >= log.written_offset:
            self._due = None
        elif self._due is None:
            self._due = log.directory.clock.seconds() + log.config.flush_ms / 1000
        elif log.directory.clock.seconds() >= self._due:
            self._due = None
            log.directory.flusher.flush(self)

    def abandon(self, reason: KafkaError) -> None:
        """Nothing becomes durable any more."""
        waiters, self._waiters = self._waiters, []
        for _, waiter in waiters:
            waiter.errback(reason)
