"""Clients that read partitions by assignment, for ever."""

from __future__ import annotations

from typing import Final

from chronik.testing.simulation.client import ClusterClient, Unavailable
from chronik.testing.simulation.fetching import Position, Reader
from chronik.testing.simulation.stage import Stage

LATEST_SHARE: Final = 0.1
"""Of a consumer's Fetches, those before which it asks where a partition ends."""

BACK_SHARE: Final = 0.02
"""Of a consumer's Fetches, those before which it goes back in a partition."""


class Consumer:
    """A client that reads some partitions by assignment, from the beginning, for ever."""

    def __init__(self, stage: Stage, client: ClusterClient, topic: str, partitions: list[int], pause: float) -> None:
        self._stage = stage
        self._client = client
        self._topic = topic
        self._partitions = partitions
        self._pause = pause
        self._reader = Reader(stage, client, sessions=client.random.random() < 0.6)
        self.positions: dict[tuple[str, int], Position] = {}
        self._quiet_since: dict[tuple[str, int], int] = {}

    async def run(self) -> None:
        """Read until the play is over."""
        client = self._client
        while not self._stage.over and not (self._stage.quiet and self._has_heard_of_all()):
            try:
                await self._begin()
                if client.random.random() < BACK_SHARE and not self._stage.quiet:
                    self._reader.go_back(self.positions[self._topic, client.random.choice(self._partitions)])
                if client.random.random() < LATEST_SHARE:
                    await self._reader.latest(self.positions[self._topic, client.random.choice(self._partitions)])
                await self._reader.fetch(self.positions)
                await client.sleep(self._pause * client.random.expovariate(1.0))
            except Unavailable:
                await client.backoff()
                await client.look(self._topic)

    def _has_heard_of_all(self) -> bool:
        """Whether it was told that everything is committed that was acknowledged, and goes on where it is not at the end: who waits with a fetch
        session is told that too.
        """
        ledger = self._stage.ledger
        ends = {each.key: ledger.history(each.topic_id).acknowledged_end(each.partition) for each in self.positions.values()}
        since = self._quiet_since = self._quiet_since or {key: each.offset for key, each in self.positions.items()}
        told = [each.high >= ends[key] and each.offset > min(since.get(key, -1), ends[key] - 1) for key, each in self.positions.items()]
        return len(told) == len(self._partitions) and all(told)

    async def _begin(self) -> None:
        for number in self._partitions:
            if (self._topic, number) not in self.positions:
                position = await self._reader.position(self._topic, number, self._client.name)
                self.positions[position.key] = position
