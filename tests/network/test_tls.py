"""Connections under TLS: over real sockets all that holds for plain ones; and what is no handshake, or none that comes to an end."""

from __future__ import annotations

import socket
import weakref
from typing import Any

from OpenSSL import SSL
from twisted.internet import reactor as real_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.config import Configuration
from chronik.defer import deferred
from chronik.network.channel import ChannelError, KafkaChannel
from chronik.network.connection import KafkaConnection
from chronik.network.crowd import NoCrowd
from chronik.network.handshakes import FAILED_SECONDS, GIVE_WAY_SECONDS, HANDSHAKE_SECONDS, Handshakes
from chronik.network.limits import ConnectionLimits
from chronik.network.listener import ConnectionFactory, RequestBudget
from chronik.network.peers import Dialing
from chronik.network.tls import LINGER_SECONDS, TlsTransport
from chronik.network.tlsendpoint import TlsEndpoint, TlsFailed
from chronik.security.interfaces import ANONYMOUS, Principal
from chronik.security.tls.client import ClientTls
from chronik.security.tls.making import Issued
from tests.network import test_listener
from tests.network.fakes import PushTransport, ToldDispatcher, framed, request
from tests.security.tls.authority import ca_file, client, file, server


def dialing(shown: Issued | None = None, host: str = "localhost", **more: str) -> Any:
    """A client's side of TLS; underscores in keys stand for dots."""
    named = {key.replace("_", "."): value for key, value in more.items()}
    own = {} if shown is None else {"ssl.keystore.location": file(shown)}
    return ClientTls("a client", Configuration().with_values({"ssl.truststore.location": ca_file(), **own, **named})).to(host)


class TlsSocketTests(test_listener.SocketTests):
    """Over loopback, under TLS: everything that holds without."""

    version = "TLSv1.3"

    def made_factory(self) -> ConnectionFactory:
        """With a certificate."""
        limits = ConnectionLimits()
        factory = ConnectionFactory("SSL", real_reactor, limits, 100 << 20, RequestBudget(), tls=server(), protocol_name="SSL")  # type: ignore[arg-type]
        factory.dispatcher = self.dispatcher
        return factory

    def endpoint(self) -> Any:
        """Through TLS."""
        return TlsEndpoint(super().endpoint(), dialing(ssl_enabled_protocols=self.version), real_reactor)

    @deferred
    async def test_nobody_waits_for_a_turn(self) -> None:
        """An answer that no other can go along with has left when the call that made it ready returns."""
        peer = await self.by_hand()
        peer.send(request())
        await self.asked(1)
        self.dispatcher.answers[0].callback([b"now"])
        self.assertEqual(peer.receive(), framed(b"now"))

    @deferred
    async def test_goodbye_in_the_middle(self) -> None:
        """A client that says goodbye before it has its answer ends its connection, and nothing stays behind."""
        peer = await self.by_hand()
        peer.send(request())
        await self.asked(1)
        self.dispatcher.answers[0].callback([self.slice(0, 5 << 20)])
        peer.connection.shutdown()
        peer.flush()
        received = b""
        while not peer.ended:
            received += peer.receive()
            await self.turn()
        self.assertLessEqual(len(received), 4 + (5 << 20))
        peer.socket.close()
        await self.factory.emptied()

    @deferred
    async def test_endpoint_says_why(self) -> None:
        """An endpoint that comes to no TLS fails with the reason."""
        endpoint = TlsEndpoint(super().endpoint(), dialing(host="other.example"), real_reactor)
        with self.assertRaisesRegex(TlsFailed, "not for other.example"):
            await connectProtocol(endpoint, test_listener.Collector())
        await self.factory.emptied()

    async def by_hand(self) -> ByHand:
        """A client whose every step is the test's."""
        peer = ByHand(self.listener.port, dialing(ssl_enabled_protocols=self.version).connection())
        self.addCleanup(peer.socket.close)
        while not peer.shake():
            await self.turn()
        await self.turn()
        return peer


