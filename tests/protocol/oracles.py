"""Two independent codecs to compare with: kio's writer and reader, and kafka-python's. They only ever see our own output."""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import io
import typing
import uuid
from typing import Any

from kafka.protocol import admin, consumer, metadata, producer, sasl
from kafka.protocol.api_message import ApiMessage
from kio.schema.errors import ErrorCode
from kio.schema.index import schema_name_map
from kio.serial import entity_reader, entity_writer
from kio.static.constants import EntityType

from chronik.protocol.message import Message, Struct

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def kio_classes() -> dict[tuple[str, int], type]:
    """kio's class of every message and version, headers excepted."""
    found = {}
    for versions in schema_name_map.values():
        for version, kinds in versions.items():
            for kind, path in kinds.items():
                if kind is not EntityType.header:
                    module, _, name = path.partition(":")
                    found[name, version] = getattr(importlib.import_module(module), name)
    return found


def to_kio(struct: Struct, cls: type) -> Any:
    """The same values as an instance of kio's class."""
    hints = typing.get_type_hints(cls)
    values = {}
    for field in dataclasses.fields(cls):
        name = field.name.rstrip("_")
        value = getattr(struct, name) if hasattr(struct, name) else getattr(struct, name + "_ms")
        values[field.name] = _kio_value(value, field.metadata.get("kafka_type"), hints[field.name])
    return cls(**values)


def _kio_value(value: Any, kafka_type: str | None, annotation: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, tuple):
        return tuple(_kio_value(element, kafka_type, annotation) for element in value)
    if kafka_type is None:
        return to_kio(value, _dataclass_in(annotation))
    if kafka_type == "error_code":
        return ErrorCode(value)
    if kafka_type in ("timedelta_i32", "timedelta_i64"):
        return datetime.timedelta(milliseconds=value)
    if kafka_type == "datetime_i64":
        return None if value == -1 else _EPOCH + datetime.timedelta(milliseconds=value)
    if kafka_type == "uuid":
        return uuid.UUID(bytes=value) if any(value) else None
    return value


def _dataclass_in(annotation: Any) -> type:
    if dataclasses.is_dataclass(annotation):
        return typing.cast(type, annotation)
    return next(found for argument in typing.get_args(annotation) if (found := _dataclass_in(argument)) is not None)


def kio_encode(message: Message, cls: type, version: int) -> bytes:
    """What kio's writer makes of the same values."""
    out = io.BytesIO()
    entity_writer(cls)(out, to_kio(message, cls))
    return out.getvalue()


def kio_decode(encoded: bytes, cls: type) -> Any:
    """What kio's reader makes of our bytes."""
    reader: Any = entity_reader(cls)
    return reader(encoded, 0)[0]


def kafka_python_recode(encoded: bytes, cls: Any, version: int) -> bytes:
    """What kafka-python makes of our bytes after decoding them."""
    message = cls.decode(encoded, version=version)
    message._header = None  # its decoder leaves this unset, its encoder looks at it
    recoded: bytes = message.encode(version=version)
    return recoded


def kafka_python_classes() -> dict[str, Any]:
    """kafka-python's request and response classes by name."""
    named = {name: getattr(module, name) for module in (admin, consumer, metadata, producer, sasl) for name in module.__all__}
    return {name: cls for name, cls in named.items() if isinstance(cls, type) and issubclass(cls, ApiMessage)}
