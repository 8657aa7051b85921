"""The simulator finds what it is for: every broker that is broken on purpose is caught."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from tests.lengths import LONG
from tests.simulation import access_variants, cluster_variants, promise_variants, search_variants, variants
from tests.simulation.runs import simulate

SEEDS_MAX = 40
"""Within so many seeds each is caught; most are by the first."""

QUICK = (
    variants.acknowledge_before_sync,
    variants.accept_duplicates,
    variants.forget_commits,
    variants.give_what_is_taken,
    variants.trim_in_memory,
    search_variants.search_what_is_not_committed_yet,
    promise_variants.take_gaps,
)
"""Those that a short run looks at."""


ACCESS_QUICK = (
    access_variants.keep_what_was_allowed,
    access_variants.let_anyone_replicate,
    access_variants.serve_before_the_proof,
)
"""Those that let in or allow too much that a short run looks at."""

CLUSTER_QUICK = (
    cluster_variants.two_leaders_of_an_epoch,
    cluster_variants.report_before_flush,
    cluster_variants.truncate_to_the_high_watermark,
)
"""Those of several brokers that a short run looks at."""


class VariantTests(SynchronousTestCase):
    """One broken broker after the other."""

    def test_each_is_caught(self) -> None:
        """Some seed finds something in each, which none does in the broker as it is."""
        for variant in (*variants.ALL, *promise_variants.ALL, *search_variants.ALL) if LONG else QUICK:
            self._is_caught(variant, 1)

    def test_each_of_a_cluster_is_caught(self) -> None:
        """The same with three brokers, which are broken in what they do together."""
        for variant in (*cluster_variants.ALL, search_variants.index_ahead_of_log) if LONG else CLUSTER_QUICK:
            self._is_caught(variant, 3)

    def test_each_of_access_control_is_caught(self) -> None:
        """The same where clients have to say who they are, and may not do everything."""
        for variant in access_variants.ALL if LONG else ACCESS_QUICK:
            self._is_caught(variant, 1, "--access", "sasl")

    def _is_caught(self, variant: Callable[[], None], brokers: int, *more: str) -> None:
        name = f"{variant.__module__}:{variant.__name__}"
        kind = {**variants.KINDS, **cluster_variants.KINDS}.get(variant, "")
        run = simulate("--seeds", f"0-{SEEDS_MAX - 1}", "--brokers", str(brokers), "--kind", kind, "--variant", name, "--until-found", *more)
        self.assertGreater(run.failed, 0, f"{variant.__name__} was not found in {SEEDS_MAX} seeds")

    def test_quick_ones_are_among_all(self) -> None:
        """What a short run looks at, a long one does too."""
        self.assertLessEqual(set(QUICK), {*variants.ALL, *promise_variants.ALL, *search_variants.ALL})
        self.assertLessEqual(set(CLUSTER_QUICK), set(cluster_variants.ALL))
        self.assertLessEqual(set(ACCESS_QUICK), set(access_variants.ALL))
