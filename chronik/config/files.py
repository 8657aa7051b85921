"""Reading configuration files: Kafka's properties, or TOML with quoted keys in one flat table."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chronik.config.properties import parse_properties
from chronik.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Setting:
    """One key as somebody wrote it; ``origin`` says where, for messages."""

    name: str
    text: str = field(repr=False)
    origin: str


def read_settings(path: str) -> list[Setting]:
    """The settings of a file; TOML when its name ends so, else properties.

    :raises ConfigurationError: it cannot be read or understood; names the file and the place.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"the configuration file {path} is not UTF-8 text") from None
    try:
        if path.endswith(".toml"):
            return list(_toml_settings(tomllib.loads(text), path))
        return [Setting(name, value, f"{path}:{line}") for line, name, value in parse_properties(text)]
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _toml_settings(tables: dict[str, Any], path: str) -> Iterator[Setting]:
    for name, value in tables.items():
        if name == "plugin" and isinstance(value, dict):
            yield from _plugin_settings(value, path)
        elif isinstance(value, dict):
            raise ValueError(f'{name} is a table; write the key in quotes, "{_dotted(name, value)}" = …')
        else:
            yield Setting(name, _text(name, value), path)


def _plugin_settings(seams: dict[str, Any], path: str) -> Iterator[Setting]:
    for seam, backends in seams.items():
        if not isinstance(backends, dict):
            raise ValueError(f"options of a plugin go under [plugin.SEAM.NAME], not plugin.{seam} = …")  # noqa: TRY004 -- as below
        for backend, options in backends.items():
            if not isinstance(options, dict):
                raise ValueError(  # noqa: TRY004 -- the file is wrong, not the program
                    f"options of a plugin go under [plugin.{seam}.NAME], not [plugin.{seam}]"
                )
            for option, value in options.items():
                name = f"plugin.{seam}.{backend}.{option}"
                yield Setting(name, _text(name, value), path)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_text(name, item) for item in value)
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"{name} has a value of type {type(value).__name__}; a text, number, boolean or list of them was expected")


def _dotted(name: str, value: Any) -> str:
    while isinstance(value, dict) and value:
        name, value = f"{name}.{next(iter(value))}", next(iter(value.values()))
    return name
