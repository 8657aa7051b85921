"""A broker that is stopped or killed under load loses, doubles and reorders nothing that it acknowledged; search is whole afterwards."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from typing import Any

from confluent_kafka import Producer
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients import SECONDS, consume, create, end_offset, produce, producer
from tests.integration.harness import Broker, alive, children, eventually, running

PRODUCERS = 3

PARTITIONS = 2


class Load:
    """Idempotent producers that number their records, until told to stop; they live through restarts of the broker.

    :ivar acknowledged: by producer and partition the numbers that were acknowledged.
    :ivar failed: errors of records.
    """

    def __init__(self, broker: Broker, topic: str) -> None:
        self._topic = topic
        self._over = threading.Event()
        self.acknowledged: dict[tuple[int, int], list[int]] = {(p, q): [] for p in range(PRODUCERS) for q in range(PARTITIONS)}
        self.failed: list[str] = []
        clients = [
            producer(
                broker,
                enable_idempotence=True,
                acks="all",
                message_timeout_ms=60_000,
                linger_ms=1,
                reconnect_backoff_ms=20,
                reconnect_backoff_max_ms=100,
                log_level=0,
            )
            for _ in range(PRODUCERS)
        ]
        self._threads = [threading.Thread(target=self._run, args=(number, client)) for number, client in enumerate(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int, client: Producer) -> None:
        sent = 0
        while not self._over.wait(0.001):
            if len(client) < 500:
                partition = sent % PARTITIONS
                client.produce(self._topic, b"%d" % sent, b"%d" % number, partition=partition, on_delivery=self._told(number, partition, sent))
                sent += 1
            client.poll(0)
        client.flush(SECONDS)

    def _told(self, number: int, partition: int, sent: int) -> Any:
        def told(error: Any, _: Any) -> None:
            if error is None:
                self.acknowledged[number, partition].append(sent)
            else:
                self.failed.append(str(error))

        return told

    def count(self) -> int:
        """How many were acknowledged."""
        return sum(map(len, self.acknowledged.values()))

    def stop(self) -> None:
        """End it; everything that was sent has been answered then."""
        self._over.set()
        for thread in self._threads:
            thread.join(SECONDS * 2)


class LoadTestCase(SynchronousTestCase):
    """Checks what a load left."""

    def assert_whole(self, broker: Broker, topic: str, load: Load) -> None:
        """Each partition has each producer's acknowledged records once and in their order."""
        self.assertEqual([], load.failed[:3])
        for partition in range(PARTITIONS):
            messages = consume(broker, topic, end_offset(broker, topic, partition), [partition])
            for number in range(PRODUCERS):
                there = [int(m.value()) for m in messages if m.key() == b"%d" % number]
                self.assertEqual(sorted(set(there)), there, f"producer {number}, partition {partition}: doubled or out of order")
                self.assertEqual(load.acknowledged[number, partition], there)

    def under_load(self, broker: Broker, topic: str, end: Any, times: int) -> None:
        """End the broker several times at random moments of a load, and start it again."""
        randomness = random.Random(5)
        load = Load(broker, topic)
        try:
            for _ in range(times):
                goal = load.count() + randomness.randrange(50, 400)
                eventually(lambda: load.count() > goal, what="acknowledgements")  # noqa: B023  awaited here
                end()
                broker.start()
            goal = load.count() + 50
            eventually(lambda: load.count() > goal, what="acknowledgements after the last start")
        finally:
            load.stop()
        self.assert_whole(broker, topic, load)


