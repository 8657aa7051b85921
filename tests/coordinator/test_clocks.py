"""Groups while the time of day is set: members live by another clock, what is written down says the time of day."""

from __future__ import annotations

from chronik.coordinator.group.group import GroupState
from chronik.errors import ErrorCode
from tests.coordinator.consumer.consumers import ConsumerCase
from tests.coordinator.groups import PLACE, GroupCase

HOUR = 3600.0


class ClassicTests(GroupCase):
    """Groups of the older protocol; their sessions are of ten seconds."""

    def test_set_forward(self) -> None:
        """Nobody's session ends by that, and all of them by silence."""
        (member,) = self.stable()
        self.clock.advance(5)
        self.set_forward = 5 * HOUR
        self.clock.advance(4)
        self.assertEqual(ErrorCode.NONE, self.heartbeat(member, 1))
        self.clock.advance(9)
        self.assertIn(member, self.group.members)
        self.clock.advance(1.1)
        self.assertEqual({}, self.group.members)

    def test_set_back(self) -> None:
        """Whoever is silent is gone in time, and a rebalance waits no longer than it would."""
        (member,) = self.stable()
        self.set_forward = -5 * HOUR
        self.clock.advance(10.1)
        self.assertEqual(({}, GroupState.EMPTY), (self.group.members, self.group.state))
        self.assertEqual(ErrorCode.UNKNOWN_MEMBER_ID, self.heartbeat(member, 1))

    def test_what_is_written_down(self) -> None:
        """Commits and states have the time of day, as it is at the moment."""
        self.clock.advance(100)
        self.set_forward = 5 * HOUR
        self.successResultOf(self.commit(4))
        self.assertEqual(1_018_100_000, self.coordinator.offsets("g")[PLACE].commit_timestamp)
        self.assertEqual(1_018_100_000, self.log.records[-1].timestamp)
        self.stable()
        self.assertEqual(1_018_100_000, self.group.state_timestamp)
        self.set_forward = 0.0
        self.clock.advance(10.1)
        self.assertEqual((GroupState.EMPTY, 1_000_110_100), (self.group.state, self.group.state_timestamp))

    def test_retention(self) -> None:
        """Offsets are as old as the time of day says; how often that is looked at is another matter."""
        self.successResultOf(self.commit(4))
        self.set_forward = self.config.retention_ms / 1000 - 1
        self.assertIn(PLACE, self.coordinator.offsets("g"))
        self.clock.advance(self.config.retention_check_ms / 1000)
        self.assertEqual({}, self.coordinator.offsets("g"))


class ConsumerTests(ConsumerCase):
    """Groups of the newer protocol; their sessions are of 45 seconds."""

    def test_set_forward(self) -> None:
        """Nobody's session ends by that, and all of them by silence."""
        epoch = self.enter().epoch
        self.clock.advance(5)
        self.set_forward = 5 * HOUR
        self.clock.advance(39)
        self.assertEqual(epoch, self.beat("m", epoch).epoch)
        self.clock.advance(44)
        self.assertIn("m", self.consumers.members)
        self.clock.advance(1.1)
        self.assertEqual({}, self.consumers.members)

    def test_set_back(self) -> None:
        """Whoever is silent is gone in time, and another member gets its partitions."""
        self.enter()
        self.set_forward = -5 * HOUR
        self.clock.advance(45.1)
        self.assertEqual({}, self.consumers.members)
        self.assertEqual(4, sum(map(len, (self.enter("n").assignment or {}).values())))

    def test_what_is_written_down(self) -> None:
        """Assignments have the time of day."""
        self.clock.advance(100)
        self.set_forward = 5 * HOUR
        self.enter()
        self.assertEqual(1_018_100_000, self.consumers.assignment_timestamp)
        self.assertEqual({1_018_100_000}, {record.timestamp for record in self.log.records})
