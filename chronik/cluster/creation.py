"""From what a client asks for to a topic's image: names, numbers and assignments checked with Kafka's codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from chronik.cluster.assignment import assign_replicas, check_assignment
from chronik.cluster.interfaces import DEFAULT, NewPartitions, NewTopic
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import BrokerImage, PartitionState, TopicImage
from chronik.model import METADATA_TOPIC, ZERO_TOPIC_ID, topic_name_problem

PARTITIONS_PER_CALL_MAX: Final = 10_000
"""Partitions that one call may create, as in Kafka: one request must not fill the metadata."""


def collision_name(name: str) -> str:
    """What metrics would call the topic: '.' and '_' cannot be told apart there."""
    return name.replace(".", "_")


class NameCheck:
    """Checks the names of new topics, against those that exist: all of them are looked through once, however many names one call has."""

    def __init__(self) -> None:
        self._topics: Iterable[str] = ()
        self._taken: dict[str, str] = {}

    def check(self, name: str, topics: Iterable[str]) -> None:
        """Refuse a name that is not legal or collides with a topic that exists.

        :param topics: does not change; whenever topics do, it is another one.
        :raises KafkaError: ``INVALID_TOPIC_EXCEPTION``, or ``INVALID_REQUEST`` for the one name that is Kafka's own.
        """
        if name == METADATA_TOPIC:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Creation of internal topic {METADATA_TOPIC} is prohibited.")
        problem = topic_name_problem(name)
        if problem is not None:
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"Topic name is invalid: {problem}.")
        if "." not in name and "_" not in name:
            return
        if topics is not self._topics:
            self._topics, self._taken = topics, {collision_name(other): other for other in topics}
        other = self._taken.get(collision_name(name), name)
        if other != name:
            raise KafkaError(
                ErrorCode.INVALID_TOPIC_EXCEPTION,
                f"Topic '{name}' collides with existing topic: {other}. Topics may not differ in '.' and '_' only: choose another name.",
            )


def given_configs(topic: NewTopic) -> Mapping[str, str]:
    """The topic's configuration.

    :raises KafkaError: ``INVALID_CONFIG``, when a value is null.
    """
    missing = [key for key, value in topic.configs.items() if value is None]
    if missing:
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"Null value not supported for topic configs: {','.join(missing)}")
    return {key: value for key, value in topic.configs.items() if value is not None}


class Allowance:
    """Partitions that one call may still create."""

    def __init__(self) -> None:
        self._left = PARTITIONS_PER_CALL_MAX

    def take(self, count: int) -> None:
        """Create so many of them.

        :raises KafkaError: ``POLICY_VIOLATION``: they are too many.
        """
        if count > self._left:
            raise KafkaError(
                ErrorCode.POLICY_VIOLATION,
                f"Excessively large number of partitions per request: {count} more, at most {PARTITIONS_PER_CALL_MAX} in all are created at once.",
            )
        self._left -= count


class Designer:
    """Designs topics for a cluster.

    :param brokers: who may keep replicas.
    :param partitions: what :data:`~chronik.cluster.interfaces.DEFAULT` partitions mean.
    :param replication_factor: what a :data:`~chronik.cluster.interfaces.DEFAULT` replication factor means.
    :param allowance: of the call that all of this is for.
    """

    def __init__(self, brokers: Sequence[BrokerImage], partitions: int, replication_factor: int, allowance: Allowance) -> None:
        self._brokers = brokers
        self._partitions = partitions
        self._replication_factor = replication_factor
        self._allowance = allowance

    def topic(self, topic: NewTopic, configs: Mapping[str, str]) -> TopicImage:
        """The topic as it will be, under the zero id.

        :raises KafkaError: see :meth:`~chronik.cluster.interfaces.IController.create_topics`.
        """
        states = self._assigned(topic) if topic.assignments else self._spread(topic)
        return TopicImage(topic.name, ZERO_TOPIC_ID, tuple(states), configs)

    def more(self, topic: TopicImage, request: NewPartitions) -> list[PartitionState]:
        """The partitions to add to a topic.

        :raises KafkaError: see :meth:`~chronik.cluster.interfaces.IController.create_partitions`.
        """
        have = len(topic.partitions)
        if request.count == have:
            raise KafkaError(ErrorCode.INVALID_PARTITIONS, f"Topic already has {have} partition(s).")
        if request.count < have:
            raise KafkaError(
                ErrorCode.INVALID_PARTITIONS,
                f"The topic {topic.name} currently has {have} partition(s); {request.count} would not be an increase.",
            )
        added = range(have, request.count)
        self._allowance.take(len(added))
        replication_factor = len(topic.partitions[0].replicas)
        if request.assignments is None:
            return assign_replicas(self._brokers, added, replication_factor)
        if len(request.assignments) != len(added):
            raise KafkaError(
                ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                f"Attempted to add {len(added)} additional partition(s), but {len(request.assignments)} assignment(s) were specified.",
            )
        return [check_assignment(self._brokers, replicas, replication_factor) for replicas in request.assignments]

    def _spread(self, topic: NewTopic) -> Sequence[PartitionState]:
        if topic.replication_factor < DEFAULT or topic.replication_factor == 0:
            raise KafkaError(ErrorCode.INVALID_REPLICATION_FACTOR, "Replication factor must be larger than 0, or -1 to use the default value.")
        if topic.partitions < DEFAULT or topic.partitions == 0:
            raise KafkaError(ErrorCode.INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value.")
        count = self._partitions if topic.partitions == DEFAULT else topic.partitions
        factor = self._replication_factor if topic.replication_factor == DEFAULT else topic.replication_factor
        self._allowance.take(count)
        return assign_replicas(self._brokers, range(count), factor)

    def _assigned(self, topic: NewTopic) -> Sequence[PartitionState]:
        if topic.replication_factor != DEFAULT:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "A manual partition assignment was specified, but replication factor was not set to -1.")
        if topic.partitions != DEFAULT:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "A manual partition assignment was specified, but numPartitions was not set to -1.")
        self._allowance.take(len(topic.assignments))
        chosen: dict[int, PartitionState] = {}
        factor: int | None = None
        for number, replicas in topic.assignments:
            if number in chosen:
                raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, f"Found multiple manual partition assignments for partition {number}")
            chosen[number] = check_assignment(self._brokers, replicas, factor)
            factor = len(replicas)
        if sorted(chosen) != list(range(len(chosen))):
            raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, "partitions should be a consecutive 0-based integer sequence")
        return [chosen[number] for number in range(len(chosen))]
