"""Fetching from leaders: what is asked, what is done with answers, and when it is tried again."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicId, TopicPartition
from chronik.network.channel import ChannelError
from chronik.network.interfaces import IBrokerChannels
from chronik.protocol.messages import FetchRequest, FetchResponse
from chronik.replica.fetcher import RACE_SECONDS, STRAGGLER_SECONDS, FetcherConfig, Fetching, ReplicaFetchers
from chronik.replica.follower import Follower
from tests.replica.fakes import FakeLog

CONFIG = FetcherConfig(bytes_max=1000, answer_bytes_max=5000, wait_ms=500, backoff_seconds=1.0)


class FakeChannel:
    """A connection whose answers the test gives.

    :ivar asked: what was asked, in order; the answers to come are in ``answers``.
    """

    def __init__(self, version: int) -> None:
        self.version = version
        self.asked: list[FetchRequest] = []
        self.answers: list[Deferred[Any]] = []
        self.closed = False

    def version_of(self, api_key: int) -> int:
        """The test's."""
        return self.version

    def request(self, message: Any, version: int | None = None, seconds: float = 30.0) -> Deferred[Any]:
        """Keep it."""
        self.asked.append(message)
        self.answers.append(Deferred())
        return self.answers[-1]

    def close(self) -> None:
        """Note it; who waits is told."""
        if not self.closed:
            self.closed = True
            for answer in self.answers:
                if not answer.called:
                    answer.errback(ChannelError("closed"))


@implementer(IBrokerChannels)
class FakeChannels:
    """Connections that can be had, or not."""

    def __init__(self) -> None:
        self.channels: list[FakeChannel] = []
        self.refusing = False
        self.version = 17

    def connect(self, broker_id: int) -> Deferred[Any]:
        """At once."""
        if self.refusing:
            return fail(ChannelError("nobody is there"))
        self.channels.append(FakeChannel(self.version))
        return succeed(self.channels[-1])


