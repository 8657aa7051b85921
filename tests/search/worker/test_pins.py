"""Pins."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.search.worker.pins import Pins


class PinsTests(SynchronousTestCase):
    """:class:`Pins`."""

    def test_nothing_held(self) -> None:
        """Without searches there is nothing to wait for."""
        self.successResultOf(Pins().clear())

    def test_waits_for_earlier_ones_only(self) -> None:
        """A removal waits for the searches that ran when it was asked for, not for later ones."""
        pins = Pins()
        first, second = pins.pin(), pins.pin()
        cleared = pins.clear()
        pins.pin()
        second()
        self.assertNoResult(cleared)
        first()
        self.successResultOf(cleared)

    def test_releasing_twice(self) -> None:
        """A pin counts once."""
        pins = Pins()
        first, _ = pins.pin(), pins.pin()
        cleared = pins.clear()
        first()
        first()
        self.assertNoResult(cleared)
