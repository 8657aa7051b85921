"""Open files, as few as the limit allows: opened when used, closed when others are used more and nobody reads from them.

Threads and the reactor share them, so whoever uses a file holds it meanwhile: a descriptor that is closed under somebody's hands may be another
file's a moment later.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from chronik.storage.interfaces import IFile, IFileSystem


class SharedFile:
    """An open file that several may hold; it is closed when dropped and the last one lets go. ``with`` lets go of it at the end.

    :param lock: of the cache it belongs to.
    :ivar used: whether it was held again since the cache last looked.
    """

    __slots__ = ("_dropped", "_holders", "_lock", "file", "used")

    def __init__(self, file: IFile, lock: threading.Lock) -> None:
        self.file = file
        self._lock = lock
        self._holders = 0
        self._dropped = False
        self.used = False

    def __enter__(self) -> IFile:
        """The file; it was held already."""
        return self.file

    def __exit__(self, *exc: object) -> None:
        """Let go."""
        self.let_go()

    def hold(self) -> SharedFile:
        """Keep it open until :meth:`let_go`."""
        with self._lock:
            self._holders += 1
        return self

    def hold_again(self) -> bool:
        """Hold it unless it was dropped since; whether it is held."""
        with self._lock:
            if self._dropped:
                return False
            self._holders += 1
            self.used = True
        return True

    def let_go(self) -> None:
        """Need it no more."""
        with self._lock:
            self._holders -= 1
            close = self._dropped and not self._holders
        if close:
            self.file.close()

    def drop(self) -> None:
        """Close it as soon as nobody holds it."""
        with self._lock:
            close = not self._dropped and not self._holders
            self._dropped = True
        if close:
            self.file.close()


class FileCache:
    """Open files by path; when they are too many, the oldest that was not used since the last look goes. Any thread may call.

    That is as good as closing the least recently used, and whoever keeps a file by him need not come here to use it again.

    :param files_max: how many are kept open, beside those that are held.
    """

    def __init__(self, file_system: IFileSystem, files_max: int) -> None:
        self._file_system = file_system
        self._files_max = files_max
        self._files: OrderedDict[str, SharedFile] = OrderedDict()
        self._lock = threading.Lock()
        self._forgotten = 0

    def hold(self, path: str, create: bool = False) -> SharedFile:
        """The open file of a path, held: the caller lets go of it.

        :raises OSError: it cannot be opened.
        """
        with self._lock:
            shared = self._files.get(path)
            forgotten = self._forgotten
        if shared is not None and shared.hold_again():
            return shared
        opened = SharedFile(self._file_system.open(path, create), self._lock).hold()
        with self._lock:
            kept = path not in self._files and forgotten == self._forgotten
            surplus = self._take_surplus() if kept and len(self._files) >= self._files_max else None
            if kept:
                self._files[path] = opened
        if not kept:
            # Another thread was quicker, or a name changed its meaning meanwhile: this one serves its caller only.
            opened.drop()
        if surplus is not None:
            surplus.drop()
        return opened

    def _take_surplus(self) -> SharedFile | None:
        """The file to close before another is kept; with the lock held."""
        while self._files:
            path, shared = self._files.popitem(last=False)
            if not shared.used:
                return shared
            shared.used = False
            self._files[path] = shared
        return None

    def is_open(self, path: str) -> bool:
        """Whether :meth:`hold` would find it open."""
        return path in self._files

    def forget(self, path: str) -> None:
        """The path is renamed, removed or made anew: what is open is no more found under this name."""
        with self._lock:
            self._forgotten += 1
            shared = self._files.pop(path, None)
        if shared is not None:
            shared.drop()

    def close(self) -> None:
        """Close all."""
        with self._lock:
            files, self._files = list(self._files.values()), OrderedDict()
        for shared in files:
            shared.drop()
