"""``/api``: what the console shows beside search, as JSON. Only what the caller may describe is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chronik.http.interfaces import HttpAnswer, HttpRequest, json_answer
from chronik.http.routing import Route, Routes
from chronik.metadata.image import TopicImage
from chronik.metadata.interfaces import IMetadataFeed
from chronik.model import INTERNAL_TOPICS, topic_id_text
from chronik.replica.interfaces import IPartition, IPartitions
from chronik.security.interfaces import Action, IAuthorizer, Operation, ResourceType


class ApiEndpoints:
    """``/api/topics`` and ``/api/brokers``.

    :param feed: topics and brokers.
    :param partitions: offsets and sizes of what is led here.
    :param authorizer: decides what is told to whom.
    """

    def __init__(self, feed: IMetadataFeed, partitions: IPartitions, authorizer: IAuthorizer) -> None:
        self._feed = feed
        self._partitions = partitions
        self._authorizer = authorizer

    def register(self, routes: Routes) -> None:
        """Add the endpoints to the table."""
        routes.paths["api/topics"] = Route({"GET": self._topics})
        routes.paths["api/brokers"] = Route({"GET": self._brokers})

    async def _topics(self, request: HttpRequest) -> HttpAnswer:
        topics = list(self._feed.image.topics.values())
        actions = [Action(Operation.DESCRIBE, ResourceType.TOPIC, topic.name) for topic in topics]
        allowed = await self._authorizer.authorize(request.principal, request.peer_host, actions)
        led = _by_topic(self._partitions.hosted())
        told = [_topic(topic, led.get(topic.name, ())) for topic, yes in zip(topics, allowed, strict=True) if yes]
        return json_answer({"topics": sorted(told, key=lambda topic: str(topic["name"]))})

    async def _brokers(self, request: HttpRequest) -> HttpAnswer:
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
