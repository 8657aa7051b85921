"""The server's side of a connection, without a socket."""

from __future__ import annotations

import inspect

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.logs import STRANGERS_LINES_A_SECOND
from chronik.network.frames import SMALL_BYTES, FrameCutter
from chronik.network.interfaces import Answer, ProtocolViolation, Session
from chronik.network.limits import FRAMES_A_TURN_MAX, REQUESTS_IN_FLIGHT_MAX, TURN_SECONDS, ConnectionLimits
from chronik.network.listener import RequestBudget
from tests.network.fakes import Connected, MemorySlice, framed, request

LIMITS = ConnectionLimits(idle_seconds=60, first_request_seconds=10, frame_seconds=5, stalled_seconds=20)


class FrameTests(SynchronousTestCase):
    """Bytes to requests."""

    @given(st.lists(st.binary(max_size=50), max_size=6), st.lists(st.integers(1, 40), max_size=30))
    def test_any_cut(self, bodies: list[bytes], cuts: list[int]) -> None:
        """However the bytes are cut, the same requests are served and the same answers leave."""
        peer = Connected(at_once=True)
        data = b"".join(map(request, bodies))
        for cut in cuts:
            if data:
                peer.receive(data[:cut])
                data = data[cut:]
        if data:
            peer.receive(data)
        self.assertEqual(peer.dispatcher.bodies, bodies)
        self.assertEqual(peer.sent, b"".join(map(framed, bodies)))
        self.assertEqual(peer.connection._bytes_in_flight, 0)

    def test_not_kafka(self) -> None:
        """Other protocols are sent away at their first bytes, in one log line that says what they look like."""
        probes = {
            b"GET / HTTP/1.1\r\n": "HTTP",
            b"\x16\x03\x01\x02\x00\x01": "TLS",
            b"\x00\x00\x00\x02\x00\x12": "no Kafka",
            b"\xff\xff\xff\xff": "-1 bytes",
            b"\x7f\xff\xff\xff": "2147483647 bytes",
        }
        for data, said in probes.items():
            peer = Connected()
            with capturedLogs() as logged:
                peer.receive(data)
            lines = [formatEvent(event) for event in logged]
            self.assertTrue(peer.transport.aborted)
            self.assertEqual(len(lines), 1)
            self.assertIn(said, lines[0])
            self.assertEqual(peer.factory.refused["protocol"], 1)

    def test_byte_by_byte(self) -> None:
        """A request that comes byte by byte is kept in one piece of its size, and in none of the buffers that the bytes came in."""
        cutter = FrameCutter(1 << 20, lambda key, version: 1 << 20)
        whole = request(bytes(SMALL_BYTES * 2))
        first = whole[:12]
        cutter.add(first)
        cutter.cut()
        self.assertIsNot(first, cutter._chunks[0])
        for at in range(12, SMALL_BYTES - 1):
            cutter.add(whole[at : at + 1])
            cutter.cut()
        self.assertEqual(1, len(cutter._chunks))
        for at in range(SMALL_BYTES - 1, len(whole), 100):
            cutter.add(whole[at : at + 100])
        self.assertEqual(2, len(cutter._chunks))
        cutter.cut()
        self.assertEqual(([whole[4:]], 0), ([*cutter.whole], cutter.unfinished_bytes))

    def test_many_who_are_no_kafka(self) -> None:
        """Each of thousands is sent away and counted; a few a second have a line in the log, and the number of the others has one later."""
        peer = Connected()
        with capturedLogs() as logged:
            for _ in range(100):
                peer.factory.tell_refused(self._session(peer), "protocol", "it sent nonsense")
            self.assertEqual(STRANGERS_LINES_A_SECOND, len(logged))
            peer.clock.advance(1)
            peer.receive(b"GET / HTTP/1.1\r\n")
        lines = [formatEvent(event) for event in logged[STRANGERS_LINES_A_SECOND:]]
        self.assertIn("90 more connections on PLAINTEXT", lines[0])
        self.assertIn("HTTP", lines[1])
        self.assertEqual(101, peer.factory.refused["protocol"])

    def _session(self, peer: Connected) -> Session:
        session = peer.connection.session
        assert session is not None
        return session

    def test_api_decides_the_size(self) -> None:
        """A frame too large for its API, or of an unknown API, is refused before its body comes."""
        for start in (request(api_key=99), b"\x00\x10\x00\x01\x00\x12\x00\x00"):
            peer = Connected()
            peer.receive(start[:8])
            self.assertTrue(peer.transport.aborted)
            self.assertEqual(peer.dispatcher.bodies, [])

    def test_nothing_is_read_after_a_violation(self) -> None:
        """What follows is not looked at."""
        peer = Connected()
        peer.receive(request(api_key=99))
        peer.receive(request(b"late"))
        self.assertEqual(peer.dispatcher.bodies, [])


