"""Make message classes, and their decoders and encoders, from the table.

Each (message, version) is compiled on first use. The sources are put in :mod:`linecache`, so that tracebacks show them.
"""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from typing import Any

from chronik.protocol.decoding import DecoderSource
from chronik.protocol.encoding import EncoderSource
from chronik.protocol.message import Decoder, Encoder, Message, Struct
from chronik.protocol.primitives import DecodeError, EncodeError
from chronik.protocol.schema import Field, MessageSchema, message_schema

__all__ = ["DecodeError", "EncodeError", "compile_decoder", "compile_encoder", "message_class"]


def _run(source: str, filename: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """What ``source`` defines."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace = dict(names)
    exec(compile(source, filename, "exec", dont_inherit=True), namespace)  # noqa: S102 - our own table is all that gets in
    return namespace


class _ClassMaker:
    """Makes the classes of one message."""

    def __init__(self, schema: MessageSchema) -> None:
        self._schema = schema
        self._classes: dict[str, type[Struct]] = {}

    def message(self) -> type[Message]:
        """The message's class, with those of its structs as attributes."""
        schema = self._schema
        for struct in schema.structs:
            self._struct(struct)
        cls = self._classes[schema.name]
        assert issubclass(cls, Message)
        for struct, inner in self._classes.items():
            if inner is not cls:
                setattr(cls, struct, inner)
        return cls

    def _struct(self, name: str) -> type[Struct]:
        made = self._classes.get(name)
        if made is None:
            made = self._classes[name] = self._make(name)
        return made

    def _make(self, name: str) -> type[Struct]:
        schema = self._schema
        fields = schema.structs[name]
        inner = {field.type: self._struct(field.type) for field in fields if field.is_struct}
        outermost = name == schema.name
        body: dict[str, Any] = {
            "__slots__": tuple(field.name for field in fields),
            "__module__": "chronik.protocol.messages",
            "__qualname__": name if outermost else f"{schema.name}.{name}",
            "_defaults": {field.name: self._default(field) for field in fields},
        }
        if outermost:
            body |= {
                "api_key": schema.api_key,
                "versions": schema.versions,
                "flexible_from": schema.flexible_from,
                "_classes": self._classes,
                "_decoders": {},
                "_encoders": {},
            }
        else:
            body |= inner
        body["__init__"] = self._initializer(name, fields, body["_defaults"])
        return type(name, (Message if outermost else Struct,), body)

    def _default(self, field: Field) -> Any:
        if field.is_struct and not field.array and field.nullable_from is None:
            return self._struct(field.type)()
        return field.default

    def _initializer(self, name: str, fields: tuple[Field, ...], defaults: Mapping[str, Any]) -> Any:
        arguments = "".join(f", {field.name}=D_{field.name}" for field in fields)
        lines = [f"def __init__(self{', *' if fields else ''}{arguments}):"]
        lines.extend(f" self.{field.name} = {field.name}" for field in fields)
        source = "\n".join((*lines, " return None", ""))
        names = {f"D_{field}": default for field, default in defaults.items()}
        return _run(source, f"<{self._schema.name}.{name}.__init__>", names)["__init__"]


def message_class(name: str) -> type[Message]:
    """Make the class of the message called ``name``, anew at each call; :mod:`chronik.protocol.messages` keeps them.

    :raises KeyError: there is no such message.
    """
    return _ClassMaker(message_schema(name)).message()


def _class_names(cls: type[Message]) -> dict[str, Any]:
    """The names by which generated sources call classes and defaults."""
    names: dict[str, Any] = {}
    for struct, made in cls._classes.items():
        names[f"C_{struct}"] = made
        names |= {f"D_{struct}_{field}": default for field, default in made._defaults.items()}
    return names


def compile_decoder(cls: type[Message], version: int) -> Decoder:
    """The function that decodes one message in one version; see :mod:`chronik.protocol.decoding`."""
    source = DecoderSource(message_schema(cls.__name__), version)
    text = source.text()
    decoder: Decoder = _run(text, f"<{cls.__name__} version {version}: decode>", source.names | _class_names(cls))["decode"]
    return decoder


def compile_encoder(cls: type[Message], version: int) -> Encoder:
    """The function that encodes one message in one version; see :mod:`chronik.protocol.encoding`."""
    source = EncoderSource(message_schema(cls.__name__), version)
    text = source.text()
    encoder: Encoder = _run(text, f"<{cls.__name__} version {version}: encode>", source.names | _class_names(cls))["encode"]
    return encoder
