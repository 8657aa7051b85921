"""Write the source of the function that encodes one message in one version.

The function is ``encode(o, out, marks)``: it appends what it writes to the list ``out``, and to ``marks`` the indexes in it of
what should stay a piece of its own. A run of fixed fields becomes one ``pack``, with the length or count after it folded in when
that is one byte, and an empty set of tagged fields is a pad byte in the next run.

It raises whatever :mod:`struct` and attribute access raise on values of a wrong type or range; the caller turns those into
:class:`~chronik.protocol.primitives.EncodeError`.
"""

from __future__ import annotations

from typing import Any

from chronik.protocol import primitives
from chronik.protocol.schema import FIXED, Field, MessageSchema
from chronik.protocol.source import Source, run_name


class EncoderSource:
    """Builds the source of one encoder.

    :param schema: the message.
    :param version: a version of it.
    :ivar names: what the source refers to, except for defaults (``D_<struct>_<field>``).
    """

    def __init__(self, schema: MessageSchema, version: int) -> None:
        self._schema = schema
        self._version = version
        self._flexible = schema.flexible(version)
        self._source = Source()
        self._run: list[tuple[str, str]] = []
        self._write = "w"
        self.names: dict[str, Any] = {
            name: getattr(primitives, name) for name in ("uvarint", "string_length", "plain_bytes", "plain_records", "wrong_id")
        }

    def text(self) -> str:
        """The whole source."""
        with self._source.block("def encode(o, out, marks):"):
            self._source.line("w = out.append")
            self._struct(self._schema.name, "o")
            self._flush()
        return self._source.text()

    def _struct(self, struct: str, value: str) -> None:
        for field in self._schema.fields(struct, self._version):
            variable = self._source.variable()
            self._source.line(f"{variable} = {value}.{field.name}")
            self._field(field, variable)
        if self._flexible:
            self._tags(struct, value)

    def _field(self, field: Field, value: str) -> None:
        nullable = field.nullable(self._version)
        if field.array:
            self._array(field, value, nullable)
        elif field.is_struct:
            if nullable:
                self._nullable_struct(field, value)
            else:
                self._struct(field.type, value)
        elif field.type in FIXED:
            self._fixed(field.type, value)
        else:
            self._sized(field.type, value, nullable)

    def _fixed(self, kind: str, value: str) -> None:
        if kind == "uuid":
            self._source.line(f"if len({value}) != 16: wrong_id({value})")
        self._run.append((FIXED[kind], value))

    def _pack(self, run: list[tuple[str, str]]) -> str:
        """An expression for the bytes of a run."""
        form = "".join(letter for letter, _ in run)
        name = run_name("P", form)
        self.names[name] = primitives.fixed_struct(form).pack
        return f"{name}({', '.join(value for letter, value in run if letter != 'x')})"

    def _flush(self) -> None:
        """Write the fixed fields gathered so far."""
        if self._run:
            self._source.line(f"{self._write}({self._pack(self._run)})")
            self._run = []

    def _count(self, count: str, letter: str, varint: str = "uvarint") -> None:
        """Write a length or count, and the run before it; a compact one is given plus one, so that 0 is null.

        Varints of one and two bytes go into the run: nearly all are.
        """
        line = self._source.line
        if not self._flexible:
            self._run.append((letter, count))
            self._flush()
            return
        run, self._run = self._run, []
        line(f"if {count} < 128: {self._write}({self._pack([*run, ('B', count)])})")
        line(f"elif {count} < 16384: {self._write}({self._pack([*run, ('B', f'{count} & 127 | 128'), ('B', f'{count} >> 7')])})")
        with self._source.block("else:"):
            if run:
                line(f"{self._write}({self._pack(run)})")
            line(f"{self._write}({varint}({count}))")

    def _length(self, count: str, value: str) -> str:
        return f"{count} = len({value}){' + 1' if self._flexible else ''}"

    def _null_or(self, value: str, count: str, nullable: bool, prepare: list[str]) -> None:
        """Prepare ``value`` and its ``count``; where null is allowed, for null too."""
        if not nullable:
            for text in prepare:
                self._source.line(text)
            return
        self._source.line(f"if {value} is None: {count} = {0 if self._flexible else -1}")
        with self._source.block("else:"):
            for text in prepare:
                self._source.line(text)

    def _sized(self, kind: str, value: str, nullable: bool) -> None:
        """Write a string, bytes or records."""
        line = self._source.line
        count, encoded = self._source.variable(), self._source.variable()
        if kind == "string":
            prepare = [f"{encoded} = {value}.encode()"]
        else:
            prepare = [f"{encoded} = {value} if {value}.__class__ is bytes else plain_{kind}({value})"]
        self._null_or(value, count, nullable, [*prepare, self._length(count, encoded)])
        self._count(count, "h" if kind == "string" else "i", "string_length" if kind == "string" else "uvarint")
        with self._source.block(f"if {count} > {1 if self._flexible else 0}:"):
            if kind != "string" and self._write == "w":
                line(f"if {count} > {primitives.BLOB_PIECE_BYTES} or {encoded}.__class__ is not bytes: marks.append(len(out))")
            line(f"{self._write}({encoded})")

    def _array(self, field: Field, value: str, nullable: bool) -> None:
        count = self._source.variable()
        self._null_or(value, count, nullable, [self._length(count, value)])
        self._count(count, "i")
        one = 1 if self._flexible else 0
        if field.type in FIXED and field.type != "uuid":
            letter = FIXED[field.type]
            codec = primitives.array_codec(letter)
            self.names[f"A_{letter}"] = codec.packers
            self.names[f"L_{letter}"] = codec.pack
            with self._source.block(f"if {count} > {one}:"):
                short = f"{count} < {primitives.ARRAY_COUNT_TABLED}"
                size = f"{count} - 1" if one else count
                self._source.line(f"{self._write}(A_{letter}[{size}](*{value}) if {short} else L_{letter}({value}))")
            return
        with self._source.block(f"if {count} > {one}:"):
            element = self._source.variable()
            with self._source.block(f"for {element} in {value}:"):
                self._field(field._replace(array=False, nullable_from=None), element)
                self._flush()

    def _nullable_struct(self, field: Field, value: str) -> None:
        # In a tag null would be 0, but it is the default there and never written.
        self._flush()
        with self._source.block(f"if {value} is None:"):
            self._run.append(("b", "-1"))
            self._flush()
        with self._source.block("else:"):
            self._run.append(("b", "1"))
            self._struct(field.type, value)
            self._flush()

    def _tags(self, struct: str, value: str) -> None:
        """Write the tagged fields that differ from their defaults."""
        line = self._source.line
        fields = self._schema.tagged(struct, self._version)
        if not fields:
            self._run.append(("x", ""))
            return
        given = []
        for field in fields:
            variable, differs = self._source.variable(), self._source.variable()
            default = f"D_{struct}_{field.name}"
            line(f"{variable} = {value}.{field.name}")
            if field.array and field.default == ():
                line(f"{differs} = {variable} is None or len({variable}) > 0")
            else:
                line(f"{differs} = {variable} is not {default} and {variable} != {default}")
            given.append((field, variable, differs))
        count = self._source.variable()
        line(f"{count} = {' + '.join(differs for _, _, differs in given)}")
        self._run.append(("B", count))
        self._flush()
        with self._source.block(f"if {count}:"):
            for field, variable, differs in given:
                with self._source.block(f"if {differs}:"):
                    self._tag(field, variable)

    def _tag(self, field: Field, value: str) -> None:
        outer = self._write
        pieces = self._source.variable()
        self._write = f"w{pieces}"
        self._source.line(f"{pieces} = []")
        self._source.line(f"{self._write} = {pieces}.append")
        self._field(field, value)
        self._flush()
        self._write = outer
        joined = self._source.variable()
        self._source.line(f"{joined} = b''.join({pieces})")
        self._source.line(f"{outer}({primitives.uvarint(field.tag or 0)!r} + uvarint(len({joined})) + {joined})")
