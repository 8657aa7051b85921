"""Where consuming begins and ends: offsets by name, number or time, and those that a group committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from chronik.cli.cluster import RETRY_SECONDS, Cluster, Topic, error_text, is_retriable
from chronik.errors import ChronikError
from chronik.model import IsolationLevel
from chronik.protocol import messages

LATEST: Final = -1
EARLIEST: Final = -2
TRIES_MAX: Final = 20
"""A broker that has just started loads its groups first."""


async def listed(cluster: Cluster, topic: Topic, partitions: Iterable[int], timestamp: int) -> dict[int, int]:
    """An offset of each partition: :data:`LATEST` committed one, :data:`EARLIEST`, or the first at or after a time in ms (-1 when none is)."""
    request = messages.ListOffsetsRequest
    by_leader: dict[int, list[int]] = {}
    for partition in partitions:
        by_leader.setdefault(topic.leaders[partition], []).append(partition)
    offsets: dict[int, int] = {}
    for leader, numbers in by_leader.items():
        rows = tuple(request.ListOffsetsPartition(partition_index=number, current_leader_epoch=-1, timestamp=timestamp) for number in numbers)
        topics = (request.ListOffsetsTopic(name=topic.name, partitions=rows),)
        message = request(replica_id=-1, isolation_level=IsolationLevel.READ_COMMITTED, topics=topics)
        response: messages.ListOffsetsResponse = await cluster.request(message, leader)
        for row in response.topics[0].partitions:
            if row.error_code:
                raise ChronikError(f"{topic.name}, partition {row.partition_index}: {error_text(row.error_code)}")
            offsets[row.partition_index] = row.offset
    return offsets


async def resolved(cluster: Cluster, topic: Topic, where: str, earliest: Mapping[int, int], latest: Mapping[int, int]) -> dict[int, int]:
    """Positions of ``--offset``.

    :raises ChronikError: it is none of what may be given.
    """
    if where == "earliest":
        return dict(earliest)
    if where == "latest":
        return dict(latest)
    if where.startswith("@"):
        found = await listed(cluster, topic, latest, time_ms(where[1:]))
        return {partition: offset if offset >= 0 else latest[partition] for partition, offset in found.items()}
    try:
        number = int(where)
    except ValueError:
        raise ChronikError(f"--offset {where}: give earliest, latest, an offset, -N or @TIME") from None
    if where.startswith("-"):
        return {partition: max(earliest[partition], end + number) for partition, end in latest.items()}
    return {partition: min(max(number, earliest[partition]), end) for partition, end in latest.items()}


def time_ms(text: str) -> int:
    """Milliseconds of an ISO 8601 time; UTC unless it says otherwise.

    :raises ChronikError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ChronikError(f"{text!r} is no time like 2026-01-31T12:00:00") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


class GroupOffsets:
    """Committed offsets of a group without members: read at the beginning, written at the end."""

    def __init__(self, cluster: Cluster, topic: Topic, group: str) -> None:
        self._cluster = cluster
        self._topic = topic
        self._group = group
        self._node_id: int | None = None

    async def _coordinator(self) -> int | None:
        request = messages.FindCoordinatorRequest(key=self._group, key_type=0, coordinator_keys=(self._group,))
        for _ in range(TRIES_MAX):
            response: messages.FindCoordinatorResponse = await self._cluster.request(request)
            found = response.coordinators[0] if response.coordinators else response
            if not found.error_code:
                return found.node_id
            await self._retry(found.error_code)
        raise ChronikError(f"group {self._group}: no coordinator came up")

    async def _retry(self, code: int) -> None:
        if not is_retriable(code):
            raise ChronikError(f"group {self._group}: {error_text(code)}")
        await self._cluster.pause(RETRY_SECONDS)

    async def committed(self, partitions: Iterable[int]) -> dict[int, int]:
        """Offsets of those partitions that the group committed."""
        node_id = await self._coordinator()
        numbers = tuple(partitions)
        request = messages.OffsetFetchRequest
        asked = request.OffsetFetchRequestTopics(topic_id=self._topic.topic_id, name=self._topic.name, partition_indexes=numbers)
        old = request.OffsetFetchRequestTopic(name=self._topic.name, partition_indexes=numbers)
        group = request.OffsetFetchRequestGroup(group_id=self._group, member_id=None, member_epoch=-1, topics=(asked,))
        message = request(groups=(group,), group_id=self._group, topics=(old,), require_stable=True)
        for _ in range(TRIES_MAX):
            response: messages.OffsetFetchResponse = await self._cluster.request(message, node_id)
            answer = response.groups[0] if response.groups else response
            rows = [row for topic in answer.topics for row in topic.partitions]
            code = answer.error_code or next((row.error_code for row in rows if row.error_code), 0)
            if not code:
                return {row.partition_index: row.committed_offset for row in rows if row.committed_offset >= 0}
            await self._retry(code)
        raise ChronikError(f"group {self._group}: its offsets cannot be read")

    async def commit(self, positions: Mapping[int, int]) -> None:
        """Write where consuming goes on.

        :raises ChronikError: the group has members, or the coordinator refuses.
        """
        node_id = await self._coordinator()
        request = messages.OffsetCommitRequest
        rows = tuple(
            request.OffsetCommitRequestPartition(partition_index=partition, committed_offset=offset, committed_leader_epoch=-1, committed_metadata="")
            for partition, offset in positions.items()
        )
        topics = (request.OffsetCommitRequestTopic(topic_id=self._topic.topic_id, name=self._topic.name, partitions=rows),)
        message = request(group_id=self._group, generation_id_or_member_epoch=-1, member_id="", group_instance_id=None, topics=topics)
        for _ in range(TRIES_MAX):
            response: messages.OffsetCommitResponse = await self._cluster.request(message, node_id)
            code = next((row.error_code for topic in response.topics for row in topic.partitions if row.error_code), 0)
            if not code:
                return
            await self._retry(code)
        raise ChronikError(f"group {self._group}: its offsets cannot be committed")
