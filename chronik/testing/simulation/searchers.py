"""A client that searches, and compares what is found with the log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from twisted.internet.defer import Deferred

from chronik.model import TopicId
from chronik.search.broker_interfaces import SearchAnswer
from chronik.testing.simulation.brokers import Life, SimulatedBroker
from chronik.testing.simulation.client import ClusterClient
from chronik.testing.simulation.flips import Flip
from chronik.testing.simulation.indexes import DIGEST, digest_of
from chronik.testing.simulation.ledger import Ledger
from chronik.testing.simulation.producers import value_of
from chronik.testing.simulation.stage import Stage

SIZES: Final = (10, 100, 1_000)

WINDOW: Final = 10_000
"""Most hits that can be asked for; more than a run has records."""

PATIENCE_SECONDS: Final = 60.0
"""After everything was put right, everything is searchable within so long."""

_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """What one search said of one partition.

    :ivar begin: everything from here on should have been among the hits.
    :ivar end: one past the last offset that was searched.
    :ivar digests: of the hits, by offset; see :func:`~chronik.testing.simulation.indexes.digest_of`.
    :ivar whole: nothing failed meanwhile.
    :ivar broker: who was asked.
    :ivar at: when it answered.
    """

    broker: int
    at: float
    begin: int
    end: int
    digests: Mapping[int, str]
    whole: bool


@dataclass(slots=True)
class SearchNotes:
    """What all searches said of the partitions of some topics."""

    seen: dict[tuple[TopicId, int], list[Seen]] = field(default_factory=dict)

    def add(self, topic_id: TopicId, partition: int, seen: Seen) -> None:
        """Note one."""
        self.seen.setdefault((topic_id, partition), []).append(seen)

    def problems(self, ledger: Ledger) -> Iterator[str]:
        """Compare with what readers saw, once somebody has read everything."""
        for (topic_id, partition), searches in self.seen.items():
            records = ledger.history(topic_id).records(partition)
            expected = {offset: digest_of(offset, value_of(record)) for offset, record in records.items()}
            first = ledger.history(topic_id).begins(partition)
            flips = [flip for flip in ledger.flipped if (flip.topic_id, flip.partition) == (topic_id, partition)]
            for seen in searches:
                # What was damaged then could be neither indexed nor shown.
                damaged = [flip for flip in flips if flip.broker.number == seen.broker and flip.flipped_at <= seen.at <= flip.over_at]
                for problem in _differences(seen, expected, first, damaged):
                    yield f"{topic_id.hex()}-{partition}: searched at broker {seen.broker} at {seen.at:.3f}: {problem}"
                    break


def _differences(seen: Seen, expected: Mapping[int, str], first: int, damaged: Sequence[Flip]) -> Iterator[str]:
    for offset, digest in seen.digests.items():
        if offset in expected and expected[offset] != digest:
            yield f"offset {offset} was indexed as {digest}, readers have {expected[offset]}"
        if offset not in expected and offset >= first:
            yield f"offset {offset} was found, and is not in the log"
    for offset in range(seen.begin, seen.end) if seen.whole else ():
        if offset in expected and offset not in seen.digests and not any(flip.base_offset <= offset < flip.end_offset for flip in damaged):
            yield f"offset {offset} was searched ({seen.begin} to {seen.end} were) and not found"


class Seeker:
    """Searches topics now and then, at any broker.

    :param client: knows the topics' ids; searches do not go through it.
    """

    def __init__(self, stage: Stage, client: ClusterClient, brokers: Sequence[SimulatedBroker], topics: Sequence[str], pause: float) -> None:
        self._stage = stage
        self._client = client
        self._random: Random = client.random
        self._brokers = brokers
        self._topics = topics
        self._pause = pause
        self.notes = SearchNotes()

    @property
    def known(self) -> Mapping[TopicId, str]:
        """Topics by their ids."""
        return {topic.topic_id: name for name, topic in self._client.topics.items()}

    async def know(self, topic: str) -> None:
        """Find out a topic's id, however long it takes."""
        await self._client.refreshed(topic)

    async def run(self) -> None:
        """Search until the play is over."""
        while not self._stage.quiet and not self._stage.over:
            await self._client.sleep(self._pause * self._random.expovariate(1.0))
            serving = [broker for broker in self._brokers if broker.phase == "serving"]
            if serving:
                broker, topic = self._random.choice(serving), self._random.choice(self._topics)
                await self._search(broker, topic, self._random.choice(SIZES), self._random.random() < 0.3)

    # -- asking -------------------------------------------------------------------------------------------------------

    async def _ask(self, broker: SimulatedBroker, action: str, topic: str, params: Mapping[str, str]) -> SearchAnswer | None:
        """An answer; None when the broker was gone before there was one."""
        life = broker.life
        if life is None or life.service.search is None or broker.phase != "serving":
            return None
        ledger = self._stage.ledger
        ledger.under_way["Search"] += 1
        try:
            answered = life.service.search.search(action, [topic], params, b"", None)
            while not answered.called and life is broker.life:
                await self._turn(answered)
        finally:
            ledger.under_way["Search"] -= 1
        if not answered.called or not isinstance(answered.result, SearchAnswer):
            return None
        answer: SearchAnswer = answered.result
        ledger.operations["Search"] += 1
        return answer

    def _turn(self, answered: Deferred[Any]) -> Deferred[None]:
        """Fires when there is an answer, or a moment later."""
        woken: Deferred[None] = Deferred()
        later = self._client.reactor.callLater(0.1, woken.callback, None)

        def wake(answer: Any) -> Any:
            if later.active():
                later.cancel()
                self._client.reactor.callLater(0, woken.callback, None)
            return answer

        answered.addCallback(wake)
        return woken

    async def _search(self, broker: SimulatedBroker, topic: str, size: int, sources: bool) -> bool:
        """One search for the newest of a topic's records, and what it finds; whether everything was searched."""
        before = self._ends(broker, topic)
        params = {"sort": f"{DIGEST}:desc", "size": str(size), "_source": "true" if sources else "false", "timeout": "3s"}
        if self._random.random() < 0.3:
            params.update(wait_for_offset="end", wait_timeout="500ms")
        answer = await self._ask(broker, "search", topic, params)
        if answer is None:
            return False
        body = json.loads(answer.body)
        if answer.status != _OK:
            self._stage.ledger.errors["Search", str(answer.status)] += 1
            # A broker may not have heard of the topic yet, and a process that is starting answers nothing.
            if answer.status not in (404, 503):
                self._stage.ledger.finding(f"a search of {topic} at broker {broker.number} was answered {answer.status}: {answer.body[:200]!r}")
            return False
        self._take(broker, topic, size, body)
        through = body["searched_through"].get(topic, {})
        return bool(before) and all(through.get(str(number), -1) + 1 >= end for number, end in before.items())

    def _ends(self, broker: SimulatedBroker, topic: str) -> dict[int, int]:
        """How far the partitions are committed that a broker leads, as it knows."""
        return {number: log.high_watermark for number, log in self._logs(broker.life, topic).items()}

    def _logs(self, life: Life | None, topic: str) -> dict[int, Any]:
        known = self._client.topics.get(topic)
        if life is None or known is None:
            return {}
        return {number: log for (topic_id, number), log in life.logs.items() if topic_id == known.topic_id}

    # -- what was found -----------------------------------------------------------------------------------------------

    def _take(self, broker: SimulatedBroker, topic: str, size: int, body: Mapping[str, Any]) -> None:
        hits = body["hits"]["hits"]
        found: dict[int, dict[int, str]] = {}
        for hit in hits:
            partition, offset = hit["_id"].rsplit(":", 2)[1:]
            digest = hit["sort"][0]
            of = found.setdefault(int(partition), {})
            if int(offset) in of:
                self._stage.ledger.finding(f"broker {broker.number} has {hit['_id']} twice in its index")
            of[int(offset)] = digest
            self._compare(broker, hit, digest)
        # Of the next record down we do not know whose it would have been.
        least = min((int(hit["_id"].rsplit(":", 1)[1]) for hit in hits), default=0) if body["hits"]["total"]["value"] > len(hits) else 0
        cut = len(hits) >= size
        whole = not body["timed_out"] and not body["_shards"]["failed"] and (cut or body["hits"]["total"]["value"] == len(hits))
        starts: dict[int, list[int]] = {}
        for number, log in (entry for each in self._brokers for entry in self._logs(each.life, topic).items()):
            starts.setdefault(number, []).append(log.start_offset)
        known = self._client.topics[topic]
        for number, last in body["searched_through"].get(topic, {}).items():
            partition = int(number)
            begin = max([least + 1 if cut else 0, *starts.get(partition, [1 << 62])])
            self._stage.ledger.searched += 1
            seen = Seen(broker.number, self._stage.ledger.now(), begin, last + 1, found.get(partition, {}), whole)
            self.notes.add(known.topic_id, partition, seen)

    def _compare(self, broker: SimulatedBroker, hit: Mapping[str, Any], digest: str) -> None:
        """What is shown is what was indexed."""
        source = hit.get("_source")
        if source is not None and isinstance(source.get("value"), dict):
            value = json.dumps(source["value"]).encode()
            if digest_of(source["offset"], value) != digest:
                self._stage.ledger.finding(f"broker {broker.number} shows {source} for {hit['_id']}, indexed as {digest}")

    # -- in the end ---------------------------------------------------------------------------------------------------

    async def finish(self, leaders: Mapping[tuple[str, int], int]) -> None:
        """Once everything is put right, all that is committed is found at whoever leads it before long.

        :param leaders: by topic and partition.
        """
        timeline = self._client.reactor.timeline
        until = timeline.now + PATIENCE_SECONDS
        late = [f"{topic}-{number} was not searched" for topic, number in leaders]
        while late and timeline.now < until:
            late = [problem async for problem in self._late(leaders)]
            if late:
                await self._client.sleep(0.5)
        for problem in late:
            self._stage.ledger.finding(f"{PATIENCE_SECONDS} s after everything was written {problem}")
        for broker in self._brokers:
            for topic in sorted({topic for topic, _ in leaders}):
                await self._search(broker, topic, WINDOW, sources=True)

    async def _late(self, leaders: Mapping[tuple[str, int], int]) -> Any:
        """Partitions whose index does not account for everything that is committed."""
        for broker in self._brokers:
            for topic in sorted({topic for topic, _ in leaders}):
                mine = [number for (name, number), leader in leaders.items() if name == topic and leader == broker.number]
                answer = await self._ask(broker, "coverage", topic, {"wait_for_offset": "end", "wait_timeout": "1s"})
                partitions = json.loads(answer.body).get("partitions", {}) if answer is not None and answer.status == _OK else {}
                for number in mine:
                    row = partitions.get(str(number))
                    log = self._logs(broker.life, topic).get(number)
                    if row is None or log is None or not row["complete"] or row["committed_end"] < log.high_watermark:
                        state = row if answer is None or row else answer.body[:300]
                        yield f"not all of {topic}-{number} is searchable at broker {broker.number}: {state!r}"
