"""What clients share: the time of the play, and where they write down what they see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.python.failure import Failure

from chronik.testing.simulation.ledger import Ledger
from chronik.testing.simulation.lifetimes import Lifetimes


class Stage:
    """Tells clients when to come to an end.

    :ivar steady: members of groups neither leave nor vanish.
    :ivar closing: begin nothing new, but finish what was begun.
    :ivar quiet: nobody writes any more.
    :ivar over: stop at once.
    :ivar waits: clients that are not done.
    :ivar fleeting: topics whose records are kept for a while only.
    :ivar lifetimes: how long those are.

    :param latest_ms: the latest time of day that any broker's clock has shown so far, ms.
    """

    def __init__(self, ledger: Ledger, latest_ms: Callable[[], float]) -> None:
        self.ledger = ledger
        self.lifetimes = Lifetimes(latest_ms, ledger.finding)
        self.steady = False
        self.closing = False
        self.quiet = False
        self.over = False
        self.waits: set[str] = set()
        self.fleeting: set[str] = set()
        self._producer_ids: dict[int, str] = {}

    def failed(self, failure: Failure, who: str) -> Any:
        """A client itself failed, which is a fault of the simulator or an answer that it did not understand."""
        self.ledger.finding(f"{who} failed: {failure.getTraceback(detail='brief')}")

    def producer_id(self, who: str, producer_id: int) -> None:
        """A producer was given its id: no other may get it."""
        other = self._producer_ids.setdefault(producer_id, who)
        if other != who:
            self.ledger.finding(f"the producer id {producer_id} was given to {other} and to {who}")
