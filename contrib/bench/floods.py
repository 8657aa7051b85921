"""A normal client alone, and beside ten thousand hostile connections of each kind: what it notices, and what they cost the broker.

``python contrib/bench/floods.py`` attacks a broker of its own, a new one for each kind, and ends with status 1 when a promise is broken. The normal
client is there before the attack; it produces a small record and fetches it again, 200 times a second. The attacker runs at the lowest priority
there is (see :mod:`hostile`). What is promised: the client's p99 at most doubles, the broker's memory stays under a bound, and its reactor never
computes for longer than 50 ms without looking at anything else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import attacks
import hostile
import steady
from processes import cpu_seconds

from tests.integration.access import ANYBODY
from tests.integration.clients import create
from tests.integration.harness import Broker, free_ports
from tests.security.tls.authority import broker as broker_certificate
from tests.security.tls.authority import ca_file, file

MEMORY_MB_MAX = 512.0
"""What the broker may take at its peak."""

STALL_MS_MAX = 50.0
SLOWER_MAX = 2.0
SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Latencies:
    """What a client waited for, in ms."""

    p50: float
    p99: float
    longest: float
    count: int

    @classmethod
    def of(cls, times: Sequence[float]) -> Latencies:
        """Of so many seconds each."""
        ordered = sorted(times)
        if not ordered:
            return cls(float("inf"), float("inf"), float("inf"), 0)
        return cls(*(ordered[int(share * (len(ordered) - 1))] * 1e3 for share in (0.5, 0.99, 1.0)), len(ordered))

    def __str__(self) -> str:
        """For a table."""
        return f"{self.p50:7.2f} {self.p99:8.2f} {self.longest:8.1f}"


@dataclass(frozen=True, slots=True)
class Result:
    """One kind of attack.

    :ivar before: what the client waited for alone.
    :ivar during: what it waited for beside the attack.
    :ivar stall_ms: the longest the broker's reactor computed at a stretch.
    :ivar late_ms: the longest that it did nothing else, which the machine may be the reason for.
    :ivar memory_mb: the broker's peak.
    :ivar busy: processors that the broker used.
    :ivar counts: what the attacker counted.
    """

    kind: str
    before: Latencies
    during: Latencies
    stall_ms: float
    late_ms: float
    memory_mb: float
    busy: float
    seconds: float
    counts: Mapping[str, int]

    @property
    def broken(self) -> list[str]:
        """Promises that do not hold."""
        found = []
        if self.during.p99 > SLOWER_MAX * self.before.p99:
            found.append("p99")
        if self.stall_ms > STALL_MS_MAX:
            found.append("stall")
        if self.memory_mb > MEMORY_MB_MAX:
            found.append("memory")
        return found

    def __str__(self) -> str:
        """A line of the table."""
        told = ", ".join(f"{count} {name}" for name, count in self.counts.items() if name not in ("bytes answered", "made"))
        rate = self.counts.get("made", 0) / self.seconds
        broken = f"  BROKEN: {', '.join(self.broken)}" if self.broken else ""
        return (
            f"{self.kind:<16}{self.before} |{self.during} |{self.stall_ms:6.1f} {self.late_ms:7.1f} {self.memory_mb:6.0f} {self.busy:5.2f} "
            f"{rate:7.0f}/s  {told}{broken}"
        )


HEADING = f"{'':16}{'alone: p50, p99, longest':>25} |{'attacked: the same':>25} |{'stall, late':>14} {'MB':>6} {'CPUs':>5} {'made':>9}"


class Target:
    """A broker with a listener of each kind.

    :param source: the tree whose broker it is.
    :param settings: more of its configuration.
    """

    def __init__(self, source: Path, settings: Mapping[str, str]) -> None:
        environ = {**os.environ, "PYTHONPATH": str(source)}
        self.ports = dict(zip(("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"), free_ports(4), strict=True))
        self.broker = Broker(environ=environ, access=ANYBODY)
        self.broker.port = self.ports["PLAINTEXT"]
        self.ports["HTTP"] = self.broker.http_port
        users = Path(self.broker.directory) / "users"
        users.write_text(f"{attacks.USER} = {attacks.PASSWORD}\n")
        users.chmod(0o600)
        self.broker.settings |= {
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in self.ports.items() if name != "HTTP"),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "ssl.keystore.location": file(broker_certificate()),
            "ssl.truststore.location": ca_file(),
            "users.bootstrap.file": str(users),
            **settings,
        }

    def start(self) -> None:
        """Start it, with its topics."""
        self.broker.start()
        for topic in (steady.TOPIC, attacks.BOMBS):
            create(self.broker, topic)
        create(self.broker, attacks.COMPACTED_BOMBS, cleanup_policy="compact")

    @property
    def peak_mb(self) -> float:
        """The most memory it had since it was started."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.broker.pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024 / 1e6

    def stalls_ms(self) -> tuple[float, float]:
        """The longest its reactor has computed at a stretch, and the longest it has done nothing else for whatever reason."""
        names = ("chronik_reactor_stall_longest_busy_seconds", "chronik_reactor_stall_longest_seconds")
        computed, late = (self.broker.metric(name) * 1e3 for name in names)
        return computed, late


