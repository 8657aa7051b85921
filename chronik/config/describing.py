"""What DescribeConfigs says of a topic, a broker, a group or a client metrics subscription (KIP-133, KIP-226, KIP-569)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from chronik.config.broker_keys import BROKER_KEYS
from chronik.config.client_metrics_keys import CLIENT_METRICS_KEYS
from chronik.config.configuration import ConfigSource, Configuration
from chronik.config.group_keys import GROUP_KEYS
from chronik.config.key import ConfigKey, Effect, UpdateMode
from chronik.config.names import split_listener_key
from chronik.config.topic_keys import TOPIC_KEYS
from chronik.config.values import ConfigType, format_value

INTERNAL = "internal."
"""Keys that begin so are told only where they are set, as by Kafka."""


@dataclass(frozen=True, slots=True)
class DescribedSynonym:
    """One place a value may come from."""

    name: str
    value: str | None
    source: ConfigSource


@dataclass(frozen=True, slots=True)
class DescribedConfig:
    """One key of a resource as clients are told of it.

    :ivar value: None when there is none or it is secret.
    :ivar synonyms: every place that has a value for it, strongest first.
    """

    name: str
    value: str | None
    source: ConfigSource
    is_default: bool
    read_only: bool
    sensitive: bool
    synonyms: tuple[DescribedSynonym, ...]
    type: ConfigType
    documentation: str


def describe_topic(config: Configuration, configs: Mapping[str, str]) -> list[DescribedConfig]:
    """Every key of a topic.

    :param config: the broker's, dynamic values included.
    :param configs: what is set on the topic.
    """
    described = []
    for key in _shown(TOPIC_KEYS):
        if key.name.startswith(INTERNAL) and key.name not in configs:
            continue
        own = [DescribedSynonym(key.name, configs[key.name], ConfigSource.DYNAMIC_TOPIC)] if key.name in configs else []
        value, named = config.topic_default(key)
        inherited = list(_broker_synonyms(config, named)) if named is not None else []
        if not own and not inherited:
            inherited = [DescribedSynonym(key.name, key.default_text, ConfigSource.DEFAULT)]
        # A coarser unit's text is not this key's: what is shown is the value in the topic key's own unit.
        shown = configs.get(key.name, format_value(value))
        described.append(_described(key, shown, (*own, *inherited), read_only=False))
    return described


def describe_broker(config: Configuration) -> list[DescribedConfig]:
    """Every key of a broker, dynamic values included; then those that are set for one listener."""
    described = [
        _described(key, config.text(key.name), tuple(_broker_synonyms(config, key.name)), _is_read_only(key)) for key in _shown(BROKER_KEYS)
    ]
    texts = config.texts()
    for name in sorted(texts):
        key = _listener_key(name)
        if key is not None:
            # A listener that does not set a key has what the broker has: those places are weaker synonyms.
            synonyms = (*_set_synonyms(config, name), *_broker_synonyms(config, key.name))
            described.append(_described(replace(key, name=name), texts[name], synonyms, _is_read_only(key)))
    return described


def describe_dynamic_defaults(configs: Mapping[str, str]) -> list[DescribedConfig]:
    """What is set for all brokers at once (the broker resource without a name): only that, as in Kafka."""
    source = ConfigSource.DYNAMIC_DEFAULT_BROKER
    keys = {name: BROKER_KEYS.get(name) or _listener_key(name) for name in configs}
    return [
        _described(replace(key, name=name), configs[name], (DescribedSynonym(name, configs[name], source),), read_only=False)
        for name, key in sorted(keys.items())
        if key is not None
    ]


def describe_group(config: Configuration, configs: Mapping[str, str]) -> list[DescribedConfig]:
    """Every key of a group.

    :param config: the broker's, dynamic values included.
    :param configs: what is set on the group.
    """
    described = []
    for key in _shown(GROUP_KEYS):
        own = [DescribedSynonym(key.name, configs[key.name], ConfigSource.GROUP)] if key.name in configs else []
        inherited = [synonym for named in key.synonyms for synonym in _broker_synonyms(config, named.name)]
        synonyms = (*own, *(inherited or [DescribedSynonym(key.name, key.default_text, ConfigSource.DEFAULT)]))
        described.append(_described(key, synonyms[0].value, synonyms, read_only=False))
    return described


def describe_client_metrics(configs: Mapping[str, str]) -> list[DescribedConfig]:
    """Every key of a client metrics subscription."""
    described = []
    for key in _shown(CLIENT_METRICS_KEYS):
        own = (DescribedSynonym(key.name, configs[key.name], ConfigSource.CLIENT_METRICS),) if key.name in configs else ()
        default = (DescribedSynonym(key.name, key.default_text, ConfigSource.DEFAULT),) if key.default_text or not own else ()
        described.append(_described(key, configs.get(key.name, key.default_text), (*own, *default), read_only=False))
    return described


def _shown(keys: Mapping[str, ConfigKey]) -> Iterator[ConfigKey]:
    return (key for key in keys.values() if key.effect is not Effect.REFUSED)


def describe_loggers(levels: Mapping[str, str]) -> list[DescribedConfig]:
    """The level of each logger of a broker, by name (KIP-412)."""
    source, doc = ConfigSource.DYNAMIC_BROKER_LOGGER, "What is logged under this name and those below it that have no level of their own."
    return [DescribedConfig(name, level, source, False, False, False, (), ConfigType.STRING, doc) for name, level in levels.items()]


def _is_read_only(key: ConfigKey) -> bool:
    """Whether it cannot be changed at run time."""
    return key.mode is UpdateMode.READ_ONLY


def _listener_key(name: str) -> ConfigKey | None:
    """The key that a name sets for one listener, if it is such a name."""
    listener, base = split_listener_key(name)
    return BROKER_KEYS.get(base) if listener else None


def _set_synonyms(config: Configuration, name: str) -> Iterator[DescribedSynonym]:
    for layer in config.layers:
        if name in layer.texts:
            yield DescribedSynonym(name, layer.texts[name], layer.source)


def _broker_synonyms(config: Configuration, name: str) -> Iterator[DescribedSynonym]:
    yield from _set_synonyms(config, name)
    default = BROKER_KEYS[name].default_text
    if default is not None:
        yield DescribedSynonym(name, default, ConfigSource.DEFAULT)


def _described(key: ConfigKey, value: str | None, synonyms: tuple[DescribedSynonym, ...], read_only: bool) -> DescribedConfig:
    source = synonyms[0].source if synonyms else ConfigSource.DEFAULT
    if key.sensitive:
        value, synonyms = None, tuple(DescribedSynonym(s.name, None, s.source) for s in synonyms)
    return DescribedConfig(key.name, value, source, source is ConfigSource.DEFAULT, read_only, key.sensitive, synonyms, key.type, key.doc)
