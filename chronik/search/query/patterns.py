"""Wildcard patterns: ``*`` any run, ``?`` any one character, ``\\`` makes the next one literal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chronik.search.analysis import words
from chronik.search.interfaces import QueryError


def wildcard_tokens(pattern: str) -> Iterator[tuple[str, bool]]:
    """The pattern's characters, and whether each is a wildcard."""
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            yield next(characters, "\\"), False
        else:
            yield character, character in "*?"


def wildcard_regex(pattern: str) -> str:
    """The pattern as a regular expression both of Python and of Rust.

    :raises QueryError: it begins with a wildcard, which would read every term of an index.
    """
    if not pattern or pattern[0] in "*?":
        raise QueryError(f"the pattern [{pattern}] cannot begin with '*' or '?': that would read every term there is", "illegal_argument_exception")
    return "".join(((".*" if c == "*" else ".") if wild else quoted(c)) for c, wild in wildcard_tokens(pattern))


def python_regex(pattern: str) -> str:
    """The same for Python alone; see :func:`with_stars`.

    :raises QueryError: see :func:`wildcard_regex`.
    """
    wildcard_regex(pattern)
    parts = [""]
    for character, wild in wildcard_tokens(pattern):
        if wild and character == "*":
            parts.append("")
        else:
            parts[-1] += "." if wild else quoted(character)
    return with_stars(parts)


def with_stars(parts: Sequence[str]) -> str:
    """A regular expression of Python of others that have anything between them. Python tries anew what each ``.*`` may stand for, and takes for ever
    where there are many: what is between two stars is looked for where it comes first, and nowhere else.
    """
    if len(parts) == 1:
        return parts[0]
    start, *middle, end = parts
    return start + "".join(f"(?>.*?{part})" for part in middle if part) + f".*{end}"


def wildcard_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled."""
    return re.compile(python_regex(pattern), re.DOTALL)


def word_pattern(pattern: str) -> str:
    """A pattern over single words, lower-cased.

    :raises QueryError: it holds what is never inside one word.
    """
    lowered = pattern.lower()
    plain = "".join("a" if wild else character for character, wild in wildcard_tokens(lowered))
    if words(plain) != [plain]:
        raise QueryError(
            f"the pattern [{pattern}] is for single words, and not all of it can be inside one; use a path's .keyword, or a phrase",
            "illegal_argument_exception",
        )
    return lowered


def quoted(text: str) -> str:
    """A text as a regular expression that means just itself, in Python and in Rust."""
    return "".join("\\" + c if c in r".^$*+?()[]{}|\/-&~#" else c for c in text)
