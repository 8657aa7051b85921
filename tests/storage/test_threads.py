"""A disk that does not answer: the threads that wait for it are not those of the other directories."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from chronik.defer import IThreadPools, Pool
from chronik.storage.threads import DirectoryPools
from chronik.testing.logs import ID
from chronik.testing.pools import HeldThreadPools, SynchronousThreadPools, SynchronousWorker
from tests.storage.test_store import StoreCase


class DirectoryThreadTests(StoreCase):
    """Threads of two directories."""

    def test_others_go_on(self) -> None:
        """While a directory's threads wait for its disk, logs in another one are cut, read, made shorter, made and removed."""
        pools = HeldThreadPools("background a", "read a")
        store, logs = self.held(pools, 2, "/a", "/b")
        (stuck,) = [log for log in logs if log.directory.path == "/a"]
        (log,) = [log for log in logs if log.directory.path == "/b"]
        for _ in range(3):
            for each in logs:
                self.append(each, b"x")
        cut = stuck.truncate(1)
        self.clock.pump([1] * 70)
        self.assertNoResult(cut)
        self.assertGreater(len(pools.waiting), 1)
        self.disk.cold = True
        self.successResultOf(log.read(0, 100, 3, True)).close()
        self.successResultOf(log.truncate(2))
        self.successResultOf(log.advance_start(1))
        self.successResultOf(store.delete(log.topic_partition, ID))
        pools.go_on()
        self.successResultOf(cut)

    def test_first_that_is_free(self) -> None:
        """What comes next waits for no thread that is held up while another is free; what asks no disk is the broker's."""
        held = HeldThreadPools("background", "cpu")
        pools = DirectoryPools(held, "a")
        verifyObject(IThreadPools, pools)
        stuck, *others = [pools.run(Pool.BACKGROUND, str, n) for n in range(4)]
        pools.run(Pool.CPU, str, 9)
        self.assertEqual(["background a", "background a", "cpu"], held.waiting)
        stuck_work = held._held.waiting.pop(0)
        held.go_on()
        self.assertEqual(["1", "2", "3"], [self.successResultOf(other) for other in others])
        self.assertNoResult(stuck)
        stuck_work[1]()
        self.assertEqual("0", self.successResultOf(stuck))
        self.successResultOf(pools.close())

    def test_failure_and_end(self) -> None:
        """What fails holds up nothing; what comes, or waits still, when the threads have ended is refused."""
        closed: list[bool] = []

        class Worker(SynchronousWorker):
            def run(self, function: Any, *args: Any) -> Any:
                if closed:
                    raise RuntimeError("the worker was closed")
                return waits.pop() if waits else super().run(function, *args)

        class Pools(SynchronousThreadPools):
            def worker(self, name: str) -> Any:
                return Worker()

        first, second = waits = [Deferred[Any](), Deferred[Any]()]
        pools = DirectoryPools(Pools(), "a")
        running = [pools.run(Pool.BACKGROUND, str, n) for n in range(2)]
        late = [pools.run(Pool.BACKGROUND, int, each) for each in ("x", *["1"] * 2000)]
        second.errback(OSError("broken"))
        self.failureResultOf(running[0], OSError)
        self.failureResultOf(late[0], ValueError)
        self.assertEqual([1] * 2000, [self.successResultOf(each) for each in late[1:]])
        first.callback("one")
        self.assertEqual("one", self.successResultOf(running[1]))
        closed.append(True)
        self.failureResultOf(pools.run(Pool.BACKGROUND, str, 3), RuntimeError)
