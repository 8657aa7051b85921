"""The broker's assignors: who reads which partition. No time, no I/O; the same input always gives the same assignment."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from chronik.coordinator.group.consumer.member import NOTHING, Assignment
from chronik.model import TopicId


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One member.

    :ivar topics: those it subscribes to; all of them exist.
    :ivar current: its last target assignment.
    """

    topics: frozenset[TopicId]
    instance_id: str | None = None
    current: Assignment = field(default_factory=lambda: NOTHING)


Assignor: TypeAlias = Callable[[Mapping[str, Subscriber], Mapping[TopicId, int]], Mapping[str, Assignment]]
"""``(members, partitions of each topic)`` to everybody's assignment: every partition of a subscribed topic goes to exactly one subscriber."""


def assign_ranges(members: Mapping[str, Subscriber], partitions: Mapping[TopicId, int]) -> Mapping[str, Assignment]:
    """Topic by topic, consecutive partitions to members in order.

    Members of equal subscriptions get the same partitions of topics with as many partitions (co-partitioned). Static members come first, in the
    order of their instance ids, and so have the same partitions after a restart.
    """
    order = sorted(members, key=lambda member_id: _range_order(member_id, members[member_id]))
    assignments: dict[str, dict[TopicId, frozenset[int]]] = {member_id: {} for member_id in members}
    for topic_id in sorted({topic_id for member in members.values() for topic_id in member.topics}):
        subscribers = [member_id for member_id in order if topic_id in members[member_id].topics]
        quota, extra = divmod(partitions[topic_id], len(subscribers))
        start = 0
        for place, member_id in enumerate(subscribers):
            end = start + quota + (place < extra)
            if end > start:
                assignments[member_id][topic_id] = frozenset(range(start, end))
            start = end
    return assignments


def _range_order(member_id: str, member: Subscriber) -> tuple[bool, str]:
    return (member.instance_id is None, member.instance_id if member.instance_id is not None else member_id)


def assign_uniformly(members: Mapping[str, Subscriber], partitions: Mapping[TopicId, int]) -> Mapping[str, Assignment]:
    """As many partitions to each as its subscription allows, moving as few as possible.

    Everybody keeps what they have. What nobody has goes to the least loaded. Then whoever has at least two more than another gives one away, as long
    as there is such a pair. So members of equal subscriptions differ by one partition at most, and a partition only moves where that evens the load.
    """
    return _Uniform(members, partitions).assignments()


class _Uniform:
    """One computation. Topics with the same subscribers are one *class*: they need not be told apart."""

    def __init__(self, members: Mapping[str, Subscriber], partitions: Mapping[TopicId, int]) -> None:
        self._partitions = partitions
        self._has: dict[str, dict[TopicId, set[int]]] = {member_id: {} for member_id in members}
        self._load = dict.fromkeys(members, 0)
        subscribers: dict[TopicId, list[str]] = {}
        for member_id in sorted(members):
            for topic_id in members[member_id].topics:
                subscribers.setdefault(topic_id, []).append(member_id)
        self._classes: dict[tuple[str, ...], list[TopicId]] = {}
        for topic_id in sorted(subscribers):
            self._classes.setdefault(tuple(subscribers[topic_id]), []).append(topic_id)
        self._free = {topic_id: set(range(partitions[topic_id])) for topic_id in subscribers}
        for member_id in sorted(members):
            self._keep(member_id, members[member_id])

    def _keep(self, member_id: str, member: Subscriber) -> None:
        """Let a member keep what it has and still may have."""
        for topic_id, current in member.current.items():
            if topic_id in member.topics:
                kept = current & self._free[topic_id]
                if kept:
                    self._has[member_id][topic_id] = set(kept)
                    self._free[topic_id] -= kept
                    self._load[member_id] += len(kept)

    def assignments(self) -> dict[str, Assignment]:
        """Everybody's."""
        # Those with the fewest choices choose first.
        for subscribers in sorted(self._classes, key=lambda ids: (len(ids), ids)):
            self._hand_out(subscribers, self._classes[subscribers])
        moved = True
        while moved:
            # Each move makes the sum of the squares of all loads smaller, so this ends.
            moved = False
            for subscribers, topics in self._classes.items():
                moved |= len(subscribers) > 1 and self._even_out(subscribers, topics)
        return {
            member_id: {topic_id: frozenset(partitions) for topic_id, partitions in topics.items() if partitions}
            for member_id, topics in self._has.items()
        }

    def _hand_out(self, subscribers: Sequence[str], topics: Sequence[TopicId]) -> None:
        """Give what nobody has to the least loaded."""
        heap = [(self._load[member_id], place) for place, member_id in enumerate(subscribers)]
        heapq.heapify(heap)
        for topic_id in topics:
            for partition in sorted(self._free[topic_id]):
                load, place = heap[0]
                self._give(subscribers[place], topic_id, partition)
                heapq.heapreplace(heap, (load + 1, place))

    def _give(self, member_id: str, topic_id: TopicId, partition: int) -> None:
        self._has[member_id].setdefault(topic_id, set()).add(partition)
        self._load[member_id] += 1

    def _even_out(self, subscribers: Sequence[str], topics: Sequence[TopicId]) -> bool:
        """Move partitions of a class from the most to the least loaded; whether any moved."""
        receivers = [(self._load[member_id], place) for place, member_id in enumerate(subscribers)]
        donors = [(-load, place) for load, place in receivers]
        heapq.heapify(receivers)
        heapq.heapify(donors)
        offers = {}
        moved = False
        while donors and -donors[0][0] - receivers[0][0] >= 2:
            donor = subscribers[donors[0][1]]
            if donor not in offers:
                offers[donor] = self._offers(donor, topics)
            offer = next(offers[donor], None)
            if offer is None:
                heapq.heappop(donors)
                continue
            receiver = subscribers[receivers[0][1]]
            topic_id, partition = offer
            self._has[donor][topic_id].remove(partition)
            self._load[donor] -= 1
            self._give(receiver, topic_id, partition)
            heapq.heapreplace(donors, (-self._load[donor], donors[0][1]))
            heapq.heapreplace(receivers, (self._load[receiver], receivers[0][1]))
            moved = True
        return moved

    def _offers(self, member_id: str, topics: Sequence[TopicId]) -> Iterator[tuple[TopicId, int]]:
        """What a member can give away of a class, taken from its topics in turn: so each topic stays spread."""
        has = self._has[member_id]
        piles = [(topic_id, sorted(has[topic_id])) for topic_id in topics if has.get(topic_id)]
        while piles:
            for topic_id, pile in piles:
                yield topic_id, pile.pop()
            piles = [(topic_id, pile) for topic_id, pile in piles if pile]


ASSIGNORS: Final[Mapping[str, Assignor]] = MappingProxyType({"uniform": assign_uniformly, "range": assign_ranges})
"""By name; the first is the default."""
