"""Brokers on simulated machines: started, stopped, killed and cut off from their power as often as one likes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from twisted.internet.defer import Deferred

from chronik.broker import BrokerService
from chronik.config import Configuration
from chronik.descriptors import DescriptorShares
from chronik.machine import Machine
from chronik.metadata.memory import MemoryMetadataStore
from chronik.model import TopicId, TopicPartition
from chronik.network.busypoll import NoBusyPoll
from chronik.network.crowd import NO_CROWD
from chronik.plugin import find_backend
from chronik.replica.departures import is_shared
from chronik.security.interfaces import AuthContext
from chronik.storage.checkpoints import MOVED, decode_moved
from chronik.storage.memory import MemoryFileSystem
from chronik.testing.simulation.disk import SimulatedDisk
from chronik.testing.simulation.metadata import MetadataView, ViewMaker
from chronik.testing.simulation.network import Network
from chronik.testing.simulation.pools import SeededThreadPools
from chronik.testing.simulation.processes import ProcessReactor
from chronik.testing.simulation.search_process import BACKEND, SearchPrograms
from chronik.testing.simulation.timeline import START_SECONDS, Timeline

PORT: Final = 9092

BROKERS_PORT: Final = 9093
"""Of the listener that brokers use among themselves, where they have one of their own."""

DIRECTORIES: Final = ("/data", "/more")
"""Disks that a machine may have; the first is the metadata's too."""

LOG: Final = ".log"

RELIED_ON_LOOK_SECONDS: Final = 0.05
"""How often an operator looks whether others still count on a broker."""

UPTIME_SECONDS: Final = (3.0, 4_000.0, 50_000_000.0)
"""What a machine's monotonic clock may show when its broker starts."""

_SHARES: Final = DescriptorShares(files=48, connections=200, http_connections=10)

_found: Final = functools.cache(find_backend)


@dataclass(slots=True)
class Life:
    """One start of a broker, until it ends.

    :ivar logs: those that are open, or were, as :class:`~chronik.storage.interfaces.IPartitionLog`.
    :ivar moves: logs that went to another directory.
    :ivar feed: the metadata as it follows them; None before it does.
    :ivar phase: ``starting``, ``serving``, ``stopping`` or ``ended``.
    :ivar said: what it complained of.
    """

    reactor: ProcessReactor
    pools: SeededThreadPools
    view: MetadataView | None
    service: BrokerService
    logs: Mapping[tuple[TopicId, int], Any]
    phase: str = "starting"
    moves: int = 0
    feed: Any = None
    said: list[str] = field(default_factory=list)


