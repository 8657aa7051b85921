"""UnregisterBroker (64): forget a broker that will not come back (KIP-866)."""

from __future__ import annotations

from typing import Any

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import UnregisterBrokerRequest, UnregisterBrokerResponse
from chronik.security.interfaces import Operation
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext


async def _unregister_broker(context: RequestContext, request: UnregisterBrokerRequest) -> UnregisterBrokerResponse:
    if not context.allowed_cluster(Operation.ALTER):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not alter the cluster")
    await context.services.controller.unregister_broker(request.broker_id)
    return UnregisterBrokerResponse(error_message=None)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return UnregisterBrokerResponse(error_code=error.code, error_message=error.message or None)


APIS = (Api(ApiKey.UNREGISTER_BROKER, "UnregisterBroker", (0, 0), _unregister_broker, _refusal, asks_cluster(Operation.ALTER)),)
