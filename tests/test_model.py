"""Topics, ids, names."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.model import TopicPartition, new_topic_id, topic_id_from_text, topic_id_text, topic_name_problem


class TopicIdTests(SynchronousTestCase):
    """Ids of 16 bytes."""

    @given(st.binary(min_size=16, max_size=16))
    def test_round_trip(self, raw: bytes) -> None:
        """An id's text is 22 characters and gives the id back."""
        text = topic_id_text(raw)
        self.assertEqual(22, len(text))
        self.assertEqual(raw, topic_id_from_text(text))

    def test_wrong_length(self) -> None:
        """Text of another number of bytes is no id."""
        self.assertIn("16 bytes", str(self.assertRaises(ValueError, topic_id_from_text, "AAAA")))

    def test_version(self) -> None:
        """New ids are random UUIDs by their bits."""
        made = uuid.UUID(bytes=new_topic_id())
        self.assertEqual((4, uuid.RFC_4122), (made.version, made.variant))

    def test_never_looks_like_an_option(self) -> None:
        """An id whose text begins with a dash is drawn again."""
        draws = [b"\xf8" + bytes(15), bytes(16)]
        self.assertTrue(topic_id_text(new_topic_id(lambda count: draws.pop(0))).startswith("A"))
        self.assertEqual([], draws)


class NameTests(SynchronousTestCase):
    """Names of topics."""

    def test_good(self) -> None:
        """Letters, digits, dots, underscores, dashes, up to 249 of them."""
        for name in ("a", "a.b_c-D9", "...", "x" * 249, "__consumer_offsets"):
            self.assertIsNone(topic_name_problem(name), name)

    def test_bad(self) -> None:
        """Each problem is said in words."""
        for name, word in (("", "empty"), (".", "'.'"), ("..", "'..'"), ("x" * 250, "250"), ("a/b", "'a/b'"), ("é", "ASCII"), ("a\n", "characters")):
            self.assertIn(word, topic_name_problem(name) or "", name)

    def test_partition(self) -> None:
        """A partition is written as its directory is called."""
        self.assertEqual("a-b-3", str(TopicPartition("a-b", 3)))
