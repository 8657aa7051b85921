"""A stop while a disk does not answer."""

from __future__ import annotations

from typing import Any

from chronik.errors import ChronikError
from chronik.model import TopicPartition
from chronik.storage.closing import CLOSE_SECONDS_MAX
from chronik.storage.config import LogConfig
from chronik.testing.logs import ID, TP, make_store
from chronik.testing.pools import HeldThreadPools
from tests.storage.test_store import StoreCase


class ClosingTests(StoreCase):
    """Two directories, and one does not answer any more."""

    def check(self, *names: str) -> None:
        """While a thread of one waits, the stop ends in time, and the other one is left in order; nothing is lost."""
        pools = HeldThreadPools(*names)
        store, logs = self.held(pools, 2, "/a", "/b")
        for log in logs:
            self.append(log, b"x")
        closing = store.close()
        self.assertNoResult(closing)
        self.clock.pump([1] * int(CLOSE_SECONDS_MAX + 1))
        self.successResultOf(closing)
        self.flushLoggedErrors()
        self.assertEqual([False, True], [self.disk.exists(f"/{name}/.kafka_cleanshutdown") for name in "ab"])
        self.assertIn("in use", self.refused(make_store(self.disk, self.clock, "/a")))
        pools.go_on()
        self.assertFalse(self.disk.exists("/a/.kafka_cleanshutdown"))
        self.disk.kill()
        store = self.started("/a", "/b")
        self.assertEqual([1, 1], [self.opened(store, TopicPartition("t", n)).end_offset for n in range(2)])

    def test_flush(self) -> None:
        """A sync of the log."""
        self.check("flush a")

    def test_beside(self) -> None:
        """What is written beside it."""
        self.check("background a")


class SlowTests(StoreCase):
    """A disk that answers, however long that takes, and however much there is to do."""

    def closing(self) -> tuple[Any, HeldThreadPools]:
        """The stop of a store with many logs, and the threads that it waits for."""
        pools = HeldThreadPools("background")
        store, logs = self.held(pools, 2 * int(CLOSE_SECONDS_MAX))
        for log in logs:
            self.append(log, b"x")
        self.clock.advance(1)
        pools.go_on()
        return store.close(), pools

    def test_many_logs(self) -> None:
        """It is waited for as long as something is done."""
        closing, pools = self.closing()
        while pools.waiting:
            self.assertNoResult(closing)
            self.clock.advance(1)
            pools.go_next()
        self.successResultOf(closing)
        self.assertTrue(self.disk.exists("/data/.kafka_cleanshutdown"))

    def test_last_note(self) -> None:
        """Nobody else has a directory, given up or not, while a thread may still write in it how far its logs are."""
        closing, pools = self.closing()
        sync, starts = self.disk.sync_file_system, []

        def syncing(path: str) -> None:
            self.patch(self.disk, "sync_file_system", sync)
            self.clock.pump([1] * int(CLOSE_SECONDS_MAX + 1))
            starts.append((closing.called, make_store(self.disk, self.clock).start()))
            sync(path)

        self.patch(self.disk, "sync_file_system", syncing)
        pools.go_on()
        ((given_up, starting),) = starts
        self.assertTrue(given_up)
        self.assertIn("in use", str(self.failureResultOf(starting, ChronikError).value))

    def test_opening(self) -> None:
        """Nor while a log is being opened there."""
        pools = HeldThreadPools("background data")
        store, _ = self.held(pools, 0)
        self.assertNoResult(store.open(TP, ID, LogConfig()))
        closing = store.close()
        self.clock.pump([1] * int(CLOSE_SECONDS_MAX + 1))
        self.successResultOf(closing)
        self.assertIn("in use", self.refused(make_store(self.disk, self.clock)))
