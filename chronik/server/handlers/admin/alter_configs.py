"""AlterConfigs (33) and IncrementalAlterConfigs (44): dynamic configuration, whole or key by key (KIP-133, KIP-339)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from chronik.cluster.configs import check_resource, edited, resource_key
from chronik.cluster.interfaces import ConfigChange, ConfigEdit, ConfigOperation, ConfigResource, ConfigResourceType
from chronik.errors import ConfigurationError, ErrorCode, KafkaError
from chronik.protocol.apis import ApiKey
from chronik.protocol.messages import (
    AlterConfigsRequest,
    AlterConfigsResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
    Message,
)
from chronik.security.interfaces import Action, Operation
from chronik.server.api import Api
from chronik.server.context import RequestContext
from chronik.server.handlers.admin.config_resources import (
    authorization_failure,
    check_own_broker,
    check_own_logger,
    protected_as,
    resource_kind,
)
from chronik.server.handlers.admin.loggers import change_levels, check_levels

if TYPE_CHECKING:
    from chronik.server.services import Services


async def _alter_configs(context: RequestContext, request: AlterConfigsRequest) -> AlterConfigsResponse:
    outcomes = await _alter(context, request, replace=True)
    return AlterConfigsResponse(responses=_responses(AlterConfigsResponse, request, outcomes))


async def _incremental_alter_configs(context: RequestContext, request: IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsResponse:
    outcomes = await _alter(context, request, replace=False)
    return IncrementalAlterConfigsResponse(responses=_responses(IncrementalAlterConfigsResponse, request, outcomes))


async def _alter(context: RequestContext, request: Any, replace: bool) -> Sequence[KafkaError | None]:
    """One outcome for each resource of the request, in its order."""
    times = Counter((resource.resource_type, resource.resource_name) for resource in request.resources)
    outcomes: list[KafkaError | None] = []
    changes: dict[int, ConfigChange] = {}
    for index, resource in enumerate(request.resources):
        try:
            if times[resource.resource_type, resource.resource_name] > 1:
                raise KafkaError(ErrorCode.INVALID_REQUEST, "Each resource must appear at most once.")
            change = _change(context, resource, replace)
            if change.resource.kind is ConfigResourceType.BROKER:
                await _check_here(context.services, change)
            if change.resource.kind is ConfigResourceType.BROKER_LOGGER:
                _alter_levels(context, change, request.validate_only)
            else:
                changes[index] = change
            outcomes.append(None)
        except KafkaError as error:
            outcomes.append(error)
    done = await context.services.controller.alter_configs(list(changes.values()), request.validate_only)
    for index, outcome in zip(changes, done, strict=True):
        outcomes[index] = outcome
    return outcomes


def _change(context: RequestContext, resource: Any, replace: bool) -> ConfigChange:
    kind = resource_kind(resource.resource_type)
    failure = authorization_failure(context, Operation.ALTER_CONFIGS, kind, resource.resource_name)
    if failure is not None:
        raise failure
    if kind is ConfigResourceType.BROKER_LOGGER:
        if replace:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Levels of loggers are altered one by one (IncrementalAlterConfigs).")
        check_own_logger(context.services, resource.resource_name)
    if kind is ConfigResourceType.BROKER and resource.resource_name:
        check_own_broker(context.services, resource.resource_name)
    if len({config.name for config in resource.configs}) != len(resource.configs):
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Error due to duplicate config keys")
    edits = tuple(_edit(config, replace) for config in resource.configs)
    missing = [edit.key for edit in edits if edit.value is None and edit.operation is not ConfigOperation.DELETE]
    if missing:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Null value not supported for : {', '.join(missing)}")
    return ConfigChange(ConfigResource(kind, resource.resource_name), edits, replace)


async def _check_here(services: Services, change: ConfigChange) -> None:
    """Whether this broker could go by a change of brokers' configuration: it knows its files, which the controller may not."""
    check_resource(change.resource)
    before = services.metadata.image.configs.get(resource_key(change.resource), {})
    after, _ = edited(before, change, services.config)
    try:
        await services.configuration.check(change.resource.name, after)
    except ConfigurationError as error:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from None


def _alter_levels(context: RequestContext, change: ConfigChange, validate_only: bool) -> None:
    levels = context.services.log_levels
    check_levels(levels, change.edits)
    if not validate_only:
        change_levels(levels, change.edits)


def _edit(config: Any, replace: bool) -> ConfigEdit:
    if replace:
        return ConfigEdit(config.name, ConfigOperation.SET, config.value)
    try:
        return ConfigEdit(config.name, ConfigOperation(config.config_operation), config.value)
    except ValueError:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Unknown operations type {config.config_operation}") from None


def _responses(response: Any, request: Any, outcomes: Iterable[KafkaError | None]) -> tuple[Any, ...]:
    return tuple(
        response.AlterConfigsResourceResponse(
            error_code=outcome.code if outcome is not None else ErrorCode.NONE,
            error_message=(outcome.message or None) if outcome is not None else None,
            resource_type=resource.resource_type,
            resource_name=resource.resource_name,
        )
        for resource, outcome in zip(request.resources, outcomes, strict=True)
    )


def _rule(services: Services, request: Any) -> Iterable[Action]:
    for resource in request.resources:
        yield from protected_as(Operation.ALTER_CONFIGS, resource.resource_type, resource.resource_name)


def _refusal(request: Any, version: int, error: KafkaError) -> Message:
    return AlterConfigsResponse(responses=_responses(AlterConfigsResponse, request, [error] * len(request.resources)))


def _incremental_refusal(request: Any, version: int, error: KafkaError) -> Message:
    responses = _responses(IncrementalAlterConfigsResponse, request, [error] * len(request.resources))
    return IncrementalAlterConfigsResponse(responses=responses)


APIS = (
    Api(ApiKey.ALTER_CONFIGS, "AlterConfigs", (0, 2), _alter_configs, _refusal, _rule),
    Api(ApiKey.INCREMENTAL_ALTER_CONFIGS, "IncrementalAlterConfigs", (0, 1), _incremental_alter_configs, _incremental_refusal, _rule),
)
