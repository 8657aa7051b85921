"""The trail: what is kept, what is left out, and what is said of it."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.audit.outlet import Outlet
from chronik.audit.rates import AuditRates
from chronik.audit.trail import REPORT_S, AuditTrail
from chronik.security.audit_interfaces import NO_AUDIT, AuditKind, IAuditTrail
from tests.audit.fakes import FakeWriter, event

REFUSED = AuditKind.AUTHORIZATION
LOGIN = AuditKind.AUTHENTICATION


class AuditTrailTests(SynchronousTestCase):
    """:class:`AuditTrail` of three events at once and one a second."""

    def setUp(self) -> None:
        """With one writer."""
        self.clock = Clock()
        self.clock.advance(1_000)
        self.writer = FakeWriter()
        self.set_forward = 0.0
        self.trail = AuditTrail(self.clock, lambda: self.clock.seconds() + self.set_forward, "cluster", 1, AuditRates(1, 3))
        self.trail.add(Outlet(self.writer, self.clock))

    def test_interface(self) -> None:
        """It is what others are promised, and so is the one that keeps nothing."""
        verifyObject(IAuditTrail, self.trail)
        verifyObject(IAuditTrail, NO_AUDIT)
        NO_AUDIT.record(event())
        self.assertEqual({}, NO_AUDIT.counted().kept)

    def test_every_outlet(self) -> None:
        """Each record goes to all of them; one that fails is not the others' trouble."""
        other = FakeWriter()
        other.name = "topic"
        other.error = RuntimeError("no")
        self.trail.add(Outlet(other, self.clock))
        self.trail.record(event(resource="TOPIC:t"))
        self.clock.advance(0)
        self.assertEqual(["TOPIC:t"], [told["resource"] for told in self.writer.told])
        counts = self.trail.counted()
        self.assertEqual(({"file": 1, "topic": 0}, {"file": 0, "topic": 1}, 1), (counts.written, counts.failures, counts.kept["change"]))

    def test_left_out(self) -> None:
        """Of too many events some are kept; how many others there were, and whose, is said a little later, and once."""
        for _ in range(10):
            self.trail.record(event(REFUSED, "User:mallory", succeeded=False))
        self.clock.advance(0)
        self.assertEqual((3, 7), (len(self.writer.told), self.trail.counted().left_out["authorization"]))
        self.clock.advance(REPORT_S)
        self.clock.advance(0)
        told = self.writer.told[-1]
        self.assertEqual(("authorization", "User:mallory", "10.0.0.9", 7), tuple(told[name] for name in ("kind", "principal", "host", "left_out")))
        self.clock.advance(10 * REPORT_S)
        self.assertEqual((4, []), (len(self.writer.told), self.clock.getDelayedCalls()))

    def test_clock_is_set(self) -> None:
        """Records have the time of day; a clock that is set forward lets no more of them be kept, one that is set back no fewer."""
        for _ in range(3):
            self.trail.record(event(REFUSED, succeeded=False))
        self.set_forward = 3_600.0
        self.trail.record(event(REFUSED, succeeded=False))
        self.clock.advance(0)
        self.assertEqual(["1970-01-01T00:16:40.000Z"] * 3, [told["time"] for told in self.writer.told])
        self.set_forward = -500.0
        self.clock.advance(1)
        self.trail.record(event(REFUSED, succeeded=False))
        self.clock.advance(0)
        self.assertEqual("1970-01-01T00:08:21.000Z", self.writer.told[3]["time"])
        self.set_forward = 3_600.0
        self.clock.advance(REPORT_S)
        self.clock.advance(0)
        self.assertEqual((1, "1970-01-01T01:16:51.000Z"), (self.writer.told[-1]["left_out"], self.writer.told[-1]["time"]))

    def test_flood(self) -> None:
        """A hundred thousand refusals from a thousand addresses make a bounded number of lines."""
        for number in range(100_000):
            self.trail.record(event(LOGIN, f"User:{number}", f"10.0.{number % 1000 // 250}.{number % 250}", succeeded=False))
        self.clock.advance(0)
        self.clock.advance(REPORT_S)
        self.clock.advance(0)
        self.assertLess(len(self.writer.told), 3 * 20 + 110)
        kept = sum("left_out" not in told for told in self.writer.told)
        self.assertEqual(100_000, kept + sum(told.get("left_out", 0) for told in self.writer.told))

    def test_successes(self) -> None:
        """Authentications that succeed are kept unless that is switched off; failures always are."""
        self.trail.limit(1, 3, successes=False)
        self.trail.record(event(LOGIN))
        self.trail.record(event(LOGIN, succeeded=False))
        self.clock.advance(0)
        self.assertEqual(["failure"], [told["outcome"] for told in self.writer.told])

    def test_never_fails(self) -> None:
        """Whatever an event holds, whoever tells it goes on."""

        class Odd:
            def __str__(self) -> str:
                raise RuntimeError("odd")

        self.trail.record(event(details={"x": Odd()}))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.trail.record(event())
        self.clock.advance(0)
        self.assertEqual(1, len(self.writer.told))

    def test_close(self) -> None:
        """What was left out is said, all is written, and nothing is taken any more."""
        for _ in range(4):
            self.trail.record(event(REFUSED))
        self.successResultOf(self.trail.close())
        self.assertEqual((4, 1, True), (len(self.writer.told), self.writer.told[-1]["left_out"], self.writer.is_closed))
        self.trail.record(event())
        self.assertEqual([], self.clock.getDelayedCalls())
