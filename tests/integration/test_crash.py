"""A broker that is stopped, paused or killed under load loses, doubles and reorders nothing that it acknowledged; search is whole afterwards."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping

from twisted.trial.unittest import SynchronousTestCase

from chronik.testing.history import anomalies
from tests.integration.clients import consume, create, end_offset, produce
from tests.integration.contents import searched
from tests.integration.harness import Broker, alive, children, eventually, running
from tests.integration.load import IDEMPOTENT_PRODUCERS, PARTITIONS, PLAIN_PRODUCERS, Load
from tests.lengths import length, report, seed

KILLS = length(7, 100)

CATCH_UP_SECONDS = length(60.0, 300.0)

Ending = Callable[[Broker, random.Random], None]
"""A way to end a broker, or a part of it, and to have it running again."""


def stopped(broker: Broker, _: random.Random) -> None:
    """SIGTERM."""
    status = broker.stop()
    if status:
        raise AssertionError(f"the broker ended with status {status}:\n{broker.log()[-3000:]}")
    broker.start()


def broker_killed(broker: Broker, _: random.Random) -> None:
    """The broker alone; its search process has to end by itself."""
    broker.kill()
    broker.start()


def everything_killed(broker: Broker, _: random.Random) -> None:
    """The broker and its search process at the same moment."""
    for pid in [*children(broker.pid), broker.pid]:
        os.kill(pid, signal.SIGKILL)
    broker.kill()
    broker.start()


def search_killed(broker: Broker, _: random.Random) -> None:
    """The search process alone; the broker has to start another."""
    victims = eventually(lambda: children(broker.pid), what="a search process")
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(alive(pid) for pid in victims), what="the end of the killed")


def killed_while_starting(broker: Broker, randomness: random.Random) -> None:
    """The broker, and then the next one before, while or shortly after it becomes ready."""
    broker.kill()
    broker.begin()
    time.sleep(randomness.uniform(0.0, 1.0))
    broker.kill()
    broker.start()


def _paused(pids: list[int], randomness: random.Random) -> None:
    """Processes that get no time for a while, as on a machine that does too much, or is moved to another."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(randomness.uniform(0.1, 2.0))
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def broker_paused(broker: Broker, randomness: random.Random) -> None:
    """The broker stands still, and goes on as if nothing had been."""
    _paused([broker.pid], randomness)


def search_paused(broker: Broker, randomness: random.Random) -> None:
    """So does its search process; the broker must not wait for it."""
    _paused(eventually(lambda: children(broker.pid), what="a search process"), randomness)


def killed_while_paused(broker: Broker, randomness: random.Random) -> None:
    """The broker stands still, its clients go on waiting for it, and it never comes back."""
    os.kill(broker.pid, signal.SIGSTOP)
    time.sleep(randomness.uniform(0.1, 1.0))
    broker.kill()
    broker.start()


KILLERS: Mapping[str, Ending] = {
    "broker": broker_killed,
    "everything": everything_killed,
    "search": search_killed,
    "starting": killed_while_starting,
    "pause": broker_paused,
    "search pause": search_paused,
    "pause and kill": killed_while_paused,
}


class LoadTestCase(SynchronousTestCase):
    """Puts a load on a broker, and checks what it left."""

    def under_load(self, broker: Broker, endings: list[Ending], randomness: random.Random) -> None:
        """End the broker in these ways at random moments of a load; everything is checked afterwards."""
        topic = create(broker, "load", PARTITIONS)
        load = Load(broker, topic, randomness.randrange(1 << 30))
        try:
            for end in endings:
                self.progress(load, randomness.randrange(50, 500))
                time.sleep(randomness.uniform(0.0, 0.05))
                end(broker, randomness)
            self.progress(load, 100)
        finally:
            load.stop()
        self.check(broker, topic, load)

    def progress(self, load: Load, count: int) -> None:
        """So many more acknowledgements."""
        goal = load.acknowledgements() + count
        eventually(lambda: load.failed or load.acknowledgements() > goal, 60, "acknowledgements")
        self.assertEqual([], load.failed[:3])

    def check(self, broker: Broker, topic: str, load: Load) -> None:
        """The history has no anomaly, committed offsets are there, and search has what the log has."""
        self.assertEqual([], load.failed[:3])
        ends = [end_offset(broker, topic, partition) for partition in range(PARTITIONS)]
        messages = load.read_all(ends)
        found = anomalies(load.history)
        self.assertEqual([], found[:10], f"{len(found)} anomalies, the first:\n" + "\n".join(map(str, found[:10])))
        seen = Counter(message.key().decode() for message in messages)
        self.assertEqual({*IDEMPOTENT_PRODUCERS, *PLAIN_PRODUCERS}, set(seen), "every producer got something in")
        committed = load.committed_now()
        for partition, offset in load.committed.items():
            self.assertGreater(offset, 0)
            self.assertGreaterEqual(committed[partition], offset, f"a committed offset of partition {partition} went back")
        whole_search(self, broker, topic)
        logged = {(message.partition(), message.offset()): message.value() for message in messages}
        for partition, end in enumerate(ends):
            for source in searched(broker, topic, partition, end):
                self.assertEqual(json.loads(logged[partition, source["offset"]]), source["value"])
        report(f"{sum(ends)} records, {load.acknowledgements()} acknowledgements, nothing lost, doubled or reordered; all found")


class RestartTests(LoadTestCase):
    """Clean stops."""

    def test_stop_under_load(self) -> None:
        """SIGTERM under load ends with status 0; producers go on at the next start, and everything is there."""
        with running() as broker:
            self.under_load(broker, [stopped] * 2, random.Random(seed(5)))

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
    """kill -9 and SIGSTOP."""

    def test_killed_under_load(self) -> None:
        """Kills and pauses of the broker, its search process, both, and a broker that is starting, at random moments, each way at least once."""
        randomness = random.Random(seed(5))
        ways = [*KILLERS, *randomness.choices([*KILLERS], k=KILLS - len(KILLERS))]
        randomness.shuffle(ways)
        report(f"seed {seed(5)}: {', '.join(ways)}")
        with running() as broker:
            self.under_load(broker, [KILLERS[way] for way in ways], randomness)


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

    eventually(complete, CATCH_UP_SECONDS, "complete coverage")
    partitions = broker.http(f"/{topic}/_coverage")[1]["partitions"].values()
    case.assertEqual(sum(p["committed_end"] for p in partitions), count(broker, topic, "*"))
