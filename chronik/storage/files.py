"""Open files, as few as the limit allows: opened when used, closed when others are used more and nobody reads from them."""

from __future__ import annotations

from collections import OrderedDict

from chronik.storage.interfaces import IFile, IFileSystem


class SharedFile:
    """An open file that several may hold; it is closed when dropped and the last one lets go."""

    __slots__ = ("_dropped", "_holders", "file")

    def __init__(self, file: IFile) -> None:
        self.file = file
        self._holders = 0
        self._dropped = False

    def hold(self) -> SharedFile:
        """Keep it open until :meth:`let_go`."""
        self._holders += 1
        return self

    def let_go(self) -> None:
        """Need it no more."""
        self._holders -= 1
        if self._dropped and not self._holders:
            self.file.close()

    def drop(self) -> None:
        """Close it as soon as nobody holds it."""
        self._dropped = True
        if not self._holders:
            self.file.close()


class FileCache:
    """Open files by path, least recently used first out.

    :param files_max: how many are kept open, beside those that are held.
    """

    def __init__(self, file_system: IFileSystem, files_max: int) -> None:
        self._file_system = file_system
        self._files_max = files_max
        self._files: OrderedDict[str, SharedFile] = OrderedDict()

    def get(self, path: str, create: bool = False) -> SharedFile:
        """The open file of a path."""
        shared = self._files.get(path)
        if shared is not None:
            self._files.move_to_end(path)
            return shared
        shared = self._files[path] = SharedFile(self._file_system.open(path, create))
        if len(self._files) > self._files_max:
            self._files.popitem(last=False)[1].drop()
        return shared

    def forget(self, path: str) -> None:
        """The path is renamed or removed: open it no more under this name."""
        shared = self._files.pop(path, None)
        if shared is not None:
            shared.drop()

    def close(self) -> None:
        """Close all."""
        for shared in self._files.values():
            shared.drop()
        self._files.clear()
