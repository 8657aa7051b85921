"""What is encoded decodes to the same message, for every message in every version."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from chronik.protocol.message import Message
from tests.protocol.samples import Sampler, pairs, sampled

INSTANCES = 6


class RoundTripTests(SynchronousTestCase):
    """Decoding undoes encoding."""

    def test_every_pair(self) -> None:
        """Random messages of every version come back equal, and the position is their end."""
        for cls, version in pairs():
            sampler = Sampler(Random(f"{cls.__name__} {version}"))
            for _ in range(INSTANCES):
                message = sampler.message(cls, version)
                encoded = message.encode(version)
                decoded, position = cls.decode(encoded, version)
                self.assertEqual(decoded, message, f"{cls.__name__} version {version}")
                self.assertEqual(position, len(encoded))

    def test_every_default(self) -> None:
        """A message with all defaults can be encoded, and comes back, in every version."""
        for cls, version in pairs():
            encoded = cls().encode(version)
            self.assertEqual(cls.decode(encoded, version), (cls(), len(encoded)))

    @settings(max_examples=250)
    @given(sampled())
    def test_inside_a_larger_buffer(self, sample: tuple[Message, int]) -> None:
        """A message decodes alike at an offset with other bytes around it, and says where it ended."""
        message, version = sample
        encoded = message.encode(version)
        decoded, position = message.decode(b"\x7f" * 7 + encoded + b"\x7f" * 90, version, 7, 7 + len(encoded))
        self.assertEqual(decoded, message)
        self.assertEqual(position, 7 + len(encoded))

    @settings(max_examples=150)
    @given(sampled())
    def test_pieces_are_the_encoding(self, sample: tuple[Message, int]) -> None:
        """Pieces joined are what ``encode`` answers, and each is bytes."""
        message, version = sample
        pieces = message.encode_pieces(version)
        self.assertEqual({type(piece) for piece in pieces}, {bytes})
        self.assertEqual(b"".join(pieces), message.encode(version))

    @settings(max_examples=150)
    @given(sampled())
    def test_bytes_after_the_body_are_ignored(self, sample: tuple[Message, int]) -> None:
        """As in Kafka, what follows the body inside the frame does not matter."""
        message, version = sample
        encoded = message.encode(version)
        self.assertEqual(message.decode(encoded + b"more", version), (message, len(encoded)))
