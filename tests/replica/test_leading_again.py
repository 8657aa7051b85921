"""A partition that is led again while what was appended before is still being written."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.metadata.image import PartitionState
from chronik.model import IsolationLevel
from chronik.replica.followers import Leading
from chronik.replica.interfaces import FollowerFetch
from chronik.replica.partition import Partition
from tests.replica.fakes import FakeLog, make_inspector
from tests.replica.test_followers import HeldChanges


class FailedWriteTest(SynchronousTestCase):
    """The disk is full, and the write is taken back."""

    def test_what_was_never_written(self) -> None:
        """It is not waited for: not by readers, nor for a replica to have everything."""
        log, clock, changes = FakeLog(end=5), Clock(), HeldChanges()
        log.end_offset = 8
        state = PartitionState(leader=1, leader_epoch=3, replicas=(1, 2), isr=(1, 2))
        partition = Partition(log, state, make_inspector(), 2, Leading(1, clock, changes, 10.0), high_watermark=3)
        log.end_offset = 5
        partition.truncated(log, 5, 3)
        for _ in range(30):
            clock.advance(1)
            self.successResultOf(partition.read_as_follower(FollowerFetch(2, 1, 5, -1, 0, 1000, True)))
            partition.remove_lagging()
        self.assertEqual(([], 5, 5), (changes.asked, partition.high_watermark, partition.written_offset))
        self.successResultOf(partition.read(5, 100, IsolationLevel.READ_UNCOMMITTED, True))

    def test_who_comes_back(self) -> None:
        """A replica that was not in sync is once it has all that was written, though that is less than what counted as such."""
        log, changes = FakeLog(end=5), HeldChanges()
        log.end_offset = 8
        state = PartitionState(leader=1, leader_epoch=3, replicas=(1, 2), isr=(1,))
        partition = Partition(log, state, make_inspector(), 2, Leading(1, Clock(), changes, 10.0), high_watermark=3)
        log.end_offset = 5
        partition.truncated(log, 5, 3)
        self.successResultOf(partition.read_as_follower(FollowerFetch(2, 1, 5, -1, 0, 1000, True)))
        self.assertEqual([{2: 1}], [add for add, _ in changes.asked])
