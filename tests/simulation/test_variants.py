"""The simulator finds what it is for: every broker that is broken on purpose is caught."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.lengths import LONG
from tests.simulation import variants
from tests.simulation.runs import simulate

SEEDS_MAX = 40
"""Within so many seeds each is caught; most are by the first."""

QUICK = (
    variants.acknowledge_before_sync,
    variants.read_to_the_log_end,
    variants.accept_duplicates,
    variants.forget_commits,
    variants.give_what_is_taken,
    variants.trim_in_memory,
)
"""Those that a short run looks at."""


class VariantTests(SynchronousTestCase):
    """One broken broker after the other."""

    def test_each_is_caught(self) -> None:
        """Some seed finds something in each, which none does in the broker as it is."""
        for variant in variants.ALL if LONG else QUICK:
            name = f"{variants.__name__}:{variant.__name__}"
            run = simulate("--seeds", f"0-{SEEDS_MAX - 1}", "--variant", name, "--until-found")
            self.assertGreater(run.failed, 0, f"{variant.__name__} was not found in {SEEDS_MAX} seeds")

    def test_quick_ones_are_among_all(self) -> None:
        """What a short run looks at, a long one does too."""
        self.assertLessEqual(set(QUICK), set(variants.ALL))
