"""From fetched batches to documents and markers."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.record.batch import with_crc
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from chronik.search.interfaces import Document, Marker
from chronik.search.worker.batches import Plan, documents, index_into
from chronik.search.worker.source import Fetched, Want
from tests.search.worker.fakes import ListStore

TOPIC = TopicId(bytes(16))


def batch(base: int, values: list[bytes], producer: int = -1, control: bool = False, codec: Codec = Codec.NONE) -> bytes:
    """A batch; one with a producer is transactional."""
    records = [NewRecord(b"k", value, 1_000 + base + n, (("h", b"1"),)) for n, value in enumerate(values)]
    epoch = 0 if producer >= 0 else -1
    return build_batch(
        records, codec, base_offset=base, leader_epoch=4, producer_id=producer, producer_epoch=epoch, transactional=producer >= 0, control=control
    )


def plan(records: bytes, offset: int = 0, limit: int | None = None, aborted: tuple[tuple[int, int], ...] = ()) -> Plan:
    """What to index of these batches."""
    return Plan(Fetched(Want(TOPIC, 2, offset, 1 << 20), ErrorCode.NONE, 0, 99, 99, records, aborted), offset, 5, "json", True, limit)


def shape(made: list[Document | Marker]) -> list[tuple[object, ...]]:
    """Offsets of documents, ranges and reasons of markers."""
    return [(d.offset,) if isinstance(d, Document) else (d.offset, d.last_offset, d.reason) for d in made]


class DocumentsTests(SynchronousTestCase):
    """:func:`documents`."""

    def test_record(self) -> None:
        """A document carries all that there is to be found by, and where the record is."""
        (first, second) = documents(plan(batch(10, [b"a", b"b"], codec=Codec.ZSTD), 10))
        self.assertEqual(first, Document(5, 2, 10, 4, 10, 0, 1_010, b"k", b"a", (("h", b"1"),), "json", True))
        self.assertEqual(second, Document(5, 2, 11, 4, 10, 1, 1_011, b"k", b"b", (("h", b"1"),), "json", True))

    def test_begins_inside_a_batch(self) -> None:
        """Records before the asked offset are known already."""
        self.assertEqual(shape(list(documents(plan(batch(0, [b"a"] * 3) + batch(3, [b"b"]), 2)))), [(2,), (3,)])
        self.assertEqual(shape(list(documents(plan(batch(0, [b"a"] * 3) + batch(3, [b"b"]), 3)))), [(3,)])

    def test_damaged(self) -> None:
        """A batch whose CRC says that it is not what was sent is not found, nor what the log itself does not serve."""
        data = bytearray(batch(1, [b"first", b"second"]))
        data[-3] ^= 1
        self.assertEqual(shape(list(documents(plan(bytes(data) + batch(3, [b"b"]), 1)))), [(1, 2, "damaged"), (3,)])
        gone = plan(b"", 3)
        made = documents(replace(gone, fetched=replace(gone.fetched, damaged_to=9)))
        self.assertEqual(shape(list(made)), [(3, 8, "damaged")])

    def test_damaged_header(self) -> None:
        """What a damaged batch says of itself is not believed: the next one tells where it ends; without one, no more is given up than can be."""
        data = bytearray(batch(1, [b"first", b"second"]))
        data[23] ^= 1  # how many offsets it has: 65,537 more
        self.assertEqual(shape(list(documents(plan(bytes(data) + batch(3, [b"b"]), 1)))), [(1, 2, "damaged"), (3,)])
        self.assertEqual(shape(list(documents(plan(bytes(data), 1)))), [(1, 1, "damaged")])

    def test_limit(self) -> None:
        """Nothing at or above the limit, also inside a batch."""
        data = batch(0, [b"a"] * 3) + batch(3, [b"b"] * 2)
        for limit in range(6):
            self.assertEqual(shape(list(documents(plan(data, 0, limit)))), [(n,) for n in range(min(limit, 5))])

    def test_gap_between_batches(self) -> None:
        """Offsets that compaction removed are accounted for."""
        self.assertEqual(shape(list(documents(plan(batch(0, [b"a"]) + batch(5, [b"b"]))))), [(0,), (1, 4, "compacted"), (5,)])
        self.assertEqual(shape(list(documents(plan(batch(5, [b"b"]), 2, 4)))), [(2, 3, "compacted")])

    def test_gap_inside_a_batch(self) -> None:
        """A compacted batch keeps its last offset: what is missing inside and at its end is accounted for."""
        data = bytearray(batch(0, [b"a", b"b"]))
        data[23:27] = (6).to_bytes(4, "big")
        self.assertEqual(shape(list(documents(plan(bytes(with_crc(data)))))), [(0,), (1,), (2, 6, "compacted")])

    def test_undecodable(self) -> None:
        """A batch whose inside is garbage becomes a marker, and the next one is indexed."""
        data = bytearray(batch(0, [b"a"] * 4))
        data[61:] = bytes(len(data) - 61)
        self.assertEqual(shape(list(documents(plan(bytes(with_crc(data)) + batch(4, [b"b"]), 1)))), [(1, 3, "undecodable"), (4,)])

    def test_aborted(self) -> None:
        """An aborted transaction's records are not found; those before and after it, and of other producers, are."""
        data = b"".join(
            [
                batch(0, [b"committed"], producer=7),
                batch(1, [b"marker"], producer=7, control=True),
                batch(2, [b"aborted", b"aborted"], producer=7),
                batch(4, [b"other"], producer=8),
                batch(5, [b"plain"]),
                batch(6, [b"marker"], producer=7, control=True),
                batch(7, [b"committed"], producer=7),
            ]
        )
        self.assertEqual(
            shape(list(documents(plan(data, aborted=((7, 2),))))), [(0,), (1, 1, "control"), (2, 3, "aborted"), (4,), (5,), (6, 6, "control"), (7,)]
        )

    def test_aborted_before_the_offset(self) -> None:
        """A transaction that began before what is read is still aborted."""
        data = batch(2, [b"x", b"x"], producer=7) + batch(4, [b"x"], producer=7)
        self.assertEqual(shape(list(documents(plan(data, 4, aborted=((7, 0),))))), [(4, 4, "aborted")])

    def test_cut_off(self) -> None:
        """A last batch that did not fit is left for the next read."""
        self.assertEqual(shape(list(documents(plan((batch(0, [b"a"]) + batch(1, [b"b"]))[:-3])))), [(0,)])

    @given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1), st.integers(0, 20), st.integers(0, 40))
    def test_every_offset_once(self, batches: list[tuple[int, int]], start: int, length: int) -> None:
        """Whatever the gaps, offsets from the first asked to the last batch's or the limit are covered once, in order."""
        data, base = b"", 0
        for count, gap in batches:
            base += gap
            data += batch(base, [b"v"] * count)
            base += count
        covered: list[int] = []
        for made in documents(plan(data, start, start + length)):
            covered += range(made.offset, (made.last_offset if isinstance(made, Marker) else made.offset) + 1)
        self.assertEqual(covered, list(range(start, max(start, min(base, start + length)))))


class IndexIntoTests(SynchronousTestCase):
    """:func:`index_into`."""

    def test_results(self) -> None:
        """Each plan's end, documents, records and bytes; all go to the store at once."""
        store = ListStore(None)
        results = index_into(store, [plan(batch(0, [b"abc", b"d"])), plan(batch(7, [b"m"], 3, True), 7), plan(b"", 9)])
        found = [(r.next_offset, r.documents, r.records, r.size_bytes, r.advanced) for r in results]
        self.assertEqual(found, [(2, 2, 2, 6, True), (8, 1, 0, 0, True), (9, 0, 0, 0, False)])
        store.commit()
        self.assertEqual(store.covered(5, 2, 0, 99).documents, 2)