class OrderTests(SynchronousTestCase):
    """Requests begin in order and answers leave in order."""

    def test_answers_in_order(self) -> None:
        """An answer that is ready early waits for those before it."""
        peer = Connected()
        peer.receive(request(b"1") + request(b"2") + request(b"3"))
        first, second, third = peer.dispatcher.answers
        third.callback([b"three"])
        second.callback([b"t", b"wo"])
        self.assertEqual(peer.sent, b"")
        first.callback([b"one"])
        self.assertEqual(peer.sent, framed(b"one") + framed(b"two") + framed(b"three"))

    def test_no_answer(self) -> None:
        """A request that needs no answer sends nothing, not even a size."""
        peer = Connected()
        peer.receive(request(b"1") + request(b"2"))
        peer.dispatcher.answers[1].callback([b""])
        peer.dispatcher.answers[0].callback(None)
        self.assertEqual(peer.sent, framed(b""))

    def test_started(self) -> None:
        """A request is not begun before the one before it has done what must happen in order."""
        peer = Connected()
        started: Deferred[None] = Deferred()
        peer.dispatcher.started = started
        peer.receive(request(b"1") + request(b"2"))
        self.assertEqual(peer.dispatcher.bodies, [b"1"])
        self.assertFalse(peer.reading)
        started.callback(None)
        self.assertEqual(peer.dispatcher.bodies, [b"1", b"2"])
        self.assertTrue(peer.reading)

    def test_dispatch_fails(self) -> None:
        """An error in the server is logged with its traceback, ends this connection, and no other."""
        peer, other = Connected(), Connected(at_once=True)
        peer.dispatcher.error = RuntimeError("broken")
        peer.receive(request())
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertTrue(peer.transport.aborted)
        other.receive(request(b"x"))
        self.assertEqual(other.sent, framed(b"x"))

    def test_answer_fails(self) -> None:
        """So does an answer that fails; a violation found late is logged as one."""
        for error in (RuntimeError("broken"), ProtocolViolation("nonsense")):
            peer = Connected()
            peer.receive(request())
            peer.dispatcher.answers[0].errback(error)
            self.assertTrue(peer.transport.aborted)
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), int(isinstance(error, RuntimeError)))