class SimulatedBroker:
    """A machine, its disk, and the broker that it runs from time to time.

    :param number: the broker's id; decides its address.
    :param seed: a text that decides everything else about it.
    :param settings: of the broker.
    :param store: the cluster's metadata; None for a broker that keeps its own in a file.
    :param committing: told, with its id, whenever it is about to change the cluster's metadata.
    :param disks: how many it has.
    :param ended: told whenever it is down, with what it said when it gave up by itself.
    :param scratch: a real directory for what is indexed, if anything is.
    :param own: settings of its own, by its id and its address, beside what every broker has.
    :ivar lives: those before; kept, so that nothing of them is collected while others run.
    """

    def __init__(
        self,
        number: int,
        timeline: Timeline,
        network: Network,
        seed: str,
        settings: Mapping[str, str],
        store: MemoryMetadataStore | None,
        disks: int,
        ended: Callable[[SimulatedBroker, str], None],
        scratch: str,
        committing: Callable[[int], None] = lambda number: None,
        own: Callable[[int, str], Mapping[str, str]] = lambda number, address: {},
    ) -> None:
        self.number = number
        self.address = f"10.0.0.{number}"
        self._timeline = timeline
        self._network = network
        self._seed = f"{seed}/broker {number}"
        self._store = store
        self.directories = DIRECTORIES[:disks]
        self._ended = ended
        self._committing = functools.partial(committing, number)
        self._host = network.host(self.address)
        self._host.up = False
        self.random = Random(self._seed)
        self._rate = 1.0 + self.random.uniform(-1e-3, 1e-3)
        self.offset = self._ahead = self.random.uniform(-0.5, 0.5)
        self._booted: float | None = None
        self.config = Configuration().with_values({**self._own_settings(), **settings, **own(number, self.address)})
        file_system = MemoryFileSystem(self.random)
        for directory in self.directories:
            file_system.make_directory(directory)
        file_system.sync_file_system("/")
        file_system.mounts = self.directories if disks > 1 else ()
        self.disk = SimulatedDisk(timeline, file_system, self.random)
        self.search = SearchPrograms(f"{scratch}/{number}", Random(f"{self._seed}/search"))
        self.life: Life | None = None
        self.lives: list[Life] = []

    def _own_settings(self) -> Mapping[str, str]:
        return {
            "node.id": str(self.number),
            "listeners": f"PLAINTEXT://{self.address}:{PORT}",
            "http.listeners": "",
            "log.dirs": ",".join(self.directories),
            "search.backend": BACKEND,
            "search.disk.reserve.bytes": "0",
            "metadata.store": "memory" if self._store is not None else "file",
        }

    @property
    def host(self) -> Any:
        """Its place on the network."""
        return self._host

    @property
    def phase(self) -> str:
        """``starting``, ``serving``, ``stopping``, or ``down``."""
        return "down" if self.life is None else self.life.phase

    @property
    def flushing(self) -> bool:
        """Whether threads of it are at work."""
        return self.life is not None and self.life.pools.busy

    @property
    def latest_ms(self) -> float:
        """The latest time of day that its clock has shown so far, or would have, ms."""
        return (START_SECONDS + (self._timeline.now - START_SECONDS) * self._rate + self._ahead) * 1e3

    # -- beginning and end --------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin another life on what the disk has."""
        assert self.life is None
        boot = len(self.lives)
        random = Random(f"{self._seed}/{boot}")
        processes = Random(f"{self._seed}/{boot}/processes")
        if self._booted is None:
            self._booted = self._timeline.now - Random(f"{self._seed}/{boot}/uptime").choice(UPTIME_SECONDS)
        reactor = ProcessReactor(self._timeline, self._host, self._rate, self.offset, self._booted, processes, self.search.run)
        pools = SeededThreadPools(reactor, Random(f"{self._seed}/{boot}/threads"))
        view = None if self._store is None else MetadataView(self._store, reactor, Random(f"{self._seed}/{boot}/metadata"), self._committing)
        logs: dict[tuple[TopicId, int], Any] = {}
        life: Life
        machine = Machine(
            reactor=reactor,
            wall_clock=reactor.wall_clock,
            file_system=self.disk.file_system,
            pools=pools,
            descriptors=_SHARES,
            random=random.randbytes,
            cpu_seconds=lambda: 0.0,
            busy_poll=NoBusyPoll(),
            crowd=NO_CROWD,
            backend=functools.partial(_backend, view, logs, lambda: self._moved(life), lambda feed: self._follows(life, feed)),
            say=lambda line: self._ready(life),
            complain=lambda line: life.said.append(line),
            settle=lambda: None,
        )
        life = Life(reactor, pools, view, BrokerService(self.config, machine, lambda status: self._failed(life)), logs)
        self.life = life
        self.lives.append(life)
        self._network.revive(self._host)
        self.disk.began(self._power_lost)
        life.service.startService()

    def _moved(self, life: Life) -> None:
        life.moves += 1

    def _follows(self, life: Life, feed: Any) -> None:
        life.feed = feed

    def _ready(self, life: Life) -> None:
        if life.phase == "starting":
            life.phase = "serving"

    def _failed(self, life: Life) -> None:
        """It ends by itself, as a process does that cannot go on."""
        if life is self.life:
            self._timeline.after(0, self._fail, life)

    def _fail(self, life: Life) -> None:
        if life is self.life:
            self.kill("; ".join(life.said) or "without a word")

    def stop(self) -> None:
        """Stop it as a service manager does."""
        life = self.life
        if life is None or life.phase == "stopping":
            return
        life.phase = "stopping"
        stopping: Deferred[None] = life.service.stopService()
        stopping.addBoth(lambda _: self._timeline.after(0, self._stopped, life))

    def _stopped(self, life: Life) -> None:
        if life is self.life:
            self.disk.file_system.kill()
            self._end(silent=False)

    def set_clock(self, seconds: float) -> None:
        """Set its wall clock forward, or back; the monotonic one goes on as before."""
        self.offset += seconds
        self._ahead = max(self._ahead, self.offset)
        if self.life is not None:
            self.life.reactor.set_offset(self.offset)

    def kill(self, why: str = "") -> None:
        """End the process at once; the machine, and what it wrote, stay."""
        if self.life is not None:
            self.disk.file_system.kill()
            self._end(silent=False, why=why)

    def cut_power(self) -> None:
        """End the machine at once: what was not synced is kept, torn or lost at random."""
        if self.life is not None:
            self.disk.crash()
            self._booted = None
            self._end(silent=self.random.random() < 0.5)

    def replace_disks(self, directories: Sequence[str]) -> None:
        """While it is down, put new disks in the place of some: there is nothing on them."""
        assert self.life is None
        for directory in directories:
            self.disk.file_system.remove_tree(directory)
            self.disk.file_system.make_directory(directory)
        self.disk.file_system.sync_file_system("/")

    def marks(self, directories: Collection[str]) -> Mapping[str, bytes]:
        """While it is down: what says of logs elsewhere that they moved to one of these directories, by its path."""
        files = self.disk.file_system
        paths = [f"{parent}/{name}/{MOVED}" for parent in self.directories for name in files.list(parent) if name.rpartition("-")[2].isdigit()]
        marks = {path: files.read_whole(path) for path in paths if files.exists(path)}
        return {path: data for path, data in marks.items() if decode_moved(data)[1] in directories}

    def is_relied_on(self, mark: str) -> bool:
        """Whether others count on it for a log that has such a mark, as far as it knows."""
        name, _, number = mark.rsplit("/", 2)[1].rpartition("-")
        topic = self.life.feed.image.topics.get(name) if self.life is not None and self.life.feed is not None else None
        return topic is not None and is_shared(topic, int(number), self.number)

    def unmark(self, marks: Mapping[str, bytes]) -> None:
        """While it is down, let it go on with what these logs had before they moved, as far as they are still there."""
        assert self.life is None
        files = self.disk.file_system
        for path, data in marks.items():
            if files.exists(path) and files.read_whole(path) == data:
                files.unlink(path)
        files.sync_file_system("/")

    def _power_lost(self) -> None:
        """The disk reports that the cut came, in the middle of something."""
        if self.life is not None:
            self._booted = None
            self._end(silent=self.random.random() < 0.5)

    def _end(self, silent: bool, why: str = "") -> None:
        life = self.life
        assert life is not None
        life.phase = "ended"
        life.reactor.end()
        if life.view is not None:
            life.view.end()
        self.life = None
        self._network.crash(self._host, silent)
        self._ended(self, why)


