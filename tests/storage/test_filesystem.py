"""Both file systems keep the contract; the one in memory forgets as a disk does."""

from __future__ import annotations

import errno
import os
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from chronik.storage.filesystem import RealFileSystem
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.filesystem_contract import FileSystemContract


class RealFileSystemTests(FileSystemContract, SynchronousTestCase):
    """Files of this machine."""

    def make_file_system(self) -> tuple[RealFileSystem, str]:
        """In a directory of this test."""
        path = os.path.abspath(self.mktemp())
        os.makedirs(path)
        return RealFileSystem(), path

    def test_descriptor(self) -> None:
        """A file has a descriptor for ``sendfile``."""
        self.assertEqual(b"abc", os.pread(self.created(data=b"abc").fileno(), 9, 0))


class MemoryFileSystemTests(FileSystemContract, SynchronousTestCase):
    """Files in memory."""

    def make_file_system(self) -> tuple[MemoryFileSystem, str]:
        """With an empty directory."""
        system = MemoryFileSystem(Random(1))
        system.make_directory("/r")
        system.sync_file_system("/")
        return system, "/r"

    def outcomes(self, count: int = 60) -> list[MemoryFileSystem]:
        """What crashes at this moment may leave."""
        return [self.file_system.crashed(Random(seed)) for seed in range(count)]

    def test_synced_lasts(self) -> None:
        """What was synced, with its name, is there after every crash."""
        self.created(data=b"abc").fdatasync()
        self.file_system.sync_directory("/r")
        self.assertEqual({b"abc"}, {system.read_whole("/r/f") for system in self.outcomes()})

    def test_unsynced_name(self) -> None:
        """A synced file whose name is not may be lost, or not."""
        self.created(data=b"abc").fdatasync()
        self.assertEqual({(), ("f",)}, {tuple(system.list("/r")) for system in self.outcomes()})

    def test_unsynced_bytes(self) -> None:
        """Unsynced bytes are lost or kept by the sector, in any combination; what was synced before them stays."""
        file = self.created(data=b"s" * 512)
        file.fdatasync()
        self.file_system.sync_directory("/r")
        file.pwritev([b"a" * 512 + b"b" * 512], 512)
        found = {system.read_whole("/r/f") for system in self.outcomes()}
        old, a, b, hole = b"s" * 512, b"a" * 512, b"b" * 512, bytes(512)
        self.assertEqual({old, old + a, old + a + b, old + hole + b}, found)

    def test_unsynced_overwrite_and_cut(self) -> None:
        """A cut and a write over old bytes may be undone, each for itself."""
        file = self.created(data=b"abcdef")
        file.fdatasync()
        self.file_system.sync_directory("/r")
        file.truncate(2)
        file.pwritev([b"X"], 0)
        self.assertEqual({b"abcdef", b"ab", b"Xb", b"Xbcdef"}, {system.read_whole("/r/f") for system in self.outcomes()})

    def test_unsynced_rename(self) -> None:
        """A rename happens whole or not at all, and changes of one directory keep their order."""
        for name in "ab":
            self.file_system.write_whole(self.path(name), name.encode())
        self.file_system.rename(self.path("a"), self.path("b"))
        self.file_system.unlink(self.path("b"))
        self.assertEqual({("a", "b"), ("b",), ()}, {tuple(system.list("/r")) for system in self.outcomes()})

    def test_write_whole_is_atomic(self) -> None:
        """Whenever a small file is replaced and the machine stops, it is the old or the new one."""
        self.file_system.write_whole(self.path("f"), b"old")
        found = set()

        def look(operation: str, path: str) -> None:
            found.update(system.read_whole("/r/f") for system in self.outcomes(20))

        self.file_system.on_step = look
        self.file_system.write_whole(self.path("f"), b"new")
        self.file_system.on_step = None
        self.assertEqual({b"old", b"new"}, found)
        self.assertEqual({b"new"}, {system.read_whole("/r/f") for system in self.outcomes()})

    def test_crash(self) -> None:
        """After a crash files that were open are not, and locks are free."""
        file = self.created()
        self.file_system.lock(self.path("lock"))
        self.file_system.crash()
        self.assertRaises(OSError, file.pread, 1, 0)
        self.file_system.lock(self.path("lock")).release()

    def test_faults(self) -> None:
        """A call fails as often as told, on matching paths; a failing write leaves half."""
        file = self.created()
        self.created("other")
        self.file_system.fail("write", "*/f", errno.ENOSPC, times=2)
        for _ in range(2):
            self.assertEqual(errno.ENOSPC, self.assertRaises(OSError, file.pwritev, [b"abcd"], 0).errno)
        self.assertEqual(b"ab", file.pread(9, 0))
        file.pwritev([b"abcd"], 0)
        self.file_system.fail("sync", "*")
        self.file_system.heal()
        file.fdatasync()

    def test_without_random(self) -> None:
        """One that remembers nothing cannot crash."""
        self.assertRaises(ValueError, MemoryFileSystem().crash)

    def test_cold(self) -> None:
        """It can play a disk whose pages are not in memory."""
        file = self.created(data=b"a")
        self.file_system.cold = True
        self.assertEqual((None, b"a"), (file.pread_cached(1, 0), file.pread(1, 0)))