class BoundsTests(SynchronousTestCase):
    """How much one peer, and all, may ask for."""

    def test_requests_in_flight(self) -> None:
        """Past the limit no more are begun or read; an answer makes room."""
        peer = Connected()
        peer.receive(request() * (REQUESTS_IN_FLIGHT_MAX + 2))
        self.assertEqual(len(peer.dispatcher.bodies), REQUESTS_IN_FLIGHT_MAX)
        self.assertFalse(peer.reading)
        for answer in peer.dispatcher.answers[:2]:
            answer.callback([b""])
        peer.clock.advance(0)
        self.assertEqual(len(peer.dispatcher.bodies), REQUESTS_IN_FLIGHT_MAX + 2)
        self.assertTrue(peer.reading)

    def test_one_answer_after_the_other(self) -> None:
        """An answer that makes room for a request which makes the answers of others ready, and those more, does so without a deeper stack."""
        depths: list[int] = []
        peers = [Connected() for _ in range(200)]

        def dispatch(number: int) -> None:
            answers = peers[number].dispatcher.answers
            tell = peers[number].dispatcher.dispatch

            def told(session: Session, frame: bytes) -> Answer:
                answer = tell(session, frame)
                if len(answers) > REQUESTS_IN_FLIGHT_MAX:
                    depths.append(len(inspect.stack(0)))
                    answer.pieces.callback([b""])
                    if number + 1 < len(peers):
                        peers[number + 1].dispatcher.answers[0].callback([b""])
                return answer

            peers[number].dispatcher.dispatch = told  # type: ignore[method-assign]

        for number, peer in enumerate(peers):
            dispatch(number)
            peer.receive(request() * (REQUESTS_IN_FLIGHT_MAX + 1))
        peers[0].dispatcher.answers[0].callback([b""])
        for peer in peers:
            peer.clock.advance(0)
        self.assertEqual(len(peers), len(depths))
        self.assertEqual(1, len(set(depths[1:])))

    def test_peer_does_not_read(self) -> None:
        """While answers pile up nothing more is read; it goes on when the peer reads."""
        peer = Connected(at_once=True)
        peer.transport.bufferSize = 1000
        peer.receive(request(bytes(2000)))
        peer.receive(request(b"next"))
        self.assertEqual(peer.dispatcher.bodies, [bytes(2000)])
        self.assertFalse(peer.reading)
        peer.transport.bufferSize = 1 << 20
        peer.transport.drain()
        self.assertEqual(peer.dispatcher.bodies[1:], [b"next"])
        self.assertTrue(peer.reading)

    def test_answers_make_room(self) -> None:
        """Many large answers to requests that came together are sent bit by bit, and no request is forgotten."""
        peer = Connected(at_once=True)
        bodies = [bytes([n]) * 600_000 for n in range(5)]
        peer.receive(b"".join(map(request, bodies)))
        while not peer.reading:
            peer.transport.drain()
        self.assertTrue(peer.sent == b"".join(map(framed, bodies)))

    def test_budget_of_all(self) -> None:
        """One connection's requests stop the reading of another, half requests count, and both go on when there is room."""
        budget = RequestBudget(bytes_max=1000)
        greedy, other = Connected(budget=budget), Connected(at_once=True, budget=budget)
        other.receive(request(b"x" * 500)[:400])
        greedy.receive(request(bytes(800)))
        self.assertEqual(budget.held, 400 + 812)
        other.receive(request(b"x" * 500)[400:401])
        self.assertEqual((greedy.reading, other.reading), (False, False))
        greedy.dispatcher.answers[0].callback([b""])
        for peer in (greedy, other):
            peer.clock.advance(0)
        self.assertEqual((greedy.reading, other.reading), (True, True))
        other.receive(request(b"x" * 500)[401:])
        self.assertEqual(other.sent, framed(b"x" * 500))
        self.assertEqual(budget.held, 0)

    def test_unfinished_requests_give_way(self) -> None:
        """Peers that fill the budget with requests they do not finish lose their connections, the largest first; everybody else goes on."""
        budget = RequestBudget(bytes_max=10_000)
        steady = Connected(at_once=True, budget=budget)
        steady.receive(request(bytes(900))[:500])
        greedy = [Connected(budget=budget) for _ in range(12)]
        with capturedLogs() as logged:
            for number, peer in enumerate(greedy):
                peer.receive(request(bytes(90_000))[: 1_000 + number])
        lines = [line for event in logged if (line := formatEvent(event)) is not None]
        ended = [peer for peer in greedy if peer.transport.aborted]
        self.assertTrue(0 < len(ended) < len(greedy))
        self.assertEqual(len(ended), len(lines))
        self.assertRegex(lines[0], "unfinished request of 10[0-9]{2} bytes")
        self.assertFalse(budget.over)
        self.assertEqual([True] * (len(greedy) - len(ended)), [peer.reading for peer in greedy if peer not in ended])
        steady.receive(request(bytes(900))[500:])
        self.assertEqual(steady.sent, framed(bytes(900)))
        for peer in greedy:
            peer.connection.connectionLost()
        self.assertEqual((budget.held, budget.unfinished), (0, 0))

    def test_children_are_outside_the_budget(self) -> None:
        """What clients hold does not stop the broker's own search process."""
        budget = RequestBudget(bytes_max=1000)
        greedy, child = Connected(budget=budget), Connected(at_once=True, budget=budget, internal=True)
        greedy.receive(request(bytes(2000)))
        self.assertFalse(greedy.reading)
        child.receive(request(b"fetch"))
        self.assertTrue(child.reading)
        child.receive(request(b"fetch"))
        self.assertEqual(child.sent, framed(b"fetch") * 2)

    def test_lost_in_the_middle(self) -> None:
        """A connection that goes gives back its bytes, closes slices that wait, and those that come too late."""
        budget = RequestBudget()
        peer = Connected(budget=budget)
        peer.receive(request(b"1") + request(b"2") + request(b"3")[:9])
        waiting, late = MemorySlice(b"a"), MemorySlice(b"b")
        peer.dispatcher.answers[1].callback([waiting])
        peer.connection.connectionLost(Failure(ConnectionDone()))
        peer.dispatcher.answers[0].callback([late])
        self.assertEqual((budget.held, waiting.closed > 0, late.closed > 0), (0, True, True))
        self.assertEqual(peer.dispatcher.gone, [peer.connection.session])
        self.assertEqual(peer.factory.connections, {})


