"""SASLprep, by the examples of its RFC."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.security.sasl.saslprep import CHARACTERS_MAX, prepared_if_possible, saslprep


class SaslprepTests(SynchronousTestCase):
    """RFC 4013."""

    def test_examples(self) -> None:
        """Section 3: what is mapped, what is normalised, what is refused."""
        for text, prepared in (("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"), ("\u2168", "IX")):
            self.assertEqual(prepared, saslprep(text))
        for text in ("\u0007", "\u0627\u0031"):
            self.assertRaises(ValueError, saslprep, text)

    def test_spaces(self) -> None:
        """Every kind of space is a plain one, and none is taken away."""
        self.assertEqual(" a b ", saslprep("\u00a0a\u2003b "))

    def test_refused(self) -> None:
        """Control characters, private use, surrogates, what is no character, deprecated controls and tags."""
        for text in ("\0", "\x7f", "\u0080", "\ue000", "\ufdd0", "\ufffd", "\u2ff0", "\u200e", "\U000e0001", "\ud800"):
            self.assertRaises(ValueError, saslprep, text)

    def test_directions(self) -> None:
        """Text that runs to the left does so from one end to the other."""
        self.assertEqual("\u0627\u0628", saslprep("\u0627\u0628"))
        for text in ("\u0627a\u0628", "1\u0627", "\u06271"):
            self.assertRaises(ValueError, saslprep, text)

    def test_unassigned(self) -> None:
        """What Unicode 3.2 did not know must not be kept, and may be asked for."""
        self.assertRaises(ValueError, saslprep, "\u0221")
        self.assertEqual("\u0221", saslprep("\u0221", stored=False))

    def test_long(self) -> None:
        """What takes long to prepare is not: whoever asks has not proved anything yet. Text that is prepared already may be as long as it likes."""
        for each in ("\ufdfa", "\u0301\u0323", "\u00ad"):
            text = each * (CHARACTERS_MAX // len(each))
            saslprep(text, stored=False)
            self.assertRaises(ValueError, saslprep, text + each)
            self.assertEqual(text + each, prepared_if_possible(text + each))
        self.assertEqual("a" * 10_000, saslprep("a" * 10_000))

    @given(st.text())
    def test_once_is_enough(self, text: str) -> None:
        """What is prepared stays as it is; what cannot be is left alone."""
        try:
            prepared = saslprep(text)
        except ValueError:
            prepared_if_possible(text)
        else:
            self.assertEqual(prepared, prepared_if_possible(prepared))
