"""A stop while a disk does not answer."""

from __future__ import annotations

from chronik.model import TopicPartition
from chronik.storage.closing import CLOSE_SECONDS_MAX
from chronik.storage.config import LogConfig
from chronik.testing.logs import ID, make_store
from chronik.testing.pools import HeldThreadPools
from tests.storage.test_store import StoreCase


class ClosingTests(StoreCase):
    """Two directories, and one does not answer any more."""

    def check(self, *names: str) -> None:
        """While a thread of one waits, the stop ends in time, and the other one is left in order; nothing is lost."""
        pools = HeldThreadPools(*names)
        store = make_store(self.disk, self.clock, "/a", "/b", pools=pools)
        starting = store.start()
        pools.go_on()
        self.successResultOf(starting)
        opening = [store.open(TopicPartition("t", n), ID, LogConfig()) for n in range(2)]
        pools.go_on()
        for log in map(self.successResultOf, opening):
            self.append(log, b"x")
        closing = store.close()
        self.assertNoResult(closing)
        self.clock.pump([1] * int(CLOSE_SECONDS_MAX + 1))
        self.successResultOf(closing)
        self.flushLoggedErrors()
        self.assertEqual([False, True], [self.disk.exists(f"/{name}/.kafka_cleanshutdown") for name in "ab"])
        pools.go_on()
        self.assertFalse(self.disk.exists("/a/.kafka_cleanshutdown"))
        store = self.started("/a", "/b")
        self.assertEqual([1, 1], [self.opened(store, TopicPartition("t", n)).end_offset for n in range(2)])

    def test_flush(self) -> None:
        """A sync of the log."""
        self.check("flush a")

    def test_beside(self) -> None:
        """What is written beside it."""
        self.check("background a")