class TurnClock(Clock):
    """A clock whose turns are taken one by one."""

    def turn(self) -> None:
        """Do what is due now, not what that brings about."""
        for call in [call for call in self.calls if call.getTime() <= self.rightNow]:
            self.calls.remove(call)
            call.called = 1
            call.func(*call.args, **call.kw)


class TurnTests(SynchronousTestCase):
    """How long one peer may keep the reactor."""

    def slow_peer(self, seconds: float) -> Connected:
        """A connection whose requests take so long each."""
        peer = Connected(at_once=True, clock=TurnClock())
        served = peer.dispatcher.dispatch

        def dispatch(session: Session, frame: bytes) -> Answer:
            peer.clock.rightNow += seconds
            return served(session, frame)

        peer.dispatcher.dispatch = dispatch  # type: ignore[method-assign]
        return peer

    def test_long_requests(self) -> None:
        """Requests that take long are begun over several turns, nothing is read meanwhile, and all are answered in order."""
        peer = self.slow_peer(TURN_SECONDS * 0.4)
        bodies = [b"%d" % n for n in range(8)]
        peer.receive(b"".join(map(request, bodies)))
        for count in (3, 6):
            self.assertEqual((bodies[:count], False), (peer.dispatcher.bodies, peer.reading))
            peer.clock.turn()
        self.assertEqual((b"".join(map(framed, bodies)), True), (peer.sent, peer.reading))
        self.assertEqual(0, peer.connection._bytes_in_flight)

    def test_many_requests(self) -> None:
        """Very many small requests are cut and begun over several turns, half a request at their end included."""
        peer = Connected(at_once=True, clock=TurnClock())
        count = FRAMES_A_TURN_MAX * 2 + 10
        data = request(b"x") * count
        peer.receive(data[:-3])
        for done in (1, 2):
            self.assertEqual((FRAMES_A_TURN_MAX * done, False), (len(peer.dispatcher.bodies), peer.reading))
            peer.clock.turn()
        self.assertEqual((count - 1, True), (len(peer.dispatcher.bodies), peer.reading))
        peer.receive(data[-3:])
        self.assertEqual(framed(b"x") * count, peer.sent)
        self.assertEqual(0, peer.connection._bytes_in_flight)

    def test_many_requests_that_wait(self) -> None:
        """What was not cut yet comes in its turn when answers make room, however they do."""
        peer = Connected()
        count = FRAMES_A_TURN_MAX + 5
        peer.receive(request() * count)
        for position in range(count):
            peer.dispatcher.answers[position].callback([b""])
            peer.clock.advance(0)
        self.assertEqual((framed(b"") * count, True), (peer.sent, peer.reading))

    def test_violation_behind_many(self) -> None:
        """What is no request is found in the turn in which it is looked at."""
        peer = Connected(at_once=True)
        peer.receive(request() * FRAMES_A_TURN_MAX + b"GET / HTTP/1.1")
        self.assertFalse(peer.transport.aborted)
        peer.clock.advance(0)
        self.assertTrue(peer.transport.aborted)

    def test_lost_between_turns(self) -> None:
        """A connection that goes, or is to end, between two turns begins nothing more and leaves no timer behind."""
        for end in (False, True):
            peer = self.slow_peer(TURN_SECONDS)
            peer.receive(request(b"1") + request(b"2"))
            if end:
                peer.connection.end()
            peer.connection.connectionLost(Failure(ConnectionDone()))
            peer.clock.advance(2)
            self.assertEqual(([b"1"], []), (peer.dispatcher.bodies, peer.clock.getDelayedCalls()))


