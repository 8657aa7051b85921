"""Names of keys that are set for one listener (KIP-103)."""

from __future__ import annotations

from typing import Final

LISTENER_PREFIX: Final = "listener.name."
"""What keys begin with that are set for one listener only."""


def listener_prefix(listener: str) -> str:
    """What the keys of one listener begin with."""
    return f"{LISTENER_PREFIX}{listener.lower()}."


def split_listener_key(name: str) -> tuple[str, str]:
    """Listener and key of a name, which are ``("", name)`` for one that is of no single listener. Listeners are in lower case."""
    if not name.startswith(LISTENER_PREFIX):
        return "", name
    listener, _, key = name.removeprefix(LISTENER_PREFIX).partition(".")
    return listener, key
