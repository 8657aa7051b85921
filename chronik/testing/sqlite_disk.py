"""SQLite databases on an :class:`~chronik.storage.interfaces.IFileSystem`: what a store of SQLite's leaves when the machine stops.

SQLite reaches its files through a table of functions, its VFS. The one here writes, syncs and removes by the calls of an ``IFileSystem``, in the
order and with the syncs that SQLite itself decides on. So a :class:`~chronik.storage.memory.MemoryFileSystem` can lose or tear what was not synced,
or refuse. Locks and shared memory are kept here: they belong to a process and are gone after a crash.

The interface is SQLite's (https://www.sqlite.org/vfs.html, ``sqlite3_vfs`` and ``sqlite3_io_methods`` in ``sqlite3.h``).
"""

from __future__ import annotations

import atexit
import ctypes
import errno
import itertools
import os
import sqlite3
import traceback
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_int, c_int64, c_void_p
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar, Final, TypeAlias
from urllib.parse import quote

from chronik.storage.interfaces import IFile, IFileSystem

VFS_NAME: Final = "chronik-disk"

_OK, _BUSY, _NOT_FOUND, _FULL, _CANNOT_OPEN, _IO_ERROR, _SHORT_READ = 0, 5, 12, 13, 14, 10, 522
_OPEN_CREATE, _OPEN_SUPER_JOURNAL, _OPEN_MAIN_JOURNAL, _OPEN_WAL = 0x4, 0x4000, 0x800, 0x80000
_SHARED, _RESERVED, _PENDING, _EXCLUSIVE = 1, 2, 3, 4
_SHM_UNLOCK, _SHM_SHARED = 1, 4
_SECTOR_BYTES: Final = 4096
_POWERSAFE_OVERWRITE: Final = 0x1000
"""What SQLite's own VFS for Unix says of disks: bytes beside those written are safe."""
_PATH_BYTES_MAX: Final = 512


class Unavailable(Exception):
    """This Python's SQLite has no way in for a VFS of ours."""


@dataclass(slots=True)
class _SharedMemory:
    """What the connections of one database share: locks, and the index of its write-ahead log."""

    levels: dict[int, int] = field(default_factory=dict)
    regions: list[Any] = field(default_factory=list)
    readers: dict[int, set[int]] = field(default_factory=dict)
    writers: dict[int, int] = field(default_factory=dict)
    mapped: set[int] = field(default_factory=set)

    def lock(self, handle: int, level: int) -> bool:
        """Take a lock of the database file, of SQLite's five levels; whether it was to be had."""
        others = [held for other, held in self.levels.items() if other != handle]
        highest = max(others, default=0)
        if level == _SHARED and highest >= _PENDING or level == _RESERVED and highest >= _RESERVED:
            return False
        if level == _EXCLUSIVE and highest >= _SHARED:
            if highest < _RESERVED:
                self.levels[handle] = _PENDING
            return False
        self.levels[handle] = max(level, self.levels.get(handle, 0))
        return True

    def lock_slots(self, handle: int, slots: range, shared: bool) -> bool:
        """Take locks of the shared memory; whether they were to be had."""
        for slot in slots:
            if self.writers.get(slot, handle) != handle or (not shared and self.readers.get(slot, set()) - {handle}):
                return False
        for slot in slots:
            if shared:
                self.readers.setdefault(slot, set()).add(handle)
            else:
                self.writers[slot] = handle
        return True

    def unlock_slots(self, handle: int, slots: range) -> None:
        """Give them back."""
        for slot in slots:
            self.readers.get(slot, set()).discard(handle)
            if self.writers.get(slot) == handle:
                del self.writers[slot]

    def unmap(self, handle: int) -> None:
        """A connection uses it no more."""
        self.unlock_slots(handle, range(8))
        self.mapped.discard(handle)
        if not self.mapped:
            self.regions.clear()


@dataclass(slots=True)
class _Disk:
    """A file system that databases are on."""

    file_system: IFileSystem
    memory: dict[str, _SharedMemory] = field(default_factory=dict)


