"""What is looked at where a batch comes in, what only in a thread, and what is found."""

from __future__ import annotations

import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import BatchHeader, check_batch, parse_header, split_batches
from chronik.record.build import NewRecord, build_batch, varint
from chronik.record.compression import RATIO_FREE_BYTES, Codec
from chronik.storage.config import LogConfig
from chronik.storage.inspection import PARTS_FREE, QUICK_BYTES_MAX, QUICK_RECORDS_MAX, REASONS_MAX, RecordRefused
from chronik.storage.interfaces import InspectionNeeded
from chronik.storage.validation import inspect, validate
from chronik.testing.logs import NOW
from chronik.testing.records import forged
from tests.record.test_records import with_body

COMPACTED = LogConfig(compact=True)
ZSTD = LogConfig(codec=Codec.ZSTD)
LOOKED_INTO = (COMPACTED, ZSTD, LogConfig(validate_records=True), LogConfig(timestamp_before_max_ms=10))
PACKED = [codec for codec in Codec if codec is not Codec.NONE]


def keyed(value: bytes, count: int = 1, codec: Codec = Codec.NONE, key: bytes | None = b"") -> bytes:
    """A batch of records alike."""
    return build_batch([NewRecord(key, value, NOW)] * count, codec)


def bomb(codec: Codec) -> bytes:
    """16 MB in one record, in some KB, or in as few as the codec can."""
    return keyed(bytes(RATIO_FREE_BYTES - 100), codec=codec)


class QuickTests(SynchronousTestCase):
    """What is done within the call."""

    def needs_inspection(self, batch: bytes, config: LogConfig) -> bool:
        """Whether somebody else has to look."""
        try:
            validate(batch, config, NOW, internal=False)
        except InspectionNeeded:
            return True
        return False

    def test_small(self) -> None:
        """What is small is looked at at once, whatever the topic looks for; what is larger is not."""
        for config in LOOKED_INTO:
            for codec in (Codec.NONE, Codec.GZIP):
                small = keyed(b"v" * 100, QUICK_RECORDS_MAX, codec)
                larger = keyed(b"v", QUICK_RECORDS_MAX + 1, codec), keyed(bytes(QUICK_BYTES_MAX), 1, codec)
                self.assertEqual([False, True, True], [self.needs_inspection(batch, config) for batch in (small, *larger)], (config, codec))

    def test_nobody_looks(self) -> None:
        """Where the topic takes what the producer sent, nothing is too large to be taken at once."""
        for batch in (keyed(b"v", 10_000), keyed(bytes(1 << 20), 1, Codec.GZIP), bomb(Codec.ZSTD), keyed(b"v") * 100):
            self.assertFalse(self.needs_inspection(batch, LogConfig(max_message_bytes=2 << 20)))

    def test_internal(self) -> None:
        """The broker's own batches are as it made them."""
        self.assertEqual(1, len(validate(keyed(b"v", 10_000), COMPACTED, NOW, internal=True)))

    def test_several_batches(self) -> None:
        """Several batches are not looked into at once, however small: there may be thousands."""
        self.assertTrue(self.needs_inspection(keyed(b"v") * 2, COMPACTED))

    def test_headers(self) -> None:
        """A record may have many headers, which takes as long as many records."""
        self.assertFalse(self.needs_inspection(build_batch([NewRecord(b"", b"", NOW, [("h", b"")] * 900)]), COMPACTED))
        self.assertTrue(self.needs_inspection(build_batch([NewRecord(b"", b"", NOW, [("h", b"")] * 1_000)]), COMPACTED))

    def test_late_time(self) -> None:
        """A time that is doubted, in any topic, is no way to have a large batch looked into."""
        late = (NOW + 3_600_001).to_bytes(8, "big")
        self.assertTrue(self.needs_inspection(forged(bomb(Codec.ZSTD), 35, late), LogConfig()))
        self.assertFalse(self.needs_inspection(forged(bomb(Codec.ZSTD), 35, (NOW + 3_600_000).to_bytes(8, "big")), LogConfig()))

    def test_bombs(self) -> None:
        """A bomb of any codec takes a look no further than it may go, however small it is packed."""
        for codec in PACKED:
            for size in (RATIO_FREE_BYTES - 100, 60_000):
                batch = keyed(bytes(size), codec=codec)
                for config in LOOKED_INTO:
                    tracemalloc.start()
                    try:
                        needed = self.needs_inspection(batch, config)
                        peak = tracemalloc.get_traced_memory()[1]
                    finally:
                        tracemalloc.stop()
                    self.assertTrue(needed or config.codec is codec)
                    self.assertLess(peak, 1 << 20, (codec, size))


