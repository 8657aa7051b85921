"""Records as JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.record.records import Record
from chronik.search.query.search_body import SourceFilter
from chronik.search.worker.render import source_text


def record(value: bytes | None, key: bytes | None = None, headers: tuple[tuple[str, bytes | None], ...] = ()) -> Record:
    """A record at offset 7."""
    return Record(7, 1_700_000_000_000, key, value, headers)


def shown(value: Record, chosen: SourceFilter | None = None) -> Any:
    """The parsed ``_source``."""
    return json.loads(source_text("logs", 3, value, chosen or SourceFilter()).encode("utf-8", "backslashreplace"))


class SourceTests(SynchronousTestCase):
    """:func:`source_text`."""

    def test_members(self) -> None:
        """A hit shows where the record is, when it was made, and what it holds."""
        self.assertEqual(
            shown(record(b'{"level":"error"}', b"k1", (("trace", b"abc"),))),
            {
                "topic": "logs",
                "partition": 3,
                "offset": 7,
                "timestamp": 1_700_000_000_000,
                "key": "k1",
                "value": {"level": "error"},
                "headers": {"trace": "abc"},
            },
        )

    def test_numbers_stay_as_written(self) -> None:
        """Integers beyond 2**53 and unusual numbers pass unchanged, with and without a filter."""
        value = b'{"id": 123456789012345678901234567890, "x": 1e400, "y": 1.10}'
        self.assertIn('{"id": 123456789012345678901234567890, "x": 1e400, "y": 1.10}', source_text("t", 0, record(value), SourceFilter()))
        filtered = source_text("t", 0, record(value), SourceFilter(includes=("value",)))
        self.assertEqual(filtered, '{"value":{"id":123456789012345678901234567890,"x":1e400,"y":1.10}}')

    def test_values_that_are_not_json(self) -> None:
        """Text stays text, other bytes become base64, a tombstone null; what only Python takes for JSON is text."""
        self.assertEqual(shown(record(b"plain text"))["value"], "plain text")
        self.assertEqual(shown(record(b"\xff\x00"))["value"], {"$base64": "/wA="})
        self.assertIsNone(shown(record(None))["value"])
        self.assertEqual(shown(record(b'{"x": NaN}'))["value"], '{"x": NaN}')
        self.assertEqual(shown(record(b""))["value"], "")

    def test_deep_values_are_text(self) -> None:
        """Nesting that readers refuse does not break the answer."""
        for depth in (101, 100_000):
            value = b"[" * depth + b"]" * depth
            self.assertEqual(shown(record(value))["value"], value.decode())

    def test_keys_are_never_parsed(self) -> None:
        """A key that looks like JSON is a string; bytes are base64."""
        self.assertEqual(shown(record(None, b"123"))["key"], "123")
        self.assertEqual(shown(record(None, b"\xff"))["key"], {"$base64": "/w=="})
        self.assertIsNone(shown(record(None))["key"])

    def test_repeated_headers(self) -> None:
        """A name that occurs more than once has an array."""
        headers = (("a", b"1"), ("b", None), ("a", b"\xff"))
        self.assertEqual(shown(record(None, None, headers))["headers"], {"a": ["1", {"$base64": "/w=="}], "b": None})

    def test_filter(self) -> None:
        """Includes and excludes name paths or patterns of them."""
        value = record(b'{"a": {"b": 1, "c": 2}, "d": [{"e": 1, "f": 2}], "secret": 3}', b"k")
        self.assertEqual(shown(value, SourceFilter(includes=("value.a.b",))), {"value": {"a": {"b": 1}}})
        self.assertEqual(shown(value, SourceFilter(includes=("value.d.e", "key"))), {"key": "k", "value": {"d": [{"e": 1}]}})
        chosen = SourceFilter(includes=("value",), excludes=("value.s*", "value.a.c"))
        self.assertEqual(shown(value, chosen)["value"], {"a": {"b": 1}, "d": [{"e": 1, "f": 2}]})
        self.assertEqual(shown(value, SourceFilter(includes=("off*",))), {"offset": 7})
        self.assertEqual(shown(value, SourceFilter(includes=("nothing",))), {})

    @given(st.binary(), st.one_of(st.none(), st.binary()), st.lists(st.tuples(st.text(), st.one_of(st.none(), st.binary()))))
    def test_any_bytes_give_json(self, value: bytes, key: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
        """Whatever a record holds, the answer parses."""
        self.assertEqual(shown(record(value, key, tuple(headers)))["offset"], 7)

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)))
    def test_json_values_round_trip(self, value: Any) -> None:
        """A JSON value comes out as it went in, filtered or not."""
        raw = record(json.dumps(value).encode())
        self.assertEqual(shown(raw)["value"], value)
        self.assertEqual(shown(raw, SourceFilter(includes=("value",)))["value"], value)
