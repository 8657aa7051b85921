"""A file system in memory: for logs that need not last, and for tests that stop the machine.

It keeps apart what was written and what was synced, so that :meth:`MemoryFileSystem.crash` can lose, tear and reorder the rest as a real disk does:
writes last once their file is synced; names last once their directory is.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from zope.interface import implementer

from chronik.storage.interfaces import IFile, IFileSystem, ILock
from chronik.storage.memory_faults import DiskFaults, no_room
from chronik.storage.memory_nodes import Directory, FileNode, NameChange, crashed_directory

CAPACITY_BYTES: Final = 1 << 40
"""The size it claims to have."""


@implementer(IFile)
class MemoryFile:
    """An open file of a :class:`MemoryFileSystem`; of no use after a crash."""

    __slots__ = ("_boot", "_system", "node", "path")

    def __init__(self, system: MemoryFileSystem, path: str, node: FileNode) -> None:
        self._system = system
        self._boot = system.boots
        self.path = path
        self.node = node

    def _check(self) -> None:
        if self._boot != self._system.boots:
            raise OSError(errno.EBADF, "the file was closed, or open when the machine stopped", self.path)

    def pwritev(self, buffers: Sequence[bytes | memoryview], position: int) -> int:
        """Write all buffers; see :meth:`IFile.pwritev`."""
        data = b"".join(buffers)
        system = self._system
        with system.lock_all:
            self._check()
            fault = system.step("write", self.path)
            if fault is not None:
                self.node.write(data[: len(data) // 2], position)
                raise fault
            system.check_growth(self.path, self.node, data, position)
            self.node.write(data, position)
        return len(data)

    def pread(self, count: int, position: int) -> bytes:
        """Read; see :meth:`IFile.pread`."""
        with self._system.lock_all:
            self._check()
            self._system.faults.check("read", self.path)
            self._system.bytes_read += max(0, min(count, len(self.node.data) - position))
            return bytes(self.node.data[position : position + max(count, 0)])

    def pread_cached(self, count: int, position: int) -> bytes | None:
        """Read unless the file system plays cold; see :meth:`IFile.pread_cached`."""
        return None if self._system.cold else self.pread(count, position)

    def fdatasync(self) -> None:
        """Make it durable; see :meth:`IFile.fdatasync`."""
        system = self._system
        with system.lock_all:
            self._check()
            system.file_syncs += 1
            fault = system.step("sync", self.path)
            if fault is not None:
                self.node.lose()
                raise fault
            self.node.sync()

    def drop_cache(self) -> None:
        """Show what a failed sync lost as lost; see :meth:`IFile.drop_cache`."""
        with self._system.lock_all:
            self._check()
            self.node.drop_cache()

    def truncate(self, size: int) -> None:
        """Cut it off; see :meth:`IFile.truncate`."""
        with self._system.lock_all:
            self._check()
            self._system.check("truncate", self.path)
            self.node.truncate(size)

    def size(self) -> int:
        """Its size; see :meth:`IFile.size`."""
        self._check()
        return len(self.node.data)

    def fileno(self) -> None:
        """It has no descriptor; see :meth:`IFile.fileno`."""
        return

    def close(self) -> None:
        """Release it; see :meth:`IFile.close`."""
        self._boot = -1


@implementer(ILock)
class MemoryLock:
    """A lock of a path."""

    def __init__(self, held: set[str], path: str) -> None:
        self._held = held
        self._path: str | None = path

    def release(self) -> None:
        """Give it back; see :meth:`ILock.release`."""
        if self._path is not None:
            self._held.discard(self._path)
            self._path = None


@implementer(IFileSystem)
class MemoryFileSystem:
    """Files and directories in memory.

    :param random: decides what a crash keeps. Without it nothing is remembered for one and no crash can be asked for, which is quicker.
    :ivar faults: what goes wrong with it.
    :ivar boots: crashes so far; files opened before are closed.
    :ivar cold: whether ``pread_cached`` never finds anything.
    :ivar on_step: called before each change and sync with ``(operation, path)``; a test may look, or take a :meth:`crashed` copy.
    :ivar mounts: directories that are file systems of their own: a sync of one brings nothing of another to disk.
    :ivar file_syncs: calls of ``fdatasync``.
    :ivar directory_syncs: calls of ``sync_directory``.
    :ivar system_syncs: calls of ``sync_file_system``.
    :ivar opens: files opened.
    :ivar bytes_read: of open files.
    """

    def __init__(self, random: Random | None = None) -> None:
        self._random = random
        self._root = Directory()
        self._locks: set[str] = set()
        self.lock_all = threading.RLock()
        self.faults = DiskFaults(self._find)
        self.boots = 0
        self.cold = False
        self.on_step: Callable[[str, str], None] | None = None
        self.mounts: tuple[str, ...] = ()
        self.file_syncs = self.directory_syncs = self.system_syncs = self.opens = self.bytes_read = 0

    # -- what tests do to it ------------------------------------------------------------------------------------------

    def crash(self) -> None:
        """Stop the machine: what was not synced is kept, lost or torn at random; open files and locks are gone."""
        with self.lock_all:
            self._root = self.crashed(self._needed_random())._root
            self._locks = set()
            self.boots += 1

    def kill(self) -> None:
        """End the process: open files and locks are gone, everything that was written stays."""
        with self.lock_all:
            self._locks = set()
            self.boots += 1

    def crashed(self, random: Random) -> MemoryFileSystem:
        """Another file system with what a crash at this moment would leave of this one, which goes on."""
        self._needed_random()
        with self.lock_all:
            other = MemoryFileSystem(random)
            other.mounts = self.mounts
            other._root = crashed_directory(self._root, random)
            return other

    def fail(self, operation: str, pattern: str, number: int = errno.EIO, times: int = 1) -> None:
        """Let the next calls of an operation on matching paths fail; see :meth:`DiskFaults.fail`."""
        self.faults.fail(operation, pattern, number, times)

    def heal(self) -> None:
        """Let nothing fail any more; see :meth:`DiskFaults.heal`."""
        self.faults.heal()

    def _needed_random(self) -> Random:
        if self._random is None:
            raise ValueError("a file system that may crash is made with a source of randomness")
        return self._random

    def step(self, operation: str, path: str) -> OSError | None:
        """Something is about to be changed or synced; how it must fail, or None."""
        if self.on_step is not None:
            self.on_step(operation, path)
        return self.faults.step(operation, path)

    def check(self, operation: str, path: str) -> None:
        """The same, raised."""
        fault = self.step(operation, path)
        if fault is not None:
            raise fault

    def check_growth(self, path: str, node: FileNode, data: bytes, position: int) -> None:
        """A file is about to be written to: if it would outgrow the disk, write what fits.

        :raises OSError: ``ENOSPC``.
        """
        room = self.faults.room(path)
        fits = None if room is None else len(node.data) + room - position
        if fits is not None and fits < len(data):
            node.write(data[: max(0, fits)], position)
            raise no_room(path)

    # -- names --------------------------------------------------------------------------------------------------------

    def _find(self, path: str) -> Directory | FileNode | None:
        node: Directory | FileNode | None = self._root
        for name in path.strip("/").split("/"):
            if not name:
                continue
            if not isinstance(node, Directory):
                return None
            node = node.entries.get(name)
        return node

    def _needed(self, path: str) -> Directory | FileNode:
        node = self._find(path)
        if node is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return node

    def _directory(self, path: str) -> Directory:
        node = self._needed(path)
        if not isinstance(node, Directory):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return node

    def _file(self, path: str) -> FileNode:
        node = self._needed(path)
        if isinstance(node, Directory):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        return node

    def _change(self, parent: Directory, *changes: NameChange) -> None:
        parent.change(changes, remember=self._random is not None)

    def open(self, path: str, create: bool = False) -> MemoryFile:
        """Open a file; see :meth:`IFileSystem.open`."""
        with self.lock_all:
            self.opens += 1
            self.check("open", path)
            if create and self._find(path) is None:
                self.faults.check_room(path)
                parent, name = os.path.split(path)
                directory = self._directory(parent)
                self._change(directory, NameChange(directory, name, FileNode(remember=self._random is not None)))
            return MemoryFile(self, path, self._file(path))

    def exists(self, path: str) -> bool:
        """Whether it is there; see :meth:`IFileSystem.exists`."""
        with self.lock_all:
            return self._find(path) is not None

    def is_directory(self, path: str) -> bool:
        """Whether it is a directory; see :meth:`IFileSystem.is_directory`."""
        with self.lock_all:
            return isinstance(self._find(path), Directory)

    def size(self, path: str) -> int:
        """A file's size; see :meth:`IFileSystem.size`."""
        with self.lock_all:
            self.faults.check("read", path)
            return len(self._file(path).data)

    def list(self, path: str) -> list[str]:
        """Names in a directory; see :meth:`IFileSystem.list`."""
        with self.lock_all:
            self.faults.check("read", path)
            return sorted(self._directory(path).entries)

    def make_directory(self, path: str) -> None:
        """Create a directory; see :meth:`IFileSystem.make_directory`."""
        with self.lock_all:
            node = self._root
            for name in filter(None, path.split("/")):
                child = node.entries.get(name)
                if child is None:
                    self.check("open", path)
                    self.faults.check_room(path)
                    child = Directory()
                    self._change(node, NameChange(node, name, child))
                if not isinstance(child, Directory):
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
                node = child

    def rename(self, source: str, target: str) -> None:
        """Rename; see :meth:`IFileSystem.rename`."""
        with self.lock_all:
            self.check("rename", source)
            node = self._needed(source)
            before, after = (self._directory(os.path.dirname(path)) for path in (source, target))
            replaced = after.entries.get(os.path.basename(target))
            if isinstance(replaced, Directory) and replaced.entries:
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), target)
            self._change(after, NameChange(before, os.path.basename(source), None), NameChange(after, os.path.basename(target), node))

    def unlink(self, path: str) -> None:
        """Remove a file; see :meth:`IFileSystem.unlink`."""
        with self.lock_all:
            self.check("unlink", path)
            if self._find(path) is not None:
                self._file(path)
                self._remove(path)

    def remove_tree(self, path: str) -> None:
        """Remove a directory; see :meth:`IFileSystem.remove_tree`."""
        with self.lock_all:
            self.check("unlink", path)
            if self._find(path) is not None:
                self._directory(path)
                self._remove(path)

    def _remove(self, path: str) -> None:
        directory = self._directory(os.path.dirname(path))
        self._change(directory, NameChange(directory, os.path.basename(path), None))

    # -- what lasts ---------------------------------------------------------------------------------------------------

    def sync_directory(self, path: str) -> None:
        """Make names durable; see :meth:`IFileSystem.sync_directory`."""
        with self.lock_all:
            self.directory_syncs += 1
            self.check("sync", path)
            self._directory(path).sync()

    def sync_file_system(self, path: str) -> None:
        """Make everything durable; see :meth:`IFileSystem.sync_file_system`."""
        with self.lock_all:
            self.system_syncs += 1
            fault = self.step("sync", path)
            mount = next((mount for mount in self.mounts if f"{path}/".startswith(f"{mount}/")), None)
            synced = self._root if mount is None else self._directory(mount)
            if fault is not None:
                synced.lose_all()
                raise fault
            self._needed(path)
            synced.sync_all()

    def write_whole(self, path: str, data: bytes, private: bool = False) -> None:
        """Replace a small file; see :meth:`IFileSystem.write_whole`."""
        temporary = path + ".tmp"
        file = self.open(temporary, create=True)
        file.truncate(0)
        file.pwritev([data], 0)
        file.fdatasync()
        file.close()
        self.rename(temporary, path)
        self.sync_directory(os.path.dirname(path))

    def read_whole(self, path: str) -> bytes:
        """Read a small file; see :meth:`IFileSystem.read_whole`."""
        with self.lock_all:
            self.faults.check("read", path)
            return bytes(self._file(path).data)

    def exposure(self, path: str) -> str | None:
        """Nobody else has this memory; see :meth:`IFileSystem.exposure`."""
        with self.lock_all:
            self._needed(path)
            return None

    def free_bytes(self, path: str) -> int:
        """Room left; see :meth:`IFileSystem.free_bytes`."""
        with self.lock_all:
            self.faults.check("read", path)
            room = self.faults.room(path)
            return CAPACITY_BYTES - self._root.size_bytes() if room is None else room

    def total_bytes(self, path: str) -> int:
        """Size of the file system; see :meth:`IFileSystem.total_bytes`."""
        with self.lock_all:
            self.faults.check("read", path)
            capacity = self.faults.capacity(path)
            return CAPACITY_BYTES if capacity is None else capacity

    def lock(self, path: str) -> MemoryLock:
        """Take a lock file; see :meth:`IFileSystem.lock`."""
        with self.lock_all:
            self.open(path, create=True).close()
            if path in self._locks:
                raise BlockingIOError(errno.EWOULDBLOCK, "another holds the lock", path)
            self._locks.add(path)
            return MemoryLock(self._locks, path)
