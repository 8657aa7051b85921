"""Listeners: binding, caps, closing; and answers over real sockets, where slices go by sendfile."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import reactor as real_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from chronik.defer import deferred
from chronik.errors import ChronikError
from chronik.network.interfaces import Pieces
from chronik.network.limits import REQUESTS_IN_FLIGHT_MAX, ConnectionLimits
from chronik.network.listener import ConnectionFactory, KafkaListener, RequestBudget
from chronik.security.interfaces import BROKER
from tests.network.fakes import Connected, FileSlice, PushTransport, ToldDispatcher, framed, request

FILE_BYTES = 6 << 20


def a_factory(clock: Any, dispatcher: ToldDispatcher, **limits: int) -> ConnectionFactory:
    """A factory with these limits."""
    factory = ConnectionFactory("PLAINTEXT", clock, ConnectionLimits(**limits), 100 << 20, RequestBudget())
    factory.dispatcher = dispatcher
    return factory


class BindTests(SynchronousTestCase):
    """Binding and counting, without sockets."""

    def test_bind_failure(self) -> None:
        """A busy address is told with its name, the listener's, and the reason."""
        reactor = MemoryReactorClock()

        def refuse(*args: object, **fields: object) -> None:
            raise CannotListenError("127.0.0.1", 9092, OSError(98, "Address already in use"))

        reactor.listenTCP = refuse  # type: ignore[assignment]
        listener = KafkaListener(reactor, a_factory(reactor, ToldDispatcher()), "127.0.0.1", 9092)
        with self.assertRaisesRegex(ChronikError, r"127\.0\.0\.1:9092 \(PLAINTEXT\).*Address already in use"):
            listener.bind()

    def test_close_is_bounded(self) -> None:
        """Closing waits for answers, but no longer than it was told."""
        reactor = MemoryReactorClock()
        peer = Connected(clock=reactor)
        listener = KafkaListener(reactor, peer.factory, "", 0)
        peer.receive(request())
        closed = listener.close(5)
        reactor.advance(4)
        self.assertFalse(peer.transport.aborted)
        reactor.advance(2)
        self.assertTrue(peer.transport.aborted)
        self.assertNoResult(closed)
        peer.connection.connectionLost()
        self.successResultOf(closed)
        self.assertEqual(reactor.getDelayedCalls(), [])

    def test_counters(self) -> None:
        """Bytes both ways and connections are counted."""
        peer = Connected(at_once=True)
        peer.receive(request(b"abc"))
        self.assertEqual((peer.factory.accepted, peer.factory.bytes_in, peer.factory.bytes_out), (1, 15, 7))
        self.assertIsInstance(peer.transport, PushTransport)


