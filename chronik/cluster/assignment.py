"""Which brokers keep a new partition: chosen here, or chosen by the client and checked here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import BrokerImage, PartitionState


def assign_replicas(brokers: Sequence[BrokerImage], partitions: range, replication_factor: int) -> list[PartitionState]:
    """Spread partitions over brokers, the first replica of each being its leader, and each one's replicas over as many racks as there are.

    Leaders go round the brokers, from rack to rack; followers are the brokers after the leader, those of other racks first, the distance
    growing with each round, so that the brokers that follow one leader are not always the same. Brokers without a rack stand in one of their own.
    Brokers that are not alive keep replicas where there are too few others, and are not in sync with what they do not have yet.

    :param brokers: those that are registered.
    :param partitions: the numbers of the new partitions.
    :raises KafkaError: ``INVALID_REPLICATION_FACTOR``, when there are fewer brokers than replicas, or none is alive.
    """
    known = sorted(brokers, key=lambda broker: broker.broker_id)
    alive = _from_rack_to_rack([broker for broker in known if not broker.fenced])
    if replication_factor > len(known):
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"Unable to replicate the partition {replication_factor} time(s): The target replication factor of {replication_factor} "
            f"cannot be reached because only {len(known)} broker(s) are registered. Ask for at most {len(known)}, or start more brokers.",
        )
    if not alive:
        raise KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, "Unable to replicate the partition: All brokers are currently fenced.")
    fenced = _from_rack_to_rack([broker for broker in known if broker.fenced])
    return [_placed(alive, fenced, number, replication_factor) for number in partitions]


def _placed(alive: Sequence[BrokerImage], fenced: Sequence[BrokerImage], number: int, replication_factor: int) -> PartitionState:
    isr = _replicas(alive, number, min(replication_factor, len(alive)))
    missing = replication_factor - len(isr)
    late = tuple(fenced[(number + index) % len(fenced)].broker_id for index in range(missing))
    return PartitionState(leader=isr[0], leader_epoch=0, replicas=(*isr, *late), isr=isr)


def _from_rack_to_rack(brokers: Sequence[BrokerImage]) -> list[BrokerImage]:
    """One broker of each rack, then the next one of each, and so on."""
    racks: dict[str | None, list[BrokerImage]] = {}
    for broker in brokers:
        racks.setdefault(broker.rack, []).append(broker)
    rounds = zip_longest(*(racks[rack] for rack in sorted(racks, key=lambda rack: (rack is None, rack or ""))))
    return [broker for each in rounds for broker in each if broker is not None]


def _replicas(row: Sequence[BrokerImage], number: int, replication_factor: int) -> tuple[int, ...]:
    count = len(row)
    leader, shift = number % count, (number // count) % max(count - 1, 1)
    candidates = [row[(leader + 1 + (shift + index) % (count - 1)) % count] for index in range(count - 1)]
    chosen, racks, second_choice = [row[leader]], {row[leader].rack}, []
    for broker in candidates:
        if broker.rack in racks:
            second_choice.append(broker)
        else:
            chosen.append(broker)
            racks.add(broker.rack)
    return tuple(broker.broker_id for broker in (*chosen, *second_choice)[:replication_factor])


def check_assignment(brokers: Sequence[BrokerImage], replicas: tuple[int, ...], replication_factor: int | None) -> PartitionState:
    """A partition with the replicas that a client chose.

    :param replication_factor: how many replicas the topic's other partitions have, None for the first one.
    :raises KafkaError: ``INVALID_REPLICA_ASSIGNMENT``.
    """
    known = {broker.broker_id: broker for broker in brokers}
    if not replicas:
        raise _refused("The manual partition assignment includes an empty replica list.")
    for broker_id in replicas:
        if broker_id not in known:
            raise _refused(f"The manual partition assignment includes broker {broker_id}, but no such broker is registered.")
        if replicas.count(broker_id) > 1:
            raise _refused(f"The manual partition assignment includes the broker {broker_id} more than once.")
    if replication_factor is not None and len(replicas) != replication_factor:
        raise _refused(
            f"The manual partition assignment includes a partition with {len(replicas)} replica(s), but this is not consistent with "
            f"previous partitions, which have {replication_factor} replica(s)."
        )
    isr = tuple(broker_id for broker_id in replicas if not known[broker_id].fenced)
    if not isr:
        raise _refused("All brokers specified in the manual partition assignment are fenced: name one that is alive.")
    return PartitionState(leader=isr[0], leader_epoch=0, replicas=replicas, isr=isr)


def _refused(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)
