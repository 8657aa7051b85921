"""Reading Java's properties format, in which Kafka's configuration files are written.

Source: the description of ``java.util.Properties.load``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_KEY: Final = re.compile(r"((?:\\.|[^\\=:\s])*)[ \t\f]*[=:]?[ \t\f]*", re.DOTALL)


def parse_properties(text: str) -> Iterator[tuple[int, str, str]]:
    """The settings of a file, in order.

    :returns: line number (of a setting's first line), key and value, escapes undone.
    :raises ValueError: for an escape that is none, naming the line.
    """
    for number, line in _logical_lines(text):
        match = _KEY.match(line)
        if match is None:
            raise ValueError(f"line {number} is no setting")  # what is in it may be a secret
        yield number, _unescape(match[1], number), _unescape(line[match.end() :], number)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    first, gathered = 0, ""
    for number, raw in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = raw.lstrip(" \t\f")
        if not gathered:
            if not line or line[0] in "#!":
                continue
            first = number
        gathered += line
        if _continues(gathered):
            gathered = gathered[:-1]
            if gathered:
                continue
        yield first, gathered
        gathered = ""
    if gathered:
        yield first, gathered


def _continues(line: str) -> bool:
    """A line goes on when it ends in an odd number of backslashes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unescape(text: str, number: int) -> str:
    def character(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if code == "u":
            raise ValueError(f"line {number}: \\u needs four hexadecimal digits")
        return _ESCAPES.get(code, code)

    return _ESCAPE.sub(character, text)
