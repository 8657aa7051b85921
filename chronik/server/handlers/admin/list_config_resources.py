"""ListConfigResources (74): what may have a configuration (KIP-714, KIP-1142)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from chronik.cluster.configs import resource_key
from chronik.cluster.interfaces import ConfigResource, ConfigResourceType
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import MetadataImage
from chronik.protocol.apis import ApiKey
from chronik.protocol.message import Message
from chronik.protocol.messages import ListConfigResourcesRequest, ListConfigResourcesResponse
from chronik.security.interfaces import Operation
from chronik.server.api import Api, asks_cluster
from chronik.server.context import RequestContext

_Resource: TypeAlias = ListConfigResourcesResponse.ConfigResource


def _brokers(image: MetadataImage) -> Iterable[str]:
    return map(str, sorted(image.brokers))


def _configured(kind: ConfigResourceType) -> Callable[[MetadataImage], Iterable[str]]:
    """Names of what has a configuration of its own, and is known by nothing else."""
    prefix = resource_key(ConfigResource(kind, ""))
    return lambda image: (resource.removeprefix(prefix) for resource in sorted(image.configs) if resource.startswith(prefix))


_NAMES: Final[Mapping[ConfigResourceType, Callable[[MetadataImage], Iterable[str]]]] = {
    ConfigResourceType.TOPIC: lambda image: sorted(image.topics),
    ConfigResourceType.BROKER: _brokers,
    ConfigResourceType.BROKER_LOGGER: _brokers,
    ConfigResourceType.CLIENT_METRICS: _configured(ConfigResourceType.CLIENT_METRICS),
    ConfigResourceType.GROUP: _configured(ConfigResourceType.GROUP),
}
"""The resources of each kind."""


async def _list_config_resources(context: RequestContext, request: ListConfigResourcesRequest) -> ListConfigResourcesResponse:
    if not context.allowed_cluster(Operation.DESCRIBE_CONFIGS):
        raise KafkaError(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, f"{context.session.principal} may not describe configurations of the cluster")
    image = context.services.metadata.image
    resources = [_Resource(resource_name=name, resource_type=kind) for kind in _kinds(context, request) for name in _NAMES[kind](image)]
    return ListConfigResourcesResponse(config_resources=tuple(resources))


def _kinds(context: RequestContext, request: ListConfigResourcesRequest) -> Iterable[ConfigResourceType]:
    if context.api_version == 0:
        return (ConfigResourceType.CLIENT_METRICS,)
    unknown = sorted(set(request.resource_types) - set(_NAMES))
    if unknown:
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, f"Unsupported resource types {unknown}")
    return [ConfigResourceType(code) for code in dict.fromkeys(request.resource_types)] or _NAMES


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return ListConfigResourcesResponse(error_code=error.code)


APIS = (Api(ApiKey.LIST_CONFIG_RESOURCES, "ListConfigResources", (0, 1), _list_config_resources, _refusal, asks_cluster(Operation.DESCRIBE_CONFIGS)),)
