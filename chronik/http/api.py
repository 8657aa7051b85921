"""``/api``: what the console shows beside search, as JSON. Only what the caller may describe is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chronik.coordinator.group.interfaces import IGroupCoordinator
from chronik.http.access import Access
from chronik.http.interfaces import HttpAnswer, HttpRequest, json_answer
from chronik.http.routing import Route, Routes
from chronik.metadata.image import TopicImage
from chronik.metadata.interfaces import IMetadataFeed
from chronik.model import INTERNAL_TOPICS, TopicPartition, topic_id_text
from chronik.replica.interfaces import IPartition, IPartitions
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType


class ApiEndpoints:
    """``/api/topics``, ``/api/groups`` and ``/api/brokers``.

    :param feed: topics and brokers.
    :param partitions: offsets and sizes of what is led here.
    :param groups: consumer groups.
    :param access: decides what is told to whom.
    """

    def __init__(self, feed: IMetadataFeed, partitions: IPartitions, groups: IGroupCoordinator, access: Access) -> None:
        self._feed = feed
        self._partitions = partitions
        self._groups = groups
        self._access = access

    def register(self, routes: Routes) -> None:
        """Add the endpoints to the table."""
        routes.paths["api/topics"] = Route({"GET": self._topics})
        routes.paths["api/groups"] = Route({"GET": self._list_groups})
        routes.paths["api/brokers"] = Route({"GET": self._brokers})

    async def _topics(self, request: HttpRequest) -> HttpAnswer:
        await self._access.check_any(request, Operation.DESCRIBE, ResourceType.TOPIC)
        topics = list(self._feed.image.topics.values())
        actions = [Action(Operation.DESCRIBE, ResourceType.TOPIC, topic.name) for topic in topics]
        allowed = await self._access.allowed(request, actions)
        led = _by_topic(self._partitions.hosted())
        told = [_topic(topic, led.get(topic.name, ())) for topic, yes in zip(topics, allowed, strict=True) if yes]
        return json_answer({"topics": sorted(told, key=lambda topic: str(topic["name"]))})

    async def _list_groups(self, request: HttpRequest) -> HttpAnswer:
        await self._access.check_any(request, Operation.DESCRIBE, ResourceType.GROUP)
        groups = list(self._groups.summaries())
        actions = [Action(Operation.DESCRIBE, ResourceType.GROUP, group.group_id) for group in groups]
        everything, *each = await self._access.allowed(request, [Action(Operation.DESCRIBE, ResourceType.CLUSTER, CLUSTER_NAME), *actions])
        allowed = [everything or yes for yes in each]
        lags = await self._lags(request)
        told = [
            {"id": group.group_id, "state": group.state, "members": group.members, "lag": lags.get(group.group_id)}
            for group, yes in zip(groups, allowed, strict=True)
            if yes
        ]
        return json_answer({"groups": sorted(told, key=lambda group: str(group["id"]))})

    async def _lags(self, request: HttpRequest) -> Mapping[str, int]:
        """Records that each group has committed nothing for, in the partitions it has committed something for and the caller may describe."""
        topics = list({committed.topic for committed in self._groups.committed()})
        actions = [Action(Operation.DESCRIBE, ResourceType.TOPIC, topic) for topic in topics]
        described = {topic for topic, yes in zip(topics, await self._access.allowed(request, actions), strict=True) if yes}
        ends = {partition.topic_partition: partition.high_watermark for partition in self._partitions.hosted()}
        lags: dict[str, int] = {}
        for committed in self._groups.committed():
            end = ends.get(TopicPartition(committed.topic, committed.partition))
            if end is not None and committed.topic in described:
                lags[committed.group_id] = lags.get(committed.group_id, 0) + max(0, end - committed.offset)
        return lags

    async def _brokers(self, request: HttpRequest) -> HttpAnswer:
        if not self._access.is_open(request.path):
            await self._access.check_known(request)
        image = self._feed.image
        brokers = [
            {"id": broker.broker_id, "rack": broker.rack, "endpoints": {name: f"{e.host}:{e.port}" for name, e in broker.endpoints.items()}}
            for broker in image.brokers.values()
        ]
        return json_answer({"cluster_id": image.cluster_id, "controller": image.controller_id, "brokers": brokers})


def _by_topic(partitions: Iterable[IPartition]) -> Mapping[str, Sequence[IPartition]]:
    found: dict[str, list[IPartition]] = {}
    for partition in partitions:
        found.setdefault(partition.topic_partition.topic, []).append(partition)
    return found


def _topic(topic: TopicImage, led: Sequence[IPartition]) -> dict[str, Any]:
    return {
        "name": topic.name,
        "id": topic_id_text(topic.topic_id),
        "internal": topic.name in INTERNAL_TOPICS,
        "partitions": len(topic.partitions),
        "records": sum(partition.high_watermark - partition.start_offset for partition in led),
        "bytes": sum(partition.log.size_bytes for partition in led),
    }