class DeadlineTests(SynchronousTestCase):
    """Peers that keep a connection without using it."""

    def test_no_request(self) -> None:
        """Whoever says nothing is sent away soon."""
        peer = Connected(limits=LIMITS)
        peer.pass_time(9)
        self.assertFalse(peer.transport.aborted)
        peer.pass_time(1)
        self.assertTrue(peer.transport.aborted)
        self.assertEqual(peer.factory.refused["deadline"], 1)

    def test_drips(self) -> None:
        """A byte now and then does not put off the end of a slow request."""
        peer = Connected(limits=LIMITS)
        peer.receive(request(bytes(100))[:9])
        for _ in range(7):
            peer.pass_time(1)
            peer.receive(b"\0")
        self.assertTrue(peer.transport.aborted)

    def test_idle(self) -> None:
        """After a request the longer deadline counts, each request anew."""
        peer = Connected(at_once=True, limits=LIMITS)
        for _ in range(2):
            peer.receive(request())
            peer.pass_time(58)
            self.assertFalse(peer.transport.aborted)
        peer.pass_time(4)
        self.assertTrue(peer.transport.aborted)

    def test_waiting_for_us(self) -> None:
        """Nobody is sent away while the broker owes an answer."""
        peer = Connected(limits=LIMITS)
        peer.receive(request())
        peer.pass_time(300)
        self.assertFalse(peer.transport.aborted)

    def test_takes_no_answer(self) -> None:
        """A peer that does not read its answer is sent away; one that does has the idle deadline again."""
        for reads in (False, True):
            peer = Connected(at_once=True, limits=LIMITS)
            peer.transport.bufferSize = 1000
            peer.receive(request(bytes(2000)))
            peer.pass_time(15)
            if reads:
                peer.transport.drain()
            peer.pass_time(30)
            self.assertEqual(peer.transport.aborted, not reads)

    def test_one_timer(self) -> None:
        """However many connections and requests there are, one timer runs, and none when all are gone."""
        peer = Connected(at_once=True)
        peer.receive(request() * 50)
        self.assertEqual(len(peer.clock.getDelayedCalls()), 1)
        peer.connection.connectionLost(Failure(ConnectionDone()))
        peer.pass_time(2)
        self.assertEqual(peer.clock.getDelayedCalls(), [])


class EndTests(SynchronousTestCase):
    """An orderly end."""

    def test_room_for_others_while_it_ends(self) -> None:
        """A connection that ends sends what was begun, whatever else it is told meanwhile."""
        peer = Connected()
        peer.receive(request() * 2)
        peer.connection.end()
        peer.connection.budget_freed()
        peer.clock.advance(0)
        for answer, body in zip(peer.dispatcher.answers, (b"a", b"b"), strict=True):
            answer.callback([body])
        self.assertEqual((framed(b"a") + framed(b"b"), True), (peer.sent, peer.transport.disconnecting))

    def test_end_waits_for_answers(self) -> None:
        """What was begun is answered, nothing more is begun, then the connection closes."""
        peer = Connected()
        peer.receive(request(b"1"))
        peer.connection.end()
        peer.receive(request(b"2"))
        self.assertFalse(peer.transport.disconnecting)
        peer.dispatcher.answers[0].callback([b"one"])
        self.assertEqual((peer.sent, peer.dispatcher.bodies), (framed(b"one"), [b"1"]))
        self.assertTrue(peer.transport.disconnecting)
        self.assertFalse(peer.reading)

    def test_end_stays_paused(self) -> None:
        """A peer that takes its answer while the connection ends is not read from again."""
        peer = Connected()
        peer.transport.bufferSize = 10
        peer.receive(request(b"1") + request(b"2"))
        peer.dispatcher.answers[0].callback([bytes(100)])
        peer.connection.end()
        peer.transport.drain()
        self.assertFalse(peer.reading)
        self.assertFalse(peer.transport.disconnecting)

    def test_end_with_a_full_buffer(self) -> None:
        """No producer stays registered that would keep the transport from closing."""
        peer = Connected(at_once=True)
        peer.transport.bufferSize = 10
        peer.receive(request(bytes(100)))
        peer.connection.end()
        self.assertTrue(peer.transport.disconnecting)
        self.assertIsNone(peer.transport.producer)


