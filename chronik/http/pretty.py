"""JSON with line breaks, for people. Numbers, strings and repeated names stay as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

INDENTED_BYTES_MAX: Final = 1 << 20
"""What is longer stays as it is: nobody reads it, and with its blanks it may be many times as long."""

LEVELS_MAX: Final = 32
"""How far lines are indented at most: a line of a hundred levels would be two hundred blanks."""

TOKENS_A_PIECE: Final = 5_000
"""Some ms' work."""

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def pieces(text: bytes) -> Iterator[bytes]:
    """A JSON text, two blanks a level, bit by bit, for who has something else to do in between."""
    if len(text) > INDENTED_BYTES_MAX:
        yield text + b"\n"
        return
    parts: list[bytes] = []
    depth = 0
    before = b""
    for number, found in enumerate(_TOKEN.finditer(text)):
        token = found[0]
        if not number % TOKENS_A_PIECE:
            yield b"".join(parts)
            parts.clear()
        if token in (b"}", b"]"):
            depth -= 1
            if before not in (b"{", b"["):
                parts.append(b"\n" + b"  " * min(depth, LEVELS_MAX))
        elif before in (b"{", b"[", b","):
            parts.append(b"\n" + b"  " * min(depth, LEVELS_MAX))
        if token in (b"{", b"["):
            depth += 1
        parts.append(b": " if token == b":" else token)
        before = token
    yield b"".join(parts) + b"\n"