class FetcherTest(SynchronousTestCase):
    """Broker 1, which follows partitions of broker 2."""

    def setUp(self) -> None:
        """With nothing to follow yet."""
        self.clock = Clock()
        self.channels = FakeChannels()
        self.fetchers = ReplicaFetchers(Fetching(1, lambda: 9, self.channels, self.clock, CONFIG))
        self.epochs = 5

    def follower(self, number: int = 0, end: int = 10, topic: str = "t", leader: int = 2) -> Follower:
        """A follower that is fetched for."""
        log = FakeLog(TopicPartition(topic, number), TopicId(topic.encode() * 16), end)
        found = Follower(log, leader, self.epochs)
        self.fetchers.add(found)
        self.clock.advance(0)
        return found

    @property
    def channel(self) -> FakeChannel:
        """The latest connection."""
        return self.channels.channels[-1]

    def answer(self, *parts: tuple[Follower, dict[str, Any]], error: ErrorCode = ErrorCode.NONE) -> None:
        """Answer the latest request."""
        topics: dict[TopicId, list[Any]] = {}
        for follower, fields in parts:
            fields = {"high_watermark": 0, "log_start_offset": 0, "records": b"", "aborted_transactions": None, **fields}
            data = FetchResponse.PartitionData(partition_index=follower.topic_partition.partition, **fields)
            topics.setdefault(follower.topic_id, []).append(data)
        each = FetchResponse.FetchableTopicResponse
        responses = tuple(each(topic_id=topic_id, partitions=tuple(data)) for topic_id, data in topics.items())
        self.channel.answers[-1].callback(FetchResponse(error_code=error, responses=responses))
        self.clock.advance(0)

    def wanted(self) -> list[tuple[str, int, int]]:
        """What the latest request asks for: topics, partitions and offsets."""
        return [(topic.topic, part.partition, part.fetch_offset) for topic in self.channel.asked[-1].topics for part in topic.partitions]

    def test_request(self) -> None:
        """One request for all partitions of a leader, which says who asks and how much it takes."""
        verifyObject(IBrokerChannels, self.channels)
        first = self.follower()
        self.follower(1, 20)
        self.follower(0, 30, "u")
        self.assertEqual([("t", 0, 10)], self.wanted())
        self.answer((first, {}))
        self.assertEqual([("t", 0, 10), ("t", 1, 20), ("u", 0, 30)], sorted(self.wanted()))
        request = self.channel.asked[-1]
        self.assertEqual((-1, 1, 9), (request.replica_id, request.replica_state.replica_id, request.replica_state.replica_epoch))
        self.assertEqual((500, 1, 5000), (request.max_wait_ms, request.min_bytes, request.max_bytes))
        self.assertEqual((0, -1), (request.session_id, request.session_epoch))

    def test_older_leader(self) -> None:
        """Before version 15 the broker's id has another place."""
        self.channels.version = 14
        self.follower()
        self.assertEqual(1, self.channel.asked[-1].replica_id)

    def test_turns(self) -> None:
        """An answer has its limits, so another partition comes first each time."""
        followers = [self.follower(number, topic=name) for number, name in enumerate("abc")]
        orders = []
        for _ in range(6):
            self.answer(*((follower, {}) for follower in followers))
            orders.append(self.wanted()[0][0])
        self.assertEqual({"a", "b", "c"}, set(orders))

    def test_a_leader_each(self) -> None:
        """Two leaders are two connections."""
        self.follower()
        self.follower(1, leader=3)
        asked = [[(topic.topic, topic.partitions[0].partition) for topic in each.asked[-1].topics] for each in self.channels.channels]
        self.assertEqual([[("t", 0)], [("t", 1)]], asked)

    def test_last_one_leaves(self) -> None:
        """Without anything to fetch there is no connection; with something to fetch again there is another."""
        follower = self.follower()
        self.fetchers.remove(follower)
        self.assertTrue(self.channel.closed)
        self.clock.advance(5)
        self.assertEqual((1, []), (len(self.channels.channels), self.clock.getDelayedCalls()))
        self.follower()
        self.assertEqual(2, len(self.channels.channels))

    def test_unreachable_leader(self) -> None:
        """It is tried again after a pause, for as long as there is something to fetch."""
        self.channels.refusing = True
        follower = self.follower()
        self.clock.pump([0.5] * 6)
        self.channels.refusing = False
        self.clock.advance(1)
        self.assertEqual([("t", 0, 10)], self.wanted())
        self.channels.refusing = True
        self.channel.close()
        self.fetchers.remove(follower)
        self.clock.pump([0.5] * 6)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_errors_of_one_partition(self) -> None:
        """Only that one is left alone for a while: short where the leader has not heard yet what the follower has."""
        first, second = self.follower(), self.follower(1)
        self.answer((first, {}))
        for code, pause in ((ErrorCode.UNKNOWN_LEADER_EPOCH, RACE_SECONDS), (ErrorCode.UNKNOWN_SERVER_ERROR, CONFIG.backoff_seconds)):
            self.answer((first, {"error_code": code}), (second, {}))
            self.assertEqual([("t", 1, 10)], self.wanted())
            self.clock.advance(pause)
            self.answer((second, {}))
            self.assertEqual([("t", 0, 10), ("t", 1, 10)], sorted(self.wanted()))

    def test_refused_as_a_whole(self) -> None:
        """The connection is made anew."""
        follower = self.follower()
        self.answer((follower, {}), error=ErrorCode.UNKNOWN_SERVER_ERROR)
        self.assertTrue(self.channel.closed)
        self.clock.advance(CONFIG.backoff_seconds)
        self.assertEqual((2, [("t", 0, 10)]), (len(self.channels.channels), self.wanted()))

    def test_answer_for_somebody_else(self) -> None:
        """What was asked for a follower that was replaced, in another epoch of the same leader, is not given to the one in its place."""
        before = self.follower()
        self.epochs = 7
        after = self.follower()
        self.answer((before, {"high_watermark": 10}))
        self.assertEqual((0, 0), (before.high_watermark, after.high_watermark))
        self.assertEqual(7, self.channel.asked[-1].topics[0].partitions[0].current_leader_epoch)

    def test_disk_that_does_not_flush(self) -> None:
        """What cannot be made safe is not reported: that partition is fetched no more, the others are."""
        broken, other = self.follower(), self.follower(1)
        broken.log.end_offset += 1
        broken.log.flush = lambda: fail(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "broken"))
        self.answer((broken, {}))
        self.answer((other, {}))
        self.assertEqual(([("t", 1, 10)], True), (self.wanted(), broken.stopped))

    def test_disk_that_does_not_answer(self) -> None:
        """A log that is not flushed, or not cut, for long keeps the others waiting for a moment only; it is asked for again when that is done."""
        slow, other = self.follower(), self.follower(1)
        flushing: Deferred[int] = Deferred()
        slow.log.end_offset = 11
        slow.log.flush = lambda: flushing
        self.answer((slow, {}))
        count = len(self.channel.asked)
        self.clock.advance(STRAGGLER_SECONDS)
        self.assertEqual((count + 1, [("t", 1, 10)]), (len(self.channel.asked), self.wanted()))
        self.answer((other, {}))
        self.assertEqual((count + 2, [("t", 1, 10)]), (len(self.channel.asked), self.wanted()))
        slow.log.flushed_offset = 11
        flushing.callback(11)
        self.answer((other, {}))
        self.assertEqual([("t", 0, 11), ("t", 1, 10)], sorted(self.wanted()))
        cutting: Deferred[None] = Deferred()
        slow.log.truncate = lambda offset: cutting
        self.answer((slow, {"diverging_epoch": FetchResponse.EpochEndOffset(epoch=0, end_offset=5)}), (other, {}))
        self.clock.advance(STRAGGLER_SECONDS)
        self.assertEqual([("t", 1, 10)], self.wanted())
        cutting.callback(None)
        self.answer((other, {}))
        self.assertEqual(2, len(self.wanted()))