class RestartTests(LoadTestCase):
    """Clean stops."""

    def test_stop_under_load(self) -> None:
        """SIGTERM under load ends with status 0; producers go on at the next start, and everything is there."""
        with running() as broker:
            topic = create(broker, "load", PARTITIONS)
            self.under_load(broker, topic, lambda: self.assertEqual(0, broker.stop()), 2)

    def test_everything_is_there(self) -> None:
        """Topics, their configuration, records and offsets are the same after a restart, and none is recovered by scanning."""
        with running() as broker:
            topic = create(broker, "kept", 2, retention_ms=777_000)
            produce(broker, topic, [b"%d" % n for n in range(500)])
            ends = [end_offset(broker, topic, partition) for partition in (0, 1)]
            broker.stop()
            broker.start()
            self.assertEqual(ends, [end_offset(broker, topic, partition) for partition in (0, 1)])
            self.assertEqual({b"%d" % n for n in range(500)}, {m.value() for m in consume(broker, topic, 500, (0, 1))})


class KillTests(LoadTestCase):
    """kill -9."""

    def test_broker_killed_under_load(self) -> None:
        """Five kills of the broker alone at random moments: nothing acknowledged is lost, doubled or reordered, and search finds all of it."""
        with running() as broker:
            topic = create(broker, "load", PARTITIONS)
            self.under_load(broker, topic, broker.kill, 5)
            whole_search(self, broker, topic)

    def test_everything_killed_under_load(self) -> None:
        """The same with the search process killed at the same moment."""
        with running() as broker:

            def kill_all() -> None:
                for pid in [*children(broker.pid), broker.pid]:
                    os.kill(pid, signal.SIGKILL)
                broker.kill()

            topic = create(broker, "load", PARTITIONS)
            self.under_load(broker, topic, kill_all, 2)
            whole_search(self, broker, topic)


class SearchRecoveryTests(SynchronousTestCase):
    """What happens to search."""

    def test_killed_search_process(self) -> None:
        """A search process that is killed is replaced, unnoticed by producers; search is complete afterwards."""
        with running() as broker:
            topic = create(broker, "t", 2)
            for number in range(3):
                produce(broker, topic, [b"before %d" % n for n in range(500)])
                victims = eventually(lambda: children(broker.pid), what="a search process")
                for pid in victims:
                    os.kill(pid, signal.SIGKILL)
                produce(broker, topic, [b"after %d" % n for n in range(500)])
                eventually(lambda: not any(alive(pid) for pid in victims), what="the end of the killed")  # noqa: B023  awaited here
                whole_search(self, broker, topic)
                self.assertEqual(500 * (number + 1), count(broker, topic, "after"))

    def test_deleted_index(self) -> None:
        """An index that was removed while the broker was stopped is built again."""
        with running() as broker:
            topic = create(broker, "t", 2)
            produce(broker, topic, [b"some words %d" % n for n in range(1_000)])
            whole_search(self, broker, topic)
            broker.stop()
            shutil.rmtree(broker.data / ".search", ignore_errors=True)
            broker.start()
            whole_search(self, broker, topic)
            self.assertEqual(1_000, count(broker, topic, "words"))

    def test_damaged_index(self) -> None:
        """An index whose files were overwritten while the broker was stopped is built again."""
        with running() as broker:
            topic = create(broker, "t")
            produce(broker, topic, [b"some words %d" % n for n in range(1_000)])
            whole_search(self, broker, topic)
            broker.stop()
            for path in [p for p in (broker.data / ".search").rglob("*") if p.is_file()]:
                path.write_bytes(b"\xa5" * path.stat().st_size)
            broker.start()
            whole_search(self, broker, topic)
            self.assertEqual(1_000, count(broker, topic, "words"))


def count(broker: Broker, topic: str, query: str) -> int:
    """How many records match."""
    status, answer = broker.http(f"/{topic}/_count?q={query}&wait_for_offset=end")
    return int(answer["count"]) if status == 200 else -1


def whole_search(case: SynchronousTestCase, broker: Broker, topic: str) -> None:
    """All of a topic is indexed in the end, and what is counted is what is there."""

    def complete() -> bool:
        status, coverage = broker.http(f"/{topic}/_coverage")
        return status == 200 and bool(coverage["complete"])

    eventually(complete, what="complete coverage")
    partitions = broker.http(f"/{topic}/_coverage")[1]["partitions"].values()
    case.assertEqual(sum(p["committed_end"] for p in partitions), count(broker, topic, "*"))
