"""Keeps what a running search looks at from being taken away under it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed


class Pins:
    """Counts searches that run, so that removals wait for those that began before."""

    def __init__(self) -> None:
        self._last = 0
        self._held: set[int] = set()
        self._waiting: list[tuple[set[int], Deferred[None]]] = []

    def pin(self) -> Callable[[], None]:
        """A search begins; call the result when it ends."""
        self._last += 1
        pin = self._last
        self._held.add(pin)
        return lambda: self._release(pin)

    def clear(self) -> Deferred[None]:
        """Fires when every search that runs now has ended."""
        if not self._held:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append((set(self._held), waiting))
        return waiting

    def _release(self, pin: int) -> None:
        self._held.discard(pin)
        for entry in [e for e in self._waiting if pin in e[0]]:
            entry[0].discard(pin)
            if not entry[0]:
                self._waiting.remove(entry)
                entry[1].callback(None)
