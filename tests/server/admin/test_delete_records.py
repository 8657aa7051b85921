"""DeleteRecords: every version's shape, each error in its place, and when the answer comes."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.model import OFFSETS_TOPIC
from chronik.protocol.messages import DeleteRecordsRequest
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.handlers.admin import delete_records
from chronik.storage.config import LogConfig
from tests.server.core import Core

(API,) = delete_records.APIS


def request(*wanted: tuple[str, int, int], timeout_ms: int = 1000) -> DeleteRecordsRequest:
    """Delete of each topic's partition up to an offset."""
    part = DeleteRecordsRequest.DeleteRecordsPartition
    topics = (
        DeleteRecordsRequest.DeleteRecordsTopic(name=name, partitions=(part(partition_index=number, offset=offset),))
        for name, number, offset in wanted
    )
    return DeleteRecordsRequest(topics=tuple(topics), timeout_ms=timeout_ms)


def results(response: Any) -> dict[tuple[str, int], tuple[int, int]]:
    """Error and low watermark by partition."""
    return {(t.name, p.partition_index): (p.error_code, p.low_watermark) for t in response.topics for p in t.partitions}


class DeleteRecordsTests(SynchronousTestCase):
    """A broker of one partition with five records."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.core = Core(delete_records.APIS)

    def one(self, name: str = "t", number: int = 0, offset: int = 1, version: int = 2) -> tuple[int, int]:
        """The outcome for one partition."""
        return results(self.core.ask(request((name, number, offset)), version))[name, number]

    def test_every_version(self) -> None:
        """Each version's shape; the start moves and is told."""
        for version in range(3):
            self.assertEqual((0, version + 1), self.one(offset=version + 1, version=version))
        self.assertEqual(3, self.core.log.start_offset)

    def test_high_watermark(self) -> None:
        """-1 deletes everything that is committed."""
        self.assertEqual((0, 5), self.one(offset=-1))

    def test_errors(self) -> None:
        """Each has its code and no low watermark."""
        self.assertEqual((ErrorCode.OFFSET_OUT_OF_RANGE, -1), self.one(offset=6))
        self.assertEqual((ErrorCode.OFFSET_OUT_OF_RANGE, -1), self.one(offset=-2))
        self.assertEqual((ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1), self.one("none"))
        self.assertEqual((ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1), self.one(number=1))
        self.assertEqual((ErrorCode.INVALID_TOPIC_EXCEPTION, -1), self.one(OFFSETS_TOPIC))
        self.core.log.config = LogConfig(delete=False)
        self.assertEqual((ErrorCode.POLICY_VIOLATION, -1), self.one())
        self.core.partitions.error = KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        self.assertEqual((ErrorCode.NOT_LEADER_OR_FOLLOWER, -1), self.one())
        self.assertEqual(0, self.core.log.start_offset)

    def test_authorization(self) -> None:
        """DELETE on the topic is needed, and asked for before anything is found out."""
        self.core.authorizer.refused.add(Action(Operation.DELETE, ResourceType.TOPIC, "t"))
        self.assertEqual((ErrorCode.TOPIC_AUTHORIZATION_FAILED, -1), self.one())
        self.assertEqual(0, self.core.log.start_offset)

    def test_one_error_leaves_the_others(self) -> None:
        """Each partition has its own outcome; one that is named twice has one, by what was said last."""
        response = self.core.ask(request(("none", 0, 1), ("t", 0, 1), ("t", 0, 2)), 2)
        self.assertEqual({("none", 0): (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1), ("t", 0): (0, 2)}, results(response))

    def test_answered_when_durable(self) -> None:
        """The answer waits for the disk, but no longer than it may."""
        self.core.log.noting = []
        wanted = request(("t", 0, 2))
        first, second = self.core.dispatch(wanted, 2), self.core.dispatch(wanted, 2)
        self.core.log.noting[0].callback(None)
        response = self.core.decode(wanted, 2, self.successResultOf(first.pieces))
        self.assertEqual({("t", 0): (0, 2)}, results(response))
        self.core.clock.advance(0.9)
        self.assertNoResult(second.pieces)
        self.core.clock.advance(0.2)
        response = self.core.decode(wanted, 2, self.successResultOf(second.pieces))
        self.assertEqual({("t", 0): (ErrorCode.REQUEST_TIMED_OUT, -1)}, results(response))
        self.core.log.noting[1].callback(None)

    def test_refusal(self) -> None:
        """A request that fails as a whole says so for each partition."""
        answer = API.refusal(request(("a", 0, 1), ("b", 3, 1)), 2, KafkaError(ErrorCode.NOT_CONTROLLER))
        self.assertEqual({("a", 0): (41, -1), ("b", 3): (41, -1)}, results(answer))

    def test_broken(self) -> None:
        """What nobody foresaw is an error of ours, logged."""
        self.core.partitions.error = ZeroDivisionError()  # type: ignore[assignment]
        self.assertEqual((ErrorCode.UNKNOWN_SERVER_ERROR, -1), self.one())
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
