"""Bytes that no client sends: every one ends in a message or a DecodeError, in bounded time and memory."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.protocol.message import ELEMENTS_MAX, Message
from chronik.protocol.messages import (
    BrokerHeartbeatRequest,
    CreateTopicsRequest,
    FetchRequest,
    HeartbeatRequest,
    MetadataRequest,
    OffsetFetchRequest,
    ProduceRequest,
    SaslAuthenticateRequest,
)
from chronik.protocol.primitives import DecodeError
from tests.protocol.samples import Sampler, pairs, sampled
from tests.protocol.wire import wire

LENGTHS = (b"\xff\xff\xff\xff", b"\xff\xff\xff\xfe", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xff\xff\xff\x0f", b"\xff\xff", b"\x7f\xff")


def mutated(random: Random, encoded: bytes) -> bytes:
    """One byte changed, a length planted, or the end cut off."""
    at = random.randrange(len(encoded) + 1)
    choice = random.randrange(4)
    if choice == 0:
        return encoded[:at]
    if choice == 1:
        length = random.choice(LENGTHS)
        return encoded[:at] + length + encoded[at + len(length) :]
    if choice == 2:
        return encoded[:at] + random.randbytes(3) + encoded[at:]
    return encoded[:at] + random.randbytes(1) + encoded[at + 1 :]


class FuzzTests(SynchronousTestCase):
    """Random and mutated bytes."""

    def decodes_or_refuses(self, cls: type[Message], version: int, data: bytes) -> None:
        """Whatever comes, the position stays inside, and what decodes can be encoded and decodes to the same again."""
        try:
            message, position = cls.decode(data, version)
        except DecodeError:
            return
        self.assertLessEqual(position, len(data))
        encoded = message.encode(version)
        self.assertEqual(cls.decode(encoded, version)[0].encode(version), encoded)

    def test_mutations_of_every_pair(self) -> None:
        """Mutated messages of every version raise nothing but DecodeError."""
        for cls, version in pairs():
            random = Random(f"hostile {cls.__name__} {version}")
            encoded = Sampler(random).message(cls, version).encode(version)
            for _ in range(25):
                self.decodes_or_refuses(cls, version, mutated(random, encoded))

    def test_random_bytes_for_every_pair(self) -> None:
        """So do random ones."""
        for cls, version in pairs():
            random = Random(f"random {cls.__name__} {version}")
            for size in (0, 1, 3, 8, 40, 200):
                self.decodes_or_refuses(cls, version, random.randbytes(size))

    @settings(max_examples=150)
    @given(sampled())
    def test_every_truncation(self, sample: tuple[Message, int]) -> None:
        """A message cut anywhere is refused, also when other bytes follow the cut in the buffer."""
        message, version = sample
        encoded = message.encode(version)
        for size in range(0, len(encoded), max(1, len(encoded) // 40)):
            self.assertRaises(DecodeError, message.decode, encoded[:size], version)
            self.assertRaises(DecodeError, message.decode, encoded, version, 0, size)

    @settings(max_examples=300)
    @given(st.binary(max_size=80), st.binary(max_size=20), st.binary(max_size=20), st.sampled_from((3, 9, 13)))
    def test_neighbours_do_not_matter(self, data: bytes, before: bytes, after: bytes, version: int) -> None:
        """The same bytes inside a larger buffer have the same outcome: nothing outside is read."""
        outcomes: list[tuple[Message, int] | None] = []
        for buffer, start in ((data, 0), (before + data + after, len(before))):
            try:
                message, position = ProduceRequest.decode(buffer, version, start, start + len(data))
                outcomes.append((message, position - start))
            except DecodeError:
                outcomes.append(None)
        self.assertEqual(outcomes[0], outcomes[1])


class EndTests(SynchronousTestCase):
    """Where a message must have ended."""

    def test_end_past_the_buffer(self) -> None:
        """An end past the buffer is the buffer's end: nothing is cut short silently."""
        encoded = SaslAuthenticateRequest(auth_bytes=b"secret").encode(0)
        for size in range(len(encoded)):
            self.assertRaises(DecodeError, SaslAuthenticateRequest.decode, encoded[:size], 0, 0, len(encoded))

    def test_the_field_is_named(self) -> None:
        """A string or bytes past the end is refused at once, by its name, though more bytes follow in the buffer."""
        for cls, encoded, end, name in (
            (SaslAuthenticateRequest, wire("00000005") + bytes(100), 8, "auth_bytes"),
            (HeartbeatRequest, wire("0005") + bytes(100), 6, "group_id"),
        ):
            error = self.assertRaises(DecodeError, cls.decode, encoded, 0, 0, end)
            self.assertIn(f"{name} reaches past the end", str(error))


