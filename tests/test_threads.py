"""Threads for what blocks: work is done elsewhere, answers come on the reactor's thread."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any

from twisted.internet import defer
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from chronik.defer import IThreadPools, IWorker, Pool, deferred
from chronik.threads import QUICK_SECONDS, QUICK_TIMES, Nearness, ReactorThreadPools, ThreadWorker


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


class NearnessTests(SynchronousTestCase):
    """On which processors a thread may run."""

    THREAD = 4711
    ALL = frozenset({0, 1, 2, 3})

    def setUp(self) -> None:
        """The reactor runs on processor 2 of four."""
        self.here = 2
        self.moves: list[tuple[int, set[int]]] = []
        self.refused = False
        self.near = Nearness(lambda: self.here, self.allow, self.ALL)

    def allow(self, thread: int, processors: Collection[int]) -> None:
        """What the system is told."""
        if self.refused:
            raise OSError(22, "no such processor")
        self.moves.append((thread, set(processors)))

    def quick(self, times: int = QUICK_TIMES) -> None:
        """It works for somebody who waits."""
        for _ in range(times):
            self.near.took(self.THREAD, QUICK_SECONDS / 2)

    def test_quick(self) -> None:
        """Once it was quick often enough it stays here, which is said once."""
        self.quick(QUICK_TIMES - 1)
        self.assertEqual([], self.moves)
        self.quick(10 * QUICK_TIMES)
        self.assertEqual([(self.THREAD, {2})], self.moves)

    def test_slow(self) -> None:
        """It may go anywhere as soon as it takes long, and has to be quick anew."""
        self.quick()
        self.near.took(self.THREAD, 2 * QUICK_SECONDS)
        self.near.took(self.THREAD, 2 * QUICK_SECONDS)
        self.assertEqual([(self.THREAD, {2}), (self.THREAD, set(self.ALL))], self.moves)
        self.quick(QUICK_TIMES - 1)
        self.assertEqual(2, len(self.moves))

    def test_hurried(self) -> None:
        """Likewise when it is given more at a time."""
        self.quick()
        self.near.hurried(self.THREAD)
        self.assertEqual((self.THREAD, set(self.ALL)), self.moves[-1])

    def test_the_reactor_moves(self) -> None:
        """It follows."""
        self.quick()
        self.here = 1
        self.quick()
        self.assertEqual([(self.THREAD, {2}), (self.THREAD, {1})], self.moves)

    def test_no_choice(self) -> None:
        """Where the system refuses, it is not asked again; nor for a processor that the process may not use."""
        self.here = 9
        self.quick()
        self.assertEqual([], self.moves)
        self.here, self.refused = 2, True
        self.quick()
        self.refused = False
        self.quick(5 * QUICK_TIMES)
        self.assertEqual([], self.moves)


class NearWorkerTests(TestCase):
    """What a worker tells of its work."""

    def took(self, thread: int, seconds: float) -> None:
        """One thing was done."""
        self.told.append(("took", thread, seconds < 60))

    def hurried(self, thread: int) -> None:
        """There was more."""
        self.told.append(("hurried", thread, True))

    @deferred
    async def test_tells(self) -> None:
        """One thing at a time, or several."""
        from twisted.internet import reactor

        self.told: list[tuple[str, int, bool]] = []
        worker = ThreadWorker(reactor.callFromThread, "w", self)  # type: ignore[attr-defined,arg-type]
        self.addCleanup(worker.close)
        thread = await worker.run(threading.get_native_id)
        self.assertEqual([("took", thread, True)], self.told)
        gate = threading.Event()
        both = [worker.run(gate.wait, 30), worker.run(gate.wait, 30)]
        gate.set()
        await defer.gatherResults(both)
        self.assertEqual(("hurried", thread, True), self.told[1])
