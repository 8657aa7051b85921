"""Records are found soon after they were acknowledged; how soon is measured by ``contrib/bench/limits.py``."""

from __future__ import annotations

from tests.integration.clients import create, unused_name
from tests.integration.freshness import freshness
from tests.integration.harness import BrokerTestCase
from tests.lengths import length, report

RECORDS = length(400, 12_000)

RATE = 200.0


class FreshnessTests(BrokerTestCase):
    """A steady trickle of records."""

    def test_each_is_found(self) -> None:
        """Every acknowledged record is found by its own word while others come."""
        found = freshness(self.broker, create(self.broker, unused_name("fresh"), 3), RECORDS, RATE)
        self.assertEqual(RECORDS, len(found))
        p50, p99 = found[RECORDS // 2], found[RECORDS * 99 // 100]
        report(f"{RATE:.0f} records a second: found {p50 * 1e3:.0f} ms (p50), {p99 * 1e3:.0f} ms (p99), {found[-1] * 1e3:.0f} ms (longest) later")
