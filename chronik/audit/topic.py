"""The audit topic: every record a message, in a partition that this broker leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zope.interface import implementer

from chronik.audit.interfaces import AuditRecord, IAuditWriter
from chronik.cluster.interfaces import DEFAULT, IController, NewTopic
from chronik.defer import deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.model import AUDIT_TOPIC
from chronik.record.build import NewRecord, build_batch
from chronik.replica.partition import ALL_IN_SYNC

if TYPE_CHECKING:
    from chronik.metadata.interfaces import IMetadataFeed
    from chronik.replica.interfaces import IPartition, IPartitions


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """How the topic is created where there is none."""

    partitions: int = DEFAULT
    replication_factor: int = DEFAULT
    configs: Mapping[str, str] = field(default_factory=dict)


@implementer(IAuditWriter)
class AuditTopic:
    """Appends to the log itself: no request is made, so that nothing of it is authorized, throttled or audited.

    :param broker_id: whose partitions are written to.
    """

    name = "topic"

    def __init__(self, broker_id: int, feed: IMetadataFeed, partitions: IPartitions, controller: IController, plan: TopicPlan) -> None:
        self._broker_id = broker_id
        self._feed = feed
        self._partitions = partitions
        self._controller = controller
        self._plan = plan

    @deferred
    async def write(self, records: Sequence[AuditRecord]) -> None:
        """Append one batch, and wait for it to be safe; see :meth:`IAuditWriter.write`.

        :raises KafkaError: the topic cannot be created, none of its partitions is led here, or its log takes nothing.
        """
        partition = await self._partition()
        batch = build_batch([NewRecord(record.key.encode(errors="backslashreplace") or None, record.line, record.time_ms) for record in records])
        await partition.append(batch, ALL_IN_SYNC, internal=True)

    @deferred
    async def close(self) -> None:
        """The log is closed by whoever opened it."""

    async def _partition(self) -> IPartition:
        topic = self._feed.image.topics.get(AUDIT_TOPIC)
        if topic is None:
            plan = self._plan
            (outcome,) = await self._controller.create_topics([NewTopic(AUDIT_TOPIC, plan.partitions, plan.replication_factor, configs=plan.configs)])
            if isinstance(outcome, KafkaError):
                if outcome.code is not ErrorCode.TOPIC_ALREADY_EXISTS:
                    raise outcome
                outcome = self._feed.image.topics[AUDIT_TOPIC]
            topic = outcome
            await self._partitions.ready(topic.topic_id)
            topic = self._feed.image.topics.get(AUDIT_TOPIC, topic)
        for number, state in enumerate(topic.partitions):
            if state.leader == self._broker_id:
                return self._partitions.get(AUDIT_TOPIC, number)
        raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, f"no partition of {AUDIT_TOPIC} is led by this broker")