class OlderTlsSocketTests(TlsSocketTests):
    """The same with TLS 1.2."""

    version = "TLSv1.2"


class ByHand:
    """A client on a socket that never blocks.

    :ivar ended: the broker said that it ends.
    """

    def __init__(self, port: int, connection: SSL.Connection) -> None:
        self.connection = connection
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.ended = False

    def shake(self) -> bool:
        """Go on with the handshake; whether it is done."""
        self._read()
        try:
            self.connection.do_handshake()
            done = True
        except SSL.WantReadError:
            done = False
        self.flush()
        return done

    def send(self, data: bytes) -> None:
        """Send."""
        self.connection.send(data)
        self.flush()

    def flush(self) -> None:
        """Send what is encrypted."""
        try:
            while True:
                self.socket.send(self.connection.bio_read(1 << 16))
        except SSL.WantReadError:
            pass

    def receive(self) -> bytes:
        """What is there."""
        self._read()
        pieces = []
        try:
            while True:
                pieces.append(self.connection.recv(1 << 16))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.ended = True
        return b"".join(pieces)

    def _read(self) -> None:
        try:
            while data := self.socket.recv(1 << 20):
                self.connection.bio_write(data)
        except BlockingIOError:
            pass
        except ConnectionResetError:
            self.ended = True


def received(connection: SSL.Connection) -> bytes:
    """What can be decrypted of what came."""
    pieces = []
    try:
        while True:
            pieces.append(connection.recv(1 << 16))
    except SSL.WantReadError:
        return b"".join(pieces)


class LingeringTransport(PushTransport):
    """A transport that remembers that nothing more will be written."""

    half_closed = False

    def loseWriteConnection(self) -> None:
        """Remember it."""
        self.half_closed = True


class InMemory:
    """A listener's connection on a clock, and the client's end of TLS."""

    def __init__(self, clock: Clock, handshakes: Handshakes | None = None, tls: Any = None, side: Any = None) -> None:
        self.clock = clock
        self.factory = ConnectionFactory("SSL", clock, ConnectionLimits(), 100 << 20, RequestBudget(), None, tls or server(), handshakes, "SSL")
        self.factory.dispatcher = self.dispatcher = ToldDispatcher(at_once=True)
        self.transport = LingeringTransport()
        self.secured: TlsTransport = self.factory.buildProtocol(self.transport.getPeer())
        self.inner: KafkaConnection = self.secured.inner
        self.secured.makeConnection(self.transport)
        self.client: SSL.Connection = (side or dialing()).connection()

    def hello(self) -> bytes:
        """The client's first flight."""
        try:
            self.client.do_handshake()
        except SSL.WantReadError:
            pass
        return self.client.bio_read(1 << 16)

    def exchange(self) -> None:
        """Whatever either has for the other."""
        for _ in range(6):
            try:
                self.client.do_handshake()
            except SSL.WantReadError:
                pass
            try:
                self.secured.dataReceived(self.client.bio_read(1 << 16))
            except SSL.WantReadError:
                pass
            self.clock.advance(0)
            data = self.transport.value()
            self.transport.clear()
            if data:
                self.client.bio_write(data)

    def lose(self) -> None:
        """The socket is gone."""
        self.secured.connectionLost(Failure(ConnectionDone()))


class LogTestCase(SynchronousTestCase):
    """Tests that look at what was warned of."""

    def setUp(self) -> None:
        """Listen to the log."""
        self.clock = Clock()
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def warnings(self) -> list[str]:
        """What was warned of."""
        return [event["log_format"].format(**event) for event in self.events if event["log_level"] is LogLevel.warn]


