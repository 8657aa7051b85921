"""Coroutines that answer Deferreds."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from chronik.defer import deferred


class DeferredTests(SynchronousTestCase):
    """:func:`chronik.defer.deferred`."""

    def test_runs_at_once(self) -> None:
        """A call has run to its first wait before it returns."""
        steps: list[str] = []
        gate: Deferred[int] = Deferred()

        @deferred
        async def work() -> int:
            steps.append("begun")
            return await gate + 1

        answer = work()
        self.assertEqual(["begun"], steps)
        self.assertNoResult(answer)
        gate.callback(1)
        self.assertEqual(2, self.successResultOf(answer))

    def test_failure(self) -> None:
        """What it raises is the Deferred's failure, never the caller's."""

        @deferred
        async def work() -> None:
            raise KeyError("x")

        self.failureResultOf(work(), KeyError)

    def test_keeps_name_and_documentation(self) -> None:
        """Tools still see the function."""

        @deferred
        async def work() -> None:
            """Say so."""

        self.assertEqual(("work", "Say so."), (work.__name__, work.__doc__))
