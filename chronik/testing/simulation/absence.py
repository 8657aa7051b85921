"""One broker of several is away for a while, and nothing else is wrong: what the others have together goes on without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from random import Random
from typing import Any, Final

from twisted.internet.defer import ensureDeferred

from chronik.model import OFFSETS_TOPIC, TopicId
from chronik.testing.simulation.admins import Admin
from chronik.testing.simulation.audit import MetadataAudit
from chronik.testing.simulation.brokers import SimulatedBroker
from chronik.testing.simulation.cast import EVENTS, GROWING
from chronik.testing.simulation.members import Member
from chronik.testing.simulation.producers import Producer

BROKERS_MIN: Final = 3
"""Of fewer, those that are left need not be as many as have to be in sync."""

BEFORE_SECONDS: Final = 60.0
"""Once everything was put right all replicas are in sync within so long."""

CALM_SECONDS: Final = 2.5
"""And have been so for longer than a session, and than one that is behind may be in sync (``replica.lag.time.max.ms``), but where that is very long:
nobody has gone whom the others have not missed yet.
"""

AWAY_SECONDS: Final = 30.0
"""Without one broker records are acknowledged within so long, and every group goes on in as long again: its session is over after two seconds at the
most, a request to it after some more, and then a group may still wait for members that it does not hear.
"""

LOOK_SECONDS: Final = 0.1


class Absence:
    """One broker, away.

    :param kept_down: numbers of brokers that nobody starts.
    """

    def __init__(self, admin: Admin, brokers: Sequence[SimulatedBroker], audit: MetadataAudit, kept_down: set[int], random: Random) -> None:
        self._admin = admin
        self._stage = admin.stage
        self._brokers = brokers
        self._audit = audit
        self._kept_down = kept_down
        self._random = random

    async def run(self, members: Sequence[Member]) -> None:
        """Let one be away, until all that must go on has gone on.

        :param members: of groups that read all of :data:`EVENTS`.
        """
        self._stage.steady = True
        topic_ids = await self._topic_ids()
        late = await self._until(lambda: self._wrong(topic_ids), BEFORE_SECONDS, CALM_SECONDS)
        for problem in late:
            self._stage.ledger.finding(f"{BEFORE_SECONDS} s after everything was put right {problem}")
        if not late:
            await self._away(members)
        self._stage.steady = False

    async def _away(self, members: Sequence[Member]) -> None:
        broker = self._random.choice(self._brokers)
        how = self._random.choice((broker.cut_power, broker.kill, broker.stop))
        probes = {topic: self._probe(topic) for topic in (EVENTS, GROWING)}
        self._kept_down.add(broker.number)
        how()
        waits = set(probes)
        for topic, probe in probes.items():
            writing = ensureDeferred(probe.run())
            writing.addErrback(self._stage.failed, f"who writes to {topic}")
            writing.addBoth(self._written, waits, topic)
        without = f"{AWAY_SECONDS} s without broker {broker.number}, which was ended by {how.__name__},"
        unwritten = await self._until(lambda: [f"not every partition of {topic} took a record" for topic in sorted(waits)], AWAY_SECONDS)
        since = {place: self._committed(members, *place) for place in self._places(probes[EVENTS], members)}
        still = await self._until(lambda: self._still(probes[EVENTS], members, since), AWAY_SECONDS) if not unwritten else []
        for problem in (*unwritten, *still):
            self._stage.ledger.finding(f"{without} {problem}")
        self._kept_down.discard(broker.number)
        await self._until(lambda: sorted(waits), BEFORE_SECONDS)

    @staticmethod
    def _written(result: Any, waits: set[str], topic: str) -> None:
        waits.discard(topic)

    def _probe(self, topic: str) -> Producer:
        """Writes a record to each partition."""
        partitions = [number for number, _ in self._audit.states(self._admin.client.topics[topic].topic_id)]
        return Producer(self._stage, self._admin.client, topic, partitions, acks=-1, idempotent=True, pause=0.1, batches=1)

    async def _topic_ids(self) -> dict[str, TopicId]:
        """Of the topics that must go on: nobody changes how many replicas they have, nor how many of them have to be in sync."""
        client = self._admin.client
        for topic in (EVENTS, GROWING, OFFSETS_TOPIC):
            await client.refreshed(topic)
        return {topic: client.topics[topic].topic_id for topic in (EVENTS, GROWING, OFFSETS_TOPIC)}

    def _wrong(self, topic_ids: dict[str, TopicId]) -> Iterator[str]:
        """What keeps a broker from being spared."""
        alive = self._audit.alive
        for broker in self._brokers:
            if broker.phase != "serving" or broker.number not in alive:
                yield f"broker {broker.number} is not there"
        for topic, topic_id in topic_ids.items():
            for number, state in self._audit.states(topic_id):
                if set(state.isr) != set(state.replicas):
                    yield f"{topic}-{number} is still {state}"

    @staticmethod
    def _places(probe: Producer, members: Sequence[Member]) -> Iterator[tuple[str, int]]:
        return product(sorted({member.group for member in members}), sorted(probe.ends))

    @staticmethod
    def _committed(members: Sequence[Member], group: str, number: int) -> int:
        return max(member.committed_to((EVENTS, number)) for member in members if member.group == group)

    def _still(self, probe: Producer, members: Sequence[Member], since: Mapping[tuple[str, int], int]) -> Iterator[str]:
        """Partitions in which a group commits nothing, though there is more."""
        for (group, number), before in since.items():
            if before == self._committed(members, group, number) < probe.ends[number]:
                yield f"the group {group} goes on committing {before} of {EVENTS}-{number}, where {probe.ends[number]} was acknowledged"

    async def _until(self, problems: Callable[[], Iterator[str] | Sequence[str]], seconds: float, calm: float = 0.0) -> list[str]:
        """Wait until there is none any more, and tell those that there are then.

        :param seconds: for so long at most.
        :param calm: for so long there has to have been none.
        """
        clock = self._admin.client.reactor.timeline
        since = clock.now
        until = since + seconds
        while clock.now < until:
            found = list(problems())
            if found:
                since = clock.now
            elif clock.now - since >= calm:
                return []
            await self._admin.client.sleep(LOOK_SECONDS)
        return list(problems())
