"""The client's side of a connection."""

from __future__ import annotations

from struct import pack, unpack_from

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chronik.network.channel import ChannelError, KafkaChannel
from chronik.protocol.apis import ApiKey, decodable_versions
from chronik.protocol.messages import ApiVersionsRequest, ApiVersionsResponse, HeartbeatRequest, HeartbeatResponse
from tests.network.fakes import PushTransport, framed


class ChannelTests(SynchronousTestCase):
    """Requests and responses."""

    def setUp(self) -> None:
        """A channel, connected."""
        self.clock = Clock()
        self.channel = KafkaChannel(self.clock, "tester")
        self.transport = PushTransport()
        self.channel.makeConnection(self.transport)

    def heartbeat(self, seconds: float = 30.0) -> Deferred[HeartbeatResponse]:
        """Send a heartbeat in version 0."""
        return self.channel.request(HeartbeatRequest(group_id="g", generation_id=1, member_id="m"), 0, seconds)

    @staticmethod
    def answered(correlation_id: int, error_code: int = 0) -> bytes:
        """The frame of a heartbeat's response in version 0: correlation id and error code."""
        return framed(pack(">ih", correlation_id, error_code))

    def test_literal_request(self) -> None:
        """A request is its size, header and body as the protocol guide has them."""
        self.heartbeat()
        body = b"\x00\x01g" + b"\x00\x00\x00\x01" + b"\x00\x01m"
        self.assertEqual(self.transport.value(), framed(b"\x00\x0c" + b"\x00\x00" + b"\x00\x00\x00\x01" + b"\x00\x06tester" + body))
        self.successResultOf(self.channel.made)

    @given(st.lists(st.integers(1, 12), max_size=12))
    def test_pipelined(self, cuts: list[int]) -> None:
        """Responses find their requests however the bytes are cut."""
        self.setUp()
        waiting = [self.heartbeat() for _ in range(3)]
        data = b"".join(self.answered(n + 1, n) for n in range(3))
        for cut in [*cuts, len(data)]:
            self.channel.dataReceived(data[:cut])
            data = data[cut:]
        self.assertEqual([self.successResultOf(each).error_code for each in waiting], [0, 1, 2])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_timeout(self) -> None:
        """A response that does not come in time fails all that wait, and ends the connection."""
        first, second = self.heartbeat(5), self.heartbeat(50)
        self.clock.advance(6)
        for each in (first, second):
            self.assertIn("Heartbeat", str(self.failureResultOf(each, ChannelError).value))
        self.assertTrue(self.transport.aborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_disconnect(self) -> None:
        """A lost connection fails what waits and whatever is asked later, and says how it was lost."""
        for reason, said in ((ConnectionDone(), "closed"), (ConnectionLost(), "broke")):
            self.setUp()
            waiting = self.heartbeat()
            self.channel.connectionLost(Failure(reason))
            self.assertIn(said, str(self.failureResultOf(waiting, ChannelError).value))
            self.failureResultOf(self.heartbeat(), ChannelError)

    def test_nonsense(self) -> None:
        """A wrong correlation id, size or body, or an answer to nothing, fails cleanly and ends the connection."""
        for data in (self.answered(9), b"\xff\xff\xff\xff", b"HTTP/1.1 400", framed(pack(">i", 1)), framed(b"\0\0\0\x01\0")):
            self.setUp()
            waiting = self.heartbeat()
            self.channel.dataReceived(data)
            self.failureResultOf(waiting, ChannelError)
            self.assertTrue(self.transport.aborted)
        self.setUp()
        self.channel.dataReceived(self.answered(1))
        self.assertTrue(self.transport.aborted)

    def test_unanswered(self) -> None:
        """A request without a response waits for nothing, and the next response is the next request's."""
        request = HeartbeatRequest(group_id="g", generation_id=1, member_id="m")
        self.assertIsNone(self.successResultOf(self.channel.request(request, 0, answered=False)))
        waiting = self.heartbeat()
        self.channel.dataReceived(self.answered(2))
        self.assertEqual(self.successResultOf(waiting).error_code, 0)


class NegotiationTests(SynchronousTestCase):
    """Versions."""

    def setUp(self) -> None:
        """A channel, connected."""
        self.channel = KafkaChannel(Clock())
        self.transport = PushTransport()
        self.channel.makeConnection(self.transport)

    def respond(self, correlation_id: int, version: int, error_code: int, *apis: tuple[int, int, int]) -> None:
        """An ApiVersions response comes."""
        keys = [ApiVersionsResponse.ApiVersion(api_key=k, min_version=low, max_version=high) for k, low, high in apis]
        body = ApiVersionsResponse(error_code=error_code, api_keys=keys).encode(version)
        self.channel.dataReceived(framed(pack(">i", correlation_id) + body))

    def test_highest_common(self) -> None:
        """The highest version both know is used; an API not served fails without being sent."""
        done = self.channel.negotiate()
        self.respond(1, 3, 0, (ApiKey.HEARTBEAT, 0, 2), (ApiKey.FETCH, 0, 99))
        self.successResultOf(done)
        self.assertEqual(self.channel.version_of(ApiKey.HEARTBEAT), 2)
        self.assertEqual(self.channel.version_of(ApiKey.FETCH), decodable_versions(ApiKey.FETCH)[-1])
        self.transport.clear()
        self.failureResultOf(self.channel.request(ApiVersionsRequest()), ChannelError)
        self.assertEqual(self.transport.value(), b"")

    def test_old_broker(self) -> None:
        """A broker that does not know version 3 answers in version 0, and is asked again so."""
        done = self.channel.negotiate()
        self.transport.clear()
        self.respond(1, 0, 35)
        self.assertEqual(unpack_from(">hhi", self.transport.value(), 4), (ApiKey.API_VERSIONS, 0, 2))
        self.respond(2, 0, 0, (ApiKey.HEARTBEAT, 0, 1))
        self.successResultOf(done)
        self.assertEqual(self.channel.version_of(ApiKey.HEARTBEAT), 1)
