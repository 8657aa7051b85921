"""Values of the store as JSON objects, read with care: what stands there may be of a later release, or damaged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class MalformedValue(ValueError):
    """A value is not what its key says it is."""


class Fields:
    """The fields of a JSON object, each of the type asked for; whatever is of another type is a :class:`MalformedValue`."""

    def __init__(self, value: bytes | dict[str, Any]) -> None:
        if isinstance(value, bytes):
            try:
                value = json.loads(value)
            except ValueError as error:
                raise MalformedValue(f"not JSON: {error}") from None
        if not isinstance(value, dict):
            raise MalformedValue("not a JSON object")
        self.values: dict[str, Any] = value

    def text(self, name: str) -> str:
        """A string."""
        found = self.values.get(name)
        if not isinstance(found, str):
            raise MalformedValue(f"{name} is not a string")
        return found

    def integer(self, name: str) -> int:
        """A whole number."""
        return integer_of(self.values.get(name), name)

    def integers(self, name: str) -> tuple[int, ...]:
        """An array of whole numbers."""
        return tuple(integer_of(item, name) for item in self.array(name))

    def integers_if_any(self, name: str) -> tuple[int, ...]:
        """The same; empty where there is none."""
        return self.integers(name) if name in self.values else ()

    def array(self, name: str) -> list[Any]:
        """An array of anything."""
        found = self.values.get(name)
        if not isinstance(found, list):
            raise MalformedValue(f"{name} is not an array")
        return found

    def strings(self, name: str) -> list[str]:
        """An array of strings."""
        found = self.array(name)
        if not all(isinstance(item, str) for item in found):
            raise MalformedValue(f"{name} is not an array of strings")
        return found

    def texts(self, name: str) -> Mapping[str, str]:
        """An object of strings; empty where there is none."""
        return texts_of(self.values.get(name, {}), name)

    def objects(self, name: str) -> dict[str, Fields]:
        """An object of objects."""
        found = self.values.get(name)
        if not isinstance(found, dict):
            raise MalformedValue(f"{name} is not an object")
        return {key: Fields(value) for key, value in found.items()}


def integer_of(value: object, name: str) -> int:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedValue(f"{name} is not an integer")
    return value


def number_of(value: object, name: str) -> float:
    """A number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise MalformedValue(f"{name} is not a number")
    return float(value)


def texts_of(found: object, name: str) -> Mapping[str, str]:
    """An object of strings."""
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise MalformedValue(f"{name} is not an object of strings")
    return MappingProxyType(found)


def encode_fields(fields: Mapping[str, object]) -> bytes:
    """A JSON object, as short as can be."""
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
