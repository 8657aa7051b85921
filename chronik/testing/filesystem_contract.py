"""What every file system must do: a mixin of tests for whoever writes one.

Mix it into a ``twisted.trial.unittest.SynchronousTestCase`` and provide :meth:`FileSystemContract.make_file_system`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zope.interface.verify import verifyObject

from chronik.storage.interfaces import IFile, IFileSystem, ILock

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase as _Base
else:
    _Base = object


class FileSystemContract(_Base):
    """The contract of :class:`~chronik.storage.interfaces.IFileSystem` and of its files and locks."""

    def make_file_system(self) -> tuple[Any, str]:
        """A file system, and an absolute path of an empty directory in it."""
        raise NotImplementedError

    def setUp(self) -> None:
        """Make one."""
        super().setUp()
        self.file_system, self.root = self.make_file_system()

    def path(self, *names: str) -> str:
        """A path below the root."""
        return os.path.join(self.root, *names)

    def created(self, name: str = "f", data: bytes = b"") -> Any:
        """A new open file."""
        file = self.file_system.open(self.path(name), create=True)
        self.addCleanup(file.close)
        if data:
            file.pwritev([data], 0)
        return file

    def test_provides(self) -> None:
        """They are what they say."""
        verifyObject(IFileSystem, self.file_system)
        verifyObject(IFile, self.created())
        lock = self.file_system.lock(self.path("lock"))
        verifyObject(ILock, lock)
        lock.release()

    def test_write_and_read(self) -> None:
        """Buffers are written one after the other, and read from any position, fewer at the end."""
        file = self.created()
        self.assertEqual(6, file.pwritev([b"ab", memoryview(b"cd"), b"ef"], 0))
        self.assertEqual(2, file.pwritev([b"XY"], 2))
        self.assertEqual((6, b"abXYef", b"Ye", b"f", b""), (file.size(), file.pread(99, 0), file.pread(2, 3), file.pread(9, 5), file.pread(1, 6)))
        self.assertIn(file.pread_cached(3, 1), (b"bXY", None))
        file.fdatasync()

    def test_many_buffers(self) -> None:
        """There may be more buffers than the system takes at once."""
        file = self.created()
        self.assertEqual(5000, file.pwritev([b"%d" % (n % 10) for n in range(5000)], 0))
        self.assertEqual(b"0123456789" * 500, file.pread(6000, 0))

    def test_hole(self) -> None:
        """What was never written reads as zeros."""
        file = self.created()
        file.pwritev([b"a"], 3)
        self.assertEqual(b"\0\0\0a", file.pread(9, 0))

    def test_truncate(self) -> None:
        """A file can be cut off, and grow again without what was behind the cut."""
        file = self.created(data=b"abcdef")
        file.truncate(2)
        self.assertEqual(b"ab", file.pread(9, 0))
        file.truncate(4)
        self.assertEqual(b"ab\0\0", file.pread(9, 0))

    def test_drop_cache(self) -> None:
        """What is not remembered is read again, synced or not."""
        file = self.created(data=b"abc")
        file.drop_cache()
        self.assertEqual(b"abc", file.pread(9, 0))
        file.fdatasync()
        file.drop_cache()
        self.assertEqual(b"abc", file.pread(9, 0))

    def test_open(self) -> None:
        """A missing file is made only where asked, and opening does not empty it."""
        self.assertRaises(FileNotFoundError, self.file_system.open, self.path("f"))
        self.created(data=b"a")
        self.assertEqual(b"a", self.created().pread(9, 0))
        self.assertRaises(FileNotFoundError, self.file_system.open, self.path("no", "f"), True)

    def test_close(self) -> None:
        """Closing twice is fine, and a closed file cannot be used."""
        file = self.created(data=b"a")
        file.close()
        file.close()
        self.assertRaises(OSError, file.pread, 1, 0)
        self.assertRaises(OSError, file.pwritev, [b"a"], 0)

    def test_names(self) -> None:
        """Names are listed in order, files have sizes, directories are made with their parents."""
        self.file_system.make_directory(self.path("d", "e"))
        self.file_system.make_directory(self.path("d", "e"))
        self.created("b", b"123")
        self.created("a")
        self.assertEqual(["a", "b", "d"], self.file_system.list(self.root))
        self.assertEqual((3, b"123"), (self.file_system.size(self.path("b")), self.file_system.read_whole(self.path("b"))))
        for name, there, directory in (("a", True, False), ("d", True, True), ("x", False, False)):
            self.assertEqual((there, directory), (self.file_system.exists(self.path(name)), self.file_system.is_directory(self.path(name))))
        for call in (self.file_system.size, self.file_system.list, self.file_system.read_whole):
            self.assertRaises(FileNotFoundError, call, self.path("x"))
        self.assertRaises(NotADirectoryError, self.file_system.list, self.path("a"))

    def test_rename(self) -> None:
        """Renaming replaces files, takes directories along, and open files stay what they are."""
        file = self.created("a", b"new")
        self.created("b", b"old")
        self.file_system.rename(self.path("a"), self.path("b"))
        self.assertEqual((["b"], b"new", b"new"), (self.file_system.list(self.root), self.file_system.read_whole(self.path("b")), file.pread(9, 0)))
        self.file_system.make_directory(self.path("d"))
        self.created("d/x", b"1")
        self.file_system.rename(self.path("d"), self.path("e"))
        self.assertEqual(["x"], self.file_system.list(self.path("e")))
        self.assertRaises(FileNotFoundError, self.file_system.rename, self.path("d"), self.path("f"))

    def test_remove(self) -> None:
        """Files and whole directories are removed, missing ones too; an open file lives on without a name."""
        file = self.created("a", b"1")
        self.file_system.make_directory(self.path("d", "e"))
        self.created("d/e/x")
        for _ in range(2):
            self.file_system.unlink(self.path("a"))
            self.file_system.remove_tree(self.path("d"))
        self.assertEqual(([], b"1"), (self.file_system.list(self.root), file.pread(9, 0)))

    def test_write_whole(self) -> None:
        """A small file is replaced, and nothing else is left behind."""
        for data in (b"longer", b"x"):
            self.file_system.write_whole(self.path("f"), data)
            self.assertEqual((data, ["f"]), (self.file_system.read_whole(self.path("f")), self.file_system.list(self.root)))

    def test_private(self) -> None:
        """A file may be for the broker's user alone, from the beginning, whatever a crash left behind."""
        self.created("f.tmp")
        self.file_system.write_whole(self.path("f"), b"public")
        self.created("f.tmp")
        self.file_system.write_whole(self.path("f"), b"secret", private=True)
        self.assertEqual((b"secret", ["f"]), (self.file_system.read_whole(self.path("f")), self.file_system.list(self.root)))
        self.assertIsNone(self.file_system.exposure(self.path("f")))
        self.assertRaises(FileNotFoundError, self.file_system.exposure, self.path("x"))

    def test_syncs(self) -> None:
        """Names and everything can be synced."""
        self.created()
        self.file_system.sync_directory(self.root)
        self.file_system.sync_file_system(self.root)

    def test_space(self) -> None:
        """There is room, and no more than there is."""
        self.assertGreater(self.file_system.free_bytes(self.root), 0)
        self.assertGreaterEqual(self.file_system.total_bytes(self.root), self.file_system.free_bytes(self.root))

    def test_lock(self) -> None:
        """A lock is one's own until it is released."""
        lock = self.file_system.lock(self.path("lock"))
        self.assertRaises(BlockingIOError, self.file_system.lock, self.path("lock"))
        lock.release()
        lock.release()
        self.file_system.lock(self.path("lock")).release()
