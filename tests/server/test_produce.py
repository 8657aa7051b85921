"""Produce: what is appended, what is answered, in which shape."""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.network.interfaces import ProtocolViolation
from chronik.protocol.messages import ProduceRequest
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.storage.inspection import RecordRefused
from chronik.storage.interfaces import AppendResult
from tests.replica.fakes import TOPIC_ID
from tests.server.core import Core

VERSIONS = range(3, 14)


class ProduceCase(SynchronousTestCase):
    """A broker of one partition with five records."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.core = Core()

    def request(self, version: int = 9, acks: int = -1, records: bytes | None = b"abc", name: str = "t", **more: Any) -> ProduceRequest:
        """To one partition; by id where the version wants that."""
        part = ProduceRequest.PartitionProduceData(index=more.pop("index", 0), records=records)
        by_id = version >= 13
        topic_id = more.pop("topic_id", TOPIC_ID)
        data = ProduceRequest.TopicProduceData(name="" if by_id else name, topic_id=topic_id if by_id else bytes(16), partition_data=(part,))
        return ProduceRequest(acks=acks, timeout_ms=1000, topic_data=(data,), **more)

    def answered(self, request: ProduceRequest, version: int = 9, flush: int = 0) -> Any:
        """The one partition's answer."""
        answer = self.core.dispatch(request, version)
        if flush:
            self.core.log.flush_to(flush)
        self.response = self.core.decode(request, version, self.successResultOf(answer.pieces))
        (topic,) = self.response.responses
        (part,) = topic.partition_responses
        return part

    def code(self, **more: Any) -> ErrorCode:
        """The one partition's error."""
        return ErrorCode(self.answered(self.request(**more)).error_code)


class AnswerTest(ProduceCase):
    """What the producer hears."""

    def test_every_version(self) -> None:
        """Each version's shape, by name or by id, with the offset that the records got."""
        for version in VERSIONS:
            with_base = self.core.partition.end_offset
            part = self.answered(self.request(version), version, flush=with_base + 3)
            self.assertEqual((part.index, part.error_code, part.base_offset, part.log_append_time_ms), (0, ErrorCode.NONE, with_base, -1))
            self.assertEqual(self.response.responses[0].topic_id, TOPIC_ID if version >= 13 else bytes(16))
            self.assertEqual(part.log_start_offset, 0 if version >= 5 else -1)

    def test_acks_all_waits_and_acks_one_does_not(self) -> None:
        """The answer's time is the promise it makes."""
        waiting = self.core.dispatch(self.request(acks=-1), 9)
        self.assertNoResult(waiting.pieces)
        self.assertEqual(self.answered(self.request(acks=1)).base_offset, 8)
        self.core.log.flush_to(8)
        self.successResultOf(waiting.pieces)

    def test_acks_zero_is_not_answered(self) -> None:
        """Nothing is sent back; the records are there."""
        self.assertIsNone(self.successResultOf(self.core.dispatch(self.request(acks=0), 9).pieces))
        self.assertEqual(self.core.partition.end_offset, 8)

    def test_acks_zero_and_a_refusal(self) -> None:
        """The only way to say no is to hang up."""
        pieces = self.core.dispatch(self.request(acks=0, records=b"bad"), 9).pieces
        self.assertIn("refused", str(self.failureResultOf(pieces, ProtocolViolation).value))

    def test_acks_zero_and_several_refusals(self) -> None:
        """The first refusal ends the connection, and none of the others is left for nobody to handle: each would be a traceback in the log."""
        parts = tuple(ProduceRequest.PartitionProduceData(index=index, records=b"bad") for index in (0, 7, 8, 9))
        request = ProduceRequest(acks=0, timeout_ms=1, topic_data=(ProduceRequest.TopicProduceData(name="t", partition_data=parts),))
        pieces = self.core.dispatch(request, 9).pieces
        self.assertIn("to t-0 that was refused", str(self.failureResultOf(pieces, ProtocolViolation).value))
        del pieces
        gc.collect()
        self.assertEqual([], self.flushLoggedErrors())

    def test_a_timeout_is_told(self) -> None:
        """Records that are not durable in time are in the log and may yet be; the client must not take them for refused."""
        request = self.request()
        answer = self.core.dispatch(request, 9)
        self.core.clock.advance(1.02)
        response = self.core.decode(request, 9, self.successResultOf(answer.pieces))
        self.assertEqual(response.responses[0].partition_responses[0].error_code, ErrorCode.REQUEST_TIMED_OUT)
        self.core.log.flush_to(8)
        self.assertEqual(self.core.partition.high_watermark, 8)

    def test_no_timer_is_left_behind(self) -> None:
        """What was answered in time keeps nothing in the purgatory beyond its tick."""
        self.answered(self.request(), flush=8)
        self.core.clock.advance(2)
        self.assertEqual(self.core.clock.getDelayedCalls(), [])

    def test_null_records(self) -> None:
        """Some clients probe with nothing; that is no error and appends nothing (PITFALL 9)."""
        part = self.answered(self.request(records=None))
        self.assertEqual((part.error_code, part.base_offset, self.core.partition.end_offset), (ErrorCode.NONE, -1, 5))

    def test_no_partitions(self) -> None:
        """A request that names nothing waits for nothing, whatever its acks."""
        for acks, topics in ((-1, ()), (1, (ProduceRequest.TopicProduceData(name="t", partition_data=()),))):
            request = ProduceRequest(acks=acks, timeout_ms=1000, topic_data=topics)
            self.assertEqual(len(self.core.decode(request, 9, self.successResultOf(self.core.dispatch(request, 9).pieces)).responses), len(topics))

    def test_a_failure_of_the_broker_is_no_acknowledgement(self) -> None:
        """An error that nobody foresaw is answered as one, and logged once."""

        def break_down(data: bytes, leader_epoch: int, internal: bool = False) -> Deferred[AppendResult]:
            return fail(ZeroDivisionError("a bug"))

        self.core.log.append = break_down  # type: ignore[method-assign]
        self.assertEqual(self.code(), ErrorCode.UNKNOWN_SERVER_ERROR)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_several_partitions_of_which_one_is_refused(self) -> None:
        """Each is answered for itself, in the order asked."""
        parts = tuple(ProduceRequest.PartitionProduceData(index=index, records=records) for index, records in ((0, b"a"), (9, b"a"), (0, b"bad")))
        request = ProduceRequest(acks=1, timeout_ms=1, topic_data=(ProduceRequest.TopicProduceData(name="t", partition_data=parts),))
        response = self.core.decode(request, 9, self.successResultOf(self.core.dispatch(request, 9).pieces))
        codes = [(part.index, part.error_code) for part in response.responses[0].partition_responses]
        self.assertEqual(codes, [(0, 0), (9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION), (0, ErrorCode.CORRUPT_MESSAGE)])


