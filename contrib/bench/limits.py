"""What an idle broker takes, how soon it starts, and how soon a record is found: measured, and held against what was promised.

``python contrib/bench/limits.py`` does it all and ends with status 1 when a limit is broken. Measure on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from tests.integration.clients import create
from tests.integration.freshness import freshness
from tests.integration.harness import Broker, children, eventually, resident_bytes

STARTS = 5
IDLE_SECONDS = 10.0
SETTLE_SECONDS = 3.0
RATE = 200.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One row.

    :ivar title: with the unit.
    :ivar limit: what was promised; None for a row without a promise.
    """

    title: str
    value: float
    limit: float | None = None

    @property
    def broken(self) -> bool:
        """Whether it is more than was promised."""
        return self.limit is not None and self.value > self.limit

    def __str__(self) -> str:
        """A line of the table."""
        limit = "" if self.limit is None else f"(at most {self.limit:g})"
        return f"{self.title:<66} {self.value:>10.2f}  {limit}{' BROKEN' if self.broken else ''}"


def cpu_seconds(pid: int) -> float:
    """User and system time of one process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def starting(broker: Broker) -> Iterator[Figure]:
    """Times from the command to the line that says it is ready, on an empty directory and on one in use."""
    for title in ("start on an empty directory (s)", "start on a directory in use (s), median"):
        took = []
        for _ in range(1 if "empty" in title else STARTS):
            began = time.monotonic()
            broker.start()
            took.append(time.monotonic() - began)
            broker.stop()
        yield Figure(title, statistics.median(took), 1.0)


def idling(broker: Broker) -> Iterator[Figure]:
    """What the broker and its search process take while nothing happens."""
    (search,) = eventually(lambda: children(broker.pid), what="a search process")
    time.sleep(SETTLE_SECONDS)
    before = {pid: cpu_seconds(pid) for pid in (broker.pid, search)}
    time.sleep(IDLE_SECONDS)
    for name, pid, limit in (("broker", broker.pid, 80.0), ("search process", search, 60.0)):
        yield Figure(f"idle {name}, resident (MB)", resident_bytes(pid) / 1e6, limit)
        share = (cpu_seconds(pid) - before[pid]) / IDLE_SECONDS * 100
        yield Figure(f"idle {name}, processor (% of a core)", share, 1.0)


def finding(broker: Broker, seconds: float) -> Iterator[Figure]:
    """From acknowledgement to found, at a steady rate."""
    found = freshness(broker, create(broker, "fresh", 3), int(RATE * seconds), RATE)
    yield Figure(f"acknowledged to found, {RATE:.0f} records a second: p50 (ms)", found[len(found) // 2] * 1e3)
    yield Figure("the same: p99 (ms)", found[len(found) * 99 // 100] * 1e3, 300.0)
    yield Figure("the same: longest (ms)", found[-1] * 1e3)


def stalling(broker: Broker) -> Iterator[Figure]:
    """The longest time that the broker's reactor was kept from its work meanwhile."""
    yield Figure("longest stall of the reactor (ms)", broker.metric("chronik_reactor_stall_longest_seconds") * 1e3, 50.0)
    yield Figure("the same, computing (ms)", broker.metric("chronik_reactor_stall_longest_busy_seconds") * 1e3)


def main() -> int:
    """Measure and print; 1 when a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long records are produced and looked for")
    options = parser.parse_args()
    broker, broken = Broker(), False
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}", flush=True)
    try:
        for figure in _figures(broker, options.seconds):
            print(figure, flush=True)
            broken = broken or figure.broken
    finally:
        broker.close()
    return int(broken)


def _figures(broker: Broker, seconds: float) -> Iterator[Figure]:
    yield from starting(broker)
    broker.start()
    yield from idling(broker)
    yield from finding(broker, seconds)
    yield from stalling(broker)


if __name__ == "__main__":
    sys.exit(main())
