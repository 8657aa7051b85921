"""Reads partitions by Fetch: committed records only, from where consuming stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from twisted.internet.defer import gatherResults

from chronik.cli.cluster import RETRY_SECONDS, Cluster, Topic, error_text, is_retriable
from chronik.cli.offsets import EARLIEST, listed
from chronik.defer import deferred
from chronik.errors import ChronikError, ErrorCode
from chronik.model import IsolationLevel
from chronik.protocol import messages
from chronik.record.batch import BatchHeader, whole_batches
from chronik.record.records import ControlType, Record, control_type, decode_records

FETCH_BYTES_MAX: Final = 8 << 20
PARTITION_BYTES_MAX: Final = 1 << 20
WAIT_MS: Final = 500
"""How long a broker waits for records before it answers that there are none."""


class Fetcher:
    """The partitions being read.

    :ivar positions: the next offset of each.
    """

    def __init__(self, cluster: Cluster, topic: Topic, positions: dict[int, int]) -> None:
        self._cluster = cluster
        self._topic = topic
        self.positions = positions

    @deferred
    async def fetch(self, partitions: Iterable[int]) -> list[messages.FetchResponse.PartitionData]:
        """One round: what each leader has now, waiting a little when it has nothing."""
        by_leader: dict[int, list[int]] = {}
        for partition in partitions:
            by_leader.setdefault(self._topic.leaders[partition], []).append(partition)
        rounds = [self._cluster.request(self._request(numbers), leader) for leader, numbers in by_leader.items()]
        responses: list[messages.FetchResponse] = await gatherResults(rounds, consumeErrors=True)
        for response in responses:
            if response.error_code:
                raise ChronikError(f"{self._topic.name} cannot be read: {error_text(response.error_code)}")
        answers = [data for response in responses for topic in response.responses for data in topic.partitions]
        await self._repair([data for data in answers if data.error_code])
        return [data for data in answers if not data.error_code]

    def _request(self, partitions: list[int]) -> messages.FetchRequest:
        request = messages.FetchRequest
        rows = tuple(
            request.FetchPartition(
                partition=partition,
                current_leader_epoch=-1,
                fetch_offset=self.positions[partition],
                last_fetched_epoch=-1,
                log_start_offset=-1,
                partition_max_bytes=PARTITION_BYTES_MAX,
            )
            for partition in partitions
        )
        topics = (request.FetchTopic(topic_id=self._topic.topic_id, topic=self._topic.name, partitions=rows),)
        return request(
            replica_id=-1,
            max_wait_ms=WAIT_MS,
            min_bytes=1,
            max_bytes=FETCH_BYTES_MAX,
            isolation_level=IsolationLevel.READ_COMMITTED,
            session_id=0,
            session_epoch=-1,
            topics=topics,
        )

    async def _repair(self, failed: list[messages.FetchResponse.PartitionData]) -> None:
        for data in failed:
            if data.error_code == ErrorCode.OFFSET_OUT_OF_RANGE:
                # Retention removed what was to be read next: go on with what is left.
                self.positions.update(await listed(self._cluster, self._topic, [data.partition_index], EARLIEST))
            elif not is_retriable(data.error_code):
                raise ChronikError(f"{self._topic.name}, partition {data.partition_index}: {error_text(data.error_code)}")
        if any(is_retriable(data.error_code) for data in failed):
            await self._cluster.pause(RETRY_SECONDS)
            self._topic = await self._cluster.topic(self._topic.name)

    def records(self, data: messages.FetchResponse.PartitionData) -> Iterator[list[Record]]:
        """The records of an answer, a list a batch; the position moves past each batch once the caller is done with it."""
        partition = data.partition_index
        aborted = sorted((each.first_offset, each.producer_id) for each in data.aborted_transactions or ())
        open_aborted: set[int] = set()
        for header, batch in whole_batches(bytes(data.records or b"")):
            while aborted and aborted[0][0] <= header.last_offset:
                open_aborted.add(aborted.pop(0)[1])
            position = self.positions[partition]
            if header.last_offset >= position:
                if header.is_control:
                    _close(header, batch, open_aborted)
                elif not (header.is_transactional and header.producer_id in open_aborted):
                    yield [record for record in decode_records(batch) if record.offset >= position]
                self.positions[partition] = header.last_offset + 1


def _close(header: BatchHeader, batch: memoryview, open_aborted: set[int]) -> None:
    if control_type(decode_records(batch)[0]) is ControlType.ABORT:
        open_aborted.discard(header.producer_id)
