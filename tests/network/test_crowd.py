"""Strangers' sockets, served a few at a time, and who leaves them."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chronik.network.crowd import (
    ACCEPTED_AT_ONCE_MAX,
    CAREFUL_SHARES,
    HEAVY_AT_ONCE,
    HEAVY_SHARE_SECONDS,
    NO_CROWD,
    PAUSE_SECONDS,
    PAUSE_SECONDS_MAX,
    PAUSE_SHARES,
    REST_SECONDS_MAX,
    SHARE_SECONDS,
    PolledCrowd,
)
from chronik.network.limits import (
    HEAVY_BYTES,
    KNOWN_REQUESTS,
    LOOKED_AT_A_TURN,
    QUIET_SECONDS,
    READ_BYTES_MIN,
    READ_BYTES_OF_STRANGERS,
    REQUESTS_IN_FLIGHT_MAX,
)
from tests.network.fakes import Connected, request

SERVING_SECONDS = SHARE_SECONDS / 2.5
"""How long each member takes: three are a share."""


class _Reactor(Clock):
    """Knows who is read from and written to; reads and writes nothing itself."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.writers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """Keep it."""
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """Keep it no more."""
        if reader in self.readers:
            self.readers.remove(reader)

    def addWriter(self, writer: Any) -> None:
        """Keep it."""
        self.writers.append(writer)

    def removeWriter(self, writer: Any) -> None:
        """Keep it no more."""
        if writer in self.writers:
            self.writers.remove(writer)


class _Member:
    """One end of a pair of sockets, in the place of a transport.

    :ivar other: the other end.
    :ivar read: how often it was read from.
    :ivar lost: why it was lost.
    """

    def __init__(self, test: CrowdTests) -> None:
        self.socket, self.other = socket.socketpair()
        self.socket.setblocking(False)
        test.addCleanup(self.socket.close)
        test.addCleanup(self.other.close)
        self._test = test
        self.reactor: Any = test.crowd
        self.read = 0
        self.written = 0
        self.lost: list[Failure] = []
        self.error: Exception | None = None

    def fileno(self) -> int:
        """Of its socket."""
        return self.socket.fileno()

    def startReading(self) -> None:
        """As Twisted's transports do it, like the three that follow."""
        self.reactor.addReader(self)

    def stopReading(self) -> None:
        """Read no more."""
        self.reactor.removeReader(self)

    def startWriting(self) -> None:
        """Wait for room."""
        self.reactor.addWriter(self)

    def stopWriting(self) -> None:
        """Wait no more."""
        self.reactor.removeWriter(self)

    def doRead(self) -> Exception | None:
        """Take one byte, which takes a while."""
        self.read += 1
        self._test.now += SERVING_SECONDS
        self._test.served.append(self)
        if self.error is not None:
            raise self.error
        return None if self.socket.recv(1) else ConnectionDone()

    def doWrite(self) -> None:
        """Nothing is to be written any more."""
        self.written += 1
        self.stopWriting()

    def connectionLost(self, reason: Failure) -> None:
        """Remember why."""
        self.lost.append(reason)


class _Port(_Member):
    """A listening port: Twisted's counts how many it accepts at a time."""

    numberAccepts = 500

    def doRead(self) -> None:
        """Accept as many, and mean to accept more the next time."""
        self._test.accepted.append(self.numberAccepts)
        self.numberAccepts += 20
        self.socket.recv(1)


