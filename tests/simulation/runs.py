"""Runs the simulator as a program of its own: what modules keep, and how sets of strings are walked, must not come from these tests."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import NamedTuple


class Run(NamedTuple):
    """What it said.

    :ivar failed: how many seeds found something.
    :ivar status: of the process: 0 where nothing was found, and nothing missed.
    """

    failed: int
    status: int
    text: str

    @property
    def fingerprints(self) -> list[str]:
        """Of each seed, in the order in which they ended."""
        return re.findall(r"^seed .* ([0-9a-f]{32})$", self.text, re.MULTILINE)

    @property
    def findings(self) -> str:
        """Of all seeds that have some, and how to repeat each."""
        blocks = re.findall(r"^seed \d+: [1-9].*\n(?:    [^|\n].*\n)*", self.text, re.MULTILINE)
        return "".join(blocks) + self.text[-2_000:]

    def least(self, what: str) -> int:
        """The smallest number of something that any seed had."""
        return min(int(number) for number in re.findall(rf"^seed .*?(\d+) {what}", self.text, re.MULTILINE))


def simulate(*arguments: str) -> Run:
    """Run ``python -m chronik.testing.simulation`` with these arguments."""
    done = subprocess.run([sys.executable, "-m", "chronik.testing.simulation", *arguments], capture_output=True, text=True, check=False)
    found = re.search(r"^\d+ seeds, (\d+) failed", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout[-2000:] + done.stderr[-4000:]
    return Run(int(found[1]), done.returncode, done.stdout)
