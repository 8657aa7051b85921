"""The count of passed and failed tests is honest."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.meta.source import ROOT


def count(output: str) -> str:
    """What .ci/count says of an output."""
    done = subprocess.run([sys.executable, ROOT / ".ci" / "count"], input=output, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class CountTests(SynchronousTestCase):
    """.ci/count reads trial's summary."""

    def test_all_passed(self) -> None:
        """Successes are passes; skips are neither."""
        self.assertEqual("7 0", count("noise\nRan 9 tests in 0.1s\n\nPASSED (skips=2, successes=7)\n"))

    def test_failures_and_errors(self) -> None:
        """Failures and errors both fail, and what passed is not made up from the difference."""
        self.assertEqual("5 4", count("Ran 8 tests in 1.0s\n\nFAILED (failures=1, errors=3, successes=5)\n"))

    def test_nothing_passed(self) -> None:
        """When no test succeeded trial names none, and none is counted."""
        self.assertEqual("0 2", count("Ran 2 tests in 1.0s\n\nFAILED (errors=2)\n"))

    def test_crash(self) -> None:
        """Output without a summary is a failure: a killed run is not green."""
        self.assertEqual("0 1", count("Segmentation fault\n"))
        self.assertEqual("0 1", count("Ran 3 tests in 0.1s\n"))

    def test_summary_in_the_output_of_a_test(self) -> None:
        """The last summary is trial's own."""
        self.assertEqual("1 1", count("PASSED (successes=99)\nRan 2 tests in 0.1s\n\nFAILED (failures=1, successes=1)\n"))

    def test_unexpected_success(self) -> None:
        """A test that was to fail and did not is a failure, as trial has it."""
        self.assertEqual("1 1", count("Ran 2 tests in 0.1s\n\nFAILED (successes=1, unexpectedSuccesses=1)\n"))
