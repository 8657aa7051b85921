"""Records: built here and read by others, built by others and read here, and hostile."""

from __future__ import annotations

from typing import Any

from aiokafka.record.default_records import DefaultRecordBatch as AioBatch
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import KafkaError
from chronik.record.batch import HEADER_BYTES, check_batch, parse_header
from chronik.record.build import NewRecord, build_batch, recompressed, varint
from chronik.record.compression import Codec
from chronik.record.records import BadRecords, ControlType, Record, RecordWalk, control_type, decode_records, record_at, unpacked_records
from chronik.testing.records import TIMESTAMP, batch_of, forged

nullable = st.none() | st.binary(max_size=80)
new_records = st.lists(
    st.builds(NewRecord, nullable, nullable, st.integers(-1, 2**50), st.lists(st.tuples(st.text(max_size=8), nullable), max_size=3)),
    min_size=1,
    max_size=20,
)
RECORDS = [
    NewRecord(b"k", b"v" * 200, TIMESTAMP, [("h", b"1"), ("h", None)]),
    NewRecord(None, None, TIMESTAMP - 5),
    NewRecord(b"", b"", TIMESTAMP + 9),
]


def expected(records: list[NewRecord], base_offset: int = 0) -> list[Record]:
    """What reading a batch of these must give."""
    return [Record(base_offset + n, r.timestamp, r.key, r.value, tuple(map(tuple, r.headers))) for n, r in enumerate(records)]


def with_body(body: bytes, count: int = 1) -> bytes:
    """A batch with these bytes for its records, and a header that fits."""
    plain = batch_of(*[b""] * count)
    head = bytearray(plain[:HEADER_BYTES])
    head[8:12] = (HEADER_BYTES - 12 + len(body)).to_bytes(4, "big")
    return forged(bytes(head) + body, 0, b"")


class RoundTripTests(SynchronousTestCase):
    """Batches and other implementations."""

    @given(new_records, st.sampled_from(Codec), st.integers(0, 2**40))
    def test_round_trip(self, records: list[NewRecord], codec: Codec, base_offset: int) -> None:
        """What is built is valid, and reads as it was."""
        batch = build_batch(records, codec, base_offset=base_offset)
        check_batch(parse_header(batch), batch)
        self.assertEqual(decode_records(batch), expected(records, base_offset))

    @given(new_records, st.sampled_from(Codec))
    def test_one_of_many(self, records: list[NewRecord], codec: Codec) -> None:
        """A record is read by its position as it is among all."""
        batch = build_batch(records, codec, base_offset=7)
        header = parse_header(batch)
        unpacked = unpacked_records(header, batch)
        self.assertEqual([record_at(header, unpacked, n) for n in range(len(records))], decode_records(batch))
        self.assertRaises(BadRecords, record_at, header, unpacked, len(records))
        walk = RecordWalk(header, unpacked)
        there_and_back = [*range(len(records)), *reversed(range(len(records)))]
        self.assertEqual([decode_records(batch)[n] for n in there_and_back], [walk.record(n) for n in there_and_back])

    def test_walking_a_large_batch(self) -> None:
        """To find every record of a batch in order takes a few looks at each, not one at all before it for each."""
        looks = 0

        class Counted(bytes):
            """Bytes that count how often they are looked at."""

            def __getitem__(self, key: Any) -> Any:
                nonlocal looks
                looks += 1
                return super().__getitem__(key)

        count = 2_000
        batch = build_batch([NewRecord(None, b"%d" % n, TIMESTAMP) for n in range(count)])
        header = parse_header(batch)
        walk = RecordWalk(header, Counted(unpacked_records(header, batch)))
        self.assertEqual([b"%d" % n for n in range(count)], [walk.record(n).value for n in range(count)])
        self.assertLess(looks, 10 * count)

    def test_others_read_ours(self) -> None:
        """kafka-python and aiokafka read batches that were built here, and find their CRCs right."""
        for codec in Codec:
            batch = build_batch(RECORDS, codec, base_offset=40, producer_id=3, producer_epoch=1, base_sequence=2, transactional=True)
            readers: list[Any] = [AioBatch(bytearray(batch))]
            if codec is not Codec.SNAPPY:  # for which kafka-python wants one more library
                readers.append(DefaultRecordBatch(batch))
            for theirs in readers:
                self.assertTrue(theirs.validate_crc())
                self.assertTrue(theirs.is_transactional)
                read = [(r.offset, r.timestamp, r.key, r.value, [tuple(h) for h in r.headers]) for r in theirs]
                self.assertEqual(read, [(*r[:4], list(r.headers)) for r in expected(RECORDS, 40)], codec)

    def test_same_bytes_as_kafka_python(self) -> None:
        """An uncompressed batch is byte for byte what kafka-python's builder makes."""
        builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 20)
        for n, record in enumerate(RECORDS):
            builder.append(n, record.timestamp, record.key, record.value, list(record.headers))
        theirs = bytes(builder.build())
        ours = build_batch(RECORDS, leader_epoch=parse_header(theirs).leader_epoch)
        self.assertEqual(ours.hex(), theirs.hex())

    def test_recompressed(self) -> None:
        """Another codec changes size, codec and CRC, and nothing else."""
        batch = build_batch(RECORDS, producer_id=3, producer_epoch=1, base_sequence=2)
        header = parse_header(batch)
        for codec in Codec:
            again = bytes(recompressed(header, unpacked_records(header, batch), codec))
            check_batch(parse_header(again), again)
            self.assertEqual(parse_header(again).codec, codec)
            self.assertEqual(parse_header(again)[6:], header[6:])
            self.assertEqual(decode_records(again), decode_records(batch))

    def test_control_records(self) -> None:
        """Markers tell abort from commit; unknown kinds are nothing."""
        kinds = {b"\0\0\0\0": ControlType.ABORT, b"\0\0\0\1": ControlType.COMMIT, b"\0\0\0\2": None, b"\0": None, None: None}
        for key, kind in kinds.items():
            batch = build_batch([NewRecord(key, b"", 0)], control=True, transactional=True)
            self.assertTrue(parse_header(batch).is_control)
            self.assertEqual(control_type(decode_records(batch)[0]), kind)

    def test_nothing_to_build(self) -> None:
        """A batch has a record."""
        self.assertRaises(ValueError, build_batch, [])

    def test_varints(self) -> None:
        """Zigzag coding, at its edges."""
        known = {0: "00", -1: "01", 1: "02", 63: "7e", 64: "8001", -64: "7f", 2**31 - 1: "feffffff0f", -(2**63): "ffffffffffffffffff01"}
        self.assertEqual({value: varint(value).hex() for value in known}, known)


