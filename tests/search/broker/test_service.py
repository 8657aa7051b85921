"""The service without a process."""

from __future__ import annotations

import json

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from chronik.search.broker_interfaces import SearchConfig
from chronik.search.relay import READY_WAIT_S
from chronik.search.service import SearchService
from tests.search.broker.fakes import FakeBroker


class ServiceTests(SynchronousTestCase):
    """:class:`SearchService`."""

    def service(self, backend: str) -> SearchService:
        """A service over a broker with a topic."""
        self.reactor = MemoryReactorClock()
        broker = FakeBroker()
        (partition,) = broker.create("logs")
        partition.append([b"x"] * 7)
        service = SearchService(self.reactor, self.fail, broker, broker, ["/d"], SearchConfig(backend=backend))  # type: ignore[arg-type]
        return service

    def test_none(self) -> None:
        """With the backend ``none`` no process is started and every topic counts as switched off."""
        service = self.service("none")
        service.startService()
        answer = self.successResultOf(service.search("search", ["logs"], {}, b""))
        self.assertEqual((answer.status, json.loads(answer.body)["error"]["index"]), (400, "logs"))
        self.assertEqual((service.status().partitions, service.searched(["logs"])), ([], frozenset()))
        self.successResultOf(service.stopService())

    def test_before_the_process(self) -> None:
        """Until a process has told otherwise, partitions are behind by all they hold, and searches wait for so long only."""
        service = self.service("tantivy")
        service._feed.start()
        self.assertEqual(service.searched(["logs", "none"]), {"logs"})
        (row,) = service.status().partitions
        self.assertEqual((row.topic, row.partition, row.committed, row.lag, row.state), ("logs", 0, 7, 7, "loading"))
        answered = service.search("search", ["logs"], {}, b"")
        self.assertEqual(service.status().calls, 1)
        self.reactor.advance(READY_WAIT_S)
        self.assertEqual(self.successResultOf(answered).status, 503)

    def test_unknown_topic(self) -> None:
        """As Elasticsearch says it."""
        service = self.service("tantivy")
        answer = self.successResultOf(service.search("count", ["none"], {}, b""))
        document = json.loads(answer.body)
        self.assertEqual((answer.status, document["error"]["type"], document["error"]["index"]), (404, "index_not_found_exception", "none"))
