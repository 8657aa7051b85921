"""The generated reference page."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.config import BROKER_KEYS, CLIENT_METRICS_KEYS, GROUP_KEYS, TOPIC_KEYS
from chronik.config.broker_keys import DIFFERENCES
from chronik.config.reference import reference


class ReferenceTests(SynchronousTestCase):
    """Nothing is left out."""

    def test_every_key(self) -> None:
        """Each key has an entry of its own."""
        lines = set(reference().splitlines())
        for name in (*BROKER_KEYS, *TOPIC_KEYS, *GROUP_KEYS, *CLIENT_METRICS_KEYS):
            self.assertIn(f"``{name}``", lines)

    def test_every_difference(self) -> None:
        """Each default that is not Kafka's is explained."""
        text = reference()
        for _, reason in DIFFERENCES.values():
            self.assertIn(reason, text)
