"""What clients write down while a simulation runs, and what is wrong with it in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from chronik.model import TopicId, topic_id_text
from chronik.testing.group_history import GroupHistory
from chronik.testing.history import History, Promise

if TYPE_CHECKING:
    from chronik.testing.simulation.flips import Flip

FINDINGS_MAX: Final = 50
"""More of one run say nothing new."""


class Ledger:
    """Notes of all clients.

    :ivar operations: requests that were answered, by kind.
    :ivar errors: error codes among the answers, by kind and code.
    :ivar under_way: requests that are not answered yet, by kind.
    :ivar groups: notes of groups.
    :ivar flips: bits on disks that are not what was written, or were so a moment ago.
    :ivar deposed: addresses of brokers that may lead or coordinate no more, and cannot know: what they remember may be old. How often that is so.
    :ivar uninformed: addresses of brokers that hear late of what the metadata become, or not at all: what they tell of them may be old, and of groups
        that another one may coordinate by now. As often.
    :ivar flipped: all that there were.
    :ivar deleting: topics whose deletion was asked for.
    :ivar deleted: topics whose deletion was answered.
    :ivar damaged: how often a reader was given what a flipped bit made of a batch.
    :ivar now: the time.
    :ivar refused: requests and logins that had to be refused, and were.
    :ivar searched: partitions that were searched, counted once for each search.
    """

    def __init__(self) -> None:
        self.operations: Counter[str] = Counter()
        self.errors: Counter[tuple[str, str]] = Counter()
        self.under_way: Counter[str] = Counter()
        self.groups = GroupHistory()
        self.now: Callable[[], float] = lambda: 0.0
        self.flips: list[Flip] = []
        self.flipped: list[Flip] = []
        self.deposed: Counter[str] = Counter()
        self.uninformed: Counter[str] = Counter()
        self.damaged = 0
        self.deleting: set[TopicId] = set()
        self.deleted: set[TopicId] = set()
        self.refused = 0
        self.searched = 0
        self.promises: dict[str, Promise] = {}
        self._histories: dict[TopicId, History] = {}
        self._kept: set[TopicId] = set()
        self._read: set[TopicId] = set()
        self._findings: list[str] = []
        self._leaders: dict[tuple[TopicId, int, int], int] = {}

    def history(self, topic_id: TopicId) -> History:
        """Of one topic."""
        history = self._histories.get(topic_id)
        if history is None:
            history = self._histories[topic_id] = History(self.promises)
        return history

    def kept(self, topic_id: TopicId) -> None:
        """A topic is there in the end, and somebody must read all of it."""
        self._kept.add(topic_id)

    @property
    def kept_topics(self) -> frozenset[TopicId]:
        """Topics that are there to the end."""
        return frozenset(self._kept)

    def read_all(self, topic_id: TopicId, reader: str) -> None:
        """Somebody did."""
        self.history(topic_id).read_all(reader)
        self._read.add(topic_id)

    def led(self, topic_id: TopicId, partition: int, epoch: int, leader: int) -> None:
        """A broker says who leads a partition under an epoch."""
        if leader < 0:
            return
        known = self._leaders.setdefault((topic_id, partition, epoch), leader)
        if known != leader:
            self.finding(f"two leaders of {topic_id_text(topic_id)}-{partition} under epoch {epoch}: {known} and {leader}")

    def finding(self, what: str) -> None:
        """Something that must not be."""
        self._findings.append(what)

    @property
    def answered(self) -> int:
        """How many requests were answered."""
        return sum(self.operations.values())

    @property
    def acknowledged(self) -> int:
        """How many records were acknowledged."""
        return sum(history.acknowledgements for history in self._histories.values())

    def findings(self) -> list[str]:
        """Everything that must not be."""
        return [finding for finding, _ in zip(self._all(), range(FINDINGS_MAX), strict=False)]

    def _all(self) -> Iterator[str]:
        yield from self._findings
        for topic_id, history in self._histories.items():
            if topic_id in self._kept - self._read:
                yield f"topic {topic_id_text(topic_id)} was not read to its end"
            for finding in history.findings(ended=False):
                yield f"topic {topic_id_text(topic_id)}: {finding}"
        for found in self.groups.findings():
            yield f"group {found}"
