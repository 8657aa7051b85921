"""Each file's bytes are Kafka's, and damaged ones are told from good ones."""

from __future__ import annotations

from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.model import TopicId, TopicPartition
from chronik.record.batch import parse_header
from chronik.storage.checkpoints import (
    BadCheckpoint,
    DirectoryIdentity,
    decode_epochs,
    decode_offsets,
    decode_partition_metadata,
    encode_epochs,
    encode_offsets,
    encode_partition_metadata,
)
from chronik.storage.indexes import BadIndex, OffsetIndex, TimeIndex
from chronik.storage.producers import BadSnapshot, ProducerStates
from chronik.testing.records import TIMESTAMP, batch_of


class LiteralTests(SynchronousTestCase):
    """Files byte for byte."""

    def test_offset_index(self) -> None:
        """Relative offset and position, four bytes each."""
        index = OffsetIndex(1000)
        index.append(1005, 4100)
        index.append(1010, 8300)
        data = bytes.fromhex("00000005 00001004 0000000a 0000206c")
        self.assertEqual(data, index.encode())
        again = OffsetIndex.decode(1000, data, 9000)
        self.assertEqual([0, 4100, 4100, 8300], [again.position_of(offset) for offset in (1004, 1005, 1009, 2000)])

    def test_time_index(self) -> None:
        """Timestamp in eight bytes, relative offset in four; only growing timestamps."""
        index = TimeIndex(1000)
        for timestamp, offset in ((256, 1003), (256, 1004), (255, 1005), (512, 1009)):
            index.append(timestamp, offset)
        data = bytes.fromhex("0000000000000100 00000003 0000000000000200 00000009")
        self.assertEqual(data, index.encode())
        again = TimeIndex.decode(1000, data)
        self.assertEqual([1000, 1000, 1003, 1003, 1009], [again.offset_before(t) for t in (0, 256, 257, 512, 513)])

    def test_snapshot(self) -> None:
        """Version, CRC-32C of the rest, count, and 46 bytes a batch."""
        states = ProducerStates()
        states.note(parse_header(batch_of(b"a", b"b", producer_id=7, producer_epoch=2, base_sequence=4)), 21)
        rest = (
            bytes.fromhex("00000001")  # batches
            + bytes.fromhex("0000000000000007 0002 00000005")  # id, epoch, last sequence
            + bytes.fromhex("0000000000000015 00000001")  # last offset, offset delta
            + (TIMESTAMP + 1).to_bytes(8, "big")
            + bytes.fromhex("ffffffff ffffffffffffffff")  # coordinator epoch, first offset of the transaction
        )
        data = b"\x00\x01" + crc32c(rest).to_bytes(4, "big") + rest
        self.assertEqual(data, states.snapshot())
        again = ProducerStates()
        again.restore(data, 22)
        self.assertEqual((states.summaries(), 22), (again.summaries(), again.map_end_offset))

    def test_snapshot_of_many_batches(self) -> None:
        """All batches that may come again are there, a producer's latest last, which is the one that Kafka's reader keeps."""
        states = ProducerStates()
        for sequence in range(7):
            for producer_id in (7, 8):
                batch = batch_of(b"x", producer_id=producer_id, producer_epoch=0, base_sequence=sequence)
                states.note(parse_header(batch), 2 * sequence + producer_id)
        data = states.snapshot()
        entries = [(int.from_bytes(data[at : at + 8], "big"), int.from_bytes(data[at + 10 : at + 14], "big")) for at in range(10, len(data), 46)]
        self.assertEqual([(producer_id, sequence) for producer_id in (7, 8) for sequence in range(2, 7)], entries)
        again = ProducerStates()
        again.restore(data, 21)
        self.assertEqual((states.summaries(), data), (again.summaries(), again.snapshot()))
        for sequence in range(2, 7):
            found = again.check(parse_header(batch_of(b"x", producer_id=8, producer_epoch=0, base_sequence=sequence)))
            self.assertEqual(2 * sequence + 8, found.base_offset if found is not None else None)

    def test_checkpoints(self) -> None:
        """Version, number of rows, rows."""
        offsets = {TopicPartition("b", 1): 7, TopicPartition("a", 10): 0}
        self.assertEqual(b"0\n2\na 10 0\nb 1 7\n", encode_offsets(offsets))
        self.assertEqual(offsets, decode_offsets(encode_offsets(offsets)))
        self.assertEqual(b"0\n2\n1 0\n4 100\n", encode_epochs([(1, 0), (4, 100)]))
        self.assertEqual([(1, 0), (4, 100)], decode_epochs(b"0\n2\n1 0\n4 100\n"))

    def test_partition_metadata(self) -> None:
        """The topic id in Kafka's base64, and a line that Kafka does not read; a file without that is read as well."""
        topic_id = TopicId(bytes(15) + b"\x01")
        data = encode_partition_metadata(topic_id)
        self.assertEqual(b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\ncrc32c: abc8535c\n", data)
        self.assertEqual(topic_id, decode_partition_metadata(data))
        for kafkas in (b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ", b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\n"):
            self.assertEqual(topic_id, decode_partition_metadata(kafkas))

    def test_damaged_partition_metadata(self) -> None:
        """Whatever byte changes, and wherever the file ends, no other id is read."""
        topic_id = TopicId(bytes(range(16)))
        data = encode_partition_metadata(topic_id)
        damaged = [data[:at] for at in range(len(data))]
        damaged += [data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :] for at in range(len(data)) for bit in range(8)]
        read = 0
        for each in damaged:
            try:
                self.assertEqual(topic_id, decode_partition_metadata(each), each)
                read += 1
            except BadCheckpoint:
                pass
        self.assertLess(read, 5)

    def test_identity(self) -> None:
        """A file that Kafka wrote is read, comments and all."""
        identity = DirectoryIdentity.decode(b"#\n#Mon\nnode.id=3\nversion=1\ndirectory.id=x\ncluster.id=abc\n")
        self.assertEqual(DirectoryIdentity("abc", 3, "x"), identity)


class DamageTests(SynchronousTestCase):
    """Hostile bytes give the error of their kind and no other."""

    @given(st.binary(max_size=200))
    def test_anything(self, data: bytes) -> None:
        """No bytes lead to another exception."""
        for read, error in (
            (lambda: OffsetIndex.decode(0, data, 1000), BadIndex),
            (lambda: TimeIndex.decode(0, data), BadIndex),
            (lambda: ProducerStates().restore(data, 0), BadSnapshot),
            (lambda: decode_offsets(data), BadCheckpoint),
            (lambda: decode_epochs(b"0\n1\n" + data), BadCheckpoint),
            (lambda: decode_partition_metadata(data), BadCheckpoint),
            (lambda: DirectoryIdentity.decode(data), BadCheckpoint),
        ):
            try:
                read()
            except error:
                pass

    def test_indexes(self) -> None:
        """Entries grow, are whole, and point into the log."""
        for text in ("0000000500000001 00000005 00000002", "0000000500000002 00000006 00000002", "00000005 00001000", "0000000500"):
            self.assertRaises(BadIndex, OffsetIndex.decode, 0, bytes.fromhex(text), 100)
        for text in ("0000000000000002 00000001 0000000000000002 00000002", "0000000000000002 00000003 0000000000000003 00000002", "00"):
            self.assertRaises(BadIndex, TimeIndex.decode, 0, bytes.fromhex(text))
