"""Who leads and who is in sync: the rules, state by state."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.election import Rules, settled, with_isr, without_replica
from chronik.metadata.image import NO_LEADER, PartitionState

ids = st.integers(1, 4)


@st.composite
def states(draw: st.DrawFn) -> PartitionState:
    """Any state that can be: somebody is in sync, and whoever leads is."""
    replicas = draw(st.lists(ids, min_size=1, unique=True).map(tuple))
    isr = tuple(i for i in replicas if draw(st.booleans())) or replicas[:1]
    elr = tuple(i for i in replicas if i not in isr and draw(st.booleans()))
    return PartitionState(draw(st.sampled_from([NO_LEADER, *isr])), 3, replicas, isr, 7, elr)


class SettledTests(SynchronousTestCase):
    """The state as it must be while some are alive."""

    @given(states(), st.sets(ids), st.integers(1, 3), st.booleans())
    def test_rules(self, state: PartitionState, alive: set[int], enough: int, unclean: bool) -> None:
        """A leader is alive and in sync; epochs grow with what changes; nothing changes twice; and nobody becomes in sync by it, but for a leader."""
        after = settled(state, alive, Rules(enough, unclean))
        if after.leader != NO_LEADER:
            self.assertIn(after.leader, alive)
            self.assertIn(after.leader, after.isr)
        self.assertTrue(after.isr)
        self.assertLessEqual(set(after.isr) - {after.leader}, set(state.isr))
        self.assertEqual(set(), set(after.isr) & set(after.elr))
        self.assertEqual(after.leader_epoch, state.leader_epoch + (after.leader != state.leader))
        self.assertEqual(after.partition_epoch, state.partition_epoch + (after != state))
        self.assertEqual(after, settled(after, alive, Rules(enough, unclean)))

    @given(states(), st.sets(ids), st.integers(1, 3))
    def test_only_those_who_have_everything_lead(self, state: PartitionState, alive: set[int], enough: int) -> None:
        """Without unclean elections a new leader was in sync or eligible; and where one of those is alive there is a leader."""
        after = settled(state, alive, Rules(enough))
        have_everything = {*state.isr, *state.elr}
        self.assertIn(after.leader, {NO_LEADER, *have_everything})
        self.assertEqual(bool(have_everything & alive), after.leader != NO_LEADER)

    def test_leader_dies(self) -> None:
        """The first of the others in sync leads."""
        before = PartitionState(1, 5, (1, 2, 3), (1, 3, 2), 9)
        self.assertEqual(PartitionState(2, 6, (1, 2, 3), (2, 3), 10), settled(before, {2, 3}, Rules()))

    def test_last_ones_stay_in_sync(self) -> None:
        """Nobody is alive: whoever comes back first of them may lead."""
        before = PartitionState(1, 5, (1, 2, 3), (1, 2), 9)
        dead = settled(before, {3}, Rules())
        self.assertEqual(PartitionState(NO_LEADER, 6, (1, 2, 3), (1, 2), 10), dead)
        self.assertEqual(PartitionState(2, 7, (1, 2, 3), (2,), 11), settled(dead, {2, 3}, Rules()))

    def test_eligible(self) -> None:
        """Who leaves too few in sync stays eligible, and leads when nobody in sync is alive; the last leader is eligible then."""
        before = PartitionState(1, 5, (1, 2, 3), (1, 2), 9)
        shrunk = settled(before, {1, 3}, Rules(2))
        self.assertEqual(((1,), (2,)), (shrunk.isr, shrunk.elr))
        after = settled(settled(shrunk, {3}, Rules(2)), {2, 3}, Rules(2))
        self.assertEqual((2, (2,), (1,)), (after.leader, after.isr, after.elr))

    def test_unclean(self) -> None:
        """Where the topic allows it one that lacks something leads, and nobody is eligible beside it."""
        before = PartitionState(1, 5, (1, 2, 3), (1,), 9)
        self.assertEqual(NO_LEADER, settled(before, {3}, Rules()).leader)
        after = settled(before, {3}, Rules(2, unclean=True))
        self.assertEqual((3, (3,), ()), (after.leader, after.isr, after.elr))


class OtherChangesTests(SynchronousTestCase):
    """Replicas that come into sync, or lose what they had."""

    def test_enough_again(self) -> None:
        """Nobody is eligible beside those in sync once there are enough of them."""
        before = PartitionState(1, 5, (1, 2, 3), (1,), 9, (2,))
        self.assertEqual(((1, 3), ()), (with_isr(before, {1, 3}, 2).isr, with_isr(before, {1, 3}, 2).elr))
        self.assertEqual(((1, 3), (2,)), (with_isr(before, {1, 3}, 3).isr, with_isr(before, {1, 3}, 3).elr))

    def test_more_than_there_are(self) -> None:
        """A topic that asks for more than it has replicas asks for all of them."""
        before = PartitionState(1, 5, (1, 2), (1, 2), 9)
        self.assertEqual((), with_isr(before, {1, 2}, 3).elr)

    def test_lost_what_it_had(self) -> None:
        """Another one leads, and the one that lost it is neither in sync nor eligible; nobody leads while the others are dead. One that nobody
        can replace stays.
        """
        before = PartitionState(1, 5, (1, 2, 3), (1, 2), 9)
        after = without_replica(before, 1, {1, 2, 3}, Rules(2))
        self.assertEqual((2, (2,), (), 6, 10), (after.leader, after.isr, after.elr, after.leader_epoch, after.partition_epoch))
        dead = without_replica(before, 1, {1, 3}, Rules(2))
        self.assertEqual((NO_LEADER, (2,), ()), (dead.leader, dead.isr, dead.elr))
        eligible = without_replica(PartitionState(1, 5, (1, 2, 3), (1,), 9, (3,)), 1, {1, 3}, Rules(2))
        self.assertEqual((3, (3,), ()), (eligible.leader, eligible.isr, eligible.elr))
        alone = PartitionState(1, 5, (1, 2, 3), (1,), 9)
        self.assertEqual(alone, without_replica(alone, 1, {1, 2, 3}, Rules(2)))
        self.assertEqual(before, without_replica(before, 3, {1, 2, 3}, Rules(2)))
