"""Damages requests for as long as one likes: ``python -m tests.fuzz frames --count 1000000 --seed 7 --keep``."""

from __future__ import annotations

import argparse
import faulthandler
import resource
import sys
import time
from random import Random

from tests.fuzz.corpus import Corpus, worth_keeping
from tests.fuzz.frames import Report, attack, samples
from tests.fuzz.mutation import Mutator

HANG_SECONDS = 120
"""No thousand frames take so long: the stack is printed and the program ends."""


def frames(options: argparse.Namespace) -> int:
    """Send frames; 1 when something was found."""
    corpus = Corpus.load()
    mutator = Mutator(samples(), corpus.frames)
    report, began, told = Report(), time.monotonic(), 0
    step = 2_000
    for done in range(0, options.count, step):
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        attack(report, mutator.frame, Random(f"{options.seed} {done}").randrange(1 << 30), min(step, options.count - done))
        if options.keep:
            corpus.extend(worth_keeping(report, corpus))
        if len(report.findings) > told or done % 20_000 == 0:
            for what, frame in report.findings[told : told + 5]:
                print(f"FOUND {what}\n  {frame.hex()[:400]}", flush=True)
            told = len(report.findings)
            resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{report.frames} frames, {time.monotonic() - began:.0f} s, {len(report.outcomes)} outcomes, {told} findings, {resident} MB", flush=True)
    faulthandler.cancel_dump_traceback_later()
    print(f"slowest: {report.slowest[0]:.3f} s {report.slowest[1].hex()[:200]}")
    if options.keep:
        corpus.save()
    return int(bool(report.findings))


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("what", choices=("frames",))
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="put frames with new outcomes into the corpus")
    return frames(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