class CrowdTests(SynchronousTestCase):
    """Members over pairs of sockets; the clock goes on while they are served."""

    def setUp(self) -> None:
        """Nobody is there."""
        self.now = 100.0
        self.served: list[_Member] = []
        self.accepted: list[int] = []
        self.reactor = _Reactor()
        self.crowd = PolledCrowd(self.reactor, lambda: self.now)

    def members(self, count: int) -> list[_Member]:
        """Members that are read from."""
        made = [_Member(self) for _ in range(count)]
        for each in made:
            each.startReading()
        return made

    def turn(self) -> int:
        """A turn of the reactor, in which the crowd's poll is ready; how many were served."""
        before = len(self.served)
        self.crowd.doRead()
        self.reactor.advance(0)
        return len(self.served) - before

    def test_a_share_of_each_turn(self) -> None:
        """However many are ready, a turn serves a few, in their order; all have their turn before one has a second."""
        members = self.members(50)
        for each in members:
            each.other.send(b"abc")
        self.assertEqual([3] * 16, [self.turn() for _ in range(16)])
        self.turn()
        self.assertEqual(set(members), set(self.served[:50]))
        self.assertEqual(50, len(set(self.served[:50])))

    def pass_time(self, seconds: float) -> int:
        """Let time pass, and the reactor do what is due; how many were served."""
        before = len(self.served)
        self.now += seconds
        self.reactor.advance(seconds)
        return len(self.served) - before

    def test_a_pause_while_others_ask(self) -> None:
        """After somebody known has asked, the reactor sees nobody of the crowd for a while after each of so many shares."""
        for each in self.members(400):
            each.other.send(b"abc")
        self.crowd.give_way()
        self.assertEqual(3, self.turn())
        for _ in range(CAREFUL_SHARES - 1):
            self.assertEqual([], self.reactor.readers)
            self.assertEqual(0, self.pass_time(PAUSE_SECONDS / 2))
            self.assertEqual(3, self.pass_time(PAUSE_SECONDS))
        self.pass_time(PAUSE_SECONDS * 2)
        self.assertEqual([self.crowd], self.reactor.readers)
        self.assertEqual([3] * 4, [self.turn() for _ in range(4)])
        self.assertEqual([self.crowd], self.reactor.readers)

    def test_no_pause_after_a_part_of_a_share(self) -> None:
        """Where few are ready, nobody waits."""
        members = self.members(2)
        self.crowd.give_way()
        for each in members:
            each.other.send(b"a")
        self.assertEqual(2, self.turn())
        members[0].other.send(b"b")
        self.assertEqual(([self.crowd], 1), (self.reactor.readers, self.turn()))

    def test_a_pause_is_as_long_as_the_work(self) -> None:
        """What takes longer is paused for longer, up to a bound; all that is done for the crowd counts together."""
        self.assertEqual(0.0, self.crowd.pause(0.005))
        self.crowd.give_way()
        self.assertAlmostEqual(PAUSE_SECONDS, self.crowd.pause(PAUSE_SECONDS / 10))
        self.assertAlmostEqual(PAUSE_SECONDS + PAUSE_SHARES * 0.005, self.crowd.pause(0.005))
        self.now += 60
        self.assertAlmostEqual(PAUSE_SECONDS_MAX, self.crowd.pause(5.0))

    def test_a_pause_for_others_work(self) -> None:
        """While there is a pause for something else that was done for the crowd, its members wait as well."""
        (member,) = self.members(1)
        member.other.send(b"a")
        self.crowd.give_way()
        self.crowd.pause(0.005)
        self.assertEqual(0, self.turn())
        self.assertEqual(0, self.pass_time(PAUSE_SHARES * 0.005 - 1e-4))
        self.assertEqual(1, self.pass_time(2e-4))

    def test_charged(self) -> None:
        """What comes besides makes the pause longer, to a bound, and does not shorten the time for which the crowd gives way."""
        self.crowd.charge(1.0)
        self.assertEqual(0.0, self.crowd.pause(0.0))
        self.crowd.give_way()
        for _ in range(2 * CAREFUL_SHARES):
            self.crowd.charge(0.005)
        self.assertAlmostEqual(REST_SECONDS_MAX, self.crowd.pause(0.0))

    def test_all_leave_in_a_pause(self) -> None:
        """A pause is over when nobody is left, and begins nothing."""
        members = self.members(3)
        for each in members:
            each.other.send(b"ab")
        self.crowd.give_way()
        self.assertEqual(3, self.turn())
        for each in members:
            each.stopReading()
        self.assertEqual([], self.reactor.getDelayedCalls())
        members[0].startReading()
        self.assertEqual([self.crowd], self.reactor.readers)

    def test_no_pause_after_who_is_trusted(self) -> None:
        """They are served with the crowd, but count for no pause."""
        stranger, *trusted = self.members(4)
        for each in trusted:
            self.crowd.trust(each)
            each.other.send(b"abcdef")
        self.crowd.give_way()
        self.assertEqual([3] * 4, [self.turn() for _ in range(4)])
        self.assertEqual([self.crowd], self.reactor.readers)
        stranger.other.send(b"a")
        while not stranger.read:
            self.assertEqual([self.crowd], self.reactor.readers)
            self.assertEqual(3, self.turn())
        self.assertEqual([], self.reactor.readers)

    def test_after_all_others(self) -> None:
        """That the crowd is ready is noted at once; it is served when the turn's other events are over, and once."""
        (member,) = self.members(1)
        member.other.send(b"a")
        self.crowd.doRead()
        self.crowd.doRead()
        self.assertEqual(0, member.read)
        self.reactor.advance(0)
        self.assertEqual(1, member.read)

    def test_one_descriptor(self) -> None:
        """The reactor sees the crowd while there is anybody in it, as one reader."""
        first, second = self.members(2)
        self.assertEqual([self.crowd], self.reactor.readers)
        first.stopReading()
        self.assertEqual([self.crowd], self.reactor.readers)
        self.crowd.doRead()
        second.stopReading()
        self.assertEqual(([], 0), (self.reactor.readers, len(self.crowd)))
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_not_read_from(self) -> None:
        """Who stops being read from is not served, though it was ready before; who goes on is."""
        members = self.members(8)
        for each in members:
            each.other.send(b"a")
        self.turn()
        waiting = [each for each in members if not each.read]
        for each in waiting:
            each.stopReading()
        self.assertEqual(0, self.turn())
        waiting[0].startReading()
        self.assertEqual(1, self.turn())

    def test_writing(self) -> None:
        """Who waits for room is told."""
        (member,) = self.members(1)
        member.startWriting()
        self.turn()
        self.assertEqual((0, 1), (member.read, member.written))
        self.assertEqual(0, self.turn())

    def test_hanging_up(self) -> None:
        """The end of a connection is told as the reactor tells it."""
        done, broken = self.members(2)
        done.other.close()
        broken.stopReading()
        broken.startWriting()
        broken.other.close()
        self.turn()
        self.assertTrue(done.lost[0].check(ConnectionDone))
        self.assertTrue(broken.lost[0].check(ConnectionLost))
        self.assertEqual(0, len(self.crowd))

    def test_failure(self) -> None:
        """What fails ends its own connection, with a line in the log, and the next one is served."""
        bad, good = self.members(2)
        bad.error = RuntimeError("no such luck")
        bad.other.send(b"a")
        good.other.send(b"a")
        self.turn()
        self.assertTrue(bad.lost[0].check(RuntimeError))
        self.assertEqual(1, good.read)
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))

    def test_accepting(self) -> None:
        """A port accepts a few at a time, however many came the last time."""
        port = _Port(self)
        port.reactor = self.reactor
        self.crowd.take_in(port)
        port.startReading()
        port.other.send(b"abc")
        for _ in range(3):
            self.turn()
        # A port of this test serves one byte, and the clock stands still meanwhile.
        self.assertEqual({ACCEPTED_AT_ONCE_MAX}, set(self.accepted))

    def test_promotion(self) -> None:
        """Who is promoted is the reactor's, with what it waits for; who is demoted comes back."""
        (member,) = self.members(1)
        member.startWriting()
        self.crowd.promote(member)
        self.assertEqual(([member], [member]), (self.reactor.readers, self.reactor.writers))
        self.crowd.promote(member)
        self.assertEqual([member], self.reactor.readers)
        member.stopWriting()
        self.crowd.demote(member)
        self.assertEqual([self.crowd], self.reactor.readers)
        member.other.send(b"a")
        self.assertEqual(1, self.turn())

    def test_promotion_of_who_is_paused(self) -> None:
        """Who is not read from now is read from by the reactor later."""
        (member,) = self.members(1)
        member.stopReading()
        self.crowd.promote(member)
        self.assertEqual([], self.reactor.readers)
        member.startReading()
        self.assertEqual([member], self.reactor.readers)

    def heavies(self, count: int) -> list[_Member]:
        """Clients that send much, and have sent more than one byte."""
        made = self.members(count)
        for each in made:
            self.crowd.promote(each)
            self.crowd.heavy(each)
            each.other.send(b"abc")
        return made

    def test_few_who_send_much(self) -> None:
        """They are served like anybody else."""
        few = self.heavies(HEAVY_AT_ONCE)
        self.assertEqual((False, few), (self.crowd.heavy(few[0]), self.reactor.readers))

    def test_many_who_send_much(self) -> None:
        """They share a part of each turn; who sends little again is the reactor's, with what it waits for, and so is who comes when they are few."""
        many = self.heavies(HEAVY_AT_ONCE + 1)
        self.assertEqual(many[:-1], self.reactor.readers[:-1])
        self.assertEqual([True] * HEAVY_AT_ONCE, [self.crowd.heavy(each) for each in many[:-1]])
        (lane,) = self.reactor.readers
        for _ in range(3):
            lane.doRead()
            lane.doRead()
            before = self.now
            self.reactor.advance(0)
            self.assertTrue(HEAVY_SHARE_SECONDS <= self.now - before < HEAVY_SHARE_SECONDS + SERVING_SECONDS, self.now - before)
        self.assertEqual([lane], self.reactor.readers)
        first, second, third, fourth, *rest = many
        third.startWriting()
        fourth.stopReading()
        self.crowd.light(third)
        self.crowd.light(fourth)
        self.assertEqual(([lane, third], [third]), (self.reactor.readers, self.reactor.writers))
        third.stopReading()
        self.crowd.light(first)
        self.crowd.light(second)
        self.assertEqual([lane, first, second], self.reactor.readers)
        self.assertFalse(self.crowd.heavy(second))
        for each in rest:
            each.stopReading()
        self.assertEqual([first, second], self.reactor.readers)

    def test_end(self) -> None:
        """The reactor's end is the end of all."""
        members = self.members(3)
        reason = Failure(ConnectionLost())
        self.crowd.connectionLost(reason)
        self.assertEqual([[reason]] * 3, [each.lost for each in members])
        self.assertEqual(0, len(self.crowd))