class SenderTests(SynchronousTestCase):
    """Slices on a transport that cannot send files."""

    def test_interleaved(self) -> None:
        """Small and large slices and bytes arrive in order, and every slice is closed."""
        peer = Connected()
        peer.receive(request() * 2)
        large, small = MemorySlice(b"L" * 200_000), MemorySlice(b"s" * 10)
        peer.dispatcher.answers[0].callback([b"head", large, b"mid", small, b""])
        peer.dispatcher.answers[1].callback([b"second"])
        for _ in range(20):
            peer.transport.drain()
        self.assertEqual(peer.sent, framed(b"head" + large.data + b"mid" + small.data) + framed(b"second"))
        self.assertEqual((large.closed > 0, small.closed > 0), (True, True))
        self.assertEqual(peer.connection._bytes_in_flight, 0)

    def test_slice_that_cannot_be_read(self) -> None:
        """An answer whose rest is gone ends the connection rather than shift what follows; nothing stays open."""
        for size in (10, 200_000):
            peer = Connected()
            peer.receive(request())
            bad = MemorySlice(bytes(size), KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, "truncated"))
            after = MemorySlice(b"x")
            peer.dispatcher.answers[0].callback([b"head", bad, after])
            peer.transport.drain()
            self.assertTrue(peer.transport.aborted)
            self.assertEqual((bad.closed > 0, after.closed > 0), (True, True))
            self.assertEqual(len(self.flushLoggedErrors(KafkaError)), 1)

    def test_slice_that_became_shorter(self) -> None:
        """So does one that gives fewer bytes than it promised."""
        peer = Connected()
        peer.receive(request())
        short = MemorySlice(b"x")
        short.size = 5
        peer.dispatcher.answers[0].callback([short])
        self.assertTrue(peer.transport.aborted)
        self.assertEqual(peer.sent, b"")


class MuteTests(SynchronousTestCase):
    """Clients that used too much (KIP-219)."""

    def muted(self, seconds: float = 3.0) -> Connected:
        """A connection whose first request, which is answered, muted it; a second one has come meanwhile."""
        peer = Connected(limits=LIMITS)
        peer.receive(request(b"1"))
        assert peer.connection.session is not None
        peer.connection.session.muted_until = peer.clock.seconds() + seconds
        peer.dispatcher.answers[0].callback([b"one"])
        peer.receive(request(b"2"))
        return peer

    def test_answered_then_silent(self) -> None:
        """The answer leaves at once; nothing more is begun or read before the time is over."""
        peer = self.muted()
        self.assertEqual((framed(b"one"), [b"1"], False), (peer.sent, peer.dispatcher.bodies, peer.reading))
        peer.clock.advance(2.9)
        self.assertEqual([b"1"], peer.dispatcher.bodies)
        peer.clock.advance(0.2)
        self.assertEqual(([b"1", b"2"], True), (peer.dispatcher.bodies, peer.reading))

    def test_pipelined(self) -> None:
        """A request that mutes as it begins keeps the next one from beginning, though it has come already."""
        peer = Connected(limits=LIMITS)
        assert peer.connection.session is not None
        peer.connection.session.muted_until = peer.clock.seconds() + 3
        peer.receive(request(b"1") + request(b"2"))
        self.assertEqual([b"1"], peer.dispatcher.bodies)
        peer.clock.advance(3.1)
        self.assertEqual([b"1", b"2"], peer.dispatcher.bodies)

    def test_longer(self) -> None:
        """What was begun before may make it longer."""
        peer = self.muted()
        assert peer.connection.session is not None
        peer.connection.session.muted_until += 2
        peer.clock.advance(4)
        self.assertEqual([b"1"], peer.dispatcher.bodies)
        peer.clock.advance(1.1)
        self.assertEqual([b"1", b"2"], peer.dispatcher.bodies)

    def test_not_idle(self) -> None:
        """A client that was told to wait is not sent away for being silent."""
        peer = self.muted(LIMITS.idle_seconds + 30)
        for _ in range(int(LIMITS.idle_seconds) + 10):
            peer.clock.advance(1)
        self.assertFalse(peer.transport.aborted)

    def test_gone(self) -> None:
        """A client that goes leaves no timer."""
        peer = self.muted()
        peer.connection.connectionLost(Failure(ConnectionDone()))
        peer.clock.advance(10)
        self.assertEqual(([], [b"1"]), (peer.clock.getDelayedCalls(), peer.dispatcher.bodies))

    def test_ending(self) -> None:
        """A listener that closes does not wait for it."""
        peer = self.muted()
        peer.connection.end()
        self.assertTrue(peer.transport.disconnecting)
