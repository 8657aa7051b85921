"""Creating topics so that whoever is told of them can use them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, gatherResults

from chronik.cluster.interfaces import NewTopic
from chronik.errors import KafkaError
from chronik.metadata.image import TopicImage
from chronik.security.interfaces import Operation, ResourceType
from chronik.server.context import RequestContext

if TYPE_CHECKING:
    from chronik.server.services import Services


def may_create(context: RequestContext, name: str) -> bool:
    """Whether the peer may create a topic of this name."""
    return context.allowed_cluster(Operation.CREATE) or context.allowed(Operation.CREATE, ResourceType.TOPIC, name)


async def create_and_wait(services: Services, topics: Sequence[NewTopic], validate_only: bool = False) -> Sequence[TopicImage | KafkaError]:
    """Create topics, and wait until their partitions here can be used; one outcome each."""
    if not topics:
        return ()
    outcomes = await services.controller.create_topics(topics, validate_only)
    if validate_only:
        return outcomes
    return list(await gatherResults([Deferred.fromCoroutine(_ready(services, outcome)) for outcome in outcomes], consumeErrors=True))


async def _ready(services: Services, outcome: TopicImage | KafkaError) -> TopicImage | KafkaError:
    if isinstance(outcome, KafkaError):
        return outcome
    try:
        await services.partitions.ready(outcome.topic_id)
    except KafkaError as error:
        return error
    return outcome
