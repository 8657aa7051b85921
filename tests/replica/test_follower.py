"""A follower: what it asks for, and what it does with what the leader says."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.messages import FetchResponse
from chronik.record.build import NewRecord, build_batch
from chronik.replica.follower import Follower
from chronik.storage.config import LogConfig
from tests.replica.fakes import FakeLog

Answer = FetchResponse.PartitionData


class FollowerTest(SynchronousTestCase):
    """A follower whose log has ten records of epoch 3."""

    def setUp(self) -> None:
        """Make it."""
        self.log = FakeLog(end=10)
        self.log.latest_epoch = 3
        self.failed: list[BaseException] = []
        self.follower = Follower(self.log, 2, 5, 7, lambda follower, reason: self.failed.append(reason))

    def take(self, **fields: Any) -> Deferred[None]:
        """Give it an answer."""
        fields = {"high_watermark": 10, "log_start_offset": 0, "records": b"", "aborted_transactions": None, **fields}
        return Deferred.fromCoroutine(self.follower.take(Answer(partition_index=0, **fields)))

    def test_asks_for_what_comes_next(self) -> None:
        """From the end of its log, saying which epoch that is of."""
        wanted = self.follower.wanted(1000)
        self.assertEqual((0, 5, 10), (wanted.partition, wanted.current_leader_epoch, wanted.fetch_offset))
        self.assertEqual((3, 0), (wanted.last_fetched_epoch, wanted.log_start_offset))

    def test_flushes_what_it_reports(self) -> None:
        """Unless the page cache counts as safe."""
        self.log.flushed_offset = 4
        self.log.configure(LogConfig(write_caching=True))
        self.successResultOf(Deferred.fromCoroutine(self.follower.make_safe()))
        self.assertEqual(4, self.log.flushed_offset)
        self.log.configure(LogConfig())
        self.successResultOf(Deferred.fromCoroutine(self.follower.make_safe()))
        self.assertEqual(10, self.log.flushed_offset)

    def test_high_watermark(self) -> None:
        """It follows the leader's, no further than the log goes, and never back."""
        for told, known in ((9, 9), (8, 9), (50, 10)):
            self.successResultOf(self.take(high_watermark=told))
            self.assertEqual((known, known), (self.follower.high_watermark, self.log.watermarks[-1]))

    def test_start_offset(self) -> None:
        """What the leader deleted goes here too, as far as it is known to be committed."""
        self.successResultOf(self.take(high_watermark=6, log_start_offset=9))
        self.assertEqual(7, self.log.start_offset)

    def test_divergence(self) -> None:
        """The log is cut where both are of the leader's epoch, or where its own latest epoch before that ended."""
        for own, told, cut in (((2, 8), (2, 9), 8), ((2, 8), (2, 6), 6), ((1, 5), (2, 9), 5), ((-1, -1), (0, 4), 4)):
            cuts: list[int] = []
            self.log.end_offset_for_epoch = lambda epoch, own=own: own  # type: ignore[misc, assignment]
            self.log.truncate = lambda offset, cuts=cuts: succeed(cuts.append(offset))  # type: ignore[misc, assignment]
            diverging = FetchResponse.EpochEndOffset(epoch=told[0], end_offset=told[1])
            self.successResultOf(self.take(diverging_epoch=diverging))
            self.assertEqual([cut], cuts)

    def test_leader_begins_later(self) -> None:
        """Where the leader has nothing any more of what would come next, the log begins anew."""
        self.successResultOf(self.take(error_code=ErrorCode.OFFSET_OUT_OF_RANGE, log_start_offset=30))
        self.assertEqual((30, 30, 30), (self.log.start_offset, self.log.end_offset, self.follower.high_watermark))

    def test_nothing_in_common(self) -> None:
        """Where the leader ends before this log begins, this log begins anew where the leader's does."""
        self.log.start_offset = 8
        self.successResultOf(self.take(error_code=ErrorCode.OFFSET_OUT_OF_RANGE, log_start_offset=2))
        self.assertEqual((2, 2), (self.log.start_offset, self.log.end_offset))

    def test_begins_inside_a_batch(self) -> None:
        """An empty log takes a whole batch though it begins after its first record."""
        restarted: list[int] = []
        self.log.start_offset = 10
        self.log.restart_at = lambda offset: succeed(restarted.append(offset))  # type: ignore[method-assign, func-returns-value]
        batch = build_batch([NewRecord(None, b"%d" % n, 0) for n in range(4)])
        self.successResultOf(self.take(records=(8).to_bytes(8, "big") + bytes(batch)[8:]))
        self.assertEqual([8], restarted)

    def test_leader_begins_inside_a_batch_that_is_not_here(self) -> None:
        """Where the leader deleted all that is here, and begins inside of a batch, that batch is taken whole, though what is here reaches into it."""
        restarted: list[int] = []
        self.log.restart_at = lambda offset: succeed(restarted.append(offset))  # type: ignore[method-assign, func-returns-value]
        batch = build_batch([NewRecord(None, b"%d" % n, 0) for n in range(4)])
        sent = (8).to_bytes(8, "big") + bytes(batch)[8:]
        self.successResultOf(self.take(records=sent, log_start_offset=9))
        self.assertEqual([], restarted)
        self.successResultOf(self.take(records=sent, log_start_offset=self.log.end_offset))
        self.assertEqual([8], restarted)

    def test_errors(self) -> None:
        """What the leader refuses is told."""
        for code, start in ((ErrorCode.FENCED_LEADER_EPOCH, -1), (ErrorCode.OFFSET_OUT_OF_RANGE, -1)):
            error = self.failureResultOf(self.take(error_code=code, log_start_offset=start), KafkaError).value
            self.assertEqual(code, error.code)

    def test_stopped(self) -> None:
        """An answer that comes when it follows no more changes nothing; what has begun is waited for by whoever leads next."""
        waiting: Deferred[int] = Deferred()
        self.log.replicate = lambda data: waiting  # type: ignore[method-assign]
        taking = self.take(records=b"abc", high_watermark=10)
        idle: list[bool] = []
        self.follower.stop()
        self.follower.when_idle(lambda: idle.append(True))
        self.assertEqual([], idle)
        waiting.callback(13)
        self.successResultOf(taking)
        self.assertEqual(([True], 7), (idle, self.follower.high_watermark))
        self.successResultOf(self.take(high_watermark=12))
        self.assertEqual(7, self.follower.high_watermark)

    def test_disk_fails(self) -> None:
        """Whoever hosts it is told, once."""
        self.log.replicate = lambda data: fail(KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "no"))  # type: ignore[method-assign]
        self.failureResultOf(self.take(records=b"abc"), KafkaError)
        self.follower.failed(self.log, OSError("bad"))
        self.assertEqual((True, 1), (self.follower.stopped, len(self.failed)))
