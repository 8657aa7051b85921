"""The queue before a writer."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.audit import outlet as module
from chronik.audit.interfaces import IAuditWriter
from chronik.audit.outlet import BATCH_BYTES_MAX, BATCH_RECORDS_MAX, CLOSE_S, PAUSE_FIRST_S, PAUSE_MAX_S, Outlet
from tests.audit.fakes import FakeWriter, record


class OutletTests(SynchronousTestCase):
    """:class:`Outlet`."""

    def setUp(self) -> None:
        """Over a writer that works."""
        self.clock = Clock()
        self.writer = FakeWriter()
        verifyObject(IAuditWriter, self.writer)
        self.outlet = Outlet(self.writer, self.clock)

    def put(self, count: int, size: int = 0) -> None:
        """So many records come, in one turn of the reactor."""
        for number in range(count):
            self.outlet.put(record(str(number), size))

    def test_written_together(self) -> None:
        """What comes in one turn of the reactor is one write, and none is made within the call."""
        self.put(3)
        self.assertEqual([], self.writer.batches)
        self.clock.advance(0)
        self.assertEqual(["0", "1", "2"], [told["text"] for told in self.writer.told])
        self.assertEqual((1, 3, 0), (len(self.writer.batches), self.outlet.status.written, self.outlet.status.waiting))
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_batches(self) -> None:
        """A write has a limited number of records and bytes, in order."""
        self.put(BATCH_RECORDS_MAX + 1)
        self.clock.advance(0)
        self.assertEqual([BATCH_RECORDS_MAX, 1], [len(batch) for batch in self.writer.batches])
        self.writer.batches.clear()
        self.put(20, BATCH_BYTES_MAX // 8)
        self.clock.advance(0)
        self.assertEqual(20, len(self.writer.told))
        self.assertTrue(all(sum(len(each.line) for each in batch) <= BATCH_BYTES_MAX for batch in self.writer.batches))

    def test_while_writing(self) -> None:
        """What comes while something is written is written after it."""
        self.writer.held = []
        self.put(1)
        self.clock.advance(0)
        self.put(2)
        self.clock.advance(0)
        self.assertEqual([1], [len(batch) for batch in self.writer.batches])
        self.writer.held.pop().callback(None)
        self.assertEqual([1, 2], [len(batch) for batch in self.writer.batches])

    def test_failures(self) -> None:
        """A write that fails is made again, later and later; nothing is lost, and it is said once."""
        self.writer.error = OSError(28, "No space left on device")
        self.put(2)
        self.clock.advance(0)
        pauses = []
        for _ in range(10):
            (again,) = self.clock.getDelayedCalls()
            pauses.append(again.getTime() - self.clock.seconds())
            self.clock.advance(pauses[-1])
        self.assertEqual([PAUSE_FIRST_S, 2 * PAUSE_FIRST_S, PAUSE_MAX_S], [*pauses[:2], pauses[-1]])
        self.assertEqual((11, 0, 0), (self.outlet.status.failures, self.outlet.status.written, self.outlet.status.dropped))
        self.writer.error = None
        self.clock.advance(PAUSE_MAX_S)
        self.assertEqual(["0", "1"], [told["text"] for told in self.writer.told])

    def test_full(self) -> None:
        """More than may wait is dropped and counted; how much is told once there is room again, and only once."""
        self.patch(module, "QUEUE_RECORDS_MAX", 10)
        self.writer.error = OSError(28, "No space left on device")
        self.put(13)
        self.clock.advance(0)
        self.assertEqual((3, 10, 0), (self.outlet.status.dropped, self.outlet.status.waiting, self.outlet.take_lost()))
        self.writer.error = None
        self.clock.advance(PAUSE_FIRST_S)
        self.assertEqual((3, 0), (self.outlet.take_lost(), self.outlet.take_lost()))
        self.assertEqual(10, self.outlet.status.written)

    def test_full_of_bytes(self) -> None:
        """So do few that are large."""
        self.patch(module, "QUEUE_BYTES_MAX", 10_000)
        self.put(5, 3_000)
        self.assertEqual((2, 3), (self.outlet.status.dropped, self.outlet.status.waiting))
        self.clock.advance(0)
        self.put(3, 3_000)
        self.assertEqual(2, self.outlet.status.dropped)
        self.clock.advance(0)

    def test_close(self) -> None:
        """What waits is written first; after it nothing is taken."""
        self.put(2)
        self.successResultOf(self.outlet.close())
        self.assertEqual((2, True), (len(self.writer.told), self.writer.is_closed))
        self.put(1)
        self.clock.advance(1)
        self.assertEqual((2, 1, []), (len(self.writer.told), self.outlet.status.dropped, self.clock.getDelayedCalls()))

    def test_close_while_writing(self) -> None:
        """A write that is under way is waited for, and what came after it is written too."""
        self.writer.held = []
        self.put(1)
        self.clock.advance(0)
        self.put(1)
        closing = self.outlet.close()
        self.assertNoResult(closing)
        self.writer.held.pop().callback(None)
        self.writer.held.pop().callback(None)
        self.successResultOf(closing)
        self.assertEqual((2, True, []), (len(self.writer.told), self.writer.is_closed, self.clock.getDelayedCalls()))

    def test_close_is_bounded(self) -> None:
        """A write that does not return does not keep the broker from stopping."""
        self.writer.held = []
        self.put(1)
        self.clock.advance(0)
        closing = self.outlet.close()
        self.clock.advance(CLOSE_S)
        self.successResultOf(closing)
        self.assertTrue(self.writer.is_closed)

    def test_close_on_a_full_disk(self) -> None:
        """Nor does one that fails; that is said."""
        self.writer.error = OSError(28, "No space left on device")
        self.put(1)
        self.clock.advance(0)
        self.successResultOf(self.outlet.close())
        self.assertEqual((True, []), (self.writer.is_closed, self.clock.getDelayedCalls()))
