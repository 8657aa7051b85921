"""Power cuts at random steps: what was acknowledged with acks=all, and what a reader was given, is there after every one of them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from chronik.storage.config import LogConfig
from chronik.testing.history import Anomaly, Finding, anomalies
from tests.lengths import length, report, seed
from tests.replica.machine import World

RUNS = length(60, 5_000)

CUTS = 4
"""Power cuts of one run, those during starts not counted."""

SAFE = LogConfig(segment_bytes=600, index_interval_bytes=100, file_delete_delay_ms=0)

TRUSTING = LogConfig(segment_bytes=600, index_interval_bytes=100, file_delete_delay_ms=0, write_caching=True)


class Outcome(NamedTuple):
    """Of one run."""

    findings: list[Finding]
    acknowledged: int
    unanswered: int
    moved: int


def run(number: int, config: LogConfig, directories: Sequence[str] = ("/data",)) -> Outcome:
    """Machines one after the other, and what is wrong afterwards. With several directories partitions are moved between them."""
    random = Random(number)
    world = World(random.randrange(1 << 40), config, directories)
    doing = [world.send, world.send, *[lambda: world.machine.step()] * 3, world.read]
    if len(directories) > 1:
        doing += [world.move, *[lambda: world.machine.step()] * 6]
    world.machine.start()
    for _ in range(CUTS):
        if random.random() < 0.8:
            world.machine.cut_after(random.randrange(1, 150))
        for _ in range(random.randrange(20, 200)):
            if world.machine.after is not None:
                break
            random.choice(doing)()
            world.look()
        if world.machine.after is None:
            world.machine.stop() if random.random() < 0.2 else world.machine.cut()
        world.restart()
    unanswered = world.settle()
    return Outcome(anomalies(world.history), world.history.acknowledgements, unanswered, world.moved)


class PowerCutTests(SynchronousTestCase):
    """Many seeds, each a few machines one after the other."""

    def test_nothing_acknowledged_is_lost(self) -> None:
        """With the default durability no history shows any anomaly: nothing is lost, doubled, reordered or told differently to anybody; and every
        producer that sends again what was not answered gets its answer.
        """
        first, acknowledged = seed(0), 0
        for number in range(first, first + RUNS):
            outcome = run(number, SAFE)
            acknowledged += outcome.acknowledged
            found = "\n".join(map(str, outcome.findings[:5]))
            self.assertEqual(([], 0), (outcome.findings, outcome.unanswered), f"CHRONIK_TEST_SEED={number}: {found}")
        self.assertGreater(acknowledged, RUNS * 20)
        report(f"{RUNS} runs of {CUTS} power cuts, {acknowledged} acknowledgements, none lost, doubled or reordered")

    def test_nothing_is_lost_by_moves(self) -> None:
        """Partitions are moved to and fro between three disks meanwhile: the same holds, whatever step of a move is interrupted."""
        first, acknowledged, moved = seed(0), 0, 0
        for number in range(first, first + RUNS):
            outcome = run(number, SAFE, ("/a", "/b", "/c"))
            acknowledged += outcome.acknowledged
            moved += outcome.moved
            found = "\n".join(map(str, outcome.findings[:5]))
            self.assertEqual(([], 0), (outcome.findings, outcome.unanswered), f"CHRONIK_TEST_SEED={number}: {found}")
        self.assertGreater(acknowledged, RUNS * 20)
        self.assertGreater(moved, RUNS)
        report(f"{RUNS} runs of {CUTS} power cuts, {moved} moves, {acknowledged} acknowledgements, none lost, doubled or reordered")

    def test_page_cache_is_not_enough(self) -> None:
        """Where the page cache counts as safe, the same cuts do lose records, and the same look at the history sees it."""
        lost = [finding for number in range(10) for finding in run(number, TRUSTING).findings if finding.anomaly is Anomaly.LOST]
        self.assertNotEqual([], lost)
