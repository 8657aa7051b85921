"""Faults of the disk in memory: what they do, and that they end."""

from __future__ import annotations

import errno
from random import Random
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.pools import SlowThreadPools


class FaultCase(SynchronousTestCase):
    """A disk with the directories ``/a`` and ``/b``, each with a file ``f`` of four bytes, all on disk."""

    def setUp(self) -> None:
        """Make them."""
        self.disk = MemoryFileSystem(Random(1))
        self.faults = self.disk.faults
        self.files: dict[str, Any] = {}
        for name in "ab":
            self.disk.make_directory(f"/{name}")
            self.files[name] = self.disk.open(f"/{name}/f", create=True)
            self.files[name].pwritev([b"0123"], 0)
        self.disk.sync_file_system("/")

    def refused(self, call: Any, *args: Any) -> int | None:
        """The errno that a call fails with."""
        return self.assertRaises(OSError, call, *args).errno


class RefusalTests(FaultCase):
    """Calls that fail."""

    def test_dead_directory(self) -> None:
        """Nothing below a dead directory can be used; the other one does not notice, and the fault can be cleared."""
        dead = self.faults.die("/a")
        file = self.files["a"]
        calls = [(file.pread, 1, 0), (file.pwritev, [b"x"], 0), (file.fdatasync,), (file.truncate, 1), (self.disk.list, "/a")]
        calls += [(self.disk.open, "/a/f"), (self.disk.rename, "/a/f", "/a/g"), (self.disk.unlink, "/a/f")]
        calls += [(self.disk.sync_directory, "/a"), (self.disk.free_bytes, "/a")]
        calls += [(self.disk.make_directory, "/a/d"), (self.disk.sync_file_system, "/a"), (self.disk.read_whole, "/a/f"), (self.disk.lock, "/a/l")]
        for call, *args in calls:
            self.assertEqual(errno.EIO, self.refused(call, *args), call)
        self.files["b"].pwritev([b"x"], 0)
        self.disk.sync_directory("/b")
        self.faults.clear(dead)
        self.assertEqual(b"0", file.pread(1, 0))

    def test_prefix_is_of_names(self) -> None:
        """A directory whose name only begins alike is another."""
        self.faults.fail("write", "/a")
        self.disk.make_directory("/ab")
        self.disk.open("/ab/f", create=True).pwritev([b"x"], 0)

    def test_unknown_operation(self) -> None:
        """A fault that would never happen is a mistake of the test."""
        self.assertRaises(ValueError, self.faults.fail, "wirte", "/a")

    def test_failed_sync(self) -> None:
        """As on Linux: after a failed sync the next one succeeds and does not bring to disk what the failed one should have. Readers see it until
        nothing is remembered any more, or the machine stops.
        """
        file = self.files["a"]
        file.pwritev([b"lost"], 4)
        self.faults.fail("sync", "/a", times=1)
        self.assertEqual(errno.EIO, self.refused(file.fdatasync))
        file.fdatasync()
        file.pwritev([b"kept"], 8)
        file.fdatasync()
        self.disk.sync_file_system("/")
        self.assertEqual(b"0123lostkept", file.pread(99, 0))
        for seed in range(9):
            self.assertEqual(b"0123\0\0\0\0kept", self.disk.crashed(Random(seed)).read_whole("/a/f"))
        file.drop_cache()
        self.assertEqual(b"0123\0\0\0\0kept", file.pread(99, 0))

    def test_written_again_after_failed_sync(self) -> None:
        """Bytes that are written again and synced are on disk."""
        file = self.files["a"]
        file.pwritev([b"lost"], 4)
        self.faults.fail("sync", "/a", times=1)
        self.refused(file.fdatasync)
        file.truncate(4)
        file.pwritev([b"kept"], 4)
        file.fdatasync()
        self.assertEqual({b"0123kept"}, {self.disk.crashed(Random(seed)).read_whole("/a/f") for seed in range(9)})

    def test_failed_sync_of_all(self) -> None:
        """A failed sync of the file system loses the same."""
        self.files["b"].pwritev([b"lost"], 4)
        self.faults.fail("sync", "/a", times=1)
        self.refused(self.disk.sync_file_system, "/a")
        self.disk.sync_file_system("/")
        self.assertEqual({b"0123"}, {self.disk.crashed(Random(seed)).read_whole("/b/f") for seed in range(9)})

    def test_kill(self) -> None:
        """A killed process leaves everything that was written."""
        self.disk.lock("/a/lock")
        self.files["a"].pwritev([b"45"], 4)
        self.disk.kill()
        self.refused(self.files["a"].pread, 1, 0)
        self.disk.lock("/a/lock")
        self.assertEqual(b"012345", self.disk.read_whole("/a/f"))


class FullTests(FaultCase):
    """Disks with an end."""

    def test_limit(self) -> None:
        """What does not fit fails after what does was written; old bytes may be written again; names need room too; it can be enlarged."""
        self.faults.limit("/a", 6)
        file = self.files["a"]
        self.assertEqual((6, 2), (self.disk.total_bytes("/a"), self.disk.free_bytes("/a/f")))
        self.assertEqual(errno.ENOSPC, self.refused(file.pwritev, [b"45", b"67"], 4))
        self.assertEqual(b"012345", file.pread(99, 0))
        file.pwritev([b"x"], 0)
        self.assertEqual(errno.ENOSPC, self.refused(self.disk.open, "/a/new", True))
        self.assertEqual(errno.ENOSPC, self.refused(self.disk.make_directory, "/a/d"))
        self.files["b"].pwritev([b"45"], 4)
        self.faults.limit("/a", 8)
        file.pwritev([b"67"], 6)
        file.truncate(1)
        self.assertEqual(7, self.disk.free_bytes("/a"))

    def test_fill(self) -> None:
        """Filled, nothing more fits, until it is healed."""
        self.faults.fill("/a")
        self.assertEqual(errno.ENOSPC, self.refused(self.files["a"].pwritev, [b"4"], 4))
        self.faults.heal()
        self.files["a"].pwritev([b"4"], 4)


class SlowTests(FaultCase):
    """Calls that take long, and bits that change."""

    def test_on_wait(self) -> None:
        """Who wants to is told how long."""
        waits: list[float] = []
        self.faults.on_wait = waits.append
        slow = self.faults.slow("sync", "/a", 3.0)
        self.files["a"].fdatasync()
        self.files["b"].fdatasync()
        self.faults.clear(slow)
        self.files["a"].fdatasync()
        self.assertEqual([3.0], waits)

    def test_pools(self) -> None:
        """Slow work of a worker is answered later, and what is behind it after it; a pool's other work is not held up."""
        clock = Clock()
        pools = SlowThreadPools(clock, self.faults.take_wait)
        worker = pools.worker("w")
        self.faults.slow("sync", "/a", 3.0)
        first, second = worker.run(self.files["a"].fdatasync), worker.run(self.files["b"].fdatasync)
        self.successResultOf(pools.worker("other").run(self.files["b"].fdatasync))
        self.assertNoResult(first)
        clock.advance(2)
        self.assertNoResult(second)
        clock.advance(1)
        self.successResultOf(first)
        self.successResultOf(second)

    def test_flip(self) -> None:
        """A bit changes, and changes back."""
        self.faults.flip("/a/f", 1, 0)
        self.assertEqual(b"0023", self.disk.read_whole("/a/f"))
        self.faults.flip("/a/f", 1, 0)
        self.assertEqual(b"0123", self.disk.read_whole("/a/f"))
