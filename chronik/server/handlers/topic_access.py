"""Topics that requests name by their ids: who may not know of one is told what is told of an id that no topic has."""

from __future__ import annotations

from collections.abc import Iterable

from chronik.errors import ErrorCode, KafkaError
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.context import RequestContext


def on_topic(operation: Operation, name: str | None, by_id: bool) -> Iterable[Action]:
    """What to ask before an operation on a topic.

    :param name: None or empty where the topic was named by an id that no topic has.
    :param by_id: whether it was named by an id.
    """
    if not name:
        return
    yield Action(operation, ResourceType.TOPIC, name)
    if by_id and operation is not Operation.DESCRIBE:
        yield Action(Operation.DESCRIBE, ResourceType.TOPIC, name)


def unknown_id() -> KafkaError:
    """The refusal of an id that no topic has, as far as the peer may know."""
    return KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, "This server does not host a topic of this id.")


def topic_refusal(context: RequestContext, operation: Operation, name: str, by_id: bool) -> KafkaError | None:
    """Why an operation on a topic is refused, None when it is allowed. The rule must have asked :func:`on_topic`."""
    if context.allowed(operation, ResourceType.TOPIC, name):
        return None
    if by_id and not context.allowed(Operation.DESCRIBE, ResourceType.TOPIC, name):
        return unknown_id()
    message = f"{context.session.principal} may not {operation.name.lower()} topic {name}"
    return KafkaError(ErrorCode.TOPIC_AUTHORIZATION_FAILED, message)
