"""A running broker whose wall clock is set by hours, as an operator or a daemon may do at any time."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from confluent_kafka import ConsumerGroupTopicPartitions
from twisted.trial.unittest import TestCase

from tests.integration.clients import SECONDS, admin, consumer, create, produce, take
from tests.integration.harness import Broker, eventually

HOUR: Final = 3600

CLOCK: Final = '''
import time
real = time.time
def set_time():
    with open({path!r}) as file:
        return real() + float(file.read())
time.time = set_time
'''
"""Runs before anything else in every Python process of the broker: a clock that a file sets."""


class SetClockTests(TestCase):
    """A broker, its search process and a real client."""

    def setUp(self) -> None:
        """Start it; its clock is right."""
        directory = tempfile.mkdtemp(prefix="chronik-test-")
        self.ahead = Path(directory, "ahead")
        self.set_clock(0)
        Path(directory, "sitecustomize.py").write_text(CLOCK.format(path=str(self.ahead)))
        paths = [directory, *filter(None, [os.environ.get("PYTHONPATH")])]
        self.broker = Broker(environ={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
        self.addCleanup(self.broker.close)
        self.broker.start()
        self.topic = create(self.broker, "events", message_timestamp_type="LogAppendTime")

    def set_clock(self, hours: float) -> None:
        """So far ahead of the right time."""
        partial = self.ahead.with_suffix(".new")
        partial.write_text(str(hours * HOUR))
        os.replace(partial, self.ahead)

    def members(self, group: str) -> list[str]:
        """Ids of a group's members as the broker knows them."""
        described: Any = admin(self.broker)
        return [member.member_id for member in described.describe_consumer_groups([group])[group].result(SECONDS).members]

    def test_set_forward(self) -> None:
        """Members stay in their groups, and nobody is cut off."""
        client = consumer(self.broker, "readers", session_timeout_ms=20_000)
        self.addCleanup(client.close)
        client.subscribe([self.topic])
        produce(self.broker, self.topic, [b"1"])
        take(client, 1)
        members = self.members("readers")
        self.assertEqual(1, len(members))
        self.set_clock(5)
        produce(self.broker, self.topic, [b"2"])
        self.assertEqual(members, self.members("readers"))
        (message,) = take(client, 1)
        self.assertGreater(message.timestamp()[1] / 1000, time.time() + 4.9 * HOUR)
        client.commit(message, asynchronous=False)
        committed: Any = admin(self.broker)
        asked = committed.list_consumer_group_offsets([ConsumerGroupTopicPartitions("readers")])["readers"].result(SECONDS)
        self.assertEqual([2], [each.offset for each in asked.topic_partitions])

    def test_waiting_fetches(self) -> None:
        """They are answered when their time is up, also those that came before the clock was set back."""
        self.broker.stop()
        self.broker.settings["search.backend"] = "none"  # nobody else fetches
        self.broker.start()
        client = consumer(self.broker, "readers", fetch_wait_max_ms=300)
        self.addCleanup(client.close)
        client.subscribe([self.topic])
        produce(self.broker, self.topic, [b"1"])
        take(client, 1)
        eventually(lambda: self.broker.requests()["Fetch"] > 3, what="a fetch waits")
        self.set_clock(-5)
        before = self.broker.requests()["Fetch"]
        eventually(lambda: self.broker.requests()["Fetch"] > before + 3, what="fetches are answered for which there is nothing")

    def test_set_back(self) -> None:
        """What is written is read and found as soon as ever."""
        client = consumer(self.broker, "readers")
        self.addCleanup(client.close)
        client.subscribe([self.topic])
        produce(self.broker, self.topic, [b"first"])
        take(client, 1)
        self.set_clock(-5)
        produce(self.broker, self.topic, [b"second"])
        (message,) = take(client, 1)
        self.assertLess(message.timestamp()[1] / 1000, time.time() - 4.9 * HOUR)
        eventually(lambda: self.found("value:second") == 1, what="a record is found")

    def found(self, query: str) -> int:
        """How many records a query finds."""
        status, answer = self.broker.http(f"/{self.topic}/_search?q={query}")
        return int(answer["hits"]["total"]["value"]) if status == 200 else -1
