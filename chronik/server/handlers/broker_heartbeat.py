"""BrokerHeartbeat (63): brokers tell the controller that they are alive (KIP-631). No client is told of it."""

from __future__ import annotations

from chronik.cluster.interfaces import Heartbeat
from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from chronik.security.interfaces import Operation
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext


async def _broker_heartbeat(context: RequestContext, request: BrokerHeartbeatRequest) -> BrokerHeartbeatResponse:
    if not context.allowed_cluster(Operation.CLUSTER_ACTION):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} is no broker of this cluster")
    heartbeat = Heartbeat(
        request.broker_id, request.broker_epoch, request.current_metadata_offset, request.want_fence, request.want_shut_down
    )
    answer = await context.services.controller.heartbeat(heartbeat)
    return BrokerHeartbeatResponse(is_caught_up=answer.caught_up, is_fenced=answer.fenced, should_shut_down=answer.should_shut_down)


def _refusal(request: BrokerHeartbeatRequest, version: int, error: KafkaError) -> Message:
    return BrokerHeartbeatResponse(error_code=error.code)


_RULE = asks_cluster(Operation.CLUSTER_ACTION)

APIS = (Api(ApiKey.BROKER_HEARTBEAT, "BrokerHeartbeat", (0, 1), _broker_heartbeat, _refusal, _RULE, advertised=False, frame_bytes_max=64 << 10),)
