"""Creating topics so that whoever is told of them can use them at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, gatherResults

from chronik.cluster.interfaces import Charge, NewTopic, free
from chronik.errors import KafkaError
from chronik.metadata.image import TopicImage
from chronik.security.interfaces import Operation, ResourceType
from chronik.server.context import RequestContext

if TYPE_CHECKING:
    from chronik.server.services import Services


def may_create(context: RequestContext, name: str) -> bool:
    """Whether the peer may create a topic of this name."""
    return context.allowed_cluster(Operation.CREATE) or context.allowed(Operation.CREATE, ResourceType.TOPIC, name)


@contextmanager
def mutation_quota(context: RequestContext, strict_from: int) -> Iterator[Charge]:
    """What a request may change of topics (KIP-599); the client is told how long to wait afterwards.

    A client that was refused is told, and not muted: it knows.

    :param strict_from: the first version whose clients understand a refusal. Of older ones everything is done, and they are muted.
    """
    quota = context.services.quotas.mutations(context.session, context.client_id, context.api_version >= strict_from)
    yield quota.charge
    context.throttle.add(quota.throttle_ms, mute=not quota.exceeded)


async def create_and_wait(
    services: Services, topics: Sequence[NewTopic], validate_only: bool = False, charge: Charge = free
) -> Sequence[TopicImage | KafkaError]:
    """Create topics, and wait until their partitions here can be used; one outcome each."""
    if not topics:
        return ()
    outcomes = await services.controller.create_topics(topics, validate_only, charge)
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
