"""What goes wrong, when, and how often it met which state of affairs."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import Final

from twisted.internet.defer import Deferred, ensureDeferred

from chronik.metadata.memory import Fault
from chronik.testing.simulation.brokers import Life, SimulatedBroker, take_up
from chronik.testing.simulation.flips import Flip, flip_some
from chronik.testing.simulation.world import ANOTHER, STATES, World

WAIT_SECONDS: Final = 1.5
"""How long a state that a fault is to meet is waited for."""

POLL_SECONDS: Final = 0.002

CLOCK_SECONDS: Final = (0.05, 1.0, 30.0, 20_000.0)
"""How far a clock is set forward or back at most; many times in some runs, but never for the seven days in all after which offsets are forgotten."""

SUCCESSION_SECONDS: Final = 5.0
"""How long another leader is waited for."""

ALONE_SECONDS: Final = (0.0, 4.0)
"""For how long whoever is left of a cluster is alone: sometimes for too short a time to know it, sometimes until clients have written and read."""

NOTICE_SECONDS: Final = 8.0
"""A flipped bit is noticed within so long after a start: a look at each second, and some of the disk at each look."""

STALE_SECONDS: Final = 5.0
"""An answer that is older was given up by its client."""

FORGOTTEN_SHARE: Final = 0.5
"""Of the times that a broker cannot reach the metadata store, those after which it has to read everything anew."""

NEWS_SECONDS: Final = 4.0
"""So long after a broker could hear of the metadata again it has: what was late is there, and a snapshot that could not be had was asked for anew."""


class Nemesis:
    """Brings faults one after the other, some of them while another lasts.

    :ivar met: how often a kind of fault met a state.
    :ivar faults: how many there were.
    :ivar flips: how many bits were changed.
    """

    def __init__(self, world: World, random: Random, plan: list[tuple[str, str]]) -> None:
        self._world = world
        self._random = random
        self._plan = plan
        self._lasting = 0
        self._replacing = False
        self.met: Counter[tuple[str, str]] = Counter()
        self.faults = 0
        self.flips = 0

    def _sleep(self, seconds: float) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self._world.timeline.after(seconds, done.callback, None)
        return done

    async def run(self) -> None:
        """Carry out the plan, and put everything right in the end."""
        running: list[Deferred[None]] = []
        for kind, state in self._plan:
            while self._replacing:
                await self._sleep(POLL_SECONDS)
            broker = self._target()
            await self._until(broker, state)
            running.append(ensureDeferred(self._bring(kind, broker, self._states(broker))))
            if self._random.random() < 0.75:
                await running[-1]
            await self._sleep(self._random.expovariate(4.0))
        for each in running:
            await each
        self.heal()

    def _target(self) -> SimulatedBroker:
        """Often the one whose absence is felt most: the controller, or who leads most partitions."""
        world = self._world
        kind = self._random.random()
        numbers = [world.controller()] if kind < 0.25 else world.leaders() if kind < 0.6 else []
        wanted = Counter(numbers).most_common(1)[0][0] if numbers else -1
        return next((broker for broker in world.brokers if broker.number == wanted), None) or self._random.choice(world.brokers)

    async def _until(self, broker: SimulatedBroker, state: str) -> None:
        """Wait for a state, and bring it about where nobody else does."""
        if state in ("starting", "stopping"):
            while broker.phase != "serving":
                await self._sleep(0.05)
        if state == "starting":
            self._random.choice((broker.kill, broker.cut_power))()
        elif state == "stopping":
            broker.stop()
        until = self._world.timeline.now + WAIT_SECONDS
        while self._world.timeline.now < until and not STATES[state](self._world, broker):
            await self._sleep(POLL_SECONDS)
        if state in ("starting", "stopping"):
            # Not always at its very beginning.
            for _ in range(self._random.randrange(8)):
                if STATES[state](self._world, broker):
                    await self._sleep(0.0005)

    def _states(self, broker: SimulatedBroker) -> Sequence[str]:
        """What is going on now."""
        states = [state for state, holds in STATES.items() if holds(self._world, broker)]
        return [*states, ANOTHER] if self._lasting else states

    async def _bring(self, kind: str, broker: SimulatedBroker, states: Sequence[str]) -> None:
        """Bring one fault, and count it if it came to something."""
        self._lasting += 1
        try:
            came = await FAULTS[kind](self, broker)
        finally:
            self._lasting -= 1
        if came is not False:
            self.faults += 1
            for state in states:
                self.met[kind, state] += 1

    def heal(self) -> None:
        """Put everything right."""
        self._world.network.heal()
        for broker in self._world.brokers:
            self._heal_disk(broker)
            if broker.life is not None and broker.life.view is not None:
                broker.life.view.faults.clear()
                broker.life.view.reconnect()
    
    def _heal_disk(self, broker: SimulatedBroker) -> None:
        broker.disk.faults.heal()

    def _some_time(self) -> float:
        return self._random.uniform(0.1, 2.0)

    # -- the faults ---------------------------------------------------------------------------------------------------

    async def power_cut(self, broker: SimulatedBroker) -> None:
        """The machine loses its power."""
        broker.cut_power()

    async def blackout(self, broker: SimulatedBroker) -> None:
        """Several machines lose their power at once, or one right after the other."""
        others = [other for other in self._world.brokers if other is not broker]
        for each in (broker, *self._random.sample(others, self._random.randint(0, len(others)))):
            each.cut_power()
            await self._sleep(self._random.choice((0.0, 0.005, 0.3)))

    async def power_cut_amid(self, broker: SimulatedBroker) -> None:
        """The same, in the middle of what the disk is about to do."""
        broker.disk.cut_after(self._random.randrange(1, 30))
        await self._sleep(self._some_time())

    async def kill(self, broker: SimulatedBroker) -> None:
        """The process is killed."""
        broker.kill()

    async def stop(self, broker: SimulatedBroker) -> None:
        """The broker is stopped as it should be, and started again."""
        broker.stop()
        while broker.phase == "stopping":
            await self._sleep(0.05)

    async def reset(self, broker: SimulatedBroker) -> None:
        """Connections break."""
        for transport in self._world.network.connections():
            if self._random.random() < 0.5:
                self._world.network.break_connection(transport)

    async def half_open(self, broker: SimulatedBroker) -> None:
        """Some connections swallow what is sent over them, in one direction."""
        for transport in self._world.network.connections():
            if self._random.random() < 0.3:
                self._random.choice((transport, transport.peer)).half_open = True
        await self._sleep(self._some_time())

    async def dribble(self, broker: SimulatedBroker) -> None:
        """Bytes come in small pieces."""
        for transport in self._world.network.connections():
            if self._random.random() < 0.6:
                self._random.choice((transport, transport.peer)).dribbling = True
        await self._sleep(self._some_time())
        for transport in self._world.network.connections():
            transport.dribbling = transport.peer.dribbling = False

    async def slow_network(self, broker: SimulatedBroker) -> None:
        """Everything takes many times longer."""
        self._world.network.slow = self._random.choice((10.0, 50.0, 200.0))
        await self._sleep(self._some_time())
        self._world.network.slow = 1.0

    async def partition(self, broker: SimulatedBroker) -> None:
        """Some hosts cannot reach the broker, nor be reached from it."""
        await self._cut_off(broker, both=True)

    async def isolation(self, broker: SimulatedBroker) -> None:
        """The other brokers cannot reach it, nor be reached from it; clients and the metadata store can."""
        for other in self._world.brokers:
            if other is not broker:
                self._world.network.block(other.host, broker.host)
                self._world.network.block(broker.host, other.host)
        await self._sleep(self._random.uniform(0.5, 5.0))
        self._world.network.heal()

    async def stale_leader(self, broker: SimulatedBroker) -> None:
        """The same, and it hears late of what the metadata become: it changes who is in sync while others have elected another leader."""
        view = broker.life.view if broker.life is not None else None
        if view is None:
            return
        seconds = view.lag = self._random.uniform(0.5, 3.0)
        deposed = self._world.ledger.deposed
        deposed[broker.address] += 1
        await self.isolation(broker)
        view.lag = 0.0
        await self._sleep(seconds + 0.1)
        deposed[broker.address] -= 1

    async def succession(self, broker: SimulatedBroker) -> None:
        """One leader falls, and the next one soon after, while followers still cut what they had of the first."""
        world = self._world
        slow = [each.disk.faults.slow("truncate", "*", self._random.choice((0.2, 0.5, 1.0))) for each in world.brokers]
        before = Counter(world.leaders())
        broker.kill()
        until = world.timeline.now + SUCCESSION_SECONDS
        while world.timeline.now < until and broker.number in world.leaders():
            await self._sleep(0.005)
        await self._sleep(self._random.uniform(0.0, 0.4))
        gained = Counter(world.leaders()) - before
        for each in world.brokers:
            if gained and each.number == gained.most_common(1)[0][0]:
                self._random.choice((each.stop, each.stop, each.kill))()
        await self._sleep(self._random.uniform(0.5, 1.5))
        for each, fault in zip(world.brokers, slow, strict=True):
            each.disk.faults.clear(fault)

    async def decline(self, broker: SimulatedBroker) -> None:
        """Brokers fall one after the other, this one last; who fell first is back first, without what the last ones have taken meanwhile."""
        others = [each for each in self._world.brokers if each is not broker]
        falling = [*self._random.sample(others, len(others)), broker]
        for each in falling:
            self._world.kept_down.add(each.number)
            if each is broker:
                await self._sleep(self._random.uniform(*ALONE_SECONDS))
            self._random.choice((each.kill, each.cut_power))()
            await self._sleep(self._random.uniform(0.0, 1.0))
        for each in falling:
            self._world.kept_down.discard(each.number)
            await self._sleep(self._random.uniform(0.0, 2.0))

    async def disk_replaced(self, broker: SimulatedBroker) -> bool:
        """It comes back with an empty disk, or with several, where others have all that was on them."""
        world = self._world
        if self._lasting > 1:
            # Others are to have it until the broker is back.
            return False
        self._replacing = True
        try:
            world.kept_down.add(broker.number)
            broker.cut_power()
            # What others had not acknowledged yet they have by now, or they are not in sync any more.
            await self._sleep(self._some_time())
            replaced = broker.phase == "down" and world.spares(broker.number)
            marks: Mapping[str, bytes] = {}
            if replaced:
                directories = self._disks(broker)
                broker.replace_disks(directories)
                marks = broker.marks(directories)
            world.kept_down.discard(broker.number)
            while replaced and broker.phase != "serving":
                await self._sleep(0.05)
            await take_up(broker, marks, self._sleep)
        finally:
            self._replacing = False
        return replaced

    async def clock_jump(self, broker: SimulatedBroker) -> None:
        """Its wall clock is set, to an earlier or a later time."""
        seconds = self._random.choice(CLOCK_SECONDS) * self._random.random()
        broker.set_clock(-seconds if self._random.random() < 0.5 else seconds)

    async def one_way(self, broker: SimulatedBroker) -> None:
        """The same in one direction."""
        await self._cut_off(broker, both=False)

    async def _cut_off(self, broker: SimulatedBroker, both: bool) -> None:
        others = [other.host for other in self._world.brokers if other is not broker]
        for host in (*others, *self._world.clients):
            if self._random.random() < 0.6:
                pairs = [(host, broker.host), (broker.host, host)]
                for source, target in pairs if both else [self._random.choice(pairs)]:
                    self._world.network.block(source, target)
        await self._sleep(self._random.uniform(0.2, 4.0))
        self._world.network.heal()

    async def sync_fails(self, broker: SimulatedBroker) -> None:
        """A sync fails, and what was to be synced is lost; the operator starts the broker again."""
        broker.disk.faults.fail("sync", self._disk(broker), errno.EIO, self._random.randrange(1, 4))
        await self._repair(broker)

    async def write_fails(self, broker: SimulatedBroker) -> None:
        """A write fails half-way."""
        broker.disk.faults.fail("write", self._disk(broker), errno.EIO, self._random.randrange(1, 4))
        await self._repair(broker)

    async def disk_full(self, broker: SimulatedBroker) -> None:
        """There is no byte left."""
        for directory in self._disks(broker):
            broker.disk.faults.fill(directory)
        await self._repair(broker)

    async def disk_dies(self, broker: SimulatedBroker) -> None:
        """Nothing works any more, until the operator has found the cable."""
        for directory in self._disks(broker):
            broker.disk.faults.die(directory)
        await self._repair(broker)

    def _disk(self, broker: SimulatedBroker) -> str:
        """One disk, or all of them."""
        return self._random.choice((*broker.directories, "*"))

    def _disks(self, broker: SimulatedBroker) -> Sequence[str]:
        disk = self._disk(broker)
        return broker.directories if disk == "*" else [disk]

    async def bit_flip(self, broker: SimulatedBroker) -> bool:
        """A bit of a closed segment changes. That is noticed before long, at the latest after the next start, and the bytes are given to nobody then.
        The operator restores the file and starts the broker again.
        """
        flip = flip_some(broker, self._world.kept, self._random)
        if flip is None:
            return False
        self.flips += 1
        flip.flipped_at = self._world.timeline.now
        self._world.ledger.flips.append(flip)
        self._world.ledger.flipped.append(flip)
        if not await self._noticed(flip, self._random.uniform(0.2, 1.5)):
            broker.kill()
            life = await self._serving(broker)
            if not await self._noticed(flip, NOTICE_SECONDS) and life is broker.life and life is not None and flip.is_served():
                self._world.ledger.finding(f"a flipped bit in {flip.directory}/{flip.name} of broker {broker.number} was not noticed")
        if flip.noticed_at <= self._world.timeline.now:
            noting = ensureDeferred(self._noted(flip))
            await self._world.inspect(flip)
            await noting
        flip.restore()
        self._random.choice((broker.kill, broker.cut_power, broker.stop))()
        while broker.phase == "stopping":
            await self._sleep(0.05)
        flip.over_at = self._world.timeline.now
        # What was sent before may arrive a while later.
        self._world.timeline.after(STALE_SECONDS, self._world.ledger.flips.remove, flip)
        return True

    async def _noticed(self, flip: Flip, seconds: float) -> bool:
        life, until = flip.broker.life, self._world.timeline.now + seconds
        while self._world.timeline.now < until and life is flip.broker.life and life is not None:
            segment = flip.segment()
            if segment is not None and segment.damage is not None:
                flip.noticed_at = self._world.timeline.now
                return True
            await self._sleep(0.02)
        return False

    async def _noted(self, flip: Flip) -> None:
        """The broker writes down at once what it has noticed. If it ends before that is on the disk, its next life has to notice anew."""
        life, until = flip.broker.life, self._world.timeline.now + NOTICE_SECONDS
        while not flip.is_noted():
            if life is not flip.broker.life:
                flip.noticed_at = float("inf")
                return
            if self._world.timeline.now >= until:
                if flip.is_served():
                    self._world.ledger.finding(f"damage of {flip.directory}/{flip.name} of broker {flip.broker.number} was noticed and not noted")
                return
            await self._sleep(POLL_SECONDS)

    async def _serving(self, broker: SimulatedBroker) -> Life | None:
        until = self._world.timeline.now + NOTICE_SECONDS
        while broker.phase != "serving" and self._world.timeline.now < until:
            await self._sleep(0.02)
        return broker.life

    async def search_killed(self, broker: SimulatedBroker) -> bool:
        """The search process is killed."""
        running = [process for process in (broker.life.reactor.processes if broker.life is not None else ()) if process.reactor.alive]
        for process in running:
            process.signalProcess("KILL")
        return bool(running)

    async def index_damaged(self, broker: SimulatedBroker) -> bool:
        """Files of an index are changed, cut or removed by somebody else."""
        return sum(broker.search.damage(self._random) for _ in range(self._random.randrange(1, 4))) > 0

    async def _repair(self, broker: SimulatedBroker) -> None:
        await self._sleep(self._some_time())
        self._heal_disk(broker)
        self._random.choice((broker.kill, broker.cut_power, broker.stop))()
        while broker.phase == "stopping":
            await self._sleep(0.05)
        self._heal_disk(broker)

    async def slow_disk(self, broker: SimulatedBroker) -> None:
        """Writes and syncs take long."""
        seconds = self._random.choice((0.02, 0.05, 0.3))
        slow = [broker.disk.faults.slow(operation, self._disk(broker), seconds) for operation in ("write", "sync")]
        await self._sleep(self._some_time())
        for fault in slow:
            broker.disk.faults.clear(fault)

    async def metadata_fault(self, broker: SimulatedBroker) -> None:
        """Commits to the metadata store go wrong."""
        view = broker.life.view if broker.life is not None else None
        if view is not None:
            view.faults.extend(self._random.choices(tuple(Fault), k=self._random.randrange(1, 4)))
            await self._sleep(self._some_time())
            view.faults.clear()

    async def watches_lost(self, broker: SimulatedBroker) -> None:
        """The store forgot what its watchers have to hear of."""
        if broker.life is not None and broker.life.view is not None:
            broker.life.view.lose_watches()

    async def metadata_lags(self, broker: SimulatedBroker) -> None:
        """The broker hears of changes much later than others do."""
        view = broker.life.view if broker.life is not None else None
        if view is not None:
            with self._uninformed(broker):
                view.lag = self._random.choice((0.1, 0.5, 2.0))
                await self._sleep(self._some_time())
                view.lag = 0.0

    async def metadata_away(self, broker: SimulatedBroker) -> None:
        """The store cannot be reached, and may have forgotten meanwhile what its watchers have to hear of."""
        view = broker.life.view if broker.life is not None else None
        if view is not None:
            with self._uninformed(broker):
                view.cut_off = True
                if self._random.random() < FORGOTTEN_SHARE:
                    view.lose_watches()
                await self._sleep(self._some_time())
                view.reconnect()

    @contextmanager
    def _uninformed(self, broker: SimulatedBroker) -> Iterator[None]:
        """Meanwhile, and for a moment longer, what it tells of the metadata may be old."""
        uninformed = self._world.ledger.uninformed
        uninformed[broker.address] += 1
        yield
        self._world.timeline.after(NEWS_SECONDS, uninformed.subtract, (broker.address,))

    async def permission_taken(self, broker: SimulatedBroker) -> bool:
        """A client loses what it may do on a topic or a group, and is given it back a while later."""
        return self._world.access is not None and await self._world.access.take_away(self._some_time())

    async def password_changed(self, broker: SimulatedBroker) -> bool:
        """A client's user gets another password, or is removed and made anew."""
        return self._world.access is not None and await self._world.access.change_password(self._some_time())