class RefusalTests(LogTestCase):
    """What is no TLS, or none that may come in: one line, and the end."""

    def assert_refused(self, peer: InMemory, why: str) -> None:
        """The connection is closed, and one line says why."""
        self.assertEqual(1, len(self.warnings()), self.warnings())
        self.assertIn(why, self.warnings()[0])
        self.assertTrue(peer.transport.half_closed)
        self.assertEqual(1, peer.factory.refused["tls"])
        self.assertEqual(0, peer.factory.handshakes.under_way)
        peer.secured.dataReceived(b"more of it" * 1000)
        self.clock.advance(LINGER_SECONDS)
        self.assertTrue(peer.transport.aborted)
        peer.lose()
        self.assertEqual(1, len(self.warnings()))
        self.assertEqual([], peer.dispatcher.bodies)
        self.assertEqual(0, peer.factory._budget.held)

    def test_plain_kafka(self) -> None:
        """A client without TLS is told apart by its first byte."""
        peer = InMemory(self.clock)
        peer.secured.dataReceived(request())
        self.assert_refused(peer, "speaks no TLS")

    def test_plain_http(self) -> None:
        """So is a browser."""
        peer = InMemory(self.clock)
        peer.secured.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        self.assert_refused(peer, "speaks no TLS")

    def test_garbage(self) -> None:
        """What only begins like TLS."""
        for garbage in (b"\x16" * 100, b"\x16\x03\x01\xff\xff" + b"x" * 100, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff" + b"\0" * 50):
            self.events.clear()
            peer = InMemory(self.clock)
            peer.secured.dataReceived(garbage)
            self.assert_refused(peer, "closing the connection")

    def test_half_a_handshake(self) -> None:
        """A client that goes on no more is ended after a while, and one that leaves is told."""
        peer = InMemory(self.clock)
        peer.secured.dataReceived(peer.hello())
        self.clock.pump([1] * int(HANDSHAKE_SECONDS))
        self.assertEqual([], self.warnings())
        self.clock.pump([1])
        self.assert_refused(peer, "did not finish its handshake in time")

    def test_leaving_in_the_middle(self) -> None:
        """A client that ends its connection before it was one."""
        peer = InMemory(self.clock)
        peer.secured.dataReceived(peer.hello())
        peer.lose()
        self.assertEqual([], self.warnings(), "it is told, but nobody need be warned")
        self.assertTrue(any("in the middle of the handshake" in str(event.get("why")) for event in self.events))
        self.assertEqual((0, 1, 0), (peer.factory.handshakes.under_way, peer.factory.handshakes.failed, peer.factory.refused["tls"]))

    def test_silence(self) -> None:
        """Somebody who connects and goes, as probes do, is not worth a line, and costs no TLS."""
        peer = InMemory(self.clock)
        self.assertIsNone(peer.secured.session)
        peer.lose()
        self.assertEqual([], self.warnings())

    def test_bad_certificate(self) -> None:
        """A client of another CA gets its alert, and one line says what was wrong."""
        peer = InMemory(self.clock, tls=server(ssl_client_auth="required"), side=dialing(client(issuer="other CA")))
        peer.exchange()
        self.assertIn("not trusted", self.warnings()[0])
        with self.assertRaisesRegex(SSL.Error, "unknown ca"):
            peer.client.recv(1)
        self.assert_refused(peer, "not trusted")

    def test_certificate_that_cannot_be_read(self) -> None:
        """A certificate that makes a library fail ends its own connection, and the next one is served."""
        tls = server(ssl_client_auth="required")
        handshakes = Handshakes(self.clock)

        def fail(connection: SSL.Connection) -> None:
            raise ValueError("odd certificate")

        peer = InMemory(self.clock, handshakes, tls=tls, side=dialing(client()))
        tls.identify = fail  # type: ignore[method-assign, assignment]
        peer.exchange()
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))
        self.assert_refused(peer, "failed here")
        other = InMemory(self.clock, handshakes)
        other.exchange()
        assert other.inner.session is not None
        self.assertEqual((1, 0), (handshakes.done, handshakes.under_way))
        other.lose()

    def test_nobodys_certificate(self) -> None:
        """A certificate that no rule knows is refused once the handshake is done, with a goodbye."""
        tls = server(ssl_client_auth="required", ssl_principal_mapping_rules="RULE:^CN=admin$/$0/")
        peer = InMemory(self.clock, tls=tls, side=dialing(client()))
        peer.exchange()
        self.assertRaises(SSL.ZeroReturnError, peer.client.recv, 1)
        self.assert_refused(peer, "belongs to nobody")