class CountTests(SynchronousTestCase):
    """Counts and lengths that promise more than there is."""

    def test_count_bombs(self) -> None:
        """A huge count is refused before anything is allocated for it."""
        for cls, version, encoded in (
            (MetadataRequest, 1, wire("7fffffff")),
            (MetadataRequest, 9, wire("ff ff ff ff 07")),
            (ProduceRequest, 3, wire("ffff 0001 00000000 7fffffff") + bytes(100)),
            (OffsetFetchRequest, 8, wire("ff ff ff ff 07") + bytes(100)),
            (HeartbeatRequest, 4, wire("ff ff ff ff 07") + bytes(100)),
            (HeartbeatRequest, 3, wire("7fff") + bytes(100)),
        ):
            self.assertRaises(DecodeError, cls.decode, encoded, version)

    def test_count_is_checked_against_the_smallest_elements(self) -> None:
        """As many topics as bytes are left is too many already."""
        start = "ffff 0001 00000000"
        error = self.assertRaises(DecodeError, ProduceRequest.decode, wire(start, "0000000a") + bytes(10), 3)
        self.assertIn("topic_data reaches past the end", str(error))
        three = wire(start, "00000003") + bytes(18)  # three times an empty name and no partitions
        self.assertEqual(len(ProduceRequest.decode(three, 3)[0].topic_data), 3)

    def test_count_inside_a_tag(self) -> None:
        """An array in a tagged field is checked against the tag's size, not the message's end."""
        request = BrokerHeartbeatRequest(offline_log_dirs=(bytes(range(16)),))
        encoded = bytearray(request.encode(1))
        at = encoded.index(b"\x00\x11\x02")  # tag 0, seventeen bytes, one id
        encoded[at + 2] = 3
        encoded += bytes(64)
        error = self.assertRaises(DecodeError, BrokerHeartbeatRequest.decode, bytes(encoded), 1)
        self.assertIn("offline_log_dirs reaches past the end", str(error))


class BudgetTests(SynchronousTestCase):
    """How many elements one message may have."""

    def topics(self, count: int, partitions: int = 0) -> bytes:
        """A Fetch request of ``count`` topics with ``partitions`` each."""
        parts = tuple(FetchRequest.FetchPartition(partition=index) for index in range(partitions))
        return FetchRequest(topics=tuple(FetchRequest.FetchTopic(topic="t", partitions=parts) for _ in range(count))).encode(12)

    def test_exactly_as_many_as_allowed(self) -> None:
        """The budget is inclusive, and one element more is refused."""
        self.assertEqual(len(FetchRequest.decode(self.topics(10), 12, elements_max=10)[0].topics), 10)
        error = self.assertRaises(DecodeError, FetchRequest.decode, self.topics(11), 12, elements_max=10)
        self.assertIn("topics", str(error))

    def test_nested_arrays_share_it(self) -> None:
        """Elements count over all arrays of a message together."""
        encoded = self.topics(4, 3)
        self.assertEqual(len(FetchRequest.decode(encoded, 12, elements_max=16)[0].topics), 4)
        self.assertRaises(DecodeError, FetchRequest.decode, encoded, 12, elements_max=15)

    def test_number_arrays_count(self) -> None:
        """An array of integers takes many times its bytes in memory, so its elements count."""
        forgotten = FetchRequest.ForgottenTopic(topic="t", partitions=tuple(range(20)))
        encoded = FetchRequest(forgotten_topics_data=(forgotten,)).encode(12)
        self.assertEqual(FetchRequest.decode(encoded, 12, elements_max=21)[0].forgotten_topics_data, (forgotten,))
        self.assertRaises(DecodeError, FetchRequest.decode, encoded, 12, elements_max=20)

    def test_tags_count(self) -> None:
        """So do tagged fields, known or not: walking empty ones takes time."""
        heartbeat = HeartbeatRequest(group_id="g").encode(4)[:-1]
        fetch = FetchRequest().encode(12)[:-1]
        for cls, body, version in ((HeartbeatRequest, heartbeat, 4), (FetchRequest, fetch, 12)):
            encoded = body + b"\x0a" + b"\x7f\x00" * 10
            self.assertEqual(cls.decode(encoded, version, elements_max=10)[1], len(encoded))
            self.assertRaises(DecodeError, cls.decode, encoded, version, elements_max=9)

    def test_the_default(self) -> None:
        """A request may have 50,000 elements by default."""
        topics = tuple(CreateTopicsRequest.CreatableTopic() for _ in range(ELEMENTS_MAX + 1))
        encoded = CreateTopicsRequest(topics=topics).encode(5)
        self.assertRaises(DecodeError, CreateTopicsRequest.decode, encoded, 5)
        self.assertEqual(len(CreateTopicsRequest.decode(encoded, 5, elements_max=ELEMENTS_MAX + 1)[0].topics), ELEMENTS_MAX + 1)
