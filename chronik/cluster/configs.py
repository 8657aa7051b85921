"""How dynamic configuration is stored, and how a change of it is worked out; what is allowed is the registry's to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from chronik.cluster.interfaces import ConfigChange, ConfigEdit, ConfigOperation, ConfigResource, ConfigResourceType
from chronik.cluster.topics import read_topic, unknown_topic
from chronik.cluster.writer import KeyView, Plan
from chronik.config import Configuration, Scope, check_configs, list_value
from chronik.config.secret_settings import is_secret
from chronik.config.secrets import Secret
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.interfaces import Delete, Put
from chronik.metadata.keys import TopicState, TopicValue
from chronik.model import topic_name_problem

INT32_MAX: Final = 2**31 - 1


_SCOPES: Final = {
    ConfigResourceType.TOPIC: Scope.TOPIC,
    ConfigResourceType.BROKER: Scope.BROKER,
    ConfigResourceType.GROUP: Scope.GROUP,
    ConfigResourceType.CLIENT_METRICS: Scope.CLIENT_METRICS,
}


def resource_key(resource: ConfigResource) -> str:
    """What the image calls a resource: ``broker/1``, ``broker/`` for all of them, ``group/g``, ``client_metrics/m``."""
    return f"{resource.kind.name.lower()}/{resource.name}"


def check_resource(resource: ConfigResource) -> None:
    """Refuse what cannot be a resource of its kind.

    :raises KafkaError: ``INVALID_REQUEST`` or ``INVALID_TOPIC_EXCEPTION``.
    """
    name = resource.name
    if resource.kind is ConfigResourceType.TOPIC:
        if not name:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Default topic resources are not allowed.")
        problem = topic_name_problem(name)
        if problem is not None:
            raise KafkaError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"Topic name is invalid: {problem}.")
    elif resource.kind is ConfigResourceType.GROUP:
        if not name:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Default group resources are not allowed.")
    elif resource.kind is ConfigResourceType.CLIENT_METRICS:
        if not name:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Client metrics subscriptions have a name.")
    elif resource.kind is ConfigResourceType.BROKER:
        if name and not (name.isascii() and name.isdigit() and int(name) <= INT32_MAX):
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Node id must be an integer, but it is: {name}")
    else:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"The configuration of a {resource.kind.name} resource cannot be altered here.")


def new_secrets(change: ConfigChange) -> bool:
    """Whether a change sets any secret."""
    named = change.resource.kind is ConfigResourceType.BROKER
    return named and any(edit.operation is ConfigOperation.SET and is_secret(edit.key) for edit in change.edits)


def stored(view: KeyView, resource: ConfigResource) -> Mapping[str, str]:
    """What is set for a resource.

    :raises KafkaError: there is no such topic.
    """
    if resource.kind is ConfigResourceType.TOPIC:
        return _live_topic(view, resource.name).configs
    value = view.value(keys.config_key(resource_key(resource)))
    return keys.decode_configs(value) if value is not None else {}


def storing(view: KeyView, resource: ConfigResource, configs: Mapping[str, str]) -> Plan:
    """What sets this for a resource, and nothing else.

    :raises KafkaError: there is no such topic.
    """
    if resource.kind is ConfigResourceType.TOPIC:
        key = keys.topic_key(resource.name)
        return Plan([view.unchanged(key)], [Put(key, keys.encode_topic(replace(_live_topic(view, resource.name), configs=configs)))])
    key = keys.config_key(resource_key(resource))
    return Plan([view.unchanged(key)], [Put(key, keys.encode_configs(configs)) if configs else Delete(key)])


def _live_topic(view: KeyView, name: str) -> TopicValue:
    topic = read_topic(view, name)
    if topic is None or topic.state is not TopicState.LIVE:
        raise unknown_topic(name)
    return topic


def edited(before: Mapping[str, str], change: ConfigChange, config: Configuration) -> tuple[Mapping[str, str], Sequence[str]]:
    """What a resource's configuration is after a change, and what to warn of. Secrets that the change sets are not encrypted yet, and are
    :class:`~chronik.config.secrets.Secret`; others are as they are stored.

    :param config: the broker's, for defaults.
    :raises KafkaError: the change cannot be made, or its result is not allowed.
    """
    scope = _SCOPES[change.resource.kind]
    after = {} if change.replace else dict(before)
    for edit in change.edits:
        if edit.operation is ConfigOperation.DELETE:
            after.pop(edit.key, None)
        else:
            after[edit.key] = _new_value(scope, after, edit, config)
    warnings = check_configs(scope, change.resource.name, before, after, config)
    return MappingProxyType(after), warnings


def _new_value(scope: Scope, configs: Mapping[str, str], edit: ConfigEdit, config: Configuration) -> str:
    if edit.value is None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Null value not supported for : {edit.key}")
    if edit.operation is ConfigOperation.SET:
        return Secret(edit.value.strip()) if scope is Scope.BROKER and is_secret(edit.key) else edit.value
    default = list_value(scope, edit.key, config)
    items = [item for item in configs.get(edit.key, default).split(",") if item]
    wanted = edit.value.split(",")
    if edit.operation is ConfigOperation.APPEND:
        items.extend(item for item in dict.fromkeys(wanted) if item not in items)
    else:
        items = [item for item in items if item not in wanted]
    return ",".join(items)
