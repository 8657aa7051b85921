"""The file system of the machine, as :class:`~chronik.storage.interfaces.IFileSystem`."""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import fcntl
import functools
import os
import shutil
from collections.abc import Callable, Sequence
from typing import Final

from zope.interface import implementer

from chronik.config.secret_files import exposure
from chronik.storage.interfaces import IFile, IFileSystem, ILock

IOV_MAX: Final = 1024
"""Buffers one ``pwritev`` takes on Linux."""

_TEMPORARY: Final = ".tmp"


@implementer(IFile)
class RealFile:
    """An open file.

    :param path: for messages.
    """

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def pwritev(self, buffers: Sequence[bytes | memoryview], position: int) -> int:
        """Write all buffers; see :meth:`IFile.pwritev`."""
        total = sum(map(len, buffers))
        if len(buffers) <= IOV_MAX:
            written = os.pwritev(self._descriptor, buffers, position)
            if written == total:
                return total
        self._write_rest(b"".join(buffers), position)
        return total

    def _write_rest(self, data: bytes, position: int) -> None:
        """A short write means a full disk or a signal: the next try tells which."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, position)
            view = view[written:]
            position += written

    def pread(self, count: int, position: int) -> bytes:
        """Read; see :meth:`IFile.pread`."""
        data = os.pread(self._descriptor, count, position)
        if len(data) == count or not data:
            return data
        parts = [data]
        while data and sum(map(len, parts)) < count:
            data = os.pread(self._descriptor, count - sum(map(len, parts)), position + sum(map(len, parts)))
            parts.append(data)
        return b"".join(parts)

    def pread_cached(self, count: int, position: int) -> bytes | None:
        """Read what is in memory; see :meth:`IFile.pread_cached`."""
        buffer = bytearray(count)
        try:
            got = os.preadv(self._descriptor, [buffer], position, _RWF_NOWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.EINVAL):
                return self.pread(count, position)
            raise
        return bytes(buffer) if got == count else bytes(memoryview(buffer)[:got])

    def fdatasync(self) -> None:
        """Make it durable; see :meth:`IFile.fdatasync`."""
        _fdatasync(self._descriptor)

    def drop_cache(self) -> None:
        """Let reads come from the disk; see :meth:`IFile.drop_cache`."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def truncate(self, size: int) -> None:
        """Cut it off; see :meth:`IFile.truncate`."""
        os.ftruncate(self._descriptor, size)

    def size(self) -> int:
        """Its size; see :meth:`IFile.size`."""
        return os.fstat(self._descriptor).st_size

    def fileno(self) -> int | None:
        """Its descriptor; see :meth:`IFile.fileno`."""
        return self._descriptor

    def close(self) -> None:
        """Release it; see :meth:`IFile.close`."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


@implementer(ILock)
class RealLock:
    """A lock file that is held."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it back; see :meth:`ILock.release`."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


@implementer(IFileSystem)
class RealFileSystem:
    """Files and directories of this machine."""

    def open(self, path: str, create: bool = False) -> RealFile:
        """Open a file; see :meth:`IFileSystem.open`."""
        return RealFile(path, os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o644))

    def exists(self, path: str) -> bool:
        """Whether it is there; see :meth:`IFileSystem.exists`."""
        return os.path.lexists(path)

    def is_directory(self, path: str) -> bool:
        """Whether it is a directory; see :meth:`IFileSystem.is_directory`."""
        return os.path.isdir(path)

    def size(self, path: str) -> int:
        """A file's size; see :meth:`IFileSystem.size`."""
        return os.stat(path).st_size

    def list(self, path: str) -> list[str]:
        """Names in a directory; see :meth:`IFileSystem.list`."""
        return sorted(os.listdir(path))

    def make_directory(self, path: str) -> None:
        """Create a directory; see :meth:`IFileSystem.make_directory`."""
        os.makedirs(path, exist_ok=True)

    def rename(self, source: str, target: str) -> None:
        """Rename; see :meth:`IFileSystem.rename`."""
        os.rename(source, target)

    def unlink(self, path: str) -> None:
        """Remove a file; see :meth:`IFileSystem.unlink`."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass

    def remove_tree(self, path: str) -> None:
        """Remove a directory; see :meth:`IFileSystem.remove_tree`."""
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            pass

    def sync_directory(self, path: str) -> None:
        """Make names durable; see :meth:`IFileSystem.sync_directory`."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync_file_system(self, path: str) -> None:
        """Make everything durable; see :meth:`IFileSystem.sync_file_system`."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _syncfs()(descriptor)
        finally:
            os.close(descriptor)

    def write_whole(self, path: str, data: bytes, private: bool = False) -> None:
        """Replace a small file; see :meth:`IFileSystem.write_whole`."""
        temporary = path + _TEMPORARY
        if private:
            self.unlink(temporary)  # one that a crash left behind keeps its mode
        file = RealFile(temporary, os.open(temporary, os.O_RDWR | os.O_CLOEXEC | os.O_CREAT, 0o600 if private else 0o644))
        try:
            file.truncate(0)
            file.pwritev([data], 0)
            file.fdatasync()
        finally:
            file.close()
        os.rename(temporary, path)
        self.sync_directory(os.path.dirname(path))

    def read_whole(self, path: str) -> bytes:
        """Read a small file; see :meth:`IFileSystem.read_whole`."""
        with open(path, "rb") as file:
            return file.read()

    def exposure(self, path: str) -> str | None:
        """Who else may use a file; see :meth:`IFileSystem.exposure`."""
        return exposure(path)

    def free_bytes(self, path: str) -> int:
        """Room left; see :meth:`IFileSystem.free_bytes`."""
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize

    def total_bytes(self, path: str) -> int:
        """Size of the file system; see :meth:`IFileSystem.total_bytes`."""
        status = os.statvfs(path)
        return status.f_blocks * status.f_frsize

    def lock(self, path: str) -> RealLock:
        """Take a lock file; see :meth:`IFileSystem.lock`."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(descriptor)
            raise
        return RealLock(descriptor)


_RWF_NOWAIT: Final[int] = getattr(os, "RWF_NOWAIT", 0)


def _fdatasync(descriptor: int) -> None:
    """``fdatasync``, or the strongest sync there is where the system has none of this name (macOS)."""
    full: int | None = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        fcntl.fcntl(descriptor, full)
    else:
        os.fdatasync(descriptor)


@functools.cache
def _syncfs() -> Callable[[int], None]:
    """``syncfs`` of the C library, which Python does not have; it releases the GIL. Elsewhere ``sync``."""
    library = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
    if not hasattr(library, "syncfs"):
        return lambda descriptor: os.sync()

    def syncfs(descriptor: int) -> None:
        if library.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"syncfs: {os.strerror(number)}")

    return syncfs
