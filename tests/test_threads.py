"""Threads for what blocks: work is done elsewhere, answers come on the reactor's thread."""

from __future__ import annotations

import threading
from typing import Any

from twisted.internet import defer
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from chronik.defer import IThreadPools, IWorker, Pool, deferred
from chronik.threads import ReactorThreadPools


class ReactorThreadPoolsTests(TestCase):
    """The pools of a broker."""

    def setUp(self) -> None:
        """Make pools on the reactor of the test."""
        from twisted.internet import reactor

        self.pools = ReactorThreadPools(reactor)
        self.addCleanup(self.pools.close)

    def test_provides(self) -> None:
        """They are what they say."""
        verifyObject(IThreadPools, self.pools)
        verifyObject(IWorker, self.pools.worker("w"))

    @deferred
    async def test_runs_elsewhere(self) -> None:
        """Work runs in another thread; its answer, and its failure, come in this one."""
        here = threading.current_thread()
        for run in (lambda *args: self.pools.run(Pool.READ, *args), self.pools.worker("w").run):
            there = await run(threading.current_thread)
            self.assertIsNot(here, there)
            self.assertIs(here, threading.current_thread())
            failed: defer.Deferred[Any] = run(int, "x")
            await self.assertFailure(failed, ValueError)
            self.assertIs(here, threading.current_thread())

    @deferred
    async def test_worker_keeps_order(self) -> None:
        """A worker does one thing after the other, and what was given before its end."""
        worker = self.pools.worker("w")
        seen: list[int] = []
        for n in range(200):
            worker.run(seen.append, n)
        await worker.close()
        self.assertEqual(list(range(200)), seen)
        self.assertRaises(RuntimeError, worker.run, seen.append, 1)
        await worker.close()

    @deferred
    async def test_two_wait_for_the_end(self) -> None:
        """Whoever closes a worker hears when it ended."""
        worker = self.pools.worker("w")
        await defer.gatherResults([worker.close(), worker.close()])

    @deferred
    async def test_hung_thread(self) -> None:
        """A thread that never comes back, because its disk does not, keeps nobody from ending."""
        from twisted.internet import reactor

        gate = threading.Event()
        self.addCleanup(gate.set)
        pools = ReactorThreadPools(reactor, close_seconds_max=0.05)
        hung = pools.worker("w").run(gate.wait, 30)
        await pools.close()
        self.assertFalse(gate.is_set())
        gate.set()
        self.assertTrue(await hung)

    @deferred
    async def test_slow_class_starves_no_other(self) -> None:
        """A pool whose threads are all busy keeps no other waiting."""
        gate = threading.Event()
        self.addCleanup(gate.set)
        busy = [self.pools.run(Pool.BACKGROUND, gate.wait, 30) for _ in range(8)]
        self.assertEqual(3, await self.pools.run(Pool.READ, len, "abc"))
        gate.set()
        self.assertEqual([True] * 8, await defer.gatherResults(busy))
