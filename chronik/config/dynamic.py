"""Checking whole sets of dynamic configuration, of a topic, a broker or a group, before they are stored.

Messages follow Kafka's where its own tools show them to users.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final

from chronik.config.broker_keys import BROKER_KEYS
from chronik.config.client_metrics_keys import CLIENT_METRICS_KEYS
from chronik.config.configuration import Configuration
from chronik.config.group_keys import GROUP_KEYS, check_group_limits, check_group_values
from chronik.config.kafka_keys import is_kafka_only
from chronik.config.key import ConfigKey, Effect, Scope, UpdateMode, compaction_warnings
from chronik.config.names import split_listener_key
from chronik.config.secret_settings import both_set, is_secret
from chronik.config.secrets import FILE_SUFFIX, HIDDEN, Secret
from chronik.config.topic_keys import TOPIC_KEYS
from chronik.config.values import ConfigType, shown
from chronik.errors import ConfigurationError, ErrorCode, KafkaError
from chronik.model import INTERNAL_TOPICS

KEYS: Final[Mapping[Scope, Mapping[str, ConfigKey]]] = {
    Scope.BROKER: BROKER_KEYS,
    Scope.TOPIC: TOPIC_KEYS,
    Scope.GROUP: GROUP_KEYS,
    Scope.CLIENT_METRICS: CLIENT_METRICS_KEYS,
}
"""Every key, by whose it is."""

_SECURITY: Final = "ssl."
"""What keys begin with that Kafka lets be changed at run time for one listener only."""


def check_configs(scope: Scope, resource: str, before: Mapping[str, str], after: Mapping[str, str], static: Configuration) -> tuple[str, ...]:
    """Whether a resource may be configured so.

    :param resource: its name; empty for all brokers.
    :param before: what is set on it now.
    :param after: what would be set; new secrets as :class:`~chronik.config.secrets.Secret`, others as they are stored.
    :param static: gives the values that are not set.
    :returns: warnings about changed keys that are stored and have no effect, or not all that is expected of them.
    :raises KafkaError: ``INVALID_CONFIG``, or ``INVALID_REQUEST`` for a broker key that cannot change at run time.
    """
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if scope is Scope.BROKER:
        _check_update_modes(changed, resource)
    for name, text in after.items():
        _check_value(scope, name, text)
        if scope is Scope.BROKER and is_secret(name) and name + FILE_SUFFIX in after:
            raise KafkaError(ErrorCode.INVALID_CONFIG, both_set(name, name + FILE_SUFFIX))
    if scope is Scope.TOPIC:
        _check_order(static.topic_values(after))
    if scope is Scope.GROUP:
        _check_group(after, static)
    if scope is Scope.BROKER and any(name.startswith("group.") for name in changed):
        _check_limits(static.with_dynamic({}, after) if resource else static.with_dynamic(after, {}))
    where = f"{scope.value} {resource or 'default'}"
    stored = tuple(
        f"{name} of {where} is stored and has no effect: {key.doc}"
        for name in sorted(changed & after.keys())
        if (key := _key(scope, name)).effect is Effect.STORED
    )
    if resource in INTERNAL_TOPICS:
        return stored
    return stored + tuple(warning for name in sorted(changed & after.keys()) for warning in compaction_warnings(name, after[name], f"of {where}"))


def _key(scope: Scope, name: str) -> ConfigKey:
    """The key that a name sets, for one listener or for all.

    :raises KafkaError: ``INVALID_CONFIG``: there is none.
    """
    listener, base = split_listener_key(name) if scope is Scope.BROKER else ("", name)
    key = KEYS[scope].get(base)
    if key is None:
        raise _unknown(scope, name)
    if listener and not key.per_listener:
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"{base} cannot be set for one listener; set it without {name.removesuffix(base)}")
    return key


def list_value(scope: Scope, name: str, static: Configuration) -> str:
    """What a list has when it is not set on the resource, as text.

    :raises KafkaError: ``INVALID_CONFIG`` when there is no such key or it is no list.
    """
    key = _key(scope, name)
    if key.type is not ConfigType.LIST:
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"Can't append or subtract from {name}: it is no list but {key.type.noun}")
    value: Any = key.default
    if scope is Scope.BROKER:
        listener, base = split_listener_key(name)
        value = static.for_listener(listener).get(base)
    elif scope is Scope.TOPIC:
        value = static.topic_default(key)[0]
    return ",".join(value or ())


def _check_update_modes(names: set[str], resource: str) -> None:
    modes = {name: BROKER_KEYS[base].mode for name in names if (base := split_listener_key(name)[1]) in BROKER_KEYS}
    fixed = sorted(name for name in names if modes.get(name) is UpdateMode.READ_ONLY or (name not in modes and is_kafka_only(name)))
    if fixed:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST, f"Cannot update these configs dynamically: [{', '.join(fixed)}]. Set them in the file and start again."
        )
    bare = sorted(name for name in modes if name.startswith(_SECURITY) and BROKER_KEYS[name].per_listener)
    if bare:
        raise KafkaError(
            ErrorCode.INVALID_REQUEST,
            f"These security configs can be dynamically updated only per-listener using the listener prefix: [{', '.join(bare)}]",
        )
    own = sorted(name for name, mode in modes.items() if mode is UpdateMode.PER_BROKER)
    if own and not resource:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"Cannot update these configs for all brokers at once: {', '.join(own)}")


def _check_value(scope: Scope, name: str, text: str) -> None:
    key = _key(scope, name)
    if not name.isprintable():  # halves of characters too, which JSON can have
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"{shown(name)}: a name has printable characters only")
    if scope is Scope.BROKER and is_secret(name) and not isinstance(text, Secret):
        return  # encrypted, so it was checked when it was set
    try:
        key.parse(text)
        if isinstance(text, Secret):
            text.encode()
    except ConfigurationError as error:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from None
    except UnicodeEncodeError:  # half of a character, which JSON can have
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"Invalid value {HIDDEN} for configuration {name}: expected {key.expected}") from None


def _check_group(after: Mapping[str, str], static: Configuration) -> None:
    try:
        check_group_values(after, static)
    except ConfigurationError as error:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from None


def _check_limits(config: Configuration) -> None:
    try:
        check_group_limits(config)
    except ConfigurationError as error:
        raise KafkaError(ErrorCode.INVALID_CONFIG, str(error)) from None


def _check_order(values: Mapping[str, Any]) -> None:
    low, high = "min.compaction.lag.ms", "max.compaction.lag.ms"
    if values[low] > values[high]:
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"{low} ({values[low]}) must not be larger than {high} ({values[high]})")


def _unknown(scope: Scope, name: str) -> KafkaError:
    near = difflib.get_close_matches(name, KEYS[scope], 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return KafkaError(ErrorCode.INVALID_CONFIG, f"Unknown {scope.value} config name: {name}{hint}")
