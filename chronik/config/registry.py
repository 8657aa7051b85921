"""Building the tables of keys: shorthands that keep a key to a line or two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from chronik.config.key import ConfigKey, Effect, Scope
from chronik.config.secrets import FILE_SUFFIX
from chronik.config.validators import NON_EMPTY, Validator
from chronik.config.values import ConfigType, Value


def _of(kind: ConfigType) -> Callable[..., ConfigKey]:
    def key(name: str, default: Value, doc: str, **more: Any) -> ConfigKey:
        return ConfigKey(name, kind, default, doc, **more)

    return key


boolean = _of(ConfigType.BOOLEAN)
double = _of(ConfigType.DOUBLE)
integer = _of(ConfigType.INT)
items = _of(ConfigType.LIST)
long = _of(ConfigType.LONG)
password = _of(ConfigType.PASSWORD)
short = _of(ConfigType.SHORT)
string = _of(ConfigType.STRING)


def stored(kept: str, make: Callable[..., ConfigKey], name: str, default: Value, doc: str, validator: Validator | None = None) -> ConfigKey:
    """A key that is checked and kept, and changes nothing yet.

    :param kept: the sentence that says what it is kept for.
    :param make: the shorthand of its type.
    """
    return make(name, default, f"{doc} {kept}", effect=Effect.STORED, validator=validator)


def registry(scope: Scope, sections: Mapping[str, Iterable[ConfigKey]]) -> Mapping[str, ConfigKey]:
    """Keys by name, each marked with its scope and section. A broker's key that is a secret gets a second one, which names a file that holds it.

    :raises ValueError: when two keys have one name.
    """
    keys: dict[str, ConfigKey] = {}
    for section, members in sections.items():
        for key in _with_files(members) if scope is Scope.BROKER else members:
            if key.name in keys:
                raise ValueError(f"two keys are called {key.name}")
            keys[key.name] = replace(key, scope=scope, section=section)
    return MappingProxyType(keys)


def _with_files(members: Iterable[ConfigKey]) -> Iterator[ConfigKey]:
    for key in members:
        yield key
        if key.sensitive:
            doc = f"A file that holds {key.name}: its text, without a newline at its end. Only the broker's user may read it."
            yield replace(key, name=key.name + FILE_SUFFIX, type=ConfigType.STRING, default=None, doc=doc, validator=NON_EMPTY)
