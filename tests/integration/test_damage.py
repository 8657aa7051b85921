"""What a broker makes of a data directory that something happened to: it refuses in one line, or says what it lost, or has it all."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.damage import Template, Trial, make_template
from tests.lengths import length, seed

STARTS = length(10, 300)
"""Damaged starts; each takes one to some seconds."""

FIRST_SEED = seed(0)


class DamageTests(SynchronousTestCase):
    """Seeded damage to any one file or directory; a failing seed is named, and does the same again."""

    timeout = 7_200
    templates: ClassVar[list[Template]] = []

    def setUp(self) -> None:
        """A directory of a broker that was stopped, and one of a broker that was killed."""
        if not self.templates:
            scratch = Path(tempfile.mkdtemp(prefix="chronik-damage-"))
            atexit.register(shutil.rmtree, scratch, ignore_errors=True)
            self.templates.extend(make_template(scratch / name, clean=name == "stopped") for name in ("stopped", "killed"))

    def check(self, seeds: range) -> None:
        """Each seed's damage, all problems at once."""
        problems = []
        for number in seeds:
            trial = Trial(self.templates[number % len(self.templates)], number)
            problems += [f"{trial.title}: {problem}" for problem in trial.run()]
        self.assertEqual([], problems, "\n".join(problems))

    def test_any_damage(self) -> None:
        """No start ends in a traceback or hangs, and nothing that was acknowledged is missing without a word."""
        self.check(range(FIRST_SEED, FIRST_SEED + STARTS))