class HostileTests(SynchronousTestCase):
    """What the inside of a batch may not be."""

    def refused(self, body: bytes, count: int = 1) -> str:
        """What is said about a batch with these bytes for records."""
        with self.assertRaises(BadRecords) as caught:
            decode_records(with_body(body, count))
        return str(caught.exception)

    def test_the_frame_of_these_tests(self) -> None:
        """The bytes that the tests below change are fine unchanged."""
        self.assertEqual(len(decode_records(with_body(bytes.fromhex("0c000000010100")))), 1)

    def test_bad_fields(self) -> None:
        """Each field that lies is refused: size, timestamp, offset, key, value, headers, trailing bytes."""
        self.assertIn("bytes", self.refused(bytes.fromhex("0b000000010100")))
        self.assertIn("too long", self.refused(b"\xff" * 12))
        self.assertIn("int64", self.refused(b"\x1e\x00" + varint(2**63 - 1) + b"\x00\x01\x01\x00"))
        self.assertIn("offset delta 1", self.refused(bytes.fromhex("0c000002010100")))
        self.assertIn("offset delta -1", self.refused(bytes.fromhex("0c000001010100")))
        self.assertIn("cut off", self.refused(bytes.fromhex("0c000000640100")))
        self.assertIn("inside its fields", self.refused(bytes.fromhex("0c000000010200")))
        self.assertIn("2 headers", self.refused(bytes.fromhex("0c000000010104")))
        self.assertIn("does not end", self.refused(bytes.fromhex("0e00000001010000")))
        self.assertIn("follow", self.refused(bytes.fromhex("0c00000001010000")))
        self.assertIn("too few", self.refused(bytes.fromhex("0c000000010100"), count=2))

    def test_offsets_that_repeat(self) -> None:
        """Two records of a batch have different offsets."""
        self.assertIn("offset delta 0 after 0", self.refused(bytes.fromhex("0c000000010100") * 2, count=2))

    def test_size_that_goes_back(self) -> None:
        """Skipping never goes backwards."""
        header = parse_header(batch_of(b"a", b"b"))
        self.assertRaises(BadRecords, record_at, header, bytes.fromhex("01000000010100"), 1)

    @given(st.binary(max_size=120), st.integers(1, 5), st.integers(0, 7))
    def test_random_bytes(self, body: bytes, count: int, codec: int) -> None:
        """Random records under a valid header end in records or in BadRecords."""
        batch = forged(with_body(body, count), 22, bytes([codec]))
        try:
            self.assertEqual(len(decode_records(batch)), count)
        except BadRecords:
            pass
        try:
            record_at(parse_header(batch), body, count - 1)
        except BadRecords:
            pass

    @given(new_records, st.data())
    def test_changed_bytes(self, records: list[NewRecord], data: st.DataObject) -> None:
        """A changed byte anywhere ends in records, or one of the two errors."""
        batch = bytearray(build_batch(records))
        batch[data.draw(st.integers(0, len(batch) - 1))] = data.draw(st.integers(0, 255))
        try:
            decode_records(bytes(batch))
        except (BadRecords, KafkaError):
            pass
