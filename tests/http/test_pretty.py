"""JSON for people."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.http.pretty import INDENTED_BYTES_MAX, LEVELS_MAX, pieces

VALUES: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)


def indented(text: bytes) -> bytes:
    """All of it."""
    return b"".join(pieces(text))


class PrettyTests(SynchronousTestCase):
    """:func:`pieces`."""

    @given(VALUES, st.booleans())
    def test_as_the_standard_library(self, value: Any, ascii_only: bool) -> None:
        """Any value looks as Python would indent it."""
        compact = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":")).encode("utf-8", "surrogatepass")
        wanted = json.dumps(value, ensure_ascii=ascii_only, indent=2).encode("utf-8", "surrogatepass")
        self.assertEqual(wanted + b"\n", indented(compact))

    def test_long(self) -> None:
        """What is long comes bit by bit, what is very long as it is; and depth does not make a text a hundred times as long."""
        text = b"[" + b",".join([b"1"] * 100_000) + b"]"
        bits = list(pieces(text))
        self.assertLess(max(map(len, bits)), 30_000)
        self.assertEqual((json.dumps([1] * 100_000, indent=2) + "\n").encode(), b"".join(bits))
        text = b"1" * (INDENTED_BYTES_MAX + 1)
        self.assertEqual(text + b"\n", indented(text))
        deep = b"[" * 200 + b"1,1,1" + b"]" * 200
        self.assertIn(b"\n" + b"  " * LEVELS_MAX + b"1,\n", indented(deep))

    def test_nothing_is_rewritten(self) -> None:
        """Numbers of any size and shape, and repeated names, stay."""
        digits = b"9" * 5_000
        text = b'{"a":1.10,"a":1E400, "b":[' + digits + b"],\t\"c\":{} ,\"d\":[] }"
        self.assertEqual(b'{\n  "a": 1.10,\n  "a": 1E400,\n  "b": [\n    ' + digits + b'\n  ],\n  "c": {},\n  "d": []\n}\n', indented(text))
