"""Throttled requests: what the answer tells, and for how long the connection is muted (KIP-219)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode
from chronik.metadata.image import USER
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import FetchRequest, ListOffsetsRequest, ListOffsetsResponse, ProduceRequest
from tests.server.core import Core
from tests.server.test_dispatch import api_row


class ThrottleCase(SynchronousTestCase):
    """A broker of one partition."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.core = Core()

    def limit(self, **limits: float) -> None:
        """Limit every user."""
        self.core.feed.image = replace(self.core.feed.image, quotas={((USER, None),): limits})

    def muted_ms(self) -> int:
        """For how long the connection is muted from now on."""
        return round(max(0.0, self.core.session.muted_until - self.core.clock.seconds()) * 1000)


class ProduceTest(ThrottleCase):
    """Produce."""

    def produce(self, acks: int = 1, size: int = 2000) -> ProduceRequest:
        """A request of about so many bytes."""
        part = ProduceRequest.PartitionProduceData(index=0, records=b"x" * size)
        return ProduceRequest(acks=acks, timeout_ms=1000, topic_data=(ProduceRequest.TopicProduceData(name="t", partition_data=(part,)),))

    def test_told_and_muted(self) -> None:
        """The records are appended; the answer tells the time, and the connection is muted for it, in every version."""
        for version in range(3, 13):
            self.setUp()
            self.limit(producer_byte_rate=100)
            response = self.core.ask(self.produce(), version)
            self.assertEqual(0, response.responses[0].partition_responses[0].error_code)
            self.assertGreater(response.throttle_time_ms, 9_000)
            self.assertEqual(response.throttle_time_ms, self.muted_ms())
            self.assertEqual(1, self.core.metrics.of(ApiKey.PRODUCE).throttled)

    def test_within_the_quota(self) -> None:
        """Nothing is told and nobody is muted."""
        self.limit(producer_byte_rate=1_000_000)
        self.assertEqual((0, 0), (self.core.ask(self.produce(), 12).throttle_time_ms, self.muted_ms()))

    def test_unanswered(self) -> None:
        """A producer that wants no answers is muted all the same."""
        self.limit(producer_byte_rate=100)
        self.assertIsNone(self.successResultOf(self.core.dispatch(self.produce(acks=0), 12).pieces))
        self.assertGreater(self.muted_ms(), 9_000)

    def test_taken_away(self) -> None:
        """Without quotas nothing is measured."""
        self.limit(producer_byte_rate=100)
        self.core.ask(self.produce(), 12)
        self.core.feed.image = replace(self.core.feed.image, quotas={})
        self.assertEqual(0, self.core.ask(self.produce(), 12).throttle_time_ms)


class FetchTest(ThrottleCase):
    """Fetch of a partition of five records of ten bytes."""

    def fetch(self, session: int = 0, epoch: int = -1) -> Any:
        """The response."""
        part = FetchRequest.FetchPartition(partition=0, fetch_offset=0, partition_max_bytes=1000)
        topics = (FetchRequest.FetchTopic(topic="t", partitions=(part,)),) if epoch < 1 else ()
        return self.core.ask(FetchRequest(min_bytes=1, max_bytes=1000, session_id=session, session_epoch=epoch, topics=topics), 12)

    def test_empty_answer(self) -> None:
        """A consumer over its quota gets no records, the time to wait, and no open file is left."""
        self.limit(consumer_byte_rate=8)
        self.assertEqual(50, len(self.fetch().responses[0].partitions[0].records))
        response = self.fetch()
        self.assertEqual(((), ErrorCode.NONE, 2500), (response.responses, response.error_code, response.throttle_time_ms))
        self.assertEqual(2500, self.muted_ms())
        self.assertTrue(self.core.log.slices[-1].closed)
        self.core.clock.advance(11)
        self.assertEqual(50, len(self.fetch().responses[0].partitions[0].records))

    def test_session(self) -> None:
        """A throttled request of a session leaves its partitions as they were."""
        session = self.fetch(epoch=0).session_id
        self.limit(consumer_byte_rate=8)
        self.assertEqual(50, len(self.fetch(session, 1).responses[0].partitions[0].records))
        response = self.fetch(session, 2)
        self.assertEqual((session, (), 2500), (response.session_id, response.responses, response.throttle_time_ms))
        self.core.clock.advance(11)
        self.assertEqual(50, len(self.fetch(session, 3).responses[0].partitions[0].records))

    def test_room(self) -> None:
        """What one answer may hold is bounded by the quota, so that it can be given at all."""
        self.limit(consumer_byte_rate=2)
        asked: list[int] = []
        read = self.core.log.read

        def remember(offset: int, max_bytes: int, limit: int, whole: bool) -> Any:
            asked.append(max_bytes)
            return read(offset, max_bytes, limit, whole)

        self.core.log.read = remember  # type: ignore[method-assign]
        self.fetch()
        self.assertEqual([20], asked)


class RequestTimeTest(ThrottleCase):
    """Time that requests keep the reactor."""

    def test_busy(self) -> None:
        """A request that took long is told so, by at most one window."""

        async def handler(context: Any, request: Any) -> Any:
            self.core.clock.advance(0.5)
            return ListOffsetsResponse()

        self.core = Core([api_row(handler)])
        self.limit(request_percentage=1)
        response = self.core.ask(ListOffsetsRequest(), 5)
        self.assertEqual((1000, 1000), (response.throttle_time_ms, self.muted_ms()))

    def test_waiting_is_free(self) -> None:
        """Time that a request waits does not count."""
        self.limit(request_percentage=1)
        part = FetchRequest.FetchPartition(partition=0, fetch_offset=5, partition_max_bytes=1000)
        topic = FetchRequest.FetchTopic(topic="t", partitions=(part,))
        request = FetchRequest(max_wait_ms=5000, min_bytes=1, max_bytes=1000, session_epoch=-1, topics=(topic,))
        answer = self.core.dispatch(request, 12)
        self.core.clock.advance(6)
        response = self.core.decode(request, 12, self.successResultOf(answer.pieces))
        self.assertEqual((0, 0), (response.throttle_time_ms, self.muted_ms()))
