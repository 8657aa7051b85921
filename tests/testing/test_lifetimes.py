"""Records that are gone before their time."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.model import TopicId
from chronik.testing.simulation.lifetimes import Lifetimes

KEPT, FOREVER = TopicId(bytes(15) + b"\x01"), TopicId(bytes(15) + b"\x02")


class LifetimesTests(SynchronousTestCase):
    """Records of offsets 0 to 9, one a second, that are kept for five seconds."""

    def setUp(self) -> None:
        """All of them were read."""
        self.latest_ms = 9_000.0
        self.findings: list[str] = []
        self.lifetimes = Lifetimes(lambda: self.latest_ms, self.findings.append)
        self.lifetimes.limit(KEPT, 5_000)
        for topic_id in (KEPT, FOREVER):
            for offset in range(10):
                self.lifetimes.read(topic_id, 0, offset, offset * 1_000)

    def test_in_time(self) -> None:
        """What is too old by the clock that is ahead of all may be gone."""
        for offset in range(6):
            self.lifetimes.begins("reader", KEPT, 0, offset)
        self.assertEqual([], self.findings)

    def test_too_early(self) -> None:
        """What is not is missed."""
        self.lifetimes.begins("reader", KEPT, 0, 7)
        (finding,) = self.findings
        self.assertIn("begins at 7", finding)
        self.assertIn("2000 ms before", finding)

    def test_asked_for(self) -> None:
        """What somebody asks to remove may be gone, and nothing behind it."""
        self.lifetimes.asked(KEPT, 0, 8)
        self.lifetimes.asked(KEPT, 0, 3)
        self.lifetimes.begins("reader", KEPT, 0, 8)
        self.assertEqual([], self.findings)
        self.lifetimes.begins("reader", KEPT, 0, 9)
        self.assertEqual(1, len(self.findings))

    def test_unknown(self) -> None:
        """Of other topics, other partitions and records that nobody read nothing is known."""
        for topic_id, partition, offset in ((FOREVER, 0, 9), (KEPT, 1, 9), (KEPT, 0, 20)):
            self.lifetimes.begins("reader", topic_id, partition, offset)
        self.assertEqual([], self.findings)
