"""Configuration: Kafka's names, one registry of keys, and the layers that give them values.

:func:`load` makes a :class:`Configuration` of flags, environment and file; :func:`check_configs` guards dynamic changes;
:mod:`chronik.config.describing` answers DescribeConfigs; ``python -m chronik.config.reference`` prints the reference page.
"""

from chronik.config.broker_keys import BROKER_KEYS
from chronik.config.client_metrics_keys import CLIENT_METRICS_KEYS
from chronik.config.configuration import ConfigSource, Configuration
from chronik.config.dynamic import check_configs, list_value
from chronik.config.group_keys import GROUP_KEYS
from chronik.config.key import ConfigKey, Effect, Scope, UpdateMode
from chronik.config.listeners import ListenerAddress
from chronik.config.loading import load
from chronik.config.topic_keys import TOPIC_KEYS
from chronik.config.values import ConfigType, Value

__all__ = [
    "BROKER_KEYS",
    "CLIENT_METRICS_KEYS",
    "GROUP_KEYS",
    "TOPIC_KEYS",
    "ConfigKey",
    "ConfigSource",
    "ConfigType",
    "Configuration",
    "Effect",
    "ListenerAddress",
    "Scope",
    "UpdateMode",
    "Value",
    "check_configs",
    "list_value",
    "load",
]
