"""Who the controller declares dead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.election import Rules
from chronik.cluster.keeper import ClusterKeeper
from chronik.metadata.image import BrokerImage
from tests.replica.fakes import FakeFeed, image_of


class NotedMembership:
    """Writes nothing.

    :ivar fenced: who was to be declared dead.
    """

    def __init__(self) -> None:
        self.fenced: set[int] = set()

    async def set_fenced(self, broker_id: int, epoch: int, fenced: bool) -> None:
        """Note it."""
        self.fenced.add(broker_id)

    async def change_partitions(self, names: Sequence[str], after: Callable[..., Any]) -> None:
        """There are none."""


class SilenceTest(SynchronousTestCase):
    """Broker 1 is the controller of three, and looks every two seconds; nine are too long."""

    def setUp(self) -> None:
        """All have been heard."""
        self.clock, self.membership = Clock(), NotedMembership()
        brokers = {broker_id: BrokerImage(broker_id, 1, {}) for broker_id in (1, 2, 3)}
        feed = FakeFeed(replace(image_of(), brokers=brokers))
        self.keeper = ClusterKeeper(1, self.membership, feed, self.clock, lambda topic: Rules(), 9.0, 2.0)  # type: ignore[arg-type]
        self.keeper.begin()
        self.look(2, 3)

    def look(self, *heard: int) -> set[int]:
        """Two seconds later, after these were heard; who is dead."""
        self.clock.advance(2)
        for broker_id in heard:
            self.keeper.heard(broker_id)
        self.keeper.look()
        return self.membership.fenced

    def test_silent(self) -> None:
        """Who is not heard for that long is dead, and nobody else."""
        for _ in range(4):
            self.assertEqual(set(), self.look(2))
        self.assertEqual({3}, self.look(2))

    def test_stood_still(self) -> None:
        """A controller that stood still itself has not heard anybody: that is not held against them, and who is silent from then on is dead."""
        self.clock.advance(60)
        self.assertEqual(set(), self.look())
        for _ in range(4):
            self.assertEqual(set(), self.look(2))
        self.assertEqual({3}, self.look(2))
