"""Runs many seeds over the cores, each in a process of its own, and tells what came of them."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chronik.testing.simulation.faults import FAULTS
from chronik.testing.simulation.logs import SimulatedLog
from chronik.testing.simulation.plans import missed, unheard
from chronik.testing.simulation.scenario import Outcome, Play, run
from chronik.testing.simulation.world import ANOTHER, STATES

SECONDS_MAX: Final = 120
"""Of the processor's time: a run that takes longer hangs."""

HASH_SEED: Final = "0"
"""Sets of strings must be walked in the same order by every process."""

_MEMORY: Final = "/dev/shm"
"""Where files cost least, on systems that have it."""

SEEDS_FOR_ALL: Final = 25
"""In so many seeds of several brokers clients are told whatever they may be told often."""

LISTED_MAX: Final = 100
"""Kinds of requests, and of errors, that the summary lists."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to run.

    :ivar until_found: end after the first run that finds something.
    :ivar variant: ``module:function`` that is called before anything is made, to break something; empty for none.
    """

    plays: Sequence[Play]
    jobs: int
    variant: str = ""
    until_found: bool = False


def with_fixed_hashes(module: str, arguments: Sequence[str]) -> None:
    """Begin this program anew with :data:`HASH_SEED`, unless it was begun so."""
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        os.execve(sys.executable, [sys.executable, "-m", module, *arguments], {**os.environ, "PYTHONHASHSEED": HASH_SEED})


def outcomes(request: Request) -> Iterator[Outcome]:
    """Run everything, and give each outcome as it comes."""
    left = iter(request.plays)
    selector = selectors.DefaultSelector()
    gc.collect()
    gc.freeze()
    scratch = tempfile.mkdtemp(prefix="chronik-simulation-", dir=_MEMORY if os.path.isdir(_MEMORY) else None)
    try:
        for _ in range(request.jobs):
            _begin(selector, left, request.variant, scratch)
        while selector.get_map():
            for key, _ in selector.select():
                child: _Child = key.data
                if child.read():
                    continue
                selector.unregister(child.pipe)
                outcome = child.outcome()
                yield outcome
                if outcome.findings and request.until_found:
                    return
                _begin(selector, left, request.variant, scratch)
    finally:
        for key in list(selector.get_map().values()):
            key.data.kill()
        selector.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _begin(selector: selectors.BaseSelector, left: Iterator[Play], variant: str, scratch: str) -> None:
    play = next(left, None)
    if play is not None:
        child = _Child(play, variant, scratch)
        selector.register(child.pipe, selectors.EVENT_READ, child)


class _Child:
    """A process that runs one play and writes its outcome to a pipe."""

    def __init__(self, play: Play, variant: str, scratch: str) -> None:
        self._play = play
        self._data = bytearray()
        self.pipe, theirs = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            os.close(self.pipe)
            _in_child(play, variant, theirs, scratch)
        os.close(theirs)

    def read(self) -> bool:
        """Take what it wrote; False at its end."""
        data = os.read(self.pipe, 1 << 16)
        self._data += data
        return bool(data)

    def outcome(self) -> Outcome:
        """What it wrote."""
        os.close(self.pipe)
        _, status = os.waitpid(self._pid, 0)
        if not self._data:
            what = f"the process that ran it ended with status {status}: it hung, or died"
            return Outcome(self._play.seed, self._play.arguments, [what])
        return Outcome(**json.loads(bytes(self._data)))

    def kill(self) -> None:
        """Nobody wants to know any more."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self.pipe)


def _in_child(play: Play, variant: str, pipe: int, scratch: str) -> None:
    """Run it and end the process, without what ends a process usually: that belongs to the parent."""
    status = 1
    try:
        # Shows where it is, and then does what the signal does usually: ends the process.
        faulthandler.register(signal.SIGPROF, chain=True)
        signal.setitimer(signal.ITIMER_PROF, SECONDS_MAX)
        with os.fdopen(pipe, "wb") as out:
            out.write(json.dumps(run_here(play, variant, scratch).as_json()).encode())
        status = 0
    finally:
        os._exit(status)


def run_here(play: Play, variant: str = "", scratch: str | None = None) -> Outcome:
    """Run one play in this process, which should run no other: what modules keep would not be as it was.

    :param scratch: a real directory for files that do not outlive the run; None for the usual one.
    """
    log = SimulatedLog()
    log.begin()
    # When cycles are collected depends on more than the seed, and what was dropped may do something then.
    gc.disable()
    if variant:
        named(variant)()
    # By a path that is the same in every run: some errors that a broker is told of name files.
    with tempfile.TemporaryDirectory(dir=scratch) as files, contextlib.chdir(files):
        outcome = run(play, ".")
    outcome.findings += [f"logged: {failure}" for failure in log.failures]
    outcome.log = list(log.lines)
    return outcome


def named(variant: str) -> Callable[[], None]:
    """A function by ``module:function``."""
    module, _, function = variant.partition(":")
    found: Callable[[], None] = getattr(importlib.import_module(module), function)
    return found


# -- telling ----------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Summary:
    """Of many runs."""

    seeds: int = 0
    failed: int = 0
    operations: int = 0
    acknowledged: int = 0
    faults: int = 0
    restarts: int = 0
    operations_min: int = 1 << 60
    simulated_seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one."""
        operations = sum(outcome.operations.values())
        self.seeds += 1
        self.failed += bool(outcome.findings)
        self.operations += operations
        self.operations_min = min(self.operations_min, operations)
        self.acknowledged += outcome.acknowledged
        self.faults += outcome.faults
        self.restarts += outcome.restarts
        self.simulated_seconds += outcome.simulated_seconds


