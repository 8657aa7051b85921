"""Runs the search process inside the simulation: all of it but its threads, and an index of digests as its backend."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from chronik.search.feed_messages import FED, PARTITION
from chronik.search.supervisor import CONTROL_FD
from chronik.search.wire import ControlProtocol, Head
from chronik.search.worker.assembly import Assembly, make_backend
from chronik.search.worker.limits import IndexLimits
from chronik.search.worker.process import Own
from chronik.search.worker.threads import Run
from chronik.testing.simulation.pools import SeededThreadPools
from chronik.testing.simulation.processes import Ends
from chronik.testing.simulation.reactor import SimulatedReactor

BACKEND: Final = "chronik.testing.simulation.indexes:EntryIndexes"

MEMORY_BYTES: Final = 50 << 20

LIMITS: Final[Sequence[Mapping[str, Any]]] = (
    {},
    {"hot_lag_min": 30, "shard_documents_min": 5, "shard_documents_max": 60, "commit_documents_max": 20, "hot_rate_min": 5.0, "writers_max": 2},
    {"partition_tail_documents_max": 20, "shard_documents_min": 10, "tail_documents_max": 60, "writers_max": 1},
    {"partition_tail_documents_max": 5, "fetch_bytes_max": 500, "follow_partitions_max": 2, "shard_documents_max": 10, "writers_max": 2},
)
"""As it comes, and so small that few records go all the ways that there are."""


@dataclass(frozen=True, slots=True)
class SimulatedThreads:
    """The threads of a search process."""

    write: Run
    search: Run

    def start(self) -> None:
        """Nothing to be begun."""


class SearchPrograms:
    """Search processes of one machine.

    :param root: a real directory for what they index, this machine's own.
    """

    def __init__(self, root: str, random: Random) -> None:
        self.root = root
        self._random = random
        self._limits: dict[str, Any] = {"audit_interval_s": 2.0, **random.choice(LIMITS)}

    def run(self, reactor: SimulatedReactor, settings_json: bytes, ends: Ends, end: Callable[[], None]) -> None:
        """See :data:`~chronik.testing.simulation.processes.Program`."""
        settings = json.loads(settings_json)
        pools = SeededThreadPools(reactor, Random(self._random.random()))
        threads = SimulatedThreads(pools.worker("index").run, pools.worker("search").run)
        limits = IndexLimits(**{**settings["limits"], **self._limits})
        backend = make_backend(settings["backend"], settings["options"])
        assembly = Assembly(reactor, threads, backend, limits, Own(1, lambda: MEMORY_BYTES), end)
        assembly.start()
        for descriptor, protocol in assembly.sessions.items():
            if descriptor == CONTROL_FD:
                assert isinstance(protocol, ControlProtocol)
                self._below_root(protocol)
            ends[descriptor].begin(protocol)

    def _below_root(self, control: ControlProtocol) -> None:
        """The broker's directories are in memory; those of the index are below ours."""
        received = control._received

        def elsewhere(head: Head, body: bytes) -> None:
            if head["type"] == PARTITION:
                head = {**head, "directory": self.root + head["directory"]}
            elif head["type"] == FED:
                head = {**head, "roots": [self.root + root for root in head["roots"]]}
            received(head, body)

        control._received = elsewhere

    # -- what happens to it -------------------------------------------------------------------------------------------

    def files(self) -> list[str]:
        """All that is indexed."""
        return sorted(os.path.join(parent, name) for parent, _, names in os.walk(self.root) for name in names)

    def damage(self, random: Random) -> bool:
        """Change, cut or remove something, from outside; whether there was anything."""
        files = self.files()
        if not files:
            return False
        path = random.choice(files)
        kind = random.randrange(3)
        if kind == 0:
            shutil.rmtree(os.path.dirname(path))
        elif kind == 1:
            os.truncate(path, random.randrange(os.path.getsize(path)))
        else:
            with open(path, "r+b") as file:
                file.seek(random.randrange(os.path.getsize(path)))
                file.write(b"\xff")
        return True
