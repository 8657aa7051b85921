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


_OF_MECHANISM: Final = "oauthbearer.sasl.oauthbearer."
"""How Kafka writes a key about tokens of a listener that is for one mechanism alone; those keys are of no other."""


def without_mechanism(name: str) -> str:
    """The shorter name of a listener's key that Kafka may write with the mechanism (``listener.name.internal.oauthbearer.sasl.oauthbearer.…``)."""
    listener, key = split_listener_key(name)
    return listener_prefix(listener) + key.removeprefix("oauthbearer.") if listener and key.startswith(_OF_MECHANISM) else name