def table(met: Counter[str]) -> str:
    """How often each fault met each state."""
    states = [*STATES, ANOTHER]
    lines = [" " * 24 + " ".join(f"{state[:8]:>8}" for state in states)]
    for kind in FAULTS:
        lines.append(f"{kind:<24}" + " ".join(f"{met[f'{kind} / {state}']:>8}" for state in states))
    return "\n".join(lines)


def report(request: Request, say: Callable[[str], None], verbose: bool, least: int = 0) -> int:
    """Run everything and tell; how many seeds failed, which pairs of faults and states were met too seldom, and which refusals were never told.

    :param least: how often every fault is to meet every state.
    """
    began = time.monotonic()
    summary, met, kinds, errors = Summary(), Counter[str](), Counter[str](), Counter[str]()
    counts = Counter[str]()
    for outcome in outcomes(request):
        summary.add(outcome)
        met.update(outcome.met)
        kinds.update(outcome.operations)
        errors.update(outcome.errors)
        counts.update(outcome.counts)
        if outcome.findings or verbose:
            say(_of_one(outcome, verbose))
    say(table(met))
    say("requests: " + _listed(kinds))
    say("errors told: " + _listed(errors))
    say("also: " + _listed(counts))
    say(
        f"{summary.seeds} seeds, {summary.failed} failed; {summary.operations} requests ({summary.operations_min} at least in one), "
        f"{summary.acknowledged} records acknowledged, {summary.faults} faults, {summary.restarts} restarts, "
        f"{summary.simulated_seconds:.0f} s simulated in {time.monotonic() - began:.0f} s"
    )
    several, access = any(play.brokers > 1 for play in request.plays), any(play.secured for play in request.plays)
    seldom = missed(met, least, several, access)
    if seldom:
        say(f"less often than {least} times met: {'; '.join(seldom)}")
    of_all_kinds = sum(play.brokers > 1 for play in request.plays if not play.kind)
    silent = unheard(errors) if of_all_kinds >= SEEDS_FOR_ALL and not request.variant else []
    if silent:
        say(f"never told: {'; '.join(silent)}")
    return summary.failed + len(seldom) + len(silent)


def alone(play: Play, variant: str, say: Callable[[str], None], verbose: bool) -> int:
    """Run one play in this process, which is to run no other, and tell; how much was found."""
    outcome = run_here(play, variant, _MEMORY if os.path.isdir(_MEMORY) else None)
    say(_of_one(outcome, verbose))
    return len(outcome.findings)


def _of_one(outcome: Outcome, verbose: bool) -> str:
    requests = sum(outcome.operations.values())
    counts = f"{requests} requests, {outcome.faults} faults, {outcome.restarts} restarts, {outcome.seconds:.1f} s"
    lines = [f"seed {outcome.seed}: {len(outcome.findings)} findings; {counts}, {outcome.fingerprint}"]
    lines += [f"    {finding}" for finding in outcome.findings[:10]]
    if outcome.findings:
        lines.append(f"    again: python -m chronik.testing.simulation {outcome.arguments} --verbose")
    if verbose:
        lines += [f"    | {line}" for line in outcome.log]
    return "\n".join(lines)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common(LISTED_MAX))


def seeds_of(text: str) -> Iterable[int]:
    """Of ``3``, ``0-199`` or ``1,5,9``.

    :raises ValueError: it is none of these.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        found += range(int(first), int(last) + 1) if dash else [int(first)]
    return found


def plays_of(options: Any) -> list[Play]:
    """What the command line asks for.

    :raises ValueError: it cannot be understood.
    """
    brokers = [int(number) for number in options.brokers.split(",")]
    return [Play(seed, brokers[n % len(brokers)], options.faults, options.kind, options.access) for n, seed in enumerate(seeds_of(options.seeds))]
