"""Glances at records: as strict as decoding them, and without its cost."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.record.batch import parse_header
from chronik.record.build import NewRecord, build_batch, varint
from chronik.record.compression import Codec
from chronik.record.records import BadRecords, TooMuchInside, decode_records, unpacked_records
from chronik.record.walk import PARTS_BETWEEN_PAUSES, Glance, RecordGlances, record_times
from chronik.testing.records import TIMESTAMP, forged
from tests.record.test_records import new_records, with_body

HEADERS = [("h", b"")] * 1_000


def glances(batch: bytes) -> list[Glance] | None:
    """All of a batch; None when its inside cannot be read."""
    header = parse_header(batch)
    try:
        return list(RecordGlances(header, unpacked_records(header, batch)))
    except BadRecords:
        return None


def decoded(batch: bytes) -> list[Glance] | None:
    """The same by decoding."""
    try:
        return [(record.offset - parse_header(batch).base_offset, record.timestamp, record.key is not None) for record in decode_records(batch)]
    except BadRecords:
        return None


class GlanceTests(SynchronousTestCase):
    """What is seen without looking closely."""

    @given(new_records, st.sampled_from(Codec), st.integers(0, 2**40))
    def test_as_decoded(self, records: list[NewRecord], codec: Codec, base_offset: int) -> None:
        """Offsets, times, and whether there are keys, are those of the records."""
        batch = build_batch(records, codec, base_offset=base_offset)
        self.assertEqual(decoded(batch), glances(batch))
        self.assertEqual([(record.offset, record.timestamp) for record in decode_records(batch)], list(record_times(batch)))

    @given(new_records, st.integers(0), st.binary(min_size=1, max_size=3))
    def test_as_strict(self, records: list[NewRecord], position: int, replacement: bytes) -> None:
        """Whatever is damaged is refused by one as by the other."""
        batch = build_batch(records)
        damaged = forged(batch, 61 + position % (len(batch) - 61), replacement)[: len(batch)]
        self.assertEqual(decoded(damaged), glances(damaged))

    @given(st.binary(max_size=60), st.integers(1, 4))
    def test_random_bytes(self, body: bytes, count: int) -> None:
        """So are random bytes."""
        batch = with_body(body, count)
        self.assertEqual(decoded(batch), glances(batch))

    def test_pauses(self) -> None:
        """Others may compute after every so many records, and after as many headers of one."""
        count = 3 * PARTS_BETWEEN_PAUSES + 1
        for records in ([NewRecord(b"", b"", TIMESTAMP)] * count, [NewRecord(b"", b"", TIMESTAMP, HEADERS[:count])]):
            batch = build_batch(records)
            pauses: list[int] = []
            seen = list(RecordGlances(parse_header(batch), batch[61:], lambda pauses=pauses: pauses.append(0)))  # type: ignore[misc]
            self.assertEqual((len(records), 3), (len(seen), len(pauses)))

    def test_parts(self) -> None:
        """Records and headers count together, and are bounded before they are looked at."""
        batch = build_batch([NewRecord(b"", b"", TIMESTAMP, HEADERS[:3]), NewRecord(b"", b"", TIMESTAMP)])
        header = parse_header(batch)
        self.assertEqual(2, len(list(RecordGlances(header, batch[61:], parts_max=5))))
        with self.assertRaisesRegex(TooMuchInside, "more than 4 records and headers"):
            list(RecordGlances(header, batch[61:], parts_max=4))

    def test_keeps_nothing(self) -> None:
        """A record with many headers, and many records, take no memory to pass over."""
        many_headers = varint(500_000) + b"\x02h\x00" * 500_000
        body = b"\x00\x00\x00\x01\x01" + many_headers
        for batch in (with_body(varint(len(body)) + body), build_batch([NewRecord(b"", b"", TIMESTAMP)] * 50_000)):
            unpacked = batch[61:]
            tracemalloc.start()
            try:
                for _ in RecordGlances(parse_header(batch), unpacked):
                    pass
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            self.assertLess(peak, 100_000)

    def test_times_up_to_damage(self) -> None:
        """Times come in the order of the records, up to where they cannot be read."""
        batch = build_batch([NewRecord(b"", b"", TIMESTAMP + n) for n in range(3)])
        found = []
        with self.assertRaises(BadRecords):
            for offset, timestamp in record_times(forged(batch, len(batch) - 1, b"\x7f")):
                found.append((offset, timestamp))
        self.assertEqual([(0, TIMESTAMP), (1, TIMESTAMP + 1)], found)
