"""Wildcard patterns as Python matches them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from chronik.search.query.patterns import wildcard_pattern, wildcard_regex


class PatternTests(unittest.SynchronousTestCase):
    """What fits."""

    @given(st.text("ab?*\\.", min_size=1, max_size=8).filter(lambda pattern: pattern[0] not in "*?"), st.text("ab.\n", max_size=10))
    def test_same(self, pattern: str, text: str) -> None:
        """The same as fits the regular expression that other engines are given."""
        self.assertEqual(bool(re.fullmatch(wildcard_regex(pattern), text, re.DOTALL)), bool(wildcard_pattern(pattern).fullmatch(text)))

    def test_many_stars(self) -> None:
        """However many stars there are, it does not take for ever."""
        self.assertIsNone(wildcard_pattern("a" + "*" * 50 + "!").fullmatch("a" * 200))
        self.assertIsNone(wildcard_pattern("a" + "*a" * 50 + "!").fullmatch("a" * 200))
