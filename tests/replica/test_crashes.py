"""Power cuts at random steps: what was acknowledged with acks=all, and what a reader was given, is there after every one of them."""

from __future__ import annotations

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


def run(number: int, config: LogConfig) -> Outcome:
    """Machines one after the other, and what is wrong afterwards."""
    random = Random(number)
    world = World(random.randrange(1 << 40), config)
    world.machine.start()
    for _ in range(CUTS):
        if random.random() < 0.8:
            world.machine.cut_after(random.randrange(1, 150))
        for _ in range(random.randrange(20, 200)):
            if world.machine.after is not None:
                break
            random.choice((world.send, world.send, world.machine.step, world.machine.step, world.machine.step, world.read))()
        if world.machine.after is None:
            world.machine.stop() if random.random() < 0.2 else world.machine.cut()
        world.restart()
    unanswered = world.settle()
    return Outcome(anomalies(world.history), world.history.acknowledgements, unanswered)


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

    def test_page_cache_is_not_enough(self) -> None:
        """Where the page cache counts as safe, the same cuts do lose records, and the same look at the history sees it."""
        lost = [finding for number in range(10) for finding in run(number, TRUSTING).findings if finding.anomaly is Anomaly.LOST]
        self.assertNotEqual([], lost)
