"""From the command line, the environment and a file to one :class:`~chronik.config.configuration.Configuration`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from chronik.config.authorization_keys import AUTHORIZER_CLASS, OF_AUTHORIZERS
from chronik.config.broker_keys import ALIASES, BROKER_KEYS
from chronik.config.configuration import ConfigSource, Configuration, Layer
from chronik.config.files import Setting, read_settings
from chronik.config.kafka_keys import CLASSES, KAFKA_ONLY, is_kafka_only
from chronik.config.key import Effect, compaction_warnings
from chronik.config.names import split_listener_key, without_mechanism
from chronik.config.secret_settings import PERMISSIONS_KEY, Resolved, check_settings_file, is_secret, resolve, resolve_options
from chronik.config.secrets import FILE_SUFFIX
from chronik.config.values import SHOWN_CHARACTERS, shown
from chronik.errors import ConfigurationError
from chronik.plugin import SEAMS, secret_options

PREFIX: Final = "CHRONIK_"
"""What a variable of the environment begins with that sets a key: ``CHRONIK_LOG_DIRS`` sets ``log.dirs``."""

VARIABLES: Final[Mapping[str, str]] = MappingProxyType({PREFIX + name.upper().replace(".", "_"): name for name in (*BROKER_KEYS, *ALIASES)})
"""Every such variable, and its key."""

_PLUGIN: Final = "plugin."
_FLAG: Final = "--set"
_NEAR: Final = 0.85


SecretOptions = Callable[[str, str], Collection[str]]
"""Names of the options of a seam's plugin that are secrets."""


def load(
    sets: Mapping[str, str], environ: Mapping[str, str], file: str | None = None, secrets_of: SecretOptions = secret_options
) -> Configuration:
    """The configuration of a broker.

    :param sets: ``--set`` options; they win over ``environ``, which wins over ``file``, which wins over the defaults.
    :param environ: the process's environment.
    :param file: path of a properties or TOML file.
    :param secrets_of: says which options of plugins are secrets.
    :raises ConfigurationError: a key nobody knows, a value that cannot be, a file that cannot be read; one line that says what to do.
    """
    settings = _strongest(
        (
            [Setting(name, text, _FLAG) for name, text in sets.items()],
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
            _check_class(setting)
            warnings.append(f"{setting.name} ({setting.origin}) means nothing to Chronik and is left alone")
        else:
            raise ConfigurationError(_unknown(setting))
    _name_authorizer(texts)
    if texts.get("authorizer", BROKER_KEYS["authorizer"].default) == "allow-all":
        warnings.extend(f"{name} changes nothing, for everybody may do everything: set authorizer=acl" for name in OF_AUTHORIZERS if name in texts)
    secrets = _Secrets(settings.values(), secrets_of)
    own = secrets.resolved(texts)
    options = {key: secrets.resolved_options(key, options) for key, options in plugins.items()}
    for resolved in (own, *options.values()):
        warnings.extend(resolved.warnings)
    warnings.extend(secrets.exposed(file))
    static = Layer(ConfigSource.STATIC_BROKER, MappingProxyType(dict(own.texts)))
    plugin_options = MappingProxyType({key: MappingProxyType(dict(each.texts)) for key, each in options.items()})
    found = Configuration((static,), plugin_options)
    return replace(found, warnings=(*warnings, *_of_no_listener(texts, found)))


def _of_no_listener(names: Iterable[str], config: Configuration) -> Iterator[str]:
    """Keys of listeners that there are not: what they were to change stays as it is for all, which nobody would see."""
    listeners = {address.name for address in (*config.listeners(), *config.http_listeners())}
    known = {name.lower() for name in (*listeners, *config.get("controller.listener.names"))}
    for name in names:
        listener = split_listener_key(name)[0]
        if listener and listener not in known:
            yield f"{name} changes nothing: there is no listener {shown(listener)}, only {', '.join(sorted(known))}"


class _Secrets:
    """What of the settings is secret, and where each was set.

    :raises ConfigurationError: :data:`PERMISSIONS_KEY` has a wrong value.
    """

    def __init__(self, settings: Iterable[Setting], secrets_of: SecretOptions) -> None:
        self._settings = {setting.name: setting for setting in settings}
        self._secrets_of = secrets_of
        self._names: list[str] = []
        wanted = self._settings.get(PERMISSIONS_KEY)
        key = BROKER_KEYS[PERMISSIONS_KEY]
        self._permissions = str(key.default if wanted is None else key.parse(wanted.text))

    def resolved(self, texts: Mapping[str, str]) -> Resolved:
        """The broker's own."""
        self._names.extend(filter(is_secret, texts))
        return resolve(texts, self._permissions)

    def resolved_options(self, plugin: tuple[str, str], options: Mapping[str, str]) -> Resolved:
        """Those of a plugin."""
        secrets, prefix = self._secrets_of(*plugin), f"{_PLUGIN}{'.'.join(plugin)}."
        self._names.extend(prefix + name for name in options if name in secrets)
        return resolve_options(options, secrets, self._permissions, prefix)

    def exposed(self, file: str | None) -> Iterator[str]:
        """Warnings about secrets that others can read where they were set.

        :raises ConfigurationError: in the configuration file, where that is refused.
        """
        for name in self._names:
            if self._settings[name].origin == _FLAG:
                yield f"{name} ({_FLAG}) is a secret, and everybody on this machine can read a process's arguments; set {name}{FILE_SUFFIX}"
        if file is not None and any(self._settings[name].origin.startswith(file) for name in self._names):
            warning = check_settings_file(file, self._permissions)
            if warning is not None:
                yield warning


def _strongest(sources: Iterable[list[Setting]]) -> dict[str, Setting]:
    """The winning setting of each key; an alias counts as its key unless that is set in the same source or a stronger one.

    A name with a mechanism wins over the same without it, as in Kafka.
    """
    settings: dict[str, Setting] = {}
    for source in sources:
        named = {setting.name: setting for setting in source}
        for name in [name for name in named if without_mechanism(name) != name]:
            named[without_mechanism(name)] = named.pop(name)
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
    yield from compaction_warnings(setting.name, setting.text, f"({setting.origin})")


def _plugin_option(setting: Setting) -> tuple[str, str, str]:
    parts = setting.name.removeprefix(_PLUGIN).split(".", 2)
    if len(parts) != 3 or not all(parts):
        raise ConfigurationError(f"{shown(setting.name)} ({setting.origin}) is not plugin.SEAM.NAME.OPTION")
    if parts[0] not in SEAMS:
        raise ConfigurationError(f"{shown(setting.name)} ({setting.origin}) is not plugin.SEAM.NAME.OPTION: seams are {', '.join(SEAMS)}")
    return parts[0], parts[1], parts[2]


def _check_class(setting: Setting) -> None:
    """Refuse a class of Java that something would rest on."""
    value, harmless = setting.text.strip(), CLASSES.get(setting.name)
    if value and harmless is not None and value not in harmless:
        why = "a class of Java cannot be loaded here, and what it would refuse would be allowed: remove the key"
        raise ConfigurationError(f"{setting.name}={shown(value)} ({setting.origin}): {why}, or write a plugin")


def _unknown(setting: Setting) -> str:
    known = [*BROKER_KEYS, *ALIASES, *KAFKA_ONLY]
    name = setting.name[:SHOWN_CHARACTERS]  # comparing takes longer the longer it is
    near = difflib.get_close_matches(name, [*BROKER_KEYS, *ALIASES], 1) or difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else "; see the configuration reference for what there is"
    return f"unknown configuration key {shown(setting.name)} ({setting.origin}){hint}"
