"""Write the source of the function that decodes one message in one version.

The function is straight-line code: nested structs become nested loops, and a run of fixed fields together with the length or
count byte after it becomes one ``unpack_from``. It is ``decode(b, p, end, budget) -> (message, position)`` and may also raise
``struct.error``, ``IndexError`` or ``UnicodeDecodeError`` on bytes that end too early; the caller turns those into
:class:`~chronik.protocol.primitives.DecodeError`.

Reading a fixed field past ``end`` but inside the buffer is harmless: the position only grows, so the check of the next length,
or the last line, refuses it.
"""

from __future__ import annotations

from struct import calcsize
from typing import Any

from chronik.protocol import primitives
from chronik.protocol.schema import FIXED, Field, MessageSchema
from chronik.protocol.source import Source, run_name


class DecoderSource:
    """Builds the source of one decoder.

    :param schema: the message.
    :param version: a version of it.
    :ivar names: what the source refers to, except for the classes (``C_<struct>``) and their defaults (``D_<struct>_<field>``).
    """

    def __init__(self, schema: MessageSchema, version: int) -> None:
        self._schema = schema
        self._version = version
        self._flexible = schema.flexible(version)
        self._source = Source()
        self._run: list[tuple[str, str]] = []
        self._end = "end"
        self.names: dict[str, Any] = {
            name: getattr(primitives, name)
            for name in ("read_uvarint", "read_tag", "skip_tags", "null", "past_end", "too_many", "wrong_size", "too_long")
        }
        self.names["new"] = object.__new__

    def text(self) -> str:
        """The whole source."""
        line = self._source.line
        with self._source.block("def decode(b, p, end, budget):"):
            if any(field.type == "records" for rows in self._schema.structs.values() for field in rows):
                line("view = memoryview(b)")
            message = self._struct(self._schema.name, self._schema.name)
            self._flush()
            line(f"if p > end: past_end({self._schema.name!r})")
            line(f"return {message}, p")
        return self._source.text()

    def _struct(self, struct: str, path: str) -> str:
        """Read a struct; answers the variable that holds it."""
        values = {}
        for field in self._schema.fields(struct, self._version):
            values[field.name] = self._field(field, f"{path}.{field.name}")
        if self._flexible:
            values |= self._tags(struct, path)
        self._flush()
        made = self._source.variable()
        line = self._source.line
        line(f"{made} = new(C_{struct})")
        for field in self._schema.structs[struct]:
            line(f"{made}.{field.name} = {values.get(field.name, f'D_{struct}_{field.name}')}")
        return made

    def _field(self, field: Field, path: str) -> str:
        nullable = field.nullable(self._version)
        if field.array:
            return self._array(field, path, nullable)
        if field.is_struct:
            return self._nullable_struct(field, path) if nullable else self._struct(field.type, path)
        if field.type in FIXED:
            value = self._source.variable()
            self._fixed(FIXED[field.type], value)
            return value
        return self._sized(field.type, path, nullable)

    def _nullable_struct(self, field: Field, path: str) -> str:
        value, marker = self._source.variable(), self._source.variable()
        self._fixed("b", marker)
        self._flush()
        with self._source.block(f"if {marker} < {1 if field.tag is not None else 0}:"):
            self._source.line(f"{value} = None")
        with self._source.block("else:"):
            self._source.line(f"{value} = {self._struct(field.type, path)}")
        return value

    def _fixed(self, letter: str, variable: str) -> None:
        self._run.append((letter, variable))

    def _flush(self) -> None:
        """Read the fixed fields gathered so far."""
        if not self._run:
            return
        form = "".join(letter for letter, _ in self._run)
        variables = ", ".join(variable for _, variable in self._run)
        self._run.clear()
        if form == "B":
            self._source.line(f"{variables} = b[p]")
        else:
            name = run_name("U", form)
            self.names[name] = primitives.fixed_struct(form).unpack_from
            self._source.line(f"{variables}{',' if ',' not in variables else ''} = {name}(b, p)")
        self._source.line(f"p += {calcsize('>' + form)}")

    def _count(self, letter: str, *, plus_one: bool = True) -> str:
        """Read a length or count, compact or of the legacy type; null is negative."""
        count = self._source.variable()
        self._fixed("B" if self._flexible else letter, count)
        self._flush()
        if self._flexible:
            two_bytes = f"({count} & 127 | b[p] << 7, p + 1)"
            self._source.line(f"if {count} > 127: {count}, p = {two_bytes} if b[p] < 128 else read_uvarint(b, p, {count})")
            if plus_one:
                self._source.line(f"{count} -= 1")
        return count

    def _sized(self, kind: str, path: str, nullable: bool) -> str:
        """Read a string, bytes or records."""
        line = self._source.line
        value = self._source.variable()
        size = self._count("h" if kind == "string" else "i")
        with self._source.block(f"if {size} < 0:"):
            line(f"{value} = None" if nullable else f"null({path!r})")
        with self._source.block("else:"):
            stop = self._source.variable()
            line(f"{stop} = p + {size}")
            line(f"if {stop} > {self._end}: past_end({path!r})")
            if kind == "string":
                if self._flexible:
                    line(f"if {size} > {primitives.STRING_BYTES_MAX}: too_long({path!r})")
                line(f"{value} = b[p:{stop}].decode()")
            else:
                line(f"{value} = {'view' if kind == 'records' else 'b'}[p:{stop}]")
            line(f"p = {stop}")
        return value

    def _array(self, field: Field, path: str, nullable: bool) -> str:
        line = self._source.line
        value = self._source.variable()
        count = self._count("i")
        with self._source.block(f"if {count} > 0:"):
            smallest = self._schema.element_size_min(field, self._version)
            line(f"if {count} * {smallest} > {self._end} - p: past_end({path!r})")
            line(f"budget -= {count}")
            line(f"if budget < 0: too_many({path!r})")
            if field.type in FIXED and field.type != "uuid":
                self._numbers(field.type, value, count)
            else:
                self._elements(field, path, value, count)
        with self._source.block("else:"):
            line(f"if {count} < 0: {f'{value} = None' if nullable else f'null({path!r})'}")
            line(f"else: {value} = ()")
        return value

    def _numbers(self, kind: str, value: str, count: str) -> None:
        letter = FIXED[kind]
        codec = primitives.array_codec(letter)
        self.names[f"A_{letter}"] = codec.unpackers
        self.names[f"L_{letter}"] = codec.unpack
        line = self._source.line
        line(f"{value} = A_{letter}[{count}](b, p) if {count} < {primitives.ARRAY_COUNT_TABLED} else L_{letter}(b, p, {count})")
        line(f"p += {calcsize('>' + letter)} * {count}")

    def _elements(self, field: Field, path: str, value: str, count: str) -> None:
        line = self._source.line
        line(f"{value} = []")
        add = self._source.variable()
        line(f"{add} = {value}.append")
        with self._source.block(f"for _ in range({count}):"):
            element = self._field(field._replace(array=False, nullable_from=None), path)
            self._flush()
            line(f"{add}({element})")
        line(f"{value} = tuple({value})")

    def _tags(self, struct: str, path: str) -> dict[str, str]:
        """Read the tagged fields; answers their variables by name."""
        known = self._schema.tagged(struct, self._version)
        if not known:
            count = self._source.variable()
            self._fixed("B", count)
            self._flush()
            self._source.line(f"if {count}: p, budget = skip_tags(b, p, {self._end}, {count}, budget)")
            return {}
        count = self._count("", plus_one=False)
        values = {field.name: self._source.variable() for field in known}
        for field in known:
            self._source.line(f"{values[field.name]} = D_{struct}_{field.name}")
        with self._source.block(f"if {count}:"):
            self._known_tags(known, path, count, values)
        return values

    def _known_tags(self, known: tuple[Field, ...], path: str, count: str, values: dict[str, str]) -> None:
        line = self._source.line
        line(f"budget -= {count}")
        line(f"if budget < 0: too_many({path!r})")
        outer = self._end
        tag, stop = self._source.variable(), self._source.variable()
        with self._source.block(f"for _ in range({count}):"):
            line(f"{tag}, p, {stop} = read_tag(b, p, {outer})")
            self._end = stop
            for index, field in enumerate(known):
                with self._source.block(f"{'elif' if index else 'if'} {tag} == {field.tag}:"):
                    value = self._field(field, f"{path}.{field.name}")
                    self._flush()
                    line(f"if p != {stop}: wrong_size('{path}.{field.name}')")
                    line(f"{values[field.name]} = {value}")
            line(f"else: p = {stop}")
        self._end = outer
