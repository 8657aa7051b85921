"""One run: brokers, clients and faults from one seed, and what came of it."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, Final

from twisted.internet.defer import Deferred, ensureDeferred

from chronik.metadata.memory import MemoryMetadataStore
from chronik.model import TopicId
from chronik.testing.simulation.absence import BROKERS_MIN, Absence
from chronik.testing.simulation.access import ADMIN, Access
from chronik.testing.simulation.admins import Admin, Clerk, Librarian, Nomad, Onlooker, Trimmer
from chronik.testing.simulation.audit import MetadataAudit
from chronik.testing.simulation.brokers import PORT, SimulatedBroker
from chronik.testing.simulation.cast import CLASSIC, ELECTED, EVENTS, GROWING, LOOKED_INTO, MODERN, NOMAD, READERS, SIMPLE, TOPICS, TRIMMED, WRITERS
from chronik.testing.simulation.classic import ClassicMember
from chronik.testing.simulation.client import Broker, ClusterClient, Unavailable
from chronik.testing.simulation.closing import compare_configurations, delete_groups, keep, lose_power, shared_out
from chronik.testing.simulation.commits import LOOK_SECONDS, CommitAudit
from chronik.testing.simulation.consumers import Consumer
from chronik.testing.simulation.faults import Nemesis
from chronik.testing.simulation.fetching import read_all
from chronik.testing.simulation.flips import Flip
from chronik.testing.simulation.inspectors import Inspector
from chronik.testing.simulation.intruders import Intruder
from chronik.testing.simulation.kip848 import ConsumerMember
from chronik.testing.simulation.ledger import Ledger
from chronik.testing.simulation.members import Member
from chronik.testing.simulation.movers import Mover, Steward
from chronik.testing.simulation.needs import needs_of
from chronik.testing.simulation.network import Host, Network
from chronik.testing.simulation.pedants import Pedant
from chronik.testing.simulation.plans import plan_of
from chronik.testing.simulation.porters import Porter
from chronik.testing.simulation.producers import Producer, Registrar
from chronik.testing.simulation.reactor import SimulatedReactor
from chronik.testing.simulation.replicas import differences, leftovers
from chronik.testing.simulation.searchers import Seeker
from chronik.testing.simulation.settings import settings_of
from chronik.testing.simulation.stage import Stage
from chronik.testing.simulation.strangers import Stranger
from chronik.testing.simulation.timeline import Timeline

OPERATIONS_MIN: Final = 2_000
"""Requests that are answered in a run, at least."""

RESTARTS_MIN: Final = 2

SECONDS_MAX: Final = 360.0
"""Simulated time after which a run that has not come to an end is stuck."""

FLEETING_SHARE: Final = 0.4
"""Of seeds, those whose trimmed topic is kept for :data:`KEPT_MS` only."""

KEPT_MS: Final = 4_000

KEPT_DOWN_LOOK_SECONDS: Final = 0.05
"""How often it is looked whether a broker that is down may start by now."""

SETTLE_SECONDS: Final = 60.0
"""Simulated time in which everything must be acknowledged and read once nothing goes wrong any more."""

ACCESS: Final = ("open", "sasl")
"""Whether everybody may do everything, or everyone has to say who that is and may do what was allowed."""

AWAY_SHARE: Final = 0.5
"""Of seeds of three brokers and more, those in which one is away for a while, once nothing else is wrong."""

POWER_LOST_SHARE: Final = 0.5
"""Of seeds, those in which all brokers lose their power before everything is read for the last time."""

LOOKED_INTO_SHARE: Final = 0.5
"""Of seeds: brokers look into batches of some topics."""

SASL_SHARE: Final = 0.3
"""Of seeds that decide for themselves."""


@dataclass(frozen=True, slots=True)
class Play:
    """What is to be run.

    :ivar brokers: how many.
    :ivar faults: how many there are to be.
    :ivar kind: the only one that there is to be; empty for all.
    :ivar access: one of :data:`ACCESS`; empty where the seed decides.
    """

    seed: int
    brokers: int = 1
    faults: int = 20
    kind: str = ""
    access: str = ""

    @property
    def arguments(self) -> str:
        """The command line that asks for it."""
        chosen = {"seeds": self.seed, "brokers": self.brokers, "faults": self.faults, "kind": self.kind, "access": self.access}
        return " ".join(f"--{name} {shlex.quote(str(value))}" for name, value in chosen.items() if value != "")

    @property
    def secured(self) -> bool:
        """Whether clients have to say who they are."""
        decided = Random(f"access of {self.seed} of {self.brokers}").random() < SASL_SHARE
        return self.access == "sasl" or (not self.access and decided)


@dataclass(slots=True)
class Outcome:
    """What came of it.

    :ivar findings: everything that must not be.
    :ivar fingerprint: the same for two runs that went the same way.
    :ivar arguments: the command line that asks for the same.
    :ivar met: by kind of fault and state, how often one met the other.
    :ivar operations: answered requests by API.
    :ivar errors: error codes among the answers.
    :ivar counts: how often some other things happened.
    :ivar simulated_seconds: how long it took in there.
    :ivar seconds: how long it took.
    :ivar log: the last lines that brokers logged.
    """

    seed: int
    arguments: str
    findings: list[str] = field(default_factory=list)
    fingerprint: str = ""
    faults: int = 0
    restarts: int = 0
    met: dict[str, int] = field(default_factory=dict)
    operations: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    acknowledged: int = 0
    events: int = 0
    simulated_seconds: float = 0.0
    seconds: float = 0.0
    log: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For another process."""
        return asdict(self)


