"""JSON with line breaks, for people. Numbers, strings and repeated names stay as they are written."""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def indented(text: bytes) -> bytes:
    """A JSON text, two blanks a level."""
    parts: list[bytes] = []
    depth = 0
    before = b""
    for token in _TOKEN.findall(text):
        if token in (b"}", b"]"):
            depth -= 1
            if before not in (b"{", b"["):
                parts.append(b"\n" + b"  " * depth)
        elif before in (b"{", b"[", b","):
            parts.append(b"\n" + b"  " * depth)
        if token in (b"{", b"["):
            depth += 1
        parts.append(b": " if token == b":" else token)
        before = token
    return b"".join(parts) + b"\n"