@dataclass(slots=True)
class _OpenFile:
    """A file that SQLite has open.

    :ivar new_name: the directory must be synced with it, as SQLite does for journals that it made.
    """

    disk: _Disk
    path: str
    file: IFile
    shared: _SharedMemory
    new_name: bool


class _File(Structure):
    """SQLite's ``sqlite3_file``, and which of ours it is."""

    _fields_: ClassVar = [("methods", c_void_p), ("handle", c_int64)]


_FileP: TypeAlias = Any
_METHODS: Final = (
    ("close", (POINTER(_File),)),
    ("read", (POINTER(_File), c_void_p, c_int, c_int64)),
    ("write", (POINTER(_File), c_void_p, c_int, c_int64)),
    ("truncate", (POINTER(_File), c_int64)),
    ("sync", (POINTER(_File), c_int)),
    ("file_size", (POINTER(_File), POINTER(c_int64))),
    ("lock", (POINTER(_File), c_int)),
    ("unlock", (POINTER(_File), c_int)),
    ("check_reserved_lock", (POINTER(_File), POINTER(c_int))),
    ("file_control", (POINTER(_File), c_int, c_void_p)),
    ("sector_size", (POINTER(_File),)),
    ("device_characteristics", (POINTER(_File),)),
    ("shm_map", (POINTER(_File), c_int, c_int, c_int, POINTER(c_void_p))),
    ("shm_lock", (POINTER(_File), c_int, c_int, c_int)),
    ("shm_barrier", (POINTER(_File),)),
    ("shm_unmap", (POINTER(_File), c_int)),
)
"""``sqlite3_io_methods`` of version 2 in its order."""

_CALLS: Final = (
    ("open", (c_void_p, c_char_p, POINTER(_File), c_int, POINTER(c_int))),
    ("delete", (c_void_p, c_char_p, c_int)),
    ("access", (c_void_p, c_char_p, c_int, POINTER(c_int))),
    ("full_path", (c_void_p, c_char_p, c_int, POINTER(c_char))),
    ("dl_open", None),
    ("dl_error", None),
    ("dl_symbol", None),
    ("dl_close", None),
    ("randomness", (c_void_p, c_int, POINTER(c_char))),
    ("sleep", (c_void_p, c_int)),
    ("current_time", (c_void_p, POINTER(c_double))),
    ("last_error", (c_void_p, c_int, c_void_p)),
)
"""``sqlite3_vfs`` of version 1 in its order, after the fields that are no functions."""


class _IoMethods(Structure):
    _fields_: ClassVar = [("version", c_int)] + [(name, CFUNCTYPE(c_int, *arguments)) for name, arguments in _METHODS]


