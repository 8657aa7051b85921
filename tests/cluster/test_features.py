"""Features: what may be agreed on, beside the one that this release has."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.features import Feature, FeatureUpdate, UpgradeType, finalized, updated
from chronik.errors import ErrorCode, KafkaError

KNOWN = {"metadata.version": Feature(7, 30, 30), "group.version": Feature(0, 1, 1), "later.version": Feature(0, 3, 0)}


class FeatureTests(SynchronousTestCase):
    """Features that may be switched off."""

    def test_defaults(self) -> None:
        """What was never chosen has its default; what is off is not told, nor what a later release chose."""
        self.assertEqual({"metadata.version": 30, "group.version": 1}, finalized({}, KNOWN))
        self.assertEqual({"metadata.version": 30, "later.version": 2}, finalized({"group.version": 0, "later.version": 2, "x": 5}, KNOWN))

    def test_up_and_down(self) -> None:
        """Up by an upgrade, down and off by a downgrade."""
        chosen = updated({}, [FeatureUpdate("later.version", 3)], KNOWN)
        self.assertEqual(3, finalized(chosen, KNOWN)["later.version"])
        chosen = updated(chosen, [FeatureUpdate("later.version", 1, UpgradeType.SAFE_DOWNGRADE)], KNOWN)
        chosen = updated(chosen, [FeatureUpdate("group.version", 0, UpgradeType.UNSAFE_DOWNGRADE)], KNOWN)
        self.assertEqual({"metadata.version": 30, "later.version": 1}, finalized(chosen, KNOWN))

    def test_all_or_none(self) -> None:
        """One that is refused refuses all."""
        updates = [FeatureUpdate("later.version", 1), FeatureUpdate("group.version", 2)]
        error = self.assertRaises(KafkaError, updated, {}, updates, KNOWN)
        self.assertEqual(ErrorCode.INVALID_UPDATE_VERSION, error.code)
        self.assertIn("group.version", error.message)

    def test_no_downgrade_upwards(self) -> None:
        """A downgrade goes down."""
        update = FeatureUpdate("later.version", 1, UpgradeType.SAFE_DOWNGRADE)
        self.assertRaises(KafkaError, updated, {}, [update], KNOWN)

    def test_off_stays_off(self) -> None:
        """A feature that nobody knows is off already."""
        self.assertEqual({}, updated({}, [FeatureUpdate("x", 0)], KNOWN))
        self.assertEqual({"x": 0}, updated({"x": 5}, [FeatureUpdate("x", 0, UpgradeType.SAFE_DOWNGRADE)], KNOWN))
