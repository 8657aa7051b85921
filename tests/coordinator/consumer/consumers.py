"""A coordinator of consumer groups on a clock that the test moves, and clients as Kafka's protocol describes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.consumer.config import ConsumerConfig
from chronik.coordinator.group.consumer.group import ConsumerGroup
from chronik.coordinator.group.consumer.interfaces import ConsumerHeartbeat, HeartbeatAnswer
from chronik.coordinator.group.consumer.member import Assignment
from chronik.coordinator.group.interfaces import Joined, Joining, Synced, Syncing
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import ImageDelta, MetadataImage, TopicImage
from chronik.model import OFFSETS_TOPIC, TopicId
from chronik.protocol.messages import ConsumerProtocolAssignment, ConsumerProtocolSubscription
from chronik.protocol.versioned import decode_versioned, encode_versioned
from chronik.testing.coordinator import FakeStateLog
from tests.coordinator.groups import GroupCase
from tests.replica.fakes import image_of, topic_of

T = TopicId(b"t" * 16)
U = TopicId(b"u" * 16)

OFFSETS = topic_of(OFFSETS_TOPIC, 1, TopicId(b"c" * 16))

JOINING = ConsumerHeartbeat("g", "m", 0, client_id="client", client_host="/h", rebalance_timeout_ms=30_000, topics=frozenset("t"), owned={})


def partitions(topic_id: TopicId, *numbers: int) -> Assignment:
    """Some of one topic."""
    return {topic_id: frozenset(numbers)} if numbers else {}


class ConsumerCase(GroupCase):
    """Tests of one coordinator with topics ``t`` of four partitions and ``u`` of two; assignments come at once."""

    config = GroupConfig(consumer=ConsumerConfig(assignment_interval_ms=0))

    def setUp(self) -> None:
        """As all groups, with topics."""
        super().setUp()
        self.topics({"t": (T, 4), "u": (U, 2)})

    def topics(self, topics: Mapping[str, tuple[TopicId, int]]) -> None:
        """Let these be the topics, and tell the coordinator what is different."""
        before = self.feed.image
        images = [topic_of(name, count, topic_id) for name, (topic_id, count) in topics.items()]
        image = image_of(OFFSETS, *images, revision=before.revision + 1)
        changed = {topic.name for topic in images if before.topics.get(topic.name) != topic}
        deleted = tuple(topic for name, topic in before.topics.items() if _is_gone(topic, image))
        self.feed.become(replace(image, configs=before.configs), ImageDelta(deleted=deleted, changed=frozenset(changed)))

    @property
    def consumers(self) -> ConsumerGroup:
        """The group of the tests."""
        group = self.coordinator._shards[0].group("g")
        assert isinstance(group, ConsumerGroup)
        return group

    def reload(self, log: FakeStateLog | None = None) -> None:
        """Let another coordinator take over."""
        self.coordinator.stop()
        self.coordinator = self.make()
        self.coordinator.load(log or self.log)

    def beat(self, member_id: str, epoch: int, **more: Any) -> HeartbeatAnswer:
        """One heartbeat of a member that has nothing new to say."""
        heartbeat = ConsumerHeartbeat("g", member_id, epoch, client_id="client", client_host="/h", **more)
        return self.successResultOf(self.coordinator.consumer_heartbeat(heartbeat))

    def enter(self, member_id: str = "m", *topics: str, **more: Any) -> HeartbeatAnswer:
        """Join; by default as a reader of ``t``."""
        fields = {"topics": frozenset(topics or "t"), **more}
        return self.successResultOf(self.coordinator.consumer_heartbeat(replace(JOINING, member_id=member_id, **fields)))

    def refused(self, **changes: Any) -> ErrorCode:
        """How a heartbeat is refused that joins, but for the changes."""
        return self.code(self.coordinator.consumer_heartbeat(replace(JOINING, **changes)))


def _is_gone(topic: TopicImage, image: MetadataImage) -> bool:
    return topic.name != OFFSETS_TOPIC and topic.topic_id not in image.names


class Client:
    """A member as Kafka's clients are: it gives up what it is told to when the test says so, and then says what it owns.

    :ivar owns: partitions that it reads from.
    :ivar told: its last assignment that it heard of.
    :ivar says_owned: it is to say what it owns: that is news, or nobody may have heard it.
    :ivar reconciles: it was told something else than before, and has not done it yet.
    :ivar unheard: whether the answer to its last heartbeat was lost. What it was told before may not be true any more, and it does not know.
    """

    def __init__(self, case: ConsumerCase, member_id: str, topics: Iterable[str] = "t", instance_id: str | None = None) -> None:
        self.case = case
        self.member_id = member_id
        self.instance_id = instance_id
        self.topics = frozenset(topics)
        self.epoch = 0
        self.owns: set[tuple[TopicId, int]] = set()
        self.told: set[tuple[TopicId, int]] = set()
        self.says_topics = True
        self.says_owned = True
        self.reconciles = False
        self.unheard = False

    def heartbeat(self, lost: bool = False) -> ErrorCode:
        """Send one; with ``lost`` the answer does not arrive."""
        joins = self.epoch == 0
        heartbeat = ConsumerHeartbeat(
            "g",
            self.member_id,
            self.epoch,
            instance_id=self.instance_id,
            client_id="client",
            client_host="/h",
            rebalance_timeout_ms=30_000,
            topics=self.topics if joins or self.says_topics else None,
            owned={} if joins else self.owned() if self.says_owned else None,
        )
        results: list[Any] = []
        self.case.coordinator.consumer_heartbeat(heartbeat).addBoth(results.append)
        (result,) = results
        if not isinstance(result, HeartbeatAnswer):
            assert isinstance(result.value, KafkaError), result
            if result.value.code in (ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.GROUP_ID_NOT_FOUND):
                self.abandon()
            return result.value.code
        # Whoever got no answer says everything again, and so is told everything again.
        self.says_topics = self.says_owned = self.unheard = lost
        if not lost:
            self.epoch = result.epoch
            if result.assignment is not None:
                told = {(topic_id, number) for topic_id, numbers in result.assignment.items() for number in numbers}
                self.reconciles = self.reconciles or told != self.told
                self.told = told
        return ErrorCode.NONE

    @property
    def said_epoch(self) -> int:
        """The epoch that it names in its requests."""
        return self.epoch

    def owned(self) -> Assignment:
        """What it says that it owns."""
        found: dict[TopicId, set[int]] = {}
        for topic_id, number in self.owns:
            found.setdefault(topic_id, set()).add(number)
        return {topic_id: frozenset(numbers) for topic_id, numbers in found.items()}

    def revoke(self) -> None:
        """Give up what is not its any more."""
        self.owns &= self.told

    def take(self) -> None:
        """Begin to read what it was told to. It gives up first: so do Kafka's clients."""
        self.revoke()
        self.owns |= self.told
        self.says_owned = self.says_owned or self.reconciles
        self.reconciles = False

    def abandon(self) -> None:
        """It was fenced: it gives up everything, and joins again."""
        self.owns.clear()
        self.told.clear()
        self.epoch = 0
        self.says_topics = True
        self.says_owned = True
        self.reconciles = False
        self.unheard = False


