"""SASLprep (RFC 4013): the one form of names and passwords in which they are compared. A profile of stringprep (RFC 3454)."""

from __future__ import annotations

import stringprep
import unicodedata
from collections.abc import Callable
from typing import Final

_PROHIBITED: Final[tuple[Callable[[str], bool], ...]] = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)
"""Section 2.3; what is a space of another kind became a plain one before."""

CHARACTERS_MAX: Final = 1024
"""Of what is prepared, which happens on the reactor before anybody has proved anything: one character may become eighteen, and to put marks in order
takes the square of their number."""


def saslprep(text: str, stored: bool = True) -> str:
    """A text in its prepared form.

    :param stored: it is kept, so that characters which Unicode 3.2 has not assigned are refused; a query may have them (section 2.5).
    :raises ValueError: it has characters that names and passwords must not have; says what kind, not which.
    """
    if text.isascii() and text.isprintable():
        return text
    if len(text) > CHARACTERS_MAX:
        raise ValueError(f"it is longer than {CHARACTERS_MAX} characters")
    mapped = "".join(" " if stringprep.in_table_c12(each) else each for each in text if not stringprep.in_table_b1(each))
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    characters = frozenset(prepared)
    for each in characters:
        if any(prohibited(each) for prohibited in _PROHIBITED):
            raise ValueError("it has a character that is prohibited, like a control character")
        if stored and stringprep.in_table_a1(each):
            raise ValueError("it has a character that is not assigned in Unicode 3.2")
    _check_directions(prepared, characters)
    return prepared


def _check_directions(text: str, characters: frozenset[str]) -> None:
    """Section 2.4: text of both directions is refused, and what runs from right to left begins and ends so."""
    if not any(map(stringprep.in_table_d1, characters)):
        return
    if any(map(stringprep.in_table_d2, characters)):
        raise ValueError("it mixes characters that run to the left and to the right")
    if not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise ValueError("it runs to the left and does not begin and end so")


def prepared_if_possible(text: str) -> str:
    """A text in its prepared form, or as it is where it has none."""
    try:
        return saslprep(text, stored=False)
    except ValueError:
        return text
