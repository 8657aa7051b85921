"""From the command line, the environment and a file to one :class:`~chronik.config.configuration.Configuration`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from chronik.config.authorization_keys import AUTHORIZER_CLASS, OF_AUTHORIZERS
from chronik.config.broker_keys import ALIASES, BROKER_KEYS
from chronik.config.configuration import ConfigSource, Configuration, Layer, split_listener_key
from chronik.config.files import Setting, read_settings
from chronik.config.kafka_keys import KAFKA_ONLY, is_kafka_only
from chronik.config.key import Effect
from chronik.config.values import SHOWN_CHARACTERS, shown
from chronik.errors import ConfigurationError
from chronik.plugin import SEAMS

PREFIX: Final = "CHRONIK_"
"""What a variable of the environment begins with that sets a key: ``CHRONIK_LOG_DIRS`` sets ``log.dirs``."""

VARIABLES: Final[Mapping[str, str]] = MappingProxyType({PREFIX + name.upper().replace(".", "_"): name for name in (*BROKER_KEYS, *ALIASES)})
"""Every such variable, and its key."""

_PLUGIN: Final = "plugin."
_NEAR: Final = 0.85


def load(sets: Mapping[str, str], environ: Mapping[str, str], file: str | None = None) -> Configuration:
    """The configuration of a broker.

    :param sets: ``--set`` options; they win over ``environ``, which wins over ``file``, which wins over the defaults.
    :param environ: the process's environment.
    :param file: path of a properties or TOML file.
    :raises ConfigurationError: a key nobody knows, a value that cannot be, a file that cannot be read; one line that says what to do.
    """
    settings = _strongest(
        (
            [Setting(name, text, "--set") for name, text in sets.items()],
            [Setting(VARIABLES[variable], text, variable) for variable, text in environ.items() if variable in VARIABLES and text],
            read_settings(file) if file is not None else [],
        )
    )
    texts: dict[str, str] = {}
    plugins: dict[tuple[str, str], dict[str, str]] = {}
    warnings = list(_misspelt(environ))
    for setting in settings.values():
        if setting.name.startswith(_PLUGIN):
            seam, name, option = _plugin_option(setting)
            plugins.setdefault((seam, name), {})[option] = setting.text
        elif _key_of(setting.name) in BROKER_KEYS:
            texts[setting.name] = setting.text
            warnings.extend(_check(setting))
        elif is_kafka_only(setting.name):
            warnings.append(f"{setting.name} ({setting.origin}) means nothing to Chronik and is left alone")
        else:
            raise ConfigurationError(_unknown(setting))
    _name_authorizer(texts)
    if texts.get("authorizer", BROKER_KEYS["authorizer"].default) == "allow-all":
        warnings.extend(f"{name} changes nothing, for everybody may do everything: set authorizer=acl" for name in OF_AUTHORIZERS if name in texts)
    static = Layer(ConfigSource.STATIC_BROKER, MappingProxyType(texts))
    return Configuration((static,), MappingProxyType({key: MappingProxyType(options) for key, options in plugins.items()}), tuple(warnings))


def _strongest(sources: Iterable[list[Setting]]) -> dict[str, Setting]:
    """The winning setting of each key; an alias counts as its key unless that is set in the same source or a stronger one."""
    settings: dict[str, Setting] = {}
    for source in sources:
        named = {setting.name: setting for setting in source}
        for name, setting in named.items():
            target = ALIASES.get(name, name)
            if target != name and target in named:
                continue
            settings.setdefault(target, Setting(target, setting.text, setting.origin))
    return settings


def _name_authorizer(texts: dict[str, str]) -> None:
    """Kafka's key chooses the authorizer too: a configuration that was Kafka's must not give an open broker."""
    if not texts.get(AUTHORIZER_CLASS, "").strip():
        return
    chosen = texts.setdefault("authorizer", "acl")
    if chosen != "acl":
        raise ConfigurationError(f"authorizer={chosen} and {AUTHORIZER_CLASS} choose different authorizers; remove one of them")


def _misspelt(environ: Mapping[str, str]) -> Iterator[str]:
    """Variables that were probably meant to set a key. Others that begin like ours belong to others: to the commands, to scripts."""
    for variable in environ:
        if variable.startswith(PREFIX) and variable not in VARIABLES:
            near = difflib.get_close_matches(variable[:SHOWN_CHARACTERS], VARIABLES, 1, _NEAR)
            if near:
                yield f"the environment's {shown(variable)} sets no key; did you mean {near[0]}?"


def _key_of(name: str) -> str:
    """The key that a setting sets, for one listener or for all."""
    listener, key = split_listener_key(name)
    if listener and key in BROKER_KEYS and not BROKER_KEYS[key].per_listener:
        raise ConfigurationError(f"{shown(name)}: {key} cannot be set for one listener; set {key}")
    return key


def _check(setting: Setting) -> Iterator[str]:
    key = BROKER_KEYS[_key_of(setting.name)]
    try:
        key.parse(setting.text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} ({setting.origin})") from None
    if key.effect is Effect.STORED:
        yield f"{setting.name} ({setting.origin}) has no effect yet: {key.doc}"


def _plugin_option(setting: Setting) -> tuple[str, str, str]:
    parts = setting.name.removeprefix(_PLUGIN).split(".", 2)
    if len(parts) != 3 or not all(parts):
        raise ConfigurationError(f"{shown(setting.name)} ({setting.origin}) is not plugin.SEAM.NAME.OPTION")
    if parts[0] not in SEAMS:
        raise ConfigurationError(f"{shown(setting.name)} ({setting.origin}) is not plugin.SEAM.NAME.OPTION: seams are {', '.join(SEAMS)}")
    return parts[0], parts[1], parts[2]


def _unknown(setting: Setting) -> str:
    known = [*BROKER_KEYS, *ALIASES, *KAFKA_ONLY]
    name = setting.name[:SHOWN_CHARACTERS]  # comparing takes longer the longer it is
    near = difflib.get_close_matches(name, [*BROKER_KEYS, *ALIASES], 1) or difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else "; see the configuration reference for what there is"
    return f"unknown configuration key {shown(setting.name)} ({setting.origin}){hint}"
