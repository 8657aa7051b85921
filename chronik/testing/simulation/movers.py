"""Administrators of clusters: who moves partitions and asks for other leaders, and who says how many replicas have to be in sync."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chronik.errors import ErrorCode
from chronik.protocol.messages import AlterPartitionReassignmentsRequest, ElectLeadersRequest
from chronik.testing.simulation.admins import Admin
from chronik.testing.simulation.client import ClusterClient, Unavailable
from chronik.testing.simulation.stage import Stage

PREFERRED: Final = 0

_REFUSED: Final = (
    ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    ErrorCode.NO_REASSIGNMENT_IN_PROGRESS,
    ErrorCode.ELECTION_NOT_NEEDED,
    ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE,
)
"""What it may be told: it does not look before it asks."""


class Mover(Admin):
    """Gives the partitions of a topic to some of the brokers, in any order, and at last to all of them.

    :param elected: topics of which it asks for other leaders, and how many partitions they have; that one is among them.
    :param brokers: how many there are; their ids begin at 1.
    """

    def __init__(self, stage: Stage, client: ClusterClient, topic: str, elected: Mapping[str, int], brokers: int, pause: float) -> None:
        super().__init__(stage, client, pause)
        self._topic = topic
        self._elected = elected
        self._partitions = elected[topic]
        self._brokers = list(range(1, brokers + 1))

    async def run(self) -> None:
        """Work until the play is over, then put everything where it was."""
        await super().run()
        for partition in range(self._partitions):
            while not self.stage.over:
                try:
                    if await self._move(partition, self._brokers) is ErrorCode.NONE:
                        break
                except Unavailable:
                    pass
                await self.client.backoff()

    async def work(self) -> None:
        """One change."""
        random = self.client.random
        partition = random.randrange(self._partitions)
        kind = random.random()
        if kind < 0.5:
            topic = random.choice(tuple(self._elected))
            await self._elect(topic, random.randrange(self._elected[topic]))
        elif kind < 0.9:
            await self._move(partition, random.sample(self._brokers, random.randint(min(2, len(self._brokers)), len(self._brokers))))
        else:
            await self._move(partition, None)

    async def _move(self, partition: int, replicas: list[int] | None) -> ErrorCode:
        wanted = AlterPartitionReassignmentsRequest.ReassignablePartition(
            partition_index=partition, replicas=None if replicas is None else tuple(replicas)
        )
        topic = AlterPartitionReassignmentsRequest.ReassignableTopic(name=self._topic, partitions=(wanted,))
        request = AlterPartitionReassignmentsRequest(timeout_ms=3_000, allow_replication_factor_change=True, topics=(topic,))
        response = await self.client.ask_controller(request)
        self.outcome("AlterPartitionReassignments", response.error_code)
        return self.outcome("AlterPartitionReassignments", response.responses[0].partitions[0].error_code, *_REFUSED)

    async def _elect(self, topic: str, partition: int) -> None:
        wanted = ElectLeadersRequest.TopicPartitions(topic=topic, partitions=(partition,))
        response = await self.client.ask_controller(ElectLeadersRequest(election_type=PREFERRED, topic_partitions=(wanted,), timeout_ms=3_000))
        self.outcome("ElectLeaders", response.error_code)
        for result in response.replica_election_results:
            for each in result.partition_result:
                self.outcome("ElectLeaders", each.error_code, *_REFUSED)


class Steward(Admin):
    """Asks for more or for fewer replicas in sync: who has left them is eligible to lead by the one, and is not by the other.

    :param topic: whose ``min.insync.replicas`` it changes.
    """

    def __init__(self, stage: Stage, client: ClusterClient, topic: str, pause: float) -> None:
        super().__init__(stage, client, pause)
        self._topic = topic

    async def work(self) -> None:
        """One change."""
        await self.configure(self._topic, "min.insync.replicas", self.client.random.choice(("1", "2")))
