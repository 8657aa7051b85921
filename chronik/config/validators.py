"""What a value must be beyond its type. A validator says in words what it expects, for messages and for the reference page."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from chronik.config.listeners import parse_listener, parse_protocol_map


@dataclass(frozen=True, slots=True)
class Validator:
    """A rule on a typed value.

    :ivar expected: completes "expected …".
    :ivar accepts: whether a value keeps the rule.
    """

    expected: str
    accepts: Callable[[Any], bool]


def at_least(low: int) -> Validator:
    """A number no smaller than ``low``."""
    return Validator(f"at least {low}", lambda value: bool(value >= low))


def between(low: float, high: float) -> Validator:
    """A number from ``low`` to ``high``, both included."""
    return Validator(f"between {low} and {high}", lambda value: bool(low <= value <= high))


def one_of(*choices: str) -> Validator:
    """One of a few words."""
    return Validator(f"one of {', '.join(choices)}", lambda value: value in choices)


def any_of(*choices: str) -> Validator:
    """A list of some of a few words, each at most once; it may be empty."""

    def accepts(value: tuple[str, ...]) -> bool:
        return set(value) <= set(choices) and len(set(value)) == len(value)

    return Validator(f"a list of {', '.join(choices)}, none twice", accepts)


def some_of(*choices: str) -> Validator:
    """A list of some of a few words, at least one and each at most once."""
    listed = any_of(*choices)
    return Validator(f"at least one of {', '.join(choices)}, none twice", lambda value: bool(value) and listed.accepts(value))


def word_of(*choices: str) -> Validator:
    """One of a few words, in any case."""
    return Validator(f"one of {', '.join(choices)}", lambda value: value.lower() in choices)


def only(choice: bool | int, reason: str) -> Validator:
    """The one value that can be had, and why not another."""
    return Validator(f"{str(choice).lower()}: {reason}", lambda value: value == choice)


def _is_throttle_list(value: tuple[str, ...]) -> bool:
    pairs = [item.split(":") for item in value]
    return value == ("*",) or all(len(pair) == 2 and all(part.isdigit() for part in pair) for pair in pairs)


def _is_address_counts(value: tuple[str, ...]) -> bool:
    for item in value:
        host, _, count = item.rpartition(":")
        try:
            ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return False
        if not count.isascii() or not count.isdigit():
            return False
    return True


def _parses(parse: Callable[[str], object]) -> Callable[[Any], bool]:
    def accepts(value: str | tuple[str, ...]) -> bool:
        try:
            for item in (value,) if isinstance(value, str) else value:
                parse(item)
        except ValueError:
            return False
        return True

    return accepts


NON_EMPTY: Final = Validator("something, not nothing", bool)
"""At least one item or character."""

GZIP_LEVEL: Final = Validator("between 1 and 9, or -1 for the usual one", lambda value: value == -1 or 1 <= value <= 9)
"""KIP-390's levels of gzip."""

THROTTLED_REPLICAS: Final = Validator("* or a list of partition:broker", _is_throttle_list)
"""Replicas whose replication is throttled (KIP-73)."""

ADDRESS_COUNTS: Final = Validator("a list of address:count, IPv6 addresses in brackets", _is_address_counts)
"""A number for each of some IP addresses."""

_ADDRESSES: Final = "a list of NAME://host:port, ports 0 to 65535"


def _connectable(text: str) -> None:
    if parse_listener(text).host in ("0.0.0.0", "::"):
        raise ValueError(f"nobody can connect to {text}")


def _http(text: str) -> None:
    if parse_listener(text).name not in ("HTTP", "HTTPS"):
        raise ValueError(f"{text} is neither HTTP nor HTTPS")


_LISTENER: Final = _parses(parse_listener)

LISTENERS: Final = Validator(f"{_ADDRESSES}, at least one", lambda value: bool(value) and _LISTENER(value))
"""Where to listen."""

ADVERTISED_LISTENERS: Final = Validator(f"{_ADDRESSES}, none of them 0.0.0.0 or [::]", _parses(_connectable))
"""What others connect to."""

HTTP_LISTENERS: Final = Validator(f"{_ADDRESSES}, NAME being HTTP or HTTPS", _parses(_http))
"""Where to listen for HTTP, if anywhere."""

PROTOCOL_MAP: Final = Validator("a list of NAME:PROTOCOL, protocols PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL", _parses(parse_protocol_map))
"""Security protocols by listener name."""
