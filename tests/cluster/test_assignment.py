"""Replica placement: even, without doubles, and checked when a client chose it."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.assignment import assign_replicas, check_assignment
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import BrokerImage


def brokers(*ids: int, fenced: tuple[int, ...] = ()) -> list[BrokerImage]:
    """Brokers of these ids."""
    return [BrokerImage(broker_id, 1, {}, None, broker_id in fenced) for broker_id in ids]


class AssignTests(SynchronousTestCase):
    """Placement by us."""

    @given(st.sets(st.integers(0, 100), min_size=1, max_size=8), st.integers(1, 60), st.integers(0, 50), st.data())
    def test_even(self, ids: set[int], count: int, first: int, data: st.DataObject) -> None:
        """Every partition has different brokers, led by the first; leaders differ by one at most."""
        factor = data.draw(st.integers(1, len(ids)))
        states = assign_replicas(brokers(*ids), range(first, first + count), factor)
        self.assertEqual(len(states), count)
        for state in states:
            self.assertEqual([len(set(state.replicas)), state.leader, state.isr], [factor, state.replicas[0], state.replicas])
            self.assertLessEqual(set(state.replicas), ids)
        leaders = Counter(dict.fromkeys(ids, 0))
        leaders.update(state.leader for state in states)
        self.assertLessEqual(max(leaders.values()) - min(leaders.values()), 1)

    def test_followers_vary(self) -> None:
        """The partitions of one leader are not all followed by the same broker."""
        states = assign_replicas(brokers(1, 2, 3, 4), range(12), 2)
        self.assertEqual({state.replicas[1] for state in states if state.leader == 1}, {2, 3, 4})

    @given(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=8), st.integers(1, 30), st.data())
    def test_racks(self, racks: list[str | None], count: int, data: st.DataObject) -> None:
        """Each partition is kept in as many racks as there are, or as it has replicas; leaders are spread as evenly as ever."""
        factor = data.draw(st.integers(1, len(racks)))
        standing = {broker_id: rack for broker_id, rack in enumerate(racks)}
        states = assign_replicas([BrokerImage(broker_id, 1, {}, rack) for broker_id, rack in standing.items()], range(count), factor)
        for state in states:
            self.assertEqual(min(factor, len(set(racks))), len({standing[broker_id] for broker_id in state.replicas}))
            self.assertEqual(factor, len(set(state.replicas)))
        leaders = Counter(dict.fromkeys(standing, 0))
        leaders.update(state.leader for state in states)
        self.assertLessEqual(max(leaders.values()) - min(leaders.values()), 1)

    def test_continued(self) -> None:
        """Later partitions are placed as if all had been placed at once."""
        everything = assign_replicas(brokers(1, 2, 3), range(10), 2)
        self.assertEqual(assign_replicas(brokers(1, 2, 3), range(4, 10), 2), everything[4:])

    def test_fenced_brokers(self) -> None:
        """Brokers that are not alive keep what the others are too few for; they neither lead nor are in sync."""
        first, second, third = assign_replicas(brokers(1, 2, 3, 4, fenced=(2, 4)), range(3), 3)
        self.assertEqual([(1, 3, 2), (3, 1, 4), (1, 3, 2)], [first.replicas, second.replicas, third.replicas])
        self.assertEqual([((1, 3), 1), ((3, 1), 3)], [(first.isr, first.leader), (second.isr, second.leader)])
        self.assertEqual((1, 3), assign_replicas(brokers(1, 2, 3, fenced=(2,)), range(1), 2)[0].replicas)

    def test_too_few(self) -> None:
        """There cannot be more replicas than brokers, and somebody must lead."""
        for known, factor, why in ((brokers(1, 2, fenced=(2,)), 3, "only 2 broker(s)"), (brokers(1, 2, fenced=(1, 2)), 1, "fenced")):
            with self.assertRaises(KafkaError) as caught:
                assign_replicas(known, range(1), factor)
            self.assertEqual(caught.exception.code, ErrorCode.INVALID_REPLICATION_FACTOR)
            self.assertIn(why, caught.exception.message)


class CheckTests(SynchronousTestCase):
    """Placement by a client."""

    def code(self, replicas: tuple[int, ...], factor: int | None = None) -> ErrorCode:
        """What is said of these replicas among brokers 1, 2 and the fenced 3."""
        with self.assertRaises(KafkaError) as caught:
            check_assignment(brokers(1, 2, 3, fenced=(3,)), replicas, factor)
        return caught.exception.code

    def test_refused(self) -> None:
        """None, doubles, strangers, another number than elsewhere, and nobody alive."""
        for replicas, factor in (((), None), ((1, 1), None), ((9,), None), ((1,), 2), ((3,), None)):
            self.assertEqual(self.code(replicas, factor), ErrorCode.INVALID_REPLICA_ASSIGNMENT)

    def test_fenced_replica(self) -> None:
        """A fenced broker may keep a replica, but is not in sync and does not lead."""
        state = check_assignment(brokers(1, 2, 3, fenced=(3,)), (3, 2), 2)
        self.assertEqual([state.leader, state.replicas, state.isr], [2, (3, 2), (2,)])