class AcceptedTests(LogTestCase):
    """Who came in."""

    def test_principal(self) -> None:
        """On SSL a certificate is who somebody is; with SASL it is not."""
        for protocol, expected in (("SSL", Principal("User", "CN=alice,OU=People,O=Tests")), ("SASL_SSL", ANONYMOUS)):
            peer = InMemory(self.clock, tls=server(ssl_client_auth="required"), side=dialing(client()))
            peer.factory.protocol_name = protocol
            peer.exchange()
            assert peer.inner.session is not None
            self.assertEqual((expected, True), (peer.inner.session.principal, peer.inner.session.encrypted))
            self.assertEqual([], self.warnings())
            peer.lose()

    def test_requests_with_the_last_flight(self) -> None:
        """Requests that come along with the end of the handshake are served, in any cutting."""
        for size in (1, 7, 1 << 16):
            peer = InMemory(self.clock)
            peer.secured.dataReceived(peer.hello())
            peer.client.bio_write(peer.transport.value())
            peer.transport.clear()
            peer.client.do_handshake()
            peer.client.send(request(b"first") + request(b"second"))
            flight = peer.client.bio_read(1 << 16)
            for start in range(0, len(flight), size):
                peer.secured.dataReceived(flight[start : start + size])
                self.clock.advance(0)
            self.assertEqual([b"first", b"second"], peer.dispatcher.bodies)
            peer.client.bio_write(peer.transport.value())
            self.assertEqual(framed(b"first") + framed(b"second"), received(peer.client))
            peer.lose()

    def test_paused(self) -> None:
        """Nothing is delivered while nothing is to be; what came meanwhile is not lost."""
        peer = InMemory(self.clock)
        peer.exchange()
        peer.secured.pauseProducing()
        peer.client.send(request(b"later"))
        peer.secured.dataReceived(peer.client.bio_read(1 << 16))
        self.assertEqual([], peer.dispatcher.bodies)
        peer.secured.resumeProducing()
        self.clock.advance(0)
        self.assertEqual([b"later"], peer.dispatcher.bodies)
        # Twisted's HTTP pauses only what says that it can be.
        self.assertTrue(verifyObject(IPushProducer, peer.secured))
        peer.lose()

    def test_truncation(self) -> None:
        """A record that was changed on its way ends the connection; nothing of it is served."""
        peer = InMemory(self.clock)
        peer.exchange()
        peer.client.send(request(b"changed"))
        record = bytearray(peer.client.bio_read(1 << 16))
        record[-1] ^= 1
        peer.secured.dataReceived(bytes(record))
        self.assertEqual([], peer.dispatcher.bodies)
        self.assertTrue(peer.transport.disconnecting)
        peer.lose()


