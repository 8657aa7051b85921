"""Which faults a run brings, in which states of affairs, and whether a long run brought each in each."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final

from chronik.testing.simulation.faults import FAULTS
from chronik.testing.simulation.world import ANOTHER, STATES

METADATA_FAULTS: Final = frozenset({"metadata fault", "watches lost", "metadata lags", "metadata away"})
"""Those of a metadata store that is reached over a network."""


CLUSTER_FAULTS: Final = frozenset({"blackout", "isolation", "stale leader", "succession", "decline", "disk replaced"})
"""Those that take several brokers."""

ACCESS_FAULTS: Final = frozenset({"permission taken", "password changed"})
"""Those of a cluster in which somebody may do less than another."""

IMPOSSIBLE: Final[Mapping[tuple[str, str], str]] = {
    ("stop", "stopping"): "it is stopping already",
    ("search killed", "starting"): "the search process is started last of all",
    ("search killed", "stopping"): "the search process is ended first of all",
}
"""Pairs of faults and states that cannot be, and why."""

WEIGHTS: Final[Mapping[str, int]] = {
    "bit flip": 3,
    "index damaged": 2,
    "stop": 2,
    **dict.fromkeys(METADATA_FAULTS, 2),
    **dict.fromkeys(CLUSTER_FAULTS, 3),
    "disk replaced": 5,
    **dict.fromkeys(ACCESS_FAULTS, 6),
}
"""How often a fault comes, beside others: what not every run can have, or finds nothing to hit now and then, comes more often where it can."""

STRIDE: Final = 59
"""Between the pairs of one seed: it has faults and states of all kinds. No number of pairs has it as a factor."""


REFUSALS: Final = (
    "ConsumerGroupHeartbeat: FENCED_MEMBER_EPOCH",
    "DeleteRecords: OFFSET_OUT_OF_RANGE",
    "Fetch: FENCED_LEADER_EPOCH",
    "Fetch: INVALID_FETCH_SESSION_EPOCH",
    "Fetch: OFFSET_OUT_OF_RANGE",
    "Heartbeat: REBALANCE_IN_PROGRESS",
    "JoinGroup: UNKNOWN_MEMBER_ID",
    "LeaveGroup: UNKNOWN_MEMBER_ID",
    "ListOffsets: FENCED_LEADER_EPOCH",
    "OffsetCommit: ILLEGAL_GENERATION",
    "OffsetFetch: STALE_MEMBER_EPOCH",
    "Produce: INVALID_PRODUCER_EPOCH",
    "Produce: NOT_ENOUGH_REPLICAS",
    "Produce: OUT_OF_ORDER_SEQUENCE_NUMBER",
    "SyncGroup: ILLEGAL_GENERATION",
)
"""What clients are told in a run of many seeds, some of them of several brokers, each many times. Where nobody is told one of them, somebody does no
longer do what it is told for."""


def plan_of(seed: int, count: int, shared_store: bool, several: bool = False, only: str = "", access: bool = False) -> list[tuple[str, str]]:
    """The faults of a seed and the states that they are to meet: over many seeds all pairs come equally often, but for :data:`WEIGHTS`.

    :param shared_store: whether the metadata store can be reached over a network only.
    :param several: whether there are several brokers.
    :param access: whether clients have to say who they are.
    :param only: the only kind of fault that is wanted; empty for all.
    """
    without = (frozenset() if shared_store else METADATA_FAULTS) | (frozenset() if several else CLUSTER_FAULTS)
    without |= frozenset() if access else ACCESS_FAULTS
    kinds = [kind for kind in FAULTS if kind not in without and only in ("", kind)]
    pairs = [(kind, state) for state in STATES for kind in kinds for _ in range(WEIGHTS.get(kind, 1)) if (kind, state) not in IMPOSSIBLE]
    plan = [pairs[(seed * count + n) * STRIDE % len(pairs)] for n in range(count if pairs else 0)]
    Random(f"plan {seed}").shuffle(plan)
    return plan


def missed(met: Mapping[str, int], least: int, several: bool, access: bool = True) -> list[str]:
    """Pairs that can be and that were met less often, with how often.

    :param met: by ``fault / state``.
    :param several: whether there were runs of several brokers.
    :param access: whether there were runs in which clients have to say who they are.
    """
    without = (frozenset() if several else CLUSTER_FAULTS) | (frozenset() if access else ACCESS_FAULTS)
    kinds = [kind for kind in FAULTS if kind not in without]
    pairs = [(kind, state) for kind in kinds for state in (*STATES, ANOTHER) if (kind, state) not in IMPOSSIBLE]
    return [f"{kind} / {state}: {met.get(f'{kind} / {state}', 0)}" for kind, state in pairs if met.get(f"{kind} / {state}", 0) < least]


def unheard(told: Mapping[str, int]) -> list[str]:
    """Which of :data:`REFUSALS` nobody was told.

    :param told: how often what was told, by ``request: error``.
    """
    return [refusal for refusal in REFUSALS if not told.get(refusal)]