class _Told:
    """A crowd that writes down who leaves it and comes back."""

    def __init__(self) -> None:
        self.moves: list[str] = []
        self.many = True

    def take_in(self, port: Any) -> None:
        """No port is the test's."""

    def promote(self, transport: Any) -> None:
        """Write it down."""
        self.moves.append("out")

    def demote(self, transport: Any) -> None:
        """Write it down."""
        self.moves.append("in")

    def trust(self, transport: Any) -> None:
        """Nobody asks for it."""

    def give_way(self) -> None:
        """Write it down."""
        self.moves.append("asked")

    def heavy(self, transport: Any) -> bool:
        """Write it down; the third is where there are many, if there ever are."""
        self.moves.append("heavy")
        return self.many and self.moves.count("heavy") > 2

    def light(self, transport: Any) -> None:
        """Write it down."""
        self.moves.append("light")


class KnownTests(SynchronousTestCase):
    """When a connection leaves the crowd, and when it comes back."""

    def setUp(self) -> None:
        """A connection."""
        self.peer = Connected(at_once=True)
        self.crowd = self.peer.factory.crowd = _Told()

    def test_who_asks_again(self) -> None:
        """The second request shows a client, and those after it change nothing."""
        for _ in range(KNOWN_REQUESTS - 1):
            self.peer.receive(request())
        self.assertEqual([], self.crowd.moves)
        self.peer.receive(request())
        self.assertEqual(["out"], self.crowd.moves)
        self.peer.receive(request())
        self.assertEqual(["out", "asked"], self.crowd.moves)

    def test_who_is_quiet(self) -> None:
        """Who has not asked for a while is a stranger, until the next request."""
        for _ in range(KNOWN_REQUESTS):
            self.peer.receive(request())
        self.peer.pass_time(int(QUIET_SECONDS))
        self.assertEqual(["out"], self.crowd.moves)
        self.peer.pass_time(2)
        self.assertEqual(["out", "in"], self.crowd.moves)
        self.peer.receive(request())
        self.assertEqual(["out", "in", "out"], self.crowd.moves)

    def test_who_waits_for_an_answer(self) -> None:
        """Who waits for an answer is not quiet."""
        self.peer.receive(request())
        self.peer.dispatcher.at_once = False
        self.peer.receive(request())
        self.peer.pass_time(int(QUIET_SECONDS) * 2)
        self.assertEqual(["out"], self.crowd.moves)

    def test_who_sends_much(self) -> None:
        """A client that sends large requests goes where others are who do, as soon as there are many, until it has sent none for a while."""
        self.peer.dispatcher.at_once = False

        def ask(size: int) -> None:
            self.peer.receive(request(body=bytes(size)))
            self.peer.dispatcher.answers.pop().callback([b"done"])

        for _ in range(KNOWN_REQUESTS - 1):
            ask(HEAVY_BYTES)
        self.assertEqual([], self.crowd.moves)
        for _ in range(4):
            ask(HEAVY_BYTES)
        self.assertEqual(["out", "heavy", "asked", "heavy", "asked", "heavy", "asked"], self.crowd.moves)
        for _ in range(int(QUIET_SECONDS)):
            ask(1)
            self.peer.pass_time(1)
        self.assertNotIn("light", self.crowd.moves)
        ask(1)
        self.peer.pass_time(2)
        self.assertEqual(["light"], self.crowd.moves[-1:])
        ask(HEAVY_BYTES)
        self.peer.connection.connectionLost()
        self.assertEqual(["asked", "heavy", "light"], self.crowd.moves[-3:])

    def test_who_reads_nothing(self) -> None:
        """While something is to be written, or nothing is read from it, a connection stays where it is."""
        large = request(body=bytes(HEAVY_BYTES))
        for answer in ([bytes(1 << 20)], None):
            self.setUp()
            self.peer.dispatcher.at_once = False
            self.crowd.many = False
            for _ in range(KNOWN_REQUESTS):
                self.peer.receive(large)
            self.assertEqual(["out", "heavy"], self.crowd.moves)
            if answer is not None:
                self.peer.dispatcher.answers[0].callback(answer)
            else:
                for _ in range(REQUESTS_IN_FLIGHT_MAX - KNOWN_REQUESTS):
                    self.peer.receive(large)
            told = self.crowd.moves.count("heavy")
            self.peer.receive(large)
            self.assertEqual((False, told), (self.peer.reading, self.crowd.moves.count("heavy")))

    def test_who_asks_for_much(self) -> None:
        """A large Fetch brings little, and producers may wait for it."""
        self.peer.dispatcher.at_once = False
        for api_key in (1, 1, 1, 0):
            self.assertNotIn("heavy", self.crowd.moves)
            self.peer.connection._start(request(body=bytes(HEAVY_BYTES), api_key=api_key)[4:])
            self.peer.connection.dataReceived(b"")
        self.assertEqual("heavy", self.crowd.moves[-1])

    def test_who_sends_little(self) -> None:
        """What has never sent much has nothing to end."""
        self.peer.receive(request())
        self.peer.receive(request())
        self.peer.connection.connectionLost()
        self.assertEqual(["out"], self.crowd.moves)

    def test_reads(self) -> None:
        """Strangers are read from in small pieces, as there are thousands of them; clients in larger ones."""
        self.assertEqual(READ_BYTES_OF_STRANGERS, self.peer.transport.bufferSize)
        for _ in range(KNOWN_REQUESTS + 1):
            self.peer.receive(request())
        self.assertEqual(READ_BYTES_MIN, self.peer.transport.bufferSize)

    def test_without_a_crowd(self) -> None:
        """Where there is none, nothing is moved."""
        self.peer.factory.crowd = NO_CROWD
        for _ in range(KNOWN_REQUESTS):
            self.peer.receive(request())
        self.peer.pass_time(int(QUIET_SECONDS) * 2)
        self.peer.receive(request())
        self.assertEqual(KNOWN_REQUESTS + 1, len(self.peer.dispatcher.bodies))


