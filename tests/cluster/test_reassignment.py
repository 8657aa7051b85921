"""What a reassignment makes of a partition's state."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.reassignment import completed, reassigned
from chronik.metadata.image import PartitionState


class EpochTests(SynchronousTestCase):
    """When there is a new leader epoch."""

    def test_whoever_goes_is_fenced(self) -> None:
        """A replica that goes, and comes back before it has heard of that, fetches under an epoch that is over; its log is about to be deleted."""
        before = PartitionState(1, 5, (1, 2, 3), (1, 2, 3), removing=(3,))
        after = completed(before)
        self.assertEqual(((1, 2), (1, 2), 1, 6), (after.replicas, after.isr, after.leader, after.leader_epoch))

    def test_breaking_off_fences_too(self) -> None:
        """Those that were to be added go."""
        before = PartitionState(1, 5, (1, 2, 3), (1, 2, 3), adding=(3,))
        after = reassigned(before, [], None, False)
        self.assertEqual(((1, 2), 1, 6), (after.replicas, after.leader, after.leader_epoch))

    def test_nobody_goes(self) -> None:
        """The epoch stays when replicas only came."""
        before = PartitionState(1, 5, (1, 2, 3), (1, 2, 3), adding=(3,))
        after = completed(before)
        self.assertEqual(((), 1, 5), (after.adding, after.leader, after.leader_epoch))

    def test_the_leader_goes(self) -> None:
        """Another one leads, one epoch later."""
        after = completed(PartitionState(3, 5, (1, 2, 3), (1, 2, 3), removing=(3,)))
        self.assertEqual((1, 6), (after.leader, after.leader_epoch))
