"""Which files stay open, and who may use them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.storage.files import FileCache
from chronik.storage.memory import MemoryFileSystem
from chronik.storage.segment import LogSegment


class FileCacheTest(SynchronousTestCase):
    """Files by path, a few of them open."""

    def setUp(self) -> None:
        """A cache of two files."""
        system = MemoryFileSystem()
        system.make_directory("/d")
        self.cache = FileCache(system, 2)

    def use(self, *paths: str) -> None:
        """Hold each and let go."""
        for path in paths:
            self.cache.hold(path, create=True).let_go()

    def open(self) -> list[str]:
        """Which of those that the tests use are open."""
        return [path for path in ("/d/a", "/d/b", "/d/c", "/d/d") if self.cache.is_open(path)]

    def test_oldest_goes(self) -> None:
        """Of files that were used once, the first one is closed for the next."""
        self.use("/d/a", "/d/b", "/d/c")
        self.assertEqual(self.open(), ["/d/b", "/d/c"])

    def test_used_again_stays(self) -> None:
        """A file that was used again is passed over, once."""
        self.use("/d/a", "/d/b", "/d/a", "/d/c")
        self.assertEqual(self.open(), ["/d/a", "/d/c"])
        self.use("/d/d")
        self.assertEqual(self.open(), ["/d/c", "/d/d"])

    def test_all_used_again(self) -> None:
        """When all were used again the oldest goes all the same."""
        self.use("/d/a", "/d/b", "/d/b", "/d/a", "/d/c")
        self.assertEqual(self.open(), ["/d/b", "/d/c"])

    def test_held_is_usable(self) -> None:
        """A file that is closed for others stays usable for whoever holds it, and nobody holds it again."""
        shared = self.cache.hold("/d/a", create=True)
        self.use("/d/b", "/d/c")
        self.assertEqual(self.open(), ["/d/b", "/d/c"])
        shared.file.pwritev([b"x"], 0)
        self.assertFalse(shared.hold_again())
        shared.let_go()
        self.assertIsNot(self.cache.hold("/d/a"), shared)

    def test_forgotten(self) -> None:
        """A path that changed its meaning is opened anew."""
        shared = self.cache.hold("/d/a", create=True)
        self.cache.forget("/d/a")
        self.assertFalse(shared.hold_again())
        self.assertIsNot(self.cache.hold("/d/a"), shared)


class SegmentFileTest(SynchronousTestCase):
    """A segment remembers its file."""

    def test_hold(self) -> None:
        """It is the same file until it is closed or the segment forgets it, and another after that."""
        system = MemoryFileSystem()
        system.make_directory("/d")
        cache = FileCache(system, 1)
        segment = LogSegment("/d", 0, cache, 0)
        first = segment.hold(create=True)
        self.assertIs(segment.hold(), first)
        cache.hold("/d/other", create=True).let_go()
        second = segment.hold()
        self.assertIsNot(second, first)
        segment.forget_file()
        self.assertIsNot(segment.hold(), second)
