"""How many events are kept."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.audit import rates
from chronik.audit.rates import ALTOGETHER, CHANGES, REPORTED_MAX, TRACKED_MAX, AuditRates, Peer, network_of, peer_of
from chronik.security.audit_interfaces import AuditKind
from tests.audit.fakes import event

REFUSED = AuditKind.AUTHORIZATION


def mallory(host: str = "10.0.0.6", kind: AuditKind = REFUSED) -> Peer:
    """Somebody."""
    return Peer(kind, "User:mallory", host)


class AuditRatesTests(SynchronousTestCase):
    """:class:`AuditRates` of ten at once and two a second."""

    def setUp(self) -> None:
        """Begin."""
        self.rates = AuditRates(2, 10)

    def kept(self, peer: Peer, count: int, now: float = 0.0) -> int:
        """How many of so many events are kept."""
        return sum(self.rates.take(peer, now) for _ in range(count))

    def test_burst_and_rate(self) -> None:
        """A burst is kept; after it as many as the rate says, whatever else comes; a pause makes room for another burst."""
        self.assertEqual(10, self.kept(mallory(), 1_000))
        self.assertEqual(2, self.kept(mallory(), 1_000, 1.0))
        self.assertEqual(10, self.kept(mallory(), 1_000, 100.0))
        self.assertEqual(10, self.kept(mallory("10.0.0.7"), 1_000))

    def test_report(self) -> None:
        """What is left out is told once, of whom."""
        self.assertFalse(self.rates.waiting)
        self.kept(mallory(), 15)
        self.kept(mallory("10.0.0.7"), 11)
        self.assertTrue(self.rates.waiting)
        self.assertEqual([(mallory(), 5), (mallory("10.0.0.7"), 1)], self.rates.report())
        self.assertEqual(([], False), (self.rates.report(), self.rates.waiting))

    def test_all_together(self) -> None:
        """Many peers have a limit together; another kind of event has its own."""
        kept = sum(self.kept(mallory(f"10.1.{number // 250}.{number % 250}"), 10) for number in range(100))
        self.assertEqual(10 * ALTOGETHER, kept)
        self.assertEqual(10, self.kept(mallory(kind=AuditKind.AUTHENTICATION), 20))
        told = self.rates.report()
        self.assertEqual(1_000 - kept + 10, sum(count for _, count in told))

    def test_changes(self) -> None:
        """Of changes a hundred times as many are kept: one request may make thousands."""
        self.assertEqual(10 * CHANGES, self.kept(mallory(kind=AuditKind.CHANGE), 2_000))

    def test_many_reported(self) -> None:
        """A report names a limited number of peers, those with most first, and sums up the others."""
        for number in range(REPORTED_MAX + 3):
            self.kept(mallory(f"10.1.{number // 250}.{number % 250}"), 11 + (number == 57))
        told = self.rates.report()
        self.assertEqual(REPORTED_MAX + 1, len(told))
        self.assertEqual((mallory("10.1.0.57"), 12), told[0])
        self.assertEqual(Peer(REFUSED, "", ""), told[-1][0])

    def test_bounded(self) -> None:
        """Peers are whoever comes: only so many are tracked, and what was left out of those that are forgotten is told all the same."""
        self.patch(rates, "TRACKED_MAX", 50)
        self.assertEqual(10_000, TRACKED_MAX)
        self.kept(mallory(), 15)
        for number in range(60):
            self.kept(mallory(f"10.2.0.{number}"), 1)
        self.assertLessEqual(len(self.rates._buckets), 50)
        self.assertEqual([(Peer(REFUSED, "", ""), 5)], self.rates.report())

    def test_other_limits(self) -> None:
        """Limits change at once."""
        self.rates.limit(1, 3)
        self.assertEqual(3, self.kept(mallory(), 10))

    def test_clock_goes_back(self) -> None:
        """Nobody gains or loses by it."""
        self.assertEqual(10, self.kept(mallory(), 12, 100.0))
        self.assertEqual(0, self.kept(mallory(), 12, 50.0))


class PeerTests(SynchronousTestCase):
    """Whose events are counted together."""

    def test_claimed_names_do_not_count(self) -> None:
        """Whoever fails to prove who they are may claim another name each time: only the address counts."""
        failed = [event(AuditKind.AUTHENTICATION, f"User:{number}", succeeded=False) for number in range(3)]
        self.assertEqual(1, len({peer_of(each) for each in failed}))
        proved = [event(AuditKind.AUTHENTICATION, f"User:{number}") for number in range(3)]
        self.assertEqual(3, len({peer_of(each) for each in proved}))

    def test_networks(self) -> None:
        """Addresses of one IPv6 network are one peer; what is no address is taken as it is."""
        self.assertEqual(network_of("2001:db8::1"), network_of("2001:db8::ffff:2"))
        self.assertNotEqual(network_of("2001:db8::1"), network_of("2001:db8:0:1::1"))
        self.assertEqual(network_of("fe80::1"), network_of("fe80::2%eth0"))
        for text in ("10.0.0.1", "local", "x:y"):
            self.assertEqual(text, network_of(text))
