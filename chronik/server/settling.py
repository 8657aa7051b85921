"""Waiting for many things at once, each with an outcome of its own, but not for ever."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chronik.errors import KafkaError
from chronik.replica.purgatory import Purgatory, Waiter

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Countdown:
    """Counts works that have not ended, and wakes who waits for them when the last has.

    :ivar left: how many.
    """

    __slots__ = ("_waiter", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self._waiter: Waiter | None = None

    def settled(self) -> None:
        """One of them has."""
        self.left -= 1
        if not self.left and self._waiter is not None:
            self._waiter.wake()

    async def wait(self, purgatory: Purgatory, timeout_ms: int | None) -> None:
        """Until all have, or the time is up: one wait, however many there are."""
        if not self.left:
            return
        waiter = self._waiter = Waiter()
        if timeout_ms is not None:
            purgatory.expire_after(waiter, max(timeout_ms, 0))
        await waiter.ended
        purgatory.forget(waiter)


async def settle_all(purgatory: Purgatory, works: Mapping[K, Deferred[T]], timeout_ms: int, late: KafkaError) -> dict[K, T | KafkaError]:
    """The outcome of each, in their order: its result, its ``KafkaError``, or ``late`` for what has not ended by then and goes on.

    :raises BaseException: any other failure, once all have ended or the time is up.
    """
    outcomes: dict[K, object] = dict.fromkeys(works, late)
    countdown = Countdown(len(works))
    for key, work in works.items():
        work.addBoth(_note, outcomes, key, countdown)
    await countdown.wait(purgatory, timeout_ms)
    settled: dict[K, T | KafkaError] = {}
    for key, outcome in outcomes.items():
        if isinstance(outcome, Failure):
            error = outcome.value
            if not isinstance(error, KafkaError):
                raise error or outcome
            settled[key] = error
        else:
            settled[key] = outcome  # type: ignore[assignment]
    return settled


def _note(result: object, outcomes: dict[K, object], key: K, countdown: Countdown) -> None:
    outcomes[key] = result
    countdown.settled()