class RefusalTest(ProduceCase):
    """Every documented error."""

    def test_errors(self) -> None:
        """Each with its code, and the log untouched."""
        self.assertEqual(self.code(name="nowhere"), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.code(index=1), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        self.assertEqual(self.code(acks=2), ErrorCode.INVALID_REQUIRED_ACKS)
        self.assertEqual(self.code(acks=-2), ErrorCode.INVALID_REQUIRED_ACKS)
        self.assertEqual(self.code(name="__consumer_offsets"), ErrorCode.INVALID_TOPIC_EXCEPTION)
        self.assertEqual(self.code(transactional_id="tx"), ErrorCode.INVALID_TXN_STATE)
        self.assertEqual(self.code(records=b"bad"), ErrorCode.CORRUPT_MESSAGE)
        self.assertEqual(self.core.partition.end_offset, 5)

    def test_unknown_id(self) -> None:
        """From version 13 on topics come by id."""
        part = self.answered(self.request(13, topic_id=b"?" * 16), 13)
        self.assertEqual(part.error_code, ErrorCode.UNKNOWN_TOPIC_ID)

    def test_not_allowed(self) -> None:
        """Whoever may not write is refused before the partition is looked at."""
        self.core.authorizer.refused = {Action(Operation.WRITE, ResourceType.TOPIC, "t")}
        self.assertEqual(self.code(), ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        self.assertEqual(self.core.partition.end_offset, 5)

    def test_messages_where_there_is_room(self) -> None:
        """From version 8 on the answer says why in words, and which records are to blame (KIP-467)."""

        def refuse(data: bytes, leader_epoch: int, internal: bool = False) -> Deferred[AppendResult]:
            return fail(RecordRefused(ErrorCode.INVALID_RECORD, "no key", [(2, "a compacted topic needs a key")]))

        self.core.log.append = refuse  # type: ignore[method-assign]
        part = self.answered(self.request(8), 8)
        self.assertEqual((part.error_code, part.error_message), (ErrorCode.INVALID_RECORD, "no key"))
        (record,) = part.record_errors
        self.assertEqual((record.batch_index, record.batch_index_error_message), (2, "a compacted topic needs a key"))
        part = self.answered(self.request(7), 7)
        self.assertEqual((part.error_code, part.error_message, part.record_errors), (ErrorCode.INVALID_RECORD, None, ()))

    def test_a_moved_partition_names_its_leader(self) -> None:
        """From version 10 on: who leads, and where (KIP-951); an endpoint without a host is where the client reached us."""
        self.core.partitions.error = KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, "moved")
        part = self.answered(self.request(10), 10)
        self.assertEqual((part.current_leader.leader_id, part.current_leader.leader_epoch), (1, 3))
        self.assertEqual([(n.node_id, n.host, n.port) for n in self.response.node_endpoints], [(1, "10.0.0.1", 9092)])
        part = self.answered(self.request(9), 9)
        self.assertEqual(part.error_code, ErrorCode.NOT_LEADER_OR_FOLLOWER)
