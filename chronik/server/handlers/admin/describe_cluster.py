"""DescribeCluster (60): the cluster's id, controller and brokers (KIP-700, KIP-919, KIP-1073)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import BrokerImage, Endpoint
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import DescribeClusterRequest, DescribeClusterResponse, Message
from chronik.security.interfaces import CLUSTER_NAME, Action, ResourceType
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.admin.cluster_view import ClusterView
from chronik.server.handlers.leaders import endpoint_for
from chronik.server.handlers.operations import NOT_ASKED, actions_on, cluster_operations

if TYPE_CHECKING:
    from chronik.server.services import Services

BROKERS: Final = 1
CONTROLLERS: Final = 2
"""What a client takes the endpoint for that it asks."""

_Broker: TypeAlias = DescribeClusterResponse.DescribeClusterBroker


async def _describe_cluster(context: RequestContext, request: DescribeClusterRequest) -> DescribeClusterResponse:
    _check_endpoint_type(request.endpoint_type, context.api_version)
    view = ClusterView(context.services.metadata.image, context.session)
    brokers = [_broker(broker, endpoint) for broker, endpoint in view.brokers()]
    if request.include_fenced_brokers and context.api_version >= 2:
        brokers.extend(_fenced(context))
    return DescribeClusterResponse(
        error_message=None,
        endpoint_type=BROKERS,
        cluster_id=view.image.cluster_id,
        controller_id=view.controller_id,
        brokers=tuple(brokers),
        cluster_authorized_operations=cluster_operations(context) if request.include_cluster_authorized_operations else NOT_ASKED,
    )


def _check_endpoint_type(endpoint_type: int, version: int) -> None:
    if endpoint_type == BROKERS or version == 0:
        return
    if endpoint_type == CONTROLLERS:
        raise KafkaError(ErrorCode.MISMATCHED_ENDPOINT_TYPE, "This is a broker, the request wants a controller: use bootstrap.servers.")
    raise KafkaError(ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, f"Unsupported endpoint type {endpoint_type}")


def _fenced(context: RequestContext) -> Iterable[_Broker]:
    image = context.services.metadata.image
    for broker in image.brokers.values():
        endpoint = endpoint_for(image, broker.broker_id, context.session)
        if broker.fenced and endpoint is not None:
            yield _broker(broker, endpoint)


def _broker(broker: BrokerImage, endpoint: Endpoint) -> _Broker:
    return _Broker(broker_id=broker.broker_id, host=endpoint.host, port=endpoint.port, rack=broker.rack, is_fenced=broker.fenced)


def _rule(services: Services, request: DescribeClusterRequest) -> Iterable[Action]:
    return actions_on(ResourceType.CLUSTER, CLUSTER_NAME) if request.include_cluster_authorized_operations else ()


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return DescribeClusterResponse(error_code=error.code, error_message=error.message or None, cluster_authorized_operations=NOT_ASKED)


APIS = (Api(ApiKey.DESCRIBE_CLUSTER, "DescribeCluster", (0, 2), _describe_cluster, _refusal, _rule, frame_bytes_max=64 << 10),)
