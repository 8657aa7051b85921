"""``/_chronik/configs`` and ``/_chronik/quotas``: dynamic configuration over HTTP, as Kafka's own APIs have it.

A resource is ``<kind>/<name>``. GET tells its keys; PUT takes an object of keys and values, null for one that is to be unset, and changes all of them
or none.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from chronik.cluster.interfaces import ConfigOperation, ConfigResourceType
from chronik.config.configuration import ConfigSource
from chronik.config.values import ConfigType
from chronik.errors import ErrorCode
from chronik.http.bodies import read_json
from chronik.http.calls import HttpCalls
from chronik.http.interfaces import HttpAnswer, HttpError, HttpRequest, json_answer
from chronik.http.routing import Route, Routes
from chronik.protocol.messages import (
    AlterClientQuotasRequest,
    DescribeClientQuotasRequest,
    DescribeConfigsRequest,
    IncrementalAlterConfigsRequest,
    ListConfigResourcesRequest,
)

KINDS: Final[Mapping[str, ConfigResourceType]] = {
    "topics": ConfigResourceType.TOPIC,
    "brokers": ConfigResourceType.BROKER,
    "broker-loggers": ConfigResourceType.BROKER_LOGGER,
    "groups": ConfigResourceType.GROUP,
    "client-metrics": ConfigResourceType.CLIENT_METRICS,
}
"""What paths call the kinds of resources."""

EVERY_BROKER: Final = "_default"
"""The name, among brokers, of what is set for all of them."""

NUMBER_MAX: Final = sys.float_info.max
"""JSON has larger ones."""

_STATUS: Final = {
    ErrorCode.TOPIC_AUTHORIZATION_FAILED: 403,
    ErrorCode.GROUP_AUTHORIZATION_FAILED: 403,
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED: 403,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: 404,
    ErrorCode.INVALID_TOPIC_EXCEPTION: 400,
    ErrorCode.INVALID_CONFIG: 400,
    ErrorCode.INVALID_REQUEST: 400,
    ErrorCode.UNSUPPORTED_VERSION: 400,
    ErrorCode.NOT_CONTROLLER: 503,
    ErrorCode.KAFKA_STORAGE_ERROR: 503,
}


class ConfigEndpoints:
    """The endpoints.

    :param calls: does what the APIs do.
    """

    def __init__(self, calls: HttpCalls) -> None:
        self._calls = calls

    def register(self, routes: Routes) -> None:
        """Add the endpoints to the table."""
        routes.paths["_chronik/**"] = Route({"GET": self._get, "PUT": self._put})

    async def _get(self, request: HttpRequest) -> HttpAnswer:
        if request.path[1:] == ("quotas",):
            return await self._quotas(request)
        kind, name = _resource(request)
        if name is None:
            response = await self._calls.call(ListConfigResourcesRequest(resource_types=(kind,)), request)
            _check(response.error_code, None)
            return json_answer({"resources": [resource.resource_name for resource in response.config_resources]})
        resource = DescribeConfigsRequest.DescribeConfigsResource(resource_type=kind, resource_name=name, configuration_keys=None)
        message = DescribeConfigsRequest(resources=(resource,), include_synonyms=True, include_documentation=True)
        result = (await self._calls.call(message, request)).results[0]
        _check(result.error_code, result.error_message)
        return json_answer({"configs": {config.name: _told(config) for config in result.configs if _is_wanted(config, request)}})

    async def _put(self, request: HttpRequest) -> HttpAnswer:
        if request.path[1:] == ("quotas",):
            return await self._alter_quotas(request)
        kind, name = _resource(request)
        if name is None:
            raise HttpError(400, "illegal_argument_exception", "name what to configure: /_chronik/configs/KIND/NAME")
        edits = tuple(_edit(key, value) for key, value in _object(request).items())
        resource = IncrementalAlterConfigsRequest.AlterConfigsResource(resource_type=kind, resource_name=name, configs=edits)
        message = IncrementalAlterConfigsRequest(resources=(resource,), validate_only=_only_validate(request))
        (outcome,) = (await self._calls.call(message, request)).responses
        _check(outcome.error_code, outcome.error_message)
        return json_answer({"acknowledged": True})

    async def _quotas(self, request: HttpRequest) -> HttpAnswer:
        response = await self._calls.call(DescribeClientQuotasRequest(components=(), strict=False), request)
        _check(response.error_code, response.error_message)
        told = [
            {
                "entity": {part.entity_type: part.entity_name for part in entry.entity},
                "limits": {value.key: value.value for value in entry.values},
            }
            for entry in response.entries or ()
        ]
        return json_answer({"quotas": told})

    async def _alter_quotas(self, request: HttpRequest) -> HttpAnswer:
        body = _object(request)
        entity, limits = body.get("entity"), body.get("limits")
        if not isinstance(entity, dict) or not isinstance(limits, dict) or body.keys() - {"entity", "limits"}:
            raise HttpError(400, "parsing_exception", 'an object with "entity" and "limits" was expected')
        if any(value is not None and not isinstance(value, str) for value in entity.values()):
            raise HttpError(400, "parsing_exception", "names of an entity are texts, or null for whoever has no limit of their own")
        if not all(value is None or _is_number(value) for value in limits.values()):
            raise HttpError(400, "parsing_exception", "limits are numbers, or null for none")
        kinds = AlterClientQuotasRequest
        entry = kinds.EntryData(
            entity=tuple(kinds.EntityData(entity_type=kind, entity_name=name) for kind, name in entity.items()),
            ops=tuple(kinds.OpData(key=key, value=float(value or 0), remove=value is None) for key, value in limits.items()),
        )
        (outcome,) = (await self._calls.call(kinds(entries=(entry,), validate_only=_only_validate(request)), request)).entries
        _check(outcome.error_code, outcome.error_message)
        return json_answer({"acknowledged": True})


def _resource(request: HttpRequest) -> tuple[ConfigResourceType, str | None]:
    path = request.path
    if len(path) not in (3, 4) or path[1] != "configs" or path[2] not in KINDS:
        kinds = ", ".join(KINDS)
        raise HttpError(404, "illegal_argument_exception", f"there are /_chronik/quotas and /_chronik/configs/KIND/NAME, kinds are {kinds}")
    if len(path) == 3:
        return KINDS[path[2]], None
    kind, name = KINDS[path[2]], path[3]
    return kind, "" if kind is ConfigResourceType.BROKER and name == EVERY_BROKER else name


def _edit(key: str, value: Any) -> IncrementalAlterConfigsRequest.AlterableConfig:
    if value is None:
        return IncrementalAlterConfigsRequest.AlterableConfig(name=key, config_operation=ConfigOperation.DELETE, value=None)
    return IncrementalAlterConfigsRequest.AlterableConfig(name=key, config_operation=ConfigOperation.SET, value=_text(value))


def _is_wanted(config: Any, request: HttpRequest) -> bool:
    """Defaults are told unless ``include_defaults=false``."""
    return request.params.get("include_defaults", "true") != "false" or config.config_source != ConfigSource.DEFAULT


def _only_validate(request: HttpRequest) -> bool:
    return request.params.get("validate_only", "false") in ("", "true")


def _told(config: Any) -> Mapping[str, Any]:
    return {
        "value": config.value,
        "source": ConfigSource(config.config_source).name.lower(),
        "read_only": config.read_only,
        "sensitive": config.is_sensitive,
        "type": ConfigType(config.config_type).name.lower(),
        "documentation": config.documentation,
        "synonyms": [{"name": each.name, "value": each.value, "source": ConfigSource(each.source).name.lower()} for each in config.synonyms],
    }


def _object(request: HttpRequest) -> dict[str, Any]:
    try:
        body = read_json(request.body or b"null")
    except ValueError:
        raise HttpError(400, "parsing_exception", "the body is not JSON") from None
    if not isinstance(body, dict) or not body:
        raise HttpError(400, "parsing_exception", "an object of keys and values was expected, null to unset a key")
    return body


def _is_number(value: Any) -> bool:
    """Whether it is one that the protocol can tell."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -NUMBER_MAX <= value <= NUMBER_MAX


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(each, list) for each in value):
        return ",".join(map(_text, value))
    if isinstance(value, str | int | float):
        return str(value)
    raise HttpError(400, "parsing_exception", "a value is a text, a number, true, false, a list of these, or null to unset the key")


def _check(code: int, message: str | None) -> None:
    if code:
        error = ErrorCode(code)
        status = _STATUS.get(error, 500)
        kind = "security_exception" if status == 403 else "resource_not_found_exception" if status == 404 else "illegal_argument_exception"
        raise HttpError(status, kind, f"{error.name}: {message}" if message else error.name)
