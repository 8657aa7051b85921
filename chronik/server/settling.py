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


class _Countdown(Waiter):
    """Woken when the last of so many has ended."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def ended_one(self, result: object) -> None:
        """One has."""
        self.left -= 1
        if not self.left:
            self.wake()


async def settle_all(purgatory: Purgatory, works: Mapping[K, Deferred[T]], timeout_ms: int, late: KafkaError) -> dict[K, T | KafkaError]:
    """The outcome of each, in their order: its result, its ``KafkaError``, or ``late`` for what has not ended by then and goes on.

    :raises BaseException: any other failure, once all have ended or the time is up.
    """
    outcomes: dict[K, object] = dict.fromkeys(works, late)
    countdown = _Countdown(len(works))
    for key, work in works.items():
        work.addBoth(_note, outcomes, key).addBoth(countdown.ended_one)
    if countdown.left:
        purgatory.expire_after(countdown, max(timeout_ms, 0))
        await countdown.ended
        purgatory.forget(countdown)
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


def _note(result: object, outcomes: dict[K, object], key: K) -> None:
    outcomes[key] = result