class ClassicClient(Client):
    """A member as Kafka's classic clients with a cooperative assignor are: it joins and syncs again whenever it is told to.

    :ivar generation: -1 while it is to join.
    """

    def __init__(self, case: ConsumerCase, topics: Iterable[str] = "t") -> None:
        super().__init__(case, "", topics)
        self.generation = -1
        self.synced = False

    def heartbeat(self, lost: bool = False) -> ErrorCode:
        """Send whatever is due: a join, a sync or a heartbeat."""
        if self.generation < 0:
            return self._answered(self.case.coordinator.join(self.joining()), lost)
        if not self.synced:
            syncing = Syncing("g", self.generation, self.member_id, None, "consumer", "range", {})
            return self._answered(self.case.coordinator.sync(syncing), lost)
        return self._answered(self.case.coordinator.heartbeat("g", self.generation, self.member_id, None), lost)

    @property
    def said_epoch(self) -> int:
        """Its generation."""
        return self.generation

    def joining(self) -> Joining:
        """Its wish to join, with what it owns."""
        names = {T: "t", U: "u"}
        owned = tuple(
            ConsumerProtocolSubscription.TopicPartition(topic=names[topic_id], partitions=tuple(sorted(numbers)))
            for topic_id, numbers in self.owned().items()
        )
        subscription = ConsumerProtocolSubscription(topics=tuple(sorted(self.topics)), owned_partitions=owned, user_data=None)
        protocols = (("range", encode_versioned(subscription, 1)),)
        return Joining("g", self.member_id, None, "client", "/h", 30_000, 30_000, "consumer", protocols)

    def _answered(self, answer: Deferred[Any], lost: bool) -> ErrorCode:
        results: list[Any] = []
        answer.addBoth(results.append)
        (result,) = results
        if isinstance(result, Failure):
            assert isinstance(result.value, KafkaError), result
            code = result.value.code
            if code is ErrorCode.REBALANCE_IN_PROGRESS:
                self.generation = -1
            elif code in (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.ILLEGAL_GENERATION):
                self.abandon()
            return code
        if isinstance(result, Joined) and not lost:
            self.member_id, self.generation, self.synced = result.member_id, result.generation, False
        elif isinstance(result, Synced) and not lost:
            topics = decode_versioned(ConsumerProtocolAssignment, result.assignment).assigned_partitions
            ids = {"t": T, "u": U}
            self.told = {(ids[topic.topic], number) for topic in topics for number in topic.partitions}
            self.synced = True
        return ErrorCode.NONE

    def take(self) -> None:
        """Give up what is not its any more, which it says by joining again, and read the rest; not once it is to join again."""
        if self.synced and self.generation >= 0:
            gives_up = not self.owns <= self.told
            self.owns = set(self.told)
            if gives_up:
                self.generation = -1

    def abandon(self) -> None:
        """It is out: it gives up everything and begins anew, as another member."""
        super().abandon()
        self.member_id, self.generation, self.synced = "", -1, False
