"""What every log must do for a follower: take batches as a leader sent them, cut back what differs from the leader's, begin anew.

:class:`~chronik.testing.log_contract.LogContract` has these tests; what a crash leaves is in :mod:`chronik.testing.log_crash_contract`.
"""

from __future__ import annotations

from typing import Any

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicPartition
from chronik.storage.config import LogConfig
from chronik.testing.log_fixture import ALL, LogFixture
from chronik.testing.logs import RecordingObserver
from chronik.testing.records import TIMESTAMP, batch_of, flipped, forged

PARTITIONS = TopicPartition("t", 0), TopicPartition("t", 1)


def led(base_offset: int, *values: bytes, epoch: int = 0, **fields: Any) -> bytes:
    """A batch as a leader has it."""
    return batch_of(*values, base_offset=base_offset, leader_epoch=epoch, **fields)


class ReplicateContract(LogFixture):
    """The contract of :meth:`~chronik.storage.interfaces.IPartitionLog.replicate`."""

    def replicate(self, log: Any, *batches: bytes) -> int:
        """Append a leader's batches; where the log ends then."""
        return self.wait(log.replicate(b"".join(batches)))  # type: ignore[no-any-return]

    def test_replicate(self) -> None:
        """Batches stay what they are, byte for byte, and their epochs are known."""
        log = self.opened()
        sent = led(0, b"a", b"b", epoch=3) + led(2, b"c", epoch=3) + led(3, b"d", b"e", epoch=7)
        done = log.replicate(memoryview(sent))
        self.assertEqual((5, 7, len(sent)), (log.end_offset, log.latest_epoch, log.size_bytes))
        self.assertEqual(5, self.wait(done))
        self.assertEqual(sent, self.read(log))
        self.assertEqual([(3, 3), (3, 3), (7, 5)], [log.end_offset_for_epoch(epoch) for epoch in (3, 6, 7)])
        self.assertEqual(5, self.wait(log.flush()))
        self.assertEqual(1, self.wait(log.offset_for_timestamp(TIMESTAMP + 1)).offset)

    def test_replicate_in_order(self) -> None:
        """What is given later follows, whenever the writes are done; a leader's own appends may follow too."""
        log = self.opened()
        done = [log.replicate(led(0, b"a")), log.replicate(led(1, b"b")), log.append(batch_of(b"c"), 1)]
        self.assertEqual(3, log.end_offset)
        self.assertEqual([1, 2], [self.wait(each) for each in done[:2]])
        self.assertEqual(2, self.wait(done[2]).base_offset)
        self.assertEqual([(0, b"a"), (1, b"b"), (2, b"c")], self.records(log))
        self.assertEqual([(0, 2), (1, 3)], [log.end_offset_for_epoch(epoch) for epoch in (0, 1)])

    def test_replicate_cut_off(self) -> None:
        """A last batch that is cut off is left out; without a whole one nothing happens."""
        log = self.opened()
        first, second = led(0, b"a"), led(1, b"b")
        self.assertEqual(1, self.replicate(log, first, second[:-1]))
        for part in (b"", second[:5], second[:61], second[:-1]):
            self.assertEqual(1, self.replicate(log, part))
        self.assertEqual(2, self.replicate(log, second))
        self.assertEqual(first + second, self.read(log))

    def refused_replication(self, log: Any, *batches: bytes, expected: int) -> None:
        """Check that nothing is appended, and that the message says what was expected."""
        before = log.end_offset, log.size_bytes, log.latest_epoch
        error = self.failureResultOf(log.replicate(b"".join(batches)), KafkaError).value
        self.assertEqual(ErrorCode.CORRUPT_MESSAGE, error.code)
        self.assertIn(f"offset {expected} ", str(error))
        self.assertEqual(before, (log.end_offset, log.size_bytes, log.latest_epoch))

    def test_replicate_refuses_damage(self) -> None:
        """One damaged batch, and none is appended."""
        log = self.opened()
        self.refused_replication(log, led(0, b"a"), flipped(led(1, b"b"), 62), expected=1)
        old_format = bytearray(led(1, b"b"))
        old_format[16] = 1
        self.refused_replication(log, led(0, b"a"), bytes(old_format), expected=1)
        too_short = bytearray(led(0, b"a"))
        too_short[8:12] = (20).to_bytes(4, "big")
        self.refused_replication(log, bytes(too_short), expected=0)

    def test_replicate_refuses_order(self) -> None:
        """Offsets and epochs only grow."""
        log = self.opened()
        self.replicate(log, led(0, b"a", b"b", epoch=4))
        for base in (0, 1):
            self.refused_replication(log, led(base, b"x", epoch=4), expected=2)
        self.refused_replication(log, led(2, b"c", epoch=3), expected=2)
        self.refused_replication(log, led(2, b"c", b"d", epoch=4), led(3, b"x", epoch=4), expected=4)
        self.refused_replication(log, led(2, b"c", epoch=5), led(3, b"x", epoch=4), expected=3)
        self.wait(log.raise_epoch(6))
        self.refused_replication(log, led(2, b"c", epoch=5), expected=2)
        self.refused_replication(log, led(2**63 - 1, b"x", epoch=6), expected=2)
        self.refused_replication(log, led(2, b"x", epoch=-1), expected=2)

    def test_replicate_no_limits(self) -> None:
        """The leader's limits held; a follower whose configuration came later must not refuse what others have."""
        log = self.opened(LogConfig(max_message_bytes=10, segment_bytes=60, timestamp_before_max_ms=1, compact=True))
        self.assertEqual(2, self.replicate(log, led(0, bytes(200)), led(1, bytes(300))))
        self.assertEqual([0, 1], [extent.base_offset for extent in log.extents()])

    def test_replicate_rolls(self) -> None:
        """What is larger than ``segment.bytes`` is spread over extents, between batches, by the rules of appends."""
        batches = [led(n, b"x" * 20) for n in range(12)]
        size = len(batches[0])
        by_append, log = (self.opened(LogConfig(segment_bytes=3 * size + 5), tp) for tp in PARTITIONS)
        for batch in batches:
            self.wait(by_append.append(batch, 0))
        observer = RecordingObserver()
        log.watch(observer)
        self.assertEqual(12, self.replicate(log, *batches))
        self.assertEqual([0, 3, 6, 9], [extent.base_offset for extent in log.extents()])
        self.assertEqual(list(by_append.extents()), list(log.extents()))
        self.assertEqual([("sealed", 0, 3), ("opened", 3), ("sealed", 3, 6), ("opened", 6), ("sealed", 6, 9), ("opened", 9)], observer.heard)
        self.assertEqual([(n, b"x" * 20) for n in range(12)], self.records(log))
        self.assertEqual(12, self.wait(log.flush()))

    def test_replicate_rolls_by_time(self) -> None:
        """``segment.ms`` goes by the records' time within one call too."""
        log = self.opened(LogConfig(segment_ms=1000))
        late = forged(led(1, b"b"), 27, (TIMESTAMP + 5000).to_bytes(8, "big") * 2)
        self.assertEqual(3, self.replicate(log, led(0, b"a"), late, led(2, b"c")))
        self.assertEqual([0, 1], [extent.base_offset for extent in log.extents()])

    def test_replicate_gaps(self) -> None:
        """Offsets that compaction took away are missing in the follower's log too: who asks for one gets the batch behind it."""
        for segment_bytes in (1 << 20, 100):
            log = self.opened(LogConfig(segment_bytes=segment_bytes), PARTITIONS[segment_bytes == 100])
            batches = [led(2, b"a"), led(10, b"b", b"c"), led(12, b"d"), led(20, b"e")]
            self.assertEqual(13, self.replicate(log, *batches[:3]))
            self.assertEqual(21, self.replicate(log, batches[3]))
            firsts = [2, 2, 2, 10, 10, 10, 10, 12, 20, 20, 20]
            offsets = [0, 1, 2, 3, 9, 10, 11, 12, 13, 19, 20]
            self.assertEqual(firsts, [self.headers(log, offset)[0].base_offset for offset in offsets])
            slices = [self.wait(log.read(offset, ALL, ALL, True)) for offset in offsets]
            self.assertEqual(firsts, [found.base_offset for found in slices])
            for found in slices:
                found.close()
            self.assertEqual([b"", b"", batches[0], batches[0]], [self.read(log, 0, limit_offset=limit) for limit in (1, 2, 3, 9)])
            self.assertEqual([b"", b""], [self.read(log, 5, limit_offset=limit) for limit in (9, 11)])
            self.assertEqual([(2, b"a"), (10, b"b"), (11, b"c"), (12, b"d"), (20, b"e")], self.records(log))
            self.assertEqual(11, self.wait(log.offset_for_timestamp(TIMESTAMP + 1)).offset)
            self.assertEqual(21, self.append(log, b"f").base_offset)

    def test_replicate_producers(self) -> None:
        """Producers are not asked for their order, but known when this replica leads."""
        log = self.opened()
        self.replicate(log, led(0, b"a", producer_id=7, producer_epoch=1, base_sequence=5))
        self.replicate(log, led(1, b"b", producer_id=7, producer_epoch=1, base_sequence=9), led(2, b"x", control=True))
        again = self.append(log, b"b", producer_id=7, producer_epoch=1, base_sequence=9)
        self.assertEqual((True, 1), (again.duplicate, again.base_offset))
        self.assertEqual(3, self.append(log, b"c", producer_id=7, producer_epoch=1, base_sequence=10).base_offset)