class ThoroughTests(SynchronousTestCase):
    """What a thread finds."""

    def looked(self, data: bytes, config: LogConfig) -> list[tuple[BatchHeader, memoryview]]:
        """What may be appended; it need not be looked into again but for its header."""
        found = split_batches(inspect(data, config, NOW))
        for header, batch in found:
            check_batch(header, batch)
        return found

    def refused(self, data: bytes, config: LogConfig) -> KafkaError:
        """Why it may not."""
        return self.assertRaises(KafkaError, inspect, data, config, NOW)  # type: ignore[no-any-return]

    def test_untouched(self) -> None:
        """What needs no other codec is passed on without a copy."""
        batch = bomb(Codec.GZIP)
        (found,) = self.looked(batch, COMPACTED)
        self.assertIs(batch, found[1].obj)

    def test_several(self) -> None:
        """Several batches stay several."""
        data = keyed(b"a", 200) + keyed(b"b", 300, Codec.GZIP)
        found = self.looked(data, LogConfig(compact=True, codec=Codec.LZ4))
        self.assertEqual([(200, Codec.LZ4), (300, Codec.LZ4)], [(header.count, header.codec) for header, _ in found])
        self.assertEqual(data, bytes(inspect(data, COMPACTED, NOW)))

    def test_header_first(self) -> None:
        """What the header tells is found without a look inside."""
        batch = bomb(Codec.ZSTD)
        self.assertEqual(ErrorCode.CORRUPT_MESSAGE, self.refused(batch[:-1] + b"\xff", COMPACTED).code)
        self.assertEqual(ErrorCode.MESSAGE_TOO_LARGE, self.refused(batch, LogConfig(compact=True, max_message_bytes=100)).code)

    def test_a_hundred_reasons(self) -> None:
        """Of a million records without keys, or with wrong times, a hundred are named."""
        keyless = keyed(b"", 2_000, Codec.GZIP, key=None)
        early = LogConfig(timestamp_before_max_ms=10)
        for batch, config in ((keyless, COMPACTED), (build_batch([NewRecord(b"", b"", NOW - 11)] * 2_000), early)):
            error = self.refused(batch, config)
            assert isinstance(error, RecordRefused)
            self.assertEqual(list(range(REASONS_MAX)), [index for index, _ in error.record_errors])
        self.assertIn("100 records or more have no key", self.refused(keyless, COMPACTED).message)

    def test_more_than_may_be(self) -> None:
        """Records and headers without a byte of their own are no honest ones: passing over them all would take seconds."""
        self.looked(keyed(b"", PARTS_FREE // 10, Codec.ZSTD), COMPACTED)
        error = self.refused(keyed(b"", PARTS_FREE + 1, Codec.ZSTD), COMPACTED)
        self.assertEqual(ErrorCode.INVALID_RECORD, error.code)
        self.assertIn(f"more than {PARTS_FREE} records and headers", error.message)
        headers = varint(PARTS_FREE) + b"\x02h\x00" * PARTS_FREE
        body = b"\x00\x00\x00\x00\x00" + headers
        plain = with_body(varint(len(body)) + body)
        self.looked(plain, COMPACTED)

    def test_large_when_kept(self) -> None:
        """What is larger by the topic's codec than a batch may be is refused, as Kafka does, and no memory is spent to know by how much."""
        batch = keyed(bytes(1 << 20), codec=Codec.ZSTD)
        self.assertEqual(ErrorCode.MESSAGE_TOO_LARGE, self.refused(batch, LogConfig(codec=Codec.SNAPPY, max_message_bytes=10_000)).code)
        tracemalloc.start()
        try:
            self.assertEqual(ErrorCode.MESSAGE_TOO_LARGE, self.refused(batch, LogConfig(codec=Codec.NONE, max_message_bytes=10_000)).code)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.assertLess(peak, 50_000)
        self.assertEqual(Codec.NONE, self.looked(batch, LogConfig(codec=Codec.NONE, max_message_bytes=2 << 20))[0][0].codec)

    def test_undecodable(self) -> None:
        """A bomb beyond all bounds is refused by what the topic looks for."""
        batch = keyed(bytes(RATIO_FREE_BYTES + 100), codec=Codec.ZSTD)
        self.assertIn("bytes when decompressed", self.refused(batch, COMPACTED).message)
        self.assertIn("bytes when decompressed", self.refused(batch, LogConfig(codec=Codec.LZ4)).message)
        damaged = forged(keyed(bytes(20_000), codec=Codec.ZSTD), 61, b"\xff\xff\xff")
        self.assertEqual(ErrorCode.INVALID_RECORD, self.refused(damaged, COMPACTED).code)
        self.assertEqual(ErrorCode.CORRUPT_MESSAGE, self.refused(damaged, LogConfig(codec=Codec.LZ4)).code)
        self.assertEqual(1, parse_header(inspect(damaged, LogConfig(timestamp_before_max_ms=10), NOW)).count)
