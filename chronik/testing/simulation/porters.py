"""An administrator of disks: moves partitions from one log directory of a broker to another, while they are written, and looks where they are."""

from __future__ import annotations

from collections.abc import Sequence

from chronik.errors import ErrorCode
from chronik.protocol.messages import AlterReplicaLogDirsRequest, DescribeLogDirsRequest
from chronik.testing.simulation.admins import Admin
from chronik.testing.simulation.brokers import SimulatedBroker
from chronik.testing.simulation.client import ClusterClient
from chronik.testing.simulation.stage import Stage

_REFUSED = (ErrorCode.REPLICA_NOT_AVAILABLE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.LOG_DIR_NOT_FOUND, ErrorCode.KAFKA_STORAGE_ERROR)
"""What it may be told: it does not look before it asks, and disks fail."""


class Porter(Admin):
    """Asks any broker to move any partition of some topics to any of its directories.

    :param topics: how many partitions each has.
    """

    def __init__(self, stage: Stage, client: ClusterClient, brokers: Sequence[SimulatedBroker], topics: dict[str, int], pause: float) -> None:
        super().__init__(stage, client, pause)
        self._brokers = brokers
        self._topics = topics

    async def work(self) -> None:
        """One move, or one look."""
        random = self.client.random
        broker = random.choice(self._brokers)
        if random.random() < 0.3:
            await self._look(broker)
            return
        topic = random.choice(tuple(self._topics))
        partition, directory = random.randrange(self._topics[topic]), random.choice(broker.directories)
        wanted = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(name=topic, partitions=(partition,))
        request = AlterReplicaLogDirsRequest(dirs=(AlterReplicaLogDirsRequest.AlterReplicaLogDir(path=directory, topics=(wanted,)),))
        await self._known(broker)
        response = await self.client.ask(broker.number, request)
        self.outcome("AlterReplicaLogDirs", response.results[0].partitions[0].error_code, *_REFUSED)

    async def _known(self, broker: SimulatedBroker) -> None:
        if not self.client.knows(broker.number):
            await self.client.refresh([])

    async def _look(self, broker: SimulatedBroker) -> None:
        """A partition is in one directory, and on its way to another one at most."""
        await self._known(broker)
        response = await self.client.ask(broker.number, DescribeLogDirsRequest(topics=None))
        places: dict[tuple[str, int, bool], str] = {}
        for result in response.results:
            if self.client.error("DescribeLogDirs", result.error_code) is not ErrorCode.NONE:
                continue
            for topic in result.topics:
                for part in topic.partitions:
                    key = topic.name, part.partition_index, part.is_future_key
                    other = places.setdefault(key, result.log_dir)
                    if other != result.log_dir:
                        self.stage.ledger.finding(f"{key} is in {other} and in {result.log_dir} of broker {broker.number}")
