"""What a broker needs of the machine that it runs on. A simulated one has another provider for each, and runs the same broker."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from chronik.clocks import WallClock
from chronik.defer import IThreadPools
from chronik.descriptors import DescriptorShares, take_descriptors
from chronik.logs import LOG_LEVELS, LogLevels
from chronik.network.busypoll import BusyPoll, IBusyPoll
from chronik.plugin import IBackendMaker, find_backend
from chronik.storage.filesystem import RealFileSystem
from chronik.storage.interfaces import IFileSystem
from chronik.threads import ReactorThreadPools

GC_THRESHOLDS: Final = (10_000, 20, 50)
"""Decoding makes many objects that live long enough to be looked at again and again; by default that costs several times the decoding. With more
young objects than this one look at them would keep the reactor for tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a broker runs.

    :ivar reactor: TCP, threads, processes, and timers, which go by a clock that nobody sets; see :mod:`chronik.clocks`.
    :ivar wall_clock: the time of day, which somebody may set.
    :ivar descriptors: how many files and sockets may be open.
    :ivar random: gives that many random bytes, which nobody can guess.
    :ivar cpu_seconds: what the reactor's thread has used of a processor.
    :ivar busy_poll: keeps the reactor's thread awake for a moment; see :mod:`~chronik.network.busypoll`.
    :ivar backend: finds the maker of a seam's backend by the names of both; see :func:`~chronik.plugin.find_backend`.
    :ivar say: prints a line on the terminal.
    :ivar complain: prints a line where errors go.
    :ivar log_levels: what is logged, and what is not.
    :ivar settle: called once when everything that lives as long as the broker has been made, before anybody is served.
    """

    reactor: Any
    wall_clock: WallClock
    file_system: IFileSystem
    pools: IThreadPools
    descriptors: DescriptorShares
    random: Callable[[int], bytes]
    cpu_seconds: Callable[[], float]
    busy_poll: IBusyPoll
    backend: Callable[[str, str], IBackendMaker]
    say: Callable[[str], None]
    complain: Callable[[str], None]
    settle: Callable[[], None]
    log_levels: LogLevels = field(default_factory=LogLevels)

    def random_below(self, limit: int) -> int:
        """A random whole number from 0 to below ``limit``, which is less than 2^32."""
        return int.from_bytes(self.random(8), "big") % limit


def real_machine(reactor: Any) -> Machine:
    """The one that this process runs on."""
    return Machine(
        reactor=reactor,
        wall_clock=time.time,
        file_system=RealFileSystem(),
        pools=ReactorThreadPools(reactor),
        descriptors=take_descriptors(),
        random=os.urandom,
        cpu_seconds=time.thread_time,
        busy_poll=BusyPoll(reactor),
        backend=find_backend,
        say=_say,
        complain=_complain,
        settle=_tune,
        log_levels=LOG_LEVELS,
    )


def _say(line: str) -> None:
    print(line, file=sys.__stdout__, flush=True)


def _complain(line: str) -> None:
    print(line, file=sys.__stderr__, flush=True)


def _tune() -> None:
    """What was made so far need not be looked at again by the garbage collector. Before anybody is served, for it takes as long as many requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