class Collector(Protocol):
    """A client that keeps what comes."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.wanted = 0
        self.enough: Deferred[None] = Deferred()
        self.lost: Deferred[None] = Deferred()

    def until(self, size: int) -> Deferred[None]:
        """Fires once so much came."""
        self.wanted, self.enough = size, Deferred()
        self.dataReceived(b"")
        return self.enough

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.received += data
        if self.wanted and len(self.received) >= self.wanted:
            self.wanted = 0
            self.enough.callback(None)

    def connectionLost(self, reason: object = None) -> None:
        """Tell."""
        self.lost.callback(None)


class SocketTests(TestCase):
    """Over loopback."""

    timeout = 20

    def setUp(self) -> None:
        """Listen, with a file to send from."""
        self.data = os.urandom(1 << 16) * (FILE_BYTES >> 16)
        self.path = self.mktemp()
        with open(self.path, "wb") as file:
            file.write(self.data)
        self.dispatcher = ToldDispatcher()
        self.factory = self.made_factory()
        self.listener = KafkaListener(real_reactor, self.factory, "127.0.0.1", 0)
        self.listener.bind()
        self.listener.accept()
        self.slices: list[FileSlice] = []

    def made_factory(self) -> ConnectionFactory:
        """What makes the listener's connections."""
        return a_factory(real_reactor, self.dispatcher)

    def endpoint(self) -> Any:
        """Where clients connect to."""
        return TCP4ClientEndpoint(real_reactor, "127.0.0.1", self.listener.port)

    def tearDown(self) -> Deferred[None]:
        """Close all; every slice must have been closed."""
        self.assertEqual([s for s in self.slices if not s.closed], [])
        return self.listener.close(1)

    def slice(self, start: int, size: int) -> FileSlice:
        """A slice of the file."""
        self.slices.append(FileSlice(self.path, start, size))
        return self.slices[-1]

    @deferred
    async def client(self) -> Collector:
        """A connected client."""
        client = Collector()
        await connectProtocol(self.endpoint(), client)
        return client

    @deferred
    async def asked(self, count: int) -> None:
        """So many requests have come."""
        while len(self.dispatcher.answers) < count:
            await self.turn()

    def turn(self) -> Deferred[None]:
        """A turn of the reactor."""
        turn: Deferred[None] = Deferred()
        real_reactor.callLater(0, turn.callback, None)  # type: ignore[attr-defined]
        return turn

    def stuck(self) -> bool:
        """Whether the only connection's peer takes no more of its answers."""
        (connection,) = self.factory.connections
        return connection.overdue(real_reactor.seconds() + 1e6) == "takes no more of its answer"  # type: ignore[attr-defined]

    @deferred
    async def test_interleaved(self) -> None:
        """Bytes, small slices and slices larger than any socket buffer arrive in order over several answers."""
        client = await self.client()
        client.transport.write(request() * 3)  # type: ignore[union-attr]
        await self.asked(3)
        answers: list[Pieces] = [
            [b"head", self.slice(5, 5 << 20), b"mid", self.slice(9, 100), b"", self.slice(1, 1 << 20), self.slice(3, 40_000)],
            [b"small"],
            [self.slice(0, FILE_BYTES)],
        ]
        for deferred_pieces, pieces in zip(self.dispatcher.answers, answers, strict=True):
            deferred_pieces.callback(pieces)
        d = self.data
        first = b"head" + d[5 : 5 + (5 << 20)] + b"mid" + d[9:109] + d[1 : 1 + (1 << 20)] + d[3:40_003]
        expected = framed(first) + framed(b"small") + framed(d)
        await client.until(len(expected))
        self.assertTrue(client.received == expected)
        self.assertEqual(self.factory.bytes_out, len(expected))
        client.transport.loseConnection()  # type: ignore[union-attr]
        await client.lost

    @deferred
    async def test_nobody_waits_for_a_turn(self) -> None:
        """An answer that no other can go along with has left when the call that made it ready returns."""
        peer = socket.create_connection(("127.0.0.1", self.listener.port))
        self.addCleanup(peer.close)
        peer.sendall(request())
        await self.asked(1)
        self.dispatcher.answers[0].callback([b"now"])
        peer.setblocking(False)
        self.assertEqual(peer.recv(100), framed(b"now"))

    @deferred
    async def test_small_answers_to_who_does_not_read(self) -> None:
        """Requests whose answers are never taken are not read for ever; they are answered once the peer reads."""
        self.dispatcher.at_once = True
        body = bytes(100_000)
        client = await self.client()
        client.transport.pauseProducing()  # type: ignore[union-attr]
        client.transport.write(request(body) * 300)  # type: ignore[union-attr]
        while not self.stuck():
            await self.turn()
        self.assertLess(len(self.dispatcher.answers), 300)
        client.transport.resumeProducing()  # type: ignore[union-attr]
        await client.until(300 * len(framed(body)))
        self.assertTrue(client.received == framed(body) * 300)

    @deferred
    async def test_slow_reader(self) -> None:
        """A reader that stops in the middle gets the rest when it goes on; another is served meanwhile."""
        slow, quick = await self.client(), await self.client()
        slow.transport.pauseProducing()  # type: ignore[union-attr]
        slow.transport.write(request(b"slow"))  # type: ignore[union-attr]
        await self.asked(1)
        self.dispatcher.answers[0].callback([self.slice(0, FILE_BYTES), self.slice(0, FILE_BYTES)])
        quick.transport.write(request(b"quick"))  # type: ignore[union-attr]
        await self.asked(2)
        self.dispatcher.answers[1].callback([self.slice(0, 1 << 20)])
        await quick.until(4 + (1 << 20))
        self.assertFalse(self.slices[1].closed)
        slow.transport.resumeProducing()  # type: ignore[union-attr]
        await slow.until(4 + 2 * FILE_BYTES)
        self.assertTrue(slow.received[4:] == self.data * 2)
        for client in (slow, quick):
            client.transport.loseConnection()  # type: ignore[union-attr]
            await client.lost

    @deferred
    async def test_disconnect_in_the_middle(self) -> None:
        """A reader that goes leaves no slice open and no bytes counted."""
        client = await self.client()
        client.transport.write(request() * 2)  # type: ignore[union-attr]
        await self.asked(2)
        for answer in self.dispatcher.answers:
            answer.callback([self.slice(0, FILE_BYTES) for _ in range(3)])
        await client.until(100_000)
        client.transport.abortConnection()  # type: ignore[union-attr]
        await client.lost
        await self.factory.emptied()
        self.assertEqual(self.factory._budget.held, 0)

    @deferred
    async def test_close_during_an_answer(self) -> None:
        """A listener that closes lets a long answer finish, and then the connection ends."""
        client = await self.client()
        client.transport.write(request())  # type: ignore[union-attr]
        await self.asked(1)
        self.dispatcher.answers[0].callback([self.slice(0, FILE_BYTES), b"end"])
        closed = self.listener.close(10)
        await client.lost
        await closed
        self.assertTrue(client.received == framed(self.data + b"end"))

    @deferred
    async def test_file_cut_short(self) -> None:
        """A file that lost the bytes an answer promised ends the connection."""
        client = await self.client()
        client.transport.write(request())  # type: ignore[union-attr]
        await self.asked(1)
        self.dispatcher.answers[0].callback([self.slice(FILE_BYTES - 50_000, 100_000)])
        await client.lost
        self.assertLess(len(client.received), 100_000)

    @deferred
    async def test_hanging_up_while_nothing_is_read(self) -> None:
        """A peer that asks for more than is read at a time and goes away is noticed, though its socket is not read from."""
        client = await self.client()
        client.transport.write(request() * (REQUESTS_IN_FLIGHT_MAX + 10))  # type: ignore[union-attr]
        await self.asked(REQUESTS_IN_FLIGHT_MAX)
        client.transport.loseConnection()  # type: ignore[union-attr]
        await client.lost
        await self.factory.emptied()
        self.assertEqual(self.factory._budget.held, 0)

    @deferred
    async def test_hanging_up_while_muted(self) -> None:
        """What a peer sent before it closed is served though it had to wait for longer than it takes to notice that it is gone."""
        client = await self.client()
        client.transport.write(request())  # type: ignore[union-attr]
        await self.asked(1)
        (connection,) = self.factory.connections
        assert connection.session is not None
        connection.session.muted_until = self.factory.clock.seconds() + 2.5
        self.dispatcher.answers[0].callback(None)
        client.transport.write(request() * 5)  # type: ignore[union-attr]
        for _ in range(50):  # what TLS says by itself has to be read: else closing resets the connection
            await self.turn()
        client.transport.loseConnection()  # type: ignore[union-attr]
        await client.lost
        await self.asked(6)
        await self.factory.emptied()
        self.assertEqual(self.factory._budget.held, 0)

    @deferred
    async def test_adopted_child(self) -> None:
        """An inherited socket is a session of the broker itself; the descriptor stays the caller's."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        self.listener.adopt(ours.fileno())
        ours.close()
        (connection,) = self.factory.connections
        assert connection.session is not None
        self.assertEqual((connection.session.internal, connection.session.principal), (True, BROKER))
        self.assertEqual(connection.session.peer_host, "local")
        theirs.sendall(request())
        await self.asked(1)
        self.dispatcher.answers[0].callback([self.slice(7, 50_000)])
        got = b""
        while len(got) < 50_004:
            turn: Deferred[None] = Deferred()
            real_reactor.callLater(0, turn.callback, None)  # type: ignore[attr-defined]
            await turn
            try:
                got += theirs.recv(1 << 20)
            except BlockingIOError:
                continue
        self.assertTrue(got == framed(self.data[7:50_007]))
        theirs.close()
        await self.factory.emptied()
