"""Features of the cluster (KIP-584): which levels this release knows, and which ones the cluster has agreed on."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from chronik.errors import ErrorCode, KafkaError


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature's lowest and highest level known here, and the level of a cluster that never chose one. Level 0 is off."""

    lowest: int
    highest: int
    default: int


METADATA_VERSION: Final = "metadata.version"
"""The one feature that can neither be switched off nor go back."""

GROUP_VERSION: Final = "group.version"
"""How far the protocol of groups goes."""

FEATURES: Final[Mapping[str, Feature]] = MappingProxyType(
    {
        METADATA_VERSION: Feature(7, 30, 30),  # 3.3-IV3, the lowest that Kafka 4 knows, to 4.3-IV0
        GROUP_VERSION: Feature(0, 1, 1),  # 1: the consumer protocol (KIP-848)
    }
)
"""Every feature of this release, by Kafka's name and in Kafka's levels."""


class UpgradeType(enum.IntEnum):
    """What a change of a level may do; codes of the Kafka protocol."""

    UPGRADE = 1
    SAFE_DOWNGRADE = 2
    UNSAFE_DOWNGRADE = 3


@dataclass(frozen=True, slots=True)
class FeatureUpdate:
    """A level to agree on; 0 switches the feature off."""

    feature: str
    level: int
    upgrade_type: int = UpgradeType.UPGRADE


def finalized(chosen: Mapping[str, int], features: Mapping[str, Feature] = FEATURES) -> Mapping[str, int]:
    """Every feature that is on, with its level.

    :param chosen: what was agreed on, from the image.
    """
    levels = {name: feature.default for name, feature in features.items()} | {name: level for name, level in chosen.items() if name in features}
    return {name: level for name, level in levels.items() if level > 0}


def updated(chosen: Mapping[str, int], updates: Iterable[FeatureUpdate], features: Mapping[str, Feature] = FEATURES) -> Mapping[str, int]:
    """What is agreed on after updates, all of them or none.

    :raises KafkaError: ``INVALID_UPDATE_VERSION``.
    """
    after = dict(chosen)
    before = finalized(chosen, features)
    for update in updates:
        problem = _problem(update, before.get(update.feature, 0), features.get(update.feature))
        if problem is not None:
            raise KafkaError(
                ErrorCode.INVALID_UPDATE_VERSION,
                "The update failed for all features since the following feature had an error: "
                f"Invalid update version {update.level} for feature {update.feature}. {problem}",
            )
        if update.feature in features or update.feature in after:
            # What nobody knows is off already: anybody's words would be kept for good.
            after[update.feature] = update.level
    return after


def _problem(update: FeatureUpdate, current: int, feature: Feature | None) -> str | None:
    if update.upgrade_type not in set(UpgradeType):
        return "The controller does not support the given upgrade type."
    if update.level < 0:
        return "A feature version cannot be less than 0."
    if feature is None:
        return "This broker does not support this feature." if update.level else None
    if not (feature.lowest <= update.level <= feature.highest or (update.level == 0 and update.feature != METADATA_VERSION)):
        return f"This broker only supports versions {feature.lowest}-{feature.highest}"
    if update.level > current and update.upgrade_type != UpgradeType.UPGRADE:
        return "Can't downgrade to a newer version."
    if update.level < current:
        if update.upgrade_type == UpgradeType.UPGRADE:
            return "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."
        if update.feature == METADATA_VERSION:
            return "Refusing to perform the requested downgrade because it might delete metadata information."
    return None
