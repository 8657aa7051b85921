"""The two checkpoint files of a log directory: up to where each log is on disk, and from where on it may be read."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from twisted.logger import Logger

from chronik.storage.checkpoints import RECOVERY_POINTS, START_OFFSETS, BadCheckpoint, decode_offsets, encode_offsets

if TYPE_CHECKING:
    from chronik.model import TopicPartition
    from chronik.storage.interfaces import IFileSystem


class OffsetCheckpoints:
    """What the files say. Methods block and may be called from any thread.

    A recovery point that is too low costs time at the next start; one that is too high would make a truncated log look damaged. So it is lowered
    before a log is truncated, and what was collected before that is not written after it.

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
        self.changes = 0

    def load(self) -> None:
        """Read both files; a damaged one counts as empty."""
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
            for known, given in ((self._points, points), (self._starts, starts)):
                known.update((tp, offset) for tp, offset in given.items() if self._changed.get(tp, 0) <= changes)
            self._file_system.sync_file_system(self._directory)
            self._write()

    def lower(self, topic_partition: TopicPartition, offset: int) -> None:
        """The log is about to end at ``offset``."""
        with self._lock:
            self._note_change(topic_partition)
            if self._points.get(topic_partition, 0) > offset:
                self._points[topic_partition] = offset
                self._write()

    def forget(self, topic_partition: TopicPartition) -> None:
        """The log is gone; another of its name must not get its offsets."""
        with self._lock:
            self._note_change(topic_partition)
            known = [offsets.pop(topic_partition, None) for offsets in (self._points, self._starts)]
            if known != [None, None]:
                self._write()

    def _note_change(self, topic_partition: TopicPartition) -> None:
        self.changes += 1
        self._changed[topic_partition] = self.changes

    def _write(self) -> None:
        self._file_system.write_whole(self._points_path, encode_offsets(self._points))
        self._file_system.write_whole(self._starts_path, encode_offsets({tp: offset for tp, offset in self._starts.items() if offset > 0}))

    def _read(self, path: str) -> dict[TopicPartition, int]:
        if not self._file_system.exists(path):
            return {}
        try:
            return decode_offsets(self._file_system.read_whole(path))
        except BadCheckpoint as error:
            self._log.warn("{path} is damaged ({error}): logs are recovered from their beginning", path=path, error=error)
            return {}
