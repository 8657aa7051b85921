"""UnregisterBroker (64): forget a broker that will not come back (KIP-866)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import UnregisterBrokerRequest, UnregisterBrokerResponse
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext

if TYPE_CHECKING:
    from chronik.server.services import Services


async def _unregister_broker(context: RequestContext, request: UnregisterBrokerRequest) -> UnregisterBrokerResponse:
    if not context.allowed_cluster(Operation.ALTER):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not alter the cluster")
    await context.services.controller.unregister_broker(request.broker_id)
    return UnregisterBrokerResponse(error_message=None)


def _rule(services: Services, request: UnregisterBrokerRequest) -> Iterable[Action]:
    return (Action(Operation.ALTER, ResourceType.CLUSTER, CLUSTER_NAME),)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return UnregisterBrokerResponse(error_code=error.code, error_message=error.message or None)


APIS = (Api(ApiKey.UNREGISTER_BROKER, "UnregisterBroker", (0, 0), _unregister_broker, _refusal, _rule),)
