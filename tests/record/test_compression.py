"""Codecs: round trips, damage, bombs, and other encoders' output."""

from __future__ import annotations

import gzip
import random
import tracemalloc
from typing import Any

import cramjam
from aiokafka.codec import snappy_decode
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib
from kafka.codec import gzip_decode, lz4_decode, zstd_decode
from twisted.trial.unittest import SynchronousTestCase

from chronik.record.compression import Codec, CompressionError, compress, decompress

PACKED = [codec for codec in Codec if codec is not Codec.NONE]
TEXT = b"some words that repeat, some words that repeat; " * 2000


class CodecTests(SynchronousTestCase):
    """Compression and its bounds."""

    @given(st.binary(max_size=5000), st.sampled_from(Codec))
    def test_round_trip(self, data: bytes, codec: Codec) -> None:
        """What was compressed comes back, at the exact bound too."""
        self.assertEqual(decompress(codec, compress(codec, data), len(data)), data)

    def test_another_decoder(self) -> None:
        """kafka-python's decoders, and aiokafka's for snappy, read what is compressed here."""
        theirs = {Codec.GZIP: gzip_decode, Codec.SNAPPY: snappy_decode, Codec.LZ4: lz4_decode, Codec.ZSTD: zstd_decode}
        for codec, decode in theirs.items():
            self.assertEqual(bytes(decode(compress(codec, TEXT))), TEXT, codec)

    def test_levels(self) -> None:
        """A level is the codec's own."""
        for codec in (Codec.GZIP, Codec.LZ4, Codec.ZSTD):
            self.assertEqual(decompress(codec, compress(codec, TEXT, 9), len(TEXT)), TEXT)
        self.assertLess(len(compress(Codec.GZIP, TEXT, 9)), len(compress(Codec.GZIP, TEXT, 0)))

    def test_no_time(self) -> None:
        """The same bytes compress to the same bytes at any time: a gzip header has none, as Kafka's own."""
        self.assertEqual(compress(Codec.GZIP, TEXT)[4:8], bytes(4))
        self.assertEqual(compress(Codec.GZIP, TEXT, 6)[4:8], bytes(4))

    def test_raw_snappy(self) -> None:
        """librdkafka sends snappy without Java's framing."""
        self.assertEqual(decompress(Codec.SNAPPY, bytes(cramjam.snappy.compress_raw(TEXT)), len(TEXT)), TEXT)

    def test_several_gzip_members(self) -> None:
        """Concatenated gzip members are one stream, and share one bound."""
        twice = gzip.compress(b"ab") + gzip.compress(b"cd")
        self.assertEqual(decompress(Codec.GZIP, twice, 4), b"abcd")
        self.assertRaises(CompressionError, decompress, Codec.GZIP, twice, 3)

    def test_many_streams(self) -> None:
        """However many streams a batch has, and wherever they end, all are read; and none costs a copy of all that follow it."""
        sizes = [0, 1, 5_000, 0, 70_000, 3_000_000, 0, 4_096]
        texts = [bytes(random.Random(size).randbytes(size)) for size in sizes]
        for codec in (Codec.GZIP, Codec.LZ4):
            packed = b"".join(compress(codec, text) for text in texts)
            self.assertEqual(b"".join(texts), decompress(codec, packed, sum(sizes)))
            for cut in (1, 4_097, len(packed) - 5_000):
                with self.assertRaises(CompressionError):
                    decompress(codec, packed[:-cut], sum(sizes))
        fed: list[int] = []
        make = isal_zlib.decompressobj

        class Counting:
            def __init__(self, bits: int) -> None:
                self.of = make(bits)

            def decompress(self, data: bytes, room: int) -> bytes:
                fed.append(len(data))
                return self.of.decompress(data, room)

            def __getattr__(self, name: str) -> Any:
                return getattr(self.of, name)

        self.patch(isal_zlib, "decompressobj", Counting)
        empty = compress(Codec.GZIP, b"")
        self.assertEqual(b"", decompress(Codec.GZIP, empty * 2_000, 10))
        self.assertLess(sum(fed), 2_000 * 5_000)

    def test_one_byte_too_many(self) -> None:
        """The bound is exact for every codec."""
        for codec in Codec:
            with self.assertRaisesRegex(CompressionError, f"more than {len(TEXT) - 1} bytes"):
                decompress(codec, compress(codec, TEXT), len(TEXT) - 1)

    def test_bombs(self) -> None:
        """A bomb is refused, and Python's heap never holds much more than the bound."""
        for codec in PACKED:
            bomb = compress(codec, bytes(32 << 20))
            tracemalloc.start()
            try:
                self.assertRaises(CompressionError, decompress, codec, bomb, 1 << 20)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            self.assertLess(peak, 8 << 20, codec)

    @given(st.binary(max_size=300), st.sampled_from(PACKED))
    def test_random_bytes(self, data: bytes, codec: Codec) -> None:
        """Random bytes end in bytes within the bound, or in CompressionError."""
        try:
            self.assertLessEqual(len(decompress(codec, data, 1000)), 1000)
        except CompressionError:
            pass

    @given(st.integers(0, 200), st.integers(0, 255), st.sampled_from(PACKED))
    def test_damage(self, position: int, byte: int, codec: Codec) -> None:
        """A changed byte ends in bytes within the bound, or in CompressionError."""
        packed = bytearray(compress(codec, TEXT))
        packed[position % len(packed)] = byte
        try:
            self.assertLessEqual(len(decompress(codec, bytes(packed), len(TEXT))), len(TEXT))
        except CompressionError:
            pass

    def test_framed_snappy_cut_off(self) -> None:
        """A block that claims more than there is, or less than nothing, is refused."""
        framed = compress(Codec.SNAPPY, TEXT)
        for size in (2**31 - 1, -1):
            bad = framed[:16] + size.to_bytes(4, "big", signed=True) + framed[20:]
            self.assertRaises(CompressionError, decompress, Codec.SNAPPY, bad, 1 << 20)