class BoundTests(LogTestCase):
    """Many handshakes at once."""

    def test_turns(self) -> None:
        """Those that come while as many are under way as may be wait, in order, and are not read from."""
        handshakes = Handshakes(self.clock, at_once_max=2)
        peers = [InMemory(self.clock, handshakes) for _ in range(4)]
        for peer in peers:
            peer.secured.dataReceived(peer.hello())
        self.assertEqual((2, 2), (handshakes.under_way, handshakes.waiting))
        self.assertEqual(["producing", "producing", "paused", "paused"], [peer.transport.producerState for peer in peers])
        self.assertIsNone(peers[2].secured.session)
        self.finish(peers[1])
        self.clock.advance(0)
        self.assertEqual(["producing", "paused"], [peer.transport.producerState for peer in peers[2:]])
        self.finish(peers[2])
        self.finish(peers[3])
        self.finish(peers[0])
        self.assertEqual((4, 0, 0), (handshakes.done, handshakes.under_way, handshakes.waiting))
        self.assertEqual([], self.warnings())

    def finish(self, peer: InMemory) -> None:
        """Let a client do its part."""
        self.clock.advance(0)
        peer.client.bio_write(peer.transport.value())
        peer.transport.clear()
        peer.exchange()
        self.assertTrue(peer.inner.session is not None and peer.secured._secured)

    def test_silent_ones_give_way(self) -> None:
        """Who began and says nothing more loses its place to who waits, well before its time is over."""
        handshakes = Handshakes(self.clock, at_once_max=1)
        silent, eager = InMemory(self.clock, handshakes), InMemory(self.clock, handshakes)
        silent.secured.dataReceived(silent.hello())
        self.clock.advance(GIVE_WAY_SECONDS / 2)
        eager.secured.dataReceived(eager.hello())
        self.assertEqual(1, handshakes.waiting)
        self.clock.pump([0.5, 0.5, 0.5])
        self.assertIn("others waited", self.warnings()[0])
        self.finish(eager)

    def test_many(self) -> None:
        """Ten thousand half handshakes hold no more than the bound, and none of them keeps a client out for long."""
        handshakes = Handshakes(self.clock, at_once_max=8)
        hostile = [_Hostile(handshakes) for _ in range(10_000)]
        for each in hostile:
            handshakes.received(each)
        self.clock.advance(0)
        self.assertEqual((8, 9992), (handshakes.under_way, handshakes.waiting))
        self.clock.pump([0.5] * 50)
        self.assertEqual((0, 0), (handshakes.under_way, handshakes.waiting))
        self.assertTrue(all(each.given_up for each in hostile))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_a_turn_is_short(self) -> None:
        """Handshakes that take long are spread over turns of the reactor, in the order in which their bytes came."""
        handshakes = Handshakes(self.clock)
        ran: list[int] = []
        slow = [_Slow(self.clock, ran, number) for number in range(10)]
        for each in slow:
            handshakes.received(each)
        self.assertEqual([0, 1], ran, "0.3 ms are over after two of 0.2 ms")
        turns = 0
        while len(ran) < 10:
            before = len(ran)
            (turn,) = [call for call in self.clock.getDelayedCalls() if call.getTime() <= self.clock.seconds()]
            run = turn.func
            turn.cancel()
            run()
            turns += 1
            self.assertLessEqual(len(ran) - before, 2)
        self.assertEqual(list(range(10)), ran)
        self.assertGreaterEqual(turns, 4)
        handshakes.close()


    def test_pauses(self) -> None:
        """Between turns of those that wait is the pause that the crowd asks for, of the time that the turn before took."""
        took: list[float] = []

        class Pausing(NoCrowd):
            def pause(self, seconds: float) -> float:
                took.append(round(seconds, 6))
                return 0.004

            def charge(self, seconds: float) -> None:
                took.append(-seconds)

        handshakes = Handshakes(self.clock, crowd=Pausing())
        ran: list[int] = []
        for each in [_Slow(self.clock, ran, number) for number in range(6)]:
            handshakes.received(each)
        self.clock.advance(0)
        self.assertEqual(([0, 1, 2, 3], [0.0004]), (ran, took))
        self.clock.advance(0.0035)
        self.assertEqual(4, len(ran))
        self.clock.advance(0.0005)
        self.assertEqual(6, len(ran))
        self.assertEqual([], self.clock.getDelayedCalls()[1:], "but the look at deadlines")
        handshakes.fail()
        self.assertEqual((1, -FAILED_SECONDS), (handshakes.failed, took[-1]))
        handshakes.close()

    def test_nothing_piles_up(self) -> None:
        """What is to be let go of goes, though there are always handshakes that take all the time there is."""
        handshakes = Handshakes(self.clock)
        slow = [_Slow(self.clock, [], number) for number in range(40)]
        for each in slow:
            handshakes.received(each)
        ended = [_Slow(self.clock, [], number) for number in range(20)]  # in the place of what OpenSSL keeps
        left = [weakref.ref(each) for each in ended]
        while ended:
            handshakes.discard(ended.pop())
        counts = []
        for _ in range(5):
            (turn,) = [call for call in self.clock.getDelayedCalls() if call.getTime() <= self.clock.seconds()]
            run = turn.func
            turn.cancel()
            run()
            counts.append(sum(each() is not None for each in left))
        self.assertEqual([18, 16, 14, 12, 10], counts)
        handshakes.close()


