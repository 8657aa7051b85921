"""Chronik beside Apache Kafka and Tansu on this machine, under the same client, in interleaved rounds; prints a table of medians.

``python contrib/bench/bench.py`` does it all; ``--help`` says what can be left out. It needs a C compiler, librdkafka's headers, Java and Maven.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import one_request
from brokers import BROKERS, TLS_BROKERS, Broker, Running, Tools, obtain
from handshakes import handshakes_per_second
from processes import cpu_seconds, resident_mb

BUILD = Path(tempfile.gettempdir()) / "chronik-bench-build"
CALL_SECONDS_MAX = 150
IDLE_SECONDS = 3
SPREAD_PARTITIONS = 1000
SPREAD_ROUNDS = 9
MANY_PARTITIONS = 3000


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the table.

    :ivar title: with the unit.
    :ivar digits: after the point.
    """

    title: str
    digits: int = 0


CELLS: Mapping[str, Cell] = {
    "produce_1k": Cell("produce 1 KB, linger 5 ms (MB/s)"),
    "produce_1k_cpu": Cell("the same: broker CPU (s a GB)", 2),
    "consume_1k": Cell("consume 1 KB (MB/s)"),
    "consume_1k_cpu": Cell("the same: broker CPU (s a GB)", 2),
    "produce_100": Cell("produce 100 B, linger 5 ms (k records/s)"),
    "consume_100": Cell("consume 100 B (k records/s)"),
    "one_record": Cell("produce 100 B, one record a batch (k records/s)", 1),
    "sync_p50": Cell("produce one at a time, acks=all: p50 (us)"),
    "sync_p99": Cell("the same: p99 (us)"),
    "spread_one": Cell("a record to each of 1,000 partitions, one request, p50 (ms)", 1),
    "spread_many": Cell("the same, a request each, p50 (ms)", 1),
    "handshakes": Cell("TLS handshakes, TLS 1.3, P-256 (a second)"),
    "resumed": Cell("TLS 1.2 sessions resumed by ticket (a second)"),
    "many": Cell("3,000 partitions created, and a record in each (s)", 1),
    "many_kb": Cell("memory for each of them (KB)", 1),
    "many_clean": Cell("start after a clean stop (s)", 1),
    "many_killed": Cell("start after kill -9 (s)", 1),
    "start": Cell("start, empty (s)", 2),
    "idle_cpu": Cell("idle (% of a core)", 1),
    "idle_mb": Cell("resident, idle (MB)"),
    "loaded_mb": Cell("resident, after the load (MB)"),
}


class Round:
    """All cells of one broker, once, on a fresh start of it.

    :param running: the broker.
    :param load: the compiled client.
    :param scale: how much of the full load.
    """

    def __init__(self, running: Running, load: Path, scale: float) -> None:
        self._running = running
        self._load = load
        self._scale = scale
        self.figures: dict[str, float] = {"start": running.start_seconds}

    def measure(self) -> None:
        """Fill in the figures."""
        self._idle()
        self._warm_up()
        self._throughput("1k", 400_000, 1000)
        self._throughput("100", 1_500_000, 100)
        self._one_record_batches()
        self._one_at_a_time()
        if self._running.authority is None:
            self._spread()
        else:
            self._handshakes(self._running.authority)
        self.figures["loaded_mb"] = resident_mb(self._running.pid)

    def measure_partitions(self) -> None:
        """Fill in those of a broker with many partitions."""
        self.figures["idle_mb"] = before = resident_mb(self._running.pid)
        began = time.monotonic()
        self._call("create", "many", MANY_PARTITIONS)
        self._call("spread", "many", MANY_PARTITIONS, 1)
        self.figures["many"] = time.monotonic() - began
        self.figures["many_kb"] = (resident_mb(self._running.pid) - before) * 1e3 / MANY_PARTITIONS
        self.figures["many_clean"] = self._running.restart(signal.SIGTERM)
        self.figures["many_killed"] = self._running.restart(signal.SIGKILL)

    def _idle(self) -> None:
        time.sleep(IDLE_SECONDS)
        before = cpu_seconds(self._running.pid)
        time.sleep(IDLE_SECONDS)
        self.figures["idle_cpu"] = (cpu_seconds(self._running.pid) - before) / IDLE_SECONDS * 100
        self.figures["idle_mb"] = resident_mb(self._running.pid)

    def _warm_up(self) -> None:
        """Java compiles what runs often: let it, before anything is counted."""
        self._call("create", "warm", 4)
        self._call("produce", "warm", self._count(200_000), 500, 5, 10000)
        self._call("produce", "warm", self._count(20_000), 100, 0, 1)
        self._call("consume", "warm", self._count(200_000))

    def _throughput(self, name: str, records: int, size: int) -> None:
        topic, count = f"throughput-{name}", self._count(records)
        gigabytes = count * size / 1e9
        self._call("create", topic, 4)
        for kind, arguments in (("produce", (size, 5, 10000)), ("consume", ())):
            before = cpu_seconds(self._running.pid)
            seconds = self._call(kind, topic, count, *arguments)["seconds"]
            if size == 1000:
                self.figures[f"{kind}_{name}_cpu"] = (cpu_seconds(self._running.pid) - before) / gigabytes
                self.figures[f"{kind}_{name}"] = gigabytes * 1e3 / seconds
            else:
                self.figures[f"{kind}_{name}"] = count / seconds / 1e3

    def _one_record_batches(self) -> None:
        count = self._count(40_000)
        self._call("create", "one-record", 4)
        self.figures["one_record"] = count / self._call("produce", "one-record", count, 100, 0, 1)["seconds"] / 1e3

    def _one_at_a_time(self) -> None:
        self._call("create", "sync", 1)
        took = self._call("sync", "sync", self._count(4000), 100)
        self.figures["sync_p50"], self.figures["sync_p99"] = took["p50_us"], took["p99_us"]

    def _spread(self) -> None:
        self._call("create", "spread", SPREAD_PARTITIONS)
        self.figures["spread_many"] = self._call("spread", "spread", SPREAD_PARTITIONS, SPREAD_ROUNDS)["p50_ms"]
        took = [one_request.milliseconds(self._running.port, "spread", SPREAD_PARTITIONS) for _ in range(SPREAD_ROUNDS)]
        self.figures["spread_one"] = statistics.median(took)

    def _handshakes(self, authority: Path) -> None:
        for name, resumed in (("handshakes", False), ("resumed", True)):
            self.figures[name] = handshakes_per_second(self._running.port, authority, resumed)

    def _count(self, records: int) -> int:
        return max(1, int(records * self._scale))

    def _call(self, kind: str, *arguments: object) -> dict[str, float]:
        command = [str(self._load), kind, self._running.servers, *map(str, arguments)]
        environment = os.environ | ({} if self._running.authority is None else {"LOAD_CA": str(self._running.authority)})
        done = subprocess.run(command, capture_output=True, text=True, timeout=CALL_SECONDS_MAX, check=False, env=environment)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
        answer: dict[str, float] = json.loads(done.stdout or "{}")
        return answer


