"""What goes wrong with a disk in memory, as a test says: refusals, a disk that is full or slow, bits that change at rest."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chronik.storage.memory_nodes import Directory, FileNode

ANY: Final = "*"
"""Every operation."""

OPERATIONS: Final = ("write", "sync", "open", "truncate", "rename", "unlink", "read", ANY)
"""What a fault may be of. ``open`` is also making a file or a directory, ``sync`` also of names, ``read`` also listing and asking for sizes."""


@dataclass(slots=True, eq=False)
class Fault:
    """Calls that fail, or take long, from now on.

    :ivar operation: one of :data:`OPERATIONS`; a failing write leaves half of its bytes behind, a failing sync loses what was to be synced.
    :ivar pattern: a path, with everything below it, or a shell pattern that the whole path must match.
    :ivar number: the ``errno`` given, 0 for a call that succeeds.
    :ivar times: how often, None until it is cleared.
    :ivar seconds: how long the call takes.
    """

    operation: str
    pattern: str
    number: int
    times: int | None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what would never happen."""
        if self.operation not in OPERATIONS:
            raise ValueError(f"{self.operation!r} is none of {', '.join(OPERATIONS)}")

    def hits(self, operation: str, path: str) -> bool:
        """Whether it is this call's turn."""
        if self.times == 0 or self.operation not in (operation, ANY):
            return False
        return path == self.pattern or path.startswith(self.pattern.rstrip("/") + "/") or fnmatchcase(path, self.pattern)


class DiskFaults:
    """The faults of one disk. What a method sets lasts until it is cleared, or all are by :meth:`heal`.

    :param find: the file or directory of a path.
    :ivar on_wait: called with the seconds that a slow call takes; a test may let time pass. Where it is None they add up for :meth:`take_wait`.
    """

    def __init__(self, find: Callable[[str], Directory | FileNode | None]) -> None:
        self._find = find
        self._faults: list[Fault] = []
        self._capacities: dict[str, int] = {}
        self._waited = 0.0
        self.on_wait: Callable[[float], None] | None = None

    # -- what tests do ------------------------------------------------------------------------------------------------

    def fail(self, operation: str, pattern: str, number: int = errno.EIO, times: int | None = None) -> Fault:
        """Let calls of an operation on matching paths fail; see :class:`Fault`."""
        return self._add(Fault(operation, pattern, number, times))

    def die(self, directory: str, number: int = errno.EIO) -> Fault:
        """Let everything on and below a directory fail: its disk is gone."""
        return self._add(Fault(ANY, directory, number, None))

    def slow(self, operation: str, pattern: str, seconds: float, times: int | None = None) -> Fault:
        """Let calls take so long; what passes on the time is :attr:`on_wait`, or pools that ask :meth:`take_wait`."""
        return self._add(Fault(operation, pattern, 0, times, seconds))

    def limit(self, directory: str, capacity_bytes: int | None) -> None:
        """How many bytes the files below a directory may have together, None for no limit; more at a later call is a disk that was given room.

        A write that does not fit leaves what does, and fails with ``ENOSPC``. No file and no directory can be made while there is no byte left.
        """
        if capacity_bytes is None:
            self._capacities.pop(directory, None)
        else:
            self._capacities[directory] = capacity_bytes

    def fill(self, directory: str) -> None:
        """Let there be no byte left below a directory."""
        self.limit(directory, self._used(directory))

    def flip(self, path: str, position: int, bit: int = 0) -> None:
        """Change a bit of a file that nobody wrote; calling again changes it back."""
        node = self._find(path)
        data: bytearray = node.data  # type: ignore[union-attr]
        data[position] ^= 1 << bit

    def clear(self, fault: Fault) -> None:
        """Let this one be over; it may be already."""
        self._faults = [known for known in self._faults if known is not fault]

    def heal(self) -> None:
        """Let nothing fail any more, nor be slow or full. Flipped bits stay, and what a failed sync lost is lost."""
        self._faults.clear()
        self._capacities.clear()

    def take_wait(self) -> float:
        """The seconds that slow calls took since this was asked last."""
        waited, self._waited = self._waited, 0.0
        return waited

    # -- what the file system asks ------------------------------------------------------------------------------------

    def step(self, operation: str, path: str) -> OSError | None:
        """A call is made: how it must fail, or None."""
        for fault in self._faults:
            if fault.hits(operation, path):
                if fault.times is not None:
                    fault.times -= 1
                self._wait(fault.seconds)
                if fault.number:
                    return OSError(fault.number, os.strerror(fault.number), path)
        return None

    def check(self, operation: str, path: str) -> None:
        """The same, raised."""
        fault = self.step(operation, path)
        if fault is not None:
            raise fault

    def room(self, path: str) -> int | None:
        """How many bytes may still be written at a path, None for any number."""
        rooms = [max(0, most - self._used(directory)) for directory, most in self._capacities.items() if _below(path, directory)]
        return min(rooms, default=None)

    def capacity(self, path: str) -> int | None:
        """How many bytes there may be in all where a path is, None for no limit."""
        return min((most for directory, most in self._capacities.items() if _below(path, directory)), default=None)

    def check_room(self, path: str) -> None:
        """A name is to be made.

        :raises OSError: ``ENOSPC``.
        """
        if self.room(path) == 0:
            raise no_room(path)

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def _used(self, directory: str) -> int:
        node = self._find(directory)
        return node.size_bytes() if node is not None else 0

    def _wait(self, seconds: float) -> None:
        if seconds and self.on_wait is not None:
            self.on_wait(seconds)
        else:
            self._waited += seconds


def no_room(path: str) -> OSError:
    """The error of a full disk."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def _below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
