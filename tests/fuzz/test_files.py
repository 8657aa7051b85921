"""Whatever happens to one file: a broker starts and says what is damaged, or refuses in one line that names it; nothing else is lost."""

from __future__ import annotations

import faulthandler
import time
from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.files import Trial
from tests.fuzz.memory import MEMORY_BYTES_MAX, resident_bytes
from tests.fuzz.scene import Template, template
from tests.lengths import length, report, seed

STARTS = length(30, 10_000)
"""Damaged disks; over each the broker starts twice."""

FIRST_SEED = seed(0)

ENDINGS = ("stopped", "killed", "cut")

HANG_SECONDS = 300
"""No single start takes so long: what hangs prints its stack and ends the tests."""


class FileTests(SynchronousTestCase):
    """A whole broker on a simulated machine."""

    timeout = 14_400

    def test_finds(self) -> None:
        """What must not be is found: a record that was acknowledged and is not there, though nothing of its partition was damaged."""
        whole = template("stopped")
        records = {place: [*found, (found[-1][0] + 1, b"one more")] for place, found in whole.records.items()}
        trial = Trial("stopped", 1, Template("stopped", whole.disk, records)).run()
        for topic, partition in records:
            self.assertTrue(any(f"('{topic}', {partition})" in problem for problem in trial.problems), trial.problems)

    def test_any_file(self) -> None:
        """Each seed's damage, all problems at once; a seed that failed does the same again."""
        outcomes: Counter[str] = Counter()
        problems: list[str] = []
        began, before = time.monotonic(), resident_bytes()
        for number in range(FIRST_SEED, FIRST_SEED + STARTS):
            faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
            trial = Trial(ENDINGS[number % len(ENDINGS)], number).run()
            outcomes[trial.outcome] += 1
            problems += trial.problems
        faulthandler.cancel_dump_traceback_later()
        self.flushLoggedErrors()
        self.assertLess(resident_bytes() - before, MEMORY_BYTES_MAX)
        self.assertEqual([], problems[:1], f"{len(problems)} problems:\n" + "\n".join(problems[:30]))
        report(f"{STARTS} damaged disks from seed {FIRST_SEED} on: {dict(outcomes)}; {time.monotonic() - began:.0f} s")
