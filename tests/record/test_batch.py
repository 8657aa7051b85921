"""Headers of batches: read, checked, patched."""

from __future__ import annotations

from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode
from chronik.record.batch import (
    HEADER_BYTES,
    BadBatch,
    check_batch,
    check_crc,
    offset_and_epoch,
    parse_header,
    split_batches,
    whole_batches,
    with_log_append_time,
)
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from chronik.record.records import decode_records
from chronik.testing.records import TIMESTAMP, batch_of, flipped, forged

LITERAL = bytes.fromhex(
    "0000000000000005"  # base offset 5
    "00000038"  # length 56: 49 of the header, 7 of the record
    "00000002"  # leader epoch 2
    "02"  # magic 2
    "00000000"  # CRC, filled in below
    "0010"  # attributes: transactional, not compressed
    "00000000"  # last offset delta 0
    "0000000000000064"  # base timestamp 100
    "0000000000000064"  # max timestamp 100
    "0000000000000007"  # producer id 7
    "0001"  # producer epoch 1
    "00000003"  # base sequence 3
    "00000001"  # one record
    "0c"  # it has 6 bytes
    "00"  # its attributes
    "00"  # timestamp delta 0
    "00"  # offset delta 0
    "01"  # no key
    "01"  # no value
    "00"  # no headers
)
LITERAL = LITERAL[:17] + crc32c(LITERAL[21:]).to_bytes(4, "big") + LITERAL[21:]


class HeaderTests(SynchronousTestCase):
    """What a header says."""

    def refused(self, data: bytes) -> BadBatch:
        """The error that a produced run of batches is refused with."""
        with self.assertRaises(BadBatch) as caught:
            for header, batch in split_batches(data):
                check_batch(header, batch)
        return caught.exception

    def test_literal_bytes(self) -> None:
        """Every field is read from where the protocol guide has it."""
        header = parse_header(LITERAL)
        self.assertEqual(tuple(header), (5, 56, 2, 2, header.crc, 0x10, 0, 100, 100, 7, 1, 3, 1))
        self.assertEqual((header.size_bytes, header.last_offset, header.codec, header.last_sequence), (68, 5, Codec.NONE, 3))
        self.assertEqual((header.is_transactional, header.is_control, header.is_log_append_time), (True, False, False))
        check_batch(header, LITERAL)

    def test_at_a_position(self) -> None:
        """A header is read from inside a buffer too."""
        self.assertEqual(parse_header(b"xyz" + LITERAL, 3), parse_header(LITERAL))

    def test_sequence_wraps(self) -> None:
        """After the largest sequence number comes 0."""
        batch = batch_of(b"a", b"b", b"c", producer_id=1, producer_epoch=0, base_sequence=2**31 - 2)
        self.assertEqual(parse_header(batch).last_sequence, 0)
        self.assertEqual(parse_header(batch_of(b"a")).last_sequence, -1)

    def test_old_formats(self) -> None:
        """Message sets are told from damage, even those shorter than a batch's header."""
        for magic in (0, 1):
            for size in (26, 200):
                old = bytes(16) + bytes([magic]) + bytes(size - 17)
                self.assertEqual(self.refused(old).code, ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT)
        self.assertEqual(self.refused(bytes(16) + b"\x03" + bytes(60)).code, ErrorCode.CORRUPT_MESSAGE)

    def test_damage(self) -> None:
        """A flipped bit anywhere under the CRC, and in the CRC, is found."""
        for position in range(17, len(LITERAL)):
            error = self.refused(flipped(LITERAL, position))
            self.assertEqual(error.code, ErrorCode.CORRUPT_MESSAGE, position)

    def test_what_a_broker_writes_is_outside_the_crc(self) -> None:
        """Base offset and leader epoch change without a new CRC, and without touching the rest."""
        head = offset_and_epoch(parse_header(LITERAL), 2**40, 9)
        patched = head + LITERAL[16:]
        header = parse_header(patched)
        self.assertEqual((len(head), header.base_offset, header.leader_epoch), (16, 2**40, 9))
        check_batch(header, patched)

    def test_counts(self) -> None:
        """The count must be one more than the last offset delta, and positive."""
        for count in (0, 2, -1):
            error = self.refused(forged(LITERAL, 57, count.to_bytes(4, "big", signed=True)))
            self.assertEqual(error.code, ErrorCode.INVALID_RECORD)
        emptied = forged(forged(LITERAL, 57, bytes(4)), 23, b"\xff\xff\xff\xff")
        self.assertEqual(self.refused(emptied).code, ErrorCode.INVALID_RECORD)

    def test_counts_that_its_bytes_cannot_hold(self) -> None:
        """A few bytes that claim two billion records would take as many offsets from the log."""
        lying = forged(forged(LITERAL, 57, (2**31 - 1).to_bytes(4, "big")), 23, (2**31 - 2).to_bytes(4, "big"))
        self.assertEqual(self.refused(lying).code, ErrorCode.INVALID_RECORD)
        for codec in list(Codec)[1:]:
            self.assertEqual(self.refused(forged(lying, 22, bytes([codec]))).code, ErrorCode.INVALID_RECORD)

    def test_smallest_records(self) -> None:
        """As many records as fit are believed, compressed a thousandfold too."""
        for codec in Codec:
            batch = build_batch([NewRecord(None, None, 5)] * (60_000 if codec else 63), codec)
            check_batch(parse_header(batch), batch)

    def test_attributes(self) -> None:
        """Unknown attributes and codecs are refused, each with its code."""
        self.assertEqual(self.refused(forged(LITERAL, 21, b"\x01\x00")).code, ErrorCode.INVALID_RECORD)
        self.assertEqual(self.refused(forged(LITERAL, 21, b"\x80\x00")).code, ErrorCode.INVALID_RECORD)
        self.assertEqual(self.refused(forged(LITERAL, 22, b"\x05")).code, ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)

    def test_log_append_time(self) -> None:
        """A stamped batch says so, has a right CRC, and all its records that time."""
        batch = batch_of(b"a", b"b")
        stamped = with_log_append_time(parse_header(batch), batch, 123)
        header = parse_header(stamped)
        check_batch(header, stamped)
        self.assertTrue(header.is_log_append_time)
        self.assertEqual((header.base_timestamp, header.max_timestamp), (TIMESTAMP, 123))
        self.assertEqual([record.timestamp for record in decode_records(stamped)], [123, 123])
        self.assertEqual(parse_header(batch).max_timestamp, TIMESTAMP + 1)


