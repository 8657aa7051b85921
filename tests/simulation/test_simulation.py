"""Whole clusters, clients and faults from seeds: nothing is found, and each seed is one history."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.lengths import length, report, seed
from tests.simulation.runs import Run, simulate

SEEDS = length(110, 700)

CLUSTER_SEEDS = length(40, 300)


class SeedTests(SynchronousTestCase):
    """Clusters of one, and of three."""

    def test_nothing_is_found(self) -> None:
        """No promise of the broker is broken in any of them, and each has enough requests, faults and restarts to mean something."""
        first = seed(0)
        run = simulate("--seeds", f"{first}-{first + SEEDS - 1}", "--verbose")
        self._judge(run)

    def _judge(self, run: Run) -> None:
        self.assertEqual(0, run.failed, run.text[-6_000:])
        self.assertGreaterEqual(run.least("requests"), 2_000)
        self.assertGreaterEqual(run.least("faults"), 5)
        self.assertGreaterEqual(run.least("restarts"), 2)
        report("\n".join(line for line in run.text.splitlines() if not line.startswith(("seed ", "    "))))

    def test_several_brokers(self) -> None:
        """Nor with three brokers and three replicas of everything, partitions between them, and each of them failing."""
        first = seed(0)
        run = simulate("--seeds", f"{first}-{first + CLUSTER_SEEDS - 1}", "--brokers", "3", "--verbose")
        self._judge(run)

    def test_a_seed_decides_everything(self) -> None:
        """Two processes that run one seed do the same, event by event and byte by byte; another seed does something else."""
        first = simulate("--seeds", "5,6", "--jobs", "1", "--verbose").fingerprints
        again = simulate("--seeds", "5,6", "--jobs", "1", "--verbose").fingerprints
        self.assertEqual(first, again)
        self.assertEqual(2, len(set(first)))
