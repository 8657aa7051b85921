"""Kafka's messages, a class each, made on first use: ``from chronik.protocol.messages import FetchRequest``.

``messages.pyi`` beside this module is what type checkers and people read.
"""

from __future__ import annotations

from typing import Any

from chronik.protocol.message import Message, Struct

__all__ = ["Message", "Struct"]


def __getattr__(name: str) -> Any:
    from chronik.protocol.compile import message_class
    from chronik.protocol.table import MESSAGES

    if name not in MESSAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, message_class(name))
