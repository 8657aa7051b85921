"""A load of producers, readers and a group that lives through stops and kills of its broker, and notes what it was told."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer, TopicPartition

from chronik.testing.history import IDEMPOTENT, PLAIN, History, Record
from tests.integration.clients import SECONDS, consumer, producer, take
from tests.integration.harness import Broker

IDEMPOTENT_PRODUCERS: Final = ("i0", "i1", "i2")

PLAIN_PRODUCERS: Final = ("p0", "p1")

PARTITIONS: Final = 2

QUEUED_MAX: Final = 300
"""Records of one producer that wait for their acknowledgement."""

MESSAGE_SECONDS_MAX: Final = 120
"""How long a producer goes on trying: longer than any number of starts in a row."""

_PATIENCE: Final = {"reconnect_backoff_ms": 20, "reconnect_backoff_max_ms": 100, "log_level": 0}


def record_of(message: Message) -> Record:
    """The record in a message of a load."""
    value = json.loads(message.value())
    return Record(value["producer"], value["number"])


class Load:
    """Producers that number their records, a reader that follows, and a group that commits, each in a thread, until told to stop.

    :param seed: decides the sizes of bursts and the partitions.
    :ivar history: what they saw.
    :ivar failed: records that were given up, and anything else that must not be.
    :ivar committed: the last offset whose commit was acknowledged, by partition.
    """

    def __init__(self, broker: Broker, topic: str, seed: int) -> None:
        self._broker = broker
        self._topic = topic
        self._seed = seed
        self._over = threading.Event()
        self.history = History({name: IDEMPOTENT for name in IDEMPOTENT_PRODUCERS} | {name: PLAIN for name in PLAIN_PRODUCERS})
        self.failed: list[str] = []
        self.committed = dict.fromkeys(range(PARTITIONS), 0)
        self.group = f"{topic}-committers"
        works: list[Callable[[], None]] = [self._follow, self._commit]
        for name in IDEMPOTENT_PRODUCERS:
            works.append(self._producing(name, enable_idempotence=True))
        for name in PLAIN_PRODUCERS:
            works.append(self._producing(name, max_in_flight=1))
        self._threads = [threading.Thread(target=self._guarded, args=(work,)) for work in works]
        for thread in self._threads:
            thread.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  a thread's error is the test's
            self.failed.append(repr(error))

    # -- producers ----------------------------------------------------------------------------------------------------

    def _producing(self, name: str, **config: Any) -> Callable[[], None]:
        config |= {"acks": "all", "linger_ms": 1, "message_timeout_ms": MESSAGE_SECONDS_MAX * 1000, **_PATIENCE}
        return lambda: self._produce(name, producer(self._broker, **config))

    def _produce(self, name: str, client: Producer) -> None:
        randomness = random.Random(f"{self._seed} {name}")
        number = 0
        while not self._over.wait(0.004):
            for _ in range(randomness.randrange(1, 12) if len(client) < QUEUED_MAX else 0):
                partition = randomness.randrange(PARTITIONS)
                record = Record(name, number)
                self.history.sent(partition, record)
                value = json.dumps({"producer": name, "number": number})
                client.produce(self._topic, value, name, partition=partition, on_delivery=self._told(record))
                number += 1
            client.poll(0)
        left = client.flush(MESSAGE_SECONDS_MAX)
        if left:
            self.failed.append(f"{left} records of {name} were never answered")

    def _told(self, record: Record) -> Any:
        def told(error: Any, message: Message) -> None:
            if error is None:
                self.history.acknowledged(message.partition(), record, message.offset())
            else:
                self.failed.append(f"{record}: {error}")

        return told

    # -- readers ------------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Read what comes, from the beginning; one that is given an offset out of range would begin again, and be found out."""
        client = self._assigned()
        try:
            while not self._over.is_set():
                for message in client.consume(1000, 0.05):
                    if message.error() is None:
                        self.history.polled("follower", message.partition(), message.offset(), record_of(message))
        finally:
            client.close()

    def _assigned(self) -> Consumer:
        client = consumer(self._broker, **_PATIENCE)
        client.assign([TopicPartition(self._topic, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)])
        return client

    def _commit(self) -> None:
        """Commit larger and larger offsets."""
        client = consumer(self._broker, self.group, **_PATIENCE)
        offset = 0
        try:
            while not self._over.wait(0.01):
                offset += 1
                self._commit_once(client, offset)
        finally:
            client.close()

    def _commit_once(self, client: Consumer, offset: int) -> None:
        try:
            done = client.commit(offsets=[TopicPartition(self._topic, p, offset) for p in range(PARTITIONS)], asynchronous=False)
        except KafkaException:
            return  # the broker is away; the next try has a larger offset
        for place in done:
            if place.error is None:
                self.committed[place.partition] = offset

    # -- the end ------------------------------------------------------------------------------------------------------

    def acknowledgements(self) -> int:
        """How many records were acknowledged so far."""
        return self.history.acknowledgements

    def stop(self) -> None:
        """End it; everything that was sent has been answered then."""
        self._over.set()
        for thread in self._threads:
            thread.join(MESSAGE_SECONDS_MAX * 2)

    def read_all(self, ends: list[int]) -> list[Message]:
        """Read everything once more, as the one who tells what is there; the messages in the order of their offsets."""
        client = self._assigned()
        try:
            messages = take(client, sum(ends), SECONDS * 10)
        finally:
            client.close()
        for message in messages:
            self.history.polled("last reader", message.partition(), message.offset(), record_of(message))
        self.history.read_all("last reader")
        return messages

    def committed_now(self) -> dict[int, int]:
        """The group's offsets as the broker has them."""
        client = consumer(self._broker, self.group)
        try:
            found = client.committed([TopicPartition(self._topic, partition) for partition in range(PARTITIONS)], SECONDS)
            return {place.partition: max(place.offset, 0) for place in found}
        finally:
            client.close()
