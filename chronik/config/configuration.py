"""A broker's configuration at one moment: immutable layers over the registry's defaults."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeVar

from chronik.config.broker_keys import BROKER_KEYS
from chronik.config.key import ConfigKey
from chronik.config.listeners import ListenerAddress, parse_listener
from chronik.config.names import listener_prefix
from chronik.config.secret_settings import PERMISSIONS_KEY, resolve_lenient
from chronik.config.topic_keys import TOPIC_KEYS
from chronik.config.values import Value

K = TypeVar("K")
V = TypeVar("V")


class ConfigSource(enum.IntEnum):
    """Where a value comes from; codes of DescribeConfigs (KIP-226)."""

    DYNAMIC_TOPIC = 1
    DYNAMIC_BROKER = 2
    DYNAMIC_DEFAULT_BROKER = 3
    STATIC_BROKER = 4
    DEFAULT = 5
    DYNAMIC_BROKER_LOGGER = 6
    CLIENT_METRICS = 7
    GROUP = 8


@dataclass(frozen=True, slots=True)
class Layer:
    """Texts that were set in one place, by key."""

    source: ConfigSource
    texts: Mapping[str, str] = field(repr=False)


def _nothing() -> Mapping[K, V]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a broker goes by. Values are checked where layers are made; :meth:`get` only looks up.

    :ivar layers: strongest first; below them are the defaults.
    :ivar plugins: options of plugins by ``(seam, name)``.
    :ivar warnings: sentences for the log, about keys that do not do what they seem to.
    :ivar listener: the listener whose own values count here; empty for none. See :meth:`for_listener`.
    """

    layers: tuple[Layer, ...] = ()
    plugins: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=_nothing, repr=False)
    warnings: Sequence[str] = ()
    listener: str = ""
    _values: Mapping[str, Value] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = {name: key.default for name, key in BROKER_KEYS.items()}
        for layer in reversed(self.layers):
            values.update((name, BROKER_KEYS[name].parse(text)) for name, text in layer.texts.items() if name in BROKER_KEYS)
        if self.listener:
            prefix = listener_prefix(self.listener)
            for layer in reversed(self.layers):
                own = ((name.removeprefix(prefix), text) for name, text in layer.texts.items() if name.startswith(prefix))
                values.update((name, BROKER_KEYS[name].parse(text)) for name, text in own if name in BROKER_KEYS)
        object.__setattr__(self, "_values", MappingProxyType(values))

    def get(self, name: str) -> Any:
        """The typed value of a broker key: ``bool``, ``int``, ``float``, ``str``, a tuple of ``str``, or None where nothing is set.

        :raises KeyError: no such key.
        """
        return self._values[name]

    def text(self, name: str) -> str | None:
        """The value as it was written, or the default's text."""
        layer = self._layer(name)
        return BROKER_KEYS[name].default_text if layer is None else layer.texts[name]

    def texts(self) -> Mapping[str, str]:
        """Everything that is set, by name, as the strongest layer has it; names of one listener's keys with their prefix."""
        found: dict[str, str] = {}
        for layer in reversed(self.layers):
            found.update(layer.texts)
        return found

    def source(self, name: str) -> ConfigSource:
        """Where the value comes from."""
        layer = self._layer(name)
        return ConfigSource.DEFAULT if layer is None else layer.source

    def is_set(self, name: str) -> bool:
        """Whether somebody set the key."""
        return self._layer(name) is not None

    def with_values(self, values: Mapping[str, str]) -> Configuration:
        """The same with some static values replaced; for tests and tools.

        :raises ConfigurationError: a value is wrong.
        """
        return replace(self, layers=(Layer(ConfigSource.STATIC_BROKER, MappingProxyType(dict(values))), *self.layers))

    def with_dynamic(self, cluster: Mapping[str, str], broker: Mapping[str, str]) -> Configuration:
        """The same with the dynamic values of the image on top; earlier dynamic values, and their warnings, are forgotten.

        :param cluster: what is set for every broker, secrets as :class:`~chronik.config.secrets.Secret`; see :meth:`IPasswordEncoder.opened`.
        :param broker: what is set for this one. A secret's file that cannot be used is as if it were not set, and warned of.
        """
        static = tuple(layer for layer in self.layers if layer.source is ConfigSource.STATIC_BROKER)
        permissions = self.get(PERMISSIONS_KEY)
        own, every = resolve_lenient(broker, permissions), resolve_lenient(cluster, permissions)
        dynamic = (Layer(ConfigSource.DYNAMIC_BROKER, own.texts), Layer(ConfigSource.DYNAMIC_DEFAULT_BROKER, every.texts))
        return replace(self, layers=dynamic + static, warnings=own.warnings + every.warnings)

    def for_listener(self, listener: str) -> Configuration:
        """The same as one listener has it: ``listener.name.<listener>.<key>`` wins over ``<key>``, wherever that is set (KIP-103)."""
        return replace(self, listener=listener)

    def topic_default(self, key: ConfigKey) -> tuple[Value, str | None]:
        """What a topic has that does not set ``key``, and the broker key that says so (None for the key's own default).

        The first synonym that is set counts, else the first that has a default, in Kafka's order of units.
        """
        chosen = next((s for s in key.synonyms if self.is_set(s.name)), None)
        if chosen is None:
            chosen = next((s for s in key.synonyms if self._values[s.name] is not None), None)
        if chosen is None:
            return key.default, None
        value: Any = self._values[chosen.name]
        if chosen.factor != 1:
            value = -1 if value < 0 else value * chosen.factor
        return value, chosen.name

    def topic_defaults(self) -> Mapping[str, Value]:
        """Every topic key and what a topic has that does not set it."""
        return MappingProxyType({name: self.topic_default(key)[0] for name, key in TOPIC_KEYS.items()})

    def topic_values(self, configs: Mapping[str, str]) -> Mapping[str, Value]:
        """Every topic key and what a topic has that sets ``configs``."""
        values = dict(self.topic_defaults())
        values.update((name, TOPIC_KEYS[name].parse(text)) for name, text in configs.items() if name in TOPIC_KEYS)
        return MappingProxyType(values)

    def plugin_options(self, seam: str, name: str) -> Mapping[str, str]:
        """The options of one plugin, ``plugin.<seam>.<name>.*`` without that prefix."""
        return self.plugins.get((seam, name), _nothing())

    def listeners(self) -> tuple[ListenerAddress, ...]:
        """Where Kafka clients are listened for; listeners meant for Kafka's controllers are left out."""
        return self._without_controllers(self.get("listeners"))

    def advertised_listeners(self) -> tuple[ListenerAddress, ...]:
        """What clients are told; empty when each is told the address it used. Listeners meant for Kafka's controllers are left out."""
        return self._without_controllers(self.get("advertised.listeners") or ())

    def http_listeners(self) -> tuple[ListenerAddress, ...]:
        """Where HTTP is served; empty to serve none."""
        return tuple(parse_listener(text) for text in self.get("http.listeners"))

    def _without_controllers(self, texts: Iterable[str]) -> tuple[ListenerAddress, ...]:
        skipped = {name.upper() for name in self.get("controller.listener.names")}
        return tuple(listener for listener in map(parse_listener, texts) if listener.name not in skipped)

    def _layer(self, name: str) -> Layer | None:
        return next((layer for layer in self.layers if name in layer.texts), None)