Figures: TypeAlias = Mapping[str, list[Mapping[str, float]]]
"""Each broker's rounds, each with its cells by their keys."""


def measure(
    brokers: Sequence[Broker], tools: Tools, rounds: int, scale: float, say: Callable[[str], None], what: Callable[[Round], None] = Round.measure
) -> Figures:
    """All rounds, the brokers in turn; a cell that fails ends its broker's round, with what it has so far.

    :param what: fills in the figures of a round.
    :param say: told each round's end.
    """
    figures: dict[str, list[Mapping[str, float]]] = {broker.name: [] for broker in brokers}
    for number in range(1, rounds + 1):
        for broker in brokers:
            began = time.monotonic()
            folder = Path(tempfile.mkdtemp(prefix="chronik-bench-"))
            running = Running(broker, tools, folder)
            one = Round(running, tools.load, scale)
            try:
                what(one)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                say(f"{broker.name}: {error}")
            finally:
                running.stop()
            figures[broker.name].append(one.figures)
            say(f"round {number} of {rounds}, {broker.name}: {time.monotonic() - began:.0f} s")
    return figures


def table(figures: Figures) -> str:
    """The medians as a table of reStructuredText."""
    rows = [["work", *figures]]
    for key, cell in CELLS.items():
        if not any(key in one for rounds in figures.values() for one in rounds):
            continue
        rows.append([cell.title, *(_median((one[key] for one in rounds if key in one), cell.digits) for rounds in figures.values())])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def _median(values: Iterable[float], digits: int) -> str:
    found = list(values)
    return f"{statistics.median(found):,.{digits}f}" if found else "–"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _machine(rounds: int, scale: float) -> str:
    load = os.getloadavg()[0]
    python = platform.python_version()
    return f"{os.cpu_count()} cores, Linux {platform.release()}, Python {python}, load average {load:.1f}; {rounds} rounds at scale {scale:g}"


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured")
    parser.add_argument("--scale", type=float, default=1.0, help="how much of the full load, such as 0.1 for a quick look")
    parser.add_argument("--tls", action="store_true", help="Chronik and Kafka with TLS beside both without it, instead of everything else")
    parser.add_argument("--partitions", action="store_true", help="3,000 partitions on Chronik and Kafka, instead of everything else")
    parser.add_argument("--brokers", help="which, of the table's columns")
    parser.add_argument("--build", type=Path, default=BUILD, help="where programs are kept for later runs")
    parser.add_argument("--load", type=Path, help="the compiled load.c")
    parser.add_argument("--kafka", type=Path, help="a folder with Apache Kafka's jars")
    parser.add_argument("--tansu", type=Path, help="the Tansu binary")
    parser.add_argument("--json", type=Path, help="a file for all figures of all rounds")
    return parser


def main() -> int:
    """Measure and print."""
    options = _options().parse_args()
    columns = (*BROKERS[:2], *TLS_BROKERS) if options.tls else BROKERS[:2] if options.partitions else BROKERS
    wanted = options.brokers.split(",") if options.brokers else [broker.name for broker in columns]
    unknown = set(wanted) - {broker.name for broker in columns}
    if unknown:
        print(f"no such broker: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    tools = obtain(options.build, options.load, options.kafka, options.tansu)
    chosen = [broker for broker in columns if broker.name in wanted]
    what = Round.measure_partitions if options.partitions else Round.measure
    figures = measure(chosen, tools, options.rounds, options.scale, _say, what)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1))
    print(f"{_machine(options.rounds, options.scale)}\n\n{table(figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