class FollowerContract(ReplicateContract):
    """The contract of what a follower's log is cut back by."""

    def test_truncate_inside_a_batch(self) -> None:
        """A batch goes whole: the log ends where the one before it does."""
        log = self.opened(LogConfig(segment_bytes=300))
        self.replicate(log, led(0, b"a", b"b"), led(2, b"c", b"d", b"e", epoch=2))
        self.wait(log.truncate(4))
        self.assertEqual((2, 2, 0), (log.end_offset, self.wait(log.flush()), log.latest_epoch))
        self.assertEqual(3, self.replicate(log, led(2, b"C", epoch=1)))
        self.assertEqual([(0, b"a"), (1, b"b"), (2, b"C")], self.records(log))

    def test_truncate_inside_the_first_batch(self) -> None:
        """What is left of a batch that the start is inside of goes, and the start stays."""
        log = self.opened()
        self.append(log, b"a", b"b", b"c")
        self.append(log, b"d")
        self.wait(log.advance_start(2))
        self.wait(log.truncate(2))
        self.assertEqual((2, 2, 2, []), (log.start_offset, log.end_offset, log.flushed_offset, self.records(log)))
        self.assertEqual(3, self.replicate(log, led(2, b"C")))
        self.assertEqual([(2, b"C")], self.records(log))

    def test_truncate_in_a_gap(self) -> None:
        """The log ends where its last batch does."""
        log = self.opened()
        self.replicate(log, led(0, b"a"), led(5, b"b"), led(9, b"c"))
        self.wait(log.truncate(8))
        self.assertEqual((6, [(0, b"a"), (5, b"b")]), (log.end_offset, self.records(log)))
        self.wait(log.truncate(3))
        self.assertEqual((1, [(0, b"a")]), (log.end_offset, self.records(log)))
        self.replicate(log, led(7, b"d"))
        self.assertEqual([(0, b"a"), (7, b"d")], self.records(log))
        self.assertEqual([7, 7], [self.headers(log, offset)[0].base_offset for offset in (1, 6)])

    def test_truncate_epochs(self) -> None:
        """Epochs are those of what is left, and one that is as old as theirs may come next."""
        log = self.opened()
        self.replicate(log, led(0, b"a", epoch=1), led(1, b"b", epoch=4), led(2, b"c", epoch=6))
        self.wait(log.truncate(2))
        self.assertEqual([(-1, -1), (4, 2), (1, 1)], [log.end_offset_for_epoch(epoch) for epoch in (6, 4, 3)])
        self.assertEqual(3, self.replicate(log, led(2, b"C", epoch=4)))
        self.assertEqual(((4, 3), (-1, -1)), (log.end_offset_for_epoch(4), log.end_offset_for_epoch(5)))

    def test_truncate_raised_epoch(self) -> None:
        """An epoch that was raised and got no record is forgotten, though no record goes: the leader may have more of an older one."""
        log = self.opened()
        self.append(log, b"a", leader_epoch=1)
        self.wait(log.raise_epoch(5))
        self.wait(log.truncate(1))
        self.assertEqual((1, (1, 1)), (log.latest_epoch, log.end_offset_for_epoch(1)))
        self.replicate(log, led(1, b"b", epoch=2))
        self.wait(log.raise_epoch(7))
        self.wait(log.truncate(99))
        self.assertEqual((2, (2, 2), 2), (log.latest_epoch, log.end_offset_for_epoch(2), log.end_offset))

    def restarted(self, offset: int, config: LogConfig) -> None:
        """Check a restart of a log of some extents whose start was moved to 3, and what is appended then."""
        log = self.opened(config)
        for n in range(9):
            self.append(log, b"%d" % n, leader_epoch=n, producer_id=7, producer_epoch=0, base_sequence=n)
        self.wait(log.advance_start(3))
        void = self.wait(log.read(8, ALL, ALL, True))
        observer = RecordingObserver()
        log.watch(observer)
        self.wait(log.restart_at(offset))
        log.unwatch(observer)
        self.assertEqual([("truncated", 3, -1), ("start", offset), ("opened", offset)], observer.heard)
        ends = log.start_offset, log.local_start_offset, log.end_offset, log.flushed_offset
        self.assertEqual((offset,) * 4, ends)
        self.assertEqual((-1, 0, [], b""), (log.latest_epoch, log.size_bytes, list(log.active_producers()), self.read(log, offset)))
        self.assertEqual(((-1, -1), -1), (log.end_offset_for_epoch(8), log.epoch_for_offset(offset)))
        self.assertEqual([(offset, None)], [(extent.base_offset, extent.end_offset) for extent in log.extents()])
        self.assertIsNone(self.wait(log.offset_for_timestamp(0)))
        self.assertIsNone(self.wait(log.offset_of_max_timestamp()))
        self.assertEqual(ErrorCode.OFFSET_OUT_OF_RANGE, self.wait_error(log.read(offset - 1, ALL, ALL, True)))
        self.assertEqual(ErrorCode.OFFSET_OUT_OF_RANGE, self.assertRaises(KafkaError, void.read, 0, 10).code)
        void.close()
        self.assertEqual(offset + 3, self.replicate(log, led(offset, b"a", b"b", epoch=2), led(offset + 2, b"c", epoch=3)))
        self.assertEqual(offset + 3, self.wait(log.flush()))
        self.assertEqual([(offset, b"a"), (offset + 1, b"b"), (offset + 2, b"c")], self.records(log))
        self.assertEqual((offset + 2, offset), (log.end_offset_for_epoch(2)[1], log.start_offset))
        self.assertFalse(self.append(log, b"3", leader_epoch=3, producer_id=7, producer_epoch=0, base_sequence=3).duplicate)
        self.wait(log.advance_start(offset + 1))
        self.assertEqual(offset + 1, log.start_offset)

    def test_restart_above(self) -> None:
        """A log begins anew above its end."""
        self.restarted(50, LogConfig(segment_bytes=200))

    def test_restart_at_end(self) -> None:
        """At its end."""
        self.restarted(9, LogConfig(segment_bytes=200))

    def test_restart_inside(self) -> None:
        """Anywhere inside."""
        self.restarted(5, LogConfig(segment_bytes=200))

    def test_restart_at_first_extent(self) -> None:
        """Where its first extent begins."""
        self.restarted(2, LogConfig(segment_bytes=200))

    def test_restart_below(self) -> None:
        """Below its start."""
        self.restarted(1, LogConfig(segment_bytes=200))

    def test_restart_in_one_extent(self) -> None:
        """Whatever its extents are."""
        self.restarted(1, LogConfig())

    def test_restart_again(self) -> None:
        """More than once, to where it was before as well."""
        log = self.opened()
        for offset in (20, 10, 10, 20):
            self.wait(log.restart_at(offset))
            self.assertEqual((offset, offset, offset), (log.start_offset, log.end_offset, log.flushed_offset))
            self.replicate(log, led(offset, b"%d" % offset))
            self.assertEqual([(offset, b"%d" % offset)], self.records(log))
            self.clock.advance(60)
