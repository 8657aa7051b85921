"""Decisions that are remembered: so many at most, and each for so long."""

from __future__ import annotations

from collections.abc import Callable, Hashable


class DecisionCache:
    """The decision that was remembered first goes first. All live equally long, so that is also the one that ends first.

    :param entries_max: how many; 0 for none.
    :param ttl_seconds: how long each counts.
    :param seconds: tells the time.
    """

    def __init__(self, entries_max: int, ttl_seconds: float, seconds: Callable[[], float]) -> None:
        self._entries_max = entries_max
        self._ttl = ttl_seconds
        self._seconds = seconds
        self._known: dict[Hashable, tuple[float, bool]] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known)

    def get(self, key: Hashable) -> bool | None:
        """What was decided, None where that is not known or too long ago."""
        found = self._known.get(key)
        return found[1] if found is not None and self._seconds() < found[0] else None

    def put(self, key: Hashable, decision: bool) -> None:
        """Remember a decision from now on."""
        if self._entries_max <= 0 or self._ttl <= 0:
            return
        self._known.pop(key, None)
        self._known[key] = self._seconds() + self._ttl, decision
        while len(self._known) > self._entries_max:
            del self._known[next(iter(self._known))]
