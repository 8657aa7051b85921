"""A disk in memory that counts what is done to it, can stop the machine or fail at any step, and loses what was not synced."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from chronik.defer import IWorker
from chronik.storage.interfaces import IFile, ILock

T = TypeVar("T")


class PowerCut(BaseException):
    """The machine stopped."""


@implementer(IWorker)
class MachineWorker:
    """Does its work at once, until the machine stops: then nothing answers any more.

    :ivar stopped: whether it did.
    """

    def __init__(self) -> None:
        self.stopped = False

    def run(self, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run it, unless the machine stopped or stops now."""
        if self.stopped:
            return Deferred()
        try:
            return succeed(function(*args))
        except PowerCut:
            self.stopped = True
            return Deferred()
        except Exception:  # noqa: BLE001  it becomes a Failure
            return fail()

    def close(self) -> Deferred[None]:
        """There is nothing to end."""
        return succeed(None)


class Content:
    """What a file holds now, and what of it was synced."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.synced = b""

    def after_crash(self, way: str) -> None:
        """Keep all, only what was synced, or of the rest only its first or second half."""
        lost, start = bytes(self.data), _first_difference(self.data, self.synced)
        middle = start + (len(lost) - start) // 2
        if way == "lost":
            lost = self.synced
        elif way == "first half":
            lost = lost[:middle]
        elif way == "second half":
            lost = lost[:start] + bytes(middle - start) + lost[middle:]
        self.data, self.synced = bytearray(lost), lost


def _first_difference(one: bytes | bytearray, other: bytes | bytearray) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


class Disk:
    """The file system. Only what a metadata store needs of ``IFileSystem``.

    :ivar steps: how many changes were made so far.
    :ivar cut_at: the machine stops before the change of this number.
    :ivar failing: methods that fail from now on, with the errno.
    """

    def __init__(self) -> None:
        self.names: dict[str, Content] = {}
        self.synced_names: dict[str, Content] = {}
        self.locks: set[str] = set()
        self.steps = 0
        self.cut_at = -1
        self.failing: dict[str, int] = {}

    def step(self, what: str) -> None:
        """Count, stop or fail."""
        self.steps += 1
        if self.steps == self.cut_at:
            raise PowerCut
        if what in self.failing:
            raise OSError(self.failing[what], what)

    def crash(self, way: str) -> None:
        """The machine starts again: without ``way == "kept"`` unsynced names are gone too."""
        if way != "kept":
            self.names = dict(self.synced_names)
        for content in self.names.values():
            content.after_crash(way)
        self.synced_names = dict(self.names)
        self.locks.clear()
        self.cut_at = -1

    def make_directory(self, path: str) -> None:
        """Directories are always there."""
        self.step("make_directory")

    def exists(self, path: str) -> bool:
        """Whether a file has the name."""
        return path in self.names

    def open(self, path: str, create: bool = False) -> OpenFile:
        """Open or create."""
        if path not in self.names:
            if not create:
                raise FileNotFoundError(errno.ENOENT, path)
            self.step("create")
            self.names[path] = Content()
        return OpenFile(self, self.names[path])

    def unlink(self, path: str) -> None:
        """Forget the name."""
        self.step("unlink")
        self.names.pop(path, None)

    def rename(self, source: str, target: str) -> None:
        """Move the name."""
        self.step("rename")
        self.names[target] = self.names.pop(source)

    def write_whole(self, path: str, data: bytes) -> None:
        """Replace a file."""
        file = self.open(path + ".tmp", create=True)
        file.truncate(0)
        file.pwritev([data], 0)
        file.fdatasync()
        self.rename(path + ".tmp", path)
        self.sync_directory(path)

    def sync_directory(self, path: str) -> None:
        """Names survive from now on."""
        self.step("sync_directory")
        self.synced_names = dict(self.names)

    def lock(self, path: str) -> Lock:
        """Take the lock."""
        if path in self.locks:
            raise BlockingIOError(errno.EAGAIN, path)
        self.locks.add(path)
        return Lock(self, path)


@implementer(ILock)
class Lock:
    """A hold on a directory."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk, self._path = disk, path

    def release(self) -> None:
        """Let go."""
        self._disk.locks.discard(self._path)


@implementer(IFile)
class OpenFile:
    """An open file."""

    def __init__(self, disk: Disk, content: Content) -> None:
        self._disk, self._content = disk, content

    def pwritev(self, buffers: Sequence[bytes | memoryview], position: int) -> int:
        """Write; a failing write leaves half of it."""
        whole = b"".join(buffers)
        data = self._content.data
        try:
            self._disk.step("pwritev")
        except (OSError, PowerCut):
            data[position : position + len(whole) // 2] = whole[: len(whole) // 2]
            raise
        data.extend(bytes(max(0, position - len(data))))
        data[position : position + len(whole)] = whole
        return len(whole)

    def pread(self, count: int, position: int) -> bytes:
        """Read."""
        return bytes(self._content.data[position : position + count])

    def pread_cached(self, count: int, position: int) -> bytes | None:
        """Read."""
        return self.pread(count, position)

    def fdatasync(self) -> None:
        """What is there survives from now on."""
        self._disk.step("fdatasync")
        self._content.synced = bytes(self._content.data)

    def drop_cache(self) -> None:
        """There is none."""

    def truncate(self, size: int) -> None:
        """Cut."""
        self._disk.step("truncate")
        del self._content.data[size:]

    def size(self) -> int:
        """Bytes."""
        return len(self._content.data)

    def fileno(self) -> None:
        """There is none."""

    def close(self) -> None:
        """There is nothing to release."""
