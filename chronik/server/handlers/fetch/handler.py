"""The course of a Fetch: find out what it is about, read, wait for more, answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import TYPE_CHECKING

from chronik.errors import KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import FetchRequest, FetchResponse
from chronik.replica.interfaces import IPartition
from chronik.replica.purgatory import AppendWaiter, CommitWaiter
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.fetch.answer import answered, refused_as_a_whole
from chronik.server.handlers.fetch.reading import Collected, collect, replica_of
from chronik.server.handlers.fetch.scope import Scope, scope_of, topics_of
from chronik.server.handlers.topic_access import on_topic

if TYPE_CHECKING:
    from chronik.server.services import Services


async def _fetch(context: RequestContext, request: FetchRequest) -> FetchResponse:
    services, follows = context.services, replica_of(request) is not None
    security = services.metadata.image.security
    scope = scope_of(request, context.api_version, services.fetch_sessions, services.clock.seconds() * 1000, context.session.principal)
    collected = await _look(context, request, scope)
    if not _enough(request, scope, collected):
        collected = await _wait_for_more(context, request, scope, collected)
    while not security.allows_as(services.metadata.image.security):
        # Somebody's permissions changed while it waited: what holds now counts for what it is told now.
        security = services.metadata.image.security
        collected = await _look_again(context, request, scope, collected)
    throttle_ms = 0 if follows else services.quotas.fetched(context.session, context.client_id, collected.bytes)
    try:
        if throttle_ms:
            context.throttle.add(throttle_ms)
            session_id = scope.throttled()
            collected.close()
            return FetchResponse(session_id=session_id)
        session_id, told = scope.settle(collected.looks)
    except KafkaError:
        collected.close()
        raise
    return answered(context, request, session_id, told)


async def _look(context: RequestContext, request: FetchRequest, scope: Scope) -> Collected:
    changes = scope.changes
    collected = await collect(context, request, scope.pending())
    collected.changes = changes
    return collected


async def _look_again(context: RequestContext, request: FetchRequest, scope: Scope, collected: Collected) -> Collected:
    """What is to be seen now, where the peer may not do what it might, or the other way round."""
    try:
        is_other = await context.decide_anew()
    except Exception:
        collected.close()
        raise
    if not is_other:
        return collected
    collected.close()
    return await _look(context, request, scope)


def _enough(request: FetchRequest, scope: Scope, collected: Collected) -> bool:
    return collected.answer_now or request.max_wait_ms <= 0 or collected.bytes >= request.min_bytes or scope.empty


async def _wait_for_more(context: RequestContext, request: FetchRequest, scope: Scope, collected: Collected) -> Collected:
    """Read again on each commit, until there is enough or the time is up. Nothing is polled."""
    clock = context.services.clock
    deadline = clock.seconds() + request.max_wait_ms / 1000
    while not _enough(request, scope, collected):
        remaining_ms = (deadline - clock.seconds()) * 1000
        if remaining_ms <= 0 or context.session.closed:
            break
        collected.close()
        if not collected.moved() and scope.changes == collected.changes:
            await _more(context, scope, _waiter(request, collected.partitions()), remaining_ms)
        collected = await _look(context, request, scope)
    return collected


def _waiter(request: FetchRequest, partitions: Sequence[IPartition]) -> CommitWaiter:
    return CommitWaiter(partitions) if replica_of(request) is None else AppendWaiter(partitions)


async def _more(context: RequestContext, scope: Scope, waiter: CommitWaiter, wait_ms: float) -> None:
    scope.add_waiter(waiter)
    # Rounded up: ended too early it would wait again, for the rest of a millisecond, over and over.
    context.services.purgatory.expire_after(waiter, ceil(wait_ms))
    context.session.waiting[waiter] = None
    try:
        await waiter.ended
    finally:
        waiter.forget()
        scope.remove_waiter(waiter)
        context.services.purgatory.forget(waiter)
        context.session.waiting.pop(waiter, None)


def _rule(services: Services, request: FetchRequest) -> Iterable[Action]:
    if replica_of(request) is not None:
        yield Action(Operation.CLUSTER_ACTION, ResourceType.CLUSTER, CLUSTER_NAME)
        return
    names = services.metadata.image.names
    for topic, topic_id in topics_of(request, services.fetch_sessions):
        yield from on_topic(Operation.READ, topic or names.get(topic_id), by_id=not topic)


def _refusal(request: FetchRequest, version: int, error: KafkaError) -> Message:
    return refused_as_a_whole(request, version, error)


APIS = (Api(ApiKey.FETCH, "Fetch", (4, 18), _fetch, _refusal, _rule),)