class _Hostile:
    """Begins and does not go on."""

    def __init__(self, handshakes: Handshakes) -> None:
        self._handshakes = handshakes
        self.given_up = False

    def go_on(self) -> None:
        """Nothing comes of it."""

    def give_up(self, why: str) -> None:
        """Be gone."""
        self.given_up = True
        self._handshakes.over(self)


class _Slow:
    """Takes 0.2 ms."""

    def __init__(self, clock: Clock, ran: list[int], number: int) -> None:
        self._clock, self._ran, self._number = clock, ran, number

    def go_on(self) -> None:
        """Let time pass, as the processor does."""
        self._ran.append(self._number)
        self._clock.rightNow += 0.0002

    def give_up(self, why: str) -> None:
        """Not in this test."""


class DialingTests(LogTestCase):
    """Connections from here, over TLS."""

    def dial(self, side: Any, tls: Any) -> tuple[Deferred[KafkaChannel], Dialing, InMemory]:
        """A channel and a listener in memory, until neither has anything to say."""
        channel = Dialing(KafkaChannel(self.clock), side, self.clock, Handshakes(self.clock))
        listener = InMemory(self.clock, tls=tls)
        below = LingeringTransport()
        channel.protocol.makeConnection(below)
        for _ in range(6):
            for one, other in ((below, listener.secured), (listener.transport, channel.protocol)):
                data, _ = one.value(), one.clear()
                if data:
                    other.dataReceived(data)
        return channel.connected, channel, listener

    def test_connected(self) -> None:
        """The channel is there once the handshake is done."""
        connected, dialed, listener = self.dial(dialing(client()), server(ssl_client_auth="required"))
        self.assertIs(dialed.protocol.inner, self.successResultOf(connected))
        assert listener.inner.session is not None
        self.assertEqual("CN=alice,OU=People,O=Tests", listener.inner.session.principal.name)

    def test_wrong_name(self) -> None:
        """A broker that is not who was connected to is no broker to talk to."""
        connected, _, _ = self.dial(dialing(host="other.example"), server())
        self.assertIn("not for other.example", str(self.failureResultOf(connected, ChannelError).value))

    def test_wrong_authority(self) -> None:
        """Nor is one of another CA."""
        connected, _, _ = self.dial(dialing(ssl_truststore_location=ca_file("other CA")), server())
        self.assertIn("not trusted", str(self.failureResultOf(connected, ChannelError).value))

    def test_ends_in_the_middle(self) -> None:
        """A peer that ends the connection instead."""
        dialed = Dialing(KafkaChannel(self.clock), dialing(), self.clock, Handshakes(self.clock))
        dialed.protocol.makeConnection(LingeringTransport())
        dialed.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertIn("in the middle of the handshake", str(self.failureResultOf(dialed.connected, ChannelError).value))

    def test_says_nothing(self) -> None:
        """A peer that takes too long."""
        dialed = Dialing(KafkaChannel(self.clock), dialing(), self.clock, Handshakes(self.clock, seconds=2))
        dialed.protocol.makeConnection(LingeringTransport())
        self.clock.pump([0.5] * 6)
        self.assertIn("in time", str(self.failureResultOf(dialed.connected, ChannelError).value))

