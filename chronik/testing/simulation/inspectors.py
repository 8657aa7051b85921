"""A client that reads where a disk has lied, as soon as the broker knows: consumers are past it by then, and nobody else would look."""

from __future__ import annotations

from typing import Final

from chronik.testing.simulation.client import ClusterClient, Unavailable
from chronik.testing.simulation.fetching import Reader
from chronik.testing.simulation.flips import Flip
from chronik.testing.simulation.stage import Stage

READS: Final = 6
"""Of one damaged place: of one version of Fetch or another, for few bytes or many."""


class Inspector:
    """Reads segments from their beginning."""

    def __init__(self, stage: Stage, client: ClusterClient) -> None:
        self._stage = stage
        self._client = client
        self._count = 0

    async def read(self, topic: str, flip: Flip) -> None:
        """Read the segment of a bit that was flipped, at whoever leads the partition; what must not be given is a finding of the reader's."""
        for _ in range(READS):
            self._count += 1
            reader = Reader(self._stage, self._client, sessions=False)
            try:
                position = await reader.position(topic, flip.partition, f"{self._client.name}/{self._count}", flip.base_offset)
                await reader.fetch({position.key: position}, wait_ms=0)
            except Unavailable:
                await self._client.backoff()
