"""Words: how text is cut, the same at indexing and at searching and in every backend.

A word is a run of letters and digits, lower-cased, not stemmed. Scripts written without spaces (Han, Hiragana, Katakana, Thai and their like) would
make a word of a whole sentence: :func:`spaced` sets each of their characters apart, so that any part of it is found as a phrase. Symbols (emoji,
currencies, arrows, signs of mathematics) are words too, each by itself; those of ASCII only separate, and so do lines and boxes that draw tables.
A run of more than :data:`WORD_LENGTH_MAX` characters is cut there.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from typing import Any, Final

WORD_LENGTH_MAX: Final = 8_191
"""Tantivy drops terms over 65,530 bytes without a word; a character takes at most four, lower-cased at most eight."""

EXACT_LENGTH_MAX: Final = 8_191
"""Longer strings compare whole by their beginning and a digest."""

_DIGEST_START: Final = 4_096
_DIGEST_BYTES: Final = 16

_SINGLES: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_SINGLE: Final = re.compile(f"([{_SINGLES}])")
_SYMBOLS: Final = (
    "\u00a2-\u00a6\u00a8\u00a9\u00ac\u00ae-\u00b1\u00d7\u00f7\u20a0-\u20cf\u2100-\u214f\u2190-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\U0001f000-\U0001fbff"
)
_SYMBOL: Final = re.compile(f"[{_SYMBOLS}]")
_LETTERS_BASE: Final = 0x10600
"""Libraries take only letters for words. So a symbol is spelled as three letters of a script that nobody writes (Linear A)."""

_LONG: Final = re.compile(rf"[^\W_]{{{WORD_LENGTH_MAX}}}")
_RUN: Final = re.compile(r"[A-Za-z0-9]+")


def spaced(text: str) -> str:
    """The text with unspaced scripts' characters set apart, symbols spelled with letters, and endless words cut."""
    if not text.isascii():
        text = _SYMBOL.sub(_letters, _SINGLE.sub(r" \1 ", text))
    if len(text) > WORD_LENGTH_MAX:
        text = _LONG.sub(r"\g<0> ", text)
    return text


def _letters(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f" {chr(_LETTERS_BASE + (code >> 16))}{chr(_LETTERS_BASE + (code >> 8 & 255))}{chr(_LETTERS_BASE + (code & 255))} "


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    text = spaced(text)
    if text.isascii():
        return [word.lower() for word in _RUN.findall(text)]
    return "".join(map(_fold, text)).split()


@functools.lru_cache(maxsize=16_384)
def _fold(character: str) -> str:
    if unicodedata.category(character)[0] in "LN" or _vowel_sign(character):
        return character.lower()
    return " "


def _vowel_sign(character: str) -> bool:
    return unicodedata.category(character) == "Mc"


def exact_term(text: str) -> str:
    """What a whole string is compared by."""
    if len(text) <= EXACT_LENGTH_MAX:
        return text
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{text[:_DIGEST_START]}\0{digest}"


def is_digest(term: str) -> bool:
    """Whether :func:`exact_term` made this of a string that was too long."""
    return len(term) == _DIGEST_START + 1 + 2 * _DIGEST_BYTES and term[_DIGEST_START] == "\0"


def decoded(data: bytes) -> str:
    """Bytes as text; what is not UTF-8 in them becomes U+FFFD."""
    return data.decode("utf-8", "replace")


def leaf_text(value: Any) -> str:
    """All strings, numbers and booleans inside a JSON value, as one text with ``\\n`` between."""
    parts: list[str] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(reversed(item.values()))
        elif isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, str):
            parts.append(item)
        elif item is not None:
            parts.append(_literal(item))
    return "\n".join(parts)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) or abs(value) < 10**300 else ""
