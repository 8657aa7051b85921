"""What a leader changes in a batch, and what it finds by looking at every record."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import check_batch, parse_header
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from chronik.record.records import decode_records
from chronik.storage.config import LogConfig
from chronik.storage.inspection import RecordRefused, ValidBatch
from chronik.storage.validation import BATCHES_MAX, validate
from chronik.testing.logs import NOW
from chronik.testing.records import batch_of, forged


class ValidationTests(SynchronousTestCase):
    """The leader's checks, one batch at a time."""

    def valid(self, batch: bytes, config: LogConfig | None = None) -> ValidBatch:
        """The batch as it would be kept."""
        (found,) = validate(batch, config or LogConfig(), NOW, internal=False)
        return found

    def refused(self, batch: bytes, config: LogConfig | None = None) -> ErrorCode:
        """Why it would not."""
        return self.assertRaises(KafkaError, validate, batch, config or LogConfig(), NOW, False).code  # type: ignore[no-any-return]

    def test_untouched(self) -> None:
        """A batch that needs nothing is passed on without a copy."""
        batch = batch_of(b"a")
        self.assertIs(batch, self.valid(batch)[1].obj)

    def test_compression_type(self) -> None:
        """A topic's ``compression.type`` decides what is kept; the records stay the same, header and CRC fit."""
        values = [b"value %d" % n * 20 for n in range(9)]
        for sent in Codec:
            for kept in Codec:
                header, data = self.valid(batch_of(*values, codec=sent), LogConfig(codec=kept))
                self.assertEqual((kept, header.length), (header.codec, parse_header(data).length))
                check_batch(parse_header(data), data)
                self.assertEqual(values, [record.value for record in decode_records(data)])

    def test_append_time_of_compressed(self) -> None:
        """LogAppendTime and another codec go together."""
        header, data = self.valid(batch_of(b"a" * 99), LogConfig(codec=Codec.ZSTD, log_append_time=True))
        self.assertEqual((NOW, True, Codec.ZSTD), (header.max_timestamp, header.is_log_append_time, parse_header(data).codec))
        check_batch(parse_header(data), data)

    def test_every_record(self) -> None:
        """A batch whose inside is damaged passes where nobody looks, and not where somebody does."""
        batch = forged(batch_of(b"a"), 61, b"\x7f")
        self.valid(batch)
        self.assertEqual(ErrorCode.INVALID_RECORD, self.refused(batch, LogConfig(validate_records=True)))

    def test_many(self) -> None:
        """Several batches may come together, but not so many that looking at them takes long; the broker's own may."""
        batch = batch_of(b"a")
        self.assertEqual(BATCHES_MAX, len(validate(batch * BATCHES_MAX, LogConfig(), NOW, False)))
        self.assertEqual(ErrorCode.INVALID_RECORD, self.refused(batch * (BATCHES_MAX + 1)))
        self.assertEqual(BATCHES_MAX + 1, len(validate(batch * (BATCHES_MAX + 1), LogConfig(), NOW, True)))

    def test_producer(self) -> None:
        """A producer id comes with an epoch and a sequence, and with one batch at a time."""
        self.assertEqual(ErrorCode.INVALID_RECORD, self.refused(batch_of(b"a", producer_id=7, producer_epoch=-1, base_sequence=0)))
        self.assertEqual(ErrorCode.INVALID_RECORD, self.refused(batch_of(b"a", producer_id=7, producer_epoch=0, base_sequence=-1)))
        batch = batch_of(b"a", producer_id=7, producer_epoch=0, base_sequence=0)
        self.assertEqual(ErrorCode.INVALID_RECORD, self.refused(batch + batch))

    def test_times_out_of_bounds(self) -> None:
        """The answer names each record whose time is out of bounds, wherever in the batch it is."""
        batch = build_batch([NewRecord(None, b"a", NOW + ahead) for ahead in (0, 11, -20, -21, 10)], Codec.GZIP)
        config = LogConfig(timestamp_after_max_ms=10, timestamp_before_max_ms=20)
        error = self.assertRaises(RecordRefused, validate, batch, config, NOW, False)
        self.assertEqual((ErrorCode.INVALID_TIMESTAMP, [1, 3]), (error.code, [index for index, _ in error.record_errors]))
        self.assertIn("message.timestamp.before.max.ms=20", error.record_errors[1][1])
        self.valid(batch, LogConfig(timestamp_after_max_ms=11, timestamp_before_max_ms=21))

    def test_time_that_no_record_has(self) -> None:
        """A largest time that is out of bounds is refused though no record has it, or none can be read: the log would believe it."""
        late = (NOW + 11).to_bytes(8, "big")
        for batch in (batch_of(b"a"), forged(batch_of(b"a"), 61, b"\x7f")):
            error = self.assertRaises(RecordRefused, validate, forged(batch, 35, late), LogConfig(timestamp_after_max_ms=10), NOW, False)
            self.assertEqual((ErrorCode.INVALID_TIMESTAMP, [0]), (error.code, [index for index, _ in error.record_errors]))

    def test_claims_append_time(self) -> None:
        """Only a broker says LogAppendTime."""
        self.assertEqual(ErrorCode.INVALID_TIMESTAMP, self.refused(forged(batch_of(b"a"), 21, b"\x00\x08")))
