"""Types of configuration values, and their text. The texts are Kafka's: what a properties file or a client writes."""

from __future__ import annotations

import enum
from typing import Final

from chronik.config.secrets import Secret

Value = bool | int | float | str | tuple[str, ...] | None
"""A typed value; None where nothing is configured and nothing is the default."""

INT_MAX: Final = 2**31 - 1
LONG_MAX: Final = 2**63 - 1


class ConfigType(enum.IntEnum):
    """Types of values; codes of DescribeConfigs (KIP-569)."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9

    @property
    def noun(self) -> str:
        """What to call a value of it in a message."""
        return _NOUNS[self]


_BITS: Final = {ConfigType.SHORT: 16, ConfigType.INT: 32, ConfigType.LONG: 64}

_NOUNS: Final = {
    ConfigType.BOOLEAN: "true or false",
    ConfigType.STRING: "a text",
    ConfigType.INT: "a whole number of 32 bits",
    ConfigType.SHORT: "a whole number of 16 bits",
    ConfigType.LONG: "a whole number of 64 bits",
    ConfigType.DOUBLE: "a number",
    ConfigType.LIST: "a list separated by commas",
    ConfigType.CLASS: "a class name",
    ConfigType.PASSWORD: "a text",
}


def parse_value(kind: ConfigType, text: str) -> Value:
    """The typed value of a text; spaces around it do not count, but for a secret of a file, which is taken as it is.

    :raises ValueError: when the text is no value of this type.
    """
    if kind is ConfigType.PASSWORD:
        return text if isinstance(text, Secret) else Secret(text.strip())
    text = text.strip()
    if kind is ConfigType.BOOLEAN:
        return _parse_boolean(text)
    if kind in _BITS:
        return _parse_integer(text, _BITS[kind])
    if kind is ConfigType.DOUBLE:
        return float(text)
    if kind is ConfigType.LIST:
        return tuple(item.strip() for item in text.split(",") if item.strip())
    return text


def _parse_boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise ValueError(text)
    return lowered == "true"


def _parse_integer(text: str, bits: int) -> int:
    # int() alone would also take "1_000" and other scripts' digits, which Kafka's tools do not.
    if not text.isascii() or "_" in text:
        raise ValueError(text)
    number = int(text)
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise ValueError(text)
    return number


def format_value(value: Value) -> str | None:
    """The text of a typed value, None for none; :func:`parse_value` of it is the value again."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


SHOWN_CHARACTERS: Final = 100
"""As much of what somebody wrote as a message repeats."""


def shown(text: str) -> str:
    """A text as part of a message of one line: control characters escaped, and not longer than helps."""
    if len(text) > SHOWN_CHARACTERS:
        text = f"{text[:SHOWN_CHARACTERS]}... ({len(text)} characters)"
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