class _WatchedLogs:
    """Stands where a maker of log stores is, and notes each log that is opened."""

    def __init__(self, maker: Any, logs: dict[tuple[TopicId, int], Any], moved: Callable[[], None]) -> None:
        self._maker = maker
        self._moved = moved
        self._logs = logs

    def make(self, context: Any, options: Mapping[str, str]) -> Any:
        """A store."""
        store = self._maker.make(context, options)
        before = store.open

        def open_log(topic_partition: TopicPartition, topic_id: TopicId, *arguments: Any, **named: Any) -> Deferred[Any]:
            opening: Deferred[Any] = before(topic_partition, topic_id, *arguments, **named)
            return opening.addCallback(opened, (topic_id, topic_partition.partition))

        def opened(log: Any, key: tuple[TopicId, int]) -> Any:
            self._logs[key] = log
            return log

        replace = store.replace

        def replace_log(topic_partition: TopicPartition, topic_id: TopicId) -> Deferred[Any]:
            replacing: Deferred[Any] = replace(topic_partition, topic_id)
            return replacing.addCallback(replaced, (topic_id, topic_partition.partition))

        def replaced(log: Any, key: tuple[TopicId, int]) -> Any:
            if log is not None:
                self._moved()
                opened(log, key)
            return log

        store.open, store.replace = open_log, replace_log
        return store


class _WatchedAuth:
    """Stands where a maker of an auth backend is, and notes what it is given to follow the metadata by."""

    def __init__(self, maker: Any, follows: Callable[[Any], None]) -> None:
        self._maker = maker
        self._follows = follows

    def make(self, context: AuthContext, options: Mapping[str, str]) -> Any:
        """The backend."""
        self._follows(context.feed)
        return self._maker.make(context, options)


async def take_up(broker: SimulatedBroker, marks: Mapping[str, bytes], sleep: Callable[[float], Deferred[None]]) -> None:
    """Logs had moved to a disk that was replaced, and what they left behind is on another one: the broker refuses them until the operator takes the
    marks away. He waits until nobody counts on it for them, which may lack what is committed.
    """
    if not marks:
        return
    while broker.phase != "serving" or any(broker.is_relied_on(mark) for mark in marks):
        await sleep(RELIED_ON_LOOK_SECONDS)
    broker.cut_power()
    broker.unmark(marks)
    while broker.phase != "serving":
        await sleep(RELIED_ON_LOOK_SECONDS)


def _backend(
    view: MetadataView | None,
    logs: dict[tuple[TopicId, int], Any],
    moved: Callable[[], None],
    follows: Callable[[Any], None],
    seam: str,
    name: str,
) -> Any:
    if seam == "metadata" and view is not None:
        return ViewMaker(view)
    found = _found(seam, name)
    if seam == "auth":
        return _WatchedAuth(found, follows)
    return _WatchedLogs(found, logs, moved) if seam == "storage" else found
