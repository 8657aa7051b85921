"""A million records produced, consumed and found: equal by count, by order in their partition, and by a hash of their contents."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients import consumer, create, end_offset, producer
from tests.integration.contents import Content, Contents, contents_of_search, text
from tests.integration.harness import Broker, eventually, running
from tests.lengths import length, report, seed

RECORDS: Final = length(20_000, 1_000_000)

PARTITIONS: Final = 6

WAIT_SECONDS: Final = length(60.0, 900.0)
"""The longest that any step takes."""

CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")

MEMBERS: Final = 3
"""Consumers of the group."""

FIRST_MS: Final = 1_700_000_000_000

WORDS: Final = ("alder", "birch", "cedar", "damson", "elm", "fir", "ginkgo", "hazel", "ivy", "juniper")


def value_of(number: int, randomness: random.Random) -> dict[str, Any]:
    """A record as a service might log it."""
    return {
        "level": "error" if number % 100 == 0 else "info",
        "message": f"{randomness.choice(WORDS)} {randomness.choice(WORDS)} ünï {number}",
        "number": number,
        "big": 2**60 + number,
        "user": {"id": randomness.randrange(10_000), "tags": randomness.sample(WORDS, 2)},
        "took": randomness.randrange(1 << 20) / 1024,
        "none": None,
    }


class MillionTests(SynchronousTestCase):
    """One topic of several partitions, written once, read three ways."""

    def test_equal(self) -> None:
        """What was produced, what a group consumes, what an assigned consumer gets and what search finds are the same."""
        with running() as broker:
            topic = create(broker, "million", PARTITIONS, retention_ms=-1)  # the records are of a day long past
            produced = self.timed("produced", lambda: self.produce(broker, topic))
            self.assertEqual(RECORDS, sum(content.count for content in produced.values()))
            self.assertEqual([produced[p].count for p in range(PARTITIONS)], [end_offset(broker, topic, p) for p in range(PARTITIONS)])
            self.assertEqual(produced, self.timed("consumed by assignment", lambda: self.assigned(broker, topic)))
            self.assertEqual(produced, self.timed("consumed by a group", lambda: self.grouped(broker, topic)))
            self.timed("waited for search", lambda: self.covered(broker, topic, produced))
            self.counted(broker, topic)
            ends = [produced[partition].count for partition in range(PARTITIONS)]
            found = self.timed("fetched from search", lambda: contents_of_search(broker, topic, ends))
            self.assertEqual([], found.wrong[:3])
            self.assertEqual(produced, found.summary())

    def timed(self, what: str, step: Callable[[], Any]) -> Any:
        """Do it, and report how long it took."""
        began = time.monotonic()
        result = step()
        seconds = time.monotonic() - began
        report(f"{RECORDS} records {what}: {seconds:.1f} s, {RECORDS / seconds:.0f} a second")
        return result

    # -- writing ------------------------------------------------------------------------------------------------------

    def produce(self, broker: Broker, topic: str) -> dict[int, Content]:
        """Produce everything, the codecs taking turns of a thousand; what was acknowledged, in the order in which it was sent."""
        clients = [producer(broker, enable_idempotence=True, compression_type=codec, linger_ms=5, message_timeout_ms=120_000) for codec in CODECS]
        randomness, sent, offsets, failed = random.Random(seed(1)), Contents(), Offsets(), []

        def told(error: Any, message: Message) -> None:
            if error is not None or message.offset() != offsets.next(message.partition()):
                failed.append((error, message.partition(), message.offset()))

        for number in range(RECORDS):
            client = clients[number // 1_000 % len(clients)]
            if number % 1_000 == 0:
                # Between two producers nothing is promised: one ends before the next begins.
                for each in clients:
                    each.flush(WAIT_SECONDS)
            partition = number * 7 % PARTITIONS if number % 11 else 0
            key, value = f"key {number % 1_000}", text(value_of(number, randomness))
            headers = [("trace", f"{number:08x}"), ("source", "million")]
            sent.add(partition, sent.next_offset(partition), FIRST_MS + number, key, value, headers)
            client.produce(topic, value, key, partition, told, timestamp=FIRST_MS + number, headers=headers)
            client.poll(0)
        left = sum(client.flush(WAIT_SECONDS) for client in clients)
        self.assertEqual((0, []), (left, failed[:3]))
        return sent.summary()

    # -- reading ------------------------------------------------------------------------------------------------------

    def assigned(self, broker: Broker, topic: str) -> dict[int, Content]:
        """Read everything by assignment."""
        client, taken = consumer(broker), Contents()
        try:
            client.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)])
            self.take(client, taken, lambda: taken.count() >= RECORDS)
        finally:
            client.close()
        self.assertEqual([], taken.wrong[:3])
        return taken.summary()

    def grouped(self, broker: Broker, topic: str) -> dict[int, Content]:
        """Read everything with several members of a group, who hand partitions over as they come; each record comes to one of them once."""
        taken, errors = Contents(), []

        def member() -> None:
            try:
                self.member(broker, topic, taken)
            except Exception as error:  # noqa: BLE001  a thread's error is the test's
                errors.append(repr(error))

        threads = [threading.Thread(target=member) for _ in range(MEMBERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_SECONDS * 2)
        self.assertEqual(([], []), (errors, taken.wrong[:3]))
        return taken.summary()

    def member(self, broker: Broker, topic: str, taken: Contents) -> None:
        """One member; it commits before it gives a partition away."""
        client = consumer(broker, "million")

        def revoked(client: Consumer, partitions: list[TopicPartition]) -> None:
            done = [TopicPartition(topic, place.partition, taken.next_offset(place.partition)) for place in partitions]
            client.commit(offsets=done, asynchronous=False)

        client.subscribe([topic], on_revoke=revoked)
        try:
            self.take(client, taken, lambda: taken.count() >= RECORDS)
        finally:
            client.close()

    def take(self, client: Consumer, taken: Contents, enough: Callable[[], bool]) -> None:
        """Add what comes until there is enough."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not enough():
            for message in client.consume(1_000, 0.1):
                self.assertIsNone(message.error())
                taken.add_message(message)
            self.assertLess(time.monotonic(), deadline, f"{taken.count()} of {RECORDS} records came")

    # -- searching ----------------------------------------------------------------------------------------------------

    def covered(self, broker: Broker, topic: str, produced: dict[int, Content]) -> None:
        """Wait until search has everything, and says so: indexed + skipped = committed."""

        def complete() -> Any:
            status, coverage = broker.http(f"/{topic}/_coverage")
            return coverage if status == 200 and coverage["complete"] else None

        coverage = eventually(complete, WAIT_SECONDS, "complete coverage")
        for partition, content in produced.items():
            row = coverage["partitions"][str(partition)]
            self.assertEqual((content.count, 0, 0), (row["committed_end"], row["log_start"], row["missing"]))
            self.assertEqual(content.count, row["indexed"] + sum(row["skipped"].values()))

    def counted(self, broker: Broker, topic: str) -> None:
        """Totals of searches: of all, of one in a hundred, of one."""
        totals = {"*": RECORDS, "level:error": -(-RECORDS // 100), f"number:{RECORDS // 2}": 1, "headers.source:million": RECORDS}
        for query, expected in totals.items():
            status, answer = broker.http(f"/{topic}/_search?{urlencode({'q': query, 'size': 1})}")
            self.assertEqual((200, {"value": expected, "relation": "eq"}), (status, answer["hits"]["total"]), query)
            self.assertEqual(0, answer["_shards"]["failed"])


class Offsets:
    """Counts acknowledgements of each partition."""

    def __init__(self) -> None:
        self._next = dict.fromkeys(range(PARTITIONS), 0)

    def next(self, partition: int) -> int:
        """The offset of the partition's next acknowledgement."""
        offset = self._next[partition]
        self._next[partition] = offset + 1
        return offset
