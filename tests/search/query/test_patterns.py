"""Wildcard patterns as regular expressions."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from chronik.search.query.patterns import steady_regex, wildcard_pattern, wildcard_regex


class PatternTests(unittest.SynchronousTestCase):
    """What fits, and how long that takes to tell."""

    @settings(deadline=None)
    @given(st.text("ab*?\\.", min_size=1, max_size=8).filter(lambda p: p[0] not in "*?"), st.text("ab*?\\.\n", max_size=10))
    def test_steady_and_plain_agree(self, pattern: str, text: str) -> None:
        """Both regular expressions fit the same texts."""
        plain = re.compile(wildcard_regex(pattern), re.DOTALL).fullmatch(text)
        self.assertEqual(re.compile(steady_regex(pattern), re.DOTALL).fullmatch(text) is None, plain is None)

    def test_many_stars_take_no_time(self) -> None:
        """Nobody keeps a search process busy with stars, which would be for ever: Python lets nothing else run meanwhile."""
        for pattern in ("o" + "*" * 2_000 + "z", "o" + "?*" * 20 + "z", "o" + "e*" * 8 + "z", "o" + "*?" * 20 + "z"):
            self.assertIsNone(wildcard_pattern(pattern).fullmatch("orders-eu-payments-received-committed-everywhere"))
