"""Java's properties format."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.config.properties import parse_properties


def escaped(text: str) -> str:
    """A text with every character escaped, as ``Properties.store`` may write it."""
    return "".join(f"\\u{unit:04x}" for unit in (ord(character) for character in text))


class PropertiesTests(SynchronousTestCase):
    """Lines, separators, escapes, continuations."""

    def check(self, text: str, **expected: str) -> None:
        """What a text says, without line numbers."""
        self.assertEqual(expected, {name: value for _, name, value in parse_properties(text)})

    def test_separators(self) -> None:
        """Equals sign, colon or mere space part key and value; spaces around them do not count."""
        self.check("a=1\nb:2\nc 3\n  d  =  4\ne\t:\t5\n", a="1", b="2", c="3", d="4", e="5")

    def test_value_keeps_separators(self) -> None:
        """Only the first separator counts: listeners are full of colons."""
        self.check("listeners=PLAINTEXT://:9092,SSL://[::1]:9093\n", listeners="PLAINTEXT://:9092,SSL://[::1]:9093")

    def test_comments_and_blanks(self) -> None:
        """Lines that begin with # or ! say nothing; a # further on belongs to the value."""
        self.check("# a=1\n  ! b=2\n\n   \nc=3 # no comment\n", c="3 # no comment")

    def test_continuation(self) -> None:
        """A backslash at the end joins the next line without its indentation."""
        self.check("a=1,\\\n   2,\\\n   3\nb=4\n", a="1,2,3", b="4")

    def test_escaped_backslash_does_not_continue(self) -> None:
        """Two backslashes at the end are one backslash."""
        self.check("a=c:\\\\\nb=2\n", a="c:\\", b="2")

    def test_continuation_into_a_comment(self) -> None:
        """What looks like a comment after a continuation is part of the value."""
        self.check("a=1\\\n#2\n", a="1#2")

    def test_escapes(self) -> None:
        """Escaped letters, separators in keys, and code units."""
        self.check("a\\ b\\=c\\:d=\\t\\n\\u00e9\\q\n", **{"a b=c:d": "\t\né" + "q"})

    def test_kafka_writes_colons_escaped(self) -> None:
        """Files stored by Java escape every colon."""
        self.check("listeners=PLAINTEXT\\://localhost\\:9092\n", listeners="PLAINTEXT://localhost:9092")

    def test_no_value(self) -> None:
        """A key alone has the empty value."""
        self.check("a\nb=\n", a="", b="")

    def test_line_ends(self) -> None:
        """Lines end as on any system, and the last need not."""
        self.check("a=1\r\nb=2\rc=3", a="1", b="2", c="3")

    def test_line_numbers(self) -> None:
        """A setting is found at its first line."""
        self.assertEqual([(2, "a"), (4, "b")], [(line, name) for line, name, _ in parse_properties("\na=1\\\n2\nb=3\n")])

    def test_bad_escape(self) -> None:
        """A broken code unit is refused with its line."""
        self.assertIn("line 2", str(self.assertRaises(ValueError, lambda: list(parse_properties("a=1\nb=\\u12\n")))))

    @given(st.dictionaries(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs",)), min_size=1), st.text("aé=:\\ #!\t", max_size=9)))
    def test_round_trip(self, expected: dict[str, str]) -> None:
        """Whatever is written with escapes is read back."""
        text = "".join(f"{escaped(name)}={escaped(value)}\n" for name, value in expected.items())
        self.assertEqual(expected, {name: value for _, name, value in parse_properties(text)})

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """No text makes it fail in another way than by saying so."""
        try:
            list(parse_properties(text))
        except ValueError as error:
            self.assertIn("line", str(error))
