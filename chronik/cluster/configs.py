"""How a change of dynamic configuration is worked out, and what it asks of the registry of configuration keys."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from zope.interface import Interface

from chronik.cluster.interfaces import ConfigChange, ConfigEdit, ConfigOperation, ConfigResource, ConfigResourceType
from chronik.errors import ErrorCode, KafkaError
from chronik.model import topic_name_problem

INT32_MAX: Final = 2**31 - 1


class IConfigRules(Interface):
    """What the controller needs to know of configuration keys."""

    def check(kind: ConfigResourceType, name: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        """Whether a resource may be configured so.

        :param name: the resource's name; empty for all brokers.
        :raises KafkaError: ``INVALID_CONFIG`` or ``INVALID_REQUEST``, naming the key and what it takes.
        """

    def list_value(kind: ConfigResourceType, key: str) -> str:
        """What a list has when it is not set on the resource.

        :raises KafkaError: ``INVALID_CONFIG``, when the key is no list.
        """

    def default_partitions() -> int:
        """Partitions of a new topic that asks for no number."""

    def default_replication_factor() -> int:
        """Replicas of a new topic that asks for no number."""


def resource_key(resource: ConfigResource) -> str:
    """What the image calls a resource: ``broker/1``, ``broker/`` for all of them, ``group/g``."""
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
    elif resource.kind is ConfigResourceType.BROKER:
        if name and not (name.isascii() and name.isdigit() and int(name) <= INT32_MAX):
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Node id must be an integer, but it is: {name}")
    else:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"The configuration of a {resource.kind.name} resource cannot be altered here.")


def edited(before: Mapping[str, str], change: ConfigChange, rules: IConfigRules) -> Mapping[str, str]:
    """What a resource's configuration is after a change.

    :raises KafkaError: the change cannot be made, or its result is refused by the rules.
    """
    after = {} if change.replace else dict(before)
    for edit in change.edits:
        if edit.operation is ConfigOperation.DELETE:
            after.pop(edit.key, None)
        else:
            after[edit.key] = _new_value(change.resource.kind, after, edit, rules)
    rules.check(change.resource.kind, change.resource.name, before, after)
    return MappingProxyType(after)


def _new_value(kind: ConfigResourceType, configs: Mapping[str, str], edit: ConfigEdit, rules: IConfigRules) -> str:
    if edit.value is None:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Null value not supported for : {edit.key}")
    if edit.operation is ConfigOperation.SET:
        return edit.value
    default = rules.list_value(kind, edit.key)
    items = [item for item in configs.get(edit.key, default).split(",") if item]
    wanted = edit.value.split(",")
    if edit.operation is ConfigOperation.APPEND:
        items.extend(item for item in dict.fromkeys(wanted) if item not in items)
    else:
        items = [item for item in items if item not in wanted]
    return ",".join(items)
