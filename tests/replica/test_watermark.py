"""The high watermark and who waits for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.replica.appends import DeferredAppend
from chronik.replica.watermark import HighWatermark
from chronik.storage.interfaces import AppendResult


def up_to(offset: int) -> AppendResult:
    """An append whose last record has this offset."""
    return AppendResult(offset, offset, -1, 0)


def committed(watermark: HighWatermark, offset: int) -> Deferred[AppendResult]:
    """Fires when the watermark acknowledges an append up to this offset."""
    pending = DeferredAppend()
    watermark.acknowledge(pending, up_to(offset))
    return pending.ended


class HighWatermarkTest(SynchronousTestCase):
    """Offsets pass once, in order, and never come back."""

    def test_never_moves_back(self) -> None:
        """An older or equal offset changes nothing, and says so."""
        watermark = HighWatermark(5)
        self.assertFalse(watermark.advance(3))
        self.assertFalse(watermark.advance(5))
        self.assertEqual(watermark.offset, 5)
        self.assertTrue(watermark.advance(6))
        self.assertEqual(watermark.offset, 6)

    def test_nothing_to_wait_for_below_it(self) -> None:
        """What ends below the watermark is committed already."""
        self.assertEqual(self.successResultOf(committed(HighWatermark(5), 4)), up_to(4))

    def test_offset_at_the_watermark_waits(self) -> None:
        """The watermark is one past the last committed offset: the offset equal to it is not committed."""
        watermark = HighWatermark(5)
        waiter = committed(watermark, 5)
        self.assertNoResult(waiter)
        watermark.advance(6)
        self.assertEqual(self.successResultOf(waiter), up_to(5))

    def test_waiters_fire_by_offset_then_arrival(self) -> None:
        """Acknowledgements leave in the order of offsets, those of one offset in the order they came."""
        watermark = HighWatermark(0)
        order: list[str] = []
        for name, offset in (("late", 9), ("first", 1), ("second", 1), ("middle", 4)):
            waiter = committed(watermark, offset)
            waiter.addCallback(lambda _, name=name: order.append(name))
        watermark.advance(5)
        self.assertEqual(order, ["first", "second", "middle"])
        watermark.advance(10)
        self.assertEqual(order, ["first", "second", "middle", "late"])

    def test_failure_reaches_those_who_wait_and_those_who_come(self) -> None:
        """A stopped partition leaves nobody hanging, and keeps saying what stopped it."""
        watermark = HighWatermark(0)
        before = committed(watermark, 0)
        watermark.fail(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "disk"))
        self.assertEqual(self.failureResultOf(before, KafkaError).value.code, ErrorCode.KAFKA_STORAGE_ERROR)
        after = committed(watermark, 0)
        self.assertEqual(self.failureResultOf(after, KafkaError).value.code, ErrorCode.KAFKA_STORAGE_ERROR)

    def test_failing_without_a_reason_means_moved(self) -> None:
        """Clients that wait at a leader that resigned look for the next one."""
        watermark = HighWatermark(0)
        waiter = committed(watermark, 3)
        watermark.fail()
        self.assertEqual(self.failureResultOf(waiter, KafkaError).value.code, ErrorCode.NOT_LEADER_OR_FOLLOWER)

    @given(st.lists(st.one_of(st.tuples(st.just("wait"), st.integers(0, 50)), st.tuples(st.just("advance"), st.integers(0, 50)))))
    def test_everyone_fires_exactly_when_passed(self, steps: list[tuple[str, int]]) -> None:
        """Against a model: a waiter has fired if and only if the largest offset reached is above its own."""
        watermark = HighWatermark(0)
        reached = 0
        waiting: list[tuple[int, list[AppendResult]]] = []
        for step, offset in steps:
            if step == "advance":
                watermark.advance(offset)
                reached = max(reached, offset)
            else:
                fired: list[AppendResult] = []
                committed(watermark, offset).addCallback(fired.append)
                waiting.append((offset, fired))
            self.assertEqual(watermark.offset, reached)
            for wanted, result in waiting:
                self.assertEqual(len(result), 1 if wanted < reached else 0)
