"""``python -m chronik.testing.simulation``: run seeds, and tell what they found."""

from __future__ import annotations

import argparse
import os
import sys

from chronik.testing.simulation.faults import FAULTS
from chronik.testing.simulation.runner import Request, alone, plays_of, report, with_fixed_hashes
from chronik.testing.simulation.scenario import ACCESS


def main() -> int:
    """The exit status: 1 when a seed found something."""
    parser = argparse.ArgumentParser(prog="python -m chronik.testing.simulation", description="Simulate clusters, every step decided by a seed.")
    parser.add_argument("--seeds", default="0-19", help="as 7, 0-199 or 1,5,9")
    parser.add_argument("--brokers", default="1", help="brokers of each cluster; 1,3 for one and three in turns")
    parser.add_argument("--faults", type=int, default=20, help="faults of each run")
    parser.add_argument("--kind", default="", choices=("", *FAULTS), help="the only kind of fault that there is to be")
    parser.add_argument("--access", default="", choices=("", *ACCESS), help="open to everybody, or not; each seed decides where nothing is said")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time")
    parser.add_argument("--variant", default="", help="module:function that breaks something first, to see whether it is found")
    parser.add_argument("--until-found", action="store_true", help="end after the first seed that finds something")
    parser.add_argument("--meet", type=int, default=0, metavar="TIMES", help="fail unless every fault met every state so often that can be met")
    parser.add_argument("--here", action="store_true", help="run one seed in this very process, for profilers and whoever counts lines")
    parser.add_argument("--verbose", action="store_true", help="tell of every seed, with what its brokers logged")
    options = parser.parse_args()
    with_fixed_hashes("chronik.testing.simulation", sys.argv[1:])
    if options.here:
        return 1 if alone(plays_of(options)[0], options.variant, lambda text: print(text, flush=True), options.verbose) else 0
    request = Request(plays_of(options), options.jobs, options.variant, options.until_found)
    return 1 if report(request, lambda text: print(text, flush=True), options.verbose, options.meet) else 0


if __name__ == "__main__":
    sys.exit(main())
