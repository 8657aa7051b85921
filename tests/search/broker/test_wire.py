"""Frames of the control channel."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chronik.search.wire import FRAME_BYTES_MAX, HEAD_BYTES_MAX, ControlProtocol, FrameDecoder, Head, WireError, encode_frame

HEADS = st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.none(), st.lists(st.integers())))


class FrameTests(SynchronousTestCase):
    """Encoding and decoding."""

    def test_literal(self) -> None:
        """A frame is its size, its head's size, the head and the body."""
        frame = b"".join(encode_frame({"a": 1}, b"xyz"))
        self.assertEqual(
            frame,
            b"\x00\x00\x00\x0e"  # 14 bytes follow
            b"\x00\x00\x00\x07"  # of the head
            b'{"a":1}'
            b"xyz",
        )

    @given(st.lists(st.tuples(HEADS, st.binary())), st.lists(st.integers(1, 40)))
    def test_any_cut(self, frames: list[tuple[Head, bytes]], cuts: list[int]) -> None:
        """Frames come out whole and in order however their bytes arrive."""
        stream = b"".join(piece for head, body in frames for piece in encode_frame(head, body))
        decoder, found, position = FrameDecoder(), [], 0
        for cut in cuts:
            found += decoder.feed(stream[position : position + cut])
            position += cut
        found += decoder.feed(stream[position:])
        self.assertEqual(found, frames)

    def test_refused_sizes(self) -> None:
        """Sizes out of bounds are refused before anything of that size arrives."""
        for size, head in ((3, 0), (-1, 0), (FRAME_BYTES_MAX + 1, 2), (100, 97), (100, -1), (HEAD_BYTES_MAX + 100, HEAD_BYTES_MAX + 1)):
            self.assertRaises(WireError, FrameDecoder().feed, struct.pack(">ii", size, head))

    def test_refused_heads(self) -> None:
        """A head is a JSON object."""
        for head in (b"{", b"[]", b"1", b"\xff\xff"):
            self.assertRaises(WireError, FrameDecoder().feed, struct.pack(">ii", 4 + len(head), len(head)) + head)

    def test_too_large_to_send(self) -> None:
        """What the peer would refuse is not sent."""
        self.assertRaises(WireError, encode_frame, {}, bytes(FRAME_BYTES_MAX))


class ControlProtocolTests(SynchronousTestCase):
    """:class:`ControlProtocol`."""

    def setUp(self) -> None:
        """A connected end."""
        self.received: list[tuple[Head, bytes]] = []
        self.lost: list[Failure] = []
        self.protocol = ControlProtocol(lambda head, body: self.received.append((head, body)), self.lost.append)
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)

    def test_both_ways(self) -> None:
        """What one end sends the other receives."""
        self.protocol.send({"type": "x"}, b"body")
        self.protocol.dataReceived(self.transport.value())
        self.assertEqual(self.received, [({"type": "x"}, b"body")])

    def test_garbage_closes(self) -> None:
        """A peer that breaks the framing is let go."""
        self.protocol.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual(self.received, [])

    def test_nothing_is_sent_after_the_end(self) -> None:
        """Once the channel is gone, sending does nothing, and the loss is told once."""
        reason = Failure(ConnectionError())
        self.protocol.connectionLost(reason)
        self.protocol.send({"type": "x"})
        self.assertEqual((self.lost, self.transport.value()), ([reason], b""))
