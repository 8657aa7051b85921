"""Producers: idempotent with several requests under way, or plain with one at a time; what was not acknowledged is sent again, in order."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from twisted.internet.defer import Deferred, ensureDeferred

from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.protocol.messages import InitProducerIdRequest, ProduceRequest
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from chronik.testing.history import Promise, Record
from chronik.testing.simulation.client import ClusterClient, Unavailable
from chronik.testing.simulation.stage import Stage

WINDOW: Final = 5
"""Batches of an idempotent producer that may be under way to one partition, as in Kafka, the oldest one that is not acknowledged and all behind it:
a broker remembers so many, and knows no older one again."""

CODECS: Final = (Codec.NONE, Codec.NONE, Codec.NONE, Codec.LZ4, Codec.SNAPPY, Codec.GZIP, Codec.ZSTD)

VERSIONS: Final = (7, 9, 11, 12, 13)

LARGE_EVERY: Final = 32
MANY_HEADERS: Final = (("h", b""),) * 1_000
"""Of one record in so many: its batch is small to send, and not to look into."""

KNOWN_MAX: Final = 1 << 15
"""Records whose values are worked out once, and not again for each reader; more than a run has."""

_WORDS: Final = ("error", "warning", "disk", "full", "slow", "login", "order", "paid", "müde", "naïve")


@lru_cache(KNOWN_MAX)
def value_of(record: Record) -> bytes:
    """What a record holds: anybody can tell from its name and number."""
    word = _WORDS[record.number % len(_WORDS)]
    return json.dumps({"p": record.producer, "n": record.number, "word": word, "pad": "x" * (record.number * 7 % 60)}).encode()


@lru_cache(KNOWN_MAX)
def record_of(value: bytes | None) -> Record | None:
    """The record that a value is of, None for none of ours."""
    try:
        read = json.loads(value or b"")
        return Record(read["p"], read["n"])
    except (ValueError, KeyError, TypeError):
        return None


def produce_request(topic: str, topic_id: TopicId, partition: int, batch: bytes, acks: int = -1) -> ProduceRequest:
    """Of one batch; its topic is named and has its id, for each version sends the one that it has."""
    part = ProduceRequest.PartitionProduceData(index=partition, records=batch)
    data = ProduceRequest.TopicProduceData(name=topic, topic_id=topic_id, partition_data=(part,))
    return ProduceRequest(acks=acks, timeout_ms=3_000, topic_data=(data,))


NEW_PRODUCER_ID: Final = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000)


def given_producer_id(stage: Stage, client: ClusterClient, who: str, response: Any) -> bool:
    """Whether the answer to :data:`NEW_PRODUCER_ID` gives one; that it is ``who``'s alone is looked after.

    :param who: another name for each that a client asks for.
    """
    given = client.error("InitProducerId", response.error_code) is ErrorCode.NONE
    if given:
        stage.producer_id(who, response.producer_id)
    return given


@dataclass(slots=True, eq=False)
class Entry:
    """A batch that is not acknowledged, the ``number``-th of its lane.

    ``waiting``: a request with it is under way. ``again``: one was before, and may have been obeyed.
    """

    number: int
    records: list[Record]
    sequence: int
    codec: Codec
    timestamp: int
    waiting: bool = False
    again: bool = False


class Producer:
    """One client that writes to some partitions of one topic.

    :param acks: -1 for all; a producer of fewer never counts a record as acknowledged.
    :param idempotent: whether its batches have sequence numbers.
    :param batches: how many it writes to each partition; None for as many as the play has time for.
    """

    def __init__(
        self, stage: Stage, client: ClusterClient, topic: str, partitions: list[int], acks: int, idempotent: bool, pause: float,
        batches: int | None = None,
    ) -> None:  # fmt: skip
        self._stage = stage
        self._client = client
        self._topic = topic
        self._acks = acks
        self._idempotent = idempotent
        self._pause = pause
        self._batches_max = batches
        self._lanes = [_Lane(self, partition) for partition in partitions]
        self._version = client.random.choice(VERSIONS)
        self._producer_id, self._epoch = -1, -1
        stage.ledger.promises[client.name] = Promise(once=idempotent, ordered=acks == -1)

    async def run(self) -> None:
        """Write until the play is over, and everything is acknowledged."""
        while self._idempotent and self._producer_id < 0 and not self._stage.closing:
            await self._init()
        for running in [ensureDeferred(lane.run()) for lane in self._lanes]:
            await running

    @property
    def ends(self) -> dict[int, int]:
        """Behind what was acknowledged, by partition; 0 where nothing was, or nobody said at which offset."""
        return {lane.partition: lane.end for lane in self._lanes}

    async def _init(self) -> None:
        client = self._client
        try:
            if client.controller_id < 0:
                await client.refresh([self._topic])
            response = await client.ask(client.controller_id, NEW_PRODUCER_ID)
        except Unavailable:
            client.controller_id = -1
            await client.backoff()
            return
        if given_producer_id(self._stage, client, f"{client.name} to {self._topic}", response):
            self._producer_id, self._epoch = response.producer_id, response.producer_epoch
        else:
            await client.backoff()


class Registrar:
    """A client that is given one producer id after the other, and writes nothing."""

    def __init__(self, stage: Stage, client: ClusterClient, pause: float) -> None:
        self._stage = stage
        self._client = client
        self._pause = pause
        self._count = 0

    async def run(self) -> None:
        """Ask until the play is over; any broker gives ids."""
        client = self._client
        while not self._stage.closing and not self._stage.over:
            try:
                self._count += 1
                given_producer_id(self._stage, client, f"{client.name}/{self._count}", await client.ask_anybody(NEW_PRODUCER_ID))
                await client.sleep(self._pause * client.random.expovariate(1.0))
            except Unavailable:
                await client.backoff()


class _Lane:
    """What a producer writes to one partition."""

    def __init__(self, producer: Producer, partition: int) -> None:
        self._of = producer
        self._client = producer._client
        self._stage = producer._stage
        self.partition = partition
        self._entries: deque[Entry] = deque()
        self._batches = 0
        self._number = 0
        self._sequence = 0
        # Behind what was acknowledged with all before it: the oldest batch that is not acknowledged, if it was appended, is not before that.
        self.end = 0
        self._window = WINDOW if producer._idempotent else 1
        self._changed: Deferred[None] | None = None
        self._topic_id: TopicId | None = None
        self._leader: tuple[int, int] | None = None

    async def run(self) -> None:
        random, client = self._client.random, self._client
        while not (self._written and not self._entries):
            if self._stage.over:
                return
            waiting = sum(entry.waiting for entry in self._entries)
            if waiting < len(self._entries):
                if not waiting:
                    await client.backoff()
                    if await self._look():
                        self._leader = self._leads()
                        for entry in tuple(self._entries):
                            self._send(entry)
                else:
                    await self._change()
            elif (not self._entries or self._batches - self._entries[0].number < self._window) and not self._written:
                if self._topic_id is None and not await self._look():
                    await client.backoff()
                    continue
                if not waiting:
                    self._leader = self._leads()
                elif self._leads() != self._leader:
                    # Another leader must not get what comes later before it has what is under way to the one before.
                    await self._change()
                    continue
                self._send(self._next())
                await client.sleep(self._of._pause * random.expovariate(1.0))
            elif self._entries:
                await self._change()

    @property
    def _written(self) -> bool:
        """Whether there is nothing to write any more."""
        return self._stage.closing or (self._of._batches_max is not None and self._batches >= self._of._batches_max)

    def _leads(self) -> tuple[int, int] | None:
        """Who leads it, and under which epoch, as far as is known."""
        topic = self._client.topics.get(self._of._topic)
        return None if topic is None else topic.leaders.get(self.partition)

    async def _look(self) -> bool:
        """Look who leads it now."""
        try:
            await self._client.refresh([self._of._topic])
            self._topic_id = (await self._client.leader(self._of._topic, self.partition))[2]
        except Unavailable:
            return False
        return True

    def _change(self) -> Deferred[None]:
        self._changed = Deferred()
        return self._changed

    def _next(self) -> Entry:
        random = self._client.random
        count = random.choice((1, 1, 1, 2, 3, 8))
        records = [Record(self._client.name, self._number + n) for n in range(count)]
        entry = Entry(self._batches, records, self._sequence, random.choice(CODECS), int(self._client.reactor.wall_clock() * 1000))
        self._batches += 1
        self._number += count
        self._sequence += count
        assert self._topic_id is not None
        history = self._stage.ledger.history(self._topic_id)
        for record in records:
            history.sent(self.partition, record)
        self._entries.append(entry)
        return entry

    def _batch(self, entry: Entry) -> bytes:
        records = [NewRecord(b"%d" % (record.number % 16), value_of(record), entry.timestamp + n) for n, record in enumerate(entry.records)]
        codec = entry.codec
        if any(not record.number % LARGE_EVERY for record in entry.records):
            records[0], codec = records[0]._replace(headers=MANY_HEADERS), Codec.ZSTD
        if not self._of._idempotent:
            return build_batch(records, codec)
        return build_batch(
            records, codec, producer_id=self._of._producer_id, producer_epoch=self._of._epoch, base_sequence=entry.sequence
        )

    def _send(self, entry: Entry) -> None:
        entry.waiting = True
        ensureDeferred(self._deliver(entry)).addErrback(self._stage.failed, f"producer {self._client.name}")

    async def _deliver(self, entry: Entry) -> None:
        of, client = self._of, self._client
        try:
            leader, _, topic_id = await client.leader(of._topic, self.partition)
            before = await client.epoch_told(leader, of._topic, self.partition) if of._acks == 1 else None
            request = produce_request(of._topic, topic_id, self.partition, self._batch(entry), of._acks)
            response = await client.ask(leader, request, of._version, answered=of._acks != 0)
        except Unavailable:
            self._settle(entry, done=False)
            return
        if response is None:
            self._settle(entry, done=True)
            return
        (answer,) = response.responses[0].partition_responses
        error = client.error("Produce", answer.error_code)
        if error is ErrorCode.NONE and before is not None:
            await self._note_appended(entry, answer.base_offset, leader, topic_id, before)
        self._judge(entry, error, answer.base_offset, answer.log_start_offset)

    async def _note_appended(self, entry: Entry, base_offset: int, leader: int, topic_id: TopicId, before: tuple[object, int]) -> None:
        """Appended, whatever becomes of it; and under this epoch, if the leader names the same before and after, over one connection."""
        try:
            after = await self._client.epoch_told(leader, self._of._topic, self.partition)
        except Unavailable:
            return
        if after == before and after[0] is not None:
            history = self._stage.ledger.history(topic_id)
            for n, record in enumerate(entry.records):
                history.appended(self._client.name, self.partition, base_offset + n, after[1], record)

    def _judge(self, entry: Entry, error: ErrorCode, base_offset: int, start_offset: int) -> None:
        first = bool(self._entries) and self._entries[0] is entry
        if error in (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER):
            if self._of._acks == -1 and entry in self._entries:
                assert self._topic_id is not None
                history = self._stage.ledger.history(self._topic_id)
                for n, record in enumerate(entry.records):
                    history.acknowledged(self.partition, record, base_offset + n if error is ErrorCode.NONE and base_offset >= 0 else -1)
            if first and base_offset >= 0:
                self.end = base_offset + len(entry.records)
            self._settle(entry, done=True)
            return
        if error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER and first and self._of._idempotent:
            if entry.again and start_offset > self.end:
                # It may have been appended, and removed since: a replica that began behind it never knew it. As in Kafka.
                self._settle(entry, done=True)
                return
            what = f"the oldest batch that is not acknowledged, at sequence {entry.sequence}, is out of order"
            self._stage.ledger.finding(f"{self._client.name}: {what}")
        elif not error.retriable and error is not ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER:
            self._stage.ledger.finding(f"{self._client.name} was told {error.name} by Produce")
        self._settle(entry, done=False)

    def _settle(self, entry: Entry, done: bool) -> None:
        entry.waiting = False
        entry.again = True
        if done and entry in self._entries:
            self._entries.remove(entry)
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.callback(None)