class RunTests(SynchronousTestCase):
    """Several batches one after the other."""

    def test_split(self) -> None:
        """Each comes with its own bytes, not copied."""
        batches = [batch_of(b"a"), batch_of(b"b" * 1000), LITERAL]
        split = split_batches(b"".join(batches))
        self.assertEqual([bytes(view) for _, view in split], batches)
        self.assertEqual(split_batches(b""), [])

    def test_strict_about_the_end(self) -> None:
        """A produced run that is cut off, or followed by anything, is refused at every place."""
        whole = LITERAL + LITERAL
        for end in range(1, len(whole)):
            if end != len(LITERAL):
                with self.assertRaises(BadBatch):
                    split_batches(whole[:end])
        with self.assertRaises(BadBatch):
            split_batches(whole + b"\x00")

    def test_lenient_about_the_end(self) -> None:
        """A fetched run gives its whole batches wherever it is cut off."""
        whole = LITERAL + LITERAL
        for end in range(len(whole) + 1):
            self.assertEqual(len(list(whole_batches(whole[:end]))), end // len(LITERAL))

    def test_length_that_cannot_be(self) -> None:
        """A length smaller than a header, or negative, never sends a reader in circles."""
        for length in (0, 48, -12, -(2**31)):
            bad = LITERAL[:8] + length.to_bytes(4, "big", signed=True) + LITERAL[12:]
            with self.assertRaises(BadBatch):
                split_batches(bad)
            with self.assertRaises(BadBatch):
                list(whole_batches(bad))

    @given(st.binary(max_size=200))
    def test_random_bytes(self, data: bytes) -> None:
        """Random bytes end in batches or in BadBatch."""
        for read in (split_batches, lambda run: list(whole_batches(run))):
            try:
                for header, view in read(data):
                    check_crc(header, view)
            except BadBatch:
                pass

    def test_header_size(self) -> None:
        """The header is as long as the protocol guide says."""
        self.assertEqual(len(LITERAL) - 7, HEADER_BYTES)
