"""What is counted against whom, and for how long they wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import CLIENT_ID, USER, MetadataImage, QuotaEntity
from chronik.network.interfaces import Session
from chronik.security.interfaces import Principal
from chronik.server.quotas import service
from chronik.server.quotas.service import UNLIMITED, ClientQuotas, QuotaWindows
from tests.replica.fakes import FakeFeed


def session(user: str = "alice", internal: bool = False) -> Session:
    """A user's connection."""
    return Session("PLAINTEXT", "10.0.0.9", 1, "10.0.0.1", 9092, Principal("User", user), internal)


class QuotaTests(SynchronousTestCase):
    """Quotas of eleven windows of a second."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.feed = FakeFeed(MetadataImage(1))
        self.quotas = ClientQuotas(self.feed, self.clock.seconds, QuotaWindows())

    def limit(self, **limits: float) -> None:
        """Limit every user."""
        self.set({((USER, None),): limits})

    def set(self, quotas: Mapping[QuotaEntity, Mapping[str, float]]) -> None:
        """These quotas, and no others."""
        self.feed.image = replace(self.feed.image, quotas=quotas)

    def test_none(self) -> None:
        """Without quotas nothing is measured."""
        self.assertFalse(self.quotas.enabled)
        self.assertEqual((0, 0), (self.quotas.produced(session(), "c", 1 << 40), self.quotas.fetched(session(), "c", 1 << 40)))
        self.assertEqual(UNLIMITED, self.quotas.fetch_bytes_max(session(), "c"))
        self.quotas.mutations(session(), "c", strict=True).charge(1 << 20)
        self.assertEqual({}, self.quotas._measures)

    def test_produced(self) -> None:
        """Bytes of requests; what is over the limit is waited for."""
        self.limit(producer_byte_rate=100)
        self.assertEqual(0, self.quotas.produced(session(), "c", 1000))
        self.assertEqual(10_000, self.quotas.produced(session(), "c", 1000))

    def test_whose_use(self) -> None:
        """A quota of a user counts all clients of that user together, and no other user."""
        self.limit(producer_byte_rate=100)
        self.quotas.produced(session(), "c", 1000)
        self.assertEqual(0, self.quotas.produced(session("bob"), "c", 1000))
        self.assertGreater(self.quotas.produced(session(), None, 1000), 0)
        self.set({((CLIENT_ID, None),): {"producer_byte_rate": 100.0}})
        self.assertEqual(0, self.quotas.produced(session(), "c", 1000))
        self.assertGreater(self.quotas.produced(session("bob"), "c", 1000), 0)

    def test_fetched(self) -> None:
        """Bytes that are held back do not count; more than fits all windows but one is never given at once."""
        self.limit(consumer_byte_rate=100)
        self.assertEqual(1000, self.quotas.fetch_bytes_max(session(), "c"))
        self.assertEqual(1000, self.quotas.fetched(session(), "c", 1100))
        self.assertEqual(0, self.quotas.fetched(session(), "c", 1000))

    def test_worked(self) -> None:
        """Time as a percentage of the one thread; nobody waits longer than one window."""
        self.limit(request_percentage=1)
        self.assertEqual(0, self.quotas.worked(session(), "c", 0.1))
        self.assertEqual(100, self.quotas.worked(session(), "c", 0.001))
        self.assertEqual(1000, self.quotas.worked(session(), "c", 5))

    def test_changed(self) -> None:
        """A new limit counts at once, with what was used before; taken away, it is gone."""
        self.limit(producer_byte_rate=100)
        self.quotas.produced(session(), "c", 2000)
        self.limit(producer_byte_rate=1000)
        self.assertEqual(0, self.quotas.produced(session(), "c", 1))
        self.set({})
        self.assertEqual(0, self.quotas.produced(session(), "c", 1 << 40))

    def test_internal(self) -> None:
        """The broker's own children have no quota."""
        self.limit(consumer_byte_rate=1)
        child = session(internal=True)
        self.assertEqual((0, UNLIMITED), (self.quotas.fetched(child, "c", 9999), self.quotas.fetch_bytes_max(child, "c")))

    def test_strict_mutations(self) -> None:
        """The change that exhausts the quota is made; the next one is refused until it has recovered."""
        self.limit(controller_mutation_rate=2)
        quota = self.quotas.mutations(session(), "c", strict=True)
        quota.charge(30)
        self.assertEqual((0, False), (quota.throttle_ms, quota.exceeded))
        error = self.assertRaises(KafkaError, quota.charge, 1)
        self.assertEqual(ErrorCode.THROTTLING_QUOTA_EXCEEDED, error.code)
        self.assertEqual((4000, True), (quota.throttle_ms, quota.exceeded))
        self.clock.advance(1)
        self.assertEqual(3000, quota.throttle_ms)
        self.clock.advance(3)
        later = self.quotas.mutations(session(), "c", strict=True)
        later.charge(1)
        self.assertFalse(later.exceeded)

    def test_permissive_mutations(self) -> None:
        """For older clients all is done, and they wait afterwards."""
        self.limit(controller_mutation_rate=2)
        quota = self.quotas.mutations(session(), "c", strict=False)
        quota.charge(30)
        quota.charge(2)
        self.assertEqual((5000, False), (quota.throttle_ms, quota.exceeded))

    def test_bounded(self) -> None:
        """Client ids that come and go are forgotten once they no longer matter."""
        self.set({((CLIENT_ID, None),): {"producer_byte_rate": 100.0}})
        for number in range(service.MEASURES_MAX):
            self.quotas.produced(session(), str(number), 1)
        self.clock.advance(60)
        self.quotas.produced(session(), "last", 1)
        self.assertEqual((1, 1), (len(self.quotas._measures), len(self.quotas._limits)))