def attacked(kind: str, options: argparse.Namespace) -> Result:
    """Measure one kind of attack, on a broker of its own."""
    target = Target(options.source, dict(pair.split("=", 1) for pair in options.set))
    try:
        target.start()
        return _measured(kind, target, options)
    finally:
        if options.keep_log:
            Path(options.keep_log).write_text(target.broker.log())
        target.broker.close()


def _measured(kind: str, target: Target, options: argparse.Namespace) -> Result:
    out = Path(target.broker.directory) / "latencies"
    seconds = SETTLE_SECONDS + options.alone + options.seconds
    arguments = [sys.executable, str(Path(__file__).with_name("steady.py")), str(target.broker.port), str(seconds + 5), str(out)]
    client = subprocess.Popen(arguments)
    try:
        time.sleep(SETTLE_SECONDS)
        began = time.monotonic()
        time.sleep(options.alone)
        attack_began, used = time.monotonic(), cpu_seconds(target.broker.pid)
        counts = _attack(kind, target.ports[attacks.KINDS[kind].listener], options)
        ended = time.monotonic()
        busy = (cpu_seconds(target.broker.pid) - used) / (ended - attack_began)
        client.send_signal(signal.SIGINT)
        client.wait(70)
        stall, late = target.stalls_ms()
    finally:
        if client.poll() is None:
            client.kill()
            client.wait()
    rows = [tuple(map(float, line.split())) for line in out.read_text().splitlines()]
    before = [took for at, *both in rows if began <= at < attack_began for took in both]
    during = [took for at, *both in rows if attack_began <= at < ended for took in both]
    return Result(kind, Latencies.of(before), Latencies.of(during), stall, late, target.peak_mb, busy, ended - attack_began, counts)


def _attack(kind: str, port: int, options: argparse.Namespace) -> Mapping[str, int]:
    """In a process of its own; what it counted."""
    arguments = ["--attacker", kind, str(port), "--connections", str(options.connections), "--seconds", str(options.seconds)]
    arguments += ["--nicer", str(options.nicer)] if options.nicer is not None else []
    told = subprocess.run([sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True, timeout=options.seconds + 60)
    counts: dict[str, int] = json.loads(told.stdout)
    return counts


def _be_attacker(kind: str, port: int, connections: int, seconds: float, nicer: int | None) -> None:
    hostile.be_nice(nicer)
    attack = hostile.Attack(port, connections, attacks.KINDS[kind].script)
    attack.run(seconds)
    print(json.dumps(attack.counts))


def main() -> int:
    """Measure and print; 1 when a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("kinds", nargs="*", help=f"which attacks, of {', '.join(attacks.KINDS)}; without any, all")
    parser.add_argument("--connections", type=int, default=10_000, help="hostile connections at once")
    parser.add_argument("--alone", type=float, default=10.0, help="seconds that the client is alone before")
    parser.add_argument("--seconds", type=float, default=40.0, help="seconds of each attack; some deadlines are 30 s")
    parser.add_argument("--nicer", type=int, help="how much nicer the attacker is than the others; else it runs when nobody else wants to")
    parser.add_argument("--source", type=Path, default=Path(__file__).parents[2], help="the tree whose broker is attacked")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another setting of the broker")
    parser.add_argument("--keep-log", help="write the log of the last broker there")
    parser.add_argument("--attacker", nargs=2, metavar=("KIND", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attacker:
        _be_attacker(options.attacker[0], int(options.attacker[1]), options.connections, options.seconds, options.nicer)
        return 0
    unknown = set(options.kinds) - attacks.KINDS.keys()
    if unknown:
        parser.error(f"no such attack: {', '.join(sorted(unknown))}")
    broken = [_told(result) for result in _results(options)]
    return int(any(broken))


def _results(options: argparse.Namespace) -> Iterator[Result]:
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, {options.connections} connections, times in ms\n{HEADING}", flush=True)
    for kind in options.kinds or attacks.KINDS:
        yield attacked(kind, options)


def _told(result: Result) -> bool:
    print(result, flush=True)
    return bool(result.broken)


if __name__ == "__main__":
    sys.exit(main())
