"""From frames to answers: finding, decoding, authorizing, counting, and what happens when something is wrong."""

from __future__ import annotations

import struct
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.errors import ErrorCode, KafkaError
from chronik.network.interfaces import IRequestDispatcher, ProtocolViolation
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import ApiVersionsRequest, ApiVersionsResponse, ListOffsetsRequest, MetadataRequest, ProduceRequest
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from tests.server.core import Core

WRITE_T = Action(Operation.WRITE, ResourceType.TOPIC, "t")


def produce_request(records: bytes = b"abc", acks: int = -1) -> ProduceRequest:
    """Three records to the one partition."""
    part = ProduceRequest.PartitionProduceData(index=0, records=records)
    return ProduceRequest(acks=acks, timeout_ms=1000, topic_data=(ProduceRequest.TopicProduceData(name="t", partition_data=(part,)),))


def api_row(handler: Any) -> Api:
    """ListOffsets, served by something else."""
    from chronik.server.handlers.list_offsets import APIS

    (row,) = APIS
    return Api(row.key, row.name, row.versions, handler, row.refusal)


class ApiVersionsTest(SynchronousTestCase):
    """The first request of every client."""

    def setUp(self) -> None:
        """A dispatcher."""
        self.core = Core()

    def answer(self, version: int, **fields: Any) -> Any:
        """The response in a version."""
        request = ApiVersionsRequest(**fields)
        pieces = self.successResultOf(self.core.dispatch(request, version).pieces)
        return self.core.decode(request, version, pieces)

    def test_provides_its_interface(self) -> None:
        """Connections rely on it."""
        verifyObject(IRequestDispatcher, self.core.dispatcher)

    def test_tells_exactly_what_is_served(self) -> None:
        """The table is the one source; Produce alone is told from 0 on (KAFKA-18659)."""
        told = {api.api_key: (api.min_version, api.max_version) for api in self.answer(0).api_keys}
        expected = {row.key: row.versions for row in self.core.rows}
        expected[ApiKey.PRODUCE] = (0, 13)
        self.assertEqual(told, expected)

    def test_every_version(self) -> None:
        """The shape of each version is what its clients decode, with their correlation id."""
        for version in range(5):
            fields = {"client_software_name": "kcat", "client_software_version": "1.7"} if version >= 3 else {}
            self.assertEqual(self.answer(version, **fields).error_code, ErrorCode.NONE)

    def test_unknown_version_is_answered_in_version_0(self) -> None:
        """Clients that know more retry on it: error 35, their correlation id, and a body that begins like version 0's (PITFALL 8)."""
        frame = struct.pack(">hhih", ApiKey.API_VERSIONS, 99, 4711, -1) + b"whatever follows"
        pieces = self.successResultOf(self.core.dispatcher.dispatch(self.core.session, frame).pieces)
        data = b"".join(pieces)
        self.assertEqual(data[:4], struct.pack(">i", 4711))
        response, end = ApiVersionsResponse.decode(data, 0, 4)
        self.assertEqual((response.error_code, end), (ErrorCode.UNSUPPORTED_VERSION, len(data)))
        self.assertIn(ApiKey.API_VERSIONS, [api.api_key for api in response.api_keys])

    def test_client_software_is_remembered_or_refused(self) -> None:
        """Names that KIP-511 does not allow are an invalid request."""
        self.answer(3, client_software_name="apache-kafka-java", client_software_version="4.3.1")
        self.assertEqual(self.core.session.client_software, ("apache-kafka-java", "4.3.1"))
        for name in ("", "-x", "a b", "x\n"):
            self.assertEqual(self.answer(3, client_software_name=name, client_software_version="1").error_code, ErrorCode.INVALID_REQUEST)