class Simulation:
    """The world of one run.

    :param scratch: a real directory, empty and its own.
    """

    def __init__(self, play: Play, scratch: str) -> None:
        self._play = play
        self._random = Random(f"simulation {play.seed} of {play.brokers}")
        self.timeline = Timeline()
        self.network = Network(self.timeline, Random(self._random.random()))
        self.ledger = Ledger()
        self.ledger.now = lambda: self.timeline.now
        self.clients: list[Host] = []
        self._stage = Stage(self.ledger, lambda: max(broker.latest_ms for broker in self.brokers))
        self._shared = play.brokers > 1 or self._random.random() < 0.5
        store_reactor = SimulatedReactor(self.timeline, self.network.host("10.0.9.1"))
        self._store = MemoryMetadataStore(store_reactor) if self._shared else None
        self._audit = MetadataAudit(self._store, self.ledger.deleting, self.ledger.finding) if self._store is not None else None
        self._disks = self._random.choice((1, 2))
        self._access = self._secure(scratch) if play.secured else None
        self.brokers = self._machines(scratch)
        self._replication = min(3, play.brokers)
        if self._audit is not None:
            self._watch_commits(CommitAudit(self._audit, self.brokers, self.ledger.finding))
        self._restarting: set[int] = set()
        self.kept_down: set[int] = set()
        self._restarts = 0
        plan = plan_of(play.seed, play.faults, self._shared, play.brokers > 1, play.kind, play.secured)
        self._seeker = Seeker(self._stage, self._client("seeker"), self.brokers, tuple(TOPICS), 0.4)
        self._inspector = Inspector(self._stage, self._client("inspector"))
        self._nemesis = Nemesis(self, Random(self._random.random()), plan)

    def _secure(self, scratch: str) -> Access:
        play = self._play
        random = Random(f"access {play.seed} of {play.brokers}")
        return Access(random, play.brokers, scratch, self._store, self._audit, self.ledger.finding)

    def _machines(self, scratch: str) -> list[SimulatedBroker]:
        play, access = self._play, self._access
        settings = settings_of(self._random, play.brokers)
        if access is not None:
            settings.update(access.settings())
        seed, store, own = f"{play.seed}/{play.brokers}", self._store, _nothing if access is None else access.own
        return [
            SimulatedBroker(
                number, self.timeline, self.network, seed, settings, store, self._disks, self._ended, scratch, self._commits, own
            )
            for number in range(1, play.brokers + 1)
        ]  # fmt: skip

    # -- brokers ------------------------------------------------------------------------------------------------------

    def _watch_commits(self, commits: CommitAudit) -> None:
        commits.look()
        self.timeline.after(LOOK_SECONDS, self._watch_commits, commits)

    def _commits(self, number: int) -> None:
        """A broker's change of the metadata reached the store."""
        if self._audit is not None:
            self._audit.writer = number

    def _ended(self, broker: SimulatedBroker, why: str) -> None:
        """Start a broker that is down, some time later, as whoever looks after it does."""
        if why:
            self.ledger.errors["broker", f"gave up: {why}"[:120]] += 1
        if broker.number not in self._restarting:
            self._restarting.add(broker.number)
            longest = self._random.choice((0.01, 0.1, 1.0) if len(self.brokers) == 1 else (0.01, 0.1, 1.0, 5.0))
            self.timeline.after(longest * self._random.random(), self._start, broker)

    def _start(self, broker: SimulatedBroker) -> None:
        if broker.number in self.kept_down:
            self.timeline.after(KEPT_DOWN_LOOK_SECONDS, self._start, broker)
            return
        self._restarting.discard(broker.number)
        if broker.phase == "down":
            self._restarts += 1
            broker.start()

    # -- clients ------------------------------------------------------------------------------------------------------

    def _client(self, name: str, invited: bool = True) -> ClusterClient:
        host = self.network.host(f"10.1.0.{len(self.clients) + 1}")
        self.clients.append(host)
        random = Random(f"{self._play.seed}/{self._play.brokers}/client {name}")
        reactor = SimulatedReactor(self.timeline, host, 1.0 + random.uniform(-1e-3, 1e-3), random.uniform(-2.0, 2.0))
        bootstrap = [Broker(broker.address, PORT) for broker in self.brokers]
        identity = None if self._access is None else self._access.identity(name, needs_of(name), random, invited)
        return ClusterClient(reactor, random, name, bootstrap, self.ledger, identity)

    def _players(self) -> list[tuple[str, Any, bool]]:
        """Clients by name, and whether each writes."""
        stage, client, random = self._stage, self._client, self._random
        players: list[tuple[str, Any, bool]] = [("seeker", self._seeker, False)]
        for n, (topic, acks, idempotent) in enumerate(WRITERS):
            partitions = sorted(random.sample(range(TOPICS[topic]), min(2, TOPICS[topic])))
            name = f"{'i' if idempotent else 'p'}{n}"
            players.append((name, Producer(stage, client(name), topic, partitions, acks, idempotent, 0.15), True))
        for n, topic in enumerate(READERS):
            players.append((f"c{n}", Consumer(stage, client(f"c{n}"), topic, list(range(TOPICS[topic])), 0.1), False))
        for n in range(3):
            players.append((f"m{n}", ClassicMember(stage, client(f"m{n}"), CLASSIC, EVENTS, 0.15), True))
        for n in range(3):
            players.append((f"k{n}", ConsumerMember(stage, client(f"k{n}"), MODERN, EVENTS, 0.15), True))
        players.append(("librarian", Librarian(stage, client("librarian"), GROWING, 0.3), True))
        players.append(("trimmer", Trimmer(stage, client("trimmer"), TRIMMED, TOPICS[TRIMMED], 0.3), True))
        players.append(("nomad", Nomad(stage, client("nomad"), NOMAD, self._replication, 0.2), True))
        if len(self.brokers) > 1:
            players.append(("mover", Mover(stage, client("mover"), TRIMMED, ELECTED, len(self.brokers), 0.3), True))
            players.append(("steward", Steward(stage, client("steward"), TRIMMED, 1.0), True))
        if self._disks > 1:
            players.append(("porter", Porter(stage, client("porter"), self.brokers, dict(TOPICS), 0.3), True))
        players.append(("clerk", Clerk(stage, client("clerk"), SIMPLE, EVENTS, TOPICS[EVENTS], 0.2), True))
        players.append(("registrar", Registrar(stage, client("registrar"), 0.4), True))
        players.append(("pedant", Pedant(stage, client("pedant"), self.brokers, EVENTS, 0, 0.4), True))
        players.append(("onlooker", Onlooker(stage, client("onlooker"), SIMPLE, EVENTS, TOPICS[EVENTS], 0.1), True))
        return [*players, *self._uninvited()]

    def _uninvited(self) -> list[tuple[str, Any, bool]]:
        """Who should be given nothing."""
        stage, client, access = self._stage, self._client, self._access
        if access is None:
            return []
        return [
            ("mallory", Intruder(stage, client("mallory", False), "", 0.2), True),
            ("curious", Intruder(stage, client("curious", False), TRIMMED, 0.3), True),
            ("stranger", Stranger(stage, client("stranger", False), access, self.brokers, 0.2), True),
        ]

    # -- the play -----------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Run it to its end."""
        began = time.monotonic()
        for broker in self.brokers:
            broker.start()
        playing = ensureDeferred(self._play_all())
        playing.addErrback(self._stage.failed, "the simulation")
        ended: list[Any] = []
        playing.addBoth(ended.append)
        if not self.timeline.run(lambda: bool(ended), self.timeline.now + SECONDS_MAX):
            self.ledger.finding(f"the run did not come to an end: {self._stage.waits}")
        return self._outcome(time.monotonic() - began)

    async def _play_all(self) -> None:
        stage = self._stage
        admin = Admin(stage, self._client(ADMIN), 0.0)
        if self._access is not None:
            self._access.begin(self.brokers, self._client(ADMIN))
            await self._access.make()
        looked_into = LOOKED_INTO if Random(f"looked into {self._play.seed}").random() < LOOKED_INTO_SHARE else {}
        for topic, partitions in TOPICS.items():
            configs = {"internal.segment.bytes": str(self._random.choice((1_500, 8_000, 1 << 20))), **looked_into.get(topic, {})}
            if topic == TRIMMED and self._random.random() < FLEETING_SHARE:
                configs["retention.ms"] = str(KEPT_MS)
                stage.fleeting.add(topic)
            topic_id = await admin.created(topic, partitions, self._replication, configs)
            self.ledger.kept(topic_id)
            if topic in stage.fleeting:
                stage.lifetimes.limit(topic_id, KEPT_MS)
            await self._seeker.know(topic)
        readers: list[Deferred[None]] = []
        writers: list[Deferred[None]] = []
        players = self._players()
        if self._access is not None:
            await self._access.make()
        for name, player, writes in players:
            stage.waits.add(name)
            running = ensureDeferred(player.run())
            running.addErrback(stage.failed, name)
            running.addBoth(self._done, name)
            (writers if writes else readers).append(running)
        await self._nemesis.run()
        while self._restarts < RESTARTS_MIN or self.ledger.answered < OPERATIONS_MIN:
            await self._sleep(0.5)
            if self._restarts < RESTARTS_MIN:
                for broker in self.brokers:
                    broker.kill()
        self._nemesis.heal()
        members = [player for _, player, _ in players if isinstance(player, Member) and player.group in (CLASSIC, MODERN)]
        await shared_out(admin, members, EVENTS, TOPICS[EVENTS])
        absence = Random(f"absence of {self._play.seed}")
        if self._audit is not None and len(self.brokers) >= BROKERS_MIN and absence.random() < AWAY_SHARE:
            await Absence(admin, self.brokers, self._audit, self.kept_down, absence).run(members)
        stage.closing = True
        self.timeline.after(SETTLE_SECONDS, self._too_late)
        for running in writers:
            await running
        stage.quiet = True
        for running in readers:
            await running
        for topic in sorted(stage.fleeting):
            await keep(admin, self.brokers, topic)
        await delete_groups(admin, (CLASSIC, MODERN))
        if Random(f"the end of {self._play.seed}").random() < POWER_LOST_SHARE:
            await lose_power(admin, self.brokers, (CLASSIC, MODERN))
        for topic in TOPICS:
            await self._read_all(admin.client, topic)
        await compare_configurations(admin, self.brokers, GROWING)
        await self._compare_replicas(admin.client)
        await self._compare_search(admin.client)
        await self._look_for_leftovers()

    async def _look_for_leftovers(self) -> None:
        """A topic that was deleted leaves nothing behind."""
        until = self.timeline.now + SETTLE_SECONDS
        while (left := list(leftovers(self.brokers, NOMAD, self.ledger.deleted))) and self.timeline.now < until:
            await self._sleep(0.5)
        for problem in left:
            self.ledger.finding(f"{SETTLE_SECONDS} s after everything was written {problem}")

    async def _compare_search(self, client: ClusterClient) -> None:
        """Whatever is in the log is found, and nothing else is, nor ever was."""
        leaders: dict[tuple[str, int], int] = {}
        for topic in TOPICS:
            await client.refreshed(topic)
            leaders.update({(topic, number): leader for number, (leader, _) in client.topics[topic].leaders.items()})
        await self._seeker.finish(leaders)
        for problem in self._seeker.notes.problems(self.ledger):
            self.ledger.finding(f"search: {problem}")

    def _done(self, result: Any, name: str) -> None:
        self._stage.waits.discard(name)

    def _too_late(self) -> None:
        if self._stage.waits:
            self.ledger.finding(f"{SETTLE_SECONDS} s after everything was put right these were not done: {sorted(self._stage.waits)}")
            self._stage.over = True

    async def _read_all(self, client: ClusterClient, topic: str) -> None:
        attempt = 0
        while True:
            attempt += 1
            try:
                await read_all(self._stage, client, topic, f"last reader {attempt}", look=True)
                return
            except Unavailable as problem:
                if attempt > 50:
                    self.ledger.finding(f"{topic} cannot be read to its end: {problem}")
                    return
                await client.backoff()

    async def _compare_replicas(self, client: ClusterClient) -> None:
        """Once everything is put right every replica is in sync before long, and has what the others have."""
        if self._audit is None or len(self.brokers) == 1:
            return
        until = self.timeline.now + SETTLE_SECONDS
        while (late := list(self._audit.out_of_sync())) and self.timeline.now < until:
            await self._sleep(0.5)
        for problem in late:
            self.ledger.finding(f"{SETTLE_SECONDS} s after everything was written {problem}")
        for topic in TOPICS:
            known = client.topics[topic]
            for number, state in self._audit.states(known.topic_id):
                end = self.ledger.history(known.topic_id).end(number)
                for problem in differences(self.brokers, topic, known.topic_id, number, state.isr, end):
                    self.ledger.finding(problem)

    @property
    def access(self) -> Access | None:
        """Who may do what; None where everybody may do everything."""
        return self._access

    @property
    def kept(self) -> frozenset[TopicId]:
        """Topics that are there to the end."""
        return self.ledger.kept_topics

    async def inspect(self, flip: Flip) -> None:
        """Read where a bit was flipped."""
        topics = self._seeker.known
        if flip.topic_id in topics:
            await self._inspector.read(topics[flip.topic_id], flip)

    def controller(self) -> int:
        """Who is the controller, by broker id; -1 for nobody."""
        return -1 if self._audit is None else self._audit.controller

    def leaders(self) -> list[int]:
        """Who leads, once for each partition."""
        return [] if self._audit is None else [state.leader for _, state in self._audit.partitions() if state.leader > 0]

    def spares(self, broker_id: int) -> bool:
        """Whether others, who serve and count as alive, have all that is committed of what a broker has.

        Who does not count as alive yet is in sync only until the controller looks, if this broker is not known to be dead by then.
        """
        if self._audit is None:
            return True
        alive = self._audit.alive & {broker.number for broker in self.brokers if broker.phase == "serving"} - {broker_id}
        return all(broker_id not in (*state.isr, *state.elr) or not alive.isdisjoint(state.isr) for _, state in self._audit.partitions())

    def _sleep(self, seconds: float) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self.timeline.after(seconds, done.callback, None)
        return done

    def _outcome(self, seconds: float) -> Outcome:
        ledger, nemesis = self.ledger, self._nemesis
        findings = ledger.findings()
        return Outcome(
            seed=self._play.seed,
            arguments=self._play.arguments,
            findings=findings,
            fingerprint=self.timeline.fingerprint,
            faults=nemesis.faults,
            restarts=self._restarts,
            met={f"{kind} / {state}": count for (kind, state), count in sorted(nemesis.met.items())},
            operations=dict(sorted(ledger.operations.items())),
            errors={f"{kind}: {code}": count for (kind, code), count in sorted(ledger.errors.items())},
            counts={
                "bits flipped": nemesis.flips,
                "damaged batches refused by readers": ledger.damaged,
                "logs moved": sum(life.moves for broker in self.brokers for life in broker.lives),
                "partitions searched": ledger.searched,
                "rightly refused": ledger.refused,
                "processes started": sum(len(life.reactor.processes) for broker in self.brokers for life in broker.lives),
            },
            acknowledged=ledger.acknowledged,
            events=self.timeline.events,
            simulated_seconds=self.timeline.now - 1_700_000_000.0,
            seconds=seconds,
        )


def _nothing(number: int, address: str) -> dict[str, str]:
    """No settings of a broker's own."""
    return {}


def run(play: Play, scratch: str) -> Outcome:
    """Run one play.

    :param scratch: a real directory, empty and its own.
    """
    return Simulation(play, scratch).run()
