"""The leader epochs of an open log, and the file that keeps them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from chronik.model import NO_EPOCH
from chronik.storage.checkpoints import EPOCHS, encode_epochs
from chronik.storage.epochs import LeaderEpochs

if TYPE_CHECKING:
    from chronik.storage.interfaces import IFileSystem
    from chronik.storage.sidefiles import SideFiles

R = TypeVar("R")


class EpochFile:
    """What changes is written now and then, not at once: until then a start finds it in the batches themselves.

    :param changed: the file lacks some of them.
    :ivar history: the epochs, changed through the methods here.
    """

    def __init__(self, history: LeaderEpochs, directory: str, file_system: IFileSystem, side_files: SideFiles, changed: bool = False) -> None:
        self.history = history
        self._path = os.path.join(directory, EPOCHS)
        self._file_system = file_system
        self._side_files = side_files
        self._noted = NO_EPOCH
        self._changed = changed
        self._writing = 0

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return self._changed

    @property
    def is_written(self) -> bool:
        """Whether the file has everything, though a crash may still take that back."""
        return not self._changed and not self._writing

    def note(self, epoch: int, offset: int) -> None:
        """What is appended at ``offset`` is of this epoch."""
        if epoch != self._noted:
            self._noted = epoch
            self._changed |= self.history.assign(epoch, offset)

    def end_at(self, offset: int) -> None:
        """The log ends at ``offset`` from here on."""
        self._noted = NO_EPOCH
        self._changed |= self.history.truncate_from_end(offset)

    def has_from(self, offset: int) -> bool:
        """Whether an epoch begins at or above ``offset``."""
        return any(start >= offset for _, start in self.history.entries()[-1:])

    def end_durably_at(self, offset: int) -> Deferred[None]:
        """No epoch begins at or above ``offset``; that lasts when this fires.

        :raises OSError: the disk refuses.
        """
        self.end_at(offset)
        return self.write_durably()

    def adopt(self, entries: Sequence[tuple[int, int]]) -> None:
        """Have the epochs of another log with the same records."""
        self._noted = NO_EPOCH
        self.history = LeaderEpochs(entries)
        self._changed = True

    def begin_at(self, offset: int) -> None:
        """The log begins at ``offset`` from here on."""
        self._noted = NO_EPOCH
        self._changed |= self.history.truncate_from_start(offset)

    def write_durably(self) -> Deferred[None]:
        """Write the file, whole; it lasts when this fires.

        :raises OSError: the disk refuses.
        """
        return self._write(self._file_system.write_whole)

    def write_if_changed(self) -> Deferred[None]:
        """Write the file if there is anything new; it lasts from the next checkpoint on.

        :raises OSError: the disk refuses; it is tried again the next time.
        """
        return self._write(self._side_files.replace) if self._changed else succeed(None)

    def _write(self, write: Callable[[str, bytes], None]) -> Deferred[None]:
        self._changed = False
        self._writing += 1
        return self._side_files.run(write, self._path, encode_epochs(self.history.entries())).addBoth(self._given)

    def _given(self, result: R) -> R:
        self._writing -= 1
        self._changed |= isinstance(result, Failure)
        return result
