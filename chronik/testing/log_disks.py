"""What stores under test keep their data on, and what a crash leaves of that."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from random import Random
from typing import Any, Protocol, TypeAlias

from twisted.internet.task import Clock

from chronik.storage.interfaces import IFileSystem
from chronik.storage.memory import MemoryFileSystem

Look: TypeAlias = Callable[[], None]
"""Called at moments at which a crash is worth a test."""

DATA: str = "/data"
"""The log directory on a disk in memory."""


class Disk(Protocol):
    """Where the stores of one test keep their data."""

    def make_store(self, clock: Clock) -> Any:
        """A store, not started, over what is there."""

    def crashed(self, random: Random) -> Disk:
        """Another disk with what a crash at this moment would leave of this one, which goes on.

        :param random: decides where the crash has a choice.
        """

    def watch_steps(self, look: Look | None) -> None:
        """Call ``look`` before each change and each sync of what is kept, None for no more. A disk that cannot tell never calls."""

    def close(self) -> None:
        """It is not needed any more."""


class MemoryDisk:
    """A file system in memory: a crash loses, tears and reorders what was not synced.

    :param make: a store over a file system; its log directory is :data:`DATA`.
    """

    def __init__(self, make: Callable[[IFileSystem, Clock], Any], file_system: MemoryFileSystem | None = None) -> None:
        self._make = make
        if file_system is None:
            file_system = MemoryFileSystem(Random(0))
        if not file_system.exists(DATA):
            file_system.make_directory(DATA)
            file_system.sync_file_system("/")
        self.file_system = file_system

    def make_store(self, clock: Clock) -> Any:
        """A store; see :meth:`Disk.make_store`."""
        return self._make(self.file_system, clock)

    def crashed(self, random: Random) -> MemoryDisk:
        """After a power cut; see :meth:`Disk.crashed`."""
        return MemoryDisk(self._make, self.file_system.crashed(random))

    def watch_steps(self, look: Look | None) -> None:
        """Before each write and sync; see :meth:`Disk.watch_steps`."""
        self.file_system.on_step = None if look is None else lambda operation, path: look()

    def close(self) -> None:
        """It is only memory; see :meth:`Disk.close`."""


class RealDisk:
    """A directory of this machine: a crash is only that of the process, everything written stays.

    :param make: a store over a log directory.
    """

    def __init__(self, make: Callable[[str, Clock], Any], directory: str | None = None) -> None:
        self._make = make
        self._directory = directory or tempfile.mkdtemp(prefix="chronik-disk-")

    def make_store(self, clock: Clock) -> Any:
        """A store; see :meth:`Disk.make_store`."""
        return self._make(os.path.join(self._directory, "data"), clock)

    def crashed(self, random: Random) -> RealDisk:
        """What a killed process leaves; see :meth:`Disk.crashed`."""
        target = tempfile.mkdtemp(prefix="chronik-disk-")
        return RealDisk(self._make, shutil.copytree(self._directory, target, dirs_exist_ok=True))

    def watch_steps(self, look: Look | None) -> None:
        """It cannot tell; see :meth:`Disk.watch_steps`."""

    def close(self) -> None:
        """Remove it; see :meth:`Disk.close`."""
        shutil.rmtree(self._directory, ignore_errors=True)


class NoDisk:
    """Nothing at all, for stores that keep nothing: a crash leaves what a new one has.

    :param make: a store.
    """

    def __init__(self, make: Callable[[Clock], Any]) -> None:
        self._make = make

    def make_store(self, clock: Clock) -> Any:
        """A store; see :meth:`Disk.make_store`."""
        return self._make(clock)

    def crashed(self, random: Random) -> NoDisk:
        """Another one; see :meth:`Disk.crashed`."""
        return NoDisk(self._make)

    def watch_steps(self, look: Look | None) -> None:
        """There are none; see :meth:`Disk.watch_steps`."""

    def close(self) -> None:
        """There is nothing; see :meth:`Disk.close`."""
