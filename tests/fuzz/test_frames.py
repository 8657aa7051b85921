"""Requests that no client sends: they are answered or end their connection, and nobody else notices."""

from __future__ import annotations

import gc
import os
import time
from collections import Counter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from chronik.protocol.apis import api_name
from tests.fuzz.corpus import Corpus
from tests.fuzz.frames import ROUND_FRAMES, Report, Target, attack, samples
from tests.fuzz.mutation import Mutator
from tests.lengths import length, report, seed

FRAMES = length(4_000, 1_000_000)

MEMORY_BYTES_MAX = 300 << 20
"""How much this process may grow: what brokers in memory leave behind is collected late."""

FIRST_SEED = seed(1)


def resident_bytes() -> int:
    """Memory of this process that is in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class FrameTests(SynchronousTestCase):
    """All against brokers in memory, in this process."""

    timeout = 14_400

    def check(self, found: Report) -> None:
        """Nothing was found; what was names its frame."""
        self.flushLoggedErrors()
        self.assertEqual([], found.findings[:5], "\n".join(f"{what}\n    frame {frame.hex()[:2000]}" for what, frame in found.findings[:20]))

    def test_corpus(self) -> None:
        """Every frame that once did something new, or harm, is sent again."""
        frames, found = Corpus.load().frames, Report()
        self.assertTrue(frames)
        target = Target(found)
        for number, frame in enumerate(frames):
            target.send([frame], 0.01)
            if number % 50 == 49:
                target.check()
                target.close()
                target = Target(found)
        target.check()
        target.close()
        self.check(found)

    def test_samples(self) -> None:
        """What everything is made of is valid: each is answered, in every version, and there is one of each."""
        found = Report()
        for sample in samples():
            target = Target(found)
            (outcome,) = target.send([sample.frame()], 1.0)
            target.close()
            self.assertNotIn(outcome, ("ended", "silent"), f"{api_name(sample.api_key)} {sample.version}")
        self.check(found)

    def test_mutated(self) -> None:
        """Every answer can be read, none says UNKNOWN_SERVER_ERROR, nothing unforeseen is logged, the other client has all it was promised."""
        mutator = Mutator(samples(), Corpus.load().frames)
        before, began = resident_bytes(), time.monotonic()
        found = Report()
        for done in range(0, FRAMES, ROUND_FRAMES):
            attack(found, mutator.frame, FIRST_SEED * 1_000_000 + done, min(ROUND_FRAMES, FRAMES - done))
            if found.findings:
                break
        self.check(found)
        self.assertEqual(FRAMES, found.frames)
        gc.collect()
        self.assertLess(resident_bytes() - before, MEMORY_BYTES_MAX)
        versions = Counter(name for name, _, _ in {(name, version, "") for name, version, _ in found.outcomes})
        report(
            f"{found.frames} frames, {len(found.outcomes)} outcomes of {len(versions)} APIs, slowest {found.slowest[0]:.2f} s, "
            f"{(resident_bytes() - before) >> 20} MB more, {time.monotonic() - began:.0f} s"
        )
