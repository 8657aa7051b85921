"""Whole clusters, clients and faults from seeds: nothing is found, and each seed is one history."""

from __future__ import annotations

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from chronik.testing.simulation.faults import FAULTS
from chronik.testing.simulation.plans import IMPOSSIBLE, REFUSALS, missed, plan_of, unheard
from chronik.testing.simulation.scenario import Play
from chronik.testing.simulation.world import ANOTHER, STATES
from tests.lengths import length, report, seed
from tests.simulation.runs import Run, simulate

SEEDS = length(125, 500)

CLUSTER_SEEDS = length(25, 500)

FAULTS_OF_LONG_RUNS = 26
"""With so many, plans bring every fault in every state at least fifty times over a thousand seeds."""

FAULTS_OF_EACH = length(9, FAULTS_OF_LONG_RUNS)

MET_MIN = length(0, 50)
"""How often every fault is to meet every state that it can, over all seeds of one and of three brokers."""


class SeedTests(SynchronousTestCase):
    """Clusters of one, and of three."""

    def test_nothing_is_found(self) -> None:
        """No promise of the broker is broken in any of them, and each has enough requests, faults and restarts to mean something.

        Over all of them every fault meets every state.
        """
        first, brokers = seed(0), ",".join(["1"] * SEEDS + ["3"] * CLUSTER_SEEDS)
        self._judge(simulate("--seeds", f"{first}-{first + SEEDS + CLUSTER_SEEDS - 1}", "--brokers", brokers, *self.wanted(), "--verbose"))

    def wanted(self) -> tuple[str, ...]:
        """How many faults there are to be, and what they are to meet."""
        return "--faults", str(FAULTS_OF_EACH), "--meet", str(MET_MIN)

    def test_some_seeds_let_nobody_in_unproved(self) -> None:
        """A seed decides whether clients have to say who they are, where nothing else is said; near a third of all do."""
        secured = sum(Play(seed, brokers).secured for seed in range(500) for brokers in (1, 3))
        self.assertTrue(250 < secured < 350, secured)
        self.assertEqual((True, False), (Play(1, access="sasl").secured, Play(1, access="open").secured))

    def _judge(self, run: Run) -> None:
        self.assertEqual((0, 0), (run.failed, run.status), run.findings)
        self.assertGreaterEqual(run.least("requests"), 2_000)
        self.assertGreaterEqual(run.least("faults"), 5)
        self.assertGreaterEqual(run.least("restarts"), 2)
        report("\n".join(line for line in run.text.splitlines() if not line.startswith(("seed ", "    "))))

    def test_a_seed_decides_everything(self) -> None:
        """Two processes that run one seed do the same, event by event and byte by byte; another seed does something else.

        That goes for logins too, though whoever logs in says something that nobody can guess.
        """
        for access, brokers in (("open", "1"), ("open", "3"), ("sasl", "1")):
            arguments = ("--seeds", "5,6", "--brokers", brokers, "--access", access, "--jobs", "1", "--verbose")
            first, again = simulate(*arguments).fingerprints, simulate(*arguments).fingerprints
            self.assertEqual(first, again)
            self.assertEqual(2, len(set(first)))


class PlanTests(SynchronousTestCase):
    """Which faults a seed brings."""

    def test_all_pairs_come(self) -> None:
        """Over a thousand seeds every fault is to meet every state at least fifty times, but those that cannot be.

        Half of them have three brokers, and some let nobody in unproved.
        """
        plays = [Play(seed, 3 if seed % 2 else 1) for seed in range(1_000)]
        plans = [plan_of(play.seed, FAULTS_OF_LONG_RUNS, play.seed % 4 != 0, play.brokers > 1, access=play.secured) for play in plays]
        wanted = Counter(pair for plan in plans for pair in plan)
        pairs = {(kind, state) for kind in FAULTS for state in STATES} - IMPOSSIBLE.keys()
        self.assertEqual(pairs, set(wanted))
        self.assertGreaterEqual(min(wanted.values()), 50)

    def test_missed_pairs_are_told(self) -> None:
        """What was not met often enough is named, what cannot be met is not."""
        met = {f"{kind} / {state}": 50 for kind in FAULTS for state in (*STATES, ANOTHER) if (kind, state) not in IMPOSSIBLE}
        self.assertEqual([], missed(met, 50, several=True))
        self.assertEqual(["kill / flushing: 49"], missed({**met, "kill / flushing": 49}, 50, several=True))
        del met["isolation / flushing"]
        self.assertEqual((["isolation / flushing: 0"], []), (missed(met, 50, several=True), missed(met, 50, several=False)))
        del met["password changed / joining"]
        self.assertEqual(["password changed / joining: 0"], missed(met, 50, several=False))
        self.assertEqual([], missed(met, 50, several=False, access=False))

    def test_refusals_that_nobody_was_told(self) -> None:
        """Each is named."""
        told = dict.fromkeys(REFUSALS, 1)
        self.assertEqual([], unheard(told))
        del told["OffsetCommit: ILLEGAL_GENERATION"]
        self.assertEqual(["OffsetCommit: ILLEGAL_GENERATION"], unheard(told))