def one_turn(clock: Clock, seconds: float = 0.0) -> None:
    """Let time pass, and one turn of a reactor: what is begun for the next one waits for it."""
    clock.rightNow += seconds
    for call in [each for each in clock.getDelayedCalls() if each.getTime() <= clock.seconds()]:
        run = call.func
        call.cancel()
        run()


class LookTests(SynchronousTestCase):
    """Looking at the deadlines of thousands."""

    def test_a_few_in_each_turn(self) -> None:
        """A look at many is spread over turns; nobody is looked at twice, and the next look is a second after the last turn."""
        peer = Connected()
        looked: list[Any] = []
        strangers = [_Looked(looked) for _ in range(2 * LOOKED_AT_A_TURN)]
        peer.factory.connections.update(dict.fromkeys(strangers))  # type: ignore[arg-type]
        one_turn(peer.clock, 1)
        self.assertEqual(LOOKED_AT_A_TURN - 1, len(looked), "the connection of the test itself is looked at as well")
        one_turn(peer.clock)
        one_turn(peer.clock)
        self.assertEqual(strangers, looked)
        one_turn(peer.clock, 0.9)
        self.assertEqual(len(strangers), len(looked))
        one_turn(peer.clock, 0.2)
        self.assertGreater(len(looked), len(strangers))

    def test_endings(self) -> None:
        """Those whose time is over at once are ended a few in each turn, and all of them."""
        peer = Connected()
        late = [_Looked([], "was idle") for _ in range(7)]
        peer.factory.connections.update(dict.fromkeys(late))  # type: ignore[arg-type]
        one_turn(peer.clock, 1)
        ended = []
        while sum(each.aborted for each in late) < 7:
            ended.append(sum(each.aborted for each in late))
            one_turn(peer.clock)
        self.assertEqual([2, 4, 6], ended)
        self.assertEqual(7, peer.factory.refused["deadline"])


class _Looked:
    """A connection that is looked at.

    :param why: its time is over.
    """

    session = Connected().connection.session
    paused_descriptor = -1

    def __init__(self, looked: list[Any], why: str | None = None) -> None:
        self._looked = looked
        self._why = why
        self.aborted = False

    def overdue(self, now: float) -> str | None:
        """Write it down."""
        self._looked.append(self)
        return self._why

    def rest(self, now: float) -> None:
        """It may."""

    def abort(self) -> None:
        """Be gone."""
        self.aborted = True
