"""Who tries what an idempotent producer must not: gaps, batches that are there already, batches of an epoch that is over (KIP-98, KIP-360).

A producer that keeps to the rules never shows whether a broker does: it sends in order, and begins with the oldest again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chronik.errors import ErrorCode
from chronik.record.build import NewRecord, build_batch
from chronik.testing.history import Promise, Record
from chronik.testing.simulation.brokers import SimulatedBroker
from chronik.testing.simulation.client import ClusterClient, Unavailable
from chronik.testing.simulation.producers import NEW_PRODUCER_ID, VERSIONS, WINDOW, given_producer_id, produce_request, value_of
from chronik.testing.simulation.stage import Stage

EXPIRY_SECONDS: Final = 70_000.0
"""A broker whose clock is further away from its clients' may have forgotten them, which it does after a day."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A batch that was acknowledged."""

    sequence: int
    records: Sequence[Record]
    base_offset: int


class Pedant:
    """Writes one batch at a time to one partition, and between them what must be refused."""

    def __init__(self, stage: Stage, client: ClusterClient, brokers: Sequence[SimulatedBroker], topic: str, partition: int, pause: float) -> None:
        self._stage = stage
        self._client = client
        self._brokers = brokers
        self._topic = topic
        self._partition = partition
        self._pause = pause
        self._version = client.random.choice(VERSIONS)
        self._lives = 0
        self._number = 0
        self._producer_id, self._epoch, self._sequence = -1, -1, 0
        self._sent: deque[_Sent] = deque(maxlen=WINDOW)
        stage.ledger.promises[client.name] = Promise(once=True, ordered=False)

    async def run(self) -> None:
        """Write until the play is over."""
        client = self._client
        while not self._stage.closing and not self._stage.over:
            try:
                if self._producer_id < 0:
                    await self._begin()
                elif await self._write():
                    await client.random.choice((self._leave_a_gap, self._repeat, self._change, self._outlive))()
                await client.sleep(self._pause * client.random.expovariate(1.0))
            except Unavailable:
                # What is on its way may come later: nothing is known of this producer any more.
                self._producer_id = -1
                await client.backoff()

    async def _begin(self) -> None:
        await self._client.refresh([self._topic])
        self._lives += 1
        response = await self._client.ask_anybody(NEW_PRODUCER_ID)
        if given_producer_id(self._stage, self._client, f"{self._client.name}/{self._lives}", response):
            self._producer_id, self._epoch, self._sequence = response.producer_id, response.producer_epoch, 0
            self._sent.clear()

    def _records(self) -> list[Record]:
        count = self._client.random.choice((1, 2, 3))
        self._number += count
        return [Record(self._client.name, self._number - count + n) for n in range(count)]

    # -- what a producer does -----------------------------------------------------------------------------------------

    async def _write(self) -> bool:
        """The next batch; whether it is acknowledged, and nothing makes brokers forget that."""
        records = self._records()
        _, _, topic_id = await self._client.leader(self._topic, self._partition)
        history = self._stage.ledger.history(topic_id)
        for record in records:
            history.sent(self._partition, record)
        error, base_offset = await self._send(self._epoch, self._sequence, records)
        if error is not ErrorCode.NONE:
            if error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER and self._sent:
                self._finding(f"sequence {self._sequence}, which is next, is out of order")
            self._producer_id = -1
            return False
        for n, record in enumerate(records):
            history.acknowledged(self._partition, record, base_offset + n)
        self._sent.append(_Sent(self._sequence, records, base_offset))
        self._sequence += len(records)
        return self._remembered

    @property
    def _remembered(self) -> bool:
        return all(abs(broker.offset) < EXPIRY_SECONDS for broker in self._brokers)

    async def _send(self, epoch: int, sequence: int, records: Sequence[Record]) -> tuple[ErrorCode, int]:
        client = self._client
        leader, _, topic_id = await client.leader(self._topic, self._partition)
        timestamp = int(client.reactor.wall_clock() * 1000)
        rows = [NewRecord(b"%d" % (record.number % 16), value_of(record), timestamp) for record in records]
        batch = build_batch(rows, producer_id=self._producer_id, producer_epoch=epoch, base_sequence=sequence)
        response = await client.ask(leader, produce_request(self._topic, topic_id, self._partition, batch), self._version)
        (answer,) = response.responses[0].partition_responses
        error = client.error("Produce", answer.error_code)
        if error.retriable:
            await client.refresh([self._topic])
        return error, answer.base_offset

    # -- what none may do ---------------------------------------------------------------------------------------------

    async def _leave_a_gap(self) -> None:
        """What comes later than what is next."""
        sequence = self._sequence + self._client.random.choice((1, 2, 1_000))
        error, _ = await self._send(self._epoch, sequence, self._records())
        self._must_fail(error, f"sequence {sequence} was taken where {self._sequence} is next")

    async def _repeat(self) -> None:
        """What is there already: it is told where, or that it is."""
        sent = self._client.random.choice(self._sent)
        error, base_offset = await self._send(self._epoch, sent.sequence, sent.records)
        if error is ErrorCode.NONE and base_offset != sent.base_offset and self._remembered:
            self._finding(f"sequence {sent.sequence}, which is at {sent.base_offset}, was taken again, at {base_offset}")
        elif error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER and sent is self._sent[-1]:
            self._finding(f"sequence {sent.sequence}, which was acknowledged last, is out of order")

    async def _change(self) -> None:
        """A batch that begins like the last one, and has another length."""
        last = self._sent[-1]
        records = [*last.records, *self._records()]
        error, _ = await self._send(self._epoch, last.sequence, records)
        self._must_fail(error, f"{len(records)} records were taken at sequence {last.sequence}, where {len(last.records)} are")

    async def _outlive(self) -> None:
        """What an earlier epoch would send next, once there is a newer one; and a newer one that does not begin at its beginning."""
        epoch, sequence = self._epoch, self._sequence
        later = self._client.random.choice((1, 5, sequence))
        if later:
            error, _ = await self._send(epoch + 1, later, self._records())
            self._must_fail(error, f"epoch {epoch + 1} began at sequence {later}")
        self._epoch, self._sequence = epoch + 1, 0
        self._sent.clear()
        if await self._write():
            error, _ = await self._send(epoch, sequence, self._records())
            self._must_fail(error, f"epoch {epoch} was taken after epoch {self._epoch}")

    def _must_fail(self, error: ErrorCode, finding: str) -> None:
        if error is not ErrorCode.NONE:
            self._client.ledger.refused += 1
        elif self._remembered:
            self._finding(finding)

    def _finding(self, what: str) -> None:
        self._stage.ledger.finding(f"{self._client.name}, producer {self._producer_id} of {self._topic}-{self._partition}: {what}")