class DispatchTest(SynchronousTestCase):
    """Everything else."""

    def setUp(self) -> None:
        """A dispatcher."""
        self.core = Core()

    def violation(self, frame: bytes) -> str:
        """What the peer is accused of, whether at once or by the answer."""
        try:
            answer = self.core.dispatcher.dispatch(self.core.session, frame)
        except ProtocolViolation as problem:
            return str(problem)
        return str(self.failureResultOf(answer.pieces, ProtocolViolation).value)

    def test_apis_that_are_not_served(self) -> None:
        """Before the body is read, and after."""
        self.assertIn("API key 3", self.violation(struct.pack(">hhih", 3, 8, 1, -1)))
        self.assertRaises(ProtocolViolation, self.core.dispatcher.frame_bytes_max, self.core.session, 3, 9)

    def test_produce_may_be_large_and_others_not(self) -> None:
        """Only Produce carries megabytes."""
        limit = self.core.dispatcher.frame_bytes_max
        self.assertEqual(limit(self.core.session, ApiKey.PRODUCE, 9), 100 << 20)
        self.assertLessEqual(limit(self.core.session, ApiKey.API_VERSIONS, 3), 1 << 20)

    def test_versions_that_are_not_served(self) -> None:
        """They cannot be answered in a shape the client would understand: the connection ends, with a reason."""
        self.assertIn("version 14; versions 3 to 13", self.violation(struct.pack(">hhihb", ApiKey.PRODUCE, 14, 1, -1, 0)))
        self.assertIn("version 2", self.violation(struct.pack(">hhih", ApiKey.PRODUCE, 2, 1, -1)))

    def test_bodies_that_cannot_be_read(self) -> None:
        """The same."""
        self.assertIn("cannot be read", self.violation(struct.pack(">hhih", ApiKey.LIST_OFFSETS, 1, 1, -1) + b"\x00"))
        self.assertIn("cannot be read", self.violation(struct.pack(">hhi", ApiKey.LIST_OFFSETS, 1, 1)))

    def test_errors_of_ours_are_answered(self) -> None:
        """A failing handler is logged once, counted, and answered UNKNOWN_SERVER_ERROR at every place that has one."""

        async def broken(context: RequestContext, request: Any) -> Any:
            raise ZeroDivisionError("oops")

        core = Core([api_row(broken)])
        part = ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=-1)
        request = ListOffsetsRequest(topics=(ListOffsetsRequest.ListOffsetsTopic(name="t", partitions=(part,)),))
        response = core.decode(request, 7, self.successResultOf(core.dispatch(request, 7).pieces))
        self.assertEqual(response.topics[0].partitions[0].error_code, ErrorCode.UNKNOWN_SERVER_ERROR)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(core.metrics.apis[ApiKey.LIST_OFFSETS].failures, 1)

    def test_kafka_errors_are_answered_by_their_code(self) -> None:
        """A handler that refuses a whole request is no failure of ours."""

        async def refusing(context: RequestContext, request: Any) -> Any:
            raise KafkaError(ErrorCode.NOT_CONTROLLER, "elsewhere")

        core = Core([api_row(refusing)])
        part = ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=-1)
        request = ListOffsetsRequest(topics=(ListOffsetsRequest.ListOffsetsTopic(name="t", partitions=(part,)),))
        response = core.decode(request, 7, self.successResultOf(core.dispatch(request, 7).pieces))
        self.assertEqual(response.topics[0].partitions[0].error_code, ErrorCode.NOT_CONTROLLER)
        self.assertEqual(core.metrics.apis[ApiKey.LIST_OFFSETS].failures, 0)

    def test_appends_are_queued_before_the_next_request_begins(self) -> None:
        """A request is begun when dispatch returns, although its answer still waits for the disk."""
        answer = self.core.dispatch(produce_request(), 9)
        self.assertIsNone(answer.started)
        self.assertNoResult(answer.pieces)
        self.assertEqual(self.core.partition.end_offset, 8)

    def test_a_slow_authorizer_holds_up_the_next_request(self) -> None:
        """Until it is decided whether a request may begin, the next one of the connection must not."""
        self.core.authorizer.held = []
        answer = self.core.dispatch(produce_request(), 9)
        assert answer.started is not None
        self.assertNoResult(answer.started)
        self.assertEqual(self.core.partition.end_offset, 5)
        self.core.authorizer.held[0].callback(None)
        self.successResultOf(answer.started)
        self.assertEqual(self.core.partition.end_offset, 8)

    def test_a_failing_authorizer_refuses(self) -> None:
        """No decision is no permission; the answer does not say more than that the broker failed."""
        self.core.authorizer.held = []
        request = produce_request()
        answer = self.core.dispatch(request, 9)
        self.core.authorizer.held[0].errback(OSError("policy service"))
        response = self.core.decode(request, 9, self.successResultOf(answer.pieces))
        self.assertEqual(response.responses[0].partition_responses[0].error_code, ErrorCode.UNKNOWN_SERVER_ERROR)
        self.assertEqual(self.core.partition.end_offset, 5)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_the_brokers_own_children_are_not_asked_for(self) -> None:
        """Private sockets come with every permission."""
        self.core.session.internal = True
        self.core.dispatch(produce_request(), 9)
        self.assertEqual(self.core.authorizer.asked, [])
        self.assertEqual(self.core.partition.end_offset, 8)

    def test_the_rule_asks_once_for_each_action(self) -> None:
        """However many partitions a request names."""
        part = ProduceRequest.PartitionProduceData(index=0, records=b"a")
        topic = ProduceRequest.TopicProduceData(name="t", partition_data=(part, part))
        self.core.dispatch(ProduceRequest(acks=1, timeout_ms=1, topic_data=(topic, topic)), 9)
        self.assertEqual(self.core.authorizer.asked, [WRITE_T])

    def test_requests_are_counted(self) -> None:
        """By API, with bytes both ways and a time."""
        self.core.dispatch(ApiVersionsRequest(), 0)
        totals = self.core.metrics.apis[ApiKey.API_VERSIONS]
        self.assertEqual((totals.requests, totals.failures, sum(totals.buckets)), (1, 0, 1))
        self.assertGreater(totals.request_bytes, 8)
        self.assertGreater(totals.response_bytes, 8)

    def test_disconnecting_wakes_what_waits(self) -> None:
        """Nothing is kept for a peer that is gone."""

        class Waiting:
            woken = 0

            def wake(self) -> None:
                self.woken += 1

        waiting = Waiting()
        self.core.session.waiting[waiting] = None
        self.core.dispatcher.disconnected(self.core.session)
        self.assertEqual((waiting.woken, self.core.session.closed), (1, True))

    def test_unknown_apis_have_no_row(self) -> None:
        """Metadata is not in this table: the fixture itself is honest about what it serves."""
        self.assertNotIn(MetadataRequest.api_key, [row.key for row in self.core.rows])
