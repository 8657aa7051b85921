"""The two checkpoint files of a log directory: up to where each log is on disk, and from where on it may be read."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik.defer import IThreadPools, Pool
from chronik.storage.checkpoints import RECOVERY_POINTS, START_OFFSETS, BadCheckpoint, decode_offsets, encode_offsets
from chronik.storage.disks import is_full

if TYPE_CHECKING:
    from chronik.model import TopicPartition
    from chronik.storage.interfaces import IFileSystem


class OffsetCheckpoints:
    """What the files say. Methods block and may be called from any thread.

    A recovery point that is too low costs time at the next start; one that is too high would make a truncated log look damaged. So it is lowered
    before a log is truncated, and what was collected before that is not written after it. What could not be lowered, because the disk refused, is
    as it was: whoever tries again must not take it for done. A start offset only grows, until its log is forgotten or begins anew.

    What is forgotten is not known any more at once, for a log is removed from a full disk too; the files follow as soon as they can be written.

    :ivar changes: how often something was lowered or forgotten.
    """

    _log = Logger()

    def __init__(self, file_system: IFileSystem, directory: str) -> None:
        self._file_system = file_system
        self._directory = directory
        self._points_path = os.path.join(directory, RECOVERY_POINTS)
        self._starts_path = os.path.join(directory, START_OFFSETS)
        self._lock = threading.Lock()
        self._points: dict[TopicPartition, int] = {}
        self._starts: dict[TopicPartition, int] = {}
        self._changed: dict[TopicPartition, int] = {}
        self._forgotten: dict[TopicPartition, int] = {}
        self._stale = False
        self.changes = 0

    def load(self) -> None:
        """Read both files; a damaged one counts as empty.

        :raises OSError: the disk refuses.
        """
        self._points = self._read(self._points_path)
        self._starts = self._read(self._starts_path)

    def recovery_point(self, topic_partition: TopicPartition) -> int:
        """Below it everything was on disk; 0 when nothing is known."""
        return self._points.get(topic_partition, 0)

    def start_offset(self, topic_partition: TopicPartition) -> int:
        """Below it everything was deleted; 0 when nothing is known."""
        return self._starts.get(topic_partition, 0)

    def known(self) -> set[TopicPartition]:
        """The logs that had records on disk."""
        return {topic_partition for topic_partition, offset in self._points.items() if offset > 0}

    def write(self, points: Mapping[TopicPartition, int], starts: Mapping[TopicPartition, int], changes: int) -> None:
        """Note how far logs are; those not mentioned stay as they are.

        What is beside their segments becomes durable first: indexes, snapshots, epochs of what the next start will not look at again.

        :param changes: :attr:`changes` as it was when the offsets were collected.
        """
        with self._lock:
            self._file_system.sync_file_system(self._directory)
            self._points.update((tp, offset) for tp, offset in points.items() if self._changed.get(tp, 0) <= changes)
            for topic_partition, offset in starts.items():
                self._raise_start(topic_partition, offset, changes)
            self._write(self._points, self._starts)

    def write_starts(self, starts: Mapping[TopicPartition, tuple[int, int]]) -> None:
        """Note where logs begin, and nothing else.

        :param starts: the offset, and :attr:`changes` as it was when that was collected.
        """
        with self._lock:
            for topic_partition, (offset, changes) in starts.items():
                self._raise_start(topic_partition, offset, changes)
            self._write_starts(self._starts)

    def _raise_start(self, topic_partition: TopicPartition, offset: int, changes: int) -> None:
        if not self.is_void(topic_partition, changes):
            self._starts[topic_partition] = max(offset, self._starts.get(topic_partition, 0))

    def lower(self, topic_partition: TopicPartition, offset: int) -> None:
        """The log is about to end at ``offset``."""
        with self._lock:
            self._note_change(topic_partition)
            if self._points.get(topic_partition, 0) > offset:
                self._write({**self._points, topic_partition: offset}, self._starts)

    def forget(self, topic_partition: TopicPartition) -> None:
        """The log is gone; another of its name must not get its offsets. Where the disk refuses, the next that is forgotten is written with it."""
        with self._lock:
            self._note_change(topic_partition)
            self._forgotten[topic_partition] = self.changes
            if self._stale or topic_partition in self._points or topic_partition in self._starts:
                self._stale = True
                for offsets in (self._points, self._starts):
                    offsets.pop(topic_partition, None)
                self._write(self._points, self._starts)

    def forget_removed(self, topic_partition: TopicPartition) -> None:
        """The same for a log that is about to be removed, on a full disk too: who does that wants room. Before another one of its name is made it
        is written, for that one is forgotten first.
        """
        try:
            self.forget(topic_partition)
        except OSError as error:
            if not is_full(error):
                raise

    def begin_at(self, topic_partition: TopicPartition, offset: int, changes: int) -> None:
        """The log begins at ``offset`` and nowhere else, which may be lower than what is known.

        :param changes: :attr:`changes` as it was when that was so: a log that was forgotten since is not its log any more.
        """
        with self._lock:
            if not self.is_void(topic_partition, changes):
                self._note_change(topic_partition)
                self._forgotten[topic_partition] = self.changes
                self._starts[topic_partition] = offset
                self._write_starts(self._starts)

    def is_void(self, topic_partition: TopicPartition, changes: int) -> bool:
        """Whether a start offset that was collected at ``changes`` is that of a log that is no more."""
        return self._forgotten.get(topic_partition, 0) > changes

    def _note_change(self, topic_partition: TopicPartition) -> None:
        self.changes += 1
        self._changed[topic_partition] = self.changes

    def _write(self, points: dict[TopicPartition, int], starts: dict[TopicPartition, int]) -> None:
        """Write both files, and go by them from then on."""
        self._file_system.write_whole(self._points_path, encode_offsets(points))
        self._write_starts(starts)
        self._points, self._starts = points, starts
        self._stale = False

    def _write_starts(self, starts: Mapping[TopicPartition, int]) -> None:
        self._file_system.write_whole(self._starts_path, encode_offsets({tp: offset for tp, offset in starts.items() if offset > 0}))

    def _read(self, path: str) -> dict[TopicPartition, int]:
        try:
            return decode_offsets(self._file_system.read_whole(path))
        except FileNotFoundError:  # and nothing else: a disk that cannot be read does not say that there is none
            return {}
        except BadCheckpoint as error:
            self._log.warn("{path} is damaged ({error}): logs are recovered from their beginning", path=path, error=error)
            return {}


class StartOffsetWriter:
    """Makes start offsets durable: what is asked for while one write is under way is done together by the next.

    :param checkpoints: of one directory.
    """

    def __init__(self, pools: IThreadPools, checkpoints: OffsetCheckpoints) -> None:
        self._pools = pools
        self._checkpoints = checkpoints
        self._starts: dict[TopicPartition, tuple[int, int]] = {}
        self._waiting: list[Deferred[None]] = []
        self._writing = False

    def write(self, topic_partition: TopicPartition, offset: int) -> Deferred[None]:
        """Fires once a crash will not take it back, or fails with an ``OSError``."""
        before, changes = self._starts.get(topic_partition, (0, 0))
        if self._checkpoints.is_void(topic_partition, changes):
            before = 0
        self._starts[topic_partition] = (max(offset, before), self._checkpoints.changes)
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        if not self._writing:
            self._begin()
        return waiter

    def _begin(self) -> None:
        self._writing = True
        starts, self._starts = self._starts, {}
        waiting, self._waiting = self._waiting, []
        writing: Deferred[None] = self._pools.run(Pool.BACKGROUND, self._checkpoints.write_starts, starts)
        writing.addBoth(self._ended, waiting)

    def _ended(self, result: Failure | None, waiting: list[Deferred[None]]) -> None:
        self._writing = False
        if self._waiting:
            self._begin()
        for waiter in waiting:
            waiter.callback(result)