class _Vfs(Structure):
    _fields_: ClassVar = [
        ("version", c_int),
        ("file_bytes", c_int),
        ("path_bytes_max", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        *((name, c_void_p if arguments is None else CFUNCTYPE(c_int, *arguments)) for name, arguments in _CALLS),
    ]


class DiskVfs:
    """The VFS: registered once in a process, for all disks. Paths below ``/<number>`` are on the disk of that number."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._disks: dict[int, _Disk] = {}
        self._files: dict[int, _OpenFile] = {}
        self._random = Random(0)
        self._methods = _IoMethods(2, *(self._guarded(kind, name) for kind, name in zip(_kinds(_METHODS), _names(_METHODS), strict=True)))
        calls = (None if kind is None else self._guarded(kind, name) for kind, name in zip(_kinds(_CALLS), _names(_CALLS), strict=True))
        self._vfs = _Vfs(1, ctypes.sizeof(_File), _PATH_BYTES_MAX, None, VFS_NAME.encode(), None, *calls)

    def _guarded(self, kind: Any, name: str) -> Any:
        """A function that SQLite may call: what goes wrong becomes a result code, for an exception would vanish."""
        function: Callable[..., int | None] = getattr(self, "_" + name)

        def call(*arguments: Any) -> int:
            try:
                return function(*arguments) or _OK
            except OSError as error:
                return _FULL if error.errno == errno.ENOSPC else _IO_ERROR
            except BaseException:  # noqa: BLE001  nothing may leave a callback
                traceback.print_exc()
                return _IO_ERROR

        return kind(call)

    def register(self) -> None:
        """Make it known to SQLite.

        :raises Unavailable: its library cannot be reached.
        """
        try:
            import _sqlite3

            library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
            result = library.sqlite3_vfs_register(ctypes.byref(self._vfs), 0)
        except (ImportError, OSError, AttributeError) as error:
            raise Unavailable(f"the sqlite3 module of this Python hides SQLite's library: {error}") from error
        if result != _OK:
            raise Unavailable(f"SQLite refused the VFS with code {result}")

    def add(self, file_system: IFileSystem) -> int:
        """Give a file system a number. Its databases are the same by whatever number they are reached, and so are their locks."""
        number = next(self._numbers)
        known = (disk for disk in self._disks.values() if disk.file_system is file_system)
        self._disks[number] = next(known, None) or _Disk(file_system)
        return number

    def remove(self, number: int) -> None:
        """Forget it."""
        self._disks.pop(number, None)

    # -- names --------------------------------------------------------------------------------------------------------

    def _find(self, name: bytes) -> tuple[_Disk, str]:
        _, number, path = name.decode().split("/", 2)
        return self._disks[int(number)], "/" + path

    def _open(self, vfs: int, name: bytes | None, pointer: _FileP, flags: int, flags_out: Any) -> int:
        pointer.contents.methods = None
        if name is None:  # a temporary file: none of the statements here needs one
            return _CANNOT_OPEN
        disk, path = self._find(name)
        creates = bool(flags & _OPEN_CREATE)
        new = creates and not disk.file_system.exists(path)
        try:
            file = disk.file_system.open(path, create=creates)
        except FileNotFoundError:
            return _CANNOT_OPEN
        handle = next(self._numbers)
        shared = disk.memory.setdefault(path, _SharedMemory())
        journal = bool(flags & (_OPEN_SUPER_JOURNAL | _OPEN_MAIN_JOURNAL | _OPEN_WAL))
        self._files[handle] = _OpenFile(disk, path, file, shared, new and journal)
        pointer.contents.handle = handle
        pointer.contents.methods = ctypes.addressof(self._methods)
        if flags_out:
            flags_out[0] = flags
        return _OK

    def _delete(self, vfs: int, name: bytes, sync_directory: int) -> int:
        disk, path = self._find(name)
        if not disk.file_system.exists(path):
            return _IO_ERROR | 23 << 8  # SQLITE_IOERR_DELETE_NOENT
        disk.file_system.unlink(path)
        if sync_directory:
            disk.file_system.sync_directory(os.path.dirname(path))
        return _OK

    def _access(self, vfs: int, name: bytes, flags: int, result: Any) -> None:
        disk, path = self._find(name)
        result[0] = int(disk.file_system.exists(path))

    def _full_path(self, vfs: int, name: bytes, size: int, result: Any) -> int:
        if len(name) >= size:
            return _CANNOT_OPEN
        ctypes.memmove(result, name + b"\0", len(name) + 1)
        return _OK

    # -- time and chance ----------------------------------------------------------------------------------------------

    def _randomness(self, vfs: int, count: int, result: Any) -> int:
        ctypes.memmove(result, self._random.randbytes(count), count)
        return count

    def _sleep(self, vfs: int, microseconds: int) -> int:
        return microseconds

    def _current_time(self, vfs: int, result: Any) -> None:
        result[0] = 2_460_000.5

    def _last_error(self, vfs: int, count: int, result: Any) -> None:
        """There is none."""

    # -- bytes --------------------------------------------------------------------------------------------------------

    def _of(self, pointer: _FileP) -> _OpenFile:
        return self._files[pointer.contents.handle]

    def _close(self, pointer: _FileP) -> None:
        handle = pointer.contents.handle
        found = self._files.pop(handle)
        found.shared.levels.pop(handle, None)
        found.file.close()

    def _read(self, pointer: _FileP, target: int, count: int, position: int) -> int:
        data = self._of(pointer).file.pread(count, position)
        ctypes.memmove(target, data, len(data))
        if len(data) == count:
            return _OK
        ctypes.memset(target + len(data), 0, count - len(data))
        return _SHORT_READ

    def _write(self, pointer: _FileP, source: int, count: int, position: int) -> None:
        self._of(pointer).file.pwritev([ctypes.string_at(source, count)], position)

    def _truncate(self, pointer: _FileP, size: int) -> None:
        self._of(pointer).file.truncate(size)

    def _sync(self, pointer: _FileP, flags: int) -> None:
        found = self._of(pointer)
        found.file.fdatasync()
        if found.new_name:
            found.disk.file_system.sync_directory(os.path.dirname(found.path))
            found.new_name = False

    def _file_size(self, pointer: _FileP, result: Any) -> None:
        result[0] = self._of(pointer).file.size()

    def _file_control(self, pointer: _FileP, operation: int, argument: int) -> int:
        return _NOT_FOUND

    def _sector_size(self, pointer: _FileP) -> int:
        return _SECTOR_BYTES

    def _device_characteristics(self, pointer: _FileP) -> int:
        return _POWERSAFE_OVERWRITE

    # -- locks and shared memory --------------------------------------------------------------------------------------

    def _lock(self, pointer: _FileP, level: int) -> int:
        return _OK if self._of(pointer).shared.lock(pointer.contents.handle, level) else _BUSY

    def _unlock(self, pointer: _FileP, level: int) -> None:
        self._of(pointer).shared.levels[pointer.contents.handle] = level

    def _check_reserved_lock(self, pointer: _FileP, result: Any) -> None:
        result[0] = int(any(level >= _RESERVED for level in self._of(pointer).shared.levels.values()))

    def _shm_map(self, pointer: _FileP, number: int, size: int, extend: int, result: Any) -> None:
        shared = self._of(pointer).shared
        shared.mapped.add(pointer.contents.handle)
        while extend and len(shared.regions) <= number:
            shared.regions.append(ctypes.create_string_buffer(size))
        result[0] = ctypes.addressof(shared.regions[number]) if number < len(shared.regions) else None

    def _shm_lock(self, pointer: _FileP, offset: int, count: int, flags: int) -> int:
        shared, handle, slots = self._of(pointer).shared, pointer.contents.handle, range(offset, offset + count)
        if flags & _SHM_UNLOCK:
            shared.unlock_slots(handle, slots)
            return _OK
        return _OK if shared.lock_slots(handle, slots, bool(flags & _SHM_SHARED)) else _BUSY

    def _shm_barrier(self, pointer: _FileP) -> None:
        """The interpreter's lock is one."""

    def _shm_unmap(self, pointer: _FileP, delete: int) -> None:
        self._of(pointer).shared.unmap(pointer.contents.handle)


def _names(table: Any) -> list[str]:
    return [name for name, _ in table]


def _kinds(table: Any) -> list[Any]:
    return [None if arguments is None else CFUNCTYPE(c_int, *arguments) for _, arguments in table]


_vfs: list[DiskVfs] = []
"""The one that was registered: SQLite keeps pointers to it."""


class SqliteDisk:
    """Databases on one file system. After a crash, go on with another one over a copy
    (:meth:`~chronik.storage.memory.MemoryFileSystem.crashed`): the locks of this one are those of the machine that stopped.

    :raises Unavailable: Python's SQLite cannot be reached.
    """

    def __init__(self, file_system: IFileSystem) -> None:
        if not _vfs:
            vfs = DiskVfs()
            vfs.register()
            _vfs.append(vfs)
        self.file_system = file_system
        self._number = _vfs[0].add(file_system)
        self._connections: list[sqlite3.Connection] = []
        # A connection that outlives the interpreter's objects would call functions that are gone.
        atexit.register(self.close)

    def connect(self, path: str, **options: Any) -> sqlite3.Connection:
        """Open a database, as ``sqlite3.connect`` does.

        :param path: of its file on the file system.
        """
        connection: sqlite3.Connection = sqlite3.connect(f"file:/{self._number}{quote(path)}?vfs={VFS_NAME}", uri=True, **options)
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        """Close what is open and let go of the file system; calling again does nothing."""
        atexit.unregister(self.close)
        connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()
        _vfs[0].remove(self._number)
