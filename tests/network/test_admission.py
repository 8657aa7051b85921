"""Who may connect, and who waits."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from chronik.config import Configuration
from chronik.network.admission import Admission, AdmissionLimits
from chronik.network.listener import KafkaListener
from chronik.network.listeners import admission_limits
from tests.network.fakes import Connected, request

HOST = "192.168.1.1"
"""Where the transports of tests come from."""


class AdmissionCase(SynchronousTestCase):
    """Connections that share one admission."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.clock = Clock()
        self.clock.advance(1_700_000_000)

    def admission(self, **limits: object) -> Admission:
        """One of these limits."""
        self.gate = Admission(self.clock, AdmissionLimits(**limits))  # type: ignore[arg-type]
        return self.gate

    def connect(self) -> Connected:
        """A connection, which has sent a request."""
        peer = Connected(at_once=True, clock=self.clock, admission=self.gate)
        if peer.reading:
            peer.receive(request(b"x"))
        return peer

    def let_in(self, *peers: Connected) -> list[bool]:
        """Which of them are read from."""
        return [peer.reading for peer in peers]


class AddressTests(AdmissionCase):
    """From one address."""

    def test_too_many(self) -> None:
        """One more than may be is closed at once; one that ends makes room."""
        gate = self.admission(per_address_max=2)
        first = self.connect()
        self.connect()
        self.assertTrue(gate.full(HOST))
        self.assertFalse(gate.full("10.0.0.1"))
        self.assertIsNone(first.factory.buildProtocol(first.transport.getPeer()))
        self.assertEqual(1, first.factory.refused["connections"])
        first.connection.connectionLost()
        self.assertFalse(gate.full(HOST))

    def test_overrides(self) -> None:
        """Some addresses may have more, or fewer."""
        gate = self.admission(per_address_max=1, overrides={HOST: 2, "10.0.0.1": 0})
        self.connect()
        self.assertEqual((False, True), (gate.full(HOST), gate.full("10.0.0.1")))

    def test_too_often(self) -> None:
        """One that comes too often is not read from, and closed when it has waited; it takes no place of others."""
        gate = self.admission(connections_max=2)
        gate.address_rate = lambda host: 0.1 if host == HOST else None
        first, second = self.connect(), self.connect()
        self.assertEqual([True, False], self.let_in(first, second))
        self.clock.pump([0.5] * 6)
        self.assertEqual([False, True], [first.transport.aborted, second.transport.aborted])
        second.connection.connectionLost()
        self.clock.advance(11)
        third = self.connect()
        self.assertEqual([True, True], self.let_in(first, third))


class TotalTests(AdmissionCase):
    """From all addresses, on all listeners."""

    def test_too_many(self) -> None:
        """Those that come while it is full wait, and are let in one by one, in their order, when others go."""
        self.admission(connections_max=1)
        first, second, third = self.connect(), self.connect(), self.connect()
        self.assertEqual([True, False, False], self.let_in(first, second, third))
        first.connection.connectionLost()
        self.assertEqual([True, False], self.let_in(second, third))
        second.receive(request(b"y"))
        self.assertEqual([b"y"], second.dispatcher.bodies)
        second.connection.connectionLost()
        self.assertTrue(third.reading)

    def test_waiting_is_not_late(self) -> None:
        """One that waits is not closed for having sent nothing; its time begins when it is let in."""
        self.admission(connections_max=1)
        first, second = self.connect(), self.connect()
        second.pass_time(120)
        self.assertFalse(second.transport.aborted)
        first.connection.connectionLost()
        second.pass_time(40)
        self.assertTrue(second.transport.aborted)

    def test_gives_up(self) -> None:
        """One that goes while it waits is nobody's turn."""
        self.admission(connections_max=1)
        first, second, third = self.connect(), self.connect(), self.connect()
        second.connection.connectionLost()
        first.connection.connectionLost()
        self.assertTrue(third.reading)

    def test_more_allowed(self) -> None:
        """Other limits at run time let in who waits."""
        gate = self.admission(connections_max=1)
        peers = [self.connect() for _ in range(3)]
        gate.limit(AdmissionLimits(connections_max=2))
        self.assertEqual([True, True, False], self.let_in(*peers))

    def test_too_often(self) -> None:
        """Above the rate each waits its time, and none is closed."""
        self.admission(per_second_max=1, windows=2)
        peers = [self.connect() for _ in range(3)]
        self.assertEqual([True, False, False], self.let_in(*peers))
        self.clock.advance(1.1)
        self.assertEqual([True, True, True], self.let_in(*peers))
        self.assertEqual([False] * 3, [peer.transport.aborted for peer in peers])

    def test_ports(self) -> None:
        """While somebody waits, nobody else is accepted."""
        self.admission(connections_max=1)
        told: list[str] = []

        class Port:
            def stopReading(self) -> None:
                told.append("stop")

            def startReading(self) -> None:
                told.append("start")

        first = self.connect()
        listener = KafkaListener(self.clock, first.factory, "127.0.0.1", 0)
        listener._listening = Port()
        self.connect().connection.connectionLost()
        self.assertEqual([], told)
        listener.accept()
        self.connect()
        first.connection.connectionLost()
        self.assertEqual(["start", "stop", "start"], told)

    def test_closed(self) -> None:
        """A broker that stops lets nobody in, and has no timer left."""
        gate = self.admission(per_second_max=1, windows=1)
        first, second = self.connect(), self.connect()
        gate.close()
        second.connection.connectionLost()
        first.connection.connectionLost()
        self.assertEqual([], [call for call in self.clock.getDelayedCalls() if call.func == gate._admit_next])


class ConfigurationTests(SynchronousTestCase):
    """Kafka's keys."""

    def test_keys(self) -> None:
        """Each is read."""
        values = {
            "max.connections": "10",
            "max.connections.per.ip": "3",
            "max.connections.per.ip.overrides": "127.0.0.1:5,[::1]:6",
            "max.connection.creation.rate": "7",
            "quota.window.num": "4",
            "quota.window.size.seconds": "2",
        }
        expected = AdmissionLimits(10, 3, {"127.0.0.1": 5, "::1": 6}, 7, 4, 2000.0)
        self.assertEqual(expected, admission_limits(Configuration().with_values(values), 1000))

    def test_no_more_than_the_system_has(self) -> None:
        """Whatever the configuration allows, connections do not take all descriptors."""
        self.assertEqual(9, admission_limits(Configuration().with_values({"max.connections": "10"}), 9).connections_max)
