"""What DescribeLogDirs is told of directories."""

from __future__ import annotations

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from chronik.model import TopicPartition
from chronik.storage.interfaces import LogUsage
from chronik.storage.usage import directory_usages
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.pools import HeldThreadPools

LOG = LogUsage(TopicPartition("t", 0), 100, 0)


class UsagesTests(SynchronousTestCase):
    """Several directories at a time."""

    def setUp(self) -> None:
        """A log in one of two directories."""
        self.disk = MemoryFileSystem()
        for path in ("/a", "/b"):
            self.disk.make_directory(path)
        self.pools = HeldThreadPools("background")
        self.place = "/a"

    def asked(self, directories: dict[str, str | None]) -> Deferred[dict[str, list[LogUsage] | str]]:
        """The logs of each, or what is wrong with it."""
        usages = directory_usages(self.disk, dict.fromkeys(directories, self.pools), directories, lambda path: [LOG] if path == self.place else [])
        return ensureDeferred(usages).addCallback(lambda found: {each.path: str(each.error or "") or list(each.logs) for each in found})

    def test_a_log_moves_meanwhile(self) -> None:
        """It is in one of them, not in both, and not in none."""
        for target in ("/b", "/a"):
            asking = self.asked({"/a": None, "/b": None})
            self.pools.go_next()
            self.place = target
            self.pools.go_on()
            other = {"/a": "/b", "/b": "/a"}[target]
            self.assertEqual({target: [LOG], other: []}, self.successResultOf(asking))

    def test_all_at_once(self) -> None:
        """None is asked only once another has answered."""
        self.asked({"/a": None, "/b": None})
        self.assertEqual(2, len(self.pools.waiting))

    def test_offline(self) -> None:
        """Of one that is offline nothing is said but why; its disk is not asked."""
        asking = self.asked({"/a": None, "/b": "it burns"})
        self.assertEqual(1, self.pools.go())
        found = self.successResultOf(asking)
        self.assertEqual([LOG], found["/a"])
        self.assertIn("log directory /b is offline: it burns", found["/b"])
