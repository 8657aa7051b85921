"""Floating-point numbers that tantivy's JSON reader gets wrong, written so that it gets them right.

The reader multiplies or divides the digits, as a float, by a power of ten: numbers of more than 15 digits, and very large and small ones, come out
a few units in the last place off. Equality and the limits of ranges would miss them. :func:`read` does the same arithmetic; another spelling is
looked for that comes out as the number that was meant.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from typing import Final

# What a hard number has in it: each begins with one character, which is searched for ten times as fast as a set of them.
_HARD: Final = (
    re.compile(r"\.(?:[0-9]{13}|(?<=[0-9]{4}\.)[0-9]{9}|(?<=[0-9]{8}\.)[0-9]{5}|(?<=[0-9]{12}\.)[0-9])"),  # 16 digits and a point
    re.compile(r"e(?<=[0-9]e)[-+0-9]"),
    re.compile(r"E(?<=[0-9]E)[-+0-9]"),
    re.compile(r"[0-9]{20}"),
)
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?')
_NUMBER_LIKE: Final = re.compile(r"[0-9.eE+-]*")
_PARTS: Final = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")
_DIGITS_END: Final = 1 << 64
_BEFORE_NUMBERS: Final = " \t\r\n:,[-"
_DIGITS_SURE: Final = 20
_EXPONENT_MAX: Final = 308
_POWERS: Final = tuple(float(f"1e{exponent}") for exponent in range(_EXPONENT_MAX + 1))
_NEIGHBOURS: Final = 4
_REMEMBERED_LENGTH_MAX: Final = 64


def readable(text: str) -> str:
    """A JSON text with such numbers spelled otherwise."""
    if any(spelled(token) != token for hint in _HARD for token in _tokens(text, hint)):
        return _TOKEN.sub(_spelled, text)
    return text


def _tokens(text: str, hint: re.Pattern[str]) -> Iterator[str]:
    """What is like a number around the places where a hint is found; some are inside strings. However long it is, it is looked at once."""
    at = 0
    while (match := hint.search(text, at)) is not None:
        start = match.start()
        while text[start - 1] in "0123456789.":
            start -= 1
        found = _NUMBER_LIKE.match(text, match.end())
        assert found is not None
        at = found.end()
        if text[start - 1] in _BEFORE_NUMBERS:
            yield text[start:at]


def _spelled(match: re.Match[str]) -> str:
    token = match[0]
    return token if token[0] == '"' or len(token) < 5 else spelled(token)


def spelled(token: str) -> str:
    """A number's spelling that the reader understands; where there is none, the one that comes nearest; the token as it is when it is beyond all
    floats."""
    return _remembered(token) if len(token) <= _REMEMBERED_LENGTH_MAX else _spell(token)


def _spell(token: str) -> str:
    if _PARTS.fullmatch(token) is None or (token.lstrip("-").isdigit() and abs(int(token[:21])) < _DIGITS_END):
        return token
    wanted = float(token)
    if math.isinf(wanted) or read(token) == wanted:
        return token
    return min(_spellings(wanted), key=lambda other: abs(read(other) - wanted))


_remembered = functools.lru_cache(maxsize=4_096)(_spell)


def readings(value: float) -> tuple[float, ...]:
    """What a number may have become in an index: itself, and what the reader makes of its best spelling."""
    found = read(spelled(repr(value))) if math.isfinite(value) else value
    return (value,) if found == value else (value, found)


def _spellings(value: float) -> Iterator[str]:
    """The shortest; and whole digits and an exponent, nearest first: with more digits other numbers are met."""
    yield repr(value)
    sign, value = "-" * (value < 0), abs(value)
    digits, _, exponent = f"{value:.16e}".partition("e")
    significand, power = int(digits.replace(".", "")), int(exponent) - 16
    for zeros in range(3):
        near = float(significand * 10**zeros)
        for whole in (near, *_around(near)):
            yield f"{sign}{int(whole)}e{power - zeros}"


def _around(value: float) -> Iterator[float]:
    low = high = value
    for _ in range(_NEIGHBOURS):
        low, high = math.nextafter(low, 0.0), math.nextafter(high, math.inf)
        yield low
        yield high


def read(token: str) -> float:
    """What the reader makes of a number."""
    match = _PARTS.fullmatch(token)
    assert match is not None
    sign, whole, fraction, exponent = match.groups()
    significand, power = _significand(whole, fraction or "")
    value = _scaled(float(significand), power + int(exponent or 0))
    return -value if sign else value


def _significand(whole: str, fraction: str) -> tuple[int, int]:
    """As many of the digits as go into 64 bits, and the power of ten that they are to be multiplied by."""
    if len(whole) + len(fraction) < _DIGITS_SURE:
        return int(whole + fraction), -len(fraction)
    significand = used = 0
    for digit in whole + fraction:
        longer = significand * 10 + int(digit)
        if longer >= _DIGITS_END:
            break
        significand, used = longer, used + 1
    return significand, len(whole) - used if used < len(whole) else -(used - len(whole))


def _scaled(value: float, power: int) -> float:
    while power < -_EXPONENT_MAX and value:
        value /= 1e308
        power += _EXPONENT_MAX
    if power > _EXPONENT_MAX:
        return math.inf if value else value
    return value * _POWERS[power] if power >= 0 else value / _POWERS[-power] if value else value
