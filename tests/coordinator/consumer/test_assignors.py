"""The broker's assignors: complete, balanced, sticky, and the same every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.coordinator.group.consumer.assignors import ASSIGNORS, Subscriber, assign_ranges, assign_uniformly
from chronik.coordinator.group.consumer.member import Assignment
from chronik.model import TopicId

A, B, C, D = (TopicId(letter * 16) for letter in (b"a", b"b", b"c", b"d"))

SIZES = st.fixed_dictionaries({topic: st.integers(1, 12) for topic in (A, B, C, D)})
SUBSCRIPTIONS = st.dictionaries(st.sampled_from([f"m{n}" for n in range(9)]), st.frozensets(st.sampled_from((A, B, C, D))), max_size=9)

EXAMPLES = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
"""How long it takes to draw an example, or to try it, says more of a busy machine than of an assignor."""

Places = set[tuple[TopicId, int]]


def everybody(subscriptions: Mapping[str, frozenset[TopicId]], current: Mapping[str, Assignment] | None = None) -> dict[str, Subscriber]:
    """Members of these subscriptions, with what they had."""
    return {member_id: Subscriber(topics, current=(current or {}).get(member_id, {})) for member_id, topics in subscriptions.items()}


def places(assignment: Assignment) -> Places:
    """Its partitions one by one."""
    return {(topic, number) for topic, numbers in assignment.items() for number in numbers}


def loads(assignments: Mapping[str, Assignment]) -> dict[str, int]:
    """How many partitions each has."""
    return {member_id: len(places(assignment)) for member_id, assignment in assignments.items()}


class EveryAssignorTest(SynchronousTestCase):
    """What holds for all of them."""

    @EXAMPLES
    @given(st.sampled_from(sorted(ASSIGNORS)), SUBSCRIPTIONS, SUBSCRIPTIONS, SIZES, SIZES)
    def test_complete(
        self,
        name: str,
        before: dict[str, frozenset[TopicId]],
        after: dict[str, frozenset[TopicId]],
        old_sizes: dict[TopicId, int],
        sizes: dict[TopicId, int],
    ) -> None:
        """Every partition of a subscribed topic has exactly one reader, who subscribes to it, whatever was before."""
        assign = ASSIGNORS[name]
        found = assign(everybody(after, assign(everybody(before), old_sizes)), sizes)
        self.assertEqual(set(found), set(after))
        readers = Counter(place for assignment in found.values() for place in places(assignment))
        wanted = {topic for topics in after.values() for topic in topics}
        self.assertEqual(readers, Counter((topic, number) for topic in wanted for number in range(sizes[topic])))
        self.assertTrue(all(set(assignment) <= after[member_id] for member_id, assignment in found.items()))
        self.assertNotIn(frozenset(), [numbers for assignment in found.values() for numbers in assignment.values()])

    @EXAMPLES
    @given(st.sampled_from(sorted(ASSIGNORS)), SUBSCRIPTIONS, SIZES)
    def test_settled(self, name: str, subscriptions: dict[str, frozenset[TopicId]], sizes: dict[TopicId, int]) -> None:
        """Computed again with nothing different, nothing moves; the order of members does not matter."""
        assign = ASSIGNORS[name]
        once = assign(everybody(subscriptions), sizes)
        backwards = dict(reversed(everybody(subscriptions, once).items()))
        self.assertEqual(assign(backwards, sizes), once)


class UniformTest(SynchronousTestCase):
    """As even as subscriptions allow, with as few moves as possible."""

    @EXAMPLES
    @given(st.integers(1, 9), st.integers(1, 9), SIZES)
    def test_equal_subscriptions(self, before: int, after: int, sizes: dict[TopicId, int]) -> None:
        """Nobody has two more than another; what moves is exactly what must, when members come or go."""
        topics = frozenset(sizes)
        old = assign_uniformly(everybody({f"m{n}": topics for n in range(before)}), sizes)
        new = assign_uniformly(everybody({f"m{n}": topics for n in range(after)}, old), sizes)
        counts = loads(new)
        self.assertLessEqual(max(counts.values()) - min(counts.values()), 1)
        kept = sum(len(places(new[member_id]) & places(old[member_id])) for member_id in new if member_id in old)
        self.assertEqual(kept, _most_kept(loads(old), counts, sum(sizes.values())))

    @EXAMPLES
    @given(SUBSCRIPTIONS, SUBSCRIPTIONS, SIZES)
    def test_nothing_to_improve(self, before: dict[str, frozenset[TopicId]], after: dict[str, frozenset[TopicId]], sizes: dict[TopicId, int]) -> None:
        """However different subscriptions are: no partition could go to a subscriber who has at least two fewer."""
        old = assign_uniformly(everybody(before), sizes)
        new = assign_uniformly(everybody(after, old), sizes)
        counts = loads(new)
        for member_id, assignment in new.items():
            for topic in assignment:
                for other, topics in after.items():
                    if topic in topics:
                        self.assertLess(counts[member_id] - counts[other], 2, (member_id, other, topic))

    def test_each_topic_is_spread(self) -> None:
        """One who comes takes a share of every topic, not all of one."""
        sizes = {A: 4, B: 4}
        old = assign_uniformly(everybody({"m": frozenset(sizes)}), sizes)
        new = assign_uniformly(everybody({"m": frozenset(sizes), "n": frozenset(sizes)}, old), sizes)
        self.assertEqual({topic: len(numbers) for topic, numbers in new["n"].items()}, {A: 2, B: 2})

    def test_two_who_claim_the_same(self) -> None:
        """A partition that two were to have goes to one of them, and one that is no more to nobody."""
        current = {"m": {A: frozenset((0, 1, 7))}, "n": {A: frozenset((1, 2))}}
        new = assign_uniformly(everybody({"m": frozenset((A,)), "n": frozenset((A,))}, current), {A: 3})
        self.assertEqual(new, {"m": {A: frozenset((0, 1))}, "n": {A: frozenset((2,))}})

    def test_large(self) -> None:
        """A thousand members and ten thousand partitions, and one that leaves: only its part moves."""
        sizes = {TopicId(n.to_bytes(16, "big")): 100 for n in range(100)}
        topics = frozenset(sizes)
        old = assign_uniformly(everybody({f"m{n:04}": topics for n in range(1_000)}), sizes)
        new = assign_uniformly(everybody({f"m{n:04}": topics for n in range(999)}, old), sizes)
        self.assertEqual(set(loads(old).values()), {10})
        self.assertEqual(sum(len(places(new[member_id]) - places(old[member_id])) for member_id in new), 10)


def _most_kept(old: Mapping[str, int], new: Mapping[str, int], total: int) -> int:
    """How many partitions can stay when ``total`` are spread evenly over the new members: everybody keeps up to a quota."""
    quota, extra = divmod(total, len(new))
    had = sorted((old.get(member_id, 0) for member_id in new), reverse=True)
    return sum(min(count, quota + (place < extra)) for place, count in enumerate(had))


class RangeTest(SynchronousTestCase):
    """Consecutive partitions, in the order of members."""

    def test_shares(self) -> None:
        """The first ones have one more where it does not come out even."""
        both = frozenset((A, B))
        found = assign_ranges({"m1": Subscriber(both), "m2": Subscriber(both), "m3": Subscriber(frozenset((B,)))}, {A: 3, B: 4})
        self.assertEqual(found["m1"], {A: frozenset((0, 1)), B: frozenset((0, 1))})
        self.assertEqual(found["m2"], {A: frozenset((2,)), B: frozenset((2,))})
        self.assertEqual(found["m3"], {B: frozenset((3,))})

    @given(st.integers(1, 7), st.integers(1, 12))
    def test_co_partitioned(self, members: int, size: int) -> None:
        """Of topics with as many partitions, everybody has the same numbers: so they can be joined."""
        both = frozenset((A, B))
        found = assign_ranges(everybody({f"m{n}": both for n in range(members)}), {A: size, B: size})
        self.assertTrue(all(assignment.get(A) == assignment.get(B) for assignment in found.values()))

    def test_static_members(self) -> None:
        """Their instance ids count, not the ids that change with each start."""
        topics = frozenset((A,))
        before = assign_ranges({"x": Subscriber(topics, "one"), "a": Subscriber(topics, "two"), "b": Subscriber(topics)}, {A: 3})
        after = assign_ranges({"c": Subscriber(topics, "one"), "d": Subscriber(topics, "two"), "b": Subscriber(topics)}, {A: 3})
        self.assertEqual((before["x"], before["a"], before["b"]), (after["c"], after["d"], after["b"]))
        self.assertEqual(before["x"], {A: frozenset((0,))})
