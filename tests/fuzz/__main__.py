"""Damages requests or files for as long as one likes: ``python -m tests.fuzz frames --count 1000000 --seed 7 --keep``."""

from __future__ import annotations

import argparse
import faulthandler
import resource
import sys
import time
from collections import Counter
from random import Random

from tests.fuzz.corpus import Corpus, worth_keeping
from tests.fuzz.files import Trial
from tests.fuzz.frames import Report, attack, samples
from tests.fuzz.mutation import Mutator

HANG_SECONDS = 300
"""No step takes so long: the stack is printed and the program ends."""

STEP = 2_000
TOLD_EVERY = 20_000


def frames(options: argparse.Namespace) -> int:
    """Send frames; 1 when something was found."""
    corpus = Corpus.load()
    mutator = Mutator(samples(), corpus.frames)
    report, began, told = Report(), time.monotonic(), 0
    for done in range(0, options.count, STEP):
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        attack(report, mutator.frame, Random(f"{options.seed} {done}").randrange(1 << 30), min(STEP, options.count - done))
        if options.keep:
            corpus.extend(worth_keeping(report, corpus))
        for what, frame in report.findings[told : told + 5]:
            print(f"FOUND {what}\n  {frame.hex()[:400]}", flush=True)
        if len(report.findings) > told or report.frames % TOLD_EVERY == 0 or report.frames == options.count:
            told = len(report.findings)
            took, outcomes = time.monotonic() - began, len(report.outcomes)
            print(f"{report.frames} frames, {took:.0f} s, {outcomes} outcomes, {told} findings, {_resident_mb()} MB", flush=True)
    faulthandler.cancel_dump_traceback_later()
    print(f"slowest: {report.slowest[0]:.3f} s {report.slowest[1].hex()[:200]}")
    if options.keep:
        corpus.save()
    return int(bool(report.findings))


def files(options: argparse.Namespace) -> int:
    """Damage files; 1 when something was found."""
    outcomes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    found, began = 0, time.monotonic()
    for number in range(options.seed, options.seed + options.count):
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        trial = Trial(("stopped", "killed", "cut")[number % 3], number).run()
        outcomes[trial.outcome] += 1
        kinds[trial.done.kind] += 1
        found += bool(trial.problems)
        for problem in trial.problems:
            print(f"FOUND {problem[:1500]}", flush=True)
        done, took = number + 1 - options.seed, time.monotonic() - began
        if done % 500 == 0:
            print(f"{done} files, {took:.0f} s, {dict(outcomes)}, {found} findings, {_resident_mb()} MB", flush=True)
    faulthandler.cancel_dump_traceback_later()
    print(f"{options.count} files, {time.monotonic() - began:.0f} s, {dict(outcomes)}, {found} findings; {dict(kinds)}")
    return int(bool(found))


def _resident_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("what", choices=("frames", "files"))
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="put frames with new outcomes into the corpus")
    options = parser.parse_args()
    return (frames if options.what == "frames" else files)(options)


if __name__ == "__main__":
    sys.exit(main())
