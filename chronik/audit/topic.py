"""The audit topic: every record a message, in a partition that this broker leads, or else in one that another broker does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from zope.interface import implementer

from chronik.audit.interfaces import AuditRecord, IAuditWriter
from chronik.cluster.interfaces import DEFAULT, IController, NewTopic
from chronik.defer import deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import NO_LEADER
from chronik.model import AUDIT_TOPIC
from chronik.network.channel import ChannelError
from chronik.network.peers import KeptChannel
from chronik.protocol.messages import ProduceRequest, ProduceResponse
from chronik.record.build import NewRecord, build_batch
from chronik.replica.partition import ALL_IN_SYNC

if TYPE_CHECKING:
    from chronik.metadata.image import TopicImage
    from chronik.metadata.interfaces import IMetadataFeed
    from chronik.network.interfaces import IBrokerChannels
    from chronik.replica.interfaces import IPartitions

VERSION: Final = 12
"""Of Produce: the last one that names topics by their names. All brokers of a cluster know it."""

COMMIT_SECONDS: Final = 10.0
"""How long another broker may take until records are safe there; what is late is sent again, and is then there twice."""

ANSWER_SECONDS: Final = COMMIT_SECONDS + 5.0
"""How long it may take to answer."""


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """How the topic is created where there is none."""

    partitions: int = DEFAULT
    replication_factor: int = DEFAULT
    configs: Mapping[str, str] = field(default_factory=dict)


@implementer(IAuditWriter)
class AuditTopic:
    """Appends to the log itself where it can: no request is made, so that nothing of it is authorized, throttled or audited. A broker that leads no
    partition sends its records to one that does, by the listener that brokers use among themselves.

    :param broker_id: whose partitions are written to.
    :param channels: to the other brokers.
    """

    name = "topic"

    def __init__(
        self,
        broker_id: int,
        feed: IMetadataFeed,
        partitions: IPartitions,
        controller: IController,
        plan: TopicPlan,
        channels: IBrokerChannels,
    ) -> None:
        self._broker_id = broker_id
        self._feed = feed
        self._partitions = partitions
        self._controller = controller
        self._plan = plan
        self._kept = KeptChannel(channels)

    @deferred
    async def write(self, records: Sequence[AuditRecord]) -> None:
        """Append one batch, and wait for it to be safe; see :meth:`IAuditWriter.write`.

        :raises KafkaError: the topic cannot be created, none of its partitions is led, or the log takes nothing.
        :raises ChannelError: the broker that leads one cannot be reached.
        """
        topic = await self._topic()
        batch = build_batch([NewRecord(record.key.encode(errors="backslashreplace") or None, record.line, record.time_ms) for record in records])
        number, leader = self._chosen(topic)
        if leader == self._broker_id:
            self._kept.hang_up()
            await self._partitions.get(AUDIT_TOPIC, number).append(batch, ALL_IN_SYNC, internal=True)
        else:
            await self._send(leader, number, batch)

    @deferred
    async def close(self) -> None:
        """The log is closed by whoever opened it."""
        self._kept.hang_up()

    async def _topic(self) -> TopicImage:
        topic: TopicImage | None = self._feed.image.topics.get(AUDIT_TOPIC)
        if topic is not None:
            return topic
        plan = self._plan
        (outcome,) = await self._controller.create_topics([NewTopic(AUDIT_TOPIC, plan.partitions, plan.replication_factor, configs=plan.configs)])
        if isinstance(outcome, KafkaError):
            if outcome.code is not ErrorCode.TOPIC_ALREADY_EXISTS:
                raise outcome
            outcome = self._feed.image.topics[AUDIT_TOPIC]
        await self._partitions.ready(outcome.topic_id)
        created: TopicImage = self._feed.image.topics.get(AUDIT_TOPIC, outcome)
        return created

    def _chosen(self, topic: TopicImage) -> tuple[int, int]:
        """A partition and its leader: one of this broker's own, else one by this broker's id, so that not all send to the same.

        :raises KafkaError: no partition is led.
        """
        led = [(number, state.leader) for number, state in enumerate(topic.partitions) if state.leader != NO_LEADER]
        if not led:
            raise KafkaError(ErrorCode.LEADER_NOT_AVAILABLE, f"no partition of {AUDIT_TOPIC} is led by any broker")
        own = next((each for each in led if each[1] == self._broker_id), None)
        return own or led[self._broker_id % len(led)]

    async def _send(self, leader: int, number: int, batch: bytes) -> None:
        """Have another broker append a batch."""
        data = ProduceRequest.TopicProduceData(
            name=AUDIT_TOPIC, partition_data=(ProduceRequest.PartitionProduceData(index=number, records=batch),)
        )
        response = await self._ask(leader, ProduceRequest(acks=ALL_IN_SYNC, timeout_ms=int(COMMIT_SECONDS * 1000), topic_data=(data,)))
        answer = response.responses[0].partition_responses[0]
        if answer.error_code != ErrorCode.NONE:
            raise KafkaError(ErrorCode(answer.error_code), f"broker {leader} takes no audit records: {answer.error_message or 'it does not say why'}")

    async def _ask(self, leader: int, request: ProduceRequest) -> ProduceResponse:
        """The answer of a broker; on a new connection if the one there was has ended meanwhile."""
        if self._kept.broker_id == leader:
            try:
                return await self._on(leader, request)
            except ChannelError:
                self._kept.hang_up()
        try:
            return await self._on(leader, request)
        except ChannelError:
            self._kept.hang_up()
            raise

    async def _on(self, leader: int, request: ProduceRequest) -> ProduceResponse:
        channel = await self._kept.to(leader)
        response: ProduceResponse = await channel.request(request, VERSION, ANSWER_SECONDS)
        return response
