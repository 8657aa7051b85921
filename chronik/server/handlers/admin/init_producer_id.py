"""InitProducerId (22): an identity for an idempotent producer (KIP-98, KIP-360). Transactions are not served yet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_EPOCH, NO_PRODUCER_ID
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import InitProducerIdRequest, InitProducerIdResponse, Message
from chronik.security.interfaces import CLUSTER_NAME, SOME, Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext

if TYPE_CHECKING:
    from chronik.server.services import Services


async def _init_producer_id(context: RequestContext, request: InitProducerIdRequest) -> InitProducerIdResponse:
    _authorize(context, request.transactional_id)
    if (request.producer_id == NO_PRODUCER_ID) != (request.producer_epoch == NO_EPOCH):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "a producer id and its epoch belong together")
    if request.transactional_id == "":
        raise KafkaError(ErrorCode.INVALID_REQUEST, "the empty string is not a transactional id")
    if request.transactional_id is not None:
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, "transactions are not served yet: leave transactional.id unset")
    return InitProducerIdResponse(producer_id=await context.services.controller.next_producer_id(), producer_epoch=0)


def _authorize(context: RequestContext, transactional_id: str | None) -> None:
    if transactional_id is not None:
        if not context.allowed(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, transactional_id):
            raise KafkaError(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
        return
    if not context.allowed_cluster(Operation.IDEMPOTENT_WRITE) and not context.allowed(Operation.WRITE, ResourceType.TOPIC, SOME):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)


def _rule(services: Services, request: InitProducerIdRequest) -> Iterable[Action]:
    if request.transactional_id is not None:
        yield Action(Operation.WRITE, ResourceType.TRANSACTIONAL_ID, request.transactional_id)
        return
    yield Action(Operation.IDEMPOTENT_WRITE, ResourceType.CLUSTER, CLUSTER_NAME)
    yield Action(Operation.WRITE, ResourceType.TOPIC, SOME)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return InitProducerIdResponse(error_code=error.code, producer_id=NO_PRODUCER_ID, producer_epoch=NO_EPOCH)


APIS = (Api(ApiKey.INIT_PRODUCER_ID, "InitProducerId", (0, 5), _init_producer_id, _refusal, _rule, frame_bytes_max=64 << 10),)
