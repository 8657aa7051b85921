"""A disk that does not answer: the threads that wait for it are not those of the other directories."""

from __future__ import annotations

from zope.interface.verify import verifyObject

from chronik.defer import IThreadPools, Pool
from chronik.model import TopicPartition
from chronik.storage.config import LogConfig
from chronik.storage.threads import DirectoryPools
from chronik.testing.logs import ID, make_store
from chronik.testing.pools import HeldThreadPools
from tests.storage.test_store import StoreCase


class DirectoryThreadTests(StoreCase):
    """Threads of two directories."""

    def test_others_go_on(self) -> None:
        """While a directory's threads wait for its disk, logs in another one are cut, read, made shorter, made and removed."""
        pools = HeldThreadPools("background a", "read a")
        store = make_store(self.disk, self.clock, "/a", "/b", pools=pools)
        starting = store.start()
        pools.go_on()
        self.successResultOf(starting)
        opening = [store.open(TopicPartition("t", n), ID, LogConfig()) for n in range(2)]
        pools.go_on()
        logs = [self.successResultOf(each) for each in opening]
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

    def test_least_to_do(self) -> None:
        """What comes next waits behind as little as possible; what asks no disk is the broker's."""
        held = HeldThreadPools("background", "cpu")
        pools = DirectoryPools(held, "a")
        verifyObject(IThreadPools, pools)
        first, *others = [pools.run(Pool.BACKGROUND, str, n) for n in range(4)]
        pools.run(Pool.CPU, str, 9)
        self.assertEqual(["background a"] * 4 + ["cpu"], held.waiting)
        held.go_next()
        self.assertEqual("0", self.successResultOf(first))
        held.go()
        self.assertEqual(["1", "2", "3"], [self.successResultOf(other) for other in others])
        self.successResultOf(pools.close())
