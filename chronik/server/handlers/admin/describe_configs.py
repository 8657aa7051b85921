"""DescribeConfigs (32): every key with its value, source, type and documentation (KIP-133, KIP-226, KIP-569)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from twisted.internet.task import deferLater

from chronik.cluster.configs import check_resource, resource_key
from chronik.cluster.interfaces import ConfigResource, ConfigResourceType
from chronik.config.describing import (
    DescribedConfig,
    describe_broker,
    describe_client_metrics,
    describe_dynamic_defaults,
    describe_group,
    describe_loggers,
    describe_topic,
)
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import MetadataImage
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import DescribeConfigsRequest, DescribeConfigsResponse, Message
from chronik.security.interfaces import Action, Operation
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.admin.config_resources import authorization_failure, check_own_broker, check_own_logger, protected_as, resource_kind

if TYPE_CHECKING:
    from chronik.server.services import Services

_Resource: TypeAlias = DescribeConfigsRequest.DescribeConfigsResource
_Result: TypeAlias = DescribeConfigsResponse.DescribeConfigsResult
_Entry: TypeAlias = DescribeConfigsResponse.DescribeConfigsResourceResult
_Synonym: TypeAlias = DescribeConfigsResponse.DescribeConfigsSynonym


RESOURCES_OF_A_TURN: Final = 16
"""Resources described in one turn of the reactor: each takes about a millisecond."""


async def _describe_configs(context: RequestContext, request: DescribeConfigsRequest) -> DescribeConfigsResponse:
    results = []
    for resource in _distinct(request.resources):
        results.append(_described(context, request, resource))
        if not len(results) % RESOURCES_OF_A_TURN:
            await deferLater(context.services.clock, 0)
    return DescribeConfigsResponse(results=tuple(results))


def _distinct(resources: Iterable[_Resource]) -> Iterable[_Resource]:
    """Each once: a small request that names one resource again and again would have a huge answer."""
    return {(each.resource_type, each.resource_name, each.configuration_keys): each for each in resources}.values()


def _described(context: RequestContext, request: DescribeConfigsRequest, resource: _Resource) -> _Result:
    try:
        entries = _entries(context, resource)
    except KafkaError as error:
        return _failed(resource, error)
    wanted = frozenset(resource.configuration_keys or ())
    return _Result(
        error_message=None,
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
        configs=tuple(_told(entry, request) for entry in entries if not wanted or entry.name in wanted),
    )


def _entries(context: RequestContext, resource: _Resource) -> Iterable[DescribedConfig]:
    kind, name = resource_kind(resource.resource_type), resource.resource_name
    failure = authorization_failure(context, Operation.DESCRIBE_CONFIGS, kind, name)
    if failure is not None:
        raise failure
    services = context.services
    if kind is ConfigResourceType.BROKER_LOGGER:
        check_own_logger(services, name)
        return describe_loggers(services.log_levels.described())
    check_resource(ConfigResource(kind, name))
    image: MetadataImage = services.metadata.image
    if kind is ConfigResourceType.TOPIC:
        topic = image.topics.get(name)
        if topic is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"This server does not host topic '{name}'.")
        return describe_topic(services.configuration(), topic.configs)
    if kind in (ConfigResourceType.GROUP, ConfigResourceType.CLIENT_METRICS):
        own = image.configs.get(resource_key(ConfigResource(kind, name)), {})
        return describe_group(services.configuration(), own) if kind is ConfigResourceType.GROUP else describe_client_metrics(own)
    if not name:
        return describe_dynamic_defaults(image.configs.get("broker/", {}))
    check_own_broker(services, name)
    return describe_broker(services.configuration())


def _told(entry: DescribedConfig, request: DescribeConfigsRequest) -> _Entry:
    return _Entry(
        name=entry.name,
        value=entry.value,
        read_only=entry.read_only,
        config_source=entry.source,
        is_sensitive=entry.sensitive,
        synonyms=tuple(_Synonym(name=synonym.name, value=synonym.value, source=synonym.source) for synonym in entry.synonyms)
        if request.include_synonyms
        else (),
        config_type=entry.type,
        documentation=entry.documentation if request.include_documentation else None,
    )


def _failed(resource: _Resource, error: KafkaError) -> _Result:
    return _Result(
        error_code=error.code,
        error_message=error.message or None,
        resource_type=resource.resource_type,
        resource_name=resource.resource_name,
    )


def _rule(services: Services, request: DescribeConfigsRequest) -> Iterable[Action]:
    for resource in request.resources:
        yield from protected_as(Operation.DESCRIBE_CONFIGS, resource.resource_type, resource.resource_name)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return DescribeConfigsResponse(results=tuple(_failed(resource, error) for resource in request.resources))


APIS = (Api(ApiKey.DESCRIBE_CONFIGS, "DescribeConfigs", (1, 4), _describe_configs, _refusal, _rule),)