FAULTS: Final[Mapping[str, Callable[[Nemesis, SimulatedBroker], Awaitable[bool | None]]]] = {
    "power cut": Nemesis.power_cut,
    "power cut amid a write": Nemesis.power_cut_amid,
    "blackout": Nemesis.blackout,
    "kill": Nemesis.kill,
    "stop": Nemesis.stop,
    "reset": Nemesis.reset,
    "half-open": Nemesis.half_open,
    "dribble": Nemesis.dribble,
    "slow network": Nemesis.slow_network,
    "partition": Nemesis.partition,
    "one-way partition": Nemesis.one_way,
    "isolation": Nemesis.isolation,
    "stale leader": Nemesis.stale_leader,
    "succession": Nemesis.succession,
    "decline": Nemesis.decline,
    "disk replaced": Nemesis.disk_replaced,
    "clock jump": Nemesis.clock_jump,
    "sync fails": Nemesis.sync_fails,
    "write fails": Nemesis.write_fails,
    "disk full": Nemesis.disk_full,
    "disk dies": Nemesis.disk_dies,
    "slow disk": Nemesis.slow_disk,
    "bit flip": Nemesis.bit_flip,
    "search killed": Nemesis.search_killed,
    "index damaged": Nemesis.index_damaged,
    "metadata fault": Nemesis.metadata_fault,
    "watches lost": Nemesis.watches_lost,
    "metadata lags": Nemesis.metadata_lags,
    "metadata away": Nemesis.metadata_away,
    "permission taken": Nemesis.permission_taken,
    "password changed": Nemesis.password_changed,
}
"""Every kind of fault."""
