"""Who leads a partition, and who is in sync: pure functions from a partition's state to the next one.

The rules are Kafka's (KIP-497, KIP-966): a leader is alive and in sync; where nobody is, it is one who has all that is committed though it is not in
sync any more; where nobody has, there is none, unless the topic allows a leader that may lack some.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import NO_LEADER, BrokerImage, PartitionState
from chronik.replica.settings import TopicSettings


class ElectionType(enum.IntEnum):
    """What is to be elected; codes of the Kafka protocol."""

    PREFERRED = 0
    UNCLEAN = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """What a topic asks of its leaders.

    :ivar min_insync_replicas: fewer cannot commit anything.
    :ivar unclean: whether one that is not in sync may lead where nobody is (``unclean.leader.election.enable``).
    """

    min_insync_replicas: int = 1
    unclean: bool = False


def rules_of(settings: TopicSettings) -> Rules:
    """What a topic's effective configuration asks."""
    return Rules(settings.min_insync_replicas, settings.unclean_leader_election)


def with_isr(state: PartitionState, members: Collection[int], enough: int) -> PartitionState:
    """The state with other replicas in sync, and with nobody else changed.

    :param enough: how many must be in sync for anything to be committed; who leaves fewer stays eligible to lead.
    """
    isr = tuple(broker_id for broker_id in state.replicas if broker_id in members)
    enough = min(enough, len(state.replicas))
    elr: tuple[int, ...] = ()
    if len(isr) < enough:
        elr = tuple(i for i in state.replicas if i not in members and (i in state.isr or i in state.elr))
    return replace(state, isr=isr, elr=elr)


def led_by(state: PartitionState, leader: int) -> PartitionState:
    """The state with another leader, or with the same one in a new epoch."""
    return replace(state, leader=leader, leader_epoch=state.leader_epoch + 1)


def changed(before: PartitionState, after: PartitionState) -> PartitionState:
    """``after`` as what follows ``before``: its partition epoch grows with any difference."""
    after = replace(after, partition_epoch=before.partition_epoch)
    return before if after == before else replace(after, partition_epoch=before.partition_epoch + 1)


def settled(state: PartitionState, alive: Collection[int], rules: Rules) -> PartitionState:
    """The state as it must be while exactly these brokers are alive.

    Who is dead is not in sync, but for the last ones, who are the only ones to have everything.
    """
    in_sync = [broker_id for broker_id in state.isr if broker_id in alive]
    if in_sync:
        after = with_isr(state, in_sync, rules.min_insync_replicas)
        if state.leader not in in_sync:
            after = led_by(after, after.isr[0])
        return changed(state, after)
    return changed(state, _last_resort(state, alive, rules))


def _last_resort(state: PartitionState, alive: Collection[int], rules: Rules) -> PartitionState:
    eligible = [broker_id for broker_id in state.replicas if broker_id in state.elr and broker_id in alive]
    if eligible:
        return led_by(with_isr(replace(state, elr=(*state.isr, *state.elr)), eligible[:1], rules.min_insync_replicas), eligible[0])
    alive_replicas = [broker_id for broker_id in state.replicas if broker_id in alive]
    if rules.unclean and alive_replicas:
        return _unclean(state, alive_replicas[0])
    return state if state.leader == NO_LEADER else led_by(state, NO_LEADER)


def _unclean(state: PartitionState, leader: int) -> PartitionState:
    """Whatever others have that this one has not is lost: nobody else is eligible."""
    return led_by(replace(state, isr=(leader,), elr=()), leader)


def without_replica(state: PartitionState, broker_id: int, alive: Collection[int], rules: Rules) -> PartitionState:
    """The state after a broker lost what it had, or may have; the same where nobody else has it.

    Whoever else is in sync, or else eligible, has everything, alive or not: nobody leads until one of them is.
    """
    if broker_id not in (*state.isr, *state.elr):
        return state
    members = [i for i in state.isr if i != broker_id] or [i for i in state.elr if i != broker_id]
    if not members:
        return state
    after = with_isr(state, members, rules.min_insync_replicas)
    after = replace(after, elr=tuple(i for i in after.elr if i != broker_id))
    if state.leader == broker_id:
        after = led_by(after, next((i for i in after.isr if i in alive), NO_LEADER))
    return changed(state, after)


def elected(state: PartitionState, brokers: Mapping[int, BrokerImage], kind: ElectionType) -> PartitionState:
    """A partition after an election that was asked for (KIP-460).

    :raises KafkaError: ``ELECTION_NOT_NEEDED``, or nobody can be elected: ``PREFERRED_LEADER_NOT_AVAILABLE``, ``ELIGIBLE_LEADERS_NOT_AVAILABLE``.
    """
    alive = [broker_id for broker_id in state.replicas if broker_id in brokers and not brokers[broker_id].fenced]
    in_sync = [broker_id for broker_id in alive if broker_id in state.isr]
    preferred = state.replicas[0]
    needed = state.leader != preferred if kind is ElectionType.PREFERRED else state.leader == NO_LEADER
    if not needed:
        raise KafkaError(ErrorCode.ELECTION_NOT_NEEDED, "The leader that is asked for leads already.")
    if kind is ElectionType.PREFERRED:
        if preferred not in in_sync:
            raise KafkaError(ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE, f"Broker {preferred}, which is preferred, is not alive and in sync.")
        return changed(state, led_by(state, preferred))
    if not alive:
        raise KafkaError(ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE, f"None of the replicas {list(state.replicas)} is alive.")
    return changed(state, led_by(state, in_sync[0]) if in_sync else _last_resort(state, alive, Rules(unclean=True)))


def ids(brokers: Mapping[int, BrokerImage]) -> Sequence[int]:
    """Those that are alive."""
    return [broker_id for broker_id, broker in brokers.items() if not broker.fenced]
